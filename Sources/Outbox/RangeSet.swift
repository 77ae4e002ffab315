// A cursor: which numbers of one stream and lane are acknowledged. Live goes before history, so it is no single number.

import World

/// Ascending, disjoint, never touching ranges; at most `rangesMax` of them.
public struct RangeSet: Equatable, Sendable {
    public static let rangesMax = 64
    public private(set) var ranges: [SequenceRange] = []

    public init() {}

    public var isEmpty: Bool { ranges.isEmpty }
    /// No room for a range that touches none: new history sends wait until acknowledgements close a gap.
    public var isFull: Bool { ranges.count >= Self.rangesMax }
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

    /// Adds a range; false when it would need one range more than there is room for (the set is then unchanged).
    @discardableResult
    public mutating func insert(_ range: SequenceRange) -> Bool {
        var first = range.first, last = range.last
        var low = 0
        while low < ranges.count && ranges[low].last &+ 1 < first { low += 1 }
        var high = low
        while high < ranges.count && ranges[high].first <= (last == .max ? last : last + 1) {
            first = min(first, ranges[high].first)
            last = max(last, ranges[high].last)
            high += 1
        }
        if low == high && isFull { return false }
        ranges.replaceSubrange(low..<high, with: CollectionOfOne(SequenceRange(first, last)))
        return true
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

    /// Forgets streams of which nothing is stored any more.
    public mutating func keep(only isWanted: (StreamID) -> Bool) { parts.removeAll { !isWanted($0.stream) } }
}
