// How a level went so far, as much of it as is needed to see that something happened: a threshold passed, a bin emptied,
// a space taken. Knows nothing of windows. Times are boottime nanoseconds.
//
// It looks only at usable values: a fault between two of them does not hide that the level was low and is high now. At
// the first value nothing has happened: whoever saw it happen counts it.

struct Course: Equatable, Sendable {
    struct Point: Equatable, Sendable {
        var value: Int64
        var nanoseconds: Int64
        /// The batch that it came in.
        var seq: UInt64
    }

    /// The newest usable value.
    private(set) var newest: Point?
    /// Emptyings only: where the fall began that the newest value may be in; no value since was above the one before.
    private(set) var top: Point?

    /// An emptying takes no longer than that.
    static let emptyingNanoseconds: Int64 = 600_000_000_000

    /// The batch from which on all values are needed to go on.
    var neededFrom: UInt64? { top?.seq ?? newest?.seq }

    /// Takes a usable value; returns whether something happened with it.
    mutating func take(_ point: Point, of source: BindingFold.Source) -> Bool {
        defer { newest = point }
        guard let before = newest else { return false }
        switch source {
        case .occupancy: return before.value == 0 && point.value != 0
        case .level(let level):
            switch level.event {
            case .none: return false
            case .crossing:
                return !level.isBeyond(level.second, before.value) && level.isBeyond(level.second, point.value)
            case .emptying: return isEmptied(by: point, after: before, full: level.full)
            }
        default: return false
        }
    }

    /// A drop by at least 30 % of full, within 10 minutes, to at most 20 %.
    private mutating func isEmptied(by point: Point, after before: Point, full: Int64) -> Bool {
        if point.value > before.value {
            top = point
            return false
        }
        var top = top ?? before
        if point.nanoseconds &- top.nanoseconds > Self.emptyingNanoseconds { top = before }
        self.top = top
        guard full >= 10, point.nanoseconds &- top.nanoseconds <= Self.emptyingNanoseconds,
            point.value <= full / 5, top.value - point.value >= full / 10 * 3
        else { return false }
        self.top = point
        return true
    }

    /// Goes on from a contribution.
    mutating func restore(newest: Point, top: Point?) {
        self.newest = newest
        self.top = top
    }

    /// Counts all moments from a zero that lies `nanoseconds` later.
    mutating func shift(by nanoseconds: Int64) {
        newest?.nanoseconds &-= nanoseconds
        top?.nanoseconds &-= nanoseconds
    }
}
