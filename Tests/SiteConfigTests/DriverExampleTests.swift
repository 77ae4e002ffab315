import Sensors
import SiteConfig
import Testing
import World

@Suite("Examples of drivers")
struct DriverExampleTests {
    private static let names = (try? Files.list("config/drivers"))?.filter { $0.hasSuffix(".yaml") } ?? []

    @Test("Every example can be dropped in as it is, and is accepted", arguments: names)
    func accepted(name: String) throws {
        let text = try Files.read("config/drivers/" + name)
        let loaded = try Configuration.load(
            main: SourceText(name: "c.yaml", bytes: Array(head.utf8)), dropIns: [text], boards: Files.boards(),
            compatible: ["raspberrypi,4-model-b", "brcm,bcm2711"], zone: zones, fileExists: { _ in true })
        #expect(!loaded.site.sensors.isEmpty)
        #expect(text.bytes.first == UInt8(ascii: "#"), "it opens with what it is")
    }

    @Test("Every driver has an example, by its name")
    func every() throws {
        let shown = Set(Self.names.map { String($0.dropLast(5)) })
        let missing = Catalogue.entries.map(\.name).filter { name in
            // Chips that are described, after what they are.
            let kind = name == "i2c-registers" ? "registers" : name
            return !shown.contains { $0 == name || $0.hasPrefix(kind + "-") }
        }
        #expect(missing == [])
    }
}
