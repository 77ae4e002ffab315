// What to send next, and what an acknowledgement does. Live before history; within history the flash before the memory tier,
// oldest (or newest) segment first. Nothing in flight or acknowledged is offered.

public import World

/// One message's worth of consecutive batches of one stream and lane.
public struct OfferedBatches: Equatable, Sendable {
    public var stream: StreamID
    public var lane: Lane
    /// The batches in it.
    public var range: SequenceRange
    /// What the acknowledgement covers: also the numbers just before that no tier holds (acknowledged before a power cut
    /// whose record was lost), so that they do not split the cursor for ever.
    public var covers: SequenceRange
    /// Whether it came from the live end of its lane.
    public var isLive: Bool
}

/// The walk through one flash segment.
struct HistoryScan {
    var name: SegmentName
    var scan: SegmentScan
    /// The newest number met so far in this segment.
    var lastSeen: UInt64
    var damageBefore = 0
    var isWaiting = false
    /// A decoded block of which some batches are still to be offered: where it stands in the chunk.
    var pending: (header: BlockHeader, at: Int, next: UInt64)?
}

public enum Offer: Equatable, Sendable {
    /// `codec` holds the block; the batches of the delivery are those of `codec.batches` in its range.
    case delivery(OfferedBatches)
    /// The flash is being read: ask again after a completion.
    case wait
    case nothing
}

extension Outbox where D: ~Copyable {
    /// A session begins: everything unacknowledged is to be offered (again).
    public mutating func beginSession(now: Boottime) {
        inFlight.removeAll(keepingCapacity: true)
        scan = nil
        flash.resetOffers()
        for lane in Lane.allCases {
            let index = Int(lane.rawValue)
            let next = open.nextSequence(lane)
            var live = next
            while live > 1, let newest = memory.newest(lane, live - 1), now - newest <= limits.liveAge { live -= 1 }
            liveNext[index] = live
            memoryHistoryNext[index] = 1
            memoryHistoryEnd[index] = live
        }
    }

    public mutating func endSession() { inFlight.removeAll(keepingCapacity: true) }

    private func isInFlight(_ stream: StreamID, _ lane: Lane, _ sequence: UInt64) -> Bool {
        inFlight.contains {
            $0.stream == stream && $0.lane == lane && $0.range.first <= sequence && sequence <= $0.range.last
        }
    }

    // MARK: Live

    public mutating func nextLive(_ isAllowed: (Lane) -> Bool) -> Offer {
        for lane in [Lane.security, .events, .contributions, .readings] where isAllowed(lane) {
            let index = Int(lane.rawValue)
            var next = liveNext[index]
            let delivery = nextFromMemory(lane, &next, end: open.nextSequence(lane), isLive: true)
            liveNext[index] = next
            if let delivery { return .delivery(delivery) }
        }
        return .nothing
    }

    private mutating func nextFromMemory(
        _ lane: Lane, _ next: inout UInt64, end: UInt64, isLive: Bool
    ) -> OfferedBatches? {
        while true {
            next = uplink[stream, lane].firstMissing(from: next)
            guard let sequence = memory.first(lane, from: next), sequence < end else { return nil }
            if limits.lossWindow == .zero, sequence > open.spilledThrough(lane) { return nil }
            next = sequence
            if isInFlight(stream, lane, sequence) || !load(lane, sequence) {
                next = sequence + 1
                continue
            }
            let range = SequenceRange(sequence, sequence)
            return OfferedBatches(stream: stream, lane: lane, range: range, covers: range, isLive: isLive)
        }
    }

    // MARK: History

    public mutating func nextHistory(_ isAllowed: (Lane) -> Bool) -> Offer {
        let fromFlash = nextFromFlash(isAllowed)
        guard fromFlash == .nothing else { return fromFlash }
        for lane in [Lane.security, .events, .contributions, .readings] where isAllowed(lane) {
            let index = Int(lane.rawValue)
            var next = memoryHistoryNext[index]
            let delivery = nextFromMemory(lane, &next, end: memoryHistoryEnd[index], isLive: false)
            memoryHistoryNext[index] = next
            if let delivery { return .delivery(delivery) }
        }
        return .nothing
    }

    private mutating func nextFromFlash(_ isAllowed: (Lane) -> Bool) -> Offer {
        guard recovery.isDone else { return .wait }
        if let scan, !isAllowed(scan.name.lane) { return .nothing }
        while true {
            if scan == nil {
                removeWhatIsAcknowledged()
                guard let name = flash.nextToOffer(oldestFirst: limits.historyOldestFirst, isAllowed) else { return .nothing }
                // What is still written to is closed first: the next spill begins a new segment.
                if spills.contains(where: { $0?.file == name }) { return .wait }
                flash.close(name)
                scan = HistoryScan(
                    name: name, scan: SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes),
                    lastSeen: name.first - 1)
            }
            if scan!.isWaiting { return .wait }
            if let delivery = offerPending() { return .delivery(delivery) }
            switch scan!.scan.next() {
            case .needsBytes:
                scan!.isWaiting = true
                queue.ask(scan!.scan.read, .historyRead)
                queue.submit(to: &disk)
                return .wait
            case .block(let header, let at):
                take(header, at: at)
            case .end:
                if scan!.scan.damagedBytes > scan!.damageBefore { noteDamage(through: nil) }
                flash.markOffered(scan!.name, last: scan!.lastSeen)
                scan = nil
            }
        }
    }

    private mutating func take(_ header: BlockHeader, at: Int) {
        let chunk = scan!.scan.chunk
        if header.kind == .dictionary {
            chunk.withUnsafeBytes { bytes in
                let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                guard let found = ChannelDictionary.decode(block, header: header) else { return }
                tables[found.configHash] = found.table
                boots[header.stream] = found.boot
            }
        } else if header.stream == scan!.name.stream && header.lane == scan!.name.lane {
            if scan!.scan.damagedBytes > scan!.damageBefore { noteDamage(through: header.first - 1) }
            scan!.pending = (header, at, header.first)
        }
    }

    /// Blocks between here and the last one seen are damaged: said by a tombstone, once.
    private mutating func noteDamage(through last: UInt64?) {
        scan!.damageBefore = scan!.scan.damagedBytes
        let first = scan!.lastSeen + 1
        if let last, last >= first, uplink[scan!.name.stream, scan!.name.lane].firstMissing(from: first) <= last {
            losses.append(
                Loss(
                    stream: scan!.name.stream, lane: scan!.name.lane, range: SequenceRange(first, last), counts: [],
                    reason: "damaged on flash"))
        }
    }

    private mutating func offerPending() -> OfferedBatches? {
        guard let (header, at, start) = scan!.pending else { return nil }
        let name = scan!.name
        let acknowledged = uplink[name.stream, name.lane]
        var first = start
        while first <= header.last && (acknowledged.contains(first) || isInFlight(name.stream, name.lane, first)) {
            first += 1
        }
        guard first <= header.last else {
            scan!.lastSeen = max(scan!.lastSeen, header.last)
            scan!.pending = nil
            return nil
        }
        var last = first
        while last < header.last && !acknowledged.contains(last + 1) && !isInFlight(name.stream, name.lane, last + 1) {
            last += 1
        }
        let covers = SequenceRange(first == header.first ? min(first, scan!.lastSeen + 1) : first, last)
        // A cursor without room takes only what closes a gap.
        if acknowledged.isFull, acknowledged.firstMissing(from: acknowledged.ranges[0].first) != covers.first { return nil }
        let chunk = scan!.scan.chunk
        let isSound = chunk.withUnsafeBytes { bytes in
            codec.decode(UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length]), header: header)
        }
        guard isSound, tables[header.configHash] != nil || header.lane != .readings else {
            losses.append(
                Loss(
                    stream: name.stream, lane: name.lane, range: header.range, counts: [],
                    reason: isSound ? "dictionary damaged on flash" : "damaged on flash"))
            uplink.insert(header.range, stream: name.stream, lane: name.lane)
            isCursorChanged = true
            scan!.lastSeen = max(scan!.lastSeen, header.last)
            scan!.pending = nil
            return nil
        }
        scan!.pending = (header, at, last + 1)
        return OfferedBatches(
            stream: name.stream, lane: name.lane, range: SequenceRange(first, last), covers: covers, isLive: false)
    }

    mutating func finishHistoryRead(_ result: DiskCompletion.Result, now: Boottime) {
        guard scan != nil, scan!.isWaiting else { return }
        scan!.isWaiting = false
        switch result {
        case .bytes(let bytes):
            scan!.scan.accept(bytes)
        case .failed(.noSuchFile):
            flash.remove(scan!.name)
            scan = nil
        case .failed(let fault):
            diskFailed(fault, at: now)
            flash.markUnreadable(scan!.name)
            scan = nil
        default: break
        }
    }

    // MARK: Acknowledging

    /// The message with this delivery was handed to the broker.
    public mutating func sent(_ delivery: OfferedBatches) { inFlight.append(delivery) }

    /// The message that began with this batch was acknowledged.
    public mutating func acknowledge(_ first: BatchID) {
        guard let delivery = takeInFlight(first) else { return }
        uplink.insert(delivery.covers, stream: delivery.stream, lane: delivery.lane)
        isCursorChanged = true
        removeWhatIsAcknowledged()
    }

    /// The message was not taken: its batches are offered again, from the history side.
    public mutating func refuse(_ first: BatchID) {
        guard let delivery = takeInFlight(first) else { return }
        if delivery.stream == stream {
            let index = Int(delivery.lane.rawValue)
            liveNext[index] = min(liveNext[index], delivery.range.first)
        }
        if !delivery.isLive { flash.resetOffers() }
    }

    /// No broker will ever take it: told by a tombstone.
    public mutating func giveUp(_ delivery: OfferedBatches, reason: String) {
        var counts = LossCounter()
        for batch in codec.batches where delivery.range.first <= batch.sequence && batch.sequence <= delivery.range.last {
            let readings = delivery.lane == .readings ? codec.readings(of: batch) : codec.readings
            counts.add(
                readings, items: batch.count, lane: delivery.lane, table: codec.header.flatMap { tables[$0.configHash] })
        }
        losses.append(
            Loss(
                stream: delivery.stream, lane: delivery.lane, range: delivery.range, counts: counts.sorted,
                reason: reason))
        uplink.insert(delivery.covers, stream: delivery.stream, lane: delivery.lane)
        isCursorChanged = true
    }

    private mutating func takeInFlight(_ first: BatchID) -> OfferedBatches? {
        guard
            let index = inFlight.firstIndex(where: {
                $0.stream == first.stream && $0.lane == first.lane && $0.range.first == first.sequence
            })
        else { return nil }
        return inFlight.remove(at: index)
    }

    /// Unlinks segments that were offered to their end and of which everything is acknowledged.
    private mutating func removeWhatIsAcknowledged() {
        for segment in flash.segments where segment.isOffered && !segment.isOpen && !segment.isUnreadable {
            guard let last = segment.last, last >= segment.name.first else {
                removeSegment(segment.name)  // nothing sound in it
                continue
            }
            let isDone = uplink[segment.name.stream, segment.name.lane].covers(SequenceRange(segment.name.first, last))
            let isKept = segment.name.stream == stream && segment.name.lane == .readings && last > kpisPassedThrough
            if isDone && !isKept && !heldStreams.contains(segment.name.stream) {
                removeSegment(segment.name)
            }
        }
    }

    /// Everything sealed has been acknowledged, and the flash holds nothing more.
    public var isDrained: Bool {
        recovery.isDone && inFlight.isEmpty && flash.segments.allSatisfy { $0.isOffered }
            && Lane.allCases.allSatisfy {
                uplink[stream, $0].firstMissing(from: 1) >= open.nextSequence($0)
            }
    }

    /// What keeps `isDrained` from being true, for a failure report.
    public var undrained: String {
        var parts: [String] = []
        if !recovery.isDone { parts.append("the flash has not been looked through") }
        if !inFlight.isEmpty { parts.append("\(inFlight.count) messages in flight") }
        for segment in flash.segments where !segment.isOffered { parts.append("\(segment.name.text) not offered") }
        for lane in Lane.allCases where uplink[stream, lane].firstMissing(from: 1) < open.nextSequence(lane) {
            parts.append("\(lane.name) \(uplink[stream, lane].firstMissing(from: 1)) of \(open.nextSequence(lane) - 1) not acknowledged")
        }
        return parts.joined(separator: ", ")
    }

    /// Unacknowledged batches of the current stream, roughly (for health).
    public func backlog(_ lane: Lane) -> UInt64 {
        let held = uplink[stream, lane].ranges.reduce(0) { $0 + ($1.last - $1.first + 1) }
        return open.nextSequence(lane) - 1 - held
    }
}
