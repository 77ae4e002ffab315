// A node that replays its share of the recorded year, and what befalls it: restarts, crashes, power cuts and an outage
// of the broker, by seed.

import Gateway
import KPIs
import Sensors
import SimulatedWorld
import Uplink
import World

enum Befalling: Equatable {
    /// An orderly restart.
    case restart
    /// kill -9.
    case crash
    /// For so many seconds.
    case powerCut(Int64)
    case brokerAway
    case brokerBack
}

/// What the city has of a node after its share of the year, and what the test knows of how it went.
struct AirNodeStory: Sendable {
    var id: String
    /// UTC of virtual time 0.
    var begin: Int64
    var lives: [NodeRun.Life]
    var messages: [[UInt8]]
    var events: [[UInt8]]
    var isDrained: Bool
    var undrained: String

    /// The readings of each stream, from the recording and the moments at which its processes lived.
    func readings(_ year: RecordedYear, every: Int64) -> [UInt64: HeldReadings] {
        var streams: [UInt64: HeldReadings] = [:]
        for life in lives {
            let boot = NodeRun.seconds(life.bootedAt), from = NodeRun.seconds(life.from), to = NodeRun.seconds(life.to)
            var moment = from
            while moment < to {
                let second = begin + moment
                streams[life.stream, default: HeldReadings()].readings.append(
                    (second, year.values[Int((second - RecordedYear.start) / 3_600)]))
                moment = boot + ((moment - boot) / every + 1) * every
            }
        }
        return streams
    }
}

/// One third of the year, or what else is asked for.
struct AirNode {
    let id: String
    let hours: Range<Int64>
    let seed: UInt64
    var inhabitants: Int64 = 1
    var befallings: [(second: Int64, what: Befalling)] = []
    var change: (inout NodeRun.Node) -> Void = { _ in }

    static let every: Int64 = 1_500
    /// Six times the default: a year has 8,760 of them.
    static let checkpoint: Int64 = 3_600

    static let table = ChannelTable(
        channels: [Channel(name: "no2.no2", unit: "ug/m3", scale: -2, plausible: 0...100_000)], configHash: "9c1e04d2")

    static func binding(inhabitants: Int64) -> KPIBinding {
        var method = KPIBinding.Method()
        method.holdSeconds = HeldReadings.holdSeconds
        return KPIBinding(
            indicator: Indicator.named("en-en-aq-1c")!, channel: ChannelID(rawValue: 0), channelName: "no2.no2",
            unit: "ug/m3", scale: -2, series: "no2", weight: Weight(.inhabitants, inhabitants), windowSeconds: 3_600,
            method: method, instrument: .reference)
    }

    /// The driver `replay`, with the rest of the recording; the first channel.
    static func analyser(_ year: RecordedYear, from moment: UTC, through hour: Int64) throws -> InstalledSensor {
        var settings = DriverSettings(sensorID: "no2", every: .seconds(every))
        settings.values = [
            "file": .text("year.csv"), "column": .text("no2"), "unit": .text("ug/m3"), "quantity": .text("no2"),
            "missing": .number(-200), "speed": .number(1), "loop": .flag(false), "decimals": .integer(2),
        ]
        settings.files = ["file": year.csv(from: moment, through: hour)]
        guard let entry = Catalogue.entry(named: "replay") else { invariantFailed("no driver replay") }
        return InstalledSensor(
            id: "no2", driver: try entry.make(settings), every: .seconds(every),
            channels: [InstalledChannel(id: ChannelID(rawValue: 0), channel: table.channels[0])],
            device: nil)
    }

    /// Something every three to twenty days.
    mutating func befall() {
        var random = Random(seed: seed, purpose: "what befalls \(id)")
        var moment: Int64 = 0
        let end = Int64(hours.count) * 3_600
        while true {
            moment += 3 * 86_400 + Int64(random.below(17 * 86_400))
            guard moment < end - 86_400 else { return }
            switch random.below(5) {
            case 0, 1: befallings.append((moment, .restart))
            case 2: befallings.append((moment, .crash))
            case 3: befallings.append((moment, .powerCut(30 + Int64(random.below(300)))))
            default: befallings.append((moment, .powerCut(3_600 + Int64(random.below(20_000)))))
            }
        }
    }

    func live(_ year: RecordedYear) throws -> AirNodeStory {
        let begin = RecordedYear.start + hours.lowerBound * 3_600
        // Sampling begins at the half of a second: the bound of the clock never moves a reading to another one.
        let clock = SimulatedClock(
            seed: seed, beginsAt: UTC(nanoseconds: begin * 1_000_000_000 + 500_000_000))
        let end = hours.upperBound
        var node = NodeRun.Node(id: id, table: Self.table, kpis: [Self.binding(inhabitants: inhabitants)]) { moment in
            [try Self.analyser(year, from: moment, through: end)]
        }
        node.checkpointEvery = .seconds(Self.checkpoint)
        node.keepAcknowledgedBytes = 512 << 10
        change(&node)
        let run = NodeRun(node, seed: seed, clock: clock)
        try run.run(until: 5)
        try run.start()
        for (second, what) in befallings.sorted(by: { $0.second < $1.second }) {
            try run.run(until: Self.awayFromReadings(max(second, run.now + 300), run))
            switch what {
            case .restart:
                try run.stop()
                try run.run(until: run.now + 3)
                try run.start()
            case .crash:
                run.kill()
                try run.run(until: run.now + 5)
                try run.start()
            case .powerCut(let off):
                run.cutPower(off: off)
                try run.run(until: run.now + 20)
                try run.start()
            case .brokerAway: run.broker.goAway(.unreachable)
            case .brokerBack: run.broker.comeBack()
            }
        }
        try run.run(until: Self.awayFromReadings(Int64(hours.count) * 3_600 + 60, run))
        run.finishSampling()
        let isDrained = try run.drain(within: 86_400)
        return AirNodeStory(
            id: id, begin: begin, lives: run.lives, messages: run.contributionMessages, events: run.eventMessages,
            isDrained: isDrained, undrained: run.undrained)
    }

    /// Everything that has been taken is older than the loss window, and nothing is being taken.
    private static func awayFromReadings(_ second: Int64, _ run: NodeRun) -> Int64 {
        let boot = run.lives.last.map { NodeRun.seconds($0.bootedAt) } ?? 0
        let phase = (second - boot) % every
        if phase < 30 { return second + 30 - phase }
        return phase > every - 30 ? second + every - phase + 30 : second
    }
}
