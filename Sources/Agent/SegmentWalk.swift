// A walk through one segment file from front to back, past any damage, told with its place and the numbers that are
// missing there. The reading of the format is `SegmentScan`'s; here are offsets, and what stands before and behind.

import LinuxWorld
import Outbox
import World

/// A place of a segment where no block could be read.
struct Damage: Equatable {
    var offset: Int
    /// Where the next sound block begins, or the file ends.
    var end: Int
    /// The number before; the first that the file's name promises, less one, when there is none.
    var before: UInt64
    /// The number behind; nil: the file ends.
    var behind: UInt64?
    /// The checksum holds, and the content is not what this version writes.
    var isUndecodable = false
}

/// What a file amounts to, besides what was visited.
struct WalkTotals: Equatable {
    var bytes = 0
    var damages: [Damage] = []
    /// Sound blocks of a later version.
    var unknownBlocks = 0
    var unreadableReason: String?

    /// The tail that was not whole when it was read: perhaps somebody was writing it.
    var isTornAtEnd: Bool { damages.last.map { $0.behind == nil } ?? false }
    var damagedBytes: Int { damages.reduce(0) { $0 + $1.end - $1.offset } }
}

/// Sound blocks as they are met. The bytes are valid during the visit only.
enum SoundBlock {
    case dictionary(ChannelDictionary)
    /// The codec holds its content.
    case batches
}

struct SegmentWalk: ~Copyable {
    static let chunkBytes = 256 << 10
    /// What any segment may hold: more than the agent's own `batchReadings`, should that ever grow.
    var codec = BatchCodec(recordsMax: 65_535, channelsMax: 1_024)

    /// Visits every sound block of the stream and lane that the name promises; nil when the file has gone.
    mutating func walk(
        _ path: String, _ name: SegmentName,
        _ visit: (BlockHeader, UnsafeRawBufferPointer, SoundBlock, inout BatchCodec) -> Void
    ) throws(SystemError) -> WalkTotals? {
        guard let file = try StoredFile.open(path) else { return nil }
        var scan = SegmentScan(file: name.text, chunkBytes: Self.chunkBytes)
        var totals = WalkTotals()
        // Of the chunk in hand, and of the last block met.
        var base = 0, end = 0
        var damagedBefore = 0
        var last = name.first - 1
        var open: Damage?
        scanning: while true {
            switch scan.next() {
            case .end: break scanning
            case .needsBytes:
                guard case .read(_, let offset, let count) = scan.read else { invariantFailed("a scan only reads") }
                base = offset
                scan.accept(file.read(count, at: offset))
            case .block(let header, let at):
                let start = base + at
                if scan.damagedBytes > damagedBefore {
                    open = Damage(offset: open?.offset ?? end, end: start, before: last)
                }
                damagedBefore = scan.damagedBytes
                end = start + header.length
                guard header.stream == name.stream && header.lane == name.lane else {
                    // No agent looks at it: it says another owner than the file's name.
                    totals.unknownBlocks += 1
                    continue
                }
                let isSound = scan.chunk.withUnsafeBytes { bytes in
                    let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                    if header.kind == .dictionary {
                        guard let found = ChannelDictionary(block, header: header) else { return false }
                        visit(header, block, .dictionary(found), &codec)
                    } else {
                        guard codec.decode(block, header: header) else { return false }
                        visit(header, block, .batches, &codec)
                    }
                    return true
                }
                guard header.kind == .batches else {
                    if !isSound { open = Damage(offset: open?.offset ?? start, end: end, before: last) }
                    continue
                }
                if var damage = open {
                    damage.behind = header.first
                    totals.damages.append(damage)
                    open = nil
                }
                if !isSound {
                    totals.damages.append(
                        Damage(
                            offset: start, end: end, before: header.first - 1, behind: header.last + 1,
                            isUndecodable: true))
                }
                last = max(last, header.last)
            }
        }
        totals.bytes = max(file.bytes, end)
        if scan.damagedBytes > damagedBefore {
            open = Damage(offset: open?.offset ?? end, end: totals.bytes, before: last)
        }
        if let open { totals.damages.append(open) }
        totals.unknownBlocks += scan.unknownBlocks
        totals.unreadableReason = file.unreadableReason
        return totals
    }
}
