// The golden list of mistakes: numbers, and the units that they lack.

import SiteConfig
import Testing

@Suite struct MistakesInUnits {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    static let mistakes: [Mistake] = [
        Mistake(
            "A duration without its unit",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 10
                """),
            [
                .at("7:12", "`every: 10`", "a duration with a unit (ms, s, min, h or d)", "write `every: 10s`")
            ]),
        Mistake(
            "A metre for a minute",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 5m
                """),
            [
                .at("7:12", "`every: 5m`", "a duration with a unit (ms, s, min, h or d)", "write `every: 5min`")
            ]),
        Mistake(
            "A duration that is no number",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: fast
                """),
            [
                .at(
                    "7:12", "`every: fast`", "a duration with a unit (ms, s, min, h or d)",
                    "write for example `every: 10s`")
            ]),
        Mistake(
            "A decimal comma",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 1,5s
                """),
            [
                .at(
                    "7:12", "`every: 1,5s`", "a duration with a unit (ms, s, min, h or d)",
                    "write `every: 1.5s`, with a decimal point")
            ]),
        Mistake(
            "A unit of nobody's",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 2 weeks
                """),
            [
                .at(
                    "7:12", "`every: 2 weeks`", "a duration with a unit (ms, s, min, h or d)",
                    "write one number with one unit, for example `every: 10s`")
            ]),
        Mistake(
            "Two units at once",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 1h30min
                """),
            [
                .at(
                    "7:12", "`every: 1h30min`", "a duration with a unit (ms, s, min, h or d)",
                    "write one number with one unit, for example `every: 10s`")
            ]),
        Mistake(
            "Faster than any sensor",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 5ms
                """),
            [
                .at("7:12", "`every: 5ms`", "between 10ms and 1d", "write `every: 10ms`")
            ]),
        Mistake(
            "Slower than a day",
            sensor(
                """
                driver: bme280
                bus: i2c1
                every: 2d
                """),
            [
                .at("7:12", "`every: 2d`", "between 10ms and 1d", "write `every: 1d`")
            ]),
        Mistake(
            "A debounce without its unit",
            sensor(
                """
                driver: digital-input
                line: GPIO17
                debounce: 30
                """),
            [
                .at("7:15", "`debounce: 30`", "a duration with a unit (ms, s, min, h or d)", "write `debounce: 30ms`")
            ]),
        Mistake(
            "A size without its unit",
            head + air + "outbox: {max_size: 256}\n",
            [
                .at(
                    "4:20", "`max_size: 256`", "a size with a unit (B, kB, MB, GB, KiB, MiB or GiB)",
                    "write `max_size: 256MiB`")
            ]),
        Mistake(
            "A size with half its unit",
            head + air + "outbox: {max_size: 256M}\n",
            [
                .at(
                    "4:20", "`max_size: 256M`", "a size with a unit (B, kB, MB, GB, KiB, MiB or GiB)",
                    "write `max_size: 256MiB`")
            ]),
        Mistake(
            "A size that holds nothing",
            head + air + "outbox: {max_size: 1MiB}\n",
            [
                .at("4:20", "`max_size: 1MiB`", "between 8MiB and 1024GiB", "write `max_size: 8MiB`")
            ]),
        Mistake(
            "No loss window, without a unit",
            head + air + "outbox: {loss_window: 0}\n",
            [
                .at(
                    "4:23", "`loss_window: 0`", "a duration with a unit (ms, s, min, h or d)",
                    "write `loss_window: 0s`")
            ]),
        Mistake(
            "A loss window that the default batch age does not fit",
            head + air + "outbox: {loss_window: 1s}\n",
            [
                .at(
                    "4:23", "a `batch_age` of 1s with a `loss_window` of 1s",
                    "a `batch_age` of at most half the `loss_window`",
                    "write `batch_age: 500ms`")
            ]),
        Mistake(
            "A batch age that the default loss window does not fit",
            head + air + """
                outbox:
                  batch_age: 8s
                  memory: 2MiB
                  history_order: random
                  history_rate: {bytes_per_second: 100, batches_per_second: 0}

                """,
            [
                .at(
                    "5:14", "a `batch_age` of 8s with a `loss_window` of 10s",
                    "a `batch_age` of at most half the `loss_window`",
                    "write `batch_age: 5s`"),
                .at(
                    "6:11", "`keep_acknowledged` of 4MiB with `memory` of 2MiB", "no more than `memory`",
                    "write `keep_acknowledged: 512KiB`"),
                .at("7:18", "`history_order: random`", "oldest-first or newest-first", "write one of them"),
                .at(
                    "8:36", "`bytes_per_second: 100`", "a size with a unit (B, kB, MB, GB, KiB, MiB or GiB)",
                    "write `bytes_per_second: 100KiB`"),
                .at(
                    "8:61", "`batches_per_second: 0`", "a whole number between 1 and 1000000",
                    "write `batches_per_second: 1`"),
            ]),
        Mistake(
            "A pulse without its unit",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                per_pulse: 10
                """),
            [
                .at(
                    "7:16", "`per_pulse: 10`",
                    "a quantity with a unit (m³, Wh, count or /, or another of the same kind)",
                    "add the unit that the meter shows, for example `per_pulse: 10 L`")
            ]),
        Mistake(
            "A unit that is nearly right",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                per_pulse: 10 Liters
                """),
            [
                .at(
                    "7:16", "`per_pulse: 10 Liters`",
                    "a quantity with a unit (m³, Wh, count or /, or another of the same kind)",
                    "write `per_pulse: 10 liters`")
            ]),
        Mistake(
            "A unit of another kind",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                per_pulse: 10 kg
                """),
            [
                .at(
                    "7:16", "`per_pulse: 10 kg`",
                    "a quantity with a unit (m³, Wh, count or /, or another of the same kind)",
                    "write for example `per_pulse: 10 L`")
            ]),
        Mistake(
            "A quantity that the channel's unit cannot say exactly",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                per_pulse: 1 J
                """),
            [
                .at("7:16", "`per_pulse: 1 J`", "a quantity that is exact in Wh", "write it in Wh")
            ]),
        Mistake(
            "No pulse amount at all",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                """),
            [
                .at(
                    "4:5", "no `per_pulse` in sensor `s1`", "the amount of one pulse: 10 L, 1 Wh, or 1 count",
                    "add `per_pulse: 10 L`")
            ]),
        Mistake(
            "An offset without its unit",
            sensor(
                """
                driver: bme280
                bus: i2c1
                channels: {temperature: {offset: -0.4}}
                """),
            [
                .at(
                    "7:38", "`offset: -0.4`", "an offset with its unit (°C, or another of the same kind)",
                    "write `offset: -0.4 °C`")
            ]),
        Mistake(
            "An offset with a decimal comma between braces",
            sensor(
                """
                driver: bme280
                bus: i2c1
                channels: {temperature: {offset: -0,4 °C}}
                """),
            [
                .at(
                    "7:38", "`offset: -0`", "an offset with its unit (°C, or another of the same kind)",
                    "write `offset: 0 °C`"),
                .at("7:41", "`4 °C` after a comma", "a key", "write decimals with a point, as in 0.4"),
            ]),
        Mistake(
            "Offsets with a wrong unit and none, and a gain that is no number",
            sensor(
                """
                driver: bme280
                bus: i2c1
                channels:
                  temperature: {offset: 1 hPa}
                  humidity: {offset: 2, gain: much}
                """),
            [
                .at(
                    "8:29", "`offset: 1 hPa`", "an offset with its unit (°C, or another of the same kind)",
                    "write it in °C"),
                .at(
                    "9:26", "`offset: 2`", "an offset with its unit (%RH, or another of the same kind)",
                    "write `offset: 2 %RH`"),
                .at("9:35", "`gain: much`", "a number between 0.001 and 1000", "write plain digits"),
            ]),
        Mistake(
            "Calibration of a channel that there is not",
            sensor(
                """
                driver: bme280
                bus: i2c1
                channels: {temprature: {offset: -0.4 °C}}
                """),
            [
                .at(
                    "7:16", "the unknown channel `temprature` of sensor `s1`", "temperature, pressure or humidity",
                    "write `temperature:`")
            ]),
        Mistake(
            "Calibration of an exact count",
            sensor(
                """
                driver: pulse-counter
                line: GPIO17
                per_pulse: 10 L
                channels: {volume: {gain: 1.02}}
                """),
            [
                .at(
                    "8:31", "`gain` of the channel `volume`", "none: it is an exact count or state",
                    "remove `gain`")
            ]),
        Mistake(
            "A unit that cannot be published",
            sensor(
                """
                driver: replay
                file: a.csv
                column: T
                unit: bar
                quantity: pressure
                speed: fast
                loop: yes
                decimals: 9
                """),
            [
                .at("8:11", "`unit: bar`", "a unit that SenML knows (Pa or hPa)", "convert the numbers to one of them"),
                .at("10:12", "`speed: fast`", "a number between 0.001 and 1000000", "write plain digits"),
                .at("11:11", "`loop: yes`", "true or false", "write `loop: true`"),
                .at("12:15", "`decimals: 9`", "a whole number between 0 and 6", "write `decimals: 6`"),
            ]),
        Mistake(
            "A unit that is misspelt, and an empty text",
            sensor(
                """
                driver: replay
                file: a.csv
                column: T
                unit: hpa2
                quantity: ""
                """),
            [
                .at("8:11", "`unit: hpa2`", "a unit (Cel, %RH, hPa, ug/m3, m3, kWh, ...)", "write `unit: hPa`"),
                .at(
                    "9:15", "`quantity: `", "a text of one line: the channel's name: temperature, no2, ...",
                    "write one"),
            ]),
    ]
}
