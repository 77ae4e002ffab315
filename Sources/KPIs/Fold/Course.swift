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
    /// Emptyings only.
    private(set) var emptying = BinEmptying()
    /// Emptyings only: where values came, at least a minute apart; only the first may be older than the rule looks
    /// back. So at most 22.
    private var witnesses: [Witness] = []

    private struct Witness: Equatable, Sendable {
        var nanoseconds: Int64
        var seq: UInt64
    }

    private static let witnessEvery: Int64 = 60_000_000_000
    /// A full bin of fewer steps has no per cent to go by.
    private static let leastFull: Int64 = 20

    /// The batch from which on all values are needed to go on; 0: no value yet tells how the level goes.
    func neededFrom(_ source: BindingFold.Source) -> UInt64 {
        guard source.countsEmptyings else { return newest?.seq ?? 0 }
        guard let newest, let oldest = witnesses.first,
            newest.nanoseconds &- oldest.nanoseconds >= BinEmptying.reachNanoseconds
        else { return 0 }
        return oldest.seq
    }

    /// Takes a usable value; returns whether something happened with it.
    mutating func take(_ point: Point, of source: BindingFold.Source) -> Bool {
        let before = newest
        newest = point
        if case .level(let level) = source, level.event == .emptying { return isEmptied(by: point, full: level.full) }
        guard let before else { return false }
        switch source {
        case .occupancy: return before.value == 0 && point.value != 0
        case .level(let level):
            return level.event == .crossing && !level.isBeyond(level.second, before.value)
                && level.isBeyond(level.second, point.value)
        default: return false
        }
    }

    private mutating func isEmptied(by point: Point, full: Int64) -> Bool {
        if witnesses.last.map({ point.nanoseconds &- $0.nanoseconds >= Self.witnessEvery }) ?? true {
            witnesses.append(Witness(nanoseconds: point.nanoseconds, seq: point.seq))
        }
        while witnesses.count > 1, point.nanoseconds &- witnesses[1].nanoseconds >= BinEmptying.reachNanoseconds {
            witnesses.removeFirst()
        }
        guard full >= Self.leastFull else { return false }
        let percent = min(max(point.value, 0), full) * 100 / full
        return emptying.add(percent: percent, atNanoseconds: point.nanoseconds)
    }

    /// Bytes beside its own.
    var outlyingBytes: Int {
        emptying.highs.capacity * MemoryLayout<BinEmptying.High>.stride
            + witnesses.capacity * MemoryLayout<Witness>.stride
    }

    /// Goes on from a contribution.
    mutating func restore(newest: Point, emptying numbers: some Collection<Int64>) {
        self.newest = newest
        emptying = BinEmptying(numbers: numbers, at: newest.nanoseconds)
        witnesses = [
            Witness(nanoseconds: newest.nanoseconds &- BinEmptying.reachNanoseconds, seq: newest.seq)
        ]
    }

    /// Counts all moments from a zero that lies `nanoseconds` later.
    mutating func shift(by nanoseconds: Int64) {
        newest?.nanoseconds &-= nanoseconds
        emptying.shift(by: nanoseconds)
        for place in witnesses.indices { witnesses[place].nanoseconds &-= nanoseconds }
    }
}
