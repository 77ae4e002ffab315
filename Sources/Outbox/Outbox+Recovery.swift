// Starting: what is in the runtime directory counts at once; the flash is looked through while everything already runs.

public import World

/// How far the look at the flash has come.
struct Recovery {
    var hasListing = false
    var hasCheckpoint = false
    var checkpoint: Checkpoint?
    /// The listing was given: what is not in it is not there.
    var isListed = false
    /// What a checkpoint of this process says of the time of this boot, or is being written to say.
    var timeOnFlash = TimeOnFlash.nothing
    enum TimeOnFlash: Int { case nothing, unsettled, settled }
    var isDone: Bool { hasListing && hasCheckpoint }
}

enum RuntimeFile {
    static let cursors = "cursors"
    static let dictionary = "dictionary"
}

public enum StateFile {
    public static let checkpoint = "checkpoint"
}

extension Outbox where D: ~Copyable {
    /// Opens the outbox. A runtime directory of this very boot is continued: same stream, same numbers. Any other is
    /// emptied and a new stream begun.
    public init(
        disk: consuming D, limits: OutboxLimits, dictionary: ChannelDictionary, boot: BootID, random: inout Random
    ) throws(DiskFault) {
        var disk = disk
        let mapped = try disk.map(OpenBatch.fileName, bytes: OpenBatch.fileBytes(capacity: limits.recordsMax))
        self.init(disk: disk, mapped: mapped, limits: limits, dictionary: dictionary, boot: boot)
        begin(&random)
    }

    /// Apart from the throwing one: Swift 6.0 cannot compile an initialiser that throws and has fields with defaults.
    private init(
        disk: consuming D, mapped: UnsafeMutableRawBufferPointer, limits: OutboxLimits, dictionary: ChannelDictionary,
        boot: BootID
    ) {
        self.disk = disk
        self.limits = limits
        self.boot = boot
        self.dictionary = dictionary
        // Stored batches may be of a configuration with more channels.
        codec = BatchCodec(
            recordsMax: limits.recordsMax, channelsMax: Thinning.channelNumbers(max(limits.channelsMax, 1_024)))
        memory = MemoryTier(segmentBytesMax: limits.memorySegmentBytes)
        packed = .allocate(capacity: limits.recordsMax)
        open = OpenBatch(memory: mapped, capacity: limits.recordsMax)
        tables[dictionary.configHash] = dictionary.table
    }

    private mutating func begin(_ random: inout Random) {
        let isContinued = open.belongs(to: boot)
        if !isContinued {
            var stream = random.next()
            while stream == 0 { stream = random.next() }
            for entry in (try? disk.runtimeList()) ?? [] where entry.name != OpenBatch.fileName {
                try? disk.runtimeRemove(entry.name)
            }
            open.begin(stream: StreamID(rawValue: stream), boot: boot)
            open.setConfigHash(dictionary.configHash)
            // All of it at once, so that cursors can be saved when the directory has no room any more.
            let empty = [UInt8](repeating: 0, count: 2 * Checkpoint.slotBytes)
            empty.withUnsafeBytes { bytes in try? disk.runtimeWrite(RuntimeFile.cursors, at: 0, bytes) }
        }
        boots[open.stream] = boot
        if isContinued {
            leftOpen = openNewest
            continueRuntime()
        }
        times.begin(boot)
        if let anchor = open.firstAnchor { times.settle(boot, by: anchor) }
        writeRuntimeDictionary()
        queue.ask(.read(file: StateFile.checkpoint, offset: 0, count: 2 * Checkpoint.slotBytes), .readCheckpoint)
        queue.ask(.list, .list)
        queue.submit(to: &disk)
    }

    /// Same boot: batches, cursors and the open batch are all in the runtime directory.
    private mutating func continueRuntime() {
        var found: [ChannelDictionary] = []
        let before = readRuntimeDictionary()
        if let before { found.append(before) }
        do throws(DiskFault) {
            try memory.adopt(stream: stream, from: &disk, codec: &codec) { found.append($0) }
        } catch { diskState = .failing(error) }
        for dictionary in found { tables[dictionary.configHash] = dictionary.table }
        var slots = [UInt8](repeating: 0, count: 2 * Checkpoint.slotBytes)
        slots.withUnsafeMutableBytes { bytes in _ = try? disk.runtimeRead(RuntimeFile.cursors, at: 0, into: bytes) }
        if let newest = slots.withUnsafeBytes({ Checkpoint.newest(in: $0) }) {
            uplink = newest.cursor
            if newest.boot == boot { times = newest.times }
            runtimeGeneration = newest.generation
            kpisPassedThrough = newest.kpisPassedThrough
        }
        for lane in Lane.allCases {
            var next = open.nextSequence(lane)
            // Sealed but killed before the number was stored: what is open is already in the memory tier.
            while memory.contains(lane, next) {
                // Windows are sealed beside the open batch.
                let isOpenBatch = lane == .readings && !(load(lane, next) && codec.header?.isThinned == true)
                next += 1
                if isOpenBatch { open.removeAll() }
            }
            open.setNextSequence(next, lane)
        }
        takeUpLastSealed()
        tellWhatIsGone()
        seal(anchor: nil)
        open.setConfigHash(dictionary.configHash)
        if before?.configHash != dictionary.configHash { open.setFirstOfConfiguration(open.nextSequence(.readings)) }
    }

    /// Killed after the number was stored and before the open batch was emptied: what is open has been sealed. And a
    /// process that was killed while it took up what the one before had left open has sealed that: its newest reading
    /// is now the last batch's.
    private mutating func takeUpLastSealed() {
        let next = open.nextSequence(.readings)
        guard next > 1, load(.readings, next - 1) else { return }
        if open.count > 0, codec.readings.elementsEqual(open.readings) { open.removeAll() }
        if leftOpen == nil { leftOpen = codec.readings.last }
    }

    /// Numbers that were given and are nowhere: the process died before it could tell that the runtime directory had no
    /// room for them, or somebody removed a file there.
    private mutating func tellWhatIsGone() {
        for lane in Lane.allCases {
            var next = open.spilledThrough(lane) + 1
            while next < open.nextSequence(lane) {
                let first = uplink[stream, lane].firstMissing(from: next)
                guard first < open.nextSequence(lane) else { break }
                if memory.contains(lane, first) {
                    next = first + 1
                    continue
                }
                // As far as the next number that is known.
                var last = first
                while last + 1 < open.nextSequence(lane), !memory.contains(lane, last + 1),
                    uplink[stream, lane].firstMissing(from: last + 1) == last + 1
                {
                    last += 1
                }
                let range = SequenceRange(first, last)
                losses.append(
                    Loss(
                        stream: stream, lane: lane, range: range, counts: [],
                        reason: "gone from the runtime directory"))
                uplink.insert(range, stream: stream, lane: lane)
                isCursorChanged = true
                next = last + 1
            }
        }
    }

    private mutating func writeRuntimeDictionary() {
        let bytes = codec.encode(dictionary: dictionary, lane: .readings, stream: stream)
        bytes.withUnsafeBytes { block in try? disk.runtimeWrite(RuntimeFile.dictionary, at: 0, block) }
    }

    private mutating func readRuntimeDictionary() -> ChannelDictionary? {
        var bytes = [UInt8](repeating: 0, count: 128 << 10)
        bytes.withUnsafeMutableBytes { buffer in _ = try? disk.runtimeRead(RuntimeFile.dictionary, at: 0, into: buffer)
        }
        return bytes.withUnsafeBytes { buffer in
            guard case .block(let header) = Block.examine(buffer) else { return nil }
            return ChannelDictionary.decode(buffer, header: header)
        }
    }

    // MARK: The flash's answers

    /// True once the checkpoint and the listing have been read, or could not be.
    public var isRecovered: Bool { recovery.isDone }

    /// What the last checkpoint on flash says; nil when there is none that can be read.
    public var recoveredCheckpoint: Checkpoint? { recovery.checkpoint }

    /// A checkpoint tells of this stream, or is being written to: the next one can name it.
    public var isStreamOnFlash: Bool { hasWrittenCheckpoint || recovery.checkpoint?.stream == stream }

    /// The last number of an earlier stream's lane that the checkpoint or the listing of the flash tells of; 0: none.
    public func lastKnown(_ checkpoint: Checkpoint, _ lane: Lane) -> UInt64 {
        let listed =
            flash.segments.last { $0.name.stream == checkpoint.stream && $0.name.lane == lane }?.name.first ?? 0
        return max(checkpoint.nextSequence[Int(lane.rawValue)] - 1, listed)
    }

    mutating func finishCheckpointRead(_ result: DiskCompletion.Result) {
        recovery.hasCheckpoint = true
        guard case .bytes(let bytes) = result, let found = bytes.withUnsafeBytes({ Checkpoint.newest(in: $0) }) else {
            if case .failed(let fault) = result, fault != .noSuchFile { diskFailed(fault, at: nil) }
            return
        }
        recovery.checkpoint = found
        generation = found.generation
        hasCheckpointFile = true
        // What was acknowledged stays so, whichever of flash and runtime directory knows more of it: also when the next
        // process cannot read the checkpoint.
        isCursorChanged = true
        for part in found.cursor.parts {
            for range in part.acknowledged.ranges { uplink.insert(range, stream: part.stream, lane: part.lane) }
        }
        boots[found.stream] = found.boot
        adoptTimes(of: found)
    }

    mutating func finishListing(_ result: DiskCompletion.Result, now: Boottime) {
        guard !queue.isPending(.remove) else {
            // It may show what is about to be removed.
            listAgainAt = now + .seconds(1)
            return
        }
        recovery.hasListing = true
        switch result {
        case .entries(let entries, freeBytes: _):
            recovery.isListed = true
            var order: [StreamID] = []
            if let last = recovery.checkpoint?.stream { order.append(last) }
            if !order.contains(stream) { order.append(stream) }
            for name in flash.adopt(entries, order: order) { queue.ask(.remove(file: name.text), .remove) }
            forgetStreamsThatAreGone()
        case .failed(let fault):
            // Writing may work all the same. What is there stays unknown for now: no file that may exist is written to.
            diskFailed(fault, at: nil)
            flash.nextAttempt = max(flash.nextAttempt, 1 << 32 + runtimeGeneration)
            listAgainAt = now + Self.firstUnreadableDelay
        default: break
        }
    }

    // MARK: Checkpoints

    /// Keeps the cursors across a crash of the process. Called once a step, does something only after a change.
    public mutating func saveCursors() {
        // A number that is given up is behind the cursor only once the loss has been taken to be told.
        guard isCursorChanged, losses.isEmpty else { return }
        isCursorChanged = false
        runtimeGeneration += 1
        var checkpoint = Checkpoint()
        checkpoint.generation = runtimeGeneration
        checkpoint.stream = stream
        checkpoint.boot = boot
        checkpoint.kpisPassedThrough = kpisPassedThrough
        checkpoint.cursor = uplink
        checkpoint.times = timesToStore()
        let slot = checkpoint.encoded()
        let offset = checkpoint.slotOffset
        slot.withUnsafeBytes { bytes in try? disk.runtimeWrite(RuntimeFile.cursors, at: offset, bytes) }
        removeWhatIsAcknowledged()
        queue.submit(to: &disk)
    }

    /// Writes the flash checkpoint: counters, cursors, numbers, heartbeat.
    public mutating func writeCheckpoint(
        now: Boottime, utc: UTC?, counters: [(key: UInt64, total: Int64)], isOrderly: Bool
    ) {
        guard recovery.hasCheckpoint, !queue.isPending(.checkpoint) else { return }
        let isFirst = !hasCheckpointFile
        generation += 1
        hasCheckpointFailed = false
        var checkpoint = Checkpoint()
        checkpoint.generation = generation
        checkpoint.isOrderly = isOrderly
        checkpoint.stream = stream
        checkpoint.boot = boot
        checkpoint.heartbeat = now
        checkpoint.heartbeatUTC = utc
        checkpoint.nextSequence = Lane.allCases.map { open.nextSequence($0) }
        checkpoint.kpisPassedThrough = kpisPassedThrough
        checkpoint.counters = counters
        checkpoint.cursor = cursorForFlash
        times.last(boot, until: now)
        checkpoint.times = timesToStore()
        recovery.timeOnFlash = knownTime
        if !isFirst && !hasWrittenCheckpoint {
            // The slot that was read may be the work of a process that died before its sync: safe before the other is
            // touched.
            queue.ask(.sync(file: StateFile.checkpoint), .checkpoint)
        }
        hasWrittenCheckpoint = true
        if isFirst {
            // Both slots at once, so that later checkpoints never change the file's size.
            let empty = [UInt8](repeating: 0, count: 2 * Checkpoint.slotBytes)
            queue.ask(.write(file: StateFile.checkpoint, offset: 0, bytes: empty), .checkpoint)
        }
        let slot = checkpoint.encoded()
        flashBytesWritten += UInt64(slot.count)
        flashSyncs += 1
        queue.ask(.write(file: StateFile.checkpoint, offset: checkpoint.slotOffset, bytes: slot), .checkpoint)
        queue.ask(.sync(file: StateFile.checkpoint), .checkpoint)
        if isFirst { queue.ask(.syncDirectory, .checkpoint) }
        queue.submit(to: &disk)
    }

    mutating func finishCheckpoint(_ result: DiskCompletion.Result, now: Boottime) {
        if case .failed(let fault) = result {
            diskFailed(fault, at: now)
            // The other slot is the only one that is known to be good: the next generation goes where this one went.
            if !hasCheckpointFailed { generation += 1 }
            hasCheckpointFailed = true
        }
        guard !queue.isPending(.checkpoint), !hasCheckpointFailed else { return }
        hasCheckpointFile = true
        diskRecovered()
    }

    public var isCheckpointPending: Bool { queue.isPending(.checkpoint) }
}
