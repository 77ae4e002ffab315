// How a level went so far, as much of it as is needed to see that something happened: a threshold passed, a bin
// emptied, a space taken. Knows nothing of windows. Times are boottime nanoseconds.
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
    /// Emptyings only: where the fall began that the newest value is in. A fall is a run of values each of which is at
    /// least 5 % of full below the one before, so that two values tell where one ends.
    private(set) var top: Point?
    /// Emptyings only: the batch of the value before the top, which shows that the fall began there; 0: none.
    private var witness: UInt64 = 0

    /// An emptying takes no longer than that.
    static let emptyingNanoseconds: Int64 = 600_000_000_000

    /// The batch from which on all values are needed to go on; 0: no value yet tells how the level goes.
    func neededFrom(_ source: BindingFold.Source) -> UInt64 {
        source.countsEmptyings ? witness : newest?.seq ?? 0
    }

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
        guard before.value - point.value >= max(full / 20, 1) else {
            top = point
            witness = before.seq
            return false
        }
        let top = top ?? before
        self.top = top
        let isDeep = full >= 20 && point.value <= full / 5 && top.value - point.value >= full / 10 * 3
        let isQuick = point.nanoseconds &- top.nanoseconds <= Self.emptyingNanoseconds
        guard isDeep, isQuick else { return false }
        self.top = point
        return true
    }

    /// Goes on from a contribution.
    mutating func restore(newest: Point, top: Point?) {
        self.newest = newest
        self.top = top
        witness = newest.seq
    }

    /// Counts all moments from a zero that lies `nanoseconds` later.
    mutating func shift(by nanoseconds: Int64) {
        newest?.nanoseconds &-= nanoseconds
        top?.nanoseconds &-= nanoseconds
    }
}
