// Whether the estimated hours of outage are true: the whole agent on simulated sensors, without a broker, in virtual
// time, until so many bytes of flash are full.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import SimulatedWorld
import SiteConfig
import Testing
import World

@testable import Agent

@Suite("Estimates") struct EstimateTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var sensors: String
    }

    private static let quantities = ["temperature", "humidity", "pressure", "pm2_5", "noise"]

    private static func simulated(_ count: Int, every: String) -> String {
        (0..<count).map {
            "  - {id: s\($0), driver: simulated, quantity: \(quantities[$0 % quantities.count]), seed: \($0),"
                + " every: \(every)}\n"
        }.joined()
    }

    static let cases = [
        Case(testDescription: "16 channels at 1 Hz", sensors: simulated(16, every: "1s")),
        Case(testDescription: "8 channels every 60 s", sensors: simulated(8, every: "60s")),
        Case(
            testDescription: "two chips every 60 s, water and its KPI",
            sensors: """
                  - {id: air, driver: bme280, bus: i2c1, address: 0x76, every: 60s}
                  - {id: roof, driver: bme280, bus: i2c1, address: 0x77, every: 60s}
                  - {id: water, driver: pulse-counter, line: GPIO17, bias: pull-up, per_pulse: 10 L, every: 60s}
                kpis:
                  - {indicator: en-en-ws-2c, from: water.volume, zone: dma-1}

                """),
    ]

    /// Flash that is filled: enough that beginnings do not count, little enough for a test.
    private static let bytes = 256 << 10

    @Test("An outage fills the flash within 30 % of the estimated hours", arguments: cases)
    func hours(_ example: Case) throws {
        let site = try Self.site(example.sensors)
        var estimate = Estimate(site)
        estimate.flashBytes = Self.bytes
        let hours = try Self.hoursUntilFull(site)
        #expect(hours * 0.7...hours * 1.3 ~= estimate.hoursOfOutage, "full after \(hours) h")
        print("\(example.testDescription): estimated \(estimate.hoursOfOutage) h, full after \(hours) h")
    }

    private static func site(_ sensors: String) throws -> Site {
        var template = Array("/tmp/cityedge-estimate-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        let text = "node: {id: n, city: c}\nboard: simulated\nclock: trust-system\nbroker: {url: mqtt://127.0.0.1}\n"
            + "sensors:\n" + sensors
        let bytes = Array(text.utf8)
        try #require(write(descriptor, bytes, bytes.count) == bytes.count)
        return try loadSite(path).site
    }

    private static func hoursUntilFull(_ site: Site) throws -> Double {
        let clock = SimulatedClock(seed: 1)
        let disk = SimulatedDisk(clock: clock, seed: 1)
        let broker = SimulatedBroker(clock: clock, seed: 1)
        broker.goAway(.unreachable)
        let boot = try #require(BootID(text: clock.bootID))
        let assembly = Assembly(site: site, boot: boot)
        var random = Random(seed: 1)
        let outbox = try Outbox(
            disk: disk.handle(), limits: assembly.outboxLimits, dictionary: assembly.dictionary, boot: boot,
            random: &random)
        let readings = Ring<Reading>(capacity: Limits.ringReadings)
        let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterPage.bytes, alignment: 64)
        page.initializeMemory(as: UInt8.self, repeating: 0)
        defer { page.deallocate() }
        let counters = CounterPage(memory: page)
        var courier = Courier(
            clock: clock, plan: assembly.plan(password: nil, reconnectLongest: .seconds(300), serial: nil),
            outbox: outbox, broker: broker.client(), random: random, readings: readings, notices: notices,
            counters: counters)
        let hardware = try simulatedHardware(of: site, seed: 1) { clock.now() }
        var sampler = Sampler(
            clock: clock, bus: hardware.bus, lines: hardware.lines, attributes: hardware.attributes,
            sensors: try assembly.installedSensors(), readings: readings, notices: notices, counters: counters,
            counts: SamplerCounts())
        while courier.outbox.flashBytes < bytes {
            var next = min(sampler.step(), hardware.lines.nextChange())
            next = min(next, courier.step())
            _ = courier.takeJournal()
            var moment = clock.virtualTime(of: next)
            if let due = disk.nextDeadline { moment = min(moment, due) }
            if let due = broker.nextDeadline { moment = min(moment, due) }
            clock.advance(to: max(moment, clock.elapsed))
        }
        return Double((clock.elapsed - .zero).nanoseconds) / 3.6e12
    }
}
