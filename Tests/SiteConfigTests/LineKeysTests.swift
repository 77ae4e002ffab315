// The keys of line sensors: presets, the wiring that a driver expects, a second line.

import SiteConfig
import Testing
import World

@Suite("Keys of line sensors")
struct LineKeysTests {
    private func sensors(_ text: String) throws -> [SensorSettings] {
        try load(head + "sensors:\n" + text).site.sensors
    }

    private func request(_ keys: String) throws -> LineRequest {
        let found = try sensors("  - {id: w, driver: pulse-counter, line: GPIO17, per_pulse: 10 L\(keys)}\n")
        return try #require(found.first?.settings.line)
    }

    @Test("A preset sets bias, active and debounce; each key beside it has the last word")
    func presets() throws {
        let plain = try request("")
        #expect(plain.bias == .asIs && !plain.isActiveLow && plain.debounce == .milliseconds(5))
        let reed = try request(", preset: reed")
        #expect(reed.bias == .pullUp && reed.isActiveLow && reed.debounce == .milliseconds(20))
        let own = try request(", preset: s0, active: high, debounce: 7ms")
        #expect(own.bias == .pullUp && !own.isActiveLow && own.debounce == .milliseconds(7))
    }

    @Test("A second line is wired as the first, and belongs to the sensor alone")
    func second() throws {
        let found = try sensors(
            "  - {id: w, driver: pulse-counter, line: GPIO17, preset: s0, per_pulse: 10 L, direction: J8-13}\n")
        let direction = try #require(found.first?.settings.lines["direction"])
        #expect(direction.offset == 27 && direction.name == "J8-13" && direction.bias == .pullUp)
        #expect(found.first?.channels.map(\.channel.name) == ["w.volume", "w.total", "w.reverse"])
    }

    @Test(
        "What cannot be of a second line is told at its place",
        arguments: [
            (
                "{id: s1, driver: ultrasonic, line: GPIO24, trigger: GPIO24}",
                "`trigger: GPIO24`, which sensor `s1` has"
            ),
            ("{id: s1, driver: ultrasonic, line: GPIO24}", "no `trigger` in sensor `s1`"),
            ("{id: s1, driver: ultrasonic, line: GPIO24, trigger: GPIO99}", "which raspberry-pi-4b does not have"),
            ("{id: s1, driver: dht22, line: GPIO4, every: 1s}", "`every` shorter than the sensor takes"),
            ("{id: s1, driver: pulse-counter, line: GPIO4, per_pulse: 1 L, preset: open}", "`preset: open`"),
        ])
    func refused(sensor: String, words: String) throws {
        let found = try problems(head + "sensors:\n  - \(sensor)\n")
        #expect(found.contains { $0.contains(words) }, "\(found)")
    }
}
