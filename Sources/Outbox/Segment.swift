// Segments: the files of both tiers, named so that a directory listing alone says what is where.
//
//   {stream}-{lane}-{first}-{attempt}.seg     7f3a91c2d04be815-readings-000000000000002a-0.seg
//
// `first` is the number of the first batch in it, 16 hex digits; `attempt` tells files apart that begin with the same
// number, because a file whose sync failed is never written again. A segment holds blocks of one stream and lane,
// ascending.

import World

public struct SegmentName: Hashable, Sendable {
    public var stream: StreamID
    public var lane: Lane
    public var first: UInt64
    public var attempt: UInt64

    public init(stream: StreamID, lane: Lane, first: UInt64, attempt: UInt64 = 0) {
        self.stream = stream
        self.lane = lane
        self.first = first
        self.attempt = attempt
    }

    public var text: String { "\(stream)-\(lane.name)-\(Hex.text(first))-\(attempt).seg" }

    /// Nil for any other file: it is left alone.
    public init?(_ text: String) {
        guard text.hasSuffix(".seg") else { return nil }
        let parts = text.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, let stream = Hex.value(parts[0]),
            let lane = Lane.allCases.first(where: { $0.name == parts[1] }),
            let first = Hex.value(parts[2]), first >= 1, first < .max >> 1, let attempt = UInt64(parts[3])
        else { return nil }
        self.init(stream: StreamID(rawValue: stream), lane: lane, first: first, attempt: attempt)
        guard self.text == text else { return nil }
    }
}

/// Walks the blocks of one segment from front to back in chunks, past any damage. Asks for bytes; whoever drives it
/// reads.
public struct SegmentScan: Sendable {
    public enum Step: Sendable {
        /// A sound block: `header`, and where it stands in `chunk`.
        case block(BlockHeader, at: Int)
        /// `read` is wanted.
        case needsBytes
        case end
    }

    public let file: String
    public private(set) var chunk: [UInt8] = []
    /// Bytes that were passed over because no sound block began there.
    public private(set) var damagedBytes = 0
    /// Sound blocks of a later version that were passed over.
    public private(set) var unknownBlocks = 0
    private var chunkOffset = 0
    private var position = 0
    private var reachedEnd = false
    private let chunkBytes: Int
    /// What the block at hand needs, when that is known.
    private var needed = 0
    /// Sector by sector, so that what cannot be read costs no more than it must.
    private let isBySector: Bool
    private static let sectorBytes = 512

    public init(file: String, chunkBytes: Int, isBySector: Bool = false) {
        self.file = file
        self.chunkBytes = chunkBytes
        self.isBySector = isBySector
    }

    private var wanted: Int {
        let offset = chunkOffset + position
        return max(isBySector ? Self.sectorBytes - offset % Self.sectorBytes : chunkBytes, needed)
    }

    public var read: DiskWork { .read(file: file, offset: chunkOffset + position, count: wanted) }

    /// `read` failed for good: what it asked for counts as damage. `fileBytes`: the size of the file. Answers whether
    /// that was the end of it.
    public mutating func passOver(fileBytes: Int) -> Bool {
        let left = max(0, fileBytes - chunkOffset - position)
        accept([UInt8](repeating: 0, count: min(wanted, left)))
        reachedEnd = reachedEnd || chunk.count == left
        return reachedEnd
    }

    /// The answer to `read`.
    public mutating func accept(_ bytes: [UInt8]) {
        reachedEnd = bytes.count < wanted
        chunkOffset += position
        position = 0
        chunk = bytes
        needed = 0
        if chunk.isEmpty { reachedEnd = true }
    }

    public mutating func next() -> Step {
        while true {
            let left = chunk.count - position
            guard left > 0 else { return reachedEnd ? .end : .needsBytes }
            let finding = chunk.withUnsafeBytes { Block.examine(UnsafeRawBufferPointer(rebasing: $0[position...])) }
            switch finding {
            case .block(let header):
                defer { position += header.length }
                return .block(header, at: position)
            case .unknown(let length):
                unknownBlocks += 1
                position += length
            case .incomplete(let bytes):
                if !reachedEnd {
                    needed = bytes
                    return .needsBytes
                }
                skipDamage()
            case .damage:
                skipDamage()
            }
        }
    }

    private mutating func skipDamage() {
        let next = chunk.withUnsafeBytes { Block.nextMagic(in: $0, from: position + 1) }
        // A magic may lie across the chunk's edge: keep its first bytes for the next chunk.
        let stop = next == chunk.count && !reachedEnd ? max(position + 1, chunk.count - 3) : next
        damagedBytes += stop - position
        position = stop
        if position >= chunk.count - 3 && !reachedEnd && next == chunk.count {
            // Force a read from here on.
            chunkOffset += position
            chunk.removeAll(keepingCapacity: true)
            position = 0
        }
    }
}
