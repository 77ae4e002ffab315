// What the outbox commands reckon and write with: sets of numbers, dates.

import Testing
import World

@testable import Agent

@Suite("Numbers and words") struct WordingTests {
    @Test("A set of numbers is what a plain set says, whatever is put in and taken out", arguments: 1...50)
    func numberSet(_ seed: Int) {
        var random = Random(seed: UInt64(seed))
        var ranges = NumberSet()
        var plain: Set<UInt64> = []
        for _ in 0..<200 {
            let first = 1 + random.below(120), last = first + random.below(random.chance(1, in: 3) ? 30 : 2)
            switch random.below(4) {
            case 0:
                ranges.remove(SequenceRange(first, last))
                plain.subtract(first...last)
            case 1: #expect(ranges.insert(first) == plain.insert(first).inserted)
            default:
                ranges.insert(SequenceRange(first, last))
                plain.formUnion(first...last)
            }
            #expect(ranges.count == UInt64(plain.count), "seed \(seed)")
            #expect(ranges.first == plain.min() && ranges.last == plain.max(), "seed \(seed)")
            for number in UInt64(1)...160 where ranges.contains(number) != plain.contains(number) {
                Issue.record("seed \(seed): \(number) in \(ranges.text)")
            }
            for (range, next) in zip(ranges.ranges, ranges.ranges.dropFirst()) {
                #expect(range.last + 1 < next.first, "seed \(seed): ranges that touch are one")
            }
        }
    }

    @Test("Moments are written as RFC 3339 has them", arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_795_257_600, "2026-11-21T10:40:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    ])
    func moments(_ seconds: Int64, _ text: String) { #expect(utcText(UTC(seconds: seconds)) == text) }
}
