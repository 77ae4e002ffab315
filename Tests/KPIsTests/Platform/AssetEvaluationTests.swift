import KPIs
import Testing

@Suite("Unions, traffic and supporting metrics from contributions")
struct AssetEvaluationTests {
    private func live(_ seconds: Int64) -> ContributionState {
        .presence(PresenceState(liveSeconds: seconds, readings: seconds / 60))
    }

    @Test("A stretch that two nodes watch counts once, by its greatest length; what is mostly dead does not count")
    func union() throws {
        var fixture = CityFixture()
        for (node, segment, metres, seconds) in [
            ("a", "s1", 700, 3_600), ("b", "s1", 800, 200), ("c", "s2", 200, 1_800), ("d", "s3", 5_000, 1_799),
        ] as [(String, String, Int64, Int64)] {
            fixture.add(
                "ec-ict-ws-2a", node: node, state: live(seconds), labels: [.segment: segment], weight: metres,
                valid: seconds)
        }
        let figure = try #require(
            fixture.evaluation(city(totals: ["ec-ict-ws-2a": 4_000])).figure("ec-ict-ws-2a"))
        #expect(figure.value == 25)
        #expect(figure.numerator?.text == "1000")
        #expect(figure.notes.contains("1 assets were live for less than 50 % of their time"))
        #expect(figure.notes.contains("1 assets have several lengths: the longest counts"))
    }

    @Test("An asset that came late is held against its own time; one that fell silent against all of it")
    func deployment() throws {
        var fixture = CityFixture()
        for (meter, hours) in [("late", 20..<24), ("silent", 0..<4)] as [(String, Range<Int64>)] {
            for hour in hours {
                fixture.add("ec-ict-ws-1c", node: meter, at: hour * 3_600, state: live(3_600), labels: [.meter: meter])
            }
        }
        let evaluation = fixture.evaluation(days: 1, city(totals: ["ec-ict-ws-1c": 10]))
        #expect(evaluation.figure("ec-ict-ws-1c")?.value == 10)
    }

    @Test("Of streets only arterials and highways are monitored for the indicator")
    func streets() throws {
        var fixture = CityFixture()
        for (segment, roadClass) in [("a", "arterial"), ("h", "highway"), ("l", "local")] {
            fixture.add(
                "ec-ict-t-2c", node: segment, state: live(3_600), labels: [.segment: segment, .roadClass: roadClass],
                weight: 1_000)
        }
        let figure = try #require(fixture.evaluation(city(totals: ["ec-ict-t-2c": 8_000])).figure("ec-ict-t-2c"))
        #expect(figure.value == 25)
    }

    @Test("A site complies when its bands' worst quotients add up to at most 1, over enough of the time")
    func exposure() throws {
        var fixture = CityFixture()
        func add(_ site: String, _ series: String, _ worst: Int64, node: String = "n", seconds: Int64 = 3_600) {
            fixture.add(
                "en-en-eq-1c", node: node, seconds: 3_600,
                state: .exposure(ExposureState(square: 1, seconds: seconds, worstQuotientPpm: worst, blocks: 10)),
                sensor: site, series: series, labels: [.site: site], valid: seconds)
        }
        add("mast-1", "900", 400_000)
        add("mast-1", "900", 300_000, node: "m")
        add("mast-1", "1800", 600_000)
        add("mast-2", "900", 400_000)
        add("mast-2", "1800", 600_001)
        add("mast-3", "900", 10, seconds: 2_699)
        let figure = try #require(fixture.evaluation().figure("en-en-eq-1c"))
        #expect(figure.value == 50)
        #expect(figure.denominator?.text == "2")
        #expect(figure.notes.contains("1 sites were measured for less than 75 % of the period"))
    }

    @Test("312 s at peak over 240 s free is 1.3; weighed by distance travelled the city's index is 1.244444 (V-TR-3)")
    func travelTime() throws {
        var fixture = CityFixture()
        // Free flow 60 km/h: a minute a kilometre.
        for (segment, metres, peak) in [("a", 1_000, 78_000), ("b", 3_000, 66_000), ("c", 500, 120_000)]
            as [(String, Int64, Int64)]
        {
            var speeds = Histogram()
            for bin in 51...60 { _ = speeds.add(bin <= 59 ? 1 : 2, toBin: bin) }
            for (period, time, histogram) in [(Period.peak, peak, Histogram()), (.offPeak, 61_000, speeds)] {
                fixture.add(
                    "ec-i-t-5a", node: segment, at: period == .peak ? 0 : 3_600,
                    state: .travel(
                        TravelState(vehicles: 1_000, millisecondsPerKilometre: time * 1_000, speeds: histogram)),
                    labels: [.segment: segment], weight: metres
                ) { $0.period = period }
            }
        }
        let evaluation = fixture.evaluation()
        #expect(evaluation.figure("ec-i-t-5a", "segment a")?.value == 1.3)
        #expect(isClose(evaluation.figure("ec-i-t-5a")?.value, 1.244444, within: 1e-6))
        #expect(evaluation.figure("ec-i-t-5a")?.notes == ["good"])
    }

    @Test("Speeds 30, 50, 50, 45 are 41.860465 km/h in space (V-TR-2), however many nodes saw them")
    func speed() throws {
        var fixture = CityFixture()
        for (node, times) in [("a", [120_000, 72_000]), ("b", [72_000, 80_000])] as [(String, [Int64])] {
            fixture.add(
                "x-speed", node: node,
                state: .travel(TravelState(vehicles: 2, millisecondsPerKilometre: times.reduce(0, +))))
        }
        let figure = try #require(fixture.evaluation().figure("x-speed", "space-mean speed"))
        #expect(isClose(figure.value, 41.860465, within: 5e-7))
    }

    @Test("Four spots, two full for an hour and one for half of it, are 0.625 occupied (V-TR-5)")
    func parking() throws {
        var fixture = CityFixture()
        for (index, occupied) in ([3_600, 3_600, 1_800, 0] as [Int64]).enumerated() {
            fixture.add(
                "x-parking", node: "n\(index)", state: .occupancy(OccupancyState(occupiedSeconds: occupied, arrivals: 1)))
        }
        let evaluation = fixture.evaluation()
        #expect(evaluation.figure("x-parking", "occupancy")?.value == 0.625)
        #expect(evaluation.figure("x-parking", "turnover")?.value == 1)
    }

    @Test("A month of daily counts is a mean of weekdays' means: 1030.714286, not 995.714286 (V-TR-4)")
    func daily() throws {
        var fixture = CityFixture()
        let counts: [[Int64]] = [
            [1_000, 1_010, 990, 1_020], [1_100, 1_120], [1_200], [1_180, 1_190], [1_300], [800, 820], [600, 610],
        ]
        for (weekday, days) in counts.enumerated() {
            for (week, count) in days.enumerated() {
                // 2026-06-01 was a Monday.
                let day = 1 + weekday + 7 * week
                fixture.add(
                    "x-vehicles", node: "a", at: Int64(150 + day) * 86_400, seconds: 86_400,
                    state: .sum(SumState(amount: count))
                ) { $0.localDay = "2026-06-\(day < 10 ? "0" : "")\(day)" }
            }
        }
        let figure = try #require(fixture.evaluation().figure("x-vehicles", "aadt"))
        #expect(isClose(figure.value, 1_030.714286, within: 5e-7))
    }

    @Test("Spills are counted by 12 and 24 hours, of each site, from its windows (V-WA-6)")
    func spills() throws {
        var fixture = CityFixture()
        for (site, discharges) in [("a", [0..<2, 5..<6, 13..<14, 40..<41, 90..<91]), ("b", [0..<30])]
            as [(String, [Range<Int64>])]
        {
            for hour in discharges.flatMap({ Array($0) }) {
                fixture.add(
                    "x-spill", node: site, at: hour * 3_600,
                    state: .occupancy(OccupancyState(occupiedSeconds: 600, arrivals: 1)), labels: [.site: site])
            }
        }
        #expect(fixture.evaluation().figure("x-spill", "spills")?.value == 6)
    }
}
