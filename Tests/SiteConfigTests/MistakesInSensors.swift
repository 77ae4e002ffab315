// The golden list of mistakes: sensors: names, keys of other agents, wiring.

import SiteConfig
import Testing

@Suite struct MistakesInSensors {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    func told(mistake: Mistake) throws { try mistake.check() }

    static let mistakes: [Mistake] = [
        Mistake(
            "A key that is nearly right",
            sensor(
                """
                driver: bme280
                bus: i2c1
                evry: 10s
                """),
            [
                .at("7:5", "the unknown key `evry` in sensor `s1`", "`every`", "write `every:`")
            ]),
        Mistake(
            "A key that is nothing",
            sensor(
                """
                driver: bme280
                bus: i2c1
                frobnicate: 1
                """),
            [
                .at(
                    "7:5", "the unknown key `frobnicate` in sensor `s1`", "id, driver, every, bus, address, instrument, channels or warm_up",
                    "remove it, or see the example configuration")
            ]),
        Mistake(
            "Another agent's interval",
            sensor(
                """
                driver: bme280
                bus: i2c1
                update_interval: 60s
                """),
            [
                .at("7:5", "`update_interval: 60s` in sensor `s1`", "`every`", "write `every: 60s`")
            ]),
        Mistake(
            "What is not offered yet",
            sensor(
                """
                driver: bme280
                bus: i2c1
                publish: {every: 60s, as: mean}
                """),
            [
                .at(
                    "7:5", "`publish` in sensor `s1`", "no `publish`: every reading is published in this version",
                    "remove it, and set `every` to what the city needs")
            ]),
        Mistake(
            "Another agent's whole sensor",
            sensor(
                """
                platform: bme280
                i2c_address: 0x76
                """),
            [
                .at(
                    "4:5", "no `driver` in sensor `s1`",
                    "the driver's name (`cityedge drivers` lists them)",
                    "add `driver: bme280`"),
                .at("5:5", "`platform: bme280` in sensor `s1`", "`driver`", "write `driver: bme280`"),
                .at("6:5", "`i2c_address: 0x76` in sensor `s1`", "`address`", "write `address: 0x76`"),
            ]),
        Mistake(
            "Another agent's whole input",
            sensor(
                """
                driver: digital-input
                pin: 17
                inverted: true
                pull_up: true
                """),
            [
                .at("4:5", "no `line` in sensor `s1`", "a GPIO line or header position", "add `line: GPIO17`"),
                .at("6:5", "`pin: 17` in sensor `s1`", "`line`", "write `line: GPIO17`"),
                .at("7:5", "`inverted: true` in sensor `s1`", "`active`", "write `active: low`"),
                .at("8:5", "`pull_up: true` in sensor `s1`", "`bias`", "write `bias: pull-up`"),
            ]),
        Mistake(
            "A driver that is nearly right",
            sensor(
                """
                driver: bme820
                bus: i2c1
                """),
            [
                .at(
                    "5:13", "the unknown driver `bme820`",
                    "a driver's name (`cityedge drivers` lists them)",
                    "write `driver: bme280`")
            ]),
        Mistake(
            "A driver in capitals",
            sensor(
                """
                driver: BME280
                bus: i2c1
                """),
            [
                .at(
                    "5:13", "the unknown driver `BME280`",
                    "a driver's name (`cityedge drivers` lists them)",
                    "write `driver: bme280`")
            ]),
        Mistake(
            "A driver that there is not",
            sensor("driver: thermoscope"),
            [
                .at(
                    "5:13", "the unknown driver `thermoscope`",
                    "a driver's name (`cityedge drivers` lists them)",
                    "write one of them; other chips: `driver: i2c-registers`, other programs: `driver: external`")
            ]),
        Mistake(
            "No id",
            head + "sensors: [{driver: bme280, bus: i2c1}]\n",
            [
                .at("3:11", "no `id` in a sensor", "the sensor's name", "add `id: air`")
            ]),
        Mistake(
            "A line as a bare number",
            sensor(
                """
                driver: digital-input
                line: 17
                """),
            [
                .at(
                    "6:11", "`line: 17`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "write `line: GPIO17` for the GPIO number")
            ]),
        Mistake(
            "A pin as people count",
            sensor(
                """
                driver: digital-input
                line: pin 11
                """),
            [
                .at(
                    "6:11", "`line: pin 11`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "write `line: GPIO11` for the GPIO number, or `line: J8-11` for the position on the header")
            ]),
        Mistake(
            "A header position that is ground",
            sensor(
                """
                driver: digital-input
                line: J8-6
                """),
            [
                .at(
                    "6:11", "`line: J8-6`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "connect it elsewhere: there is power, ground or nothing at that position")
            ]),
        Mistake(
            "A line that the board does not have",
            sensor(
                """
                driver: digital-input
                line: GPIO28
                """),
            [
                .at(
                    "6:11", "`line: GPIO28`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "write a line that the board has, as in `line: GPIO17`")
            ]),
        Mistake(
            "A line that is misspelt",
            sensor(
                """
                driver: digital-input
                line: GIPO17
                """),
            [
                .at(
                    "6:11", "`line: GIPO17`, which raspberry-pi-4b does not have",
                    "a line (GPIO17) or a header position (J8-11)",
                    "write `line: GPIO17`")
            ]),
        Mistake(
            "No line",
            sensor("driver: digital-input"),
            [
                .at("4:5", "no `line` in sensor `s1`", "a GPIO line or header position", "add `line: GPIO17`")
            ]),
        Mistake(
            "Words for level and bias that are not ours",
            sensor(
                """
                driver: digital-input
                line: GPIO17
                active: inverted
                bias: pullup
                """),
            [
                .at("7:13", "`active: inverted`", "high or low", "write one of them"),
                .at("8:11", "`bias: pullup`", "as-is, disabled, pull-up or pull-down", "write `bias: pull-up`"),
            ]),
        Mistake(
            "An address on a line",
            sensor(
                """
                driver: digital-input
                line: GPIO17
                address: 0x76
                """),
            [
                .at(
                    "7:5", "`address: 0x76` in sensor `s1`", "no `address`: digital-input is on a GPIO line",
                    "remove it")
            ]),
        Mistake(
            "A pin on a bus",
            sensor(
                """
                driver: bme280
                bus: i2c1
                pin: 4
                """),
            [
                .at("7:5", "`pin: 4` in sensor `s1`", "no `pin`: bme280 is on an I2C bus", "remove it")
            ]),
        Mistake(
            "A bus for what has none",
            sensor(
                """
                driver: simulated
                bus: i2c1
                """),
            [
                .at(
                    "6:5", "`bus: i2c1` in sensor `s1`", "no `bus`: simulated has neither bus nor line of its own",
                    "remove it")
            ]),
        Mistake(
            "An address without 0x",
            sensor(
                """
                driver: bme280
                bus: i2c1
                address: 76
                """),
            [
                .at(
                    "7:14", "`address: 76`", "an address of a bme280 (0x76 or 0x77)",
                    "write `address: 0x76`: addresses are hexadecimal on the module")
            ]),
        Mistake(
            "An address in the 8-bit form",
            sensor(
                """
                driver: bme280
                bus: i2c1
                address: 0xEC
                """),
            [
                .at(
                    "7:14", "`address: 0xEC`", "an address of a bme280 (0x76 or 0x77)",
                    "write `address: 0x76`: the 8-bit form includes the read/write bit")
            ]),
        Mistake(
            "An address out of range",
            sensor(
                """
                driver: bme280
                bus: i2c1
                address: 0x78
                """),
            [
                .at(
                    "7:14", "`address: 0x78`", "an address of a bme280 (0x76 or 0x77)",
                    "write `address: 0x76`: I2C addresses go from 0x08 to 0x77")
            ]),
        Mistake(
            "An address of another chip",
            sensor(
                """
                driver: bme280
                bus: i2c1
                address: 0x40
                """),
            [
                .at("7:14", "`address: 0x40`", "an address of a bme280 (0x76 or 0x77)", "write `address: 0x76`")
            ]),
        Mistake(
            "No bus",
            sensor("driver: bme280"),
            [
                .at(
                    "4:5", "no `bus` in sensor `s1`", "an I2C bus (i2c1, i2c0, i2c3, i2c4, i2c5 or i2c6)",
                    "add `bus: i2c1`")
            ]),
        Mistake(
            "A bus by its number",
            sensor(
                """
                driver: bme280
                bus: 1
                """),
            [
                .at(
                    "6:10", "`bus: 1`, which raspberry-pi-4b does not have", "i2c1, i2c0, i2c3, i2c4, i2c5, i2c6 or a device as /dev/i2c-11",
                    "write `bus: i2c1`")
            ]),
        Mistake(
            "A bus that is absent",
            sensor(
                """
                driver: bme280
                bus: i2c9
                """),
            [
                .at(
                    "6:10", "`bus: i2c9`, which raspberry-pi-4b does not have", "i2c1, i2c0, i2c3, i2c4, i2c5, i2c6 or a device as /dev/i2c-11",
                    "write `bus: i2c1`")
            ]),
        Mistake(
            "Two sensors at one address, and one id twice",
            head + """
                sensors:
                  - {id: a, driver: bme280, bus: i2c1}
                  - {id: b, driver: bme280, bus: i2c1}
                  - {id: a, driver: bme280, bus: i2c3}

                """,
            [
                .at(
                    "5:5", "address 0x76 on i2c1, which sensor `a` has (c.yaml:4:5)",
                    "one sensor at each address of a bus",
                    "give one of them another address (bme280 can have 0x76 or 0x77)"),
                .at("6:10", "a second sensor `a`", "each id once", "rename this one or the one at c.yaml:4:10"),
            ]),
        Mistake(
            "Two sensors on one line, and an I2C pin as GPIO",
            head + """
                sensors:
                  - {id: a, driver: digital-input, line: GPIO17}
                  - {id: b, driver: digital-input, line: J8-11}
                  - {id: c, driver: digital-input, line: GPIO2}
                  - {id: d, driver: bme280, bus: i2c1}

                """,
            [
                .at(
                    "5:42", "`line: J8-11`, which sensor `a` has (c.yaml:4:42)", "one sensor on each line",
                    "connect one of them to another line"),
                .at(
                    "6:42", "GPIO2 as a GPIO line, which carries i2c1 for sensor `d`",
                    "a line that no bus in use needs",
                    "connect sensor `c` to another line"),
            ]),
    ]
}
