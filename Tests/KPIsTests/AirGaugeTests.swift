// The gauges of the air, from a node's own hourly windows.

import KPIs
import Testing
import World

private let hour: Int64 = 1_795_255_200

/// A window of a level: `mean` in thousandths of the channel's unit, as the wire has it.
private func window(
    _ series: String, _ unit: String, start: Int64, mean: Int64, seconds: Int64 = 3_600, length: Int64 = 3_600,
    revision: UInt64 = 1
) -> Contribution {
    Contribution(
        indicator: Indicator.named("en-en-aq-1c")!, sensor: "air", series: series, windowStart: start,
        windowSeconds: length, revision: revision, isFinal: true, unit: unit, scale: 0,
        state: .level(LevelState(integral: mean * seconds, seconds: seconds)),
        coverage: Coverage(expectedSeconds: length, validSeconds: seconds, fromSecond: 0, toSecond: seconds))
}

private func atEnd(_ gauges: inout AirGauges, hours: Int64 = 1) -> [String: AirGauges.Value] {
    let found = gauges.atHourEnd(UTC(seconds: hour + hours * 3_600 + 31))
    return Dictionary(uniqueKeysWithValues: (found?.values ?? []).map { ($0.name, $0) })
}

@Suite("Gauges of the air") struct AirGaugeTests {
    @Test("One gas: the European level from ppb at 293 K, the US index by the hour; each given once an hour")
    func gas() {
        var gauges = AirGauges()
        // 20 ppb are 38.3 µg/m³ at 293 K: level 3 of 10, 25, 60; index 20 / 53 × 50 = 19.
        gauges.take(window("no2", "ppt_s", start: hour, mean: 20_000))
        let found = atEnd(&gauges)
        #expect(found["eaqi"]?.value == 3 && found["eaqi"]?.conversion == "eu-293k")
        #expect(found["eaqi"]?.table == "eaqi-v2")
        #expect(found["aqi-us"]?.value == 19 && found["aqi-us"]?.conversion == nil)
        #expect(found["aqi-us"]?.of == "no2/1h" && found["aqi-us"]?.table == "us-epa-aqi-2024")
        #expect(atEnd(&gauges).isEmpty)
    }

    @Test("Particles: NowCast needs two of the newest three hours; the index is of it")
    func particles() {
        var gauges = AirGauges()
        gauges.take(window("pm_2.5", "ng_s/m3", start: hour, mean: 35_500))
        #expect(atEnd(&gauges)["nowcast-pm_2.5"] == nil)
        gauges.take(window("pm_2.5", "ng_s/m3", start: hour + 3_600, mean: 35_500))
        let found = atEnd(&gauges, hours: 2)
        #expect(found["nowcast-pm_2.5"]?.value == 35_500)
        #expect(found["aqi-us"]?.value == 101 && found["aqi-us"]?.of == "pm2_5/24h")
        #expect(found["eaqi"]?.value == 3 && found["eaqi"]?.conversion == nil)
    }

    @Test("Four quarters make an hour, weighted by their seconds; below 75 % it has no mean; a revision counts")
    func quarters() {
        var gauges = AirGauges()
        for quarter in Int64(0)..<4 {
            gauges.take(
                window("no2", "ng_s/m3", start: hour + quarter * 900, mean: 5_000 + quarter * 10_000, seconds: 600,
                    length: 900))
        }
        #expect(atEnd(&gauges)["eaqi"] == nil)
        gauges.take(
            window("no2", "ng_s/m3", start: hour + 3_600, mean: 100_001, seconds: 3_600, revision: 5))
        gauges.take(window("no2", "ng_s/m3", start: hour + 3_600, mean: 9_000, seconds: 3_600, revision: 4))
        #expect(atEnd(&gauges, hours: 2)["eaqi"]?.value == 5)
    }

    @Test("What is no pollutant is not taken; without any there is no gauge")
    func others() {
        var gauges = AirGauges()
        var other = window("volume", "ml", start: hour, mean: 1)
        other.indicator = Indicator.named("en-en-ws-2c")!
        gauges.take(other)
        #expect(gauges.atHourEnd(UTC(seconds: hour + 4_000)) == nil)
    }

    @Test("Kept and taken up again after any hour, the gauges are the same", arguments: UInt64(0)..<20)
    func kept(seed: UInt64) {
        var random = Random(seed: seed)
        var whole = AirGauges(), parts = AirGauges()
        for step in Int64(0)..<30 {
            for (series, unit) in [("pm_2.5", "ng_s/m3"), ("o3", "ppt_s"), ("co", "ppt_s")] {
                guard !random.chance(1, in: 5) else { continue }
                let value = window(
                    series, unit, start: hour + step * 3_600, mean: Int64(random.below(90_000)),
                    seconds: random.chance(1, in: 6) ? 2_000 : 3_600)
                whole.take(value)
                parts.take(value)
            }
            if random.chance(1, in: 3) {
                let kept = parts.encoded
                #expect(kept.count < AirGauges.longest)
                guard let again = AirGauges(encoded: kept) else {
                    Issue.record("seed \(seed): what was kept cannot be taken up")
                    return
                }
                parts = again
                let half = AirGauges(encoded: Array(kept.dropLast(8)))
                #expect(half == nil)
            }
            #expect(atEnd(&whole, hours: step + 1) == atEnd(&parts, hours: step + 1), "seed \(seed), hour \(step)")
        }
    }
}
