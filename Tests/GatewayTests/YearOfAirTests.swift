import Gateway
import KPIs
import Sensors
import SimulatedWorld
import Testing
import Uplink
import World

@Suite("probe") struct ProbeTests {
    @Test("idle week") func idle() throws {
        let start: Int64 = 1_710_093_600
        let clock = SimulatedClock(seed: 3, beginsAt: UTC(nanoseconds: start * 1_000_000_000 + 500_000_000))
        let table = ChannelTable(
            channels: [Channel(name: "no2.no2", unit: "ug/m3", scale: -2, plausible: 0...100_000)], configHash: "9c1e04d2")
        var binding = KPIBinding(
            indicator: Indicator.named("en-en-aq-1c")!, channel: ChannelID(rawValue: 0), channelName: "no2.no2",
            unit: "ug/m3", scale: -2, series: "no2", windowSeconds: 3600)
        binding.method.holdSeconds = 1800
        let csv = "timestamp,v\n0,113\n3600,90\n7200,100\n900000,20\n"
        let run = NodeRun(
            NodeRun.Node(id: "a", table: table, kpis: [binding]) { _ in
                var settings = DriverSettings(sensorID: "no2", every: .seconds(600))
                settings.values = ["file": .text("a"), "column": .text("v"), "unit": .text("ug/m3"), "quantity": .text("no2"), "missing": .number(-200), "speed": .number(1), "loop": .flag(false), "decimals": .integer(2)]
                settings.files = ["file": Array(csv.utf8)]
                let entry = Catalogue.entry(named: "replay")!
                return [InstalledSensor(id: "no2", driver: try entry.make(settings), every: .seconds(600), channels: [InstalledChannel(id: ChannelID(rawValue: 0), channel: table.channels[0], gain: 1, offset: 0)], device: nil)]
            }, seed: 3, clock: clock)
        try run.run(until: 10)
        try run.start()
        let begin = ContinuousClock().now
        try run.run(until: 7 * 86_400)
        print("week", ContinuousClock().now - begin, run.contributions.entries.count, run.contributionMessages.count, run.refused)
        run.broker.goAway(.unreachable)
        let b2 = ContinuousClock().now
        try run.run(until: 14 * 86_400)
        print("offline week", ContinuousClock().now - b2, run.disk.flash.bytesUsed)
    }
}
