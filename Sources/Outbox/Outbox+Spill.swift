// To flash: what is not acknowledged in time is written and synced; a failing disk is survived; the size limit is kept.

public import World

/// One group of batches on its way to flash: written, then synced; durable only when both have succeeded.
struct Spill {
    var file: SegmentName
    var bytes: Int
    var through: UInt64
}

/// A segment being read before it is given up, so that its tombstone can say what was in it.
struct DropScan {
    var name: SegmentName
    var scan: SegmentScan
    var counts: [(name: String, count: UInt64)] = []
    var range: SequenceRange?
    var table: ChannelTable?
}

extension Outbox where D: ~Copyable {
    /// Takes completions and moves everything of the flash on. Never waits. Call once a step.
    /// `isOffering`: what is sealed goes to a broker at once, so that what is young may be acknowledged at any moment.
    public mutating func step(now: Boottime, isOffering: Bool) {
        while let completion = disk.nextCompletion() {
            guard let purpose = queue.purpose(of: completion) else { continue }
            finish(purpose, completion.result, now: now)
        }
        spillWhatIsDue(now: now, isOffering: isOffering, everything: false)
        keepMemoryBound()
        keepFlashBound(now: now)
        queue.submit(to: &disk)
    }

    /// When `step` has something to do though nothing happens: the next batch reaches half its loss window.
    public func deadline() -> Boottime {
        var deadline = Boottime.distantFuture
        guard recovery.hasListing else { return deadline }
        for lane in Lane.allCases where spills[Int(lane.rawValue)] == nil {
            guard let next = nextToSpill(lane), let oldest = memory.oldest(lane, next) else { continue }
            deadline = min(deadline, max(oldest + halfWindow, diskRetryAt))
        }
        return deadline
    }

    /// The memory tier keeps times to a tenth of a second, rounded down: a deadline can come that much early, never late.
    private var halfWindow: Duration { .nanoseconds(limits.lossWindow.nanoseconds / 2) }

    /// The first batch of the lane that is neither acknowledged nor on flash.
    private func nextToSpill(_ lane: Lane) -> UInt64? {
        let next = uplink[stream, lane].firstMissing(from: open.spilledThrough(lane) + 1)
        return next < open.nextSequence(lane) ? memory.first(lane, from: next) : nil
    }

    // MARK: Spilling

    /// Starts a spill of every lane that is due; `everything`: whatever is not acknowledged (an orderly stop, a power-fail).
    public mutating func spillWhatIsDue(now: Boottime, isOffering: Bool, everything: Bool) {
        guard recovery.hasListing else { return }
        guard everything || now >= diskRetryAt else { return }
        for lane in Lane.allCases where spills[Int(lane.rawValue)] == nil {
            guard let next = nextToSpill(lane), let oldest = memory.oldest(lane, next) else { continue }
            guard everything || now - oldest >= halfWindow else { continue }
            spill(lane, from: next, now: now, isOffering: isOffering && !everything)
        }
        queue.submit(to: &disk)
    }

    /// True when nothing unacknowledged is left outside the flash.
    public var isEverythingSpilled: Bool {
        Lane.allCases.allSatisfy { nextToSpill($0) == nil } && spills.allSatisfy { $0 == nil }
    }

    private mutating func spill(_ lane: Lane, from first: UInt64, now: Boottime, isOffering: Bool) {
        var bytes: [UInt8] = []
        var packing = Packing()
        var sequence = first
        var through = first - 1
        while sequence < open.nextSequence(lane), bytes.count < limits.flashSegmentBytes / 4 {
            guard !uplink.contains(BatchID(stream: stream, lane: lane, sequence: sequence)) else {
                sequence += 1
                continue
            }
            if isOffering, let oldest = memory.oldest(lane, sequence), now - oldest < halfWindow { break }
            guard load(lane, sequence), let header = codec.header else {
                // Gone from the memory tier: told when it was dropped.
                sequence += 1
                continue
            }
            if lane == .readings {
                pack(header, into: &packing, &bytes)
            } else {
                bytes.append(contentsOf: block)
            }
            through = sequence
            sequence += 1
        }
        flush(&packing, &bytes)
        guard !bytes.isEmpty else { return }
        write(bytes, lane: lane, first: first, through: through)
    }

    /// Consecutive batches that share anchor and config become one block.
    private struct Packing {
        var counts: [Int] = []
        var records = 0
        var first: UInt64 = 0
        var anchor: Anchor?
        var configHash: UInt32 = 0
    }

    private mutating func pack(_ header: BlockHeader, into packing: inout Packing, _ bytes: inout [UInt8]) {
        let readings = codec.readings
        let fits = packing.counts.isEmpty
            || (packing.first + UInt64(packing.counts.count) == header.first && packing.anchor == codec.anchor
                && packing.configHash == header.configHash && packing.records + readings.count <= limits.recordsMax)
        if !fits {
            // The codec's readings are overwritten by the flush: keep them aside.
            let kept = Array(readings)
            let anchor = codec.anchor
            flush(&packing, &bytes)
            kept.withUnsafeBufferPointer { start(&packing, header, $0, anchor) }
        } else if packing.counts.isEmpty {
            start(&packing, header, readings, codec.anchor)
        } else {
            (packed + packing.records).update(from: readings.baseAddress!, count: readings.count)
            packing.records += readings.count
            packing.counts.append(readings.count)
        }
    }

    private func start(
        _ packing: inout Packing, _ header: BlockHeader, _ readings: UnsafeBufferPointer<Reading>, _ anchor: Anchor?
    ) {
        packed.update(from: readings.baseAddress!, count: readings.count)
        packing = Packing(
            counts: [readings.count], records: readings.count, first: header.first, anchor: anchor,
            configHash: header.configHash)
    }

    private mutating func flush(_ packing: inout Packing, _ bytes: inout [UInt8]) {
        guard !packing.counts.isEmpty else { return }
        bytes.append(
            contentsOf: codec.encode(
                readings: UnsafeBufferPointer(start: packed, count: packing.records), counts: packing.counts,
                stream: stream, first: packing.first, anchor: packing.anchor, configHash: packing.configHash))
        packing = Packing()
    }

    private mutating func write(_ bytes: [UInt8], lane: Lane, first: UInt64, through: UInt64) {
        var content = bytes
        var index = flash.openSegment(lane)
        if let found = index, flash.segments[found].bytes + bytes.count > limits.flashSegmentBytes {
            flash.close(flash.segments[found].name)
            index = nil
        }
        let isNew = index == nil
        if isNew {
            index = flash.begin(SegmentName(stream: stream, lane: lane, first: first))
            // Every dictionary this process knows: a continued stream may hold batches of the configuration before.
            var head: [UInt8] = []
            for (hash, table) in tables.sorted(by: { $0.key < $1.key }) where hash != dictionary.configHash {
                let older = ChannelDictionary(boot: boot, prefix: dictionary.prefix, table: table)
                head += codec.encode(dictionary: older, lane: lane, stream: stream)
            }
            content = head + codec.encode(dictionary: dictionary, lane: lane, stream: stream) + bytes
        }
        let segment = flash.segments[index!]
        flashBytesWritten += UInt64(content.count)
        flashSyncs += 1
        spills[Int(lane.rawValue)] = Spill(file: segment.name, bytes: content.count, through: through)
        queue.ask(
            .write(file: segment.name.text, offset: segment.bytes, bytes: content), .spill(lane: lane, isLast: false))
        queue.ask(.sync(file: segment.name.text), .spill(lane: lane, isLast: !isNew))
        if isNew { queue.ask(.syncDirectory, .spill(lane: lane, isLast: true)) }
    }

    // MARK: Completions

    private mutating func finish(_ purpose: DiskPurpose, _ result: DiskCompletion.Result, now: Boottime) {
        switch purpose {
        case .readCheckpoint: finishCheckpointRead(result)
        case .list: finishListing(result)
        case .checkpoint, .remove:
            if case .failed(let fault) = result, fault != .noSuchFile { diskFailed(fault, at: now) }
        case .spill(let lane, let isLast): finishSpill(lane, isLast: isLast, result, now: now)
        case .historyRead: finishHistoryRead(result, now: now)
        case .dropRead: finishDropRead(result, now: now)
        case .walkRead: finishWalkRead(result)
        }
    }

    private mutating func finishSpill(_ lane: Lane, isLast: Bool, _ result: DiskCompletion.Result, now: Boottime) {
        guard let spill = spills[Int(lane.rawValue)] else { return }
        if case .failed(let fault) = result {
            // Never written or synced again: what the kernel kept of it is unknown (Rebello et al., ATC 2020). The batches
            // are still in the memory tier and go into a new segment.
            diskFailed(fault, at: now)
            spills[Int(lane.rawValue)] = nil
            abandon(spill.file)
            return
        }
        guard isLast else { return }
        spills[Int(lane.rawValue)] = nil
        flash.grew(spill.file, by: spill.bytes, through: spill.through)
        open.setSpilledThrough(spill.through, lane)
        diskRecovered()
    }

    private mutating func abandon(_ name: SegmentName) {
        guard let index = flash.index(of: name) else { return }
        flash.close(name)
        if flash.segments[index].bytes == 0 {
            flash.remove(name)
            queue.ask(.remove(file: name.text), .remove)
        }
    }

    mutating func diskFailed(_ fault: DiskFault, at now: Boottime?) {
        diskState = .failing(fault)
        guard let now else { return }
        diskRetryAt = now + diskRetryDelay
        diskRetryDelay = min(diskRetryDelay * 2, .seconds(60))
    }

    private mutating func diskRecovered() {
        diskState = .fine
        diskRetryDelay = .seconds(1)
    }

    // MARK: Bounds

    private mutating func keepMemoryBound() {
        releaseMemory(to: limits.keepAcknowledgedBytes)
        while memory.bytes > limits.memoryBytesMax {
            // The flash takes nothing: the oldest readings go, and are told.
            guard let lane = [Lane.readings, .events, .security, .contributions].first(where: { memory.first($0, from: 1) != nil }),
                let first = memory.first(lane, from: 1)
            else { return }
            countInMemory(lane, from: first)
            guard memory.drop(lane, on: &disk) != nil else { return }
        }
    }

    /// Tells what the oldest memory segment of the lane holds that nobody has acknowledged, before it is dropped.
    private mutating func countInMemory(_ lane: Lane, from first: UInt64) {
        guard let range = memory.oldestSegment(lane) else { return }
        var counts = LossCounter()
        var lost: SequenceRange?
        for sequence in range.first...range.last {
            guard !uplink.contains(BatchID(stream: stream, lane: lane, sequence: sequence)),
                sequence > open.spilledThrough(lane), load(lane, sequence), let header = codec.header
            else { continue }
            counts.add(codec.readings, items: codec.items.count, lane: lane, table: tables[header.configHash])
            lost = SequenceRange(lost?.first ?? sequence, sequence)
        }
        guard let lost else { return }
        losses.append(
            Loss(stream: stream, lane: lane, range: lost, counts: counts.sorted, reason: "memory full, flash failing"))
        uplink.insert(lost, stream: stream, lane: lane)
        isCursorChanged = true
    }

    private mutating func keepFlashBound(now: Boottime) {
        guard flash.bytes > limits.flashBytesMax, drop == nil, let name = flash.nextToDrop() else { return }
        if scan?.name == name { scan = nil }
        drop = DropScan(name: name, scan: SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes))
        continueDrop(now: now)
    }

    private mutating func continueDrop(now: Boottime) {
        guard var current = drop else { return }
        var counts = LossCounter(current.counts)
        reading: while true {
            switch current.scan.next() {
            case .needsBytes:
                current.counts = counts.sorted
                drop = current
                queue.ask(current.scan.read, .dropRead)
                return
            case .block(let header, let at):
                let chunk = current.scan.chunk
                chunk.withUnsafeBytes { bytes in
                    let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                    if header.kind == .dictionary {
                        if let found = ChannelDictionary.decode(block, header: header) {
                            tables[found.configHash] = found.table
                        }
                    } else if codec.decode(block, header: header) {
                        for batch in codec.batches
                        where !uplink.contains(
                            BatchID(stream: header.stream, lane: header.lane, sequence: batch.sequence))
                        {
                            let readings = header.lane == .readings ? codec.readings(of: batch) : codec.readings
                            counts.add(
                                readings, items: batch.count, lane: header.lane, table: tables[header.configHash])
                            current.range = SequenceRange(current.range?.first ?? batch.sequence, batch.sequence)
                        }
                    }
                }
            case .end:
                break reading
            }
        }
        finishDrop(current, counts)
    }

    private mutating func finishDrop(_ current: DropScan, _ counts: LossCounter) {
        drop = nil
        if let range = current.range {
            losses.append(
                Loss(
                    stream: current.name.stream, lane: current.name.lane, range: range, counts: counts.sorted,
                    reason: "outbox full"))
            uplink.insert(range, stream: current.name.stream, lane: current.name.lane)
            isCursorChanged = true
        }
        removeSegment(current.name)
    }

    private mutating func finishDropRead(_ result: DiskCompletion.Result, now: Boottime) {
        guard var current = drop else { return }
        if case .bytes(let bytes) = result {
            current.scan.accept(bytes)
            drop = current
            continueDrop(now: now)
        } else {
            // It cannot even be read: what was in it is unknown, and that is said.
            current.range = SequenceRange(current.name.first, flash.index(of: current.name).flatMap { flash.segments[$0].last } ?? current.name.first)
            finishDrop(current, LossCounter(current.counts))
        }
    }

    mutating func removeSegment(_ name: SegmentName) {
        flash.remove(name)
        queue.ask(.remove(file: name.text), .remove)
        queue.ask(.syncDirectory, .remove)
        let stream = stream
        let flash = flash
        uplink.keep { $0 == stream || flash.holds($0) }
    }
}

/// Counts of what is lost, by channel name.
struct LossCounter {
    private var counts: [String: UInt64] = [:]

    init(_ counts: [(name: String, count: UInt64)] = []) {
        for (name, count) in counts { self.counts[name] = count }
    }

    mutating func add(_ readings: UnsafeBufferPointer<Reading>, items: Int, lane: Lane, table: ChannelTable?) {
        guard lane == .readings else {
            counts[lane.name, default: 0] += UInt64(items)
            return
        }
        for reading in readings {
            let index = Int(reading.channel.rawValue)
            let name = table.map { index < $0.count ? $0.channels[index].name : "channel \(index)" } ?? "channel \(index)"
            counts[name, default: 0] += 1
        }
    }

    var sorted: [(name: String, count: UInt64)] {
        counts.sorted { $0.key < $1.key }.map { (name: $0.key, count: $0.value) }
    }
}
