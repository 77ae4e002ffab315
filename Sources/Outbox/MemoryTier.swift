// The memory tier: sealed batches in files of the runtime directory (tmpfs), until they are acknowledged or spilled.
//
// Only batches of the current stream are here. Every block holds one batch, and numbers within a segment are
// consecutive, so that a batch is found by its number. The index costs 12 bytes a batch; the files are never mapped.

public import World

struct MemoryTier {
    struct Entry {
        var offset: UInt32
        /// Times since boot in tenths of a second: the oldest reading rounded down, the newest rounded up.
        var oldest: UInt32
        var newest: UInt32
    }

    struct Segment {
        var name: SegmentName
        var bytes = 0
        var entries: [Entry] = []
        var dictionary: UInt32?
        var lane: Lane { name.lane }
        var last: UInt64 { name.first + UInt64(entries.count) - 1 }
    }

    private(set) var segments: [Segment] = []
    private(set) var bytes = 0
    let segmentBytesMax: Int

    init(segmentBytesMax: Int) { self.segmentBytesMax = segmentBytesMax }

    private static func tenths(_ time: Boottime) -> UInt32 { UInt32(clamping: time.nanoseconds / 100_000_000) }

    /// Appends one sealed batch. On a fault nothing has changed that is ever looked at.
    mutating func append(
        _ block: [UInt8], id: BatchID, oldest: Boottime, newest: Boottime, dictionary: () -> [UInt8],
        configHash: UInt32,
        on disk: inout some Disk & ~Copyable
    ) throws(DiskFault) {
        var index = segments.lastIndex { $0.lane == id.lane }
        if let found = index,
            segments[found].bytes + block.count > segmentBytesMax || segments[found].last + 1 != id.sequence
        {
            index = nil
        }
        if index == nil {
            segments.append(Segment(name: SegmentName(stream: id.stream, lane: id.lane, first: id.sequence)))
            index = segments.count - 1
        }
        let place = index!
        do throws(DiskFault) {
            if segments[place].dictionary != configHash {
                try write(dictionary(), to: place, on: &disk)
                segments[place].dictionary = configHash
            }
            let offset = segments[place].bytes
            try write(block, to: place, on: &disk)
            segments[place].entries.append(
                Entry(offset: UInt32(offset), oldest: Self.tenths(oldest), newest: Self.tenths(newest) + 1))
        } catch {
            if segments[place].entries.isEmpty { try? remove(at: place, on: &disk) }
            throw error
        }
    }

    private mutating func write(_ block: [UInt8], to place: Int, on disk: inout some Disk & ~Copyable) throws(DiskFault)
    {
        var fault: DiskFault?
        block.withUnsafeBytes { bytes in
            do throws(DiskFault) {
                try disk.runtimeWrite(segments[place].name.text, at: segments[place].bytes, bytes)
            } catch { fault = error }
        }
        if let fault { throw fault }
        segments[place].bytes += block.count
        bytes += block.count
    }

    private func find(_ lane: Lane, _ sequence: UInt64) -> (segment: Int, entry: Int)? {
        for index in segments.indices.reversed() where segments[index].lane == lane {
            let segment = segments[index]
            if sequence >= segment.name.first && sequence < segment.name.first + UInt64(segment.entries.count) {
                return (index, Int(sequence - segment.name.first))
            }
        }
        return nil
    }

    func contains(_ lane: Lane, _ sequence: UInt64) -> Bool { find(lane, sequence) != nil }

    /// The first number at or after `sequence` that is here.
    func first(_ lane: Lane, from sequence: UInt64) -> UInt64? {
        var best: UInt64?
        for segment in segments where segment.lane == lane && !segment.entries.isEmpty && segment.last >= sequence {
            let first = max(segment.name.first, sequence)
            if best == nil || first < best! { best = first }
        }
        return best
    }

    /// When the batch's oldest reading was acquired, to a tenth of a second, rounded down.
    func oldest(_ lane: Lane, _ sequence: UInt64) -> Boottime? {
        find(lane, sequence).map {
            Boottime(nanoseconds: Int64(segments[$0.segment].entries[$0.entry].oldest) * 100_000_000)
        }
    }

    func newest(_ lane: Lane, _ sequence: UInt64) -> Boottime? {
        find(lane, sequence).map {
            Boottime(nanoseconds: Int64(segments[$0.segment].entries[$0.entry].newest) * 100_000_000)
        }
    }

    /// Reads the block of one batch into `block`; false when it is not here or cannot be read.
    func read(
        _ lane: Lane, _ sequence: UInt64, into block: inout [UInt8], from disk: inout some Disk & ~Copyable
    ) -> Bool {
        guard let (index, entry) = find(lane, sequence) else { return false }
        let segment = segments[index]
        let offset = Int(segment.entries[entry].offset)
        let end = entry + 1 < segment.entries.count ? Int(segment.entries[entry + 1].offset) : segment.bytes
        block.removeAll(keepingCapacity: true)
        block.append(contentsOf: repeatElement(0, count: end - offset))
        var count = 0
        block.withUnsafeMutableBytes { bytes in
            do throws(DiskFault) { count = try disk.runtimeRead(segment.name.text, at: offset, into: bytes) } catch {}
        }
        return count == end - offset
    }

    /// Removes the oldest segments that nothing needs until `target` bytes are left.
    mutating func release(
        to target: Int, on disk: inout some Disk & ~Copyable, isReleasable: (Lane, SequenceRange) -> Bool
    ) {
        var index = 0
        while bytes > target && index < segments.count {
            let segment = segments[index]
            let isCurrent = segments.lastIndex { $0.lane == segment.lane } == index
            if !isCurrent && isReleasable(segment.lane, SequenceRange(segment.name.first, segment.last)) {
                try? remove(at: index, on: &disk)
            } else {
                index += 1
            }
        }
    }

    /// The numbers in the segment that `drop` would give up.
    func oldestSegment(_ lane: Lane) -> SequenceRange? {
        segments.first { $0.lane == lane && !$0.entries.isEmpty }.map { SequenceRange($0.name.first, $0.last) }
    }

    /// Gives up the oldest segment of the lane (its current one last) and says what was in it.
    mutating func drop(_ lane: Lane, on disk: inout some Disk & ~Copyable) -> SequenceRange? {
        guard let index = segments.firstIndex(where: { $0.lane == lane && !$0.entries.isEmpty }) else { return nil }
        let range = SequenceRange(segments[index].name.first, segments[index].last)
        try? remove(at: index, on: &disk)
        return range
    }

    private mutating func remove(at index: Int, on disk: inout some Disk & ~Copyable) throws(DiskFault) {
        let segment = segments.remove(at: index)
        bytes -= segment.bytes
        try disk.runtimeRemove(segment.name.text)
    }

    /// Takes over what a process of the same boot left. `visit` sees every sound block.
    mutating func adopt(
        stream: StreamID, from disk: inout some Disk & ~Copyable,
        codec: inout BatchCodec, dictionary visit: (ChannelDictionary) -> Void
    ) throws(DiskFault) {
        var names = try disk.runtimeList().compactMap { entry in
            SegmentName(entry.name).map { ($0, entry.bytes) }
        }
        names.sort { ($0.0.lane.rawValue, $0.0.first) < ($1.0.lane.rawValue, $1.0.first) }
        for (name, size) in names {
            guard name.stream == stream, size <= 4 * segmentBytesMax else {
                try disk.runtimeRemove(name.text)
                continue
            }
            var content = [UInt8](repeating: 0, count: size)
            var fault: DiskFault?
            var count = 0
            content.withUnsafeMutableBytes { bytes in
                do throws(DiskFault) { count = try disk.runtimeRead(name.text, at: 0, into: bytes) } catch {
                    fault = error
                }
            }
            if let fault { throw fault }
            content.removeLast(size - count)
            var segment = Segment(name: name)
            content.withUnsafeBytes { bytes in
                while case .block(let header) = Block.examine(UnsafeRawBufferPointer(rebasing: bytes[segment.bytes...]))
                {
                    let block = UnsafeRawBufferPointer(rebasing: bytes[segment.bytes..<segment.bytes + header.length])
                    if header.kind == .dictionary {
                        segment.dictionary = header.configHash
                        if let found = ChannelDictionary.decode(block, header: header) { visit(found) }
                    } else {
                        guard header.first == name.first + UInt64(segment.entries.count),
                            codec.decode(block, header: header)
                        else { break }
                        let past = Boottime(nanoseconds: 0)
                        let times = header.isThinned ? (oldest: past, newest: past) : codec.timeSpan
                        segment.entries.append(
                            Entry(
                                offset: UInt32(segment.bytes), oldest: Self.tenths(times.oldest),
                                newest: Self.tenths(times.newest) + 1))
                    }
                    segment.bytes += header.length
                }
            }
            if segment.entries.isEmpty {
                try disk.runtimeRemove(name.text)
            } else {
                bytes += segment.bytes
                segments.append(segment)
            }
        }
    }
}

extension BatchCodec {
    /// The newest time in the last decoded block.
    public var newest: Boottime { timeSpan.newest }

    /// The oldest and newest time in the last decoded block.
    var timeSpan: (oldest: Boottime, newest: Boottime) {
        var oldest = Boottime.distantFuture, newest = Boottime(nanoseconds: 0)
        for reading in readings {
            oldest = min(oldest, reading.acquired)
            newest = max(newest, reading.acquired)
        }
        for item in items {
            oldest = min(oldest, item.time)
            newest = max(newest, item.time)
        }
        return (oldest, newest)
    }
}
