import Testing
import World

@testable import KPIs

@Suite("Emptied bins")
struct BinEmptyingTests {
    private typealias Sample = (second: Int64, percent: Int64)

    private static func emptyings(_ samples: [Sample]) -> Int {
        var bin = BinEmptying()
        return samples.count { bin.add(percent: $0.percent, atNanoseconds: $0.second * 1_000_000_000) }
    }

    @Test("A bin is emptied by a fall of 30 points within 10 minutes that ends at 20 % or below, and counts once")
    func bins() {
        #expect(Self.emptyings([(0, 80), (60, 5)]) == 1)
        #expect(Self.emptyings([(0, 80), (60, 40), (120, 18), (180, 3), (240, 2)]) == 1)
        #expect(Self.emptyings([(0, 50), (600, 20)]) == 1)
        #expect(Self.emptyings([(0, 50), (601, 20)]) == 0, "too slow")
        #expect(Self.emptyings([(0, 49), (60, 20)]) == 0, "too small a fall")
        #expect(Self.emptyings([(0, 90), (60, 21)]) == 0, "not empty")
        #expect(Self.emptyings([(0, 90), (60, 10), (3_600, 70), (3_700, 0)]) == 2)
        // A single echo that misses is a fall and no second one.
        #expect(Self.emptyings([(0, 30), (60, 0), (120, 30), (180, 29)]) == 1)
        #expect(Self.emptyings([(0, 900), (60, -5)]) == 1, "levels beyond the ends are the ends")
    }

    @Test("A fall counts however gradual it is, when it takes no longer than 10 minutes")
    func gradual() {
        var quick: [Sample] = [], slow: [Sample] = [], settling: [Sample] = []
        for step in Int64(0)...85 {
            quick.append((step * 5, 90 - step))
            slow.append((step * 30, 90 - step))
        }
        #expect(Self.emptyings(quick) == 1)
        #expect(Self.emptyings(slow) == 0, "20 points in 10 minutes")
        // A bin that settles for hours, and is emptied then.
        for minute in Int64(0)..<240 { settling.append((minute * 60, 90 - minute / 10)) }
        settling += [(14_400, 40), (14_460, 12), (14_520, 4)] as [Sample]
        #expect(Self.emptyings(settling) == 1)
    }

    /// The rule as its words have it, by a search through all values.
    private static func searched(_ samples: [Sample]) -> [Bool] {
        func highs(of place: Int) -> [Int] {
            guard samples[place].percent <= 20 else { return [] }
            return (0..<place).filter {
                samples[place].second - samples[$0].second <= 600
                    && samples[$0].percent - samples[place].percent >= 30
            }
        }
        let isLow = samples.indices.map { !highs(of: $0).isEmpty }
        return samples.indices.map { place in
            guard let newest = highs(of: place).last else { return false }
            return !isLow[newest..<place].contains(true)
        }
    }

    private static func random(_ random: inout Random) -> [Sample] {
        var second: Int64 = 0
        let pace = 1 + random.below(250)
        return (0..<80).map { _ in
            second += Int64(1 + random.below(pace))
            return (second, Int64(random.chance(1, in: 2) ? random.below(101) : random.below(60)))
        }
    }

    @Test("Emptyings of 2 000 random bins equal a search through all values", arguments: [UInt64(20), 21])
    func model(seed: UInt64) {
        var random = Random(seed: seed)
        for _ in 0..<1_000 {
            let samples = Self.random(&random)
            var bin = BinEmptying()
            let found = samples.map { bin.add(percent: $0.percent, atNanoseconds: $0.second * 1_000_000_000) }
            #expect(found == Self.searched(samples), "seed \(seed): \(samples)")
        }
    }

    @Test(
        "Whoever begins 20 minutes earlier, or goes on from the numbers, is where one is who saw all",
        arguments: 1...200)
    func beginsLater(seed: UInt64) {
        var random = Random(seed: seed)
        let samples = Self.random(&random)
        let begin = Int(random.below(40))
        var whole = BinEmptying(), late = BinEmptying()
        for (place, sample) in samples.enumerated() {
            let now = sample.second * 1_000_000_000
            let isEmptied = whole.add(percent: sample.percent, atNanoseconds: now)
            let numbers = whole.numbers(at: now)
            #expect(numbers.count <= 13 && BinEmptying(numbers: numbers, at: now) == whole, "seed \(seed)")
            guard place >= begin else { continue }
            let isSeen = late.add(percent: sample.percent, atNanoseconds: now)
            guard sample.second - samples[begin].second >= 1_200 else { continue }
            #expect(isSeen == isEmptied && late == whole, "seed \(seed): from \(begin) on, at \(place)")
        }
    }
}
