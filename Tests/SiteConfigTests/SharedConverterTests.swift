// Several sensors on one converter, and the drop-ins that show how a driver is configured.

import SiteConfig
import Testing

@Suite("Shared converters")
struct SharedConverterTests {
    @Test("Sensors with inputs of one converter may have one address")
    func shared() throws {
        let loaded = try load(
            head + """
                sensors:
                  - {id: tank, driver: ads1115, bus: i2c1, inputs: ain0}
                  - {id: p, driver: ads1115, bus: i2c1, inputs: ain1, shunt: 165 Ohm, at_4ma: 0, at_20ma: 5, unit: m}

                """)
        #expect(loaded.site.sensors.map(\.id) == ["tank", "p"])
    }

    @Test("A chip that is no converter shares its address with none")
    func notShared() throws {
        let found = try problems(
            head + """
                sensors:
                  - {id: a, driver: ads1115, bus: i2c1, address: 0x48}
                  - {id: b, driver: scd30, bus: i2c1}
                  - {id: c, driver: scd30, bus: i2c1}

                """)
        #expect(found.count == 1 && found.first?.contains("which sensor `b` has") == true, "\(found)")
    }
}
