// Batches to blocks and back.

public import World

/// One entry of a lane other than readings: what stands inside the braces of its JSON object, without `t`.
public struct Item: Equatable, Sendable {
    public var time: Boottime
    public var body: [UInt8]
    public init(time: Boottime, body: [UInt8]) {
        self.time = time
        self.body = body
    }
}

/// One batch inside a decoded block. Its records are a slice of what the codec holds until the next decode.
public struct BatchSlice: Equatable, Sendable {
    public var sequence: UInt64
    public var start: Int
    public var count: Int
}

/// Encodes and decodes blocks with working memory of its own; what `decode` gives is valid until the next call.
public struct BatchCodec: ~Copyable {
    /// Most records in a block, and so in a batch and in a message.
    public let recordsMax: Int
    private var columns: ColumnCodec
    private let buffer: UnsafeMutablePointer<Reading>
    private var writer = ByteWriter()

    public private(set) var header: BlockHeader?
    public private(set) var anchor: Anchor?
    public private(set) var batches: [BatchSlice] = []
    public private(set) var items: [Item] = []
    private var readingCount = 0

    public init(recordsMax: Int, channelsMax: Int) {
        self.recordsMax = recordsMax
        columns = ColumnCodec(readingsMax: recordsMax, channelsMax: channelsMax)
        buffer = .allocate(capacity: recordsMax)
        writer.bytes.reserveCapacity(64 << 10)
        batches.reserveCapacity(64)
    }

    deinit { buffer.deallocate() }

    /// The readings of the last decoded block.
    public var readings: UnsafeBufferPointer<Reading> { UnsafeBufferPointer(start: buffer, count: readingCount) }

    public func readings(of batch: BatchSlice) -> UnsafeBufferPointer<Reading> {
        invariant(batch.start + batch.count <= readingCount, "a slice of another block")
        return UnsafeBufferPointer(start: buffer + batch.start, count: batch.count)
    }

    // MARK: Encoding

    /// A block of the readings lane; `counts` are the readings of each of the consecutive batches from `first` on.
    /// `readings` may be those of the last decoded block.
    public mutating func encode(
        readings: UnsafeBufferPointer<Reading>, counts: [Int], stream: StreamID, first: UInt64, anchor: Anchor?,
        configHash: UInt32, isThinned: Bool = false
    ) -> [UInt8] {
        writer.bytes.removeAll(keepingCapacity: true)
        let start = Block.begin(
            .batches, lane: .readings, stream: stream, first: first, count: counts.count, configHash: configHash,
            settled: anchor != nil, thinned: isThinned, into: &writer)
        put(anchor)
        for count in counts { writer.putVarint(UInt64(count)) }
        columns.encode(readings, into: &writer)
        Block.finish(at: start, in: &writer)
        return writer.bytes
    }

    /// A block of another lane with one batch.
    public mutating func encode(
        items: [Item], lane: Lane, stream: StreamID, sequence: UInt64, anchor: Anchor?, configHash: UInt32
    ) -> [UInt8] {
        invariant(lane != .readings && items.count <= recordsMax, "\(items.count) items for lane \(lane.name)")
        writer.bytes.removeAll(keepingCapacity: true)
        let start = Block.begin(
            .batches, lane: lane, stream: stream, first: sequence, count: 1, configHash: configHash,
            settled: anchor != nil, into: &writer)
        put(anchor)
        writer.putVarint(UInt64(items.count))
        var previous: Int64 = 0
        for item in items {
            let time = item.time.nanoseconds / 1_000
            writer.putSigned(time &- previous)
            previous = time
            writer.putVarint(UInt64(item.body.count))
            writer.bytes.append(contentsOf: item.body)
        }
        Block.finish(at: start, in: &writer)
        return writer.bytes
    }

    /// A dictionary block.
    public mutating func encode(dictionary: ChannelDictionary, lane: Lane, stream: StreamID) -> [UInt8] {
        writer.bytes.removeAll(keepingCapacity: true)
        dictionary.encode(lane: lane, stream: stream, into: &writer)
        return writer.bytes
    }

    private mutating func put(_ anchor: Anchor?) {
        guard let anchor else { return }
        writer.putSigned(anchor.offsetNanoseconds)
        writer.putVarint(UInt64(max(0, anchor.boundNanoseconds)))
    }

    // MARK: Decoding

    /// Decodes a batches block whose CRC holds. False when its content is not what this version writes all the same.
    public mutating func decode(_ block: UnsafeRawBufferPointer, header: BlockHeader) -> Bool {
        self.header = nil
        batches.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
        anchor = nil
        readingCount = 0
        guard header.kind == .batches else { return false }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: block[..<header.length]), at: header.headerBytes)
        if header.isSettled {
            guard let offset = reader.takeSigned(), let bound = reader.takeVarint(), bound <= UInt64(Int64.max) else {
                return false
            }
            anchor = Anchor(offsetNanoseconds: offset, boundNanoseconds: Int64(bound))
        }
        var total = 0
        for index in 0..<header.count {
            guard let count = reader.takeVarint(), count <= UInt64(recordsMax - total) else { return false }
            batches.append(BatchSlice(sequence: header.first + UInt64(index), start: total, count: Int(count)))
            total += Int(count)
        }
        if header.lane == .readings {
            guard columns.decode(&reader, count: total, into: buffer) else { return false }
            readingCount = total
        } else {
            var time: Int64 = 0
            for _ in 0..<total {
                guard let step = reader.takeSigned(), let length = reader.takeVarint(),
                    let body = reader.takeBytes(length)
                else { return false }
                time = time &+ step
                let nanoseconds = time.multipliedReportingOverflow(by: 1_000)
                guard !nanoseconds.overflow else { return false }
                items.append(Item(time: Boottime(nanoseconds: nanoseconds.partialValue), body: Array(body)))
            }
        }
        self.header = header
        return true
    }
}
