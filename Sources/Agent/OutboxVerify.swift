// `cityedge outbox verify`: what is damaged, where, what it costs, and what the agent will do about it.

import LinuxWorld
import Outbox
import World

/// Fails (74) when something is damaged, and only then.
public func outboxVerify(_ place: OutboxPlace) throws(Failure) {
    let survey = try OutboxSurvey(StoredOutbox(place))
    if survey.stored.isNothing { throw Failure(.usage, survey.stored.nothingText) }
    let report = survey.damageReport
    for line in report { printLine(line) }
    for line in survey.notes { printLine(line) }
    let whole = survey.files.count { $0.totals.damages.isEmpty }
    printLine(
        "\(counted(UInt64(survey.files.count), "file")), \(whole) of them sound; "
            + "\(counted(survey.lanes.reduce(0) { $0 + $1.numbers.count }, "batch")) can be read")
    guard survey.isDamaged else { return }
    throw Failure(
        .disk, "\(place.state): damaged as told above; the agent starts all the same and delivers the rest; "
            + "to move the sound part elsewhere: cityedge outbox salvage --from \(place.state) --to FOLDER")
}

extension OutboxSurvey {
    /// A line for each damage: file, place, what is lost, what the agent will do.
    var damageReport: [String] {
        var lines: [String] = []
        for file in files {
            for damage in file.totals.damages {
                lines.append("\(file.segment.file): " + text(of: damage, in: file))
            }
        }
        if case .damaged = stored.checkpoint {
            lines.append(
                "checkpoint: neither of its two slots can be read; counters begin anew with an event, and what was "
                    + "acknowledged of files that are still there is delivered once more")
        }
        return lines
    }

    func text(of damage: Damage, in file: SurveyedFile) -> String {
        let bytes = damage.end - damage.offset
        var text = "bytes \(damage.offset) to \(damage.end - 1) of \(file.totals.bytes) are "
        if let reason = file.totals.unreadableReason {
            text += "damaged or cannot be read (\(reason))"
        } else if damage.isUndecodable {
            text += "a block whose content no version of this agent has written"
        } else {
            text += "damaged (\(bytes) bytes)"
        }
        let cost = cost(of: damage, in: file)
        let lane = file.segment.name.lane.name
        if !cost.numbers.isEmpty {
            text += "; lost: \(lane) \(cost.numbers.text) of stream \(file.segment.name.stream)"
            text += "; the agent delivers the rest and tells the loss by a tombstone"
        }
        if cost.isOpenEnded {
            text += "; how many numbers came behind \(max(damage.before, file.segment.name.first)) is not known; "
                + "the next stream's first event says that some may be missing"
        } else if cost.numbers.isEmpty {
            text += "; no number is lost by it (acknowledged, or stored elsewhere too); the agent passes over it"
        }
        return text
    }

    /// What is as it should be, but worth a word.
    var notes: [String] {
        var lines: [String] = []
        if case .sound(_, isOtherSlotTorn: true) = stored.checkpoint {
            lines.append("checkpoint: one of its two slots is torn, as a power cut leaves it; the other one counts")
        }
        for file in files {
            if file.totals.bytes == 0 {
                lines.append(
                    "\(file.segment.file): empty: a power cut left its name only; the agent removes it")
            }
            if file.totals.unknownBlocks > 0 {
                lines.append(
                    "\(file.segment.file): \(counted(UInt64(file.totals.unknownBlocks), "block")) of a later version "
                        + "or another owner; kept until that version runs again")
            }
            for hash in nameless(file) {
                lines.append(
                    "\(file.segment.file): nothing stored names the channels of configuration "
                        + "\(Hex.text(UInt64(hash), digits: 8)); only an agent with that configuration delivers these "
                        + "readings, any other gives them up with a tombstone")
            }
        }
        if !stored.strays.isEmpty {
            let shown = stored.strays.prefix(5).joined(separator: ", ") + (stored.strays.count > 5 ? ", …" : "")
            lines.append("not of an outbox, left alone: \(shown)")
        }
        if vanished > 0 {
            lines.append("\(counted(UInt64(vanished), "file")) removed meanwhile by the agent, as acknowledged")
        }
        return lines
    }
}
