// `alarms:` what a right one becomes, and the golden list of mistakes.

import SiteConfig
import Testing
import World

@Suite struct AlarmConfigurations {
    static let gauges = [Gauge(name: "aqi", unit: "/", scale: 0, plausible: 0...500, every: .seconds(3_600))]

    private func rules(_ lines: String) throws -> [AlarmRule] {
        try load(head + meters + "alarms:\n" + lines).site.alarms
    }

    @Test("An alarm means what it says, in the scale of its channel; what is left out has its default")
    func good() throws {
        let rules = try rules(
            """
              - {id: heat, when: air.temperature, above: 303.15 K, clear: 28 °C, hold: 1min, clear_after: 10s,
                 severity: critical, lane: security}
              - {id: dry, when: air.humidity, below: 20.005 %}
              - {id: dark, when: mains.state, below: 1}

            """)
        #expect(rules.map(\.id) == ["heat", "dry", "dark"])
        let heat = rules[0]
        #expect(heat.source == .channel(ChannelID(rawValue: 0)) && heat.name == "air.temperature")
        #expect(heat.side == .above && heat.limit == 3_000 && heat.clearLimit == 2_800 && heat.unit == "Cel")
        #expect(heat.hold == .seconds(60) && heat.clearAfter == .seconds(10) && heat.patience == .seconds(90))
        #expect(heat.severity == .critical && heat.lane == .security)
        let dry = rules[1]
        #expect(dry.side == .below && dry.limit == 2_001 && dry.clearLimit == 2_001 && dry.clear == dry.threshold)
        #expect(dry.threshold.description == "20.005", "events tell what was configured")
        #expect(dry.hold == .zero && dry.clearAfter == .zero && dry.severity == .warning && dry.lane == .events)
        #expect(rules[2].limit == 1 && rules[2].scale == 0)
    }

    @Test("A gauge that the node has is watched by its name")
    func gauge() throws {
        func load(_ when: String) throws -> Configuration.Loaded {
            try Configuration.load(
                main: SourceText(
                    name: "c.yaml", bytes: Array((head + air + "alarms: [{id: a, when: \(when), above: 100}]\n").utf8)),
                boards: Files.boards(), compatible: ["raspberrypi,4-model-b"], knownGauges: Self.gauges,
                fileExists: { _ in true })
        }
        let rule = try #require(load("gauge.aqi").site.alarms.first)
        #expect(rule.source == .gauge && rule.name == "aqi" && rule.limit == 100)
        let told = try refusal { try load("gauge.aqj") }.problems.map(\.description)
        #expect(
            told == [
                "c.yaml:4:24: found the unknown gauge `gauge.aqj`; expected gauge.aqi; write `when: gauge.aqi`"
            ])
    }

    @Test("Alarms leave the meaning of readings as it is; drop-ins append them; `config show` tells them whole")
    func surroundings() throws {
        let plain = try load(head + air)
        let alarms = "alarms: [{id: a, when: air.temperature, above: 30 °C}]\n"
        let loaded = try load(
            head + air + alarms, dropIns: [("10.yaml", "alarms: [{id: b, when: air.humidity, below: 20 %}]")])
        #expect(loaded.site.alarms.map(\.id) == ["a", "b"])
        #expect(loaded.site.channels.configHash == plain.site.channels.configHash)
        #expect(loaded.effective.contains("    clear: 30 °C "))
        #expect(loaded.effective.contains("    lane: events                            # default"))
        #expect(try load(loaded.effective).site.alarms == loaded.site.alarms)
    }

    @Test("More than 64 alarms are refused")
    func many() throws {
        let lines = (0..<65).map { "  - {id: a\($0), when: air.temperature, above: 30 °C}\n" }.joined()
        #expect(
            try problems(head + air + "alarms:\n" + lines) == [
                "c.yaml:4:1: found 65 alarms; expected at most 64; divide them among several nodes"
            ])
        #expect(
            try load(head + air + "alarms:\n" + lines.split(separator: "\n").dropLast().joined(separator: "\n"))
                .site.alarms.count == 64)
    }

    @Test("Once its kpi says that single readings may be published, an alarm may watch a count")
    func opened() throws {
        let open = "{indicator: x-people, from: c.count, publish_raw: yes-individual-counts}"
        #expect(try load(kpis(open) + "alarms: [{id: a, when: c.count, above: 5}]\n").site.alarms.count == 1)
    }

    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    static let mistakes: [Mistake] = [
        Mistake(
            "Alarms with nothing in them, or too much",
            head + meters + """
                alarms:
                  - {}
                  - {id: a, when: air.temperature}
                  - {id: b, when: air.temperature, above: 30 °C, below: 10 °C}
                  - {id: a, when: air.temperature, above: 30 °C}
                  - {id: High Heat, when: air.temperature, above: 30 °C}

                """,
            [
                .at(
                    "8:5", "neither `above` nor `below` in an alarm", "the threshold, with its unit",
                    "add for example `above: 200 ug/m3`"),
                .at("8:5", "no `id` in an alarm", "the alarm's name", "add `id: no2-high`"),
                .at("8:5", "no `when` in an alarm", "the channel that it watches", "add `when: air.temperature`"),
                .at(
                    "9:5", "neither `above` nor `below` in alarm `a`", "the threshold, with its unit",
                    "add for example `above: 200 ug/m3`"),
                .at(
                    "10:50", "both `above` and `below` in alarm `b`", "one of them",
                    "remove one; for a band write two alarms"),
                .at("11:10", "a second alarm `a`", "each id once", "rename this one or the one at c.yaml:9:10"),
                .at(
                    "12:10", "`id: High Heat`",
                    "1 to 63 lower-case letters and digits, `-`, `_`, a letter or digit first",
                    "write `id: high-heat`"),
            ]),
        Mistake(
            "Channels that are not there, and units of other things",
            head + meters + """
                alarms:
                  - {id: a, when: air.temprature, above: 30 °C}
                  - {id: b, when: no2.no2, above: 200 ug/m3}
                  - {id: c, when: air.temperature, above: 30 %}
                  - {id: d, when: air.temperature, above: 30}
                  - {id: e, when: air.temperature, above: hot}
                  - {id: f, when: air.humidity, above: 101 %}
                  - {id: g, when: air.temperature, above: 85 °C}
                  - {id: h, when: mains.state, above: 0 m}
                  - {id: i, when: air.temperature, above: 30 grad}

                """,
            [
                .at(
                    "8:19", "the unknown channel `air.temprature`", "air.temperature, air.pressure or air.humidity",
                    "write `when: air.temperature`"),
                .at(
                    "9:19", "the unknown channel `no2.no2`", "a channel, written sensor.quantity",
                    "add a sensor that has it"),
                .at(
                    "10:43", "`above: 30 %`", "a threshold with its unit (°C, or another of the same kind)",
                    "write it in °C, the unit of air.temperature"),
                .at(
                    "11:43", "`above: 30`", "a threshold with its unit (°C, or another of the same kind)",
                    "write `above: 30 °C`"),
                .at(
                    "12:43", "`above: hot`", "a threshold with its unit (°C, or another of the same kind)",
                    "write for example `above: 10 °C`"),
                .at(
                    "13:40", "`above: 101 %`", "a threshold within the plausible range of air.humidity, 0 to 100 %RH",
                    "correct it"),
                .at(
                    "14:43", "`above: 85 °C`", "a threshold that plausible values of air.temperature can pass",
                    "correct it: that is the end of its plausible range"),
                .at("15:39", "`above: 0 m`", "a number", "write it in /, the unit of mains.state"),
                .at(
                    "16:43", "`above: 30 grad`", "a threshold with its unit (°C, or another of the same kind)",
                    "write one number with one unit, for example `above: 10 °C`"),
            ]),
        Mistake(
            "Limits and times that cannot be",
            head + meters + """
                alarms:
                  - {id: a, when: air.temperature, above: 30 °C, clear: 31 °C}
                  - {id: b, when: air.temperature, below: 3 °C, clear: 2 °C}
                  - {id: c, when: air.temperature, below: 3 °C, hold: 25h}
                  - {id: d, when: air.temperature, below: 3 °C, clear_after: 60}
                  - {id: e, when: air.temperature, below: 3 °C, severity: fatal, lane: readings}
                  - {id: f, when: air.temperature, below: 3 °C, clear: 99 °C}

                """,
            [
                .at(
                    "8:57", "`clear` of 31 °C with `above: 30 °C`", "a `clear` below the threshold, or at it",
                    "write `clear: 30 °C` or what lies below"),
                .at(
                    "9:56", "`clear` of 2 °C with `below: 3 °C`", "a `clear` above the threshold, or at it",
                    "write `clear: 3 °C` or what lies above"),
                .at("10:55", "`hold: 25h`", "between 0s and 1d", "write `hold: 1d`"),
                .at(
                    "11:62", "`clear_after: 60`", "a duration with a unit (ms, s, min, h or d)",
                    "write `clear_after: 60s`"),
                .at("12:59", "`severity: fatal`", "information, warning or critical", "write one of them"),
                .at("12:72", "`lane: readings`", "events or security", "write one of them"),
                .at(
                    "13:56", "`clear: 99 °C`",
                    "a threshold within the plausible range of air.temperature, -40 to 85 °C",
                    "correct it"),
            ]),
        Mistake(
            "Alarms that would tell what the readings of people, vehicles, speeds and parking must not",
            kpis(
                "{indicator: x-people, from: c.count}", "{indicator: x-speed, from: cars.speed}",
                "{indicator: x-parking, from: n.state}")
                + """
                alarms:
                  - {id: a, when: c.count, above: 5}
                  - {id: b, when: c.total, above: 5}
                  - {id: c, when: cars.speed, above: 50 km/h}
                  - {id: d, when: n.state, above: 0}
                  - {id: e, when: m.state, above: 0}

                """,
            zip(20..., ["c.count", "c.total", "cars.speed", "n.state"]).map { line, channel in
                let sensor = channel.prefix { $0 != "." }
                return .at(
                    "\(line):19", "an alarm on `\(channel)`, whose single readings are withheld",
                    "a channel whose readings are published: the alarm's event would tell the value",
                    "remove the alarm; or, if anybody may know, write `publish_raw: yes-individual-counts` in every "
                        + "kpi of sensor `\(sensor)`")
            }),
        Mistake(
            "Keys of other agents",
            head + air + """
                alarms:
                  - name: a
                    channel: air.temperature
                    max: 30 °C
                    hysteresis: 2
                    for: 5min
                thresholds: x

                """,
            [
                .at("5:5", "`name: a` in an alarm", "`id`", "write `id: a`"),
                .at(
                    "5:5", "neither `above` nor `below` in an alarm", "the threshold, with its unit",
                    "add for example `above: 200 ug/m3`"),
                .at("5:5", "no `id` in an alarm", "the alarm's name", "add `id: no2-high`"),
                .at("5:5", "no `when` in an alarm", "the channel that it watches", "add `when: air.temperature`"),
                .at("6:5", "`channel: air.temperature` in an alarm", "`when`", "write `when: air.temperature`"),
                .at("7:5", "`max: 30 °C` in an alarm", "`above`", "write `above: 30 °C`"),
                .at(
                    "8:5", "`hysteresis: 2` in an alarm", "`clear`: where the alarm ends",
                    "write the value itself, for example `clear: 180 ug/m3`"),
                .at("9:5", "`for: 5min` in an alarm", "`hold`", "write `hold: 5min`"),
                .at("10:1", "`thresholds: x` in the configuration", "`alarms`", "write `alarms: x`"),
            ]),
    ]
}

private let meters = """
    sensors:
      - {id: air, driver: bme280, bus: i2c1}
      - {id: mains, driver: digital-input, line: GPIO27}
      # Two are enough.

    """
