// The delays between attempts: full jitter up to a bound that doubles.

import Testing
import World

@testable import Uplink

struct BackOffTests {
    @Test("The bound doubles to the cap and stays there, however often it is asked")
    func bound() {
        var random = Random(seed: 3)
        var backOff = BackOff(base: .seconds(1), cap: .seconds(300))
        for attempt in 0..<200 {
            let expected = Duration.seconds(attempt < 9 ? min(1 << attempt, 300) : 300)
            #expect(backOff.longestNext == expected, "attempt \(attempt)")
            #expect(backOff.next(&random) <= expected)
        }
        backOff.reset()
        #expect(backOff.longestNext == .seconds(1))
    }

    @Test("A thousand nodes that lose their broker together come back spread over the whole delay")
    func spread() {
        var buckets = Array(repeating: 0, count: 10)
        for node in 0..<1_000 {
            var random = Random(seed: UInt64(node))
            var backOff = BackOff(base: .seconds(10), cap: .seconds(300))
            buckets[min(9, Int(backOff.next(&random).nanoseconds / 1_000_000_000))] += 1
        }
        #expect(buckets.allSatisfy { (60...140).contains($0) }, "\(buckets)")
    }
}
