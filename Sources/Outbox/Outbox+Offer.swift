// What to send next. Live before history; within history the flash before the memory tier, oldest (or newest) segment
// first. Nothing in flight or acknowledged is offered.

public import World

/// One message's worth of consecutive batches of one stream and lane.
public struct OfferedBatches: Equatable, Sendable {
    public var stream: StreamID
    public var lane: Lane
    /// The batches in it.
    public var range: SequenceRange
    /// What the acknowledgement covers: also the numbers just before that no tier holds (acknowledged before a power
    /// cut whose record was lost), so that they do not split the cursor for ever.
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
    /// The read that is under way: the answer to any other is an earlier scan's.
    var awaiting: UInt64?
    /// It could not be read for a long time: what cannot be read is passed over.
    var isSalvage = false
    /// Something of it was read.
    var hasRead = false
    /// A block of which some batches are still to be offered: where it stands in the chunk.
    var pending: (header: BlockHeader, at: Int)?
    var hasHeldBack = false
    /// Some numbers are not in it, and may yet turn up in another segment.
    var owesNumbers = false
    /// Those before the pending block are not in it because of damage.
    var isBehindDamage = false
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

    public mutating func endSession() {
        inFlight.removeAll(keepingCapacity: true)
        scan = nil
    }

    /// Also while it is decided whether it has to go: told as lost and sent would be both.
    private func isInFlight(_ stream: StreamID, _ lane: Lane, _ sequence: UInt64) -> Bool {
        if let eviction, eviction.holds(stream, lane, sequence) { return true }
        return inFlight.contains {
            $0.stream == stream && $0.lane == lane && $0.range.first <= sequence && sequence <= $0.range.last
        }
    }

    // MARK: Live

    /// `now` tells what is live still: a batch of readings that has grown old meanwhile is left to the history.
    public mutating func nextLive(now: Boottime, _ isAllowed: (Lane) -> Bool) -> Offer {
        for lane in [Lane.security, .events, .contributions, .readings] where isAllowed(lane) {
            let index = Int(lane.rawValue)
            passOld(lane, now: now)
            var next = liveNext[index]
            let delivery = nextFromMemory(lane, &next, end: open.nextSequence(lane), isLive: true)
            liveNext[index] = next
            if let delivery { return .delivery(delivery) }
        }
        return .nothing
    }

    private mutating func passOld(_ lane: Lane, now: Boottime) {
        guard lane == .readings else { return }
        let index = Int(lane.rawValue)
        while let sequence = memory.first(lane, from: liveNext[index]), sequence < open.nextSequence(lane),
            let newest = memory.newest(lane, sequence), now - newest > limits.liveAge
        {
            handToHistory(SequenceRange(sequence, sequence), index)
            liveNext[index] = sequence + 1
        }
    }

    /// Batches in the memory tier that are not, or no longer, live.
    mutating func handToHistory(_ range: SequenceRange, _ index: Int) {
        memoryHistoryNext[index] = min(memoryHistoryNext[index], range.first)
        memoryHistoryEnd[index] = max(memoryHistoryEnd[index], range.last + 1)
    }

    /// (Between two that it holds, the memory tier may have let numbers go that are on flash only.)
    func nextUnacknowledgedInMemory(_ lane: Lane, from number: UInt64) -> UInt64? {
        let acknowledged = uplink[stream, lane]
        var next = acknowledged.firstMissing(from: number)
        while let held = memory.first(lane, from: next) {
            next = acknowledged.firstMissing(from: held)
            if next == held { return held }
        }
        return nil
    }

    private mutating func nextFromMemory(
        _ lane: Lane, _ next: inout UInt64, end: UInt64, isLive: Bool
    ) -> OfferedBatches? {
        while true {
            guard let sequence = nextUnacknowledgedInMemory(lane, from: next), sequence < end else { return nil }
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
        // A flash that has not answered yet does not hold up what is in memory.
        let fromFlash = recovery.isDone ? nextFromFlash(isAllowed) : .nothing
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
        if let scan, !isAllowed(scan.name.lane) { return .nothing }
        while true {
            if scan == nil {
                removeWhatIsAcknowledged()
                guard let name = nextSegmentToOffer(isAllowed) else { return .nothing }
                // What is still written to is closed first: the next spill begins a new segment.
                if spills.contains(where: { $0?.file == name }) { return .wait }
                flash.close(name)
                let isSalvage = flash.index(of: name).map { flash.segments[$0].isSalvaged } ?? false
                scan = HistoryScan(
                    name: name,
                    scan: SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes, isBySector: isSalvage),
                    lastSeen: name.first - 1, isSalvage: isSalvage)
            }
            if scan!.awaiting != nil { return .wait }
            if scan!.pending != nil {
                if let delivery = offerPending() { return .delivery(delivery) }
                continue
            }
            switch scan!.scan.next() {
            case .needsBytes:
                scan!.awaiting = queue.ask(scan!.scan.read, .historyRead)
                queue.submit(to: &disk)
                return .wait
            case .block(let header, let at):
                take(header, at: at)
            case .end:
                noteDamageAtEnd()
                flash.markOffered(
                    scan!.name, last: scan!.lastSeen, isHeldBack: scan!.hasHeldBack, owesNumbers: scan!.owesNumbers,
                    isForeign: scan!.scan.unknownBlocks > 0, isDamaged: scan!.scan.damagedBytes > 0)
                scan = nil
            }
        }
    }

    /// Segments that fail together wait together.
    mutating func readAgainLater(_ now: Boottime) {
        guard unreadableRetryAt == .distantFuture else { return }
        unreadableRetryAt = now + unreadableDelay
        unreadableDelay = min(unreadableDelay * 2, .seconds(3_600))
    }

    /// A segment of which everything is acknowledged or in flight has nothing to offer, as far as that is known unread.
    private func nextSegmentToOffer(_ isAllowed: (Lane) -> Bool) -> SegmentName? {
        flash.nextToOffer(oldestFirst: limits.historyOldestFirst, isAllowed) { segment in
            guard segment.name.stream == stream, let last = segment.last, last >= segment.name.first,
                !segment.owesNumbers
            else { return true }
            let acknowledged = uplink[stream, segment.name.lane]
            var number = acknowledged.firstMissing(from: segment.name.first)
            while number <= last, isInFlight(stream, segment.name.lane, number) {
                number = acknowledged.firstMissing(from: number + 1)
            }
            return number <= last
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
            learnTime(of: header.stream, by: chunk.withUnsafeBytes { header.anchor(in: $0, at: at) })
            if scan!.scan.damagedBytes > scan!.damageBefore {
                noteDamage(through: header.first - 1)
            } else {
                closeGap(before: header)
            }
            scan!.pending = (header, at)
        }
    }

    private mutating func offerPending() -> OfferedBatches? {
        guard let (header, at) = scan!.pending else { return nil }
        let name = scan!.name
        let acknowledged = uplink[name.stream, name.lane]
        var first = header.first
        while first <= header.last && (acknowledged.contains(first) || isInFlight(name.stream, name.lane, first)) {
            first += 1
        }
        guard first <= header.last else {
            leavePending(header)
            return nil
        }
        var last = first
        while last < header.last && !acknowledged.contains(last + 1) && !isInFlight(name.stream, name.lane, last + 1) {
            last += 1
        }
        let covers = SequenceRange(first == header.first ? gapStart(before: header) : first, last)
        // A cursor without room takes only what makes a range longer.
        if acknowledged.holdsUpHistory, !acknowledged.touches(covers) {
            scan!.hasHeldBack = true
            leavePending(header)
            return nil
        }
        let chunk = scan!.scan.chunk
        let isSound = chunk.withUnsafeBytes { bytes in
            codec.decode(UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length]), header: header)
        }
        guard isSound, tables[header.configHash] != nil || header.lane != .readings else {
            var counts = LossCounter()
            if isSound { for batch in codec.batches where first <= batch.sequence && batch.sequence <= last {
                counts.add(codec.readings(of: batch), items: 0, header, nil)
            } }
            losses.append(
                Loss(
                    stream: name.stream, lane: name.lane, range: SequenceRange(first, last), counts: counts.sorted,
                    reason: isSound ? "dictionary damaged on flash" : "damaged on flash"))
            uplink.insert(SequenceRange(first, last), stream: name.stream, lane: name.lane)
            isCursorChanged = true
            return nil
        }
        // It stays pending: once it has been sent it is in flight, and the rest of the block comes next.
        return OfferedBatches(
            stream: name.stream, lane: name.lane, range: SequenceRange(first, last), covers: covers, isLive: false)
    }

    private mutating func leavePending(_ header: BlockHeader) {
        scan!.lastSeen = max(scan!.lastSeen, header.last)
        scan!.pending = nil
        scan!.isBehindDamage = false
    }

    mutating func finishHistoryRead(_ token: UInt64, _ result: DiskCompletion.Result, now: Boottime) {
        guard scan != nil, scan!.awaiting == token else { return }
        scan!.awaiting = nil
        switch result {
        case .bytes(let bytes):
            scan!.scan.accept(bytes)
            scan!.hasRead = scan!.hasRead || !bytes.isEmpty
            unreadableDelay = Self.firstUnreadableDelay
        case .failed(.noSuchFile):
            // Somebody else removed it. What was in it is not known, but that it was there is.
            scan!.pending = nil
            noteDamageAtEnd()
            let name = scan!.name
            scan = nil
            flash.remove(name)
            flash.offerAgain { $0.owesNumbers && $0.name.stream == name.stream && $0.name.lane == name.lane }
        case .failed(let fault):
            readAgainLater(now)
            let index = flash.index(of: scan!.name)
            let bytes = index.map { flash.segments[$0].bytes } ?? 0
            if scan!.isSalvage {
                let isAtEnd = scan!.scan.passOver(fileBytes: bytes)
                guard isAtEnd, !scan!.hasRead, let index, !flash.segments[index].isGivenUp else { return }
            } else {
                // Writing may work all the same: what is due to be spilled does not wait for it.
                diskFailed(fault, at: nil)
            }
            flash.markUnreadable(scan!.name, at: now)
            scan = nil
        default: break
        }
    }
}
