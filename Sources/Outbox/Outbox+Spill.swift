// To flash: what is not acknowledged in time is written and synced; a failing disk is survived; the size limit is kept.

public import World

/// One group of batches on its way to flash: written, then synced; durable only when both have succeeded.
struct Spill {
    var file: SegmentName
    var bytes: Int
    var through: UInt64
    /// Its requests: all must succeed; answers to any other are an earlier spill's.
    var tokens: ClosedRange<UInt64>
}

extension Outbox where D: ~Copyable {
    /// Takes completions and moves everything of the flash on. Never waits. Call once a step.
    /// `isOffering`: what is sealed goes to a broker at once, so that what is young may be acknowledged at any moment.
    public mutating func step(now: Boottime, isOffering: Bool) {
        while let completion = disk.nextCompletion() {
            guard let purpose = queue.purpose(of: completion) else { continue }
            finish(purpose, completion.token, completion.result, now: now)
        }
        takeUpAgain(now: now)
        keepFlashBound(now: now)
        spillWhatIsDue(now: now, isOffering: isOffering, everything: false)
        keepMemoryBound()
        queue.submit(to: &disk)
    }

    /// What could not be read or listed is tried again, without waiting for a new session.
    private mutating func takeUpAgain(now: Boottime) {
        if now >= unreadableRetryAt {
            unreadableRetryAt = .distantFuture
            flash.offerAgain { $0.isUnreadable }
        }
        if now >= listAgainAt {
            listAgainAt = .distantFuture
            queue.ask(.list, .list)
        }
    }

    /// When `step` has something to do though nothing happens: the next batch reaches half its loss window, or
    /// something that failed is to be tried again. At once while a loss waits to be told.
    public func deadline() -> Boottime {
        guard losses.isEmpty || isRuntimeFull else { return Boottime(nanoseconds: 0) }
        var deadline = min(unreadableRetryAt, listAgainAt)
        guard recovery.hasListing else { return deadline }
        for lane in Lane.allCases where spills[Int(lane.rawValue)] == nil && mayGrow(lane) {
            guard let next = nextToSpill(lane), let oldest = memory.oldest(lane, next) else { continue }
            deadline = min(deadline, max(isAwaited(lane) ? oldest : oldest + halfWindow, diskRetryAt))
        }
        return deadline
    }

    /// The memory tier keeps times to a tenth of a second, rounded down: a deadline can come that much early, never
    /// late.
    private var halfWindow: Duration { .nanoseconds(limits.lossWindow.nanoseconds / 2) }

    /// The first batch of the lane that is neither acknowledged nor on flash.
    private func nextToSpill(_ lane: Lane) -> UInt64? {
        nextUnacknowledgedInMemory(lane, from: open.spilledThrough(lane) + 1)
    }

    // MARK: Spilling

    /// Starts a spill of every lane that is due; `everything`: whatever is not acknowledged (an orderly stop, a
    /// power-fail).
    public mutating func spillWhatIsDue(now: Boottime, isOffering: Bool, everything: Bool) {
        guard recovery.hasListing else { return }
        guard everything || now >= diskRetryAt else { return }
        for lane in Lane.allCases where spills[Int(lane.rawValue)] == nil && (everything || mayGrow(lane)) {
            guard let next = nextToSpill(lane), let oldest = memory.oldest(lane, next) else { continue }
            let isAwaited = isAwaited(lane)
            guard everything || isAwaited || now - oldest >= halfWindow else { continue }
            spill(lane, from: next, now: now, isOffering: isOffering && !everything && !isAwaited)
        }
        queue.submit(to: &disk)
    }

    /// Spills what the lane has, however young.
    public mutating func spill(all lane: Lane, now: Boottime) {
        guard recovery.hasListing, spills[Int(lane.rawValue)] == nil, let next = nextToSpill(lane) else { return }
        spill(lane, from: next, now: now, isOffering: false)
        queue.submit(to: &disk)
    }

    /// Room is made first; meanwhile the memory tier holds what comes. (The completions of the removal wake us.)
    private func mayGrow(_ lane: Lane) -> Bool {
        flash.bytes <= limits.flashBytesMax || isAwaited(lane)
    }

    func isEverythingSpilled(_ lane: Lane) -> Bool { nextToSpill(lane) == nil && spills[Int(lane.rawValue)] == nil }

    /// True when nothing unacknowledged is left outside the flash.
    public var isEverythingSpilled: Bool {
        Lane.allCases.allSatisfy { isEverythingSpilled($0) }
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
                // Gone from the memory tier: told when it was dropped. There and not to be read: told now.
                if memory.contains(lane, sequence) { giveUpUnreadable(lane, sequence) }
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

    private mutating func giveUpUnreadable(_ lane: Lane, _ sequence: UInt64) {
        let range = SequenceRange(sequence, sequence)
        losses.append(
            Loss(stream: stream, lane: lane, range: range, counts: [], reason: "damaged in the runtime directory"))
        uplink.insert(range, stream: stream, lane: lane)
        isCursorChanged = true
    }

    /// Consecutive batches that share anchor and config become one block.
    private struct Packing {
        var counts: [Int] = []
        var records = 0
        var first: UInt64 = 0
        var anchor: Anchor?
        var configHash: UInt32 = 0
        var isThinned = false
    }

    private mutating func pack(_ header: BlockHeader, into packing: inout Packing, _ bytes: inout [UInt8]) {
        let readings = codec.readings
        let fits = packing.counts.isEmpty
            || (packing.first + UInt64(packing.counts.count) == header.first && packing.anchor == codec.anchor
                && packing.configHash == header.configHash && packing.isThinned == header.isThinned
                && packing.records + readings.count <= limits.recordsMax)
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
            configHash: header.configHash, isThinned: header.isThinned)
    }

    private mutating func flush(_ packing: inout Packing, _ bytes: inout [UInt8]) {
        guard !packing.counts.isEmpty else { return }
        bytes.append(
            contentsOf: codec.encode(
                readings: UnsafeBufferPointer(start: packed, count: packing.records), counts: packing.counts,
                stream: stream, first: packing.first, anchor: packing.anchor, configHash: packing.configHash,
                isThinned: packing.isThinned))
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
        let file = segment.name.text
        let write = queue.ask(.write(file: file, offset: segment.bytes, bytes: content), .spill(lane: lane))
        var last = queue.ask(.sync(file: file), .spill(lane: lane))
        if isNew { last = queue.ask(.syncDirectory, .spill(lane: lane)) }
        spills[Int(lane.rawValue)] = Spill(
            file: segment.name, bytes: content.count, through: through, tokens: write...last)
    }

    // MARK: Completions

    private mutating func finish(
        _ purpose: DiskPurpose, _ token: UInt64, _ result: DiskCompletion.Result, now: Boottime
    ) {
        switch purpose {
        case .readCheckpoint: finishCheckpointRead(result)
        case .list: finishListing(result, now: now)
        case .checkpoint: finishCheckpoint(result, now: now)
        case .remove: finishRemoval(result, now: now)
        case .spill(let lane): finishSpill(lane, token, result, now: now)
        case .historyRead: finishHistoryRead(token, result, now: now)
        case .evictionRead: finishEvictionRead(token, result, now: now)
        case .walkRead: finishWalkRead(token, result)
        }
    }

    private mutating func finishSpill(
        _ lane: Lane, _ token: UInt64, _ result: DiskCompletion.Result, now: Boottime
    ) {
        guard let spill = spills[Int(lane.rawValue)], spill.tokens.contains(token) else { return }
        if case .failed(let fault) = result {
            // Never written or synced again: what the kernel kept of it is unknown (Rebello et al., ATC 2020). The
            // batches are still in the memory tier and go into a new segment.
            diskFailed(fault, at: now)
            spills[Int(lane.rawValue)] = nil
            abandon(spill.file, unwritten: spill.bytes)
            return
        }
        guard token == spill.tokens.upperBound else { return }
        spills[Int(lane.rawValue)] = nil
        flash.grew(spill.file, by: spill.bytes, through: spill.through)
        open.setSpilledThrough(spill.through, lane)
        diskRecovered()
    }

    /// What was written of `unwritten` bytes before it failed nobody knows: they count as taking room.
    private mutating func abandon(_ name: SegmentName, unwritten: Int) {
        guard let index = flash.index(of: name) else { return }
        flash.close(name)
        flash.nextAttempt += 1
        if flash.segments[index].bytes == 0 {
            flash.remove(name)
            queue.ask(.remove(file: name.text), .remove)
        } else {
            flash.pad(name, by: unwritten)
        }
    }

    mutating func diskFailed(_ fault: DiskFault, at now: Boottime?) {
        diskState = .failing(fault)
        // Lanes that fail together wait together: one failure, one doubling.
        guard let now, now >= diskRetryAt else { return }
        // Nothing was written when it was time to: another failure, not the same one still.
        if now - diskRetryAt > .seconds(5) { diskRetryDelay = .seconds(1) }
        diskRetryAt = now + diskRetryDelay
        diskRetryDelay = min(diskRetryDelay * 2, .seconds(60))
    }

    mutating func diskRecovered() {
        diskState = .fine
        diskRetryDelay = .seconds(1)
    }
}
