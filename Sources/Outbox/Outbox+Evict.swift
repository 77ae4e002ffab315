// The flash's bound: which segment has to go when space runs out, and how it goes.
//
// The oldest readings are thinned first (`Thinning.swift`): their windows are sealed as new batches of the present
// stream. When nothing is left to thin, segments go whole: readings, events, security, contributions last. Each goes in
// this order, so that a crash at any moment loses nothing untold:
//
//   1. surveyed: what in it is neither acknowledged nor lost already, by channel; tombstones among lost events
//   2. thinned, when it holds readings that can be
//   3. told: a tombstone of its numbers, those found in it merged into it again
//   4. removed, when tombstone and windows are on flash or acknowledged
//
// Events of which most would be told again make no room: they stay, and the next lane goes. At the limit, when nothing
// else is left, tombstones that name the same numbers are merged too; what even that makes no fewer stays for good.
//
// It begins one segment below the limit, so that what comes meanwhile has room. At the limit itself, and when the flash
// takes nothing, step 4 waits for nothing but the telling: tombstone and windows are in the memory tier. Only when the
// runtime directory too has no room for a tombstone it does not wait: what is in there has to get out first.
//
// After a power cut between 3 and 4 a segment may be offered though it was told as lost: late, but with its identity.

import World

/// A segment on its way out.
struct Eviction {
    enum Stage { case surveying, thinning, leaving }
    let name: SegmentName
    /// The last number that can be in it.
    let last: UInt64
    var stage = Stage.surveying
    var scan: SegmentScan
    /// The read that is under way: the answer to any other is an earlier scan's.
    var awaiting: UInt64?
    var survey = Survey()
    var thinning: Thinning?
    /// Windows of an earlier thinning in it: so many bytes of their blocks are given up, the oldest first.
    var windowBytesToGo = 0
    /// Readings that windows now stand for, and what is given up.
    var thinnedReadings = LossCounter()
    var lost = LossCounter()
    /// Numbers of the batches of windows that were made of it.
    var thinned: SequenceRange?
    /// What of its lane was behind the cursor before it was told.
    var acknowledged = RangeSet()
    /// The events batch that the tombstone went into.
    var toldIn: UInt64?

    // In place, through an optional of a type that cannot be copied, Swift 6.0.3 cannot compile these.
    mutating func finishWindows() { thinning?.finish() }
    mutating func dropWindows() { thinning = nil }

    func holds(_ stream: StreamID, _ lane: Lane, _ sequence: UInt64) -> Bool {
        stage != .leaving && name.stream == stream && name.lane == lane && name.first <= sequence && sequence <= last
    }
}

/// What is in a segment that nobody has.
struct Survey {
    var counts = LossCounter()
    var range: SequenceRange?
    var tombstones = Tombstones()
    var readings = 0
    var windowBytes = 0
    var channels: Set<UInt16> = []
    var oldest = Boottime.distantFuture
    var newest = Boottime(nanoseconds: .min)

    var window: Duration {
        let span = readings > 0 ? newest - oldest : .zero
        return Thinning.window(readings: readings, channels: channels.count, span: span)
    }
}

extension Outbox where D: ~Copyable {
    static var outboxFull: String { "outbox full" }

    mutating func keepFlashBound(now: Boottime) {
        finishEviction(now: now)
        guard eviction == nil, recovery.hasListing, flash.bytes > limits.flashBytesMax - limits.flashSegmentBytes else {
            return
        }
        // What is on its way to the city stays until that is decided: told as lost it would come all the same.
        let isPressed = flash.bytes > limits.flashBytesMax
        let scanned = scan?.name
        let spilling = spills.compactMap { $0?.file }
        let isAllowed = { [inFlight] (segment: FlashSegment) in
            guard !spilling.contains(segment.name), !segment.isUnreadable else { return false }
            return (isPressed || segment.name != scanned)
                && !inFlight.contains {
                    $0.stream == segment.name.stream && $0.lane == segment.name.lane
                        && $0.range.first <= segment.last ?? .max && segment.name.first <= $0.range.last
                }
        }
        let next =
            flash.nextToThin(isAllowed)
            ?? flash.nextToDrop(besides: stream, from: limits.flashSegmentBytes / 2, isAllowed)
            ?? (isPressed ? flash.nextToMergeTight(isAllowed) : nil)
        guard let name = next else { return }
        flash.close(name)
        if scan?.name == name { scan = nil }
        eviction = Eviction(
            name: name, last: lastPossible(name),
            scan: SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes))
        let retelling = flash.index(of: name).map { flash.segments[$0].retelling }
        eviction!.survey.tombstones.isTight = retelling == .onlyTight
        continueEviction()
    }

    private func lastPossible(_ name: SegmentName) -> UInt64 {
        if let last = flash.index(of: name).flatMap({ flash.segments[$0].last }) { return last }
        return name.stream == stream ? open.spilledThrough(name.lane) : .max
    }

    private mutating func continueEviction() {
        while eviction != nil {
            switch eviction!.scan.next() {
            case .needsBytes:
                eviction!.awaiting = queue.ask(eviction!.scan.read, .evictionRead)
                return
            case .block(let header, let at): takeForEviction(header, at: at)
            case .end:
                switch eviction!.stage {
                case .surveying: endSurvey()
                case .thinning: endThinning()
                case .leaving: return
                }
                if eviction?.stage == .leaving { return }
            }
        }
    }

    mutating func finishEvictionRead(_ token: UInt64, _ result: DiskCompletion.Result, now: Boottime) {
        guard eviction != nil, eviction!.awaiting == token else { return }
        eviction!.awaiting = nil
        if case .bytes(let bytes) = result {
            eviction!.scan.accept(bytes)
            continueEviction()
            return
        }
        // What cannot be read now may be read later: another one has to go meanwhile.
        flash.markUnreadable(eviction!.name, at: now)
        readAgainLater(now)
        eviction = nil
    }

    private mutating func takeForEviction(_ header: BlockHeader, at: Int) {
        let chunk = eviction!.scan.chunk
        let isDecoded = chunk.withUnsafeBytes { bytes in
            let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
            if header.kind == .dictionary {
                if let found = ChannelDictionary.decode(block, header: header) {
                    tables[found.configHash] = found.table
                    boots[header.stream] = found.boot
                }
                return false
            }
            return header.stream == eviction!.name.stream && header.lane == eviction!.name.lane
                && codec.decode(block, header: header)
        }
        guard isDecoded else { return }
        if eviction!.stage == .surveying { survey(header) } else { thin(header) }
    }

    private func isWanted(_ batch: BatchSlice, _ header: BlockHeader) -> Bool {
        !uplink.contains(BatchID(stream: header.stream, lane: header.lane, sequence: batch.sequence))
    }

    // MARK: 1. Surveyed

    private mutating func survey(_ header: BlockHeader) {
        if header.isThinned { eviction!.survey.windowBytes += header.length }
        for batch in codec.batches where isWanted(batch, header) {
            let readings = header.lane == .readings ? codec.readings(of: batch) : codec.readings
            eviction!.survey.counts.add(readings, items: batch.count, header, tables[header.configHash])
            let known = eviction!.survey.range
            eviction!.survey.range = SequenceRange(known?.first ?? batch.sequence, batch.sequence)
            guard !header.isThinned, canThin(header) else { continue }
            for reading in readings {
                eviction!.survey.readings += 1
                eviction!.survey.channels.insert(reading.channel.rawValue)
                eviction!.survey.oldest = min(eviction!.survey.oldest, reading.acquired)
                eviction!.survey.newest = max(eviction!.survey.newest, reading.acquired)
            }
        }
        guard header.lane == .events else { return }
        if codec.batches.contains(where: { isWanted($0, header) }) {
            eviction!.survey.tombstones.add(codec.items, readTombstone)
        } else {
            eviction!.survey.tombstones.addSilent(header.length)
        }
    }

    /// Its times and channels are known. (A batch of an earlier boot whose clock never settled has no place in the
    /// present stream.)
    private func canThin(_ header: BlockHeader) -> Bool {
        header.lane == .readings && tables[header.configHash] != nil
            && (anchor(of: header) != nil || header.stream == stream)
    }

    /// Of the batch in the codec.
    private func anchor(of header: BlockHeader) -> Anchor? { codec.anchor ?? anchor(of: header.stream) }

    private mutating func endSurvey() {
        let survey = eviction!.survey, name = eviction!.name
        guard survey.range != nil else {
            // Everything was acknowledged: nothing to tell.
            eviction = nil
            removeSegment(name)
            return
        }
        guard survey.readings > 0 else {
            if name.lane == .readings, let index = flash.index(of: name), !flash.segments[index].isThinned,
                survey.windowBytes > 0
            {
                // Windows only: they go when there is nothing left to thin.
                flash.markThinned(name)
                eviction = nil
                return
            }
            if name.lane == .events, name.stream == stream, !survey.tombstones.makeRoom {
                // Told again, it would be back at once: something else has to go.
                flash.markRetold(name, survey.tombstones.isTight ? .never : .onlyTight)
                eviction = nil
                return
            }
            eviction!.lost = survey.counts
            tellEviction()
            return
        }
        let bytes = flash.index(of: name).map { flash.segments[$0].bytes } ?? 0
        eviction!.windowBytesToGo = max(0, survey.windowBytes - bytes / 2)
        eviction!.stage = .thinning
        eviction!.scan = SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes)
    }

    // MARK: 2. Thinned

    private mutating func thin(_ header: BlockHeader) {
        let table = tables[header.configHash]
        guard canThin(header) else {
            for batch in codec.batches where isWanted(batch, header) {
                eviction!.lost.add(codec.readings(of: batch), items: 0, header, table)
            }
            return
        }
        if header.isThinned {
            keepWindows(header, table)
            return
        }
        let anchor = anchor(of: header)
        let open = eviction!.thinning
        if open == nil || open!.configHash != header.configHash || (open!.anchor == nil) != (anchor == nil) {
            closeWindows()
            eviction!.thinning = Thinning(
                anchor: anchor, configHash: header.configHash, channels: table?.count ?? 0,
                window: eviction!.survey.window)
        }
        for batch in codec.batches where isWanted(batch, header) {
            let readings = codec.readings(of: batch)
            eviction!.thinnedReadings.add(readings, items: 0, header, table)
            for reading in readings {
                eviction!.thinning!.add(reading, anchor: anchor)
                if eviction!.thinning!.output.count >= limits.recordsMax { sealWindows(all: false) }
            }
        }
    }

    /// Windows of an earlier thinning move as they are, or go when they take more than half of the segment.
    private mutating func keepWindows(_ header: BlockHeader, _ table: ChannelTable?) {
        let isToGo = eviction!.windowBytesToGo > 0
        eviction!.windowBytesToGo -= header.length
        let anchor = anchor(of: header)
        for batch in codec.batches where isWanted(batch, header) {
            let windows = codec.readings(of: batch)
            if isToGo || !seal(windows: windows, anchor: anchor, configHash: header.configHash) {
                eviction!.lost.add(windows, items: 0, header, table)
            }
        }
    }

    private mutating func closeWindows() {
        guard eviction?.thinning != nil else { return }
        eviction?.finishWindows()
        sealWindows(all: true)
        eviction?.dropWindows()
    }

    private mutating func sealWindows(all: Bool) {
        let full = limits.recordsMax
        while let open = eviction!.thinning, open.output.count >= (all ? 1 : full) {
            let count = min(full, open.output.count)
            open.output.withUnsafeBufferPointer { output in
                let windows = UnsafeBufferPointer(rebasing: output[..<count])
                guard !seal(windows: windows, anchor: open.anchor, configHash: open.configHash) else { return }
                // No room in the runtime directory: the windows are lost, and are told with the rest.
                eviction!.lost.add(windows, of: tables[open.configHash]?.toldThinned)
            }
            eviction!.thinning!.output.removeFirst(count)
        }
    }

    private mutating func seal(
        windows: UnsafeBufferPointer<Reading>, anchor: Anchor?, configHash: UInt32
    ) -> Bool {
        guard let sequence = sealThinned(windows, anchor: anchor, configHash: configHash) else { return false }
        eviction!.thinned = SequenceRange(eviction!.thinned?.first ?? sequence, sequence)
        return true
    }

    private mutating func endThinning() {
        closeWindows()
        tellEviction()
    }

    // MARK: 3. Told

    private mutating func tellEviction() {
        let name = eviction!.name, survey = eviction!.survey
        losses += survey.tombstones.merged
        let thinned = "\(Self.outboxFull), thinned to windows of \(survey.window.components.seconds) s"
        if let range = survey.range {
            var parts = [(eviction!.thinnedReadings, thinned), (eviction!.lost, Self.outboxFull)]
            parts.removeAll { $0.0.isEmpty }
            if parts.isEmpty { parts = [(LossCounter(), Self.outboxFull)] }
            for (counts, reason) in parts {
                losses.append(
                    Loss(stream: name.stream, lane: name.lane, range: range, counts: counts.sorted, reason: reason))
            }
            eviction!.acknowledged = uplink[name.stream, name.lane]
            uplink.insert(range, stream: name.stream, lane: name.lane)
            isCursorChanged = true
        }
        eviction!.stage = .leaving
    }

    /// Every loss taken so far is in the events lane now.
    public mutating func lossesAreTold() {
        guard eviction?.stage == .leaving, eviction!.toldIn == nil, losses.isEmpty else { return }
        eviction!.toldIn = open.nextSequence(.events) - 1
    }

    // MARK: 4. Removed

    private mutating func finishEviction(now: Boottime) {
        guard eviction?.stage == .leaving else { return }
        let told = eviction!.toldIn, thinned = eviction!.thinned
        let isReplaced = thinned.map { isSafe(.readings, $0) } ?? true
        let isFull = flash.bytes > limits.flashBytesMax
        let isPressed = told != nil && (isFull || diskState != .fine) || isFull && isRuntimeFull
        guard isToldOnFlash && isReplaced && !isCursorChanged || isPressed else { return }
        let name = eviction!.name
        eviction = nil
        removeSegment(name)
    }

    private var isToldOnFlash: Bool {
        eviction!.toldIn.map { isSafe(.events, SequenceRange($0, $0)) } ?? false
    }

    /// The cursor as a checkpoint on flash may have it. Of a segment on its way out what was behind it before, until
    /// the tombstone is on flash too: whoever starts from there without the tombstone finds the segment, and no hole.
    var cursorForFlash: Cursor {
        guard eviction?.stage == .leaving, let range = eviction!.survey.range, !isToldOnFlash else { return uplink }
        var cursor = uplink
        cursor.takeBack(
            range, but: eviction!.acknowledged, stream: eviction!.name.stream, lane: eviction!.name.lane)
        return cursor
    }

    /// On flash or acknowledged.
    private func isSafe(_ lane: Lane, _ range: SequenceRange) -> Bool {
        range.last < 1 || open.spilledThrough(lane) >= range.last
            || uplink[stream, lane].firstMissing(from: max(1, range.first)) > range.last
    }

    /// The tombstone is to reach the flash at once, so that room is made soon.
    func isAwaited(_ lane: Lane) -> Bool { lane == .events && eviction?.stage == .leaving }
}
