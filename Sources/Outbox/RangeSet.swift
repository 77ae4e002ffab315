// A cursor: which numbers of one stream and lane are acknowledged. Live goes before history, so it is no single number.
//
// Numbers are 1 ..< UInt64.max: whatever comes from outside (a checkpoint, a file's name) is checked before it comes
// here.

import World

/// Ascending, disjoint, never touching ranges; at most `rangesMax` of them.
public struct RangeSet: Equatable, Sendable {
    public static let rangesMax = 64
    public private(set) var ranges: [SequenceRange] = []

    public init() {}

    public var isEmpty: Bool { ranges.isEmpty }
    /// The room behind this many ranges is for live acknowledgements and losses: history waits until a gap has closed.
    static let historyRangesMax = 48
    /// No room for a range that touches none.
    public var isFull: Bool { ranges.count >= Self.rangesMax }
    /// History may only send what touches a range.
    public var holdsUpHistory: Bool { ranges.count >= Self.historyRangesMax }
    public var last: UInt64? { ranges.last?.last }

    public func contains(_ number: UInt64) -> Bool {
        guard let index = firstIndex(endingAtOrAfter: number) else { return false }
        return ranges[index].first <= number
    }

    public func covers(_ range: SequenceRange) -> Bool {
        guard let index = firstIndex(endingAtOrAfter: range.last) else { return false }
        return ranges[index].first <= range.first
    }

    /// The first number at or after `number` that is not in the set.
    public func firstMissing(from number: UInt64) -> UInt64 {
        guard let index = firstIndex(endingAtOrAfter: number), ranges[index].first <= number else { return number }
        return ranges[index].last + 1
    }

    /// Whether a number in the range, or just before or behind it, is in the set: adding it needs no range more.
    public func touches(_ range: SequenceRange) -> Bool {
        guard let index = firstIndex(endingAtOrAfter: range.first - 1) else { return false }
        return ranges[index].first <= range.last + 1
    }

    /// The first number in the set that is above `number`, which is not in it.
    public func first(after number: UInt64) -> UInt64? { ranges.first { $0.first > number }?.first }

    /// The last number in the set that is below `number`; 0: none.
    public func lastBelow(_ number: UInt64) -> UInt64 {
        guard let found = ranges.last(where: { $0.first < number }) else { return 0 }
        return min(found.last, number - 1)
    }

    /// Adds a range; false when it would need one range more than there is room for (the set is then unchanged).
    @discardableResult
    public mutating func insert(_ range: SequenceRange) -> Bool {
        var first = range.first, last = range.last
        var low = 0
        invariant(1 <= first && first <= last && last < .max, "numbers \(first) to \(last)")
        while low < ranges.count && ranges[low].last + 1 < first { low += 1 }
        var high = low
        while high < ranges.count && ranges[high].first <= last + 1 {
            first = min(first, ranges[high].first)
            last = max(last, ranges[high].last)
            high += 1
        }
        if low == high && isFull { return false }
        ranges.replaceSubrange(low..<high, with: CollectionOfOne(SequenceRange(first, last)))
        return true
    }

    /// The set without a range, but with what of it is in another one, as far as there is room.
    func without(_ range: SequenceRange, but kept: RangeSet) -> RangeSet {
        var rest = RangeSet()
        for own in ranges {
            if own.first < range.first { rest.insert(SequenceRange(own.first, min(own.last, range.first - 1))) }
            if own.last > range.last { rest.insert(SequenceRange(max(own.first, range.last + 1), own.last)) }
        }
        for other in kept.ranges where other.first <= range.last && range.first <= other.last {
            rest.insert(SequenceRange(max(other.first, range.first), min(other.last, range.last)))
        }
        return rest
    }

    private func firstIndex(endingAtOrAfter number: UInt64) -> Int? {
        var low = 0, high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < number { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count ? low : nil
    }
}

/// The cursors of one consumer: a `RangeSet` for each stream and lane that it has begun.
public struct Cursor: Equatable, Sendable {
    public struct Part: Equatable, Sendable {
        public var stream: StreamID
        public var lane: Lane
        public var acknowledged: RangeSet
    }
    public private(set) var parts: [Part] = []

    public init() {}

    public subscript(stream: StreamID, lane: Lane) -> RangeSet {
        parts.first { $0.stream == stream && $0.lane == lane }?.acknowledged ?? RangeSet()
    }

    public func contains(_ id: BatchID) -> Bool {
        for part in parts where part.stream == id.stream && part.lane == id.lane {
            return part.acknowledged.contains(id.sequence)
        }
        return false
    }

    @discardableResult
    public mutating func insert(_ range: SequenceRange, stream: StreamID, lane: Lane) -> Bool {
        for index in parts.indices where parts[index].stream == stream && parts[index].lane == lane {
            return parts[index].acknowledged.insert(range)
        }
        var set = RangeSet()
        set.insert(range)
        parts.append(Part(stream: stream, lane: lane, acknowledged: set))
        return true
    }

    /// Takes a range out again, but for what of it is in another set.
    mutating func takeBack(_ range: SequenceRange, but kept: RangeSet, stream: StreamID, lane: Lane) {
        for index in parts.indices where parts[index].stream == stream && parts[index].lane == lane {
            parts[index].acknowledged = parts[index].acknowledged.without(range, but: kept)
        }
    }

    /// Forgets streams of which nothing is stored any more.
    public mutating func keep(only isWanted: (StreamID) -> Bool) { parts.removeAll { !isWanted($0.stream) } }
}
