// The flash tier: what was not acknowledged in time, in segment files of the state directory.
//
// This file keeps the books: which segments there are, how large, and in which order they are drained, dropped and
// removed. The requests themselves go through `DiskQueue`; nothing here waits.

import World

struct FlashSegment {
    var name: SegmentName
    var bytes: Int
    /// The newest number in it, when it is known (written or scanned by this process).
    var last: UInt64?
    /// Being appended to by this process.
    var isOpen = false
    /// Read to its end in this session, everything in it offered.
    var isOffered = false
    /// Could not be read when last tried.
    var isUnreadable = false
    /// When that began.
    var unreadableSince: Boottime?
    /// It has failed for so long that what cannot be read is to be passed over, or the whole file given up.
    var isSalvaged = false
    var isGivenUp = false
    /// Something in it was not offered because the cursor had no room.
    var isHeldBack = false
    /// Some numbers are not in it, and may yet turn up in another segment: to be read again when one has gone.
    var owesNumbers = false
    /// It holds nothing but windows of readings that were thinned.
    var isThinned = false
    /// Something in it could not be made out.
    var isDamaged = false
    /// It holds blocks of a later version: kept until that version runs again, or space runs out.
    var isForeign = false
    /// Whether giving it up makes room, though the tombstones in it are told again.
    var retelling = Retelling.makesRoom
}

enum Retelling {
    case makesRoom
    /// Only when tombstones that name the same numbers are merged too: done when nothing else is left to give up.
    case onlyTight
    /// Not even then: it stays.
    case never
}

struct FlashTier {
    /// Streams oldest first, as far as known; within one, lanes and numbers ascending.
    private(set) var segments: [FlashSegment] = []
    private(set) var bytes = 0
    /// Grows with every file that was abandoned: no name is used twice by a process.
    var nextAttempt: UInt64 = 0

    /// Takes the listing of the state directory. `order` tells streams apart in age; unknown ones count as oldest.
    /// Returns segments of which a power cut left nothing but the name.
    mutating func adopt(_ entries: [FileEntry], order: [StreamID]) -> [SegmentName] {
        var empty: [SegmentName] = []
        for entry in entries {
            guard let name = SegmentName(entry.name), !segments.contains(where: { $0.name == name }) else { continue }
            guard entry.bytes > 0 else {
                empty.append(name)
                continue
            }
            segments.append(FlashSegment(name: name, bytes: entry.bytes))
            bytes += entry.bytes
        }
        func age(_ stream: StreamID) -> Int { order.firstIndex(of: stream) ?? -1 }
        segments.sort {
            let a = $0.name, b = $1.name
            return (age(a.stream), a.stream.rawValue, a.lane.rawValue, a.first, a.attempt)
                < (age(b.stream), b.stream.rawValue, b.lane.rawValue, b.first, b.attempt)
        }
        return empty
    }

    func index(of name: SegmentName) -> Int? { segments.firstIndex { $0.name == name } }

    func openSegment(_ lane: Lane) -> Int? { segments.lastIndex { $0.name.lane == lane && $0.isOpen } }

    mutating func begin(_ name: SegmentName) -> Int {
        var name = name
        name.attempt = nextAttempt
        while segments.contains(where: { $0.name == name }) { name.attempt += 1 }
        segments.append(FlashSegment(name: name, bytes: 0, isOpen: true))
        return segments.count - 1
    }

    mutating func grew(_ name: SegmentName, by count: Int, through last: UInt64) {
        guard let index = index(of: name) else { return }
        segments[index].bytes += count
        segments[index].last = last
        bytes += count
    }

    /// It may have so many bytes more than are of use.
    mutating func pad(_ name: SegmentName, by count: Int) {
        guard let index = index(of: name) else { return }
        segments[index].bytes += count
        bytes += count
    }

    mutating func close(_ name: SegmentName) {
        guard let index = index(of: name) else { return }
        segments[index].isOpen = false
    }

    /// Read to its end: what was found in it.
    mutating func markOffered(
        _ name: SegmentName, last: UInt64, isHeldBack: Bool, owesNumbers: Bool, isForeign: Bool,
        isDamaged: Bool
    ) {
        guard let index = index(of: name) else { return }
        segments[index].isOffered = true
        segments[index].isHeldBack = isHeldBack
        segments[index].owesNumbers = owesNumbers
        segments[index].isForeign = isForeign
        segments[index].isDamaged = isDamaged
        segments[index].last = max(last, segments[index].last ?? 0)
    }

    /// A sector that cannot be read is tried again for some minutes: what fails may be the card's bus rather than the
    /// card. Then the segment is read sector by sector, and what still cannot be read is told as damage, once anything
    /// at all can be read; after some hours also when nothing can.
    mutating func markUnreadable(_ name: SegmentName, at now: Boottime) {
        guard let index = index(of: name) else { return }
        let since = segments[index].unreadableSince ?? now
        segments[index].unreadableSince = since
        segments[index].isSalvaged = now - since >= .seconds(300)
        segments[index].isGivenUp = now - since >= .seconds(10_800)
        segments[index].isUnreadable = true
        segments[index].isOffered = true
    }

    /// A new session offers everything again that is still here.
    mutating func resetOffers() {
        for index in segments.indices {
            segments[index].isOffered = false
            segments[index].isUnreadable = false
            segments[index].isHeldBack = false
        }
    }

    var hasUnreadable: Bool { segments.contains { $0.isUnreadable } }
    var hasHeldBack: Bool { segments.contains { $0.isHeldBack } }

    /// Offers again what could not be read, or had to wait for the cursor.
    mutating func offerAgain(_ isMeant: (FlashSegment) -> Bool) {
        for index in segments.indices where isMeant(segments[index]) {
            segments[index].isOffered = false
            segments[index].isUnreadable = false
            segments[index].isHeldBack = false
        }
    }

    mutating func remove(_ name: SegmentName) {
        guard let index = index(of: name) else { return }
        bytes -= segments[index].bytes
        segments.remove(at: index)
    }

    func holds(_ stream: StreamID) -> Bool { segments.contains { $0.name.stream == stream } }

    /// What to drain next: small lanes first, then oldest (or newest) first.
    func nextToOffer(
        oldestFirst: Bool, _ isAllowed: (Lane) -> Bool, _ isWanted: (FlashSegment) -> Bool
    ) -> SegmentName? {
        for lane in [Lane.security, .events, .contributions, .readings] where isAllowed(lane) {
            let isNext = { (segment: FlashSegment) in
                segment.name.lane == lane && !segment.isOffered && segment.bytes > 0 && isWanted(segment)
            }
            let found = oldestFirst ? segments.first(where: isNext) : segments.last(where: isNext)
            if let found { return found.name }
        }
        return nil
    }

    mutating func markThinned(_ name: SegmentName) {
        guard let index = index(of: name) else { return }
        segments[index].isThinned = true
    }

    mutating func markRetold(_ name: SegmentName, _ retelling: Retelling) {
        guard let index = index(of: name) else { return }
        segments[index].retelling = retelling
    }

    /// The oldest tombstones that are fewer only when merged tight.
    func nextToMergeTight(_ isAllowed: (FlashSegment) -> Bool) -> SegmentName? {
        segments.first { $0.retelling == .onlyTight && isAllowed($0) }?.name
    }

    /// The oldest readings that may still be thinned.
    func nextToThin(_ isAllowed: (FlashSegment) -> Bool) -> SegmentName? {
        segments.first { $0.name.lane == .readings && !$0.isOpen && !$0.isThinned && isAllowed($0) }?.name
    }

    /// What to give up first when space runs out: readings before events, contributions last, oldest first. Of the
    /// present stream only what has so many bytes, unless it is of readings: to tell it takes events in their turn.
    func nextToDrop(
        besides stream: StreamID, from bytes: Int, _ isAllowed: (FlashSegment) -> Bool
    ) -> SegmentName? {
        for lane in [Lane.readings, .events, .security, .contributions] {
            let next = segments.first {
                let isWorthIt = $0.name.stream != stream || $0.bytes >= bytes || lane == .readings && !$0.isOpen
                return $0.name.lane == lane && isWorthIt && $0.retelling == .makesRoom && isAllowed($0)
            }
            if let next { return next.name }
        }
        return nil
    }
}

/// Numbers that were given up, for a tombstone.
public struct Loss: Equatable, Sendable {
    public var stream: StreamID
    public var lane: Lane
    /// Nil when no number was given yet (readings that the ring refused).
    public var range: SequenceRange?
    /// Channel name → readings; for other lanes the lane's name → items.
    public var counts: [(name: String, count: UInt64)]
    public var reason: String

    public init(
        stream: StreamID, lane: Lane, range: SequenceRange?, counts: [(name: String, count: UInt64)], reason: String
    ) {
        self.stream = stream
        self.lane = lane
        self.range = range
        self.counts = counts
        self.reason = reason
    }

    public static func == (a: Loss, b: Loss) -> Bool {
        a.stream == b.stream && a.lane == b.lane && a.range == b.range && a.reason == b.reason
            && a.counts.elementsEqual(b.counts) { $0 == $1 }
    }
}
