import SiteConfig
import Testing
import World

private func sensors(_ lines: String...) -> String {
    head + "sensors:\n" + lines.map { "  - {\($0)}\n" }.joined()
}

@Suite("Buses")
struct BusTests {
    @Test("A bus is the board's, a device, a place in the device tree, or two lines")
    func forms() throws {
        let site = try load(
            sensors(
                "id: a, driver: bme280, bus: i2c1", "id: b, driver: bme280, bus: /dev/i2c-11",
                "id: c, driver: bme280, bus: /soc/i2c@7e804000/i2c-mux@70/i2c@2",
                "id: d, driver: bme280, bus: {sda: GPIO5, scl: J8-31}",
                "id: e, driver: bme280, address: 0x77, bus: {sda: GPIO5, scl: GPIO6}",
                "id: f, driver: bme280, address: 0x77, bus: /dev/i2c-11")
        ).site
        let attachments = site.sensors.map { site.board.buses[Int($0.settings.device?.bus ?? 255)].attachment }
        #expect(attachments[0] == .node("/dev/i2c-1") && attachments[1] == .node("/dev/i2c-11"))
        #expect(attachments[2] == .deviceTree("/soc/i2c@7e804000/i2c-mux@70/i2c@2"))
        guard case .lines(let data, let clock) = attachments[3] else {
            Issue.record("\(attachments[3])")
            return
        }
        #expect(data.chipLabel == "pinctrl-bcm2711" && data.offset == 5 && clock.offset == 6)
        #expect(attachments[4] == attachments[3] && attachments[5] == attachments[1])
        // The same device under its board's name is the same bus.
        #expect(throws: ConfigurationProblems.self) {
            try load(sensors("id: a, driver: bme280, bus: i2c1", "id: b, driver: bme280, bus: /dev/i2c-1"))
        }
    }

    @Test("Two programs cannot send to one socket: the second would silently take the first one's place")
    func sockets() throws {
        let found = try problems(
            sensors(
                "id: a, driver: external, socket: meter, measures: power W",
                "id: b, driver: external, socket: meter, measures: power W",
                "id: c, driver: external, socket: gauge, measures: power W"))
        #expect(found.count == 1 && found[0].contains("a second `socket: meter`"), "\(found)")
    }

    @Test(
        "What cannot be a bus is told, with what to do",
        arguments: [
            (["id: a, driver: bme280, bus: {sda: GPIO5}"], "add `scl: GPIO6`"),
            (["id: a, driver: bme280, bus: {sda: GPIO5, scl: GPIO5}"], "connect them to two lines"),
            (["id: a, driver: bme280, bus: i2c7"], "i2c6 or a device as /dev/i2c-11; write `bus: i2c"),
            (["id: a, driver: bme280, bus: /dev/i2c-x"], "write `bus: i2c"),
            (
                [
                    "id: a, driver: bme280, bus: {sda: GPIO5, scl: GPIO6}",
                    "id: b, driver: bme280, bus: {sda: GPIO13, scl: GPIO6}",
                ], "connect the sensor to that bus, or to two other lines"
            ),
            (
                [
                    "id: a, driver: bme280, bus: {sda: GPIO5, scl: GPIO6}",
                    "id: door, driver: digital-input, line: GPIO6",
                ], "connect sensor `door` to another line"
            ),
        ])
    func mistakes(lines: [String], remedy: String) throws {
        let found = try problems(head + "sensors:\n" + lines.map { "  - {\($0)}\n" }.joined())
        #expect(found.count == 1 && found[0].contains(remedy), "\(found)")
    }
}
