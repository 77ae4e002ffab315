// Numbers of batches as they are met in files: ranges, ascending, disjoint, never touching. As long as there are gaps,
// which is short: cursors have at most 64 ranges, and what is stored lies between them.

import World

struct NumberSet: Equatable {
    private(set) var ranges: [SequenceRange] = []

    var isEmpty: Bool { ranges.isEmpty }
    var count: UInt64 { ranges.reduce(0) { $0 &+ ($1.last - $1.first + 1) } }
    var first: UInt64? { ranges.first?.first }
    var last: UInt64? { ranges.last?.last }

    /// `1-12, 14`; not more than ten ranges of it.
    var text: String {
        let shown = ranges.prefix(10).map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
        return shown.joined(separator: ", ") + (ranges.count > 10 ? " and more" : "")
    }

    func contains(_ number: UInt64) -> Bool {
        let index = firstIndex(endingAtOrAfter: number)
        return index < ranges.count && ranges[index].first <= number
    }

    /// False when it was in the set before.
    @discardableResult
    mutating func insert(_ number: UInt64) -> Bool {
        guard !contains(number) else { return false }
        insert(SequenceRange(number, number))
        return true
    }

    mutating func insert(_ range: SequenceRange) {
        guard range.first <= range.last else { return }
        var first = range.first, last = range.last
        let low = first > 0 ? firstIndex(endingAtOrAfter: first - 1) : 0
        var high = low
        while high < ranges.count, ranges[high].first <= last &+ 1 {
            first = min(first, ranges[high].first)
            last = max(last, ranges[high].last)
            high += 1
        }
        ranges.replaceSubrange(low..<high, with: CollectionOfOne(SequenceRange(first, last)))
    }

    mutating func insert(_ others: NumberSet) { for range in others.ranges { insert(range) } }

    mutating func remove(_ range: SequenceRange) {
        let low = firstIndex(endingAtOrAfter: range.first)
        var high = low
        var rest: [SequenceRange] = []
        while high < ranges.count, ranges[high].first <= range.last {
            if ranges[high].first < range.first { rest.append(SequenceRange(ranges[high].first, range.first - 1)) }
            if ranges[high].last > range.last { rest.append(SequenceRange(range.last + 1, ranges[high].last)) }
            high += 1
        }
        ranges.replaceSubrange(low..<high, with: rest)
    }

    func subtracting(_ others: [SequenceRange]) -> NumberSet {
        var result = self
        for range in others { result.remove(range) }
        return result
    }

    private func firstIndex(endingAtOrAfter number: UInt64) -> Int {
        var low = 0, high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
