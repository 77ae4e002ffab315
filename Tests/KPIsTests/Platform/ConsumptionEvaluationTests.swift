import KPIs
import Testing

@Suite("Water, energy and outages from contributions")
struct ConsumptionEvaluationTests {
    @Test("96 400 000 L a day among 412 000 inhabitants are 233.980583 L each (V-WA-2), and nothing without inhabitants")
    func perCapita() throws {
        var fixture = CityFixture()
        fixture.addSum("en-en-ws-2c", node: "a", 96_000_000_000)
        fixture.addSum("en-en-ws-2c", node: "b", 400_000_000)
        let figure = try #require(fixture.evaluation(days: 1, city(inhabitants: 412_000)).figure("en-en-ws-2c"))
        #expect(isClose(figure.value, 233.980583, within: 5e-7))
        #expect(figure.numerator?.text == "96400000000")
        let unknown = try #require(fixture.evaluation(days: 1).figure("en-en-ws-2c"))
        #expect(unknown.value == nil)
        #expect(unknown.numerator?.text == "96400000000")
        #expect(!fixture.evaluation(days: 1).report("en-en-ws-2c").isReported)
    }

    @Test("Supplied 1 000 000, billed 780 000: 22 % are lost (V-WA-3); zones that lack a side are left out and said")
    func loss() throws {
        var fixture = CityFixture()
        func add(_ node: String, _ zone: String, _ role: String, _ amount: Int64) {
            fixture.addSum("ec-i-ws-3c", node: node, amount, labels: [.zone: zone, .role: role])
        }
        add("in1", "north", "inlet", 900_000)
        add("in2", "north", "inlet", 400_000)
        add("out", "north", "outlet", 300_000)
        add("meters", "north", "consumption", 780_000)
        add("in3", "south", "inlet", 5_000_000)
        let evaluation = fixture.evaluation()
        let total = try #require(evaluation.figure("ec-i-ws-3c"))
        #expect(total.value == 22)
        #expect(total.numerator?.text == "220000")
        #expect(total.notes == ["without 1 zones that lack inlets or consumption"])
        #expect(evaluation.figure("ec-i-ws-3c", "zone south")?.value == nil)
    }

    @Test("The night flow of a zone is the lowest hour of its inlets added, not the sum of their lowest hours")
    func nightFlow() throws {
        var fixture = CityFixture()
        // Midnight is at 23:00 UTC of the day before: the zone is an hour ahead.
        for (node, flows) in [("a", [5, 5, 5, 5, 1, 1, 1, 1]), ("b", [1, 1, 1, 1, 5, 5, 5, 5])] as [(String, [Int64])] {
            for quarter in Int64(-1)..<17 {
                let index = Int(quarter) - 8
                let flow = flows.indices.contains(index) ? flows[index] * 1_000_000 : 20_000_000
                fixture.add(
                    "ec-i-ws-3c", node: node, at: 86_400 - 3_600 + quarter * 900, seconds: 900,
                    state: .sum(SumState(amount: flow)), labels: [.zone: "north", .role: "inlet"]
                ) { $0.localDay = quarter < 0 ? "2026-01-01" : "2026-01-02" }
            }
        }
        let figure = try #require(fixture.evaluation().figure("ec-i-ws-3c", "night flow of zone north"))
        #expect(figure.value == 24)
    }

    @Test("1.25 TWh among 412 000 inhabitants are 3033.98 kWh each (V-EN-3); what was exported is not used")
    func electricity() throws {
        var fixture = CityFixture()
        fixture.addSum("en-e-e-2c", node: "a", 1_250_000_000_000_000 + 5, labels: [.direction: "import"])
        fixture.addSum("en-e-e-2c", node: "a", 5, labels: [.direction: "export"], sensor: "pv")
        let figure = try #require(fixture.evaluation(days: 365, city(inhabitants: 412_000)).figure("en-e-e-2c"))
        #expect(isClose(figure.value, 3_033.98, within: 0.005))
        #expect(figure.unit == "kWh/inhabitant/year")
        #expect(figure.numerator?.text == "1250000000000000")
    }

    @Test("Of 1000, 320 from the sun and 80 from wind are 40 % renewable (V-EN-4)")
    func renewable() throws {
        var fixture = CityFixture()
        for (source, amount) in [("pv", 320), ("wind", 80), ("grid", 600)] as [(String, Int64)] {
            fixture.addSum("en-e-e-1c", node: source, amount, labels: [.source: source])
        }
        let evaluation = fixture.evaluation()
        #expect(evaluation.figure("en-e-e-1c", "renewable")?.value == 40)
        #expect(evaluation.figure("en-e-e-1c", "source wind")?.value == 8)
    }

    @Test("A building of 2400 m2 with 182 000 kWh and 1000 m3 of gas uses 80.508597 ekWh/m2 (V-EN-2), and none without CV")
    func building() throws {
        var fixture = CityFixture()
        let town: [Label: String] = [.building: "town hall"]
        fixture.addSum(
            "en-e-e-4a", node: "a", 182_000_000_000, labels: town.merging([.carrier: "electricity"]) { $1 }, unit: "mWh",
            weight: 2_400)
        fixture.addSum(
            "en-e-e-4a", node: "b", 1_000_000_000, labels: town.merging([.carrier: "gas"]) { $1 }, unit: "ml",
            weight: 2_400)
        var town2 = City()
        #expect(fixture.evaluation(days: 365, town2).figure("en-e-e-4a")?.value == nil)
        town2.gasKilojoulesPerCubicMetre = 39_500
        let figure = try #require(fixture.evaluation(days: 365, town2).figure("en-e-e-4a"))
        #expect(isClose(figure.value, 80.508597, within: 5e-6))
        #expect(figure.denominator?.text == "2400")
    }

    @Test("SAIFI 0.355, SAIDI 21.3, CAIDI 60.0 (V-EL-1), over 3 min 0.505, 21.93, 43.425743")
    func outages() throws {
        var fixture = CityFixture()
        let events: [(customers: Int64, minutes: Int64)] = [
            (500, 90), (1_200, 4), (2_000, 45), (300, 5), (50, 600), (600, 30), (400, 75),
        ]
        for (index, (customers, minutes)) in events.enumerated() {
            let seconds = customers * minutes * 60
            let tally = OutageTally(interruptions: customers, minimum: seconds, maximum: seconds)
            var state = OutageState()
            if minutes > 5 { state.over5 = tally } else if minutes > 3 { state.upTo5 = tally } else { state.upTo3 = tally }
            for slug in ["ec-i-es-1c", "ec-i-es-2c"] {
                fixture.add(slug, node: "n\(index)", state: .outages(state), weight: customers)
            }
        }
        let ten = city(customers: 10_000)
        let evaluation = fixture.evaluation(days: 365, ten)
        #expect(isClose(evaluation.figure("ec-i-es-1c", "saifi")?.value, 0.355, within: 1e-9))
        #expect(isClose(evaluation.figure("ec-i-es-1c", "maifi")?.value, 0.15, within: 1e-9))
        #expect(isClose(evaluation.figure("ec-i-es-2c", "saidi")?.value, 21.3, within: 1e-9))
        let caidi = try #require(evaluation.figure("ec-i-es-2c", "caidi"))
        #expect(isClose(caidi.value, 60, within: 1e-9))
        #expect(caidi.numerator?.text == "12780000")
        #expect(caidi.denominator?.text == "3550")
        let long = fixture.evaluation(days: 365, ten) { $0.reliability = .en50160 }
        #expect(isClose(long.figure("ec-i-es-1c", "saifi")?.value, 0.505, within: 1e-9))
        #expect(isClose(long.figure("ec-i-es-2c", "caidi")?.value, 43.425743, within: 5e-7))
    }

    @Test("Customers that two nodes claim are counted once, as the one that knows more of the time has it, and said")
    func twoOwners() throws {
        var fixture = CityFixture()
        for (node, interruptions, valid) in [("a", 10, 1_800), ("b", 20, 3_600)] as [(String, Int64, Int64)] {
            let tally = OutageTally(interruptions: interruptions, minimum: 6_000, maximum: 6_000)
            fixture.add(
                "ec-i-es-1c", node: node, state: .outages(OutageState(over5: tally)), labels: [.customerSet: "feeder-3"],
                weight: 20, valid: valid)
        }
        let figure = try #require(fixture.evaluation().figure("ec-i-es-1c", "saifi"))
        #expect(figure.value == 1)
        #expect(figure.numerator?.text == "20")
        #expect(figure.denominator?.text == "20")
        #expect(figure.notes.contains("customer set feeder-3 is claimed by 2 meters: counted once, as b has it"))
    }
}
