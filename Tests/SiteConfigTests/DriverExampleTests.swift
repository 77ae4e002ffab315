import Sensors
import Testing

@testable import SiteConfig

@Suite("Examples of drivers")
struct DriverExampleTests {
    @Test("Every example in config/drivers is a good drop-in, and is of the driver that its name says")
    func good() throws {
        for name in try Files.list("config/drivers") where name.hasSuffix(".yaml") {
            let loaded = try Configuration.load(
                main: SourceText(name: "c.yaml", bytes: Array(head.utf8)),
                dropIns: [Files.read("config/drivers/" + name)], boards: Files.boards(),
                compatible: ["raspberrypi,4-model-b"], zone: zones, fileExists: { _ in true })
            #expect(!loaded.site.sensors.isEmpty, "\(name)")
            // Chips that are described, after what they are.
            let driver = name.hasPrefix("registers-") ? "i2c-registers" : String(name.dropLast(5))
            #expect(loaded.site.sensors.allSatisfy { $0.driver == driver }, "\(name)")
        }
    }

    @Test("Every chip has its example")
    func complete() throws {
        let examples = Set(try Files.list("config/drivers"))
        for entry in Catalogue.entries where entry.chip != nil {
            #expect(examples.contains(entry.name + ".yaml"), "\(entry.name)")
        }
    }
}
