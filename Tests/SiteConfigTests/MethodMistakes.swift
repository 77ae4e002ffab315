// The golden list of mistakes in how a kpi's values are judged, in local time and in instruments.

import SiteConfig
import Testing
import World

@Suite struct MistakesInMethods {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    @Test("A certificate that has ended is refused by who checks it, and by nobody else")
    func ended() throws {
        let text = instrument("{class: reference, certificate: {id: K1, valid_until: 2027-03-01}}")
        func load(_ now: Int64?) throws -> Configuration.Loaded {
            try Configuration.load(
                main: SourceText(name: "c.yaml", bytes: Array(text.utf8)), boards: Files.boards(),
                compatible: ["raspberrypi,4-model-b"], now: now.map { UTC(seconds: $0) }, fileExists: { _ in true })
        }
        // 2027-03-02T00:00:00Z
        let end: Int64 = 1_803_945_600
        #expect(try load(nil).site.sensors[0].channels[0].instrument.certificate?.validUntil == UTC(seconds: end))
        _ = try load(end - 1)
        let refused = try refusal { try load(end) }.problems.map(\.description)
        #expect(
            refused == [
                "c.yaml:3:114: found a certificate that ended with 2027-03-01; expected one that is in force; "
                    + "have the instrument calibrated and write the new certificate's day, or write `class: indicative`"
            ])
    }

    static func instrument(_ text: String) -> String {
        head + "sensors: [{id: air, driver: bme280, bus: i2c1, instrument: \(text)}]\n"
    }
    private func instrument(_ text: String) -> String { Self.instrument(text) }

    static let mistakes: [Mistake] = [
        Mistake(
            "Pollutants that are not known, not said, or not weighed",
            head + """
                sensors:
                  - {id: a, driver: replay, file: x, column: x, quantity: no2, unit: ug/m3}
                  - {id: b, driver: replay, file: x, column: x, quantity: pm_2_5, unit: ppb}
                  - {id: c, driver: replay, file: x, column: x, quantity: benzene, unit: ug/m3}
                kpis:
                  - {indicator: en-en-aq-1c, from: a.no2, pollutant: o3}
                  - {indicator: en-en-aq-1c, from: b.pm_2_5}
                  - {indicator: en-en-aq-1c, from: c.benzene}
                  - {indicator: en-en-aq-1c, from: c.benzene, pollutant: nox}

                """,
            [
                .at(
                    "8:54", "`pollutant: o3` for the channel `a.no2`", "no2, which the channel's name says",
                    "remove it, or bind the other channel"),
                .at(
                    "9:36", "pm_2.5 in ppb", "particles by their mass: ug/m3 or mg/m3",
                    "bind a channel that tells their mass"),
                .at(
                    "10:5", "no `pollutant` in kpi en-en-aq-1c, and `benzene` names none",
                    "pm_10, pm_2.5, no2, so2 or o3", "add `pollutant: no2`, or what it is"),
                .at(
                    "11:5", "`c.benzene` for en-en-aq-1c a second time", "each channel once for an indicator",
                    "remove this one or the one at c.yaml:10:5"),
                .at(
                    "11:58", "the unknown pollutant `nox`", "pm_10, pm_2.5, no2, so2 or o3",
                    "write `pollutant: no2`"),
            ]),
        Mistake(
            "Thresholds the wrong way round, without a unit, and finer than the sensor",
            kpis(
                "{indicator: x-drain-level, from: deep.level, warn: 2.2 m, alarm: 1.8 m}",
                "{indicator: x-bin-fill, from: fill.fill, full: 80}",
                "{indicator: x-bin-fill, from: deep.level}",
                "{indicator: x-soil-moisture, from: fill.fill, refill: 18.25 %}",
                "{indicator: x-drain-level, from: w.volume, alarm: 1.8 m}"),
            [
                .at(
                    "16:70", "`alarm: 1.8 m` with `warn: 2.2 m`", "an alarm level above the warning's",
                    "write the higher of the two as `alarm`"),
                .at(
                    "17:52", "`full: 80`", "a threshold with its unit (%, or another of the same kind)",
                    "write `full: 80 %`"),
                .at(
                    "18:35", "the channel `deep.level`, whose unit is m",
                    "a channel with the unit % or / for x-bin-fill (Bin fill level)", "write `from: fill.fill`"),
                .at(
                    "19:59", "`refill: 18.25 %`", "a whole number of the steps of fill.fill, which are 0.1 %",
                    "round it to one"),
                .at(
                    "20:55", "`alarm: 1.8 m`", "a threshold with its unit (m³, or another of the same kind)",
                    "write it in m³, the unit of w.volume"),
            ]),
        Mistake(
            "What samples may be, upside down and not at all",
            kpis(
                "{indicator: en-en-ws-1c, from: ph.ph, allowed: {from: 9.5 pH, to: 6.5 pH}}",
                "{indicator: en-en-ws-1c, from: sim.temperature}",
                "{indicator: en-en-ws-1c, from: fill.fill, allowed: {min: 3 %}}"),
            [
                .at(
                    "16:52", "an `allowed` from 9.5 pH to 6.5 pH, which is upside down", "the lower end first",
                    "write `allowed: {from: 6.5 pH, to: 9.5 pH}`"),
                .at(
                    "17:5", "no `allowed` in kpi en-en-ws-1c", "what a sample must be to comply",
                    "add for example `allowed: {from: 6.5, to: 9.5}`"),
                .at("18:56", "neither `from` nor `to` in `allowed`", "one of them, or both", "add it"),
                .at("18:57", "`min: 3 %` in `allowed`", "`from`", "write `from: 3 %`"),
            ]),
        Mistake(
            "A field without a limit",
            kpis("{indicator: en-en-eq-1c, from: emf.field, site: a}"),
            [
                .at(
                    "16:5", "neither `limit` nor `frequency` in kpi en-en-eq-1c",
                    "the field that is allowed, or the frequency that decides it",
                    "add for example `frequency: 900 MHz`")
            ]),
        Mistake(
            "A field with two limits, one of them in no unit of fields",
            kpis("{indicator: en-en-eq-1c, from: emf.field, site: a, limit: 28 V, frequency: 10 kHz}"),
            [
                .at(
                    "16:63", "`limit: 28 V`", "a quantity with a unit (V/m, or another of the same kind)",
                    "write for example `limit: 28 V/m`"),
                .at(
                    "16:69", "both `limit` and `frequency` in kpi en-en-eq-1c", "one of them",
                    "remove `frequency`, or `limit` to have the limit that ICNIRP has for it"),
                .at(
                    "16:80", "`frequency: 10 kHz`", "between 100 kHz and 300000 MHz",
                    "write for example `frequency: 900 MHz`"),
            ]),
        Mistake(
            "A field averaged over what no guideline has, in a window that no average divides",
            kpis("{indicator: en-en-eq-1c, from: emf.field, site: a, limit: 0 V/m, averaging: 5min, window: 15min}"),
            [
                .at(
                    "16:63", "`limit: 0 V/m`", "a field in whole mV/m, above 0 and at most 3000 V/m",
                    "write for example `limit: 28 V/m`"),
                .at(
                    "16:81", "`averaging: 5min`", "6min (ICNIRP 1998) or 30min (ICNIRP 2020)",
                    "write `averaging: 6min` or `averaging: 30min`"),
                .at(
                    "16:95", "a window of 15min for en-en-eq-1c", "1h, which 6 and 30 minutes divide",
                    "write `window: 1h`"),
            ]),
        Mistake(
            "Noise and travel times without the local time",
            kpis(
                "{indicator: ec-i-t-5a, from: cars.speed, segment: a, length: 350 m}", node: "{id: n1, city: malaga}"),
            [
                .at(
                    "1:7", "no `timezone` in `node`, with kpi ec-i-t-5a",
                    "the local time: peak hours are by the local clock",
                    "add `timezone: Europe/Madrid`, or what it is there")
            ]),
        Mistake(
            "Hours that no day has",
            kpis(
                node: "{id: n1, city: m, noise_periods: {day: 07:30, evening: 19:00, night: 25:00}, "
                    + "peak_hours: {morning: 9-6, evening: 16}}"),
            [
                .at("1:46", "`day: 07:30`", "a whole hour, 00:00 to 23:00", "write for example `day: 07:00`"),
                .at("1:76", "`night: 25:00`", "a whole hour, 00:00 to 23:00", "write for example `night: 23:00`"),
                .at("1:106", "`morning: 9-6`", "two whole hours, from and to", "write for example `morning: 6-9`"),
                .at("1:120", "`evening: 16`", "two whole hours, from and to", "write for example `evening: 16-19`"),
            ]),
        Mistake(
            "An evening that is too short",
            kpis(node: "{id: n1, city: m, noise_periods: {day: 07:00, evening: 19:00, night: 20:00}}"),
            [
                .at(
                    "1:40", "a day of 12 h, an evening of 1 h, then the night",
                    "12 to 14 h, 2 to 4 h, and a night of 8 to 10 h that begins by midnight (2002/49/EC Annex I)",
                    "write for example `noise_periods: {day: 07:00, evening: 19:00, night: 23:00}`")
            ]),
        Mistake(
            "A reference instrument without a certificate",
            instrument("{class: reference}"),
            [
                .at(
                    "3:68", "`class: reference` without a `certificate`",
                    "the certificate by which it is one, with `id` and `valid_until`",
                    "add `certificate: {id: ..., lab: ..., valid_until: 2027-03-01}`, or write `class: indicative`")
            ]),
        Mistake(
            "Everything of an instrument wrong at once",
            instrument(
                "{class: lowcost, cert: x, certificate: {valid_until: 2027-02-29, uncertainty: 5, sha256: abc}}"),
            [
                .at("3:68", "`class: lowcost`", "reference, indicative or low-cost", "write `class: low-cost`"),
                .at("3:77", "`cert: x` in `instrument` of sensor `air`", "`certificate`", "write `certificate: x`"),
                .at("3:99", "no `id` in `certificate`", "the certificate's number", "add `id: K-2026-0815`"),
                .at(
                    "3:113", "`valid_until: 2027-02-29`", "a day as year-month-day",
                    "write for example `valid_until: 2027-03-01`"),
                .at(
                    "3:138", "`uncertainty: 5`", 
                    "the expanded uncertainty (k = 2) as a share of the value, above 0 and at most 100 %",
                    "write for example `uncertainty: 5 %`"),
                .at(
                    "3:149", "a `sha256` of 3 characters", "64 hexadecimal digits",
                    "write what `sha256sum` says of the certificate's file"),
            ]),
        Mistake(
            "Held for less than it takes to read",
            kpis(
                "{indicator: x-drain-level, from: deep.level, hold: 500ms}",
                "{indicator: x-spill, from: m.state, hold: 10s}", "{indicator: x-parking, from: n.state, hold: 61500ms}"),
            [
                .at("16:56", "`hold: 500ms`", "between 1s and 3d", "write `hold: 1s`"),
                .at(
                    "17:47", "a `hold` of 10s, with a sensor that is read every 1min",
                    "at least 1min: else there is a gap after each reading", "write `hold: 3min`, or remove it"),
                .at("18:49", "`hold: 61500ms`", "whole seconds", "round it up"),
            ]),
    ]
}
