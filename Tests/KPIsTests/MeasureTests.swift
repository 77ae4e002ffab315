import KPIs
import Testing
import World

private func fold(_ binding: KPIBinding, _ values: [(second: Int64, value: Int64)], _ quality: Quality = .good)
    -> [Contribution]
{
    var recorder = Recorder()
    for (second, value) in values {
        recorder.record(channel: binding.channel.rawValue, at: second, value: value, quality: quality)
    }
    return KPIFolder.contributions([binding], recorder.batches(sizes: [2, 1])).newest
}

@Suite("Levels hold from reading to reading")
struct LevelTests {
    @Test(
        "10, 20, 5 and 40 from 0, 600, 1500 and 3000 s are 55 500 in an hour (V-TW-1)",
        arguments: [900, 3_600] as [Int64])
    func integral(window: Int64) throws {
        let found = fold(
            Fixture.air(window: window), [(0, 10), (600, 20), (1_500, 5), (3_000, 40), (3_700, 7)]
        ).filter { $0.at < 3_600 }
        let level = try #require(LevelState.joined(found.compactMap(\.level)))
        // In ng s/m3.
        #expect(level.integral == 55_500_000)
        #expect(level.seconds == 3_600)
        #expect(level.extremes == Extremes(least: 5_000, greatest: 40_000))
        #expect(found.allSatisfy { $0.isFinal && $0.unit == "ng_s/m3" && $0.coverage.validSeconds == window })
        #expect(found.count == Int(3_600 / window))
    }

    @Test("An hour with 45 of 60 samples is three quarters covered, and each hour is a window of its own (V-AQ-8)")
    func hourly() {
        var recorder = Recorder()
        for minute in Int64(0)..<121 {
            let isMissing = minute >= 60 && minute % 4 == 3
            recorder.record(
                channel: 10, at: minute * 60, value: minute < 60 ? 10 : 30, quality: isMissing ? .timedOut : .good)
        }
        let newest = KPIFolder.contributions([Fixture.air()], recorder.batches(sizes: [7])).newest
        #expect(newest.prefix(2).map(\.coverage.validSeconds) == [3_600, 2_700])
        #expect(newest[1].flag("timed_out") == 900)
        #expect(newest.prefix(2).map { ($0.level?.integral ?? 0) / ($0.level?.seconds ?? 1) } == [10_000, 30_000])
    }

    @Test("A level is held no longer than the binding says, over lost readings too")
    func hold() {
        var recorder = Recorder()
        recorder.record(channel: 10, at: 0, value: 1)
        recorder.record(channel: 10, at: 1_000, value: 2)
        recorder.lose(channel: 10, count: 3)
        recorder.record(channel: 10, at: 1_500, value: 4)
        recorder.restart()
        recorder.record(channel: 10, at: 1_600, value: 8)
        recorder.record(channel: 10, at: 1_650, value: 0)
        // 300 s of 1 and of 2, 100 of 4, 50 of 8.
        let held = KPIFolder.contributions([Fixture.air(hold: 300)], recorder.batches()).newest[0]
        #expect(held.level?.integral == 1_700_000)
        #expect(held.flag("missing") == 700)
        #expect(held.flag("lost") == 200)
        // Without a bound: 1,000 s of 1, 2 for its share of the time in which four readings were due, 50 s of 8.
        let unbound = KPIFolder.contributions([Fixture.air()], recorder.batches()).newest[0]
        #expect(unbound.level?.integral == 1_650_000)
        #expect(unbound.flag("lost") == 375)
        #expect(unbound.flag("missing") == 100)
    }

    @Test("A reading that cannot be used ends what held before it")
    func unusable() {
        var recorder = Recorder()
        recorder.record(channel: 10, at: 0, value: 5)
        recorder.record(channel: 10, at: 100, value: 900, quality: .outOfRange)
        recorder.record(channel: 10, at: 250, value: 7, quality: .calibrationExpired)
        recorder.record(channel: 10, at: 300, value: Int64.max)
        recorder.record(channel: 10, at: 340, value: 1)
        let window = KPIFolder.contributions([Fixture.air(hold: 600)], recorder.batches()).newest[0]
        #expect(window.level?.integral == 850_000)
        #expect(window.coverage.validSeconds == 150)
        #expect(window.coverage.flags.map(\.name) == ["calibration_expired", "out_of_range"])
        #expect(window.coverage.flags.map(\.seconds) == [50, 190])
    }

    @Test("Seconds beyond two thresholds, and how often the second was passed upward")
    func thresholds() {
        let found = fold(
            Fixture.drain(),
            [(0, 160), (100, 99), (200, 100), (350, 150), (400, 200), (500, 149), (600, 151), (650, 0)])
        #expect(found[0].level?.beyondFirst == 550)
        #expect(found[0].level?.beyondSecond == 300)
        // Who saw it rise to 160 counted it.
        #expect(found[0].level?.events == 2)
        #expect(found[0].unit == "m_s" && found[0].scale == -2)
        #expect(found[0].parameters == [.init("event", 1), .init("first", 100), .init("second", 150)])
        var below = Fixture.drain()
        below.method.countsBelow = true
        let dry = fold(below, [(0, 160), (100, 99), (200, 100), (300, 160)])
        #expect(dry[0].level?.beyondFirst == 100)
        #expect(dry[0].level?.beyondSecond == 200)
        #expect(dry[0].parameters.first == .init("below", 1))
    }

    /// From 85 % on one per cent a value.
    private static func fall(secondsForEach seconds: Int64) -> [(Int64, Int64)] {
        var values: [(Int64, Int64)] = []
        for step in Int64(0)...80 { values.append((step * seconds, 85 - step)) }
        return values
    }

    @Test(
        "A bin is emptied when it falls by 30 % of full within 10 minutes to at most 20 %, in however many values",
        arguments: [
            ([(0, 85), (60, 10)], 1), ([(0, 85), (60, 21)], 0), ([(0, 49), (60, 20)], 0), ([(0, 50), (60, 20)], 1),
            ([(0, 85), (601, 10)], 0), ([(0, 85), (600, 10)], 1), ([(0, 60), (60, 40), (120, 25), (180, 15)], 1),
            ([(0, 85), (60, 10), (120, 9), (180, 2)], 1), ([(0, 85), (60, 10), (90, 80), (120, 5)], 2),
            ([(0, 85), (500, 81), (900, 3)], 1), ([(0, 85), (300, 60), (601, 10)], 1),
            ([(0, 85), (300, 49), (601, 20)], 0), (fall(secondsForEach: 6), 1),
            (fall(secondsForEach: 30), 0), ([(0, 45), (300, 20), (500, 15), (550, 10), (560, 9)], 1),
            ([(0, 40), (30, 90), (60, 88), (90, 60), (120, 30), (150, 5)], 1),
        ] as [([(Int64, Int64)], Int64)])
    func emptying(values: [(Int64, Int64)], expected: Int64) {
        #expect(fold(Fixture.bin(), values)[0].level?.events == expected)
        let ratio = Fixture.bin(unit: "/", scale: -2)
        #expect(fold(ratio, values)[0].level?.events == expected)
    }

    @Test("A fault between two readings does not hide what happened meanwhile")
    func eventOverFault() {
        var recorder = Recorder()
        recorder.record(channel: 12, at: 0, value: 85)
        recorder.record(channel: 12, at: 60, value: 0, quality: .timedOut)
        recorder.record(channel: 12, at: 120, value: 4)
        let window = KPIFolder.contributions([Fixture.bin()], recorder.batches()).newest[0]
        #expect(window.level?.events == 1)
        #expect(window.level?.seconds == 60)
    }

    @Test("A level that does not fit closes its window early, as often as it takes")
    func overflow() {
        var binding = Fixture.drain()
        binding.method.event = .none
        let largest = Int64(1) << 53
        let found = fold(binding, [(0, 5), (600, largest), (3_700, largest + 1), (3_800, 5)])
        let inHour = found.filter { $0.at < 3_600 }
        #expect(inHour.count > 1)
        #expect(Set(inHour.map(\.at)).count == inHour.count)
        #expect(inHour.reduce(0) { $0 + $1.coverage.expectedSeconds } == 3_600)
        #expect(inHour.reduce(0) { $0 + $1.coverage.validSeconds } == 3_600)
        let whole = found.reduce(Int128(0)) { $0 + Int128($1.level?.integral ?? 0) }
        #expect(whole == Int128(5 * 600) + Int128(largest) * 3_100)
        #expect(found.last?.flag("out_of_range") == 100)
    }
}

@Suite("Sound adds by energy")
struct SoundTests {
    @Test("Seven one-second samples in two windows give the energies of the worked example (V-NO-3)")
    func energies() throws {
        // Four seconds to the border, three after it.
        let levels: [Int64] = [523, 548, 612, 580, 499, 504, 726]
        var values = levels.enumerated().map { (second: 896 + Int64($0.offset), value: $0.element) }
        values.append((903, 0))
        let found = fold(Fixture.noise(window: 900), values)
        #expect(found.map { $0.sound?.energy } == [2_421_033, 18_404_381])
        #expect(found.map { $0.sound?.seconds } == [4, 3])
        let later = try #require(found[1].sound)
        let joined = try #require(found[0].sound?.joined(with: later))
        #expect(joined.energy == 20_825_414)
        #expect(joined.histogram.occupied.map(\.bin) == levels.sorted().map(Int.init))
        #expect(found[0].sound?.extremes == Extremes(least: 523, greatest: 612))
        #expect(found[0].unit == "p0^2_s" && found[0].weight == Weight(.inhabitants, 1_200))
    }

    @Test("Every tenth of a decibel from 0 to 140 has its energy, rounded to the nearest whole number")
    func table() {
        var values = (Int64(0)...1_400).map { (second: $0, value: $0) }
        values.append((1_401, 0))
        // The sum of round(10^(n/100)), n = 0…1400, by decimal arithmetic with 60 digits.
        #expect(fold(Fixture.noise(), values)[0].sound?.energy == 4_393_136_699_428_010)
        var coarse = Fixture.noise()
        coarse.scale = 0
        #expect(fold(coarse, [(0, 60), (1, 0)])[0].sound?.energy == 1_000_000)
        coarse.scale = -2
        #expect(fold(coarse, [(0, 5_995), (1, 5_994), (2, 0)])[0].sound?.histogram.occupied.map(\.bin) == [599, 600])
    }

    @Test("An hour at 140 dB is added up exactly; above 140 dB is no level")
    func range() {
        let loud = fold(Fixture.noise(), [(0, 1_400), (3_600, 1_401), (3_700, 500), (3_701, 0)])
        #expect(loud.count == 2)
        let energy = loud.reduce(0) { $0 + Int128($1.sound?.energy ?? 0) }
        #expect(energy == Int128(100_000_000_000_000) * 3_600 + 100_000)
        #expect(loud.reduce(0) { $0 + $1.coverage.validSeconds } == 3_601)
        #expect(loud.last?.flag("out_of_range") == 100)
    }
}

@Suite("Exposure, samples, vehicles, spaces, assets")
struct SampleTests {
    @Test("1 V/m for 120 s and 2 V/m for 240 s are 1.7320508 V/m over six minutes (V-EM-2)")
    func fieldStrength() throws {
        let found = fold(Fixture.field(limit: 2_000), [(0, 1_000), (120, 2_000), (360, 100), (400, 0)])
        let exposure = try #require(found[0].exposure)
        #expect(exposure.square == 120 * 1_000_000 + 240 * 4_000_000 + 40 * 10_000)
        #expect(isClose((Double(exposure.square - 400_000) / 360).squareRoot() / 1_000, 1.7320508, within: 5e-8))
        // The mean square is three quarters of the limit's.
        #expect(exposure.worstQuotientPpm == 750_000)
        #expect(exposure.blocks == 1 && exposure.blocksAbove == 0)
        #expect(found[0].parameters == [.init("averaging_s", 360), .init("limit_mv", 2_000)])
    }

    @Test("A block is judged when three quarters of it are covered, and above when it is above at all")
    func blocks() {
        // 270 of 360 s at the limit, 269 s far above it, then a millivolt more than the limit.
        let binding = Fixture.field(limit: 1_000)
        var recorder = Recorder()
        recorder.record(channel: 14, at: 90, value: 1_000)
        recorder.record(channel: 14, at: 360, value: 0, quality: .timedOut)
        recorder.record(channel: 14, at: 451, value: 9_000)
        recorder.record(channel: 14, at: 720, value: 1_001)
        recorder.record(channel: 14, at: 1_080, value: 0)
        recorder.record(channel: 14, at: 3_600, value: 0)
        let found = KPIFolder.contributions([binding], recorder.batches()).newest
        #expect(found[0].exposure?.blocks == 9)
        #expect(found[0].exposure?.blocksAbove == 1)
        #expect(found[0].exposure?.worstQuotientPpm == 1_002_001)
    }

    @Test("Samples within what is allowed, both ends included")
    func compliance() {
        let found = fold(Fixture.acidity(), [(0, 649), (10, 650), (20, 950), (30, 951), (40, 700)])
        let extremes = Extremes(least: 649, greatest: 951)
        #expect(found[0].compliance == ComplianceState(samples: 5, compliant: 3, extremes: extremes))
        #expect(fold(Fixture.acidity(), [(0, 700)], .timedOut)[0].compliance?.samples == 0)
    }

    @Test("30, 50, 50 and 45 km/h are 344 000 ms per kilometre in all (V-TR-2)")
    func travelTime() {
        let found = fold(Fixture.road(), [(0, 30), (5, 50), (9, 50), (30, 45), (31, 0), (32, -4)])
        #expect(found[0].travel?.vehicles == 4)
        #expect(found[0].travel?.millisecondsPerKilometre == 344_000)
        #expect(found[0].travel?.speeds.occupied.map { "\($0.bin) \($0.count)" } == ["30 1", "45 1", "50 2"])
        #expect(found[0].flag("out_of_range") == 2)
        // 12.5 m/s are 45 km/h.
        let metres = fold(Fixture.road(unit: "m/s", scale: -1), [(0, 125)])
        #expect(metres[0].travel?.millisecondsPerKilometre == 80_000)
        #expect(metres[0].travel?.speeds.occupied.map(\.bin) == [45])
    }

    @Test("Of four spaces two are taken for an hour and one for half of it: 0.625 (V-TR-5)")
    func parking() throws {
        let bindings = (UInt16(20)..<24).map { Fixture.space(channel: $0) }
        var recorder = Recorder()
        for (channel, levels) in [[(0, 1)], [(0, 1)], [(0, 0), (1_800, 1)], [(0, 0)]].enumerated() {
            for (second, level) in levels + [(3_600, 0)] {
                recorder.record(channel: 20 + UInt16(channel), at: Int64(second), value: Int64(level))
            }
        }
        let found = KPIFolder.contributions(bindings, recorder.batches(sizes: [3])).filter { $0.isFinal && $0.at == 0 }
        #expect(found.count == 4)
        let occupied = found.reduce(0) { $0 + ($1.occupancy?.occupiedSeconds ?? 0) }
        #expect(Double(occupied) / (4 * 3_600) == 0.625)
        // Only what was seen to come.
        #expect(found.reduce(0) { $0 + ($1.occupancy?.arrivals ?? 0) } == 1)
    }

    @Test("A meter that is read is live for the time its readings cover")
    func presence() {
        let found = fold(Fixture.meter(), [(0, 1), (900, 1), (1_800, 2), (4_500, 1)])
        #expect(found.map { $0.presence?.liveSeconds } == [3_600, 900])
        #expect(found.map { $0.presence?.readings } == [3, 1])
        #expect(fold(Fixture.meter(), [(0, 1), (900, 1)], .busFault)[0].presence == PresenceState())
    }

    @Test("Class, certificate, uncertainty, tables and the local calendar travel with the value")
    func descriptions() throws {
        var binding = Fixture.noise()
        binding.instrument = .reference
        binding.certificateValidUntil = UTC(seconds: Fixture.hour + 3_600)
        binding.uncertainty = RelativeUncertainty(randomPpm: 10_000, systematicPpm: 5_000)
        binding.tables = ["conv": "eu-293"]
        var recorder = Recorder()
        for second in [0, 3_600, 7_200, 86_400] as [Int64] {
            recorder.record(channel: 13, at: second, value: 500)
            recorder.record(channel: 16, at: second, value: 50)
        }
        // 22:00 on a Saturday by a clock twelve hours ahead.
        let calendar = KPICalendar(zone: .fixed(offsetSeconds: 43_200), version: "2026a")
        var folder = KPIFolder(stream: 1, bindings: [binding, Fixture.road()], calendar: calendar)
        var found: [Contribution] = []
        for batch in recorder.batches() {
            folder.fold(batch)
            found += folder.taken(.windowEnds)
        }
        found += folder.taken(.provisional)
        let noise = found.newest.filter { $0.sensor == "noise" }
        #expect(noise[0].quality == .accurateMeasurement && noise[1].quality == .estimatedAssumptions)
        #expect(noise[0].instrument == .reference && noise[0].uncertainty == binding.uncertainty)
        #expect(noise[0].tables == ["conv": "eu-293", "tz": "2026a"])
        #expect(noise.prefix(3).map(\.period) == [.evening, .night, .night])
        #expect(noise.first?.localDay == "2026-11-21")
        #expect(noise.first { $0.at == 7_200 }?.localDay == "2026-11-22")
        #expect(found.newest.filter { $0.sensor == "road" }.allSatisfy { $0.period == .offPeak })
        // A Monday, 8:00.
        #expect(calendar.trafficPeriod(of: Fixture.hour + 34 * 3_600) == .peak)
        #expect(calendar.noisePeriod(of: Fixture.hour + 34 * 3_600) == .day)
        #expect(KPICalendar.utc.day(of: 1_709_164_800) == "2024-02-29")
        #expect(KPICalendar.utc.day(of: -1) == "1969-12-31")
    }
}
