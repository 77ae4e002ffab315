// What settles stored batches of this and earlier boots, and what bounds them when nothing does (`BootTimes`): where it
// is learned, kept and told.

public import World

extension Outbox where D: ~Copyable {
    // MARK: Telling

    /// What settles batches of this stream that were sealed before their clock had settled; nil when nothing is known
    /// to.
    public func anchor(of stream: StreamID) -> Anchor? {
        if stream == self.stream { return open.firstAnchor }
        return boots[stream].flatMap { times.anchor(of: $0) }
    }

    /// Between which moments the batches of a stream without an anchor were taken.
    public func bounds(of stream: StreamID) -> TimeBounds { times.bounds(of: boots[stream]) }

    /// The present moment on the clock of the boot that the decoded block is of (`BootTimes.moment`).
    public func momentOfDecoded(now: Boottime) -> Boottime {
        guard let header = codec.header, header.stream != stream else { return now }
        return times.moment(of: boots[header.stream], newest: codec.newest, now: now)
    }

    // MARK: Learning

    mutating func noteTime(of anchor: Anchor, now: Boottime) {
        times.last(boot, until: now)
        times.settle(boot, by: anchor)
        isCursorChanged = true
    }

    /// A settled block of an earlier boot settles its unsettled ones too.
    mutating func learnTime(of stream: StreamID, by anchor: Anchor?) {
        guard stream != self.stream, let boot = boots[stream], times.anchor(of: boot) == nil, let anchor
        else { return }
        times.settle(boot, by: anchor)
        isCursorChanged = true
    }

    mutating func adoptTimes(of found: Checkpoint) {
        times.adopt(found.times)
        isCursorChanged = true
    }

    // MARK: Keeping

    /// Batches of this boot are on flash whose time is better known here than there: worth a checkpoint before it is
    /// due, at most twice a process (with the first spill, and once settled). What a process before wrote in this boot
    /// does not count: it may have died before its sync.
    public var isTimeDue: Bool {
        guard recovery.isDone, !queue.isPending(.checkpoint), recovery.timeOnFlash.rawValue < knownTime.rawValue else {
            return false
        }
        let open = open
        return Lane.allCases.contains { open.spilledThrough($0) > 0 }
    }

    var knownTime: Recovery.TimeOnFlash { times.anchor(of: boot) == nil ? .unsettled : .settled }

    /// Without the boots of which nothing is stored any more, as far as that is known.
    mutating func timesToStore() -> BootTimes {
        guard recovery.isDone, recovery.isListed else { return times }
        var held: [BootID] = []
        for segment in flash.segments {
            // A segment that has not been read may be of any of them.
            guard let boot = boots[segment.name.stream] else { return times }
            if !held.contains(boot) { held.append(boot) }
        }
        times.keep { held.contains($0) }
        return times
    }
}

extension BlockHeader {
    /// The anchor of a settled batches block that stands there, without decoding the rest. Windows have the anchor of
    /// the readings that they were made of, which may be another boot's.
    func anchor(in bytes: UnsafeRawBufferPointer, at: Int) -> Anchor? {
        guard kind == .batches, isSettled, !isThinned else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[at..<at + length]), at: headerBytes)
        guard let offset = reader.takeSigned(), let bound = reader.takeVarint(), bound <= UInt64(Int64.max) else {
            return nil
        }
        return Anchor(offsetNanoseconds: offset, boundNanoseconds: Int64(bound))
    }
}
