import KPIs
import Testing

@Suite("Air and noise from contributions")
struct AirEvaluationTests {
    private func level(_ integral: Int64, _ seconds: Int64) -> ContributionState {
        .level(LevelState(integral: integral, seconds: seconds))
    }

    @Test("Nodes are weighed by the inhabitants they stand for: 13.257778, not 12.445455 and not 12.166667 (V-AQ-9)")
    func weighted() throws {
        var fixture = CityFixture()
        for (node, integral, seconds, inhabitants) in [
            ("a", 44_640_000, 3_600, 1_200), ("b", 24_570_000, 2_700, 800), ("c", 54_000_000, 3_600, 2_500),
        ] as [(String, Int64, Int64, Int64)] {
            fixture.add(
                "en-en-aq-1c", node: node, state: level(integral, seconds), series: "pm_2.5", weight: inhabitants,
                valid: seconds)
        }
        let figure = try #require(fixture.evaluation().figure("en-en-aq-1c", "pm_2.5"))
        #expect(isClose(figure.value, 13.257778, within: 5e-7))
        #expect(figure.numerator?.text == "59660")
        #expect(figure.denominator?.text == "4500")
        #expect(figure.nodes == 3)
        #expect(figure.coverage == CoverageShare(expectedSeconds: 10_800, validSeconds: 9_900))
    }

    @Test("Without inhabitants all nodes weigh the same, and that is said")
    func plain() throws {
        var fixture = CityFixture()
        for (node, integral, weight) in [("a", 36_000_000, 5), ("b", 72_000_000, nil)] as [(String, Int64, Int64?)] {
            fixture.add("en-en-aq-1c", node: node, state: level(integral, 3_600), series: "no2", weight: weight)
        }
        let figure = try #require(fixture.evaluation().figure("en-en-aq-1c", "no2"))
        #expect(figure.value == 15)
        #expect(figure.notes.contains { $0.hasPrefix("plain mean") })
    }

    @Test("Hours weigh the same, however much of them was measured: 20.0, not 18.571429 (V-AQ-8); quarters add to hours")
    func hours() throws {
        var fixture = CityFixture()
        for quarter in Int64(0)..<4 {
            fixture.add(
                "en-en-aq-1c", node: "a", at: quarter * 900, seconds: 900, state: level(9_000_000, 900), series: "pm_10")
        }
        fixture.add(
            "en-en-aq-1c", node: "a", at: 3_600, state: level(30_000 * 2_700, 2_700), series: "pm_10", valid: 2_700)
        // 2,699 s are no hour.
        fixture.add(
            "en-en-aq-1c", node: "a", at: 7_200, state: level(99_000 * 2_699, 2_699), series: "pm_10", valid: 2_699)
        let figure = try #require(
            fixture.evaluation { $0.annualCapturePercent = 60 }.figure("en-en-aq-1c", "pm_10"))
        #expect(figure.value == 20)
        #expect(figure.notes.first == "2 valid hours of 1 nodes")
    }

    @Test("An annual mean needs 90 % of the hours, 85 % by choice: of 8,760 these are 7,884 and 7,446")
    func capture() throws {
        for (hours, percent, isThere) in [
            (7_883, 90, false), (7_884, 90, true), (7_445, 85, false), (7_446, 85, true),
        ] as [(Int64, Int64, Bool)] {
            var fixture = CityFixture()
            for hour in 0..<hours {
                fixture.add("en-en-aq-1c", node: "a", at: hour * 3_600, state: level(36_000_000, 3_600), series: "no2")
            }
            let evaluation = fixture.evaluation(days: 365) { $0.annualCapturePercent = percent }
            let figure = try #require(evaluation.figure("en-en-aq-1c", "no2"))
            #expect(figure.value == (isThere ? 10 : nil), "\(hours) hours at \(percent) %")
            #expect(figure.numerator == nil || isThere)
        }
    }

    @Test("Exceedances are rounded to the limit's decimals first: 50.4 is none, 50.5 is one; days are those of 18 hours")
    func exceedances() throws {
        var fixture = CityFixture()
        for (day, mean, hours) in [(0, 50_400, 24), (1, 50_500, 18), (2, 90_000, 17)] as [(Int64, Int64, Int64)] {
            for hour in 0..<hours {
                fixture.add(
                    "en-en-aq-1c", node: "a", at: day * 86_400 + hour * 3_600, state: level(mean * 3_600, 3_600),
                    series: "pm_10")
            }
        }
        let figure = try #require(
            fixture.evaluation(days: 3).figure("en-en-aq-1c", "pm_10 above eu-2008-50/pm10/24h/limit"))
        #expect(figure.value == 1)
        #expect(figure.denominator?.text == "2")
    }

    @Test("Gases in ppb are converted last and by the table that is named: 40 ppb of NO2 are 76.0 or 76.5")
    func gases() throws {
        var fixture = CityFixture()
        fixture.add(
            "en-en-aq-1c", node: "a", state: level(40_000 * 3_600, 3_600), unit: "ppt_s", series: "no2")
        let verifier = try #require(fixture.evaluation().figure("en-en-aq-1c", "no2"))
        #expect(verifier.value == 76)
        #expect(verifier.tables["conv"] == ["u4ssc-vm"])
        #expect(verifier.numerator?.text == "40")
        let european = try #require(
            fixture.evaluation { $0.gasConversion = .celsius20 }.figure("en-en-aq-1c", "no2"))
        #expect(isClose(european.value, 76.5, within: 0.005))
    }

    // MARK: Noise

    /// The energy of `seconds` at a level.
    private func sound(_ level: Double, _ seconds: Int64) -> ContributionState {
        var power = 1.0
        for _ in 0..<Int(level * 10) { power *= 1.023_292_992_280_754_1 }
        return .sound(SoundState(energy: Int64((power * Double(seconds)).rounded()), seconds: seconds))
    }

    @Test("Of 5,000 inhabitants 74 % live with Lden of 55 and more, 66 % with Lnight of 50, none above 55 (V-NO-5)")
    func exposed() throws {
        var fixture = CityFixture()
        // Day and evening levels that give the Lden of the vector with its night.
        for (node, inhabitants, day, evening, night) in [
            ("a", 1_200, 57.0, 50.0, 49.0), ("b", 800, 50.0, 47.0, 47.0), ("c", 2_500, 60.0, 56.0, 54.6),
            ("d", 500, 47.0, 44.0, 41.0),
        ] as [(String, Int64, Double, Double, Double)] {
            for (period, level, seconds) in [
                (Period.day, day, 43_200), (.evening, evening, 14_400), (.night, night, 28_800),
            ] as [(Period, Double, Int64)] {
                fixture.add(
                    "en-en-eq-2a", node: node, at: period == .day ? 0 : period == .evening ? 43_200 : 57_600,
                    seconds: seconds, state: sound(level, seconds), weight: inhabitants
                ) { $0.period = period }
            }
        }
        let report = fixture.evaluation(days: 1).report("en-en-eq-2a")
        #expect(report.figures.map(\.point) == ["eu-2002-49-lden", "eu-2002-49-lnight", "iso-37120-2014-ln"])
        #expect(report.figures[0].value == 74)
        #expect(report.figures[0].numerator?.text == "3700")
        #expect(report.figures[2].value == 0)
        // b's night is below 50 here: of the vector's two nodes above, c alone.
        #expect(report.figures[1].value == 50)
    }

    @Test("A year's Lden is of the year's energies: 62.403627, not the mean of the days' 60.0 (V-NO-7)")
    func energies() throws {
        var fixture = CityFixture()
        for (day, levels) in [(0, [65.0, 60, 55]), (1, [55.0, 50, 45])] as [(Int64, [Double])] {
            for (index, period) in [Period.day, .evening, .night].enumerated() {
                fixture.add(
                    "en-en-eq-2a", node: "a", at: day * 86_400 + Int64(index) * 28_800, seconds: 28_800,
                    state: sound(levels[index], 28_800), weight: 10
                ) { $0.period = period }
            }
        }
        for (threshold, value) in [(NoiseThreshold.europeanDayEveningNight, 100.0), (.europeanNight, 100), (.iso37120Night, 0)] {
            let figure = try #require(
                fixture.evaluation { $0.noiseThresholds = [threshold] }.figure("en-en-eq-2a", threshold.id))
            #expect(figure.value == value)
        }
    }
}
