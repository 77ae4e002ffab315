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

    /// A day of a node with these levels by day, evening and night, each of 8 hours.
    private func add(
        _ node: String, _ levels: [Double], day: Int64 = 0, inhabitants: Int64, to fixture: inout CityFixture
    ) {
        for (index, period) in [Period.day, .evening, .night].enumerated() {
            let energy = Int64((Exponential.powerOfTen(levels[index] / 10) * 28_800).rounded())
            fixture.add(
                "en-en-eq-2a", node: node, at: day * 86_400 + Int64(index) * 28_800, seconds: 28_800,
                state: .sound(SoundState(energy: energy, seconds: 28_800)), weight: inhabitants
            ) { $0.period = period }
        }
    }

    @Test("Of 5,000 inhabitants 74 % live with Lden of 55 and more, 66 % with Lnight of 50, none above 55 (V-NO-5)")
    func exposed() throws {
        let sites: [(node: String, inhabitants: Int64, whole: Double, night: Double)] = [
            ("a", 1_200, 57.4, 49.0), ("b", 800, 54.9, 51.2), ("c", 2_500, 61.0, 54.6), ("d", 500, 48.0, 41.0),
        ]
        // No place has both of b's levels: a night of 51.2 alone makes Lden 56.4. So one city has the Lden of each
        // node, the other its Lnight.
        var whole = CityFixture(), night = CityFixture()
        for site in sites {
            add(site.node, [site.whole, site.whole - 5, site.whole - 10], inhabitants: site.inhabitants, to: &whole)
            add(site.node, [site.night, site.night, site.night], inhabitants: site.inhabitants, to: &night)
        }
        for (site, (first, second)) in zip(
            sites, zip(whole.evaluation(days: 1).noiseSites(), night.evaluation(days: 1).noiseSites()))
        {
            #expect(isClose(first.dayEveningNightLevel, site.whole, within: 1e-6), "\(site.node)")
            #expect(isClose(second.nightLevel, site.night, within: 1e-6), "\(site.node)")
        }
        let byWhole = whole.evaluation(days: 1).report("en-en-eq-2a")
        #expect(byWhole.figures.map(\.point) == ["eu-2002-49-lden", "eu-2002-49-lnight", "iso-37120-2014-ln"])
        #expect(byWhole.figures[0].value == 74)
        #expect(byWhole.figures[0].numerator?.text == "3700" && byWhole.figures[0].denominator?.text == "5000")
        let byNight = night.evaluation(days: 1).report("en-en-eq-2a")
        #expect(byNight.figures[1].value == 66 && byNight.figures[1].numerator?.text == "3300")
        #expect(byNight.figures[2].value == 0 && byNight.figures[2].denominator?.text == "5000")
    }

    @Test("A year's Lden is of the year's energies: 62.403627, not the mean of the days' 60.0 (V-NO-7)")
    func energies() throws {
        var fixture = CityFixture()
        add("a", [65, 60, 55], inhabitants: 10, to: &fixture)
        add("a", [55, 50, 45], day: 1, inhabitants: 10, to: &fixture)
        let site = try #require(fixture.evaluation(days: 2).noiseSites().first)
        #expect(isClose(site.dayEveningNightLevel, 62.403_627, within: 1e-6))
        #expect(isClose(site.nightLevel, 52.403_627, within: 1e-6))
        for (threshold, value) in [
            (NoiseThreshold.europeanDayEveningNight, 100.0), (.europeanNight, 100), (.iso37120Night, 0),
        ] {
            let figure = try #require(
                fixture.evaluation { $0.noiseThresholds = [threshold] }.figure("en-en-eq-2a", threshold.id))
            #expect(figure.value == value)
        }
    }
}
