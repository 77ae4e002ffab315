// Faults that last: told at their first moment, then counted, so that no fault fills the journal (at most 200 lines a
// day, whatever it does).

import Outbox
import Uplink
import World

/// Losses for the journal, by reason: the first at once, what follows in one line an hour.
struct LossLines {
    private struct Line {
        var reason: String
        var count: UInt64 = 0
        var due: Boottime
    }

    private static let every = Duration.seconds(3_600)
    /// Reasons kept apart; what comes beyond is counted together.
    private static let reasonsMax = 4
    private var lines: [Line] = []

    var deadline: Boottime { lines.lazy.filter { $0.count > 0 }.map(\.due).min() ?? .distantFuture }

    /// Whether the loss is to have a line of its own; otherwise it is counted.
    mutating func isNews(_ count: UInt64, _ reason: String, at now: Boottime) -> Bool {
        lines.removeAll { $0.count == 0 && $0.due <= now }
        let isKnown = lines.contains { $0.reason == reason }
        let name = isKnown || lines.count < Self.reasonsMax ? reason : "other reasons"
        if let index = lines.firstIndex(where: { $0.reason == name }) {
            lines[index].count &+= count
            return false
        }
        lines.append(Line(reason: name, due: now + Self.every))
        return true
    }

    /// A line that is due, once an hour for each reason.
    mutating func step(at now: Boottime) -> String? {
        guard let index = lines.firstIndex(where: { $0.count > 0 && $0.due <= now }) else { return nil }
        let count = lines[index].count
        lines[index].count = 0
        lines[index].due = now + Self.every
        return "\(count) more given up in the last hour: \(lines[index].reason)"
    }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    mutating func tellFaults() {
        tellDisk()
        while let text = lossLines.step(at: now) { journal.append(JournalLine(.warning, text)) }
        if case .ended? = clockFlaps.step(at: now) {
            journal.append(JournalLine(.notice, "clock: no longer stepping"))
        }
    }

    /// What `tellFaults` has to do though nothing happens.
    var faultDeadline: Boottime { min(lossLines.deadline, diskFlaps.deadline, clockFlaps.deadline) }

    /// The event is the caller's: the city needs each.
    mutating func journalStep(by: Duration) {
        switch clockFlaps.change(at: now) {
        case .tell: journal.append(JournalLine(.warning, "clock stepped by \(by)"))
        case .beganFlapping: journal.append(JournalLine(.warning, "clock: steps again and again, not told from now on"))
        case .counted: break
        }
    }

    private mutating func tellDisk() {
        if outbox.diskState != seenDisk {
            seenDisk = outbox.diskState
            switch diskFlaps.change(at: now) {
            case .tell: tellDiskState()
            case .beganFlapping(let changes):
                event(EventItem.flapping("flash", .began, changes: changes))
                journal.append(JournalLine(.warning, "flash: flapping, counted from now on"))
            case .counted: break
            }
        }
        switch diskFlaps.step(at: now) {
        case .stillFlapping(let changes):
            event(EventItem.flapping("flash", .still, changes: changes))
            journal.append(JournalLine(.notice, "flash: \(changes) changes in the last hour"))
        case .ended:
            event(EventItem.flapping("flash", .ended, changes: 0))
            tellDiskState()
        case nil: break
        }
    }

    private mutating func tellDiskState() {
        switch seenDisk {
        case .fine:
            event(EventItem.disk(.ok))
            journal.append(JournalLine(.notice, "flash: works again"))
        case .failing(let fault):
            let (state, reason): (EventItem.DiskState, String) =
                switch fault {
                case .full: (.full, "no space left")
                case .readOnly: (.readOnly, "mounted read-only")
                case .noSuchFile: (.failed, "a file is missing")
                case .notPermitted: (.failed, "not permitted")
                case .failed(let errno): (.failed, "errno \(errno)")
                }
            event(EventItem.disk(state, reason: reason))
            journal.append(JournalLine(.error, "flash: \(reason); readings stay in memory and are published live"))
        }
    }
}
