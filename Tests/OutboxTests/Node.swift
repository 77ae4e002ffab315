// An outbox behind a reference: Swift Testing looks at the parts of an expression as copyable values.

import SimulatedWorld
import World

@testable import Outbox

final class Node {
    private var outbox: Outbox<SimulatedDisk.Handle>

    init(
        disk: consuming SimulatedDisk.Handle, limits: OutboxLimits, dictionary: ChannelDictionary, boot: BootID,
        random: inout Random
    ) throws(DiskFault) {
        outbox = try Outbox(disk: disk, limits: limits, dictionary: dictionary, boot: boot, random: &random)
    }

    var stream: StreamID { outbox.stream }
    var openCount: Int { outbox.openCount }
    var leftOpen: Reading? { outbox.leftOpen }
    var openReadings: [Reading] { Array(outbox.open.readings) }
    var firstOfConfiguration: UInt64 { outbox.firstOfConfiguration }
    var isDrained: Bool { outbox.isDrained }
    var undrained: String { outbox.undrained }
    var isEverythingSpilled: Bool { outbox.isEverythingSpilled }
    var memoryBytes: Int { outbox.memoryBytes }
    var flashBytes: Int { outbox.flashBytes }
    var flashBytesWritten: UInt64 { outbox.flashBytesWritten }
    var diskState: DiskState { outbox.diskState }
    var uplink: Cursor { outbox.uplink }
    var recoveredCheckpoint: Checkpoint? { outbox.recoveredCheckpoint }
    func nextSequence(_ lane: Lane) -> UInt64 { outbox.nextSequence(lane) }
    func spilledThrough(_ lane: Lane) -> UInt64 { outbox.open.spilledThrough(lane) }
    func deadline() -> Boottime { outbox.deadline() }
    func table(_ hash: UInt32) -> ChannelTable? { outbox.table(hash) }

    func append(_ reading: Reading) { outbox.append(reading) }
    func seal(anchor: Anchor?) { outbox.seal(anchor: anchor) }
    func seal(_ items: [Item], lane: Lane, anchor: Anchor?) { outbox.seal(items, lane: lane, anchor: anchor) }
    /// Undoes stores that follow a seal, as a kill before them would.
    func undoSealStores(sequence: UInt64, readings: [Reading]) {
        outbox.open.setNextSequence(sequence, .readings)
        for reading in readings { outbox.open.append(reading) }
    }
    /// The moment of the last step or session.
    private var last = Boottime(nanoseconds: 0)

    func step(now: Boottime, isOffering: Bool) {
        last = now
        outbox.step(now: now, isOffering: isOffering)
    }
    func takeLoss() -> Loss? { outbox.takeLoss() }
    func lossesAreTold() { outbox.lossesAreTold() }
    func readTombstones(_ read: @escaping @Sendable ([UInt8]) -> Loss?) { outbox.readTombstone = read }
    func readings(of batch: BatchSlice) -> [Reading] { Array(outbox.codec.readings(of: batch)) }
    var anchor: Anchor? { outbox.codec.anchor }
    func saveCursors() { outbox.saveCursors() }
    func writeCheckpoint(now: Boottime, counters: [(key: UInt64, total: Int64)]) {
        outbox.writeCheckpoint(now: now, utc: nil, counters: counters, isOrderly: false)
    }

    func beginSession(now: Boottime) {
        last = now
        outbox.beginSession(now: now)
    }
    func endSession() { outbox.endSession() }
    func nextLive() -> Offer { outbox.nextLive(now: last) { _ in true } }
    func nextHistory() -> Offer { outbox.nextHistory { _ in true } }
    func sent(_ delivery: OfferedBatches) { outbox.sent(delivery) }
    func acknowledge(_ first: BatchID) { outbox.acknowledge(first) }
    func refuse(_ first: BatchID) { outbox.refuse(first) }
    func giveUp(_ delivery: OfferedBatches, reason: String) { outbox.giveUp(delivery, reason: reason) }
    func load(_ lane: Lane, _ sequence: UInt64) -> Bool { outbox.load(lane, sequence) }

    // What the codec holds.
    var header: BlockHeader? { outbox.codec.header }
    var batches: [BatchSlice] { outbox.codec.batches }
    var items: [Item] { outbox.codec.items }
    func values(of batch: BatchSlice) -> [Int64] { outbox.codec.readings(of: batch).map(\.value) }
}
