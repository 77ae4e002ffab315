// The algebra that every state must have, with random states; and the states that do not travel, by the vectors of
// the reference.

import KPIs
import Testing
import World

@Suite("States")
struct StateTests {
    /// 8 seeds × 9 types × 150 triples: 10,800 cases.
    @Test(
        "States join in any order and grouping, zero changes nothing: byte for byte",
        arguments: ContributionState.typeNames, 1...8 as ClosedRange<UInt64>)
    func algebra(type: String, seed: UInt64) {
        var random = Random(seed: seed)
        for round in 0..<150 {
            let a = random.state(type, seconds: 3_600)
            let b = random.state(type, seconds: 900)
            let c = random.state(type, seconds: 86_400)
            let case_ = "type \(type), seed \(seed), round \(round)"
            #expect(a.joined(with: b)?.canonicalBytes == b.joined(with: a)?.canonicalBytes, "\(case_)")
            let left = a.joined(with: b)?.joined(with: c)
            let right = b.joined(with: c).flatMap { a.joined(with: $0) }
            #expect(left != nil && left?.canonicalBytes == right?.canonicalBytes && left == right, "\(case_)")
            #expect(a.joined(with: .zero(type))?.canonicalBytes == a.canonicalBytes, "\(case_)")
            #expect(ContributionState.zero(type).joined(with: a) == a, "\(case_)")
        }
    }

    @Test("States of two types do not join", arguments: ContributionState.typeNames)
    func types(type: String) {
        for other in ContributionState.typeNames {
            #expect((ContributionState.zero(type).joined(with: .zero(other)) != nil) == (type == other))
        }
    }

    @Test("A sum that does not fit is no sum, whichever of the state's sums it is")
    func overflow() {
        let one = OutageTally(interruptions: 1, minimum: 1, maximum: 1)
        let full = OutageTally(interruptions: .max, minimum: .max, maximum: .max)
        func fullHistogram(_ count: Int64) -> Histogram {
            var histogram = Histogram()
            let fits = histogram.add(count, toBin: 7)
            #expect(fits)
            return histogram
        }
        let pairs: [(ContributionState, ContributionState)] = [
            (.sum(SumState(amount: .max)), .sum(SumState(amount: 1))),
            (.sum(SumState(amount: .min)), .sum(SumState(amount: -1))),
            (.outages(OutageState(upTo3: full)), .outages(OutageState(upTo3: one))),
            (.outages(OutageState(upTo5: full)), .outages(OutageState(upTo5: one))),
            (.outages(OutageState(over5: full)), .outages(OutageState(over5: one))),
            (.outages(OutageState(unclear: full)), .outages(OutageState(unclear: one))),
            (.outages(OutageState(open: .max)), .outages(OutageState(open: 1))),
            (.outages(OutageState(dark: .max)), .outages(OutageState(dark: 1))),
            (.level(LevelState(integral: .max, seconds: 0)), .level(LevelState(integral: 1, seconds: 0))),
            (.level(LevelState(integral: .min, seconds: 0)), .level(LevelState(integral: -1, seconds: 0))),
            (.level(LevelState(integral: 0, seconds: .max)), .level(LevelState(integral: 0, seconds: 1))),
            (
                .level(LevelState(integral: 0, seconds: 0, beyondFirst: .max)),
                .level(LevelState(integral: 0, seconds: 0, beyondFirst: 1))
            ),
            (
                .level(LevelState(integral: 0, seconds: 0, beyondSecond: .max)),
                .level(LevelState(integral: 0, seconds: 0, beyondSecond: 1))
            ),
            (
                .level(LevelState(integral: 0, seconds: 0, events: .max)),
                .level(LevelState(integral: 0, seconds: 0, events: 1))
            ),
            (.sound(SoundState(energy: .max, seconds: 0)), .sound(SoundState(energy: 1, seconds: 0))),
            (.sound(SoundState(energy: 0, seconds: .max)), .sound(SoundState(energy: 0, seconds: 1))),
            (
                .sound(SoundState(energy: 0, seconds: 0, histogram: fullHistogram(.max))),
                .sound(SoundState(energy: 0, seconds: 0, histogram: fullHistogram(1)))
            ),
            (.exposure(ExposureState(square: .max, seconds: 0)), .exposure(ExposureState(square: 1, seconds: 0))),
            (.exposure(ExposureState(square: 0, seconds: .max)), .exposure(ExposureState(square: 0, seconds: 1))),
            (
                .exposure(ExposureState(square: 0, seconds: 0, blocks: .max)),
                .exposure(ExposureState(square: 0, seconds: 0, blocks: 1))
            ),
            (
                .exposure(ExposureState(square: 0, seconds: 0, blocksAbove: .max)),
                .exposure(ExposureState(square: 0, seconds: 0, blocksAbove: 1))
            ),
            (
                .compliance(ComplianceState(samples: .max, compliant: 0)),
                .compliance(ComplianceState(samples: 1, compliant: 0))
            ),
            (
                .compliance(ComplianceState(samples: 0, compliant: .max)),
                .compliance(ComplianceState(samples: 0, compliant: 1))
            ),
            (
                .travel(TravelState(vehicles: .max, millisecondsPerKilometre: 0)),
                .travel(TravelState(vehicles: 1, millisecondsPerKilometre: 0))
            ),
            (
                .travel(TravelState(vehicles: 0, millisecondsPerKilometre: .max)),
                .travel(TravelState(vehicles: 0, millisecondsPerKilometre: 1))
            ),
            (
                .travel(TravelState(vehicles: 0, millisecondsPerKilometre: 0, speeds: fullHistogram(.max))),
                .travel(TravelState(vehicles: 0, millisecondsPerKilometre: 0, speeds: fullHistogram(1)))
            ),
            (
                .occupancy(OccupancyState(occupiedSeconds: .max, arrivals: 0)),
                .occupancy(OccupancyState(occupiedSeconds: 1, arrivals: 0))
            ),
            (
                .occupancy(OccupancyState(occupiedSeconds: 0, arrivals: .max)),
                .occupancy(OccupancyState(occupiedSeconds: 0, arrivals: 1))
            ),
            (
                .presence(PresenceState(liveSeconds: .max, readings: 0)),
                .presence(PresenceState(liveSeconds: 1, readings: 0))
            ),
            (
                .presence(PresenceState(liveSeconds: 0, readings: .max)),
                .presence(PresenceState(liveSeconds: 0, readings: 1))
            ),
        ]
        for (full, one) in pairs {
            #expect(full.joined(with: one) == nil && one.joined(with: full) == nil, "\(full)")
            #expect(full.joined(with: .zero(full.typeName)) == full)
        }
    }

    @Test("{12, 15, 11} and {20, 22, 19, 25}: n 7, S1 124, S2 2360, variance 1144/42 (V-MG-2)")
    func moments() throws {
        let one = try #require(Moments.of([12, 15, 11]))
        let other = try #require(Moments.of([20, 22, 19, 25]))
        for joined in [one.joined(with: other), other.joined(with: one), Moments.of([11, 12, 15, 19, 20, 22, 25])] {
            let joined = try #require(joined)
            #expect(joined.count == 7 && joined.total == 124 && joined.squares == 2_360)
            let variance = try #require(joined.variance)
            #expect(variance == (1_144, 42))
            #expect(isClose(joined.mean, 17.714_285_7, within: 1e-7))
        }
        #expect(Moments().mean == nil && Moments.of([5])?.variance == nil)
        // The largest values: their squares fit, and so do 2^64 of them; the variance of many need not.
        let extreme = try #require(Moments.of([.min, .max]))
        #expect(extreme.total == -1 && extreme.squares == (Int128(1) << 126) + Int128(Int64.max) * Int128(Int64.max))
        #expect(Moments.of([.min, .min]) == nil, "2^127 does not fit")
    }

    @Test("Weights 900, 900, 1800: mean 12.0, random 1.131923, with 0.8 systematic 1.386092 (V-MG-3)")
    func uncertainty() throws {
        // In tenths.
        let values: [(x: Int64, w: Int64, u: Int64)] = [(120, 900, 15), (140, 900, 15), (110, 1_800, 20)]
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            var parts: [UncertainMean] = []
            for index in order {
                var part = UncertainMean()
                let fits = part.add(
                    values[index].x, weight: values[index].w, random: values[index].u, systematic: index == 1 ? 8 : 3)
                #expect(fits)
                parts.append(part)
            }
            let joined = try #require(UncertainMean.joined(parts))
            #expect(joined.mean == 120)
            #expect(isClose(joined.randomUncertainty, 11.319_23, within: 1e-5))
            #expect(isClose(joined.uncertainty, 13.860_92, within: 1e-5))
        }
        #expect(UncertainMean().mean == nil && UncertainMean().uncertainty == nil)
        var full = UncertainMean()
        let fits = full.add(1, weight: .max, random: .max, systematic: 0)
        #expect(!fits && full == UncertainMean())
    }

    @Test("A meter's totals 100, 150, 30, 80, 80, 5 are 135, whoever saw which part of them (V-MG-4)")
    func counter() throws {
        let totals: [Int64] = [100, 150, 30, 80, 80, 5]
        let whole = try #require(MonotoneCounter.of(totals))
        #expect(whole.used == 135 && whole.epochs.count == 3)
        // One who stopped looking earlier, in any order and twice, adds nothing.
        for seen in 0...totals.count {
            let part = try #require(MonotoneCounter.of(Array(totals[..<seen])))
            #expect(part.joined(with: whole) == whole && whole.joined(with: part) == whole)
        }
        let wrapping = try #require(MonotoneCounter.of([65_500, 20, 65_000, 10], modulus: 65_536))
        #expect(wrapping.used == 56 + 64_980 + 546 && wrapping.epochs.count == 1)
        let replaced = try #require(MonotoneCounter.of([40_000, 20], modulus: 65_536))
        #expect(replaced.used == 20 && replaced.epochs.count == 2)
        #expect(MonotoneCounter.of([Int64.max - 1, 5], modulus: .max) == nil, "2^63 does not fit")
    }

    @Test("Extremes with moments, limits and assets: unions that do not care how often and in which order")
    func unions() throws {
        var random = Random(seed: 11)
        for round in 0..<1_000 {
            var extremes = [TimedExtremes(), TimedExtremes(), TimedExtremes()]
            var assets = [AssetUnion(), AssetUnion(), AssetUnion()]
            var limits = [Exceedances(), Exceedances(), Exceedances()]
            var seen: [(value: Int64, second: Int64)] = []
            var sizes: [String: Int64] = [:]
            for _ in 0..<random.below(12) {
                let part = Int(random.below(3))
                let value = random.number(in: -3...3)
                let second = random.number(in: 0...9)
                seen.append((value, second))
                extremes[part].add(value, at: second)
                let asset = "street \(random.below(4))"
                let size = random.number(in: 1...9)
                assets[part].add(asset, size: size)
                sizes[asset] = max(sizes[asset] ?? 0, size)
                let fits = limits[part].add(.init(count: 1, seconds: second), to: "eu-2008/\(random.below(2))")
                #expect(fits)
            }
            let least = seen.min { ($0.value, $0.second) < ($1.value, $1.second) }
            let greatest = seen.min { (-$0.value, $0.second) < (-$1.value, $1.second) }
            for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
                let joined = try #require(TimedExtremes.joined(order.map { extremes[$0] }))
                #expect(joined.least?.value == least?.value && joined.least?.second == least?.second, "round \(round)")
                #expect(joined.greatest?.value == greatest?.value && joined.greatest?.second == greatest?.second)
                #expect(joined.joined(with: extremes[0]) == joined)
                let union = try #require(AssetUnion.joined(order.map { assets[$0] }))
                #expect(union.sizes == sizes && union.joined(with: assets[1]) == union)
                #expect(union.total == Int128(sizes.values.reduce(0, +)) && union.count == sizes.count)
                let tallies = try #require(Exceedances.joined(order.map { limits[$0] })).tallies.values
                #expect(tallies.reduce(0) { $0 + $1.count } == Int64(seen.count))
                #expect(tallies.reduce(0) { $0 + $1.seconds } == seen.reduce(0) { $0 + $1.second })
            }
        }
        var full = Exceedances()
        let first = full.add(.init(count: .max, seconds: 0), to: "a")
        let second = full.add(.init(count: 1, seconds: 0), to: "a")
        #expect(first && !second && full.joined(with: full) == nil)
    }
}

extension Moments {
    fileprivate static func of(_ values: [Int64]) -> Moments? {
        var moments = Moments()
        for value in values where !moments.add(value) { return nil }
        return moments
    }
}

extension MonotoneCounter {
    fileprivate static func of(_ totals: [Int64], modulus: Int64? = nil) -> MonotoneCounter? {
        var counter = MonotoneCounter()
        for (second, total) in totals.enumerated()
        where !counter.observe(total, at: Int64(second), modulus: modulus) { return nil }
        return counter
    }
}
