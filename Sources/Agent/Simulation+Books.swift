// The books of a simulation: what was taken, and what a power cut may have taken from it.
//
// What must hold when everything has drained, for each stream:
//   - readings: what the Sampler took is what the broker received plus what tombstones count (less what came although
//     it had been told as lost);
//   - numbers: every number of every lane came or is named by a tombstone;
//   - except that a power cut may take what was younger than the loss window when it came: acquired, or sealed, after
//     the cut's *edge*. The edge is the loss window before the cut. What could not be written because the flash took
//     nothing, the runtime directory took nothing, or the process was away, cannot have been safe: then the edge is the
//     loss window before that began.
// Where a tombstone does not know how many readings it stands for (a damaged segment), the numbers alone must balance.

import Gateway
import KPIs
import Outbox
import SimulatedWorld
import World

/// What was taken in one stream, and what may be missing of it.
struct StreamBooks {
    /// How far it had come at some moment.
    struct Moment {
        var at: VirtualTime
        var taken: Int
        /// The last number of each lane.
        var sealed: [UInt64]
    }

    /// Readings that processes which have ended took.
    var takenBefore = 0
    /// Ascending in time; the first is the last one before everything that a power cut could take.
    var moments: [Moment] = []
    /// What a power cut may have taken.
    var mayLose = 0
    /// Numbers up to these were safe when the power went; nil: it has not gone.
    var safe: [UInt64]?

    var taken: Int { moments.last?.taken ?? 0 }
    var sealed: [UInt64] { moments.last?.sealed ?? [0, 0, 0, 0] }

    mutating func note(_ moment: Moment, forget edge: VirtualTime) {
        if let last = moments.last, last.taken == moment.taken, last.sealed == moment.sealed { return }
        moments.append(moment)
        while moments.count > 1, moments[1].at < edge { moments.removeFirst() }
    }

    mutating func cutPower(edge: VirtualTime) {
        let before = moments.last { $0.at <= edge }
        mayLose = taken - (before?.taken ?? 0)
        safe = before?.sealed ?? [0, 0, 0, 0]
    }
}

struct SimulationBooks {
    var streams: [String: StreamBooks] = [:]
    /// The stream of the process that runs, or ran last in this boot.
    var present: String?
    /// While the process was away, or its runtime directory took nothing: since when, and until when that counts.
    var heldUp: (since: VirtualTime, until: VirtualTime)?
}

extension Simulation {
    /// From the process's start, or room in its runtime directory, to everything due on flash.
    private static var catchingUp: Duration { .seconds(8) }

    /// What is older was safe from a power cut at this moment.
    private var edge: VirtualTime {
        let now = clock.elapsed
        var since = min(now, disk.troubleSince ?? now)
        if let (from, until) = books.heldUp, now <= until { since = min(since, from) }
        // A reading may be in the ring and the open batch for a batch age before it is sealed.
        return since + (.zero - site.outbox.lossWindow - .seconds(1))
    }

    private func noteHeldUp(from begin: VirtualTime, to end: VirtualTime) {
        let since = books.heldUp.map { $0.until >= begin ? $0.since : begin } ?? begin
        books.heldUp = (since, end + Self.catchingUp)
    }

    /// Remembers how far the process has come.
    func noteMoment() {
        guard process != nil else { return }
        if disk.isRuntimeFull { noteHeldUp(from: clock.elapsed, to: clock.elapsed + site.outbox.lossWindow) }
        let outbox = (
            stream: process!.courier.outbox.stream.description,
            sealed: Lane.allCases.map { process!.courier.outbox.lastSealed($0) }
        )
        books.present = outbox.stream
        var stream = books.streams[outbox.stream] ?? StreamBooks()
        let taken = stream.takenBefore + Int(process!.counts.taken)
        // Trouble that began long ago may reach back this far, and no further than the sampling has lasted.
        let kept = edge + .seconds(-30)
        stream.note(.init(at: clock.elapsed, taken: taken, sealed: outbox.sealed), forget: kept)
        books.streams[outbox.stream] = stream
    }

    /// The process ends: what comes later in its stream is another's.
    func noteEnd() {
        noteMoment()
        noteHeldUp(from: clock.elapsed, to: .distantFuture)
        if let present = books.present { books.streams[present]!.takenBefore = books.streams[present]!.taken }
    }

    /// A process has started: what was held up meanwhile is due on flash soon.
    func noteStart() {
        if let (since, _) = books.heldUp { books.heldUp = (since, clock.elapsed + Self.catchingUp) }
    }

    func notePowerCut() {
        if let present = books.present, books.streams[present]!.safe == nil {
            books.streams[present]!.cutPower(edge: edge)
        }
        books.present = nil
        books.heldUp = nil
    }

    var isFinished: Bool {
        guard process != nil, clock.elapsed >= samplingEnds else { return false }
        guard process!.counts.isFinished else { return false }
        return process!.courier.isDrained
    }

    func verdict(isComplete: Bool) -> SimulationVerdict {
        noteMoment()
        var audit = Audit()
        for message in broker.received {
            audit.take(
                BrokerMessage(topic: message.topic, payload: message.payload, isRetained: false),
                root: site.broker.topicRoot)
        }
        var result = SimulationVerdict()
        result.delivered = audit.delivered
        result.duplicates = audit.duplicates
        result.tombstoned = audit.tombstoned
        result.contributions = audit.contributions
        result.streams = books.streams.count
        for name in books.streams.keys.sorted() {
            guard let stream = books.streams[name] else { continue }
            result.taken += stream.taken
            let missing = stream.taken - audit.delivered(of: name) - audit.tombstoned(of: name)
            trace.note(
                "books",
                "stream \(name): taken \(stream.taken), delivered \(audit.delivered(of: name)), tombstoned "
                    + "\(audit.tombstoned(of: name)), may have lost \(stream.mayLose)")
            guard isComplete else { continue }
            if -missing > audit.deliveredAndTold(of: name) {
                result.problem = "stream \(name): \(-missing) readings too many were delivered or tombstoned"
            } else if missing > stream.mayLose, !audit.isUncounted(name, "readings") {
                result.problem = "stream \(name): \(missing) readings are missing, at most \(stream.mayLose) may be"
            } else {
                result.lostInPowerCuts += max(0, missing)
            }
            for lane in Lane.allCases {
                let last = (stream.safe ?? stream.sealed)[Int(lane.rawValue)]
                let absent = audit.missing(of: name, lane: lane.name, through: last, isDamage: disk.hasHadBadSectors)
                guard let first = absent.first else { continue }
                result.problem =
                    "stream \(name): \(lane.name) \(first) of \(last) is missing, and \(absent.count - 1) more"
            }
        }
        if isComplete, result.problem == nil { result.problem = kpiProblem(audit, result) }
        if isComplete, result.problem == nil { result.problem = sheetProblem(audit) }
        if result.problem == nil { result.problem = alarmProblem() }
        if let unreadable = audit.unreadable.first { result.problem = "a message against the contract: \(unreadable)" }
        return result
    }

    /// Water is counted twice, as readings and as contributions: without a power cut both say the same, to the pulse.
    private func kpiProblem(_ audit: Audit, _ result: SimulationVerdict) -> String? {
        guard let water = Indicator.named("en-en-ws-2c"), result.contributions > 0 else { return nil }
        let told = audit.sumsInMillionths["water.volume"] ?? 0
        let counted = Int64(clamping: audit.contributionSet.total(water).millilitres)
        trace.note("books", "water: readings tell \(told) ml, contributions \(counted) ml")
        let isWhole = result.tombstoned == 0
            && !books.streams.keys.contains { stream in
                audit.isUncounted(stream, "readings") || audit.isUncounted(stream, "contributions")
                    // A flash of 16 KiB has no room for the contributions of a long outage: told, and not in the sum.
                    || audit.hasGivenUp(of: stream, lane: "contributions")
            }
        if result.streams == 1, isWhole, told != counted {
            return "water: readings tell \(told) ml, contributions \(counted) ml"
        }
        // A power cut may take readings whose share of a contribution was delivered before; so may what is tombstoned.
        guard counted > told, result.lostInPowerCuts == 0, isWhole else { return nil }
        return "water: contributions tell more (\(counted) ml) than readings (\(told) ml)"
    }

    /// The day sheets of the last stream, if its clock settled in time for any, say what was taken in it, to the
    /// reading. A stream that ended before may not have had its last word: no more than what was taken.
    private func sheetProblem(_ audit: Audit) -> String? {
        for (name, stream) in books.streams.sorted(by: { $0.key < $1.key }) {
            let sheets = audit.daySheets.sheets.filter { Hex.text($0.key.stream) == name }.map(\.value)
            let told = sheets.reduce(0) { sum, sheet in sum + sheet.channels.reduce(0) { $0 + Int($1.taken) } }
            trace.note("books", "stream \(name): taken \(stream.taken), the day sheets say \(told)")
            if told > stream.taken {
                return "stream \(name): the day sheets say \(told) readings, \(stream.taken) were taken"
            }
            let isWhole = name == books.present && told > 0 && audit.tombstoned(of: name) == 0
                && !audit.isUncounted(name, "readings") && !audit.isUncounted(name, "contributions")
            if isWhole, told != stream.taken {
                return "stream \(name): \(stream.taken) readings were taken, the day sheets say \(told)"
            }
        }
        return nil
    }
}
