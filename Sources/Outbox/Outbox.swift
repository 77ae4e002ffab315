// The outbox: everything sealed and not yet acknowledged. The only queue between the sensors and the city.
//
// A reading is appended to the open batch; the batch is sealed (numbered, compressed, checksummed) into the memory
// tier; what is not acknowledged by half the loss window is spilled to flash and synced. Nothing is offered that was
// not sealed; a cursor moves on acknowledgement only (or when a loss was told by a tombstone); a batch is released when
// the uplink has acknowledged it and the KPIs have passed it.
//
// Promises, with `loss_window` w:
//   - after a crash of the process everything sealed is there, and the open batch too;
//   - after a power cut everything older than w is there (w = 0: everything that was ever offered);
//   - starting never fails because of what is found, and takes no longer for a larger backlog;
//   - losses are told: each leaves through `takeLoss`.
//
// `Outbox.swift` appends and seals; `Outbox+Spill.swift` moves to flash, `Outbox+Evict.swift` and `Outbox+Bounds.swift`
// keep the limits, `Outbox+Offer.swift` offers, `Outbox+Acknowledge.swift` takes the answers, `Outbox+Recovery.swift`
// starts.

public import World

/// Sizes and times; see `Limits.swift` of the gateway for the relations between them.
public struct OutboxLimits: Sendable {
    public var recordsMax: Int
    public var channelsMax: Int
    public var lossWindow: Duration
    public var memoryBytesMax: Int
    public var keepAcknowledgedBytes: Int
    public var flashBytesMax: Int
    public var memorySegmentBytes: Int
    public var flashSegmentBytes: Int
    public var readChunkBytes: Int
    /// A batch whose newest reading is older than this goes behind the live ones.
    public var liveAge: Duration
    public var historyOldestFirst: Bool

    public init(
        recordsMax: Int, channelsMax: Int, lossWindow: Duration, memoryBytesMax: Int, keepAcknowledgedBytes: Int,
        flashBytesMax: Int, memorySegmentBytes: Int, flashSegmentBytes: Int, readChunkBytes: Int, liveAge: Duration,
        historyOldestFirst: Bool
    ) {
        self.recordsMax = recordsMax
        self.channelsMax = channelsMax
        self.lossWindow = lossWindow
        self.memoryBytesMax = memoryBytesMax
        self.keepAcknowledgedBytes = keepAcknowledgedBytes
        self.flashBytesMax = flashBytesMax
        self.memorySegmentBytes = memorySegmentBytes
        self.flashSegmentBytes = flashSegmentBytes
        self.readChunkBytes = readChunkBytes
        self.liveAge = liveAge
        self.historyOldestFirst = historyOldestFirst
    }
}

/// How the flash is doing; a change is an event.
public enum DiskState: Equatable, Sendable {
    case fine
    case failing(DiskFault)
}

public struct Outbox<D: Disk & ~Copyable>: ~Copyable {
    public var disk: D
    public let limits: OutboxLimits
    public let boot: BootID
    public let dictionary: ChannelDictionary
    public internal(set) var codec: BatchCodec
    public internal(set) var diskState = DiskState.fine

    var open: OpenBatch
    var memory: MemoryTier
    var flash = FlashTier()
    var queue = DiskQueue()
    /// Channel tables by config hash: ours, and those met in segments.
    var tables: [UInt32: ChannelTable] = [:]
    /// What each known stream's batches are stamped with besides: the boot they belong to.
    var boots: [StreamID: BootID] = [:]
    /// What is known of the time of this boot and earlier ones.
    var times = BootTimes()

    // Offering.
    var uplink = Cursor()
    var isCursorChanged = false
    var inFlight: [OfferedBatches] = []
    var liveNext: [UInt64] = [1, 1, 1, 1]
    var memoryHistoryNext: [UInt64] = [1, 1, 1, 1]
    var memoryHistoryEnd: [UInt64] = [1, 1, 1, 1]
    var scan: HistoryScan?
    var block: [UInt8] = []

    // Spilling.
    var spills: [Spill?] = [nil, nil, nil, nil]
    var packed: UnsafeMutablePointer<Reading>
    var diskRetryAt = Boottime(nanoseconds: 0)
    var diskRetryDelay = Duration.seconds(1)
    static var firstUnreadableDelay: Duration { .seconds(5) }
    /// When segments that could not be read are tried again.
    var unreadableRetryAt = Boottime.distantFuture
    var unreadableDelay = Duration.seconds(5)

    // Recovery and checkpoints.
    var recovery = Recovery()
    var generation: UInt64 = 0
    var hasCheckpointFile = false
    var hasWrittenCheckpoint = false
    var hasCheckpointFailed = false
    var listAgainAt = Boottime.distantFuture
    var runtimeGeneration: UInt64 = 0
    var eviction: Eviction?
    /// Reads a loss back from the body of an item, when that is a tombstone; set by whoever writes them.
    public var readTombstone: @Sendable ([UInt8]) -> Loss? = { _ in nil }
    var walk: StoredWalk?
    var heldStreams: [StreamID] = []
    var losses: [Loss] = []
    /// The last attempt to seal found no room in the runtime directory.
    var isRuntimeFull = false
    /// The newest reading that a process before had left in the open batch, or in the last that it had sealed.
    public internal(set) var leftOpen: Reading?
    /// Readings batches up to this number need not be kept for the KPIs.
    public var kpisPassedThrough: UInt64 = .max {
        didSet { isCursorChanged = isCursorChanged || kpisPassedThrough != oldValue }
    }

    /// How many readings and items were sealed, and bytes handed to the flash, since the process started.
    public internal(set) var sealedRecords: UInt64 = 0
    public internal(set) var flashBytesWritten: UInt64 = 0
    public internal(set) var flashSyncs: UInt64 = 0

    deinit { packed.deallocate() }

    public var stream: StreamID { open.stream }
    public var memoryBytes: Int { memory.bytes }
    public var flashBytes: Int { flash.bytes }
    public func nextSequence(_ lane: Lane) -> UInt64 { open.nextSequence(lane) }
    /// The anchor of this stream's batches that were sealed before the clock had settled; nil until it has.
    public var firstAnchor: Anchor? { open.firstAnchor }
    /// The clock has settled, or was set again. Unsettled batches are settled by the first anchor of a stream only.
    public mutating func settle(_ anchor: Anchor, now: Boottime) {
        if open.firstAnchor == nil { open.setFirstAnchor(anchor) }
        noteTime(of: anchor, now: now)
    }

    /// The first readings batch of this stream under the present configuration.
    public var firstOfConfiguration: UInt64 { open.firstOfConfiguration }
    public func lastSealed(_ lane: Lane) -> UInt64 { open.nextSequence(lane) - 1 }

    // MARK: Appending

    public var openCount: Int { open.count }
    var openNewest: Reading? { open.count > 0 ? open.readings[open.count - 1] : nil }
    public var openOldest: Boottime? { open.count > 0 ? open.readings[0].acquired : nil }

    /// Appends one reading to the open batch. The batch must not be full.
    public mutating func append(_ reading: Reading) { open.append(reading) }
    public var isOpenFull: Bool { open.isFull }

    // MARK: Sealing

    /// Seals the open batch, if there is anything in it.
    public mutating func seal(anchor: Anchor?) {
        guard open.count > 0 else { return }
        let sequence = open.nextSequence(.readings)
        let readings = open.readings
        let bytes = codec.encode(
            readings: readings, counts: [readings.count], stream: stream, first: sequence, anchor: anchor,
            configHash: open.configHash)
        var oldest = Boottime.distantFuture, newest = Boottime(nanoseconds: 0)
        for reading in readings {
            oldest = min(oldest, reading.acquired)
            newest = max(newest, reading.acquired)
        }
        let id = BatchID(stream: stream, lane: .readings, sequence: sequence)
        if !store(bytes, id: id, oldest: oldest, newest: newest, configHash: open.configHash) {
            noteLoss(of: readings, range: SequenceRange(sequence, sequence), reason: Self.runtimeFull)
        }
        sealedRecords += UInt64(readings.count)
        open.setNextSequence(sequence + 1, .readings)
        open.removeAll()
        open.setConfigHash(dictionary.configHash)
    }

    /// Seals windows of readings that had to go, under the next number; nil when there is no room.
    mutating func sealThinned(
        _ windows: UnsafeBufferPointer<Reading>, anchor: Anchor?, configHash: UInt32
    ) -> UInt64? {
        let sequence = open.nextSequence(.readings)
        let bytes = codec.encode(
            readings: windows, counts: [windows.count], stream: stream, first: sequence, anchor: anchor,
            configHash: configHash, isThinned: true)
        // Never live, and due for the flash at once.
        let past = Boottime(nanoseconds: 0)
        let id = BatchID(stream: stream, lane: .readings, sequence: sequence)
        guard store(bytes, id: id, oldest: past, newest: past, configHash: configHash) else { return nil }
        sealedRecords += UInt64(windows.count)
        open.setNextSequence(sequence + 1, .readings)
        return sequence
    }

    /// Seals items as one batch of their lane.
    /// (Several, when there are more or longer ones than a block should have.)
    public mutating func seal(_ items: [Item], lane: Lane, anchor: Anchor?) {
        var rest = items[...]
        while !rest.isEmpty {
            var count = 0
            var bytes = 0
            for item in rest {
                bytes += item.body.count + 16
                guard count == 0 || bytes <= Self.itemBytesMax && count < limits.recordsMax else { break }
                count += 1
            }
            sealOne(Array(rest.prefix(count)), lane: lane, anchor: anchor)
            rest = rest.dropFirst(count)
        }
    }

    private static var itemBytesMax: Int { 64 << 10 }

    private mutating func sealOne(_ items: [Item], lane: Lane, anchor: Anchor?) {
        guard let first = items.first, let last = items.last else { return }
        let sequence = open.nextSequence(lane)
        let bytes = codec.encode(
            items: items, lane: lane, stream: stream, sequence: sequence, anchor: anchor,
            configHash: dictionary.configHash)
        let id = BatchID(stream: stream, lane: lane, sequence: sequence)
        if !store(bytes, id: id, oldest: first.time, newest: last.time, configHash: dictionary.configHash) {
            addLoss(
                Loss(
                    stream: stream, lane: lane, range: SequenceRange(sequence, sequence),
                    counts: [(lane.name, UInt64(items.count))], reason: Self.runtimeFull))
            uplink.insert(SequenceRange(sequence, sequence), stream: stream, lane: lane)
        }
        sealedRecords += UInt64(items.count)
        open.setNextSequence(sequence + 1, lane)
    }

    /// Puts a sealed block into the memory tier, making room by what may go; false when there is no room at all.
    private mutating func store(
        _ bytes: [UInt8], id: BatchID, oldest: Boottime, newest: Boottime, configHash: UInt32
    ) -> Bool {
        for attempt in 0..<2 {
            do throws(DiskFault) {
                let stream = stream
                try memory.append(
                    bytes, id: id, oldest: oldest, newest: newest,
                    dictionary: { [table = tables[configHash], dictionary, boot] in
                        var writer = ByteWriter()
                        let own = configHash == dictionary.configHash || table == nil
                        let told =
                            own ? dictionary : ChannelDictionary(boot: boot, prefix: dictionary.prefix, table: table!)
                        told.encode(lane: id.lane, stream: stream, into: &writer)
                        return writer.bytes
                    }, configHash: configHash, on: &disk)
                isRuntimeFull = false
                return true
            } catch {
                guard attempt == 0 else {
                    isRuntimeFull = true
                    return false
                }
                releaseMemory(to: 0)
            }
        }
        return false
    }

    // MARK: Losses

    /// Counts readings by channel and keeps the loss for a tombstone; the numbers count as passed from now on.
    mutating func noteLoss(of readings: UnsafeBufferPointer<Reading>, range: SequenceRange?, reason: String) {
        // A batch of an earlier configuration may know more channels than this one.
        var counts = [UInt64](repeating: 0, count: 1 << 16)
        for reading in readings { counts[Int(reading.channel.rawValue)] += 1 }
        let table = tables[open.configHash] ?? dictionary.table
        addLoss(
            Loss(
                stream: stream, lane: .readings, range: range,
                counts: counts.indices.filter { counts[$0] > 0 }.map {
                    ($0 < table.count ? table.channels[$0].name : "channel \($0)", counts[$0])
                }, reason: reason))
        if let range { uplink.insert(range, stream: stream, lane: .readings) }
        isCursorChanged = true
    }

    static var runtimeFull: String { "runtime directory full" }

    /// While nothing can be sealed there is no telling either: what is lost meanwhile becomes one loss a lane.
    private mutating func addLoss(_ loss: Loss) {
        guard
            let index = losses.firstIndex(where: {
                $0.lane == loss.lane && $0.reason == loss.reason && $0.range != nil && $0.stream == loss.stream
            }), let old = losses[index].range, let new = loss.range
        else {
            losses.append(loss)
            return
        }
        var counts = LossCounter(losses[index].counts)
        counts.add(loss.counts)
        losses[index].counts = counts.sorted
        losses[index].range = SequenceRange(min(old.first, new.first), max(old.last, new.last))
    }

    /// The next loss to tell, oldest first; none while there is no room to tell it.
    public mutating func takeLoss() -> Loss? { losses.isEmpty || isRuntimeFull ? nil : losses.removeFirst() }

    // MARK: Reading back

    /// The channel table of a batch; nil when its dictionary has not been met.
    public func table(_ configHash: UInt32) -> ChannelTable? { tables[configHash] }
    public func boot(of stream: StreamID) -> BootID? { boots[stream] }

    /// Decodes one batch of the current stream from the memory tier into `codec`; false when it is not there.
    public mutating func load(_ lane: Lane, _ sequence: UInt64) -> Bool {
        guard memory.read(lane, sequence, into: &block, from: &disk) else { return false }
        return block.withUnsafeBytes { bytes in
            guard case .block(let header) = Block.examine(bytes), header.first == sequence else { return false }
            return codec.decode(bytes, header: header)
        }
    }

    /// The first number from `sequence` on that the memory tier holds.
    public func firstInMemory(_ lane: Lane, from sequence: UInt64) -> UInt64? { memory.first(lane, from: sequence) }

    // MARK: Releasing

    /// Lets acknowledged and spilled batches go, oldest first, until the memory tier is within `target` bytes.
    mutating func releaseMemory(to target: Int) {
        guard memory.bytes > target else { return }
        let uplink = uplink, stream = stream, open = open
        memory.release(to: target, on: &disk) { lane, range in
            let first = max(range.first, open.spilledThrough(lane) + 1)
            return range.last < first || uplink[stream, lane].covers(SequenceRange(first, range.last))
        }
    }
}
