// The time zone that a loaded site carries.

import Glibc
import KPIs
import SiteConfig
import Testing

@testable import Agent

@Suite("A site's time zone") struct SiteZoneTests {
    @Test("It has the rules and the version of this computer's database")
    func loaded() throws {
        let database = ZoneFiles(folder: "/usr/share/zoneinfo")
        guard case .found(let zone) = database.lookUp("Europe/Rome") else {
            Issue.record("no Europe/Rome: apt install tzdata")
            return
        }
        #expect(zone.name == "Europe/Rome")
        #expect(zone.rules.offsetSeconds(at: 1_751_328_000) == 7_200, "2025-07-01")
        #expect(zone.rules.offsetSeconds(at: 1_735_689_600) == 3_600, "2025-01-01")
        let file = try #require(fopen("/usr/share/zoneinfo/tzdata.zi", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        try #require(fgets(&line, 64, file) != nil)
        let first = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #expect(first == "# version \(zone.version)\n")

        let demo = try #require(Folders.shipped("config")) + "/demo.yaml"
        #expect(try loadSite(demo).site.zone == zone)
    }

    @Test("The simulated node lives in universal time, whatever this computer has")
    func simulated() throws {
        #expect(try simulationSite().zone == SiteZone(name: "Etc/UTC", rules: .utc, version: "none"))
    }
}
