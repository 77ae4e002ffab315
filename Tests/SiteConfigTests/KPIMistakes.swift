// The golden list of mistakes in `kpis:`.

import KPIs
import SiteConfig
import Testing

@Suite struct MistakesInKPIs {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    @Test("More than 64 bindings are refused")
    func many() throws {
        let text = head + air + "kpis:\n"
        let lines = (0..<65).map { "  - {indicator: ec-ict-ws-1c, from: air.temperature, meter: m\($0)}\n" }
        let found = try problems(text + lines.joined())
        #expect(
            found.contains(
                "c.yaml:4:1: found 65 bindings; expected at most 64; divide the sensors among several nodes"))
    }

    /// `kpis:` begins in line 15.
    static let mistakes: [Mistake] = [
        Mistake(
            "A binding with everything nearly right",
            kpis("{indicator: en-en-ws-2, from: w.volum, zone: DMA 7, window: 30min}"),
            [
                .at("16:17", "the unknown indicator `en-en-ws-2`", slugs("or"), "write `indicator: en-en-ws-2c`"),
                .at("16:35", "the unknown channel `w.volum`", "w.volume or w.total", "write `from: w.volume`"),
            ]),
        Mistake(
            "Names and windows",
            kpis("{indicator: en-en-ws-2c, from: w.volume, zone: DMA 7, window: 30min}"),
            [
                .at(
                    "16:52", "`zone: DMA 7`",
                    "1 to 63 lower-case letters and digits, `-`, `_`, a letter or digit first", "write `zone: dma-7`"),
                .at("16:67", "a window of 30min", "15min or 1h", "write `window: 15min` or `window: 1h`"),
            ]),
        Mistake(
            "A meter's total where its amounts belong",
            kpis("{indicator: en-en-ws-2c, from: w.total}"),
            [
                .at(
                    "16:36", "the meter's total `w.total`", "amounts, which the indicator can sum",
                    "write `from: w.volume`")
            ]),
        Mistake(
            "A channel of the wrong unit, and one counted twice",
            kpis(
                "{indicator: en-e-e-2c, from: w.volume}", "{indicator: en-en-ws-2c, from: w.volume}",
                "{indicator: \"EN: EN: WS: 2C\", from: w.volume}", "{channel: w.volume}"),
            [
                .at(
                    "16:34", "the channel `w.volume`, whose unit is m3",
                    "a channel with the unit Wh, kWh or MWh for en-e-e-2c (Electricity consumption)",
                    "add a sensor that measures it"),
                .at(
                    "18:5", "`w.volume` for en-en-ws-2c a second time", "each channel once for an indicator",
                    "remove this one or the one at c.yaml:17:5"),
                .at("19:5", "no `from` in a kpi", "the channel it counts", "add `from: water.volume`"),
                .at(
                    "19:5", "no `indicator` in a kpi", "a code or slug (\(slugs(",")))", "add `indicator: en-en-ws-2c`"),
                .at("19:6", "`channel: w.volume` in a kpi", "`from`", "write `from: w.volume`"),
            ]),
        Mistake(
            "Customers missing, misspelt and superfluous",
            kpis(
                "{indicator: ec-i-es-1c, from: m.state}", "{indicator: ec-i-es-2c, from: m.state, customers: none}",
                "{indicator: en-en-ws-2c, from: w.volume, customers: 3}"),
            [
                .at(
                    "16:5", "no `customers` in kpi ec-i-es-1c", "how many customers this line stands for",
                    "add `customers: 1`"),
                .at("17:55", "`customers: none`", "a whole number between 1 and 10000000", "write `customers: 1`"),
                .at(
                    "18:46", "`customers` in kpi en-en-ws-2c", "what Water consumption takes: `zone`", "remove it"),
            ]),
        Mistake(
            "Labels that are missing, and words that are no such",
            kpis(
                "{indicator: ec-i-ws-3c, from: w.volume, zone: dma-7}",
                "{indicator: en-en-ws-3c, from: w.volume, source: river}",
                "{indicator: ec-ict-t-2c, from: w.volume, segment: a, road_class: arterail, length: 350 m}",
                "{indicator: ec-ict-t-3a, from: m.state}"),
            [
                .at(
                    "16:5", "no `role` in kpi ec-i-ws-3c",
                    "what the meter is to its zone: inlet, outlet or consumption", "add `role: inlet`"),
                .at(
                    "17:54", "`source: river`", "fresh, groundwater, surface, reused, rain or sea", "write one of them"),
                .at(
                    "18:70", "`road_class: arterail`", "arterial, highway or local", "write `road_class: arterial`"),
                .at(
                    "19:5", "no `intersection` in kpi ec-ict-t-3a", "the intersection's name",
                    "add `intersection: plaza-mayor-north`"),
            ]),
        Mistake(
            "Weights with other units, or none",
            kpis(
                "{indicator: ec-ict-ws-2a, from: w.volume, segment: a, length: 350}",
                "{indicator: ec-ict-es-2a, from: m.state, segment: a, length: 350.5 m}",
                "{indicator: ec-ict-d-1a, from: m.state, segment: a, length: 2 h}",
                "{indicator: ec-ict-d-1a, from: w.volume, segment: b}"),
            [
                .at(
                    "16:67", "`length: 350`", "a quantity with a unit (m, or another of the same kind)",
                    "add the unit, for example `length: 350 m`"),
                .at(
                    "17:66", "`length: 350.5 m`", "a whole number of m between 1 and 1000000",
                    "write for example `length: 350 m`"),
                .at(
                    "18:65", "`length: 2 h`", "a quantity with a unit (m, or another of the same kind)",
                    "write for example `length: 350 m`"),
                .at("19:5", "no `length` in kpi ec-ict-d-1a", "how long the segment is", "add `length: 350 m`"),
            ]),
        Mistake(
            "Two owners of one set of customers, and of one asset",
            kpis(
                "{indicator: ec-i-es-1c, from: m.state, customers: 3, customer_set: a}",
                "{indicator: ec-i-es-1c, from: n.state, customers: 3, customer_set: a}",
                "{indicator: ec-ict-ws-1c, from: w.volume, meter: m1}",
                "{indicator: ec-ict-ws-1c, from: m.state, meter: m1}"),
            [
                .at(
                    "17:5", "`customer_set: a` for ec-i-es-1c a second time",
                    "one binding for each, or it counts twice", "remove this one or the one at c.yaml:16:5"),
                .at(
                    "19:5", "`meter: m1` for ec-ict-ws-1c a second time", "one binding for each, or it counts twice",
                    "remove this one or the one at c.yaml:18:5"),
            ]),
        Mistake(
            "States, counts and lines that are something else",
            kpis(
                "{indicator: ec-i-es-1c, from: sim.temperature, customers: 3}",
                "{indicator: ec-i-es-1c, from: c.count, customers: 3}", "{indicator: x-vehicles, from: m.state}",
                "{indicator: ec-ict-es-1c, from: slow.state, meter: m1}"),
            [
                .at(
                    "16:35", "the channel `sim.temperature`, whose unit is Cel",
                    "a channel with the unit / for ec-i-es-1c (Electricity system outage frequency)",
                    "write `from: m.state`"),
                .at(
                    "17:35", "the channel `c.count`, whose unit is count",
                    "a channel with the unit / for ec-i-es-1c (Electricity system outage frequency)",
                    "write `from: m.state`"),
                .at(
                    "18:35", "the state `m.state`",
                    "counts since the reading before, for x-vehicles (Vehicle counts)", "write `from: c.count`"),
                .at(
                    "19:37", "the channel `slow.state`, which is read every 1d",
                    "a sensor that is read in every window of 1h", "write `every: 1h` or less in sensor `slow`"),
            ]),
        Mistake(
            "Raw counts by accident, and minimums that are none",
            kpis("{indicator: x-people, from: c.count, publish_raw: true, minimum_count: 1}"),
            [
                .at(
                    "16:55", "`publish_raw: true`",
                    "no such key, or `yes-individual-counts`: each single reading then tells who passed when",
                    "remove it: only counts of windows leave the node then; or write "
                        + "`publish_raw: yes-individual-counts`"),
                .at("16:76", "`minimum_count: 1`", "a whole number between 3 and 1000", "write `minimum_count: 3`"),
            ]),
        Mistake(
            "Keys of another indicator, and of another agent",
            kpis("{indicator: en-en-ws-2c, from: w.volume, segment: a, full: 80 %, population: 4}"),
            [
                .at("16:46", "`segment` in kpi en-en-ws-2c", "what Water consumption takes: `zone`", "remove it"),
                .at("16:58", "`full` in kpi en-en-ws-2c", "what Water consumption takes: `zone`", "remove it"),
                .at("16:70", "`population: 4` in kpi en-en-ws-2c", "`inhabitants`", "write `inhabitants: 4`"),
            ]),
        Mistake(
            "A binding to a sensor that has a problem of its own",
            sensor("driver: digital-input\nline: GPIO99\n")
                + "kpis: [{indicator: ec-i-es-1c, from: s1.state, customers: 4}]\n",
            [
                .at(
                    "6:11", "`line: GPIO99`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "write a line that the board has, as in `line: GPIO17`")
            ]),
    ]

    /// All slugs, as messages list them.
    private static func slugs(_ last: String) -> String {
        let all = Indicator.all.map(\.slug)
        if last == "," { return all.joined(separator: ", ") }
        return all.dropLast().joined(separator: ", ") + " or " + all[all.count - 1]
    }
}

/// A node with some of everything, and these bindings; the first is in line 16.
func kpis(_ bindings: String..., node: String = "{id: n1, city: malaga, timezone: Europe/Madrid}") -> String {
    """
    node: \(node)
    broker: {url: mqtt://b}
    sensors:
      - {id: w, driver: pulse-counter, line: GPIO17, per_pulse: 10 L}
      - {id: m, driver: digital-input, line: GPIO27}
      - {id: n, driver: digital-input, line: GPIO22}
      - {id: c, driver: pulse-counter, line: GPIO23, per_pulse: 1 count}
      - {id: slow, driver: digital-input, line: GPIO24, every: 1d}
      - {id: sim, driver: simulated, quantity: temperature}
      - {id: fill, driver: simulated, quantity: fill}
      - {id: deep, driver: simulated, quantity: level}
      - {id: ph, driver: simulated, quantity: ph}
      - {id: emf, driver: simulated, quantity: field}
      - {id: cars, driver: simulated, quantity: speed}
    kpis:

    """ + bindings.map { "  - \($0)\n" }.joined()
}
