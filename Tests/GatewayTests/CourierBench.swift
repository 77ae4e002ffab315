// A Courier between a ring that the test fills, a simulated flash and a simulated broker, stepped through virtual time.

import Gateway
import KPIs
import Outbox
import SimulatedWorld
import Uplink
import World

/// A message as the broker received it.
struct Received {
    /// Below the node's root: `readings`.
    var topic: String
    var json: JSON
    var at: VirtualTime
    var session: Int
    var isRetained: Bool
    var isWill: Bool
}

final class CourierBench {
    let clock: SimulatedClock
    let disk: SimulatedDisk
    let broker: SimulatedBroker
    let readings: Ring<Reading>
    let notices = Ring<Notice>(capacity: 256)
    private let counterMemory = RingMemory(bytes: CounterPage.bytes)
    var counters: CounterPage { CounterPage(memory: counterMemory.bytes) }
    var courier: Courier<SimulatedClock, SimulatedDisk.Handle, SimulatedBroker.Client>
    private(set) var journal: [JournalLine] = []
    private var ordinals: [UInt64]

    /// What outlives a process, and a boot.
    struct Surroundings {
        let clock: SimulatedClock
        var disk: SimulatedDisk
        let broker: SimulatedBroker
    }
    var surroundings: Surroundings { Surroundings(clock: clock, disk: disk, broker: broker) }

    static let root = "cityedge/v1/malaga/lamppost-0042"
    static let table = ChannelTable(
        channels: [
            Channel(name: "air.temperature", unit: "Cel", scale: -2, plausible: -40...85),
            Channel(name: "air.humidity", unit: "%RH", scale: -1, plausible: 0...100),
            Channel(name: "water.volume", unit: "m3", scale: -2, plausible: 0...1e6),
            Channel(name: "water.total", unit: "m3", scale: -2, plausible: 0...1e9),
        ], configHash: "9c1e04d2")

    static func water(_ window: Int64 = 900) -> KPIBinding {
        KPIBinding(
            indicator: Indicator.named("en-en-ws-2c")!, channel: ChannelID(rawValue: 2), channelName: "water.volume",
            unit: "m3", scale: -2, windowSeconds: window)
    }

    static func plan() -> CourierPlan {
        CourierPlan(
            nodeID: "lamppost-0042", city: "malaga", version: "1", boardSerial: nil, topicRoot: root,
            inventory: Inventory(
                node: "lamppost-0042", city: "malaga", site: nil, timezone: nil, powered: nil, location: nil,
                board: "simulated", configHash: table.configHash, sensors: []),
            channels: table, sensorIDs: ["air", "water"], kpis: [],
            session: SessionParameters(
                address: BrokerAddress(host: "broker", port: 1883), tls: nil, version: .v5, clientID: "lamppost-0042",
                username: nil, password: nil, keepAliveSeconds: 60, will: nil),
            trustsSystemClock: true, settleWait: .seconds(60), batchAge: .seconds(1), lossWindow: .seconds(10),
            checkpointEvery: .seconds(600), historyBytesPerSecond: nil, historyBatchesPerSecond: nil,
            reconnectLongest: .seconds(2))
    }

    /// `leftBehind`: what a process before left in the ring. `surroundings`: those of a process that is gone.
    init(
        seed: UInt64 = 1, wallClock: SimulatedClock.WallClock = .rightButNeverSynchronised,
        profile: SimulatedBroker.Profile = SimulatedBroker.Profile(), ring: Int = 4_096, leftBehind: [Reading] = [],
        keepAcknowledgedBytes: Int = 4 << 20, memorySegmentBytes: Int = Limits.memorySegmentBytes,
        in surroundings: Surroundings? = nil, _ change: (inout CourierPlan) -> Void = { _ in }
    ) throws {
        var plan = Self.plan()
        change(&plan)
        let clock = surroundings?.clock ?? SimulatedClock(seed: seed, wallClock: wallClock)
        let disk = surroundings?.disk ?? SimulatedDisk(clock: clock, seed: seed)
        let broker = surroundings?.broker ?? SimulatedBroker(clock: clock, seed: seed, profile: profile)
        let readings = Ring<Reading>(capacity: ring)
        for reading in leftBehind { _ = readings.put(reading) }
        self.clock = clock
        self.disk = disk
        self.broker = broker
        self.readings = readings
        ordinals = [UInt64](repeating: 0, count: Self.table.count)
        guard let boot = BootID(text: clock.bootID) else { invariantFailed("boot id \(clock.bootID)") }
        let limits = OutboxLimits(
            recordsMax: Limits.batchReadings, channelsMax: 64, lossWindow: plan.lossWindow, memoryBytesMax: 16 << 20,
            keepAcknowledgedBytes: keepAcknowledgedBytes, flashBytesMax: 64 << 20,
            memorySegmentBytes: memorySegmentBytes,
            flashSegmentBytes: Limits.flashSegmentBytes, readChunkBytes: Limits.readChunkBytes,
            liveAge: max(Limits.liveAge, plan.lossWindow), historyOldestFirst: true)
        var random = Random(seed: seed, purpose: "process in boot \(clock.bootNumber)")
        let outbox = try Outbox(
            disk: disk.handle(), limits: limits,
            dictionary: ChannelDictionary(boot: boot, prefix: "malaga/lamppost-0042/", table: Self.table), boot: boot,
            random: &random)
        courier = Courier(
            clock: clock, plan: plan, outbox: outbox, broker: broker.client(), random: random, readings: readings,
            notices: notices, counters: CounterPage(memory: counterMemory.bytes))
    }

    // MARK: The Sampler's side

    /// Completes one reading now; the ring may refuse it.
    @discardableResult
    func take(_ channel: Int, _ value: Int64, _ quality: Quality = .good) -> Bool {
        ordinals[channel] += 1
        return readings.put(
            Reading(
                channel: ChannelID(rawValue: UInt16(channel)), acquired: clock.now().truncatedToMicroseconds,
                value: value, quality: quality, ordinal: ordinals[channel]))
    }

    /// Completes readings that a full ring refuses.
    func refuse(_ channel: Int, _ count: UInt64) { ordinals[channel] += count }
    var taken: [UInt64] { ordinals }

    // MARK: Time

    /// Lets so much virtual time pass, stepping whenever anything is due.
    func run(_ duration: Duration) {
        let end = clock.elapsed + duration
        var stalled = 0
        while true {
            var next = courier.step()
            journal += courier.takeJournal()
            if let due = disk.nextDeadline { next = min(next, clock.boottime(of: due)) }
            if let due = broker.nextDeadline { next = min(next, clock.boottime(of: due)) }
            guard next <= clock.boottime(of: end) else { break }
            stalled = next <= clock.now() ? stalled + 1 : 0
            invariant(stalled < 10_000, "no progress at \(clock.elapsed): \(courier.overdue)")
            clock.advance(to: max(clock.virtualTime(of: next), clock.elapsed))
        }
        clock.advance(to: end)
        _ = courier.step()
        journal += courier.takeJournal()
    }

    /// One temperature a second for so long, each with its number as value, so that every one can be told.
    func sample(seconds: Int, from first: Int64 = 1) {
        for number in 0..<Int64(seconds) {
            take(0, first + number)
            run(.seconds(1))
        }
    }

    // MARK: What the Courier says

    var isDrained: Bool { courier.isDrained }
    var undrained: String { courier.outbox.undrained }
    var isStopped: Bool { courier.isStopped }
    var stream: String { courier.outbox.stream.description }
    var openCount: Int { courier.outbox.openCount }
    var backlog: UInt64 { courier.outbox.backlog(.readings) }
    var lastSealed: UInt64 { courier.outbox.lastSealed(.readings) }

    /// Stops as a run does at SIGTERM; how long it took, at most 3 s.
    func stop() -> Duration {
        courier.sealWhatIsLeft(taken: ordinals)
        let begin = clock.elapsed
        courier.beginStop()
        while !courier.isStopped, clock.elapsed - begin < .seconds(3) { run(.milliseconds(10)) }
        return clock.elapsed - begin
    }

    // MARK: The city's side

    var received: [Received] {
        get throws {
            try broker.received.map { message in
                Received(
                    topic: String(message.topic.dropFirst(Self.root.count + 1)), json: try JSON(message.payload),
                    at: message.at, session: message.session, isRetained: message.isRetained, isWill: message.isWill)
            }
        }
    }

    /// Messages of one topic.
    func received(_ topic: String) throws -> [JSON] { try received.filter { $0.topic == topic }.map(\.json) }

    /// Values of a channel by its plain name, in the order of arrival, live and late.
    func values(_ name: String = "air.temperature") throws -> [String] {
        try received.filter { $0.topic == "readings" || $0.topic == "history" }.flatMap { $0.json.elements }
            .filter { $0["n"]?.string == name }.compactMap { $0["v"]?.number }
    }

    /// Numbers of readings batches in the order of arrival.
    func sequences() throws -> [Int] {
        try received.filter { $0.topic == "readings" || $0.topic == "history" }.flatMap { $0.json.elements }
            .compactMap { $0["seq"]?.number }.compactMap { Int($0) }
    }

    func events(_ kind: String) throws -> [JSON] {
        try received("events").flatMap { $0["items"]?.elements ?? [] }.filter { $0["kind"]?.string == kind }
    }

    /// The contributions as the platform puts them together.
    func contributions() throws -> ContributionSet {
        var set = ContributionSet()
        for message in broker.received where message.topic == Self.root + "/contributions" {
            set.add(try ContributionBatch.parse(message.payload))
        }
        return set
    }

    /// As the values of `sample` are published.
    static func published(_ numbers: ClosedRange<Int64>) -> [String] {
        numbers.map { number in
            let cents = number % 100
            let decimals =
                cents == 0 ? "" : cents % 10 == 0 ? ".\(cents / 10)" : cents < 10 ? ".0\(cents)" : ".\(cents)"
            return "\(number / 100)\(decimals)"
        }
    }
}
