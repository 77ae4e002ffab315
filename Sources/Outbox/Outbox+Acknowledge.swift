// What an acknowledgement, a refusal or giving up does, and when everything is done.

public import World

extension Outbox where D: ~Copyable {
    /// The message with this delivery was handed to the broker.
    public mutating func sent(_ delivery: OfferedBatches) { inFlight.append(delivery) }

    /// The message that began with this batch was acknowledged.
    public mutating func acknowledge(_ first: BatchID) {
        guard let delivery = takeInFlight(first) else { return }
        uplink.insert(delivery.covers, stream: delivery.stream, lane: delivery.lane)
        isCursorChanged = true
        if flash.hasHeldBack, inFlight.isEmpty || !uplink[delivery.stream, delivery.lane].holdsUpHistory {
            flash.offerAgain { $0.isHeldBack }
        }
    }

    /// The message was not taken: its batches are offered again, from the history side.
    public mutating func refuse(_ first: BatchID) {
        guard let delivery = takeInFlight(first) else { return }
        if delivery.stream == stream {
            let index = Int(delivery.lane.rawValue)
            liveNext[index] = max(liveNext[index], delivery.range.last + 1)
            handToHistory(delivery.range, index)
        }
        // It may meanwhile be on flash only, in a segment that has been passed over because this was in flight.
        // What cannot be read keeps its own time.
        flash.offerAgain { !$0.isUnreadable }
        scan = nil
    }

    /// No broker will ever take it: told by a tombstone.
    public mutating func giveUp(_ delivery: OfferedBatches, reason: String) {
        var counts = LossCounter()
        for batch in codec.batches where delivery.range.first <= batch.sequence && batch.sequence <= delivery.range.last
        {
            let readings = delivery.lane == .readings ? codec.readings(of: batch) : codec.readings
            if let header = codec.header { counts.add(readings, items: batch.count, header, tables[header.configHash]) }
        }
        let loss = Loss(
            stream: delivery.stream, lane: delivery.lane, range: delivery.range, counts: counts.sorted, reason: reason)
        if delivery.lane != .events || tellAgain() { losses.append(loss) }
        uplink.insert(delivery.covers, stream: delivery.stream, lane: delivery.lane)
        isCursorChanged = true
    }

    /// Tombstones in the events batch that is given up are told again, shorter: merged, then without their channels.
    /// False when it was nothing but one that cannot be any shorter: then there is no way to tell.
    private mutating func tellAgain() -> Bool {
        var tombstones = Tombstones()
        tombstones.add(codec.items, readTombstone)
        guard codec.items.count == 1, var loss = tombstones.merged.first else {
            losses += tombstones.merged
            return true
        }
        guard loss.counts.count > 1 else { return false }
        loss.counts = [(loss.lane.name, loss.counts.reduce(0) { $0 &+ $1.count })]
        losses.append(loss)
        return false
    }

    private mutating func takeInFlight(_ first: BatchID) -> OfferedBatches? {
        guard
            let index = inFlight.firstIndex(where: {
                $0.stream == first.stream && $0.lane == first.lane && $0.range.first == first.sequence
            })
        else { return nil }
        return inFlight.remove(at: index)
    }

    /// Unlinks segments that were offered to their end and of which everything is acknowledged. Not before the cursors
    /// are kept: a process that is killed in between would look for those numbers for ever.
    mutating func removeWhatIsAcknowledged(atTheEnd: Bool = false) {
        guard !isCursorChanged || atTheEnd else { return }
        for segment in flash.segments
        where isSettled(segment) && segment.name != scan?.name && segment.name != eviction?.name {
            let isOurs = segment.name.stream == stream
            let isKept = isOurs && segment.name.lane == .readings && (segment.last ?? 0) > kpisPassedThrough
            guard !isKept, !heldStreams.contains(segment.name.stream), !segment.isForeign, !owesLast(segment),
                !segment.isOpen || mayEnd(segment)
            else { continue }
            removeSegment(segment.name)
        }
    }

    /// Nothing sound was found in it, and whether its first batch is elsewhere is not known yet.
    private func owesLast(_ segment: FlashSegment) -> Bool {
        segment.owesNumbers && segment.last.map { $0 < segment.name.first } ?? true
    }

    /// Nothing in the segment is still to be delivered, as far as this version can read it.
    private func isSettled(_ segment: FlashSegment) -> Bool {
        guard !segment.isUnreadable, !segment.isHeldBack else { return false }
        guard let last = segment.last, last >= segment.name.first else { return segment.isOffered }
        guard segment.isOffered || segment.name.stream == stream else { return false }
        return uplink[segment.name.stream, segment.name.lane].covers(SequenceRange(segment.name.first, last))
    }

    /// A segment that is written to ends when nothing more is about to come into it. With a loss window of zero every
    /// batch comes through it: then it grows for a while first.
    private func mayEnd(_ segment: FlashSegment) -> Bool {
        guard segment.bytes > 0, spills[Int(segment.name.lane.rawValue)] == nil else { return false }
        return segment.bytes >= limits.flashSegmentBytes / 16
            || limits.lossWindow > .zero && isEverythingSpilled(segment.name.lane)
    }

    /// Everything sealed has been acknowledged, and the flash holds nothing more.
    public var isDrained: Bool {
        recovery.isDone && inFlight.isEmpty && losses.isEmpty && flash.segments.allSatisfy { isSettled($0) }
            && Lane.allCases.allSatisfy {
                uplink[stream, $0].firstMissing(from: 1) >= open.nextSequence($0)
            }
    }

    /// What keeps `isDrained` from being true, for a failure report.
    public var undrained: String {
        var parts: [String] = []
        if !recovery.isDone { parts.append("the flash has not been looked through") }
        if !inFlight.isEmpty { parts.append("\(inFlight.count) messages in flight") }
        if !losses.isEmpty { parts.append("\(losses.count) losses not told") }
        for segment in flash.segments where !isSettled(segment) {
            let missing = uplink[segment.name.stream, segment.name.lane].firstMissing(from: segment.name.first)
            let last = segment.last.map { String($0) } ?? "its end"
            parts.append("\(segment.name.text): \(missing) of up to \(last) not acknowledged")
        }
        for lane in Lane.allCases where uplink[stream, lane].firstMissing(from: 1) < open.nextSequence(lane) {
            parts.append(
                "\(lane.name) \(uplink[stream, lane].firstMissing(from: 1)) of "
                    + "\(open.nextSequence(lane) - 1) not acknowledged")
        }
        return parts.joined(separator: ", ")
    }

    /// Unacknowledged batches of the current stream, roughly (for health).
    public func backlog(_ lane: Lane) -> UInt64 {
        let held = uplink[stream, lane].ranges.reduce(0) { $0 + ($1.last - $1.first + 1) }
        let sealed = open.nextSequence(lane) - 1
        return sealed - min(sealed, held)
    }
}
