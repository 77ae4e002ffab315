// `line:` by name, by position and by chip and number.

import Testing

@testable import SiteConfig

@Suite struct LineNames {
    private static func board(_ name: String) throws -> Board {
        let text = try Files.read("boards/\(name).yaml")
        return try #require(BoardFile.read(text, Findings()))
    }

    private static func line(_ text: String, on board: String) throws -> (BoardLine?, Findings) {
        let findings = Findings()
        let scalar = Scalar(key: "line", text: text, place: Place(file: "c.yaml", line: 1, column: 1))
        return (LineName(board: try Self.board(board), findings: findings).line(scalar), findings)
    }

    @Test(
        "On every board a line can be written as chip and number",
        arguments: ["generic", "raspberry-pi-5", "beaglebone-black", "rock-4", "simulated"])
    func everywhere(board: String) throws {
        let (line, findings) = try Self.line("some-chip:17", on: board)
        #expect(findings.problems.isEmpty)
        #expect(line == BoardLine(name: "some-chip:17", header: nil, chipLabel: "some-chip", offset: 17))
    }

    @Test("A chip's name keeps its case and its own colons, and the number its range")
    func chips() throws {
        let acpi = try Self.line("INT34C5:00:7", on: "generic").0
        #expect(acpi?.chipLabel == "INT34C5:00" && acpi?.offset == 7)
        let device = try Self.line("4804c000.gpio:28", on: "generic").0
        #expect(device?.chipLabel == "4804c000.gpio" && device?.offset == 28)
        #expect(try Self.line("gpio0:0", on: "generic").0?.chipLabel == "gpio0")
        #expect(try Self.line("chip:65535", on: "generic").0?.offset == 65_535)
        for wrong in [
            "chip:65536", "chip:-1", "chip:+1", "chip:", ":1", "chip", "a chip:1", "/dev/gpiochip0:1", "gpiochip4:17",
            "chip:0x11", String(repeating: "c", count: 64) + ":1",
        ] {
            #expect(try Self.line(wrong, on: "generic").0 == nil, "\(wrong)")
            #expect(try Self.line(wrong, on: "generic").1.problems.count == 1, "\(wrong)")
        }
    }

    @Test("A line of the board is the same line however it is written")
    func same() throws {
        for text in ["GPIO17", "gpio17", "J8-11", "j8-11", "pinctrl-rp1:17", "pinctrl-rp1:017"] {
            #expect(try Self.line(text, on: "raspberry-pi-5").0?.header == "J8-11", "\(text)")
        }
        #expect(try Self.line("4804c000.gpio:28", on: "beaglebone-black").0?.name == "P9_12")
        #expect(try Self.line("gpio4:18", on: "rock-4").0?.name == "GPIO4_C2")
    }

    @Test("Two sensors on one line are told apart neither by its name nor by its chip and number")
    func conflict() throws {
        let text = head + """
            sensors:
              - {id: a, driver: digital-input, line: GPIO17}
              - {id: b, driver: digital-input, line: pinctrl-bcm2711:17}
              - {id: c, driver: bme280, bus: i2c1}
              - {id: d, driver: digital-input, line: pinctrl-bcm2711:2}

            """
        let found = try refusal { try load(text) }.problems.map { "\($0.line):\($0.column) \($0.found)" }
        #expect(
            found == [
                "5:42 `line: pinctrl-bcm2711:17`, which sensor `a` has (c.yaml:4:42)",
                "7:42 GPIO2 as a GPIO line, which carries i2c1 for sensor `c`",
            ])
    }

    @Test("A whole site can stand on a computer that no definition describes")
    func generic() throws {
        let text = head + """
            board: generic
            sensors:
              - {id: mains, driver: digital-input, line: pinctrl-bcm2711:17}
              - {id: air, driver: bme280, bus: i2c7}

            """
        let site = try load(text).site
        let line = try #require(site.sensors[0].settings.line)
        #expect(line.chipLabel == "pinctrl-bcm2711" && line.offset == 17 && line.name == "pinctrl-bcm2711:17")
        let device = try #require(site.sensors[1].settings.device)
        #expect(site.board.buses[Int(device.bus)].place == "/dev/i2c-7")
    }

    @Test(
        "What is no line is told with what to write",
        arguments: [
            (
                "generic", "GPIO17", "a chip and the number of a line on it (pinctrl-bcm2711:17)",
                "write `line: CHIP:NUMBER`, as `gpiodetect` and `gpioinfo` show them"
            ),
            (
                "raspberry-pi-5", "gpiochip4:17", "a line (GPIO17) or a header position (J8-11)",
                "write the chip's label, which `gpiodetect` shows in brackets: the number after `gpiochip` moves"
            ),
            (
                "orangepi-zero-3", "300b000.pinctrl:PC9", "a line (PH5) or a header position (PIN-3)",
                "write the number of the line after the colon, as in `line: pinctrl-bcm2711:17`"
            ),
            (
                "beaglebone-black", "P9-41", "a line (P8_7) or a header position (P8-7)",
                "write `line: P9-41A` or `line: P9-41B`: two lines share that position"
            ),
            (
                "beaglebone-black", "pin 12", "a line (P8_7) or a header position (P8-7)",
                "write `line: P8-12` for the position on the header, or `line: P9-12` for the position on the header"
            ),
            (
                "beaglebone-black", "P9-1", "a line (P8_7) or a header position (P8-7)",
                "connect it elsewhere: there is power, ground or nothing at that position"
            ),
            (
                "rock-4", "pin 11", "a line (GPIO2_A7) or a header position (PIN-3)",
                "write `line: PIN-11` for the position on the header"
            ),
            (
                "odroid-c4", "GPIOX17", "a line (GPIOX_17) or a header position (PIN-3)", "write `line: GPIOX_17`"
            ),
        ])
    func mistakes(board: String, text: String, expected: String, remedy: String) throws {
        let (line, findings) = try Self.line(text, on: board)
        #expect(line == nil)
        let problem = try #require(findings.problems.first)
        #expect(problem.found == "`line: \(text)`, which \(board) does not have")
        #expect(problem.expected == expected)
        #expect(problem.remedy == remedy)
    }
}
