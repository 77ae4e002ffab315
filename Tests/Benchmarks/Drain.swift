// The drain of a backlog: an outage's blocks on flash, through the Courier as it is delivered, to a mosquitto of our own,
// seen by a subscriber that counts records and does not parse them. Where the time goes is told by stage.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import Synchronization
import Uplink
import World

/// Nanoseconds that calls of one kind took, and how many there were.
final class Stopwatch {
    private(set) var nanoseconds: Int64 = 0
    private(set) var count = 0
    private let clock = LinuxClock()

    func time<T>(_ body: () -> T) -> T {
        let begin = clock.now()
        defer { add(clock.now() - begin) }
        return body()
    }

    func add(_ duration: Duration) {
        nanoseconds += duration.nanoseconds
        count += 1
    }

    var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// The broker seam with a watch on the calls that hand messages over and those that move the session on.
struct TimedBroker: Broker, ~Copyable {
    var broker: MosquittoBroker
    let handing: Stopwatch
    let moving: Stopwatch

    mutating func connect(_ session: SessionParameters) { broker.connect(session) }

    mutating func publish(
        topic: String, payload: UnsafeRawBufferPointer, qualityOfService: UInt8, retained: Bool
    ) throws(BrokerFault) -> MessageID {
        let clock = LinuxClock(), begin = clock.now()
        defer { handing.add(clock.now() - begin) }
        return try broker.publish(
            topic: topic, payload: payload, qualityOfService: qualityOfService, retained: retained)
    }

    mutating func subscribe(_ topic: String) throws(BrokerFault) { try broker.subscribe(topic) }
    mutating func disconnect() { broker.disconnect() }

    mutating func nextEvent() -> BrokerEvent? {
        let clock = LinuxClock(), begin = clock.now()
        defer { moving.add(clock.now() - begin) }
        return broker.nextEvent()
    }

    func deadline() -> Boottime { broker.deadline() }
}

/// What the subscriber's thread has counted.
private final class Counted: Sendable {
    let messages = Atomic<Int>(0)
    let records = Atomic<Int>(0)
    let bytes = Atomic<Int>(0)
    let lastAt = Atomic<Int64>(0)
    let isOver = Atomic<Bool>(false)
}

/// One drain, as told.
private struct Drained {
    var total = 0.0
    var handing = 0.0
    var moving = 0.0
    var courier = 0.0
    var waiting = 0.0
    var messages = 0
    var bytes = 0
}

func drainFigures(_ data: RealData, readings: Int, runs: Int = 5) throws -> [Figure] {
    let folder = try Folder(under: "/tmp"), made = try Folder(under: memoryFolder())
    let table = data.table(channels: 16)
    try makeBacklog(data, readings: readings, in: made.path)
    let alone = try stagesAlone(made.path, table)
    var best: Drained?
    var totals: [Double] = []
    for number in 0..<runs {
        // On a disk, as flash would be; what was just written is still in the page cache.
        let state = folder.path + "/\(number)"
        try run("cp", ["-r", made.path, state])
        let drained = try drain(state, table, readings: readings)
        totals.append(drained.total)
        if drained.total < best?.total ?? .infinity { best = drained }
        try run("rm", ["-r", state])
    }
    guard let best else { return [] }
    let millions = Double(readings) / 1e6
    func stage(_ name: String, _ seconds: Double) -> Figure {
        Figure("drain: of it \(name)", seconds / millions, "s a million", decimals: 4)
    }
    return [
        Figure(
            "drain: QoS 1, SenML JSON, all arrived, all acknowledged", millions / best.total, "million readings/s",
            .atLeast(1), decimals: 2),
        Figure("drain: median of \(runs) runs", millions / median(totals), "million readings/s", decimals: 2),
        Figure("drain: a million readings", best.total / millions, "s", decimals: 4),
        stage("waiting, above all for acknowledgements", best.waiting),
        stage("libmosquitto: publish, socket included", best.handing),
        stage("libmosquitto: PUBACK", best.moving),
        stage("the Courier's own work", best.courier),
        Figure("drain: the same work alone: read the files", alone.reading / millions, "s a million", decimals: 4),
        Figure("drain: the same work alone: CRC", alone.finding / millions, "s a million", decimals: 4),
        Figure("drain: the same work alone: decode", alone.decoding / millions, "s a million", decimals: 4),
        Figure("drain: the same work alone: encode", alone.encoding / millions, "s a million", decimals: 4),
        Figure("drain: readings a message", Double(readings) / Double(best.messages), ""),
        Figure("drain: payload", Double(best.bytes) / Double(readings), "bytes a reading"),
    ]
}

/// Seconds that the stages take on the same blocks, with nothing else around them.
private struct Alone {
    var reading = 0.0
    /// Walking from block to block, CRC checked.
    var finding = 0.0
    var decoding = 0.0
    var encoding = 0.0
}

private func stagesAlone(_ state: String, _ table: ChannelTable) throws -> Alone {
    var codec = BatchCodec(recordsMax: Limits.batchReadings, channelsMax: 1_024)
    var senML = SenMLEncoder(city: "nowhere", node: "bench")
    let channels = ChannelFragments(table)
    var payload = PayloadBuffer()
    var alone = Alone()
    let reading = Stopwatch(), clock = LinuxClock(), begin = clock.now()
    try forEachBlock(state, reading: reading) { block, header in
        guard header.kind == .batches, header.lane == .readings else { return }
        let found = clock.now()
        guard codec.decode(block, header: header) else { throw BenchFault("a stored block cannot be decoded") }
        let decoded = clock.now()
        senML.begin(into: &payload)
        for batch in codec.batches {
            let head = BatchHead(
                stream: header.stream.rawValue, seq: batch.sequence, config: table.configHash, bootID: "",
                anchor: codec.anchor)
            senML.append(
                head, codec.readings(of: batch), channels, encodedAt: Boottime(nanoseconds: 0), into: &payload)
        }
        senML.end(into: &payload)
        alone.decoding += Double((decoded - found).nanoseconds) / 1e9
        alone.encoding += Double((clock.now() - decoded).nanoseconds) / 1e9
    }
    alone.reading = reading.seconds
    alone.finding = Double((clock.now() - begin).nanoseconds) / 1e9 - alone.reading - alone.decoding - alone.encoding
    return alone
}

private func drain(_ state: String, _ table: ChannelTable, readings: Int) throws -> Drained {
    let mosquitto = try Mosquitto()
    let counted = Counted()
    // Made here, so that it is subscribed before anything is sent.
    let listener = Handed(try Listener(to: mosquitto))
    let subscriber = try Thread.start(named: "Subscriber") { count(listener.value, into: counted) }
    let drained = Result { try drain(state, table, readings: readings, to: mosquitto, counted) }
    counted.isOver.store(true, ordering: .releasing)
    subscriber.join()
    return try drained.get()
}

private func drain(
    _ state: String, _ table: ChannelTable, readings: Int, to mosquitto: Mosquitto, _ counted: Counted
) throws -> Drained {
    let runtime = try Folder(under: memoryFolder())
    var loop = try EventLoop()
    let handing = Stopwatch(), moving = Stopwatch(), waiting = Stopwatch(), stepping = Stopwatch()
    var courier = try makeCourier(
        state, runtime: runtime.path, table, to: mosquitto, loop: &loop, handing: handing, moving: moving)
    let clock = LinuxClock()
    let begin = clock.now(), limit = begin + .seconds(120)
    while counted.records.load(ordering: .acquiring) < readings || !courier.isDrained {
        let next = stepping.time { courier.step() }
        for line in courier.takeJournal() where line.level.rawValue <= JournalLine.Level.warning.rawValue {
            print("drain: \(line.text)")
        }
        guard clock.now() < limit else {
            throw BenchFault("\(counted.records.load(ordering: .acquiring)) of \(readings) readings arrived in 120 s")
        }
        if courier.isDrained, counted.records.load(ordering: .acquiring) >= readings { break }
        loop.follow(courier.withBroker { $0.broker.watch })
        waiting.time { loop.wait(until: min(next, clock.now() + .milliseconds(1))) }
    }
    var drained = Drained()
    drained.total = Double((clock.now() - begin).nanoseconds) / 1e9
    drained.handing = handing.seconds
    drained.moving = moving.seconds
    drained.courier = stepping.seconds - handing.seconds - moving.seconds
    drained.waiting = waiting.seconds
    drained.messages = counted.messages.load(ordering: .acquiring)
    drained.bytes = counted.bytes.load(ordering: .acquiring)
    return drained
}

/// Safe to hand over: its maker does not touch it again.
private struct Handed<T>: @unchecked Sendable {
    let value: T
    init(_ value: T) { self.value = value }
}

/// A record is a brace: it stands in no name, unit or reason of ours.
private func count(_ listener: Listener, into counted: Counted) {
    let clock = LinuxClock()
    while !counted.isOver.load(ordering: .acquiring) {
        _ = try? listener.listen(until: clock.now() + .milliseconds(20)) { message in
            guard message.topic.hasSuffix("/history") else { return false }
            var records = 0
            for byte in message.payload where byte == UInt8(ascii: "{") { records += 1 }
            counted.messages.add(1, ordering: .relaxed)
            counted.bytes.add(message.payload.count, ordering: .relaxed)
            counted.records.add(records, ordering: .releasing)
            return false
        }
    }
}

/// The Courier of a node that has just started after a power cut, with no sensors and no limits on history.
private func makeCourier(
    _ state: String, runtime: String, _ table: ChannelTable, to mosquitto: Mosquitto, loop: inout EventLoop,
    handing: Stopwatch, moving: Stopwatch
) throws -> Courier<LinuxClock, BoardDisk, TimedBroker> {
    let outbox = try openOutbox(table, boot: BootID(high: 1, low: 0xB008), runtime: runtime, state: state)
    let broker = try MosquittoBroker(incomingPacketLimit: Limits.incomingPacketBytes)
    try loop.watch(outbox.disk.descriptor)
    try loop.watch(broker.descriptor)
    let plan = CourierPlan(
        nodeID: "bench", city: "nowhere", version: "bench", boardSerial: nil, topicRoot: "cityedge/v1/nowhere/bench",
        inventory: Inventory(
            node: "bench", city: "nowhere", site: nil, timezone: nil, powered: nil, location: nil, board: "simulated",
            configHash: table.configHash, sensors: []),
        channels: table, sensorIDs: [], kpis: [],
        session: SessionParameters(
            address: BrokerAddress(host: "127.0.0.1", port: mosquitto.port), tls: nil, version: .v5, clientID: "bench",
            username: nil, password: nil, keepAliveSeconds: 60, will: nil),
        trustsSystemClock: true, settleWait: .seconds(60), batchAge: .seconds(1), lossWindow: .seconds(10),
        checkpointEvery: .seconds(600), historyBytesPerSecond: nil, historyBatchesPerSecond: nil,
        reconnectLongest: .seconds(1))
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterPage.bytes, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    return Courier(
        clock: LinuxClock(), plan: plan, outbox: outbox,
        broker: TimedBroker(broker: broker, handing: handing, moving: moving), random: Random(seed: 1),
        readings: Ring<Reading>(capacity: Limits.ringReadings), notices: Ring<Notice>(capacity: Limits.ringNotices),
        counters: CounterPage(memory: memory))
}
