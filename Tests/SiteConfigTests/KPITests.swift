// What right bindings become, indicator by indicator.

import KPIs
import SiteConfig
import Testing
import World

@Suite struct KPIConfigurations {
    @Test("The examples are valid, and every indicator of the catalogue is in one of them")
    func examples() throws {
        var bound: Set<String> = []
        let names = try Files.list("config/examples")
        for name in names {
            let loaded = try Configuration.load(
                main: Files.read("config/examples/" + name), boards: Files.boards(), zone: zones,
                fileExists: { _ in true })
            #expect(loaded.notices.isEmpty, "\(name)")
            bound.formUnion(loaded.site.kpis.map(\.indicator.slug))
            // A folder traps at a binding that it cannot fold.
            let folder = KPIFolder(stream: 1, bindings: loaded.site.kpis, calendar: loaded.site.calendar)
            #expect(folder.bindings == loaded.site.kpis)
            let again = try Configuration.load(
                main: SourceText(name: "again", bytes: Array(loaded.effective.utf8)), boards: Files.boards(),
                zone: zones, fileExists: { _ in true })
            #expect(again.site.kpis == loaded.site.kpis, "\(name): what `config show` says means the same")
            #expect(again.site.channels.configHash == loaded.site.channels.configHash, "\(name)")
        }
        #expect(bound == Set(Indicator.all.map(\.slug)))
        #expect(names.count == 8)
    }

    @Test("Labels, weights and windows arrive as they were said, weights in whole base units")
    func bindings() throws {
        let site = try load(
            kpis(
                "{indicator: ec-i-ws-3c, from: w.volume, zone: dma-7, role: inlet}",
                "{indicator: ec-ict-t-2c, from: c.count, segment: s1, road_class: highway, length: 0.35 km}",
                "{indicator: ec-i-es-1c, from: m.state, customers: 46, customer_set: f1, window: 15min}",
                "{indicator: x-parking, from: n.state}")
        ).site
        #expect(site.kpis[0].labels == [.zone: "dma-7", .role: "inlet"] && site.kpis[0].windowSeconds == 900)
        #expect(site.kpis[1].labels == [.segment: "s1", .roadClass: "highway"] && site.kpis[1].windowSeconds == 3600)
        #expect(site.kpis[1].weight == Weight(.metres, 350) && site.kpis[1].series == "count")
        #expect(site.kpis[2].weight == Weight(.customers, 46) && site.kpis[2].windowSeconds == 900)
        #expect(site.kpis[3].weight == nil && site.kpis[3].method.holdSeconds == 180)
    }

    @Test("Where local hours do not begin on an hour of UTC, windows are quarters; fields are averaged within an hour")
    func quarters() throws {
        func load(_ window: String) throws -> Configuration.Loaded {
            let text = kpis(
                "{indicator: en-en-ws-2c, from: w.volume\(window)}",
                "{indicator: en-en-eq-1c, from: emf.field, site: a, limit: 28 V/m}",
                node: "{id: n1, city: c, timezone: Asia/Kolkata}")
            let rules = try #require(half())
            return try Configuration.load(
                main: SourceText(name: "c.yaml", bytes: Array(text.utf8)), boards: Files.boards(),
                compatible: ["raspberrypi,4-model-b"],
                zone: { .found(SiteZone(name: $0, rules: rules, version: "2025b")) }, fileExists: { _ in true })
        }
        #expect(try load("").site.kpis.map(\.windowSeconds) == [900, 3600])
        #expect(
            try refusal { try load(", window: 1h") }.problems.map(\.description) == [
                "c.yaml:16:54: found a window of 1h in Asia/Kolkata; expected 15min: local days and hours do not begin "
                    + "on an hour of UTC there; write `window: 15min`"
            ])
    }

    /// India: five hours and a half, always. A version 2 file (RFC 8536) with one type and a footer.
    private func half() -> ZoneRules? {
        func block(_ version: UInt8) -> [UInt8] {
            let header: [UInt8] = Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15)
            // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
            let counts: [UInt8] = [0, 0, 0, 0, 1, 4].flatMap { [0, 0, 0, $0] }
            return header + counts + [0x00, 0x00, 0x4D, 0x58, 0, 0] + Array("IST\0".utf8)
        }
        return try? ZoneRules(file: block(0x32) + block(0x32) + Array("\nIST-5:30\n".utf8))
    }

    @Test("Thresholds are in the steps of their channel")
    func thresholds() throws {
        let site = try load(
            kpis(
                "{indicator: x-drain-level, from: deep.level, warn: 180 cm, alarm: 2.2 m, hold: 2min}",
                "{indicator: x-bin-fill, from: fill.fill}",
                "{indicator: x-soil-moisture, from: fill.fill, refill: 18 %}",
                "{indicator: en-en-ws-1c, from: ph.ph, allowed: {from: 6.5 pH, to: 9.5 pH}}",
                "{indicator: en-en-ws-1c, from: fill.fill, allowed: {to: 30 %}}")
        ).site
        let drain = site.kpis[0].method
        #expect(drain.first == 1800 && drain.second == 2200 && drain.event == .crossing && drain.holdSeconds == 120)
        let bin = site.kpis[1].method
        #expect(bin.first == 800 && bin.second == 1000 && bin.event == .emptying && !bin.countsBelow)
        let soil = site.kpis[2].method
        #expect(soil.first == 180 && soil.second == nil && soil.countsBelow && soil.event == .none)
        #expect(soil.holdSeconds == 3)
        #expect(site.kpis[3].method.lower == 650 && site.kpis[3].method.upper == 950)
        #expect(site.kpis[4].method.lower == nil && site.kpis[4].method.upper == 300)
    }

    @Test(
        "The limit of a field is what was said, or ICNIRP's for the frequency, rounded to the strict side",
        arguments: [
            ("limit: 28 V/m", 28_000, 360), ("frequency: 900 MHz", 41_250, 360), ("frequency: 1.8 GHz", 58_336, 360),
            ("frequency: 100 MHz", 28_000, 360), ("frequency: 100 MHz, averaging: 30min", 27_700, 1_800),
        ] as [(String, Int64, Int64)])
    func limits(text: String, millivolts: Int64, seconds: Int64) throws {
        let method = try load(kpis("{indicator: en-en-eq-1c, from: emf.field, site: a, \(text)}")).site.kpis[0].method
        #expect(method.limitMillivolts == millivolts && method.averagingSeconds == seconds)
    }

    @Test(
        "Pollutants are understood as people write them",
        arguments: [("pm2_5", "pm_2.5"), ("pm25", "pm_2.5"), ("pm_2_5", "pm_2.5"), ("pm10", "pm_10"), ("o3", "o3")])
    func pollutants(quantity: String, series: String) throws {
        let sensor = "{id: a, driver: replay, file: x, column: x, quantity: \(quantity), unit: ug/m3}"
        let site = try load(
            head + "sensors: [\(sensor)]\nkpis: [{indicator: en-en-aq-1c, from: a.\(quantity)}]\n"
        ).site
        #expect(site.kpis[0].series == series && site.kpis[0].weight == nil && site.kpis[0].method.holdSeconds == 30)
    }

    @Test("Single readings of people and vehicles stay on the node, unless every binding of the sensor says otherwise")
    func privacy() throws {
        let raw = "publish_raw: yes-individual-counts"
        func withheld(_ bindings: String...) throws -> ([String], [String]) {
            let second = bindings.count > 1 ? bindings[1] : "{indicator: x-spill, from: m.state}"
            let loaded = try load(kpis(bindings[0], second))
            let names = loaded.site.withheldChannels.sorted { $0.rawValue < $1.rawValue }.map {
                loaded.site.channels[$0].name
            }
            return (names, loaded.notices.map(\.text))
        }
        #expect(try withheld("{indicator: x-people, from: c.count}") == (["c.count", "c.total"], []))
        #expect(try withheld("{indicator: x-speed, from: cars.speed}") == (["cars.speed"], []))
        #expect(try withheld("{indicator: x-parking, from: n.state}") == (["n.state"], []))
        #expect(try withheld("{indicator: x-parking, from: n.state, \(raw)}") == ([], []))
        #expect(try withheld("{indicator: x-people, from: c.count, \(raw)}") == ([], []))
        let mixed = try withheld(
            "{indicator: x-people, from: c.count, \(raw)}", "{indicator: x-vehicles, from: c.count}")
        #expect(mixed.0 == ["c.count", "c.total"])
        #expect(mixed.1 == ["`publish_raw` is without effect: another kpi of sensor `c` does not have it"])
        let site = try load(
            kpis("{indicator: x-people, from: c.count}", "{indicator: x-vehicles, from: c.count, minimum_count: 3}")
        ).site
        #expect(site.kpis.map(\.method.minimumCount) == [10, 3])
    }

    @Test("An instrument is the sensor's unless the channel has one; half of a certificate's uncertainty is systematic")
    func instruments() throws {
        let site = try load(
            head + """
                sensors:
                  - id: air
                    driver: bme280
                    bus: i2c1
                    instrument:
                      class: reference
                      standard: EN 14211
                      serial: "4711"
                      certificate: {id: K-1, lab: Lab, valid_until: 2028-02-29, uncertainty: 5 %}
                    channels:
                      humidity: {instrument: {class: indicative}}
                kpis:
                  - {indicator: ec-ict-ws-1c, from: air.temperature, meter: a}
                  - {indicator: ec-ict-ws-1c, from: air.humidity, meter: b}

                """
        ).site
        #expect(site.kpis.map(\.instrument) == [.reference, .indicative])
        // 2028-03-01T00:00:00Z
        #expect(site.kpis[0].certificateValidUntil == UTC(seconds: 1_835_481_600))
        #expect(site.kpis[0].uncertainty == RelativeUncertainty(randomPpm: 0, systematicPpm: 25_000))
        #expect(site.kpis[1].certificateValidUntil == nil && site.kpis[1].uncertainty == nil)
        #expect(site.sensors[0].channels[0].instrument.serial == "4711")
        let plain = try load(head + air).site
        #expect(plain.sensors[0].channels[0].instrument == .unstated)
        let graded = try load(head + air.replacing("i2c1}", by: "i2c1, instrument: {class: indicative}}")).site
        #expect(graded.channels.configHash != plain.channels.configHash)
    }

    @Test("Parts of the local day have the Directive's hours, or the state's own")
    func periods() throws {
        let usual = try load(head + air).site
        #expect(usual.noisePeriods == .usual && usual.peakPeriods == .usual)
        let own = try load(
            "node: {id: n1, city: c, noise_periods: {day: 6, evening: 20:00, night: 22:00}, "
                + "peak_hours: {morning: 07:00-10:00}}\nbroker: {url: mqtt://b}\n" + air
        ).site
        #expect(own.noisePeriods == NoisePeriods(dayBegin: 6, eveningBegin: 20, nightBegin: 22))
        #expect(own.peakPeriods == PeakPeriods(morning: 7..<10, evening: 16..<19))
        #expect(own.channels.configHash != usual.channels.configHash)
    }
}
