// Keeps something that comes and goes from flooding the journal and the events.
//
// Changes are told one by one until there are too many: 5 within 10 min, or 20 within 6 h (a change every 3 min would
// pass the first rule for ever, 480 lines a day). From then on they are counted; the count is told once an hour; an
// hour without a change ends it. So one subject makes at most about 100 lines a day, whatever it does.

public import World

public struct FlapFilter: Sendable {
    public enum Verdict: Sendable, Equatable {
        /// Tell the change.
        case tell
        /// Tell that it is flapping, instead of the change.
        case beganFlapping(changes: UInt64)
        /// Say nothing: it is counted.
        case counted
    }

    public enum Report: Sendable, Equatable {
        case stillFlapping(changes: UInt64)
        /// An hour without a change: tell that, and the state that it has settled in.
        case ended
    }

    private static let short = (changes: 5, span: Duration.seconds(600))
    private static let long = (changes: 20, span: Duration.seconds(6 * 3_600))
    private static let reportEvery = Duration.seconds(3_600)

    /// When the last changes were, as a ring; never longer than `long.changes`.
    private var times: [Boottime] = []
    private var next = 0
    private var changesSinceReport: UInt64 = 0
    /// When the next report is due. Only while flapping.
    private var reportDue: Boottime?

    public init() {}

    public var isFlapping: Bool { reportDue != nil }

    /// When `step` wants to be called.
    public var deadline: Boottime { reportDue ?? .distantFuture }

    public mutating func change(at now: Boottime) -> Verdict {
        record(now)
        if reportDue != nil {
            changesSinceReport += 1
            return .counted
        }
        guard isExceeded(Self.short, now) || isExceeded(Self.long, now) else { return .tell }
        reportDue = now + Self.reportEvery
        changesSinceReport = 0
        return .beganFlapping(changes: UInt64(isExceeded(Self.short, now) ? Self.short.changes : Self.long.changes))
    }

    public mutating func step(at now: Boottime) -> Report? {
        guard let due = reportDue, now >= due else { return nil }
        let changes = changesSinceReport
        changesSinceReport = 0
        guard changes > 0 else {
            reportDue = nil
            return .ended
        }
        reportDue = now + Self.reportEvery
        return .stillFlapping(changes: changes)
    }

    private mutating func record(_ now: Boottime) {
        if times.count < Self.long.changes {
            times.append(now)
        } else {
            times[next] = now
        }
        next = (next + 1) % Self.long.changes
    }

    private func isExceeded(_ rule: (changes: Int, span: Duration), _ now: Boottime) -> Bool {
        guard times.count >= rule.changes else { return false }
        let oldest = times[(next - rule.changes + Self.long.changes) % Self.long.changes]
        return now - oldest <= rule.span
    }
}
