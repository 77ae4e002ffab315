// The checkpoint: what must survive a power cut though no reading was ever spilled.
//
// Two slots of 4,096 bytes at offsets 0 and 4096 of one preallocated file, written in turn, never both: a torn write
// leaves the other slot. The slot with the higher generation whose CRC holds is the checkpoint. The same slots, in a
// file of the runtime directory, keep the cursors across a crash of the process.
//
// Slot, little-endian:
//
//   offset size
//      0    4   magic "CEC1"
//      4    4   CRC-32C of bytes 8 ..< 4096
//      8    8   generation, from 1
//     16    1   version, 1
//     17    1   flags: bit 0: written at an orderly stop
//     18    2   bytes used, from offset 0
//     20    …   stream (8), boot id (16), heartbeat: boottime ns (8) and UTC ns (8; Int64.min: the clock was not
//               settled), next number of each lane (4 varints), KPI cursor (varint)
//               counters: number (varint), each: FNV-1a 64 of the sensor's id (8), total (signed varint)
//               cursor parts: number (varint), each: stream (8), lane (1), ranges (varint), each: first less the end of
//               the one before (varint), length - 1 (varint)
//               times of boots, the present one last, as `BootTimes.swift` has them
//
// What does not fit is left out. The counters and the present boot's time always fit; then cursor parts, newest stream
// first: one left out costs duplicates after a power cut, never a loss; then times of earlier boots, newest first: one
// left out costs unsettled batches their bounds, or the time that was found for them, never a batch.

public import World

public struct Checkpoint: Equatable, Sendable {
    public static let slotBytes = 4_096

    public var generation: UInt64 = 0
    public var isOrderly = false
    public var stream = StreamID(rawValue: 0)
    public var boot = BootID(high: 0, low: 0)
    public var heartbeat = Boottime(nanoseconds: 0)
    public var heartbeatUTC: UTC?
    public var nextSequence: [UInt64] = [1, 1, 1, 1]
    public var kpisPassedThrough: UInt64 = 0
    /// Counter totals by `Checkpoint.key(of: sensorID)`.
    public var counters: [(key: UInt64, total: Int64)] = []
    public var cursor = Cursor()
    public var times = BootTimes()

    public init() {}

    public static func == (a: Checkpoint, b: Checkpoint) -> Bool { a.encoded() == b.encoded() }

    /// FNV-1a, 64 bits.
    public static func key(of sensorID: String) -> UInt64 {
        sensorID.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    public func counter(of sensorID: String) -> Int64? {
        let key = Self.key(of: sensorID)
        return counters.first { $0.key == key }?.total
    }

    /// Where the slot of this generation stands in the file.
    public var slotOffset: Int { Int(generation % 2) * Self.slotBytes }

    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(Self.slotBytes)
        writer.put(UInt32(0x3143_4543))
        writer.put(UInt32(0))
        writer.put(generation)
        writer.put(UInt8(1))
        writer.put(isOrderly ? UInt8(1) : 0)
        writer.put(UInt16(0))
        writer.put(stream.rawValue)
        writer.put(boot.high)
        writer.put(boot.low)
        writer.put(UInt64(bitPattern: heartbeat.nanoseconds))
        writer.put(UInt64(bitPattern: heartbeatUTC?.nanoseconds ?? .min))
        for lane in Lane.allCases { writer.putVarint(nextSequence[Int(lane.rawValue)]) }
        writer.putVarint(kpisPassedThrough)
        let counters = counters.prefix(100)
        writer.putVarint(UInt64(counters.count))
        for counter in counters {
            writer.put(counter.key)
            writer.putSigned(counter.total)
        }
        var parts: [[UInt8]] = []
        let boots = times.stored
        // Less the two numbers, of parts and of boots.
        var room = Self.slotBytes - writer.bytes.count - 4 - (boots.last?.count ?? 0)
        // The newest first: the present stream's, then the others from the last to begin back to the first.
        let ordered = cursor.parts.filter { $0.stream != stream } + cursor.parts.filter { $0.stream == stream }
        for part in ordered.reversed() {
            var text = ByteWriter()
            text.put(part.stream.rawValue)
            text.put(part.lane.rawValue)
            text.putVarint(UInt64(part.acknowledged.ranges.count))
            var previous: UInt64 = 0
            for range in part.acknowledged.ranges {
                text.putVarint(range.first - previous)
                text.putVarint(range.last - range.first)
                previous = range.last
            }
            guard text.bytes.count <= room else { break }
            room -= text.bytes.count
            parts.append(text.bytes)
        }
        writer.putVarint(UInt64(parts.count))
        for part in parts.reversed() { writer.bytes.append(contentsOf: part) }
        var kept = min(boots.count, 1)
        while kept < boots.count, boots[boots.count - 1 - kept].count <= room {
            room -= boots[boots.count - 1 - kept].count
            kept += 1
        }
        writer.putVarint(UInt64(kept))
        for boot in boots.suffix(kept) { writer.bytes.append(contentsOf: boot) }
        let used = UInt16(writer.bytes.count)
        writer.bytes[18] = UInt8(truncatingIfNeeded: used)
        writer.bytes[19] = UInt8(used >> 8)
        // An array and not `repeatElement`: a third of all the time of a long simulation, built for debugging.
        writer.bytes.append(contentsOf: [UInt8](repeating: 0, count: Self.slotBytes - writer.bytes.count))
        writer.set(CRC32C.checksum(Array(writer.bytes[8...])), at: 4)
        return writer.bytes
    }

    /// The newer of the two slots that can be read; nil when neither can.
    public static func newest(in file: UnsafeRawBufferPointer) -> Checkpoint? {
        var best: Checkpoint?
        for slot in 0..<2 {
            let start = slot * slotBytes
            guard start + slotBytes <= file.count else { continue }
            let bytes = UnsafeRawBufferPointer(rebasing: file[start..<start + slotBytes])
            if let found = decode(bytes), found.generation > best?.generation ?? 0 { best = found }
        }
        return best
    }

    private static func decode(_ slot: UnsafeRawBufferPointer) -> Checkpoint? {
        var reader = ByteReader(slot)
        guard reader.take(UInt32.self) == 0x3143_4543, let crc = reader.take(UInt32.self),
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: slot[8...])) == crc,
            let generation = reader.take(UInt64.self), let version = reader.take(UInt8.self), version == 1,
            let flags = reader.take(UInt8.self), reader.take(UInt16.self) != nil,
            let stream = reader.take(UInt64.self), let high = reader.take(UInt64.self),
            let low = reader.take(UInt64.self), let heartbeat = reader.take(UInt64.self),
            let utc = reader.take(UInt64.self)
        else { return nil }
        var checkpoint = Checkpoint()
        checkpoint.generation = generation
        checkpoint.isOrderly = flags & 1 != 0
        checkpoint.stream = StreamID(rawValue: stream)
        checkpoint.boot = BootID(high: high, low: low)
        checkpoint.heartbeat = Boottime(nanoseconds: Int64(bitPattern: heartbeat))
        let nanoseconds = Int64(bitPattern: utc)
        checkpoint.heartbeatUTC = nanoseconds == .min ? nil : UTC(nanoseconds: nanoseconds)
        for lane in Lane.allCases {
            guard let next = reader.takeVarint(), next >= 1 else { return nil }
            checkpoint.nextSequence[Int(lane.rawValue)] = next
        }
        guard let passed = reader.takeVarint(), let counters = reader.takeVarint(), counters <= 100 else { return nil }
        checkpoint.kpisPassedThrough = passed
        for _ in 0..<counters {
            guard let key = reader.take(UInt64.self), let total = reader.takeSigned() else { return nil }
            checkpoint.counters.append((key, total))
        }
        guard let parts = reader.takeVarint(), parts <= 1_024 else { return nil }
        for _ in 0..<parts {
            guard let stream = reader.take(UInt64.self), let laneByte = reader.take(UInt8.self),
                let lane = Lane(rawValue: laneByte), let ranges = reader.takeVarint(),
                ranges <= UInt64(RangeSet.rangesMax)
            else { return nil }
            var previous: UInt64 = 0
            for _ in 0..<ranges {
                guard let gap = reader.takeVarint(), let length = reader.takeVarint() else { return nil }
                let (first, isFar) = previous.addingReportingOverflow(gap)
                let (last, isTooFar) = first.addingReportingOverflow(length)
                guard !isFar, !isTooFar, gap >= 1, last < .max else { return nil }
                previous = last
                checkpoint.cursor.insert(SequenceRange(first, previous), stream: StreamID(rawValue: stream), lane: lane)
            }
        }
        guard let times = BootTimes(&reader) else { return nil }
        checkpoint.times = times
        return checkpoint
    }
}
