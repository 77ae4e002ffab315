// Several stored blocks in one message. An outage of small batches leaves blocks of five seconds; a message for each
// would cost the broker and its subscribers more than what is in it. Identity and acknowledgement stay per batch: the
// message covers one range of numbers, as that of a single block does.

public import World

extension OfferedBatches {
    /// The same offer with fewer of its batches: the rest is offered next. Nil when it is only one.
    public var firstHalf: OfferedBatches? {
        guard range.first < range.last else { return nil }
        var half = self
        let last = range.first + (range.last - range.first + 1) / 2 - 1
        half.range = SequenceRange(range.first, last)
        half.covers = SequenceRange(covers.first, last)
        return half
    }
}

extension Outbox where D: ~Copyable {
    /// Takes the stored block that follows into the message, when it goes on exactly where the offer from the flash
    /// ends: next in its segment, undamaged, of the same configuration, nothing of it acknowledged or in flight, no
    /// more than `records` readings, none newer than `newest`. Then `codec` holds that block alone; otherwise `codec`
    /// may hold anything, and the offer is as it was.
    public mutating func extend(_ offered: inout OfferedBatches, records: Int, newest: Boottime) -> Bool {
        guard offered.lane == .readings, var following = scan, following.awaiting == nil,
            let (last, _) = following.pending, last.last == offered.range.last,
            last.stream == offered.stream, last.lane == offered.lane
        else { return false }
        let damaged = following.scan.damagedBytes, unknown = following.scan.unknownBlocks
        guard case .block(let header, let at) = following.scan.next(), header.kind == .batches,
            following.scan.damagedBytes == damaged, following.scan.unknownBlocks == unknown,
            header.stream == offered.stream, header.lane == offered.lane, header.configHash == last.configHash,
            header.isThinned == last.isThinned, header.first == last.last + 1, isUnsent(header)
        else { return false }
        let chunk = following.scan.chunk
        let isSound = chunk.withUnsafeBytes { bytes in
            codec.decode(UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length]), header: header)
        }
        guard isSound, codec.readings.count <= records, codec.newest <= newest else { return false }
        following.lastSeen = max(following.lastSeen, last.last)
        following.isBehindDamage = false
        following.pending = (header, at)
        scan = following
        offered.range = SequenceRange(offered.range.first, header.last)
        offered.covers = SequenceRange(offered.covers.first, header.last)
        return true
    }

    private func isUnsent(_ header: BlockHeader) -> Bool {
        uplink[header.stream, header.lane].lastBelow(header.last + 1) < header.first
            && !inFlight.contains {
                $0.stream == header.stream && $0.lane == header.lane && $0.range.first <= header.last
                    && header.first <= $0.range.last
            }
    }

    /// An offer that was to be extended was not handed over: its blocks are looked up anew.
    public mutating func withdraw(_ offered: OfferedBatches) {
        guard let scan, scan.name.stream == offered.stream, scan.name.lane == offered.lane else { return }
        self.scan = nil
    }
}
