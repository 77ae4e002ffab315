// What the outbox's tests share: random readings, and a process over a simulated disk.

import SimulatedWorld
import World

@testable import Outbox

let testStream = StreamID(rawValue: 0x7F3A_91C2_D04B_E815)
let testBoot = BootID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)

func table(_ count: Int, hash: String = "0000abcd", prefix: String = "air") -> ChannelTable {
    ChannelTable(
        channels: (0..<count).map { Channel(name: "\(prefix).c\($0)", unit: "Cel", scale: -2, plausible: -1e9...1e9) },
        configHash: hash)
}

extension Random {
    mutating func reading(channels: Int, now: inout Int64, ordinals: inout [UInt64], wild: Bool) -> Reading {
        if !chance(1, in: 3) { now += Int64(below(wild ? 1 << 40 : 2_000_000)) }
        let channel = Int(below(UInt64(channels)))
        ordinals[channel] &+= chance(1, in: 12) ? next() >> below(64) : 1
        let quality = chance(4, in: 5) ? .good : Quality.allCases[Int(below(UInt64(Quality.allCases.count)))]
        let value: Int64 =
            switch below(wild ? 6 : 12) {
            case 0: .max
            case 1: .min
            case 2: Int64(bitPattern: next())
            default: Int64(below(4_000)) - 2_000
            }
        return Reading(
            channel: ChannelID(rawValue: UInt16(channel)), acquired: Boottime(nanoseconds: now * 1_000),
            value: quality.grade == .bad ? 0 : value, quality: quality, ordinal: ordinals[channel])
    }

    mutating func readings(_ count: Int, channels: Int) -> [Reading] {
        var now = Int64(below(1 << 45))
        var ordinals = (0..<channels).map { _ in chance(1, in: 4) ? UInt64.max - below(5) : below(1 << 30) }
        let wild = chance(1, in: 2)
        return (0..<count).map { _ in reading(channels: channels, now: &now, ordinals: &ordinals, wild: wild) }
    }
}

extension BatchCodec {
    mutating func block(
        _ readings: [Reading], counts: [Int]? = nil, stream: StreamID = testStream, first: UInt64 = 1,
        anchor: Anchor? = nil, configHash: UInt32 = 0xABCD
    ) -> [UInt8] {
        readings.withUnsafeBufferPointer {
            encode(
                readings: $0, counts: counts ?? [readings.count], stream: stream, first: first, anchor: anchor,
                configHash: configHash)
        }
    }
}

func examine(_ bytes: [UInt8]) -> BlockFinding { bytes.withUnsafeBytes { Block.examine($0) } }

/// A process over a disk that outlives it: steps an outbox in virtual time and keeps the books of what it sealed.
final class Bench {
    let clock: SimulatedClock
    let disk: SimulatedDisk
    let trace: Trace?
    var limits: OutboxLimits
    var channels: ChannelTable
    var box: Node?
    var random: Random
    var isOffering = false
    /// What was sealed, by identity: the values of the batch.
    var sealed: [BatchID: [Int64]] = [:]
    var acquired: [BatchID: Boottime] = [:]
    var losses: [Loss] = []
    /// How a loss is written; set: each is sealed as an event too, as the Courier does.
    var tombstone: ((Loss) -> String)?
    /// Readings batches of the present stream up to this number were on flash and synced after the last step.
    private(set) var safeThrough: UInt64 = 0
    private var ordinals: [UInt64]

    static let limits = OutboxLimits(
        recordsMax: 100, channelsMax: 64, lossWindow: .seconds(10), memoryBytesMax: 4 << 20,
        keepAcknowledgedBytes: 1 << 20,
        flashBytesMax: 64 << 20, memorySegmentBytes: 16 << 10, flashSegmentBytes: 64 << 10, readChunkBytes: 16 << 10,
        liveAge: .seconds(10), historyOldestFirst: true)

    init(
        seed: UInt64, limits: OutboxLimits = Bench.limits, profile: SimulatedDisk.Profile = SimulatedDisk.Profile(),
        flash: Flash = Flash(), channels: ChannelTable = table(4), print: ((String) -> Void)? = nil
    ) throws {
        let clock = SimulatedClock(seed: seed)
        self.clock = clock
        self.limits = limits
        self.channels = channels
        trace = print.map { Trace(clock: clock, print: $0) }
        disk = SimulatedDisk(clock: clock, seed: seed, profile: profile, flash: flash, trace: trace)
        random = Random(seed: seed)
        ordinals = [UInt64](repeating: 0, count: 64)
        try start()
    }

    var now: Boottime { clock.now() }

    func start() throws {
        let boot = BootID(text: clock.bootID)!
        box = try Node(
            disk: disk.handle(), limits: limits,
            dictionary: ChannelDictionary(boot: boot, prefix: "city/node/", table: channels), boot: boot,
            random: &random)
    }

    func crash() {
        box = nil
        disk.crashProcess()
    }

    func cutPower(keeping choose: ((Int, FlashChange) -> FlashOutcome)? = nil) {
        box = nil
        if let choose { disk.powerCut(keeping: choose) } else { disk.powerCut() }
        clock.powerCut(off: .seconds(1))
    }

    /// One step; keeps losses and saves the cursors, as the Courier does.
    func step() {
        box!.step(now: now, isOffering: isOffering)
        while let loss = box!.takeLoss() {
            losses.append(loss)
            guard let text = tombstone?(loss) else { continue }
            box!.seal([Item(time: now, body: Array(text.utf8))], lane: .events, anchor: nil)
        }
        box!.lossesAreTold()
        box!.saveCursors()
        safeThrough = box!.spilledThrough(.readings)
    }

    /// Lets time go by, stepping whenever the disk or the outbox wants it.
    func run(for duration: Duration) {
        let end = clock.elapsed + duration
        step()
        while true {
            var next = end
            if let due = disk.nextDeadline { next = min(next, due) }
            let due = box!.deadline()
            if due < .distantFuture {
                next = min(next, max(clock.virtualTime(of: due), clock.elapsed + .milliseconds(1)))
            }
            next = max(next, clock.elapsed)
            clock.advance(to: next)
            step()
            if clock.elapsed >= end { return }
        }
    }

    @discardableResult
    func append(_ count: Int) -> [Int64] {
        (0..<count).map { _ in
            let channel = Int(random.below(UInt64(channels.count)))
            ordinals[channel] += 1
            let value = Int64(bitPattern: random.next()) >> 40
            box!.append(
                Reading(
                    channel: ChannelID(rawValue: UInt16(channel)), acquired: now.truncatedToMicroseconds, value: value,
                    quality: .good, ordinal: ordinals[channel]))
            return value
        }
    }

    @discardableResult
    func sealBatch(_ count: Int = 5) -> BatchID {
        let values = append(count)
        let id = BatchID(stream: box!.stream, lane: .readings, sequence: box!.nextSequence(.readings))
        precondition(sealed[id] == nil, "number used twice: \(id)")
        sealed[id] = values
        acquired[id] = now
        box!.seal(anchor: nil)
        return id
    }

    /// Seals `count` batches, one a second.
    func sealBatches(_ count: Int, readings: Int = 5) {
        for _ in 0..<count {
            sealBatch(readings)
            run(for: .seconds(1))
        }
    }

    /// Offers everything there is in a new session; each delivery is shown, and acknowledged unless answered otherwise.
    func drain(
        newSession: Bool = true, for limit: Duration = .seconds(120),
        _ receive: (OfferedBatches, [BatchID: [Int64]]) -> Bool = { _, _ in true }
    ) {
        if newSession { box!.beginSession(now: now) }
        let end = clock.elapsed + limit
        while true {
            var offer = box!.nextLive()
            if case .delivery = offer {} else { offer = box!.nextHistory() }
            guard case .delivery(let delivery) = offer else {
                step()
                if box!.isDrained || clock.elapsed >= end { return }
                guard offer == .wait || disk.nextDeadline != nil else { return }
                clock.advance(to: min(end, max(disk.nextDeadline ?? end, clock.elapsed)))
                step()
                continue
            }
            var content: [BatchID: [Int64]] = [:]
            for batch in box!.batches
            where delivery.range.first <= batch.sequence && batch.sequence <= delivery.range.last {
                content[BatchID(stream: delivery.stream, lane: delivery.lane, sequence: batch.sequence)] =
                    delivery.lane == .readings ? box!.values(of: batch) : []
            }
            box!.sent(delivery)
            if receive(delivery, content) {
                box!.acknowledge(
                    BatchID(stream: delivery.stream, lane: delivery.lane, sequence: delivery.range.first))
            }
            step()
        }
    }

    /// What a new session delivers, by identity.
    func delivered() -> [BatchID: [Int64]] {
        var found: [BatchID: [Int64]] = [:]
        drain { _, content in
            for (id, values) in content {
                precondition(found[id] == nil, "delivered twice in one session: \(id)")
                found[id] = values
            }
            return true
        }
        return found
    }

    /// The same when a batch may come again: a power cut forgets what was acknowledged last.
    func deliveredAtLeastOnce() -> [BatchID: [Int64]] {
        var found: [BatchID: [Int64]] = [:]
        drain { _, content in
            found.merge(content) { first, _ in first }
            return true
        }
        return found
    }

    var segmentsOnFlash: [FileEntry] { disk.flash.entries.filter { SegmentName($0.name) != nil } }
}
