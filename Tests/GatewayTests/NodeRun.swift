// A node as it lives for months, in virtual time: the real Sampler, Courier, Outbox and Uplink over simulated hardware,
// flash and broker, on one thread, with ends of the process, of the power and of a card when a script says so.
//
// Whatever happens happens at whole seconds of virtual time (`SimulatedClock.beginsAt` chooses their fraction of true
// time), and sampling begins at such a second too: a test knows each reading's second without asking the agent.

import Gateway
import KPIs
import Outbox
import Sensors
import SimulatedWorld
import Uplink
import World

final class NodeRun {
    struct Node {
        var id: String
        var table: ChannelTable
        var kpis: [KPIBinding]
        /// The sensors of a process that begins to sample at this true time.
        var sensors: (UTC) throws -> [InstalledSensor]
        var flashBytes = 64 << 20
        var flashSegmentBytes = Limits.flashSegmentBytes
        var memorySegmentBytes = Limits.memorySegmentBytes
        var readChunkBytes = Limits.readChunkBytes
        var keepAcknowledgedBytes = 4 << 20
        var checkpointEvery = Duration.seconds(600)
        /// Delivers what the card holds, and does not measure.
        var carriesOnly = false

        init(
            id: String, table: ChannelTable, kpis: [KPIBinding], sensors: @escaping (UTC) throws -> [InstalledSensor]
        ) {
            self.id = id
            self.table = table
            self.kpis = kpis
            self.sensors = sensors
        }
    }

    /// One process that sampled: when its first reading was taken, and when it ended. Virtual time.
    struct Life {
        /// Boottime 0 of its boot.
        var bootedAt: VirtualTime
        var from: VirtualTime
        var to: VirtualTime
        var stream: UInt64
        /// The power went.
        var endedInCut = false
        /// The broker was away then.
        var endedOffline = false
    }

    private final class Process {
        var sampler: Sampler<SimulatedClock, SimulatedBus, SimulatedLines, SimulatedAttributes>?
        var courier: Courier<SimulatedClock, SimulatedDisk.Handle, SimulatedBroker.Client>
        let readings: Ring<Reading>
        let notices: Ring<Gateway.Notice>
        let counters: CounterPage
        let counts = SamplerCounts()
        /// It is to deliver what is there, and to measure nothing more.
        var isFinished = false

        init(
            courier: consuming Courier<SimulatedClock, SimulatedDisk.Handle, SimulatedBroker.Client>,
            readings: Ring<Reading>, notices: Ring<Gateway.Notice>, counters: CounterPage
        ) {
            self.courier = courier
            self.readings = readings
            self.notices = notices
            self.counters = counters
        }
    }

    static let chip = "simulated"
    static let city = "malaga"

    let node: Node
    let seed: UInt64
    let clock: SimulatedClock
    let broker: SimulatedBroker
    private(set) var disk: SimulatedDisk
    private var hardware: SimulatedSite
    private var process: Process?
    private var processes: UInt64 = 0
    private(set) var lives: [Life] = []
    private(set) var journal: [String] = []
    /// What the city received.
    private(set) var contributions = ContributionSet()
    private(set) var contributionMessages: [[UInt8]] = []
    private(set) var eventMessages: [[UInt8]] = []
    private(set) var refused: [ContributionFault] = []
    /// Edges of line 17 that are still to come, in order.
    var edges: [(at: VirtualTime, isHigh: Bool)] = []
    private var nextEdge = 0

    init(_ node: Node, seed: UInt64, clock: SimulatedClock, card: Flash = Flash()) {
        self.node = node
        self.seed = seed
        self.clock = clock
        broker = SimulatedBroker(clock: clock, seed: seed)
        disk = SimulatedDisk(clock: clock, seed: seed, flash: card)
        hardware = SimulatedSite(seed: seed, chips: [Self.chip: 32]) { clock.now() }
    }

    static func seconds(_ moment: VirtualTime) -> Int64 { moment.nanoseconds / 1_000_000_000 }
    static func moment(_ seconds: Int64) -> VirtualTime { VirtualTime(nanoseconds: seconds * 1_000_000_000) }

    /// Seconds of virtual time.
    var now: Int64 { Self.seconds(clock.elapsed) }

    // MARK: Time

    /// Lets virtual time pass up to a second of it, stepping whenever anything is due.
    func run(until second: Int64) throws {
        let end = Self.moment(second)
        var stalled = 0
        while true {
            moveLine()
            let next = try step()
            guard next <= end else { break }
            stalled = next <= clock.elapsed ? stalled + 1 : 0
            invariant(stalled < 100_000, "no progress at \(clock.elapsed): \(process?.courier.overdue ?? "-")")
            clock.advance(to: max(next, clock.elapsed))
        }
        clock.advance(to: end)
    }

    private func step() throws -> VirtualTime {
        var next = nextEdge < edges.count ? edges[nextEdge].at : .distantFuture
        guard process != nil else { return next }
        if process!.sampler == nil, !node.carriesOnly, !process!.isFinished { next = min(next, try beginSampling()) }
        if process!.sampler != nil {
            let due = process!.sampler!.step()
            next = min(next, clock.virtualTime(of: due))
            let change = hardware.lines.nextChange()
            if change < .distantFuture { next = min(next, clock.virtualTime(of: change)) }
        }
        let due = process!.courier.step()
        for line in process!.courier.takeJournal() { journal.append("\(clock.elapsed) \(line.text)") }
        takeMessages()
        if due < .distantFuture { next = min(next, clock.virtualTime(of: due)) }
        if let due = disk.nextDeadline { next = min(next, due) }
        if let due = broker.nextDeadline { next = min(next, due) }
        return next
    }

    private func moveLine() {
        while nextEdge < edges.count, edges[nextEdge].at <= clock.elapsed {
            hardware.lines.drive(
                Self.chip, 17, high: edges[nextEdge].isHigh, at: clock.boottime(of: edges[nextEdge].at))
            nextEdge += 1
        }
    }

    // MARK: The process

    /// The agent starts: as systemd does it, some seconds into a boot or after the process before has ended.
    func start() throws {
        invariant(process == nil, "the process runs")
        processes += 1
        var random = Random(seed: seed, purpose: "\(node.id) process \(processes) in boot \(clock.bootNumber)")
        guard let boot = BootID(text: clock.bootID) else { invariantFailed("boot id \(clock.bootID)") }
        let limits = OutboxLimits(
            recordsMax: Limits.batchReadings, channelsMax: 64, lossWindow: .seconds(10), memoryBytesMax: 16 << 20,
            keepAcknowledgedBytes: node.keepAcknowledgedBytes, flashBytesMax: node.flashBytes,
            memorySegmentBytes: node.memorySegmentBytes, flashSegmentBytes: node.flashSegmentBytes,
            readChunkBytes: node.readChunkBytes, liveAge: Limits.liveAge, historyOldestFirst: true)
        var outbox = try Outbox(
            disk: disk.handle(), limits: limits,
            dictionary: ChannelDictionary(boot: boot, prefix: "\(Self.city)/\(node.id)/", table: node.table),
            boot: boot, random: &random)
        let readings = Ring<Reading>(
            memory: try outbox.disk.map("ring", bytes: Ring<Reading>.bytes(capacity: Limits.ringReadings)),
            capacity: Limits.ringReadings, tag: 1)
        let counters = CounterPage(memory: try outbox.disk.map("counters", bytes: CounterPage.bytes))
        let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
        let courier = Courier(
            clock: clock, plan: plan, outbox: outbox, broker: broker.client(), random: random, readings: readings,
            notices: notices, counters: counters)
        process = Process(courier: courier, readings: readings, notices: notices, counters: counters)
    }

    private var plan: CourierPlan {
        let root = "cityedge/v1/\(Self.city)/\(node.id)"
        let sensors = Set(node.table.channels.map { String($0.name.prefix { $0 != "." }) }).sorted()
        var plan = CourierPlan(
            nodeID: node.id, city: Self.city, version: "1", boardSerial: nil, topicRoot: root,
            inventory: Inventory(
                node: node.id, city: Self.city, site: nil, timezone: nil, powered: nil, location: nil,
                board: "simulated", configHash: node.table.configHash, sensors: []),
            channels: node.table, sensorIDs: sensors, kpis: node.kpis,
            session: SessionParameters(
                address: BrokerAddress(host: "broker", port: 1883), tls: nil, version: .v5, clientID: node.id,
                username: nil, password: nil, keepAliveSeconds: 60, will: nil),
            trustsSystemClock: node.carriesOnly, settleWait: .seconds(60), batchAge: .seconds(1),
            lossWindow: .seconds(10), checkpointEvery: node.checkpointEvery, historyBytesPerSecond: nil,
            historyBatchesPerSecond: nil, reconnectLongest: .seconds(300))
        plan.carriesOnly = node.carriesOnly
        return plan
    }

    /// At the next whole second after the look at the flash; when to come back until then.
    private func beginSampling() throws -> VirtualTime {
        guard process!.courier.isRecovered else { return .distantFuture }
        let second = Self.moment((clock.elapsed.nanoseconds + 999_999_999) / 1_000_000_000)
        guard clock.elapsed == second else { return second }
        let found = process!.counters.found
        let kept = process!.courier.recoveredCounters
        var sampler = Sampler(
            clock: clock, bus: hardware.bus, lines: hardware.lines, attributes: hardware.attributes,
            sensors: try node.sensors(clock.trueUTC), readings: process!.readings, notices: process!.notices,
            counters: process!.counters, counts: process!.counts)
        sampler.resumeCounters(
            exact: { id in found.first { $0.key == Checkpoint.key(of: id) }?.checkpoint },
            afterPowerCut: { id in kept.first { $0.key == Checkpoint.key(of: id) }?.total },
            key: { Checkpoint.key(of: $0) })
        process!.sampler = consume sampler
        lives.append(
            Life(
                bootedAt: clock.virtualTime(of: Boottime(nanoseconds: 0)), from: clock.elapsed, to: .distantFuture,
                stream: process!.courier.outbox.stream.rawValue))
        return clock.elapsed
    }

    private func endLife(inCut isCut: Bool) {
        guard let last = lives.indices.last, lives[last].to == .distantFuture else { return }
        lives[last].to = clock.elapsed
        lives[last].endedInCut = isCut
        lives[last].endedOffline = broker.absence != nil
    }

    private func letGo() {
        process = nil
        hardware.lines.releaseAll()
    }

    /// SIGTERM, and its answer.
    func stop() throws {
        invariant(process != nil, "nothing runs")
        if process!.sampler != nil {
            process!.sampler!.finish()
            process!.courier.sealWhatIsLeft(taken: process!.counts.takenByChannel)
            process!.sampler = nil
            endLife(inCut: false)
        }
        process!.courier.beginStop()
        while !process!.courier.isStopped {
            let next = min(
                clock.virtualTime(of: process!.courier.step()), disk.nextDeadline ?? .distantFuture,
                broker.nextDeadline ?? .distantFuture)
            takeMessages()
            if process!.courier.isStopped { break }
            clock.advance(to: max(next, clock.elapsed))
        }
        letGo()
        SimulatedWorld.endProcess(disk: disk, broker: broker)
        takeMessages()
        clock.advance(to: Self.moment(now + 2))
    }

    /// kill -9.
    func kill() {
        endLife(inCut: false)
        letGo()
        SimulatedWorld.endProcess(disk: disk, broker: broker)
        takeMessages()
    }

    /// The power goes, for so many seconds.
    func cutPower(off seconds: Int64) {
        endLife(inCut: true)
        letGo()
        SimulatedWorld.cutPower(off: .seconds(seconds), clock: clock, disk: disk, broker: broker)
        takeMessages()
    }

    /// Without power: another card goes in; the one that was in comes out.
    func swapCard(for card: Flash = Flash()) -> Flash {
        invariant(process == nil, "the process runs")
        let old = disk.flash
        disk = SimulatedDisk(clock: clock, seed: seed &+ 1, flash: card)
        return old
    }

    /// Lets it deliver until nothing is left; false when so many seconds were not enough.
    func drain(within seconds: Int64) throws -> Bool {
        let end = now + seconds
        while now < end {
            try run(until: now + 1)
            if process!.courier.hasDeliveredAll() { return true }
        }
        return false
    }

    /// Nothing more is measured; what is there is still delivered.
    func finishSampling() {
        guard process!.sampler != nil else { return }
        process!.sampler!.finish()
        process!.courier.sealWhatIsLeft(taken: process!.counts.takenByChannel)
        process!.sampler = nil
        process!.isFinished = true
        endLife(inCut: false)
    }

    var undrained: String { process.map { $0.courier.outbox.undrained } ?? "no process" }

    // MARK: The city's side

    private func takeMessages() {
        for message in broker.takeReceived() {
            if message.topic.hasSuffix("/events") { eventMessages.append(message.payload) }
            guard message.topic.hasSuffix("/contributions") else { continue }
            contributionMessages.append(message.payload)
            do throws(ContributionFault) {
                let batch = try ContributionBatch.parse(message.payload)
                refused += batch.refused
                contributions.add(batch)
            } catch { refused.append(error) }
        }
    }
}
