// The stored block: the one format of both tiers. Everything that the outbox keeps is a sequence of blocks in segment
// files.
//
// Layout, little-endian:
//
//   offset size
//      0    4   magic "CEB1"
//      4    4   length: bytes of the whole block, header included
//      8    4   CRC-32C of bytes 12 ..< length
//     12    1   version, 1
//     13    1   kind: 0 batches, 1 dictionary
//     14    1   lane (Lane)
//     15    1   flags: bit 0: the batches are settled (the payload begins with their anchor);
//               bit 1: the header is extended by the 8-byte hash of the batch before (room for it: not written yet,
//               and read over by its length); bit 2: the records are windows of readings that had to go
//               (`Thinning.swift`), under the channel numbers described there; other bits must be 0 in version 1
//     16    8   stream
//     24    8   number of the first batch (dictionary: 0)
//     32    2   number of batches, consecutive (dictionary: 0)
//     34    2   bytes of header, 40 or more: a reader skips what it does not know
//     36    4   config hash: which dictionary gives the channels their names
//     40    …   payload
//
// A *batches* block holds one or more consecutive batches of one stream and lane, each with its own number; identity
// and acknowledgement stay per batch, packing is only for size. Payload:
//
//   if settled: anchor offset ns (signed varint), anchor bound ns (varint)
//   per batch: its number of records (varint)
//   lane readings: the columns of `Columns.swift`; other lanes: per item its time as microseconds since the one before
//   (signed varint; the first since 0), then its length (varint) and its bytes (the inside of a JSON object)
//
// A *dictionary* block comes before the first batch that needs it in every segment, so that each segment can be read
// with nothing else: boot id (2 × 8 bytes), prefix `city/node/` (text), number of channels (varint), then per channel
// name, unit (texts) and scale (one byte).
//
// Varints are LEB128, signed ones zigzag; text is a varint of its bytes and UTF-8.
//
// Fault model: bytes of a segment may be missing at the end, zero, or wrong anywhere; blocks may be duplicated.
// Invariants: a block is used only if its CRC holds; a reader finds the next block behind any damage by its magic;
// nothing is decided by bytes that no CRC covers; a block of a later version or unknown kind is skipped whole by its
// length.

public import World

public enum BlockKind: UInt8, Sendable { case batches = 0, dictionary = 1 }

public struct BlockHeader: Equatable, Sendable {
    public static let bytes = 40
    static let magic: UInt32 = 0x3142_4543  // "CEB1"
    static let version: UInt8 = 1
    static let settledFlag: UInt8 = 1
    static let chainedFlag: UInt8 = 2
    static let thinnedFlag: UInt8 = 4
    /// A block longer than this is damage, whatever its length field says.
    public static let largestBlockBytes = 1 << 20

    public var length: Int
    public var kind: BlockKind
    public var lane: Lane
    public var isSettled: Bool
    /// The records are windows, not readings.
    public var isThinned = false
    public var stream: StreamID
    public var first: UInt64
    public var count: Int
    public var headerBytes: Int
    public var configHash: UInt32

    /// Wraps for a dictionary, whose numbers mean nothing and are not checked.
    public var last: UInt64 { count == 0 ? first : first &+ UInt64(count) &- 1 }
    public var range: SequenceRange { SequenceRange(first, last) }
}

/// What stands at some place of a segment.
public enum BlockFinding: Equatable, Sendable {
    case block(BlockHeader)
    /// A sound block that this version does not know: skip it whole.
    case unknown(length: Int)
    /// No sound block begins here.
    case damage
    /// Fewer bytes than the block says: read more, or the tail is torn.
    case incomplete(needed: Int)
}

public enum Block {
    /// Examines what begins at the start of `bytes`, CRC included.
    public static func examine(_ bytes: UnsafeRawBufferPointer) -> BlockFinding {
        var reader = ByteReader(bytes)
        guard let magic = reader.take(UInt32.self) else { return .incomplete(needed: BlockHeader.bytes) }
        guard magic == BlockHeader.magic else { return .damage }
        guard bytes.count >= BlockHeader.bytes else { return .incomplete(needed: BlockHeader.bytes) }
        guard let length32 = reader.take(UInt32.self), let crc = reader.take(UInt32.self) else { return .damage }
        let length = Int(length32)
        guard length >= BlockHeader.bytes, length <= BlockHeader.largestBlockBytes else { return .damage }
        guard bytes.count >= length else { return .incomplete(needed: length) }
        guard CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[12..<length])) == crc else { return .damage }
        guard let version = reader.take(UInt8.self), let kindByte = reader.take(UInt8.self),
            let laneByte = reader.take(UInt8.self), let flags = reader.take(UInt8.self),
            let stream = reader.take(UInt64.self), let first = reader.take(UInt64.self),
            let count = reader.take(UInt16.self), let headerBytes = reader.take(UInt16.self),
            let configHash = reader.take(UInt32.self)
        else { return .damage }
        let known = BlockHeader.settledFlag | BlockHeader.chainedFlag | BlockHeader.thinnedFlag
        guard version == BlockHeader.version, flags & ~known == 0, let kind = BlockKind(rawValue: kindByte),
            let lane = Lane(rawValue: laneByte),
            Int(headerBytes) >= BlockHeader.bytes, Int(headerBytes) <= length,
            kind == .dictionary || (count >= 1 && first >= 1 && first <= .max - UInt64(count))
        else { return .unknown(length: length) }
        return .block(
            BlockHeader(
                length: length, kind: kind, lane: lane, isSettled: flags & BlockHeader.settledFlag != 0,
                isThinned: flags & BlockHeader.thinnedFlag != 0, stream: StreamID(rawValue: stream), first: first,
                count: Int(count), headerBytes: Int(headerBytes), configHash: configHash))
    }

    /// Where the next magic stands at or behind `offset`; the end when there is none.
    public static func nextMagic(in bytes: UnsafeRawBufferPointer, from offset: Int) -> Int {
        var index = offset
        while index + 4 <= bytes.count {
            if bytes[index] == 0x43, bytes[index + 1] == 0x45, bytes[index + 2] == 0x42, bytes[index + 3] == 0x31 {
                return index
            }
            index += 1
        }
        return bytes.count
    }

    static func begin(
        _ kind: BlockKind, lane: Lane, stream: StreamID, first: UInt64, count: Int, configHash: UInt32, settled: Bool,
        thinned: Bool = false, into writer: inout ByteWriter
    ) -> Int {
        let start = writer.bytes.count
        writer.put(BlockHeader.magic)
        writer.put(UInt32(0))
        writer.put(UInt32(0))
        writer.put(BlockHeader.version)
        writer.put(kind.rawValue)
        writer.put(lane.rawValue)
        writer.put((settled ? BlockHeader.settledFlag : 0) | (thinned ? BlockHeader.thinnedFlag : 0))
        writer.put(stream.rawValue)
        writer.put(first)
        writer.put(UInt16(count))
        writer.put(UInt16(BlockHeader.bytes))
        writer.put(configHash)
        return start
    }

    static func finish(at start: Int, in writer: inout ByteWriter) {
        let length = writer.bytes.count - start
        invariant(length <= BlockHeader.largestBlockBytes, "a block of \(length) bytes")
        writer.set(UInt32(length), at: start + 4)
        let crc = writer.bytes.withUnsafeBytes {
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[(start + 12)...]))
        }
        writer.set(crc, at: start + 8)
    }
}

/// What the numbers of a configuration mean, as stored in every segment.
public struct ChannelDictionary: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        public var name: String
        public var unit: String
        public var scale: Int8
    }
    public var boot: BootID
    /// `city/node/`: the SenML base name.
    public var prefix: String
    public var configHash: UInt32
    public var entries: [Entry]

    public init(boot: BootID, prefix: String, table: ChannelTable) {
        self.boot = boot
        self.prefix = prefix
        configHash = UInt32(table.configHash, radix: 16) ?? 0
        entries = table.channels.map { Entry(name: $0.name, unit: $0.unit, scale: $0.scale) }
    }

    private init(boot: BootID, prefix: String, configHash: UInt32, entries: [Entry]) {
        self.boot = boot
        self.prefix = prefix
        self.configHash = configHash
        self.entries = entries
    }

    /// The channel table it stands for (plausible ranges are not stored: they belong to acquisition).
    public var table: ChannelTable {
        ChannelTable(
            channels: entries.map {
                Channel(name: $0.name, unit: $0.unit, scale: $0.scale, plausible: -Double.infinity...Double.infinity)
            }, configHash: Hex.text(UInt64(configHash), digits: 8))
    }

    /// Reads a dictionary block whose CRC holds.
    public init?(_ block: UnsafeRawBufferPointer, header: BlockHeader) {
        guard let found = Self.decode(block, header: header) else { return nil }
        self = found
    }

    func encode(lane: Lane, stream: StreamID, into writer: inout ByteWriter) {
        let start = Block.begin(
            .dictionary, lane: lane, stream: stream, first: 0, count: 0, configHash: configHash, settled: false,
            into: &writer)
        writer.put(boot.high)
        writer.put(boot.low)
        writer.putText(prefix)
        writer.putVarint(UInt64(entries.count))
        for entry in entries {
            writer.putText(entry.name)
            writer.putText(entry.unit)
            writer.put(UInt8(bitPattern: entry.scale))
        }
        Block.finish(at: start, in: &writer)
    }

    static func decode(_ block: UnsafeRawBufferPointer, header: BlockHeader) -> ChannelDictionary? {
        var reader = ByteReader(block, at: header.headerBytes)
        guard let high = reader.take(UInt64.self), let low = reader.take(UInt64.self),
            let prefix = reader.takeText(limit: 256), let count = reader.takeVarint(), count <= 1 << 16
        else { return nil }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard let name = reader.takeText(limit: 256), let unit = reader.takeText(limit: 64),
                let scale = reader.take(UInt8.self)
            else { return nil }
            entries.append(Entry(name: name, unit: unit, scale: Int8(bitPattern: scale)))
        }
        return ChannelDictionary(
            boot: BootID(high: high, low: low), prefix: prefix, configHash: header.configHash, entries: entries)
    }
}
