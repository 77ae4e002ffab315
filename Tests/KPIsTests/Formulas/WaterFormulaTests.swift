import KPIs
import Testing
import World

@Suite("Water and drainage")
struct WaterFormulaTests {
    @Test("V-WA-1: pulses of a meter are millilitres, and reverse pulses are taken off")
    func pulses() {
        let amount = WaterUse.millilitres(pulses: 1_234_567, perPulse: 10_000)
        #expect(amount == 12_345_670_000)
        #expect(WaterUse.millilitres(pulses: 100, reversePulses: 3, perPulse: 1_000) == 97_000)
        #expect(WaterUse.millilitres(pulses: .max, perPulse: 2) == nil)
        #expect(WaterUse.millilitres(pulses: .min, reversePulses: 1, perPulse: 1) == nil)
    }

    @Test("V-WA-2: litres for each inhabitant and day")
    func perCapita() {
        let day = 96_400_000.0 * 1_000
        let found = WaterUse.litresPerCapitaDay(millilitres: day, inhabitants: 412_000, days: 1)
        #expect(isClose(found, 233.980583, within: 5e-7))
        #expect(WaterUse.litresPerCapitaDay(millilitres: day, inhabitants: 0, days: 1) == nil)
        #expect(WaterUse.litresPerCapitaDay(millilitres: day, inhabitants: 1, days: 0) == nil)
    }

    @Test("V-WA-3: the loss is what was supplied and not billed")
    func loss() {
        #expect(WaterUse.lossPercent(supplied: 1_000_000, billed: 780_000) == 22)
        #expect(WaterUse.lossPercent(supplied: 0, billed: 780_000) == nil)
        #expect(WaterUse.lossPercent(supplied: 100, billed: 110) == -10)
        let each = WaterUse.lossPerConnectionDay(
            suppliedMillilitres: 1_000_000_000_000, billedMillilitres: 780_000_000_000, connections: 1_000, days: 365)
        #expect(isClose(each, 220_000.0 / 365_000, within: 1e-12))
        #expect(WaterUse.sharePercent(25, of: 200) == 12.5 && WaterUse.sharePercent(0, of: 0) == nil)
    }

    @Test("V-WA-4: leakage from the minimum night flow")
    func nightLeakage() {
        let leakage = NightFlow.leakage(cubicMetresPerHour: 8.4, connections: 500)
        #expect(isClose(leakage, 7.55, within: 1e-12))
        #expect(isClose(NightFlow.dailyLeakage(cubicMetresPerHour: leakage, hourDayFactor: 20), 151, within: 1e-9))
        #expect(isClose(NightFlow.dailyLeakage(cubicMetresPerHour: leakage, hourDayFactor: 24), 181.2, within: 1e-9))
    }

    @Test("V-WA-5: unavoidable losses of a network, and the leakage index")
    func leakageIndex() {
        let network = PipeNetwork(
            mainsKilometres: 120, connections: 9_000, servicePipesKilometres: 60, pressureMetres: 45)
        #expect(network.unavoidableLitresPerDay == 488_700)
        #expect(isClose(network.unavoidableCubicMetresPerYear, 178_375.5, within: 1e-6))
        let index = network.leakageIndex(realLossesCubicMetresPerYear: 620_000)
        #expect(isClose(index, 3.475814, within: 5e-7))
        let none = PipeNetwork(mainsKilometres: 0, connections: 0, servicePipesKilometres: 0, pressureMetres: 45)
        #expect(none.leakageIndex(realLossesCubicMetresPerYear: 1) == nil)
    }

    private static func spills(_ hours: [(Int64, Int64)]) -> Int64 {
        var count = SpillCount()
        for (from, to) in hours { _ = count.add(from: from * 3_600, to: to * 3_600) }
        return count.spills
    }

    @Test("V-WA-6: spills of three sequences of discharges")
    func spillCount() {
        #expect(Self.spills([(0, 2), (5, 6), (13, 14), (40, 41), (90, 91)]) == 4)
        #expect(Self.spills([(0, 30)]) == 2)
        #expect(Self.spills([(0, 1), (37, 38)]) == 2)
    }

    @Test("Spills at the borders of blocks: the end of a discharge is not part of it")
    func spillBorders() {
        #expect(Self.spills([(0, 12)]) == 1)
        #expect(Self.spills([(0, 13)]) == 2)
        #expect(Self.spills([(0, 1), (12, 13)]) == 2)
        #expect(Self.spills([(0, 1), (35, 36)]) == 2)
        #expect(Self.spills([(0, 1), (36, 37), (48, 49)]) == 3, "a new sequence begins with twelve hours")
        #expect(Self.spills([(0, 8_760)]) == 366)
        var count = SpillCount()
        let refused = [count.add(from: 5, to: 5), count.add(from: .min, to: 0), count.add(from: 0, to: .max)]
        #expect(refused == [false, false, false] && count.spills == 0)
    }

    /// Block by block, hour by hour.
    private static func spillsByBlocks(_ discharging: Set<Int64>, until end: Int64) -> Int64 {
        var spills: Int64 = 0
        var hour: Int64 = 0
        while hour < end {
            guard discharging.contains(hour) else {
                hour += 1
                continue
            }
            spills += 1
            hour += 12
            while (hour..<(hour + 24)).contains(where: discharging.contains) {
                spills += 1
                hour += 24
            }
            // The block without discharge ends the sequence.
            hour += 24
        }
        return spills
    }

    @Test("Spills of 10 000 random sequences equal a count block by block, however discharges are cut up")
    func spillModel() {
        for seed in UInt64(0)..<10_000 {
            var random = Random(seed: seed)
            var whole: [(Int64, Int64)] = []
            var cut: [(Int64, Int64)] = []
            var hours: Set<Int64> = []
            var hour: Int64 = 0
            for _ in 0...random.below(8) {
                hour += Int64(random.below(60))
                let length = Int64(1 + random.below(40))
                whole.append((hour, hour + length))
                for part in hour..<(hour + length) {
                    hours.insert(part)
                    cut.append((part, part + 1))
                }
                hour += length
            }
            let expected = Self.spillsByBlocks(hours, until: hour)
            #expect(Self.spills(whole) == expected && Self.spills(cut) == expected, "seed \(seed)")
        }
    }

    @Test("Several inlets are added interval by interval before the minimum is taken")
    func nightFlow() throws {
        // Each inlet has a quiet hour of its own; the zone has none as quiet as their sum.
        let first: [Int64?] = [100, 100, 100, 100, 900, 900, 900, 900]
        let second: [Int64?] = [900, 900, 900, 900, 150, 100, 100, 100]
        let zone = try #require(NightFlow.minimum(ofInlets: [first, second]))
        #expect(zone.millilitresPerHour == 4_000 && zone.firstInterval == 0 && zone.knownHours == 5 && zone.hours == 5)
        let parts = [first, second].compactMap { NightFlow.minimum(ofInlets: [$0])?.millilitresPerHour }
        #expect(parts.reduce(0, +) == 850)
    }

    @Test("An interval that one inlet lacks is not known, and hours with it do not count")
    func nightFlowGaps() throws {
        let gap: [Int64?] = [1, 1, nil, 1, 1, 1, 1, 9]
        let zone = try #require(NightFlow.minimum(ofInlets: [gap, Array(repeating: 5, count: 8)]))
        #expect(zone.knownHours == 2 && zone.firstInterval == 3 && zone.millilitresPerHour == 24)
        #expect(zone.cubicMetresPerHour == 24e-6)
        #expect(NightFlow.minimum(ofInlets: [gap, [1]]) == nil && NightFlow.minimum(ofInlets: []) == nil)
        #expect(NightFlow.minimum(ofInlets: [[1, nil, 1, 1, nil, 1, 1, nil]]) == nil)
        #expect(NightFlow.added([[.max], [1]]) == [nil])
        // An outlet to the next zone is negative.
        #expect(NightFlow.minimum(ofInlets: [[5, 5, 5, 5], [-2, -2, -2, -2]])?.millilitresPerHour == 12)
    }

    @Test("The night flow of a week is the second lowest of seven nights")
    func week() {
        #expect(NightFlow.ofLastNights([1, 70, 20, 60, 30, 50, 40, 80]) == 30)
        #expect(NightFlow.ofLastNights([9]) == 9 && NightFlow.ofLastNights([]) == nil)
    }

    @Test("Water that has not stood still for 24 hours is a leak; what is not known proves nothing")
    func leakAlarm() {
        let flowing = [Int64?](repeating: 1, count: 96)
        #expect(LeakAlarm.isLeaking(flowing) && LeakAlarm.isLeaking([0] + flowing))
        #expect(!LeakAlarm.isLeaking(Array(flowing.dropLast())))
        for index in [0, 40, 95] {
            var changed = flowing
            changed[index] = 0
            #expect(!LeakAlarm.isLeaking(changed))
            changed[index] = nil
            #expect(!LeakAlarm.isLeaking(changed))
        }
    }

    @Test("Drinking water complies up to both ends of a parameter's range, and not beyond")
    func drinkingWater() {
        let ends: [(DrinkingWater, Int64, Int64)] = [
            (.ph, 6_500, 9_500), (.conductivity, 0, 2_500_000), (.freeChlorine, 200, 5_000), (.turbidity, 0, 1_000),
        ]
        #expect(ends.map(\.0) == DrinkingWater.allCases)
        for (parameter, low, high) in ends {
            #expect(parameter.isCompliant(thousandths: low) && parameter.isCompliant(thousandths: high))
            #expect(!parameter.isCompliant(thousandths: low - 1) && !parameter.isCompliant(thousandths: high + 1))
        }
        #expect(DrinkingWater.compliantPercent(compliant: 199, samples: 200) == 99.5)
        #expect(DrinkingWater.compliantPercent(compliant: 0, samples: 0) == nil)
    }
}
