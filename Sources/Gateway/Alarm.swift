// One alarm as a pure state machine: what the values of a channel or gauge make of its state. Integers only; no clock,
// no allocation; the Courier tells what changes.
//
// - Raised when values have been beyond the threshold for `hold`; cleared when they have been at `clear` or further off
//   for `clear_after`. Between the two nothing is judged: what was told last stands.
// - Judged are good values, estimated ones, and those whose calibration has expired. Any other reading neither raises
//   nor clears, and while the newest is such a one nothing runs out; the next that can be judged decides, counting from
//   where the condition began.
// - Times are those of the readings. A level that stays is judged when its time is over although no reading comes
//   (lines are driven by edges): `deadline`.
// - Without a value that can be judged for longer than the rule's patience the state is unknown. The next such value
//   brings back the state from before, or begins another.
// - At the start nothing is known, and a value between `clear` and the threshold tells nothing: whatever the process
//   before told holds on, as it would have without the restart.

public import World

public struct Alarm: Sendable {
    /// Nil before anything has been judged.
    public private(set) var state: AlarmRule.State?
    /// The last value that was judged.
    public private(set) var value: Int64?
    /// Of the newest reading; nil before the first.
    public private(set) var quality: Quality?
    /// Since when the condition of `state` has held; of `unknown`: when a value was judged last, if ever.
    public var since: Boottime? { state == .unknown ? (value == nil ? nil : lastJudged) : settled?.since }

    private let isAbove: Bool
    private let limit: Int64
    private let clearLimit: Int64
    // In nanoseconds: `Duration` counts in 128 bits, which cost a quarter of a judgement.
    private let hold: Int64
    private let clearAfter: Int64
    private let patience: Int64

    private var settled: (isRaised: Bool, since: Boottime)?
    private var pending: (isRaised: Bool, since: Boottime)?
    private var lastJudged: Boottime
    /// The newest reading could not be judged.
    private var isBlind = false
    private var isLost = false

    /// `from`: patience begins there.
    public init(_ rule: AlarmRule, from begin: Boottime) {
        isAbove = rule.side == .above
        limit = rule.limit
        clearLimit = rule.clearLimit
        hold = rule.hold.nanoseconds
        clearAfter = rule.clearAfter.nanoseconds
        patience = rule.patience.nanoseconds
        lastJudged = begin
    }

    /// When `step` wants to be called.
    public var deadline: Boottime {
        var due = Boottime.distantFuture
        if let pending, !isBlind { due = Self.later(pending.since, by: wait(pending.isRaised)) }
        if !isLost { due = min(due, Self.later(lastJudged, by: patience + 1)) }
        return due
    }

    /// Takes a reading, or a gauge's value; answers the state if that has changed.
    public mutating func judge(_ value: Int64, _ quality: Quality, at moment: Boottime) -> AlarmRule.State? {
        self.quality = quality
        switch quality {
        case .good, .estimated, .calibrationExpired: break
        default:
            isBlind = true
            return nil
        }
        // What the condition did in so long a gap nobody knows.
        if Self.nanoseconds(from: lastJudged, to: moment) > patience { pending = nil }
        isBlind = false
        isLost = false
        self.value = value
        lastJudged = max(lastJudged, moment)
        let isOver = isAbove ? value > limit : value < limit
        let isClear = isAbove ? value <= clearLimit : value >= clearLimit
        if isOver == isClear || settled?.isRaised == isOver {
            pending = nil
        } else {
            if pending?.isRaised != isOver { pending = (isOver, moment) }
            settleIfDue(at: moment)
        }
        return change()
    }

    /// Time has passed; answers the state if that has changed.
    public mutating func step(at now: Boottime) -> AlarmRule.State? {
        if !isBlind { settleIfDue(at: now) }
        if !isLost, Self.nanoseconds(from: lastJudged, to: now) > patience {
            isLost = true
            pending = nil
        }
        return change()
    }

    private func wait(_ isRaised: Bool) -> Int64 { isRaised ? hold : clearAfter }

    private mutating func settleIfDue(at moment: Boottime) {
        guard let due = pending, Self.nanoseconds(from: due.since, to: moment) >= wait(due.isRaised) else { return }
        settled = due
        pending = nil
    }

    private static func nanoseconds(from begin: Boottime, to end: Boottime) -> Int64 {
        end.nanoseconds &- begin.nanoseconds
    }

    private static func later(_ moment: Boottime, by nanoseconds: Int64) -> Boottime {
        Boottime(nanoseconds: moment.nanoseconds &+ nanoseconds)
    }

    private mutating func change() -> AlarmRule.State? {
        // What has never been settled stays unknown.
        let settledState = settled.map { $0.isRaised ? AlarmRule.State.raised : .cleared }
        guard let new = isLost ? .unknown : settledState, new != state else { return nil }
        state = new
        return new
    }
}
