// The way of a reading inside the process: Sampler, ring, open batch, columns, SenML. Everything is run several times;
// the fastest run is told, as the one that was disturbed least by what else the machine does, and the allocations of
// the worst.

import CAllocations
import Gateway
import Glibc
import LinuxWorld
import Outbox
import Sensors
import SimulatedWorld
import Synchronization
import Uplink
import World

private let runs = 9

/// Nanoseconds and allocations that one of `count` equal things took.
private func measured(_ count: Int, _ body: () -> Void) -> (nanoseconds: Double, allocations: Double) {
    let clock = LinuxClock()
    var times: [Double] = []
    var allocations: [Double] = []
    for run in 0...runs {
        let allocationsBefore = callocations_count()
        let begin = clock.now()
        body()
        let took = clock.now() - begin
        let allocated = callocations_count() - allocationsBefore
        // The first run makes what the language makes once.
        guard run > 0 else { continue }
        times.append(Double(took.nanoseconds) / Double(count))
        allocations.append(Double(allocated) / Double(count))
    }
    return (times.min() ?? .nan, allocations.max() ?? .nan)
}

// MARK: Ring

/// What the two threads share.
private final class RingRun: Sendable {
    let ring = Ring<Reading>(capacity: Limits.ringReadings)
    let isReady = Atomic<Bool>(false)
    let isGo = Atomic<Bool>(false)
}

func ringFigures() throws -> [Figure] {
    let count = 10_000_000
    let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: OpenBatch.fileBytes(capacity: Limits.batchReadings), alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    defer { memory.deallocate() }
    var open = OpenBatch(memory: memory, capacity: Limits.batchReadings)
    open.begin(stream: StreamID(rawValue: 1), boot: BootID(high: 1, low: 1))

    var times: [Double] = []
    var allocations: [Double] = []
    for number in 0...runs {
        let run = RingRun()
        let producer = try Thread.start(named: "Producer") {
            run.isReady.store(true, ordering: .releasing)
            while !run.isGo.load(ordering: .acquiring) {}
            for number in 1...count {
                let reading = Reading(
                    channel: ChannelID(rawValue: UInt16(truncatingIfNeeded: number & 15)),
                    acquired: Boottime(nanoseconds: Int64(number) * 1_000), value: Int64(number), quality: .good,
                    ordinal: UInt64(number))
                while !run.ring.put(reading) { sched_yield() }
            }
        }
        while !run.isReady.load(ordering: .acquiring) { sched_yield() }
        let clock = LinuxClock()
        let allocationsBefore = callocations_count()
        let begin = clock.now()
        run.isGo.store(true, ordering: .releasing)
        var taken = 0
        while taken < count {
            while let reading = run.ring.peek() {
                open.append(reading)
                run.ring.drop()
                if open.isFull { open.removeAll() }
                taken += 1
            }
            if taken < count { sched_yield() }
        }
        let took = clock.now() - begin
        let allocated = callocations_count() - allocationsBefore
        producer.join()
        guard number > 0 else { continue }
        times.append(Double(took.nanoseconds) / Double(count))
        allocations.append(Double(allocated) / Double(count))
    }
    return [
        Figure("ring: thread to thread, into the open batch", times.min() ?? .nan, "ns a reading", .atMost(50)),
        Figure("ring: allocations", allocations.max() ?? .nan, "a reading", .atMost(0), decimals: 6),
    ]
}

// MARK: Sampler

/// Time that moves when told.
private final class SteppedClock: Clock {
    private var time = Boottime(nanoseconds: 1_000_000_000)
    func now() -> Boottime { time }
    func wall() -> WallReading {
        WallReading(
            boottime: time, utc: UTC(nanoseconds: time.nanoseconds), isSynchronised: true, maximumErrorNanoseconds: 0)
    }
    func move(to moment: Boottime) { time = moment }
}

private func simulatedSensors(_ count: Int) throws -> (sensors: [InstalledSensor], table: ChannelTable) {
    let entry = Catalogue.entry(named: "simulated")!
    let quantities = ["temperature", "humidity", "pressure", "pm2_5", "pm10", "no2", "noise", "power"]
    var sensors: [InstalledSensor] = []
    var channels: [Channel] = []
    for number in 0..<count {
        var settings = DriverSettings(sensorID: "s\(number)", every: .seconds(1))
        settings.values["quantity"] = .text(quantities[number % quantities.count])
        let told = try entry.channels(settings)[0]
        let channel = Channel(
            name: "s\(number).\(told.quantity)", unit: told.unit, scale: told.scale, plausible: told.plausible)
        sensors.append(
            InstalledSensor(
                id: settings.sensorID, driver: try entry.make(settings), every: settings.every,
                channels: [
                    InstalledChannel(
                        id: ChannelID(rawValue: UInt16(number)), channel: channel)
                ], device: nil))
        channels.append(channel)
    }
    return (sensors, ChannelTable(channels: channels, configHash: "00000001"))
}

func samplerFigures() throws -> [Figure] {
    let steps = 20_000, sensors = 16
    let clock = SteppedClock()
    let site = SimulatedSite(seed: 1, chips: [:], now: { clock.now() })
    let ring = Ring<Reading>(capacity: Limits.ringReadings)
    let counters = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterPage.bytes, alignment: 64)
    counters.initializeMemory(as: UInt8.self, repeating: 0)
    defer { counters.deallocate() }
    var sampler = Sampler(
        clock: clock, bus: site.bus, lines: site.lines, attributes: site.attributes,
        sensors: try simulatedSensors(sensors).sensors, readings: ring, notices: Ring<Notice>(capacity: 256),
        counters: CounterPage(memory: counters), counts: SamplerCounts())
    let result = measured(steps * sensors) {
        for _ in 0..<steps {
            clock.move(to: sampler.step())
            while ring.take() != nil {}
        }
    }
    return [
        Figure("sampler: measure, settle, put (16 `simulated`)", result.nanoseconds, "ns a reading"),
        Figure("sampler: allocations", result.allocations, "a reading", .atMost(0), decimals: 6),
    ]
}

// MARK: Columns and SenML

func codecFigures() throws -> [Figure] {
    // What L16 gives in a minute: 16 channels, one grid of a second, values that wander.
    let count = Limits.batchReadings
    let table = try simulatedSensors(16).table
    var random = Random(seed: 16)
    var values = [Int64](repeating: 2_000, count: table.count)
    let readings = UnsafeMutableBufferPointer<Reading>.allocate(capacity: count)
    defer { readings.deallocate() }
    for index in 0..<count {
        let channel = index % table.count
        values[channel] += Int64(random.next() % 21) - 10
        readings.initializeElement(
            at: index,
            to: Reading(
                channel: ChannelID(rawValue: UInt16(channel)),
                acquired: Boottime(nanoseconds: Int64(100 + index / table.count) * 1_000_000_000),
                value: values[channel], quality: .good, ordinal: UInt64(1 + index / table.count)))
    }
    let batch = UnsafeBufferPointer(readings)
    let anchor = Anchor(offsetNanoseconds: 1_795_257_600_000_000_000, boundNanoseconds: 1_000_000)
    var codec = BatchCodec(recordsMax: count, channelsMax: 64)
    let blocks = 500
    var block: [UInt8] = []
    let encoding = measured(blocks * count) {
        for number in 1...blocks {
            block = codec.encode(
                readings: batch, counts: [count], stream: StreamID(rawValue: 1), first: UInt64(number), anchor: anchor,
                configHash: 1)
        }
    }
    var wrong = 0
    let decoding = measured(blocks * count) {
        for _ in 0..<blocks {
            block.withUnsafeBytes { bytes in
                guard case .block(let header) = Block.examine(bytes), codec.decode(bytes, header: header) else {
                    wrong += 1
                    return
                }
            }
        }
    }
    precondition(wrong == 0 && codec.readings.count == count, "a block that was just encoded can be decoded")

    var senML = SenMLEncoder(city: "nowhere", node: "bench")
    let fragments = ChannelFragments(table)
    let head = BatchHead(stream: 1, seq: 1, config: table.configHash, bootID: "", anchor: anchor)
    var payload = PayloadBuffer()
    let json = measured(blocks * count) {
        for _ in 0..<blocks {
            senML.encode(head, batch, fragments, encodedAt: Boottime(nanoseconds: 200_000_000_000), into: &payload)
        }
    }
    return [
        Figure("columns: encode", 1_000 / encoding.nanoseconds, "million readings/s"),
        Figure("columns: encode, allocations", encoding.allocations * Double(count), "a batch of 1,000"),
        Figure("columns: decode, CRC checked", 1_000 / decoding.nanoseconds, "million readings/s"),
        Figure("columns: size", Double(block.count) / Double(count), "bytes a reading", decimals: 2),
        Figure("SenML: encode", 1_000 / json.nanoseconds, "million readings/s"),
        Figure("SenML: encode, allocations", json.allocations * Double(count), "a batch of 1,000"),
        Figure("SenML: size", Double(payload.count) / Double(count), "bytes a reading"),
    ]
}
