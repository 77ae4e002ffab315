import KPIs
import World
import Testing

@Suite("What may stand together, and what is said of a figure")
struct ReportTests {
    @Test("All 91 indicators are there; what nobody contributes to is not reported, and no 0")
    func all() throws {
        var fixture = CityFixture()
        fixture.addSum("en-en-ws-2c", node: "a", 1)
        fixture.addSum("x-people", node: "a", 3)
        let reports = fixture.evaluation(city(inhabitants: 1)).reports
        #expect(reports.count == 92)
        #expect(reports.count { $0.isReported } == 2)
        let noise = try #require(reports.first { $0.slug == "en-en-eq-2a" })
        #expect(noise.figures.isEmpty)
        #expect(reports.last?.slug == "x-people")
    }

    @Test("Instrument classes stand apart, and together only when they are asked for by name")
    func classes() throws {
        var fixture = CityFixture()
        for (node, amount, instrument) in [
            ("a", 10, InstrumentClass.reference), ("b", 20, .lowCost), ("c", 40, .indicative),
        ] as [(String, Int64, InstrumentClass)] {
            fixture.add("en-en-ws-2c", node: node, state: .sum(SumState(amount: amount))) { $0.instrument = instrument }
        }
        let apart = fixture.evaluation().report("en-en-ws-2c")
        #expect(apart.figures.map(\.classes) == [[.indicative], [.lowCost], [.reference]])
        #expect(apart.figures.compactMap(\.numerator?.text) == ["40", "20", "10"])
        #expect(!apart.notes.isEmpty)
        let merged = fixture.evaluation { $0.mergedClasses = [.reference, .indicative] }.report("en-en-ws-2c")
        #expect(merged.figures.map(\.classes) == [[.indicative, .reference], [.lowCost]])
        #expect(merged.figures.compactMap(\.numerator?.text) == ["50", "20"])
    }

    @Test("States of different thresholds do not join: each has a figure that names them")
    func thresholds() throws {
        var fixture = CityFixture()
        for (node, limit) in [("a", 5), ("b", 6), ("c", 5)] as [(String, Int64)] {
            fixture.add(
                "en-en-ws-1c", node: node, state: .compliance(ComplianceState(samples: 10, compliant: limit)), unit: "pH"
            ) { $0.parameters = [NamedNumber("upper", limit)] }
        }
        let report = fixture.evaluation().report("en-en-ws-1c")
        #expect(report.figures.map(\.parameters) == [[NamedNumber("upper", 5)], [NamedNumber("upper", 6)]])
        #expect(report.figures.map(\.value) == [50, 60])
        #expect(report.notes == ["different thresholds: reported apart"])
        // Samples support this indicator, which counts households: it is not reported by them.
        #expect(!report.isReported)
    }

    @Test("Two versions of the tz database in one figure are said")
    func tables() throws {
        var fixture = CityFixture()
        for (node, version) in [("a", "2025b"), ("b", "2026a")] {
            fixture.add("en-en-ws-2c", node: node, state: .sum(SumState(amount: 1))) { $0.tables = ["tz": version] }
        }
        let figure = try #require(fixture.evaluation().figure("en-en-ws-2c"))
        #expect(figure.tables == ["tz": ["2025b", "2026a"]])
        #expect(figure.notes.contains("2 versions of tz: 2025b, 2026a"))
    }

    @Test("The random part of uncertainty falls with the number, the systematic part does not")
    func uncertainty() throws {
        var fixture = CityFixture()
        // Relative parts of equal amounts: 10 % each of two, √(0.1² + 0.1²) / 2, and 4 % of all.
        for node in ["a", "b"] {
            fixture.add("en-en-ws-2c", node: node, state: .sum(SumState(amount: 100))) {
                $0.uncertainty = RelativeUncertainty(randomPpm: 100_000, systematicPpm: 40_000)
            }
        }
        let found = fixture.evaluation().figure("en-en-ws-2c")?.uncertaintyPpm
        #expect(isClose(found, 81_240.384, within: 0.001))
        fixture.addSum("en-en-ws-2c", node: "c", 1)
        #expect(fixture.evaluation().figure("en-en-ws-2c")?.uncertaintyPpm == nil)
    }

    @Test("Three windows of 900, 900 and 1800 s: mean 12.0, random 1.131923, with 0.8 systematic 1.386092 (V-MG-3)")
    func uncertainMean() throws {
        for (systematic, expected) in [(0, 1.131_923), (66_667, 1.386_092)] as [(Int64, Double)] {
            var fixture = CityFixture()
            // Relative parts in millionths: 1.5 of 12, 1.5 of 14, 2.0 of 11; 0.8 of the mean of 12.
            for (at, known, value, random) in [
                (0, 900, 12, 125_000), (3_600, 900, 14, 107_143), (7_200, 1_800, 11, 181_818),
            ] as [(Int64, Int64, Int64, Int64)] {
                fixture.add(
                    "x-drain-level", node: "a", at: at,
                    state: .level(LevelState(integral: value * known, seconds: known)), unit: "m_s", valid: known
                ) { $0.uncertainty = RelativeUncertainty(randomPpm: random, systematicPpm: systematic) }
            }
            let figure = try #require(fixture.evaluation().figure("x-drain-level", "v mean"))
            #expect(figure.value == 12)
            #expect(isClose(figure.uncertaintyPpm.map { $0 / 1e6 * 12 }, expected, within: 1e-5))
        }
    }

    @Test("Two boards at once are reported as an overlap, their time and what they measured counts once")
    func overlap() throws {
        var fixture = CityFixture()
        fixture.addSum("en-en-ws-2c", node: "a", 5)
        fixture.stream = 8
        fixture.addSum("en-en-ws-2c", node: "a", 7)
        let report = fixture.evaluation().report("en-en-ws-2c")
        #expect(report.overlaps.map(\.streams) == [[7, 8]] && report.overlaps.map(\.counted) == [7])
        #expect(report.figures[0].numerator?.text == "5")
        #expect(report.figures[0].coverage == CoverageShare(expectedSeconds: 3_600, validSeconds: 3_600))
    }

    @Test("A figure covers the whole period that was asked for, not only the windows that came")
    func period() throws {
        var fixture = CityFixture()
        fixture.addSum("en-en-ws-2c", node: "a", 5)
        fixture.addSum("en-en-ws-2c", node: "a", at: 86_400, 500)
        let report = fixture.evaluation(days: 1).report("en-en-ws-2c")
        #expect(report.figures[0].numerator?.text == "5")
        #expect(report.figures[0].coverage == CoverageShare(expectedSeconds: 86_400, validSeconds: 3_600))
    }

    @Test("Points: 1 to 4 by the share of the way; what should be low has none without a baseline (V-SC-3)")
    func points() throws {
        for (value, points) in [(329, 1), (330, 2), (659, 2), (660, 3), (949, 3), (950, 4)] as [(Int64, Int)] {
            var fixture = CityFixture()
            for (source, amount) in [("pv", value), ("grid", 1_000 - value)] {
                fixture.addSum("en-e-e-1c", node: source, amount, labels: [.source: source])
            }
            var town = City()
            town.targets = ["en-e-e-1c": City.Target(100)]
            #expect(fixture.evaluation(town).figure("en-e-e-1c", "renewable")?.score == points)
        }
        var fixture = CityFixture()
        fixture.addSum("en-en-ws-2c", node: "a", 190_000)
        var town = city(inhabitants: 1)
        town.targets = ["en-en-ws-2c": City.Target(130)]
        #expect(fixture.evaluation(days: 1, town).figure("en-en-ws-2c")?.score == nil)
        town.targets = ["en-en-ws-2c": City.Target(130, baseline: 250)]
        #expect(fixture.evaluation(days: 1, town).figure("en-en-ws-2c")?.score == 2)
    }

    @Test("The order in which contributions came does not show in any bit of a report")
    func order() {
        var random = Random(seed: 4)
        var windows: [(node: String, at: Int64, integral: Int64)] = []
        for _ in 0..<60 {
            windows.append(
                ("n\(random.below(7))", Int64(random.below(48)) * 3_600, Int64(random.below(1 << 40))))
        }
        var reports: Set<String> = []
        for _ in 0..<20 {
            var fixture = CityFixture()
            for index in windows.indices { windows.swapAt(index, Int(random.below(UInt64(windows.count)))) }
            for window in windows.sorted(by: { $0.integral % 7 < $1.integral % 7 }) {
                fixture.add(
                    "en-en-aq-1c", node: window.node, at: window.at,
                    state: .level(LevelState(integral: window.integral, seconds: 3_600)), series: "pm_10",
                    revision: UInt64(window.integral)
                ) { $0.uncertainty = RelativeUncertainty(randomPpm: window.integral % 1_000, systematicPpm: 5) }
            }
            reports.insert("\(fixture.evaluation { $0.annualCapturePercent = 1 }.report("en-en-aq-1c"))")
        }
        #expect(reports.count == 1)
    }

    @Test("Decimals are exact, without exponents and without zeros at the end")
    func decimals() {
        #expect(ExactAmount(1_234_567_000, exponent: -5, unit: "m3").text == "12345.67")
        #expect(ExactAmount(-5, exponent: -3, unit: "m3").text == "-0.005")
        #expect(decimalText(13.257777777) == "13.257778")
        #expect(decimalText(-0.5) == "-0.5")
        #expect(decimalText(3e15) == "3000000000000000")
        #expect(decimalText(0) == "0")
    }
}
