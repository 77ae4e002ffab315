// The whole of a day sheet's fold as bytes, so that a restart of the process goes on from it exactly. Bounded: per
// channel its name, 24 bytes, and 52 for each of at most three days.
//
// Little-endian; first the length and the FNV-1a of everything behind, so that half-written bytes are none.

import World

extension DaySheetFold {
    private static let magic: UInt64 = 0x0131_5359_4144_4543
    private static let headBytes = 24

    public var encoded: [UInt8] {
        var writer = StateWriter()
        writer.put(stream)
        writer.put(config)
        writer.put(UInt64(isSwitched ? 1 : 0))
        writer.put(UInt64(bitPattern: begin))
        writer.put(lastFolded)
        writer.put(generation)
        writer.put(UInt64(bitPattern: closedThrough))
        writer.put(skippedAt)
        writer.put(UInt64(bitPattern: newest))
        writer.put(UInt64(offsetNanoseconds == nil ? 0 : 1))
        writer.put(UInt64(bitPattern: offsetNanoseconds ?? 0))
        for number in noted { writer.put(number) }
        writer.put(UInt64(channels.count))
        for (index, channel) in channels.enumerated() {
            writer.put(channel.name)
            writer.put(UInt64(bitPattern: channel.every?.nanoseconds ?? 0))
            writer.put(ordinals[index])
            writer.put(batches[index])
        }
        writer.put(UInt64(days.count))
        for day in days {
            for number in [day.number, day.from, day.dark, day.clockSteps, day.stray] {
                writer.put(UInt64(bitPattern: number))
            }
            let flags: UInt64 = (day.isGivenFinal ? 1 : 0) + (day.isChanged ? 2 : 0)
            writer.put(flags)
            for number in day.first + day.last { writer.put(number) }
            for count in day.counts { writer.putHalf(count) }
        }
        var head = StateWriter()
        head.put(Self.magic)
        head.put(UInt64(writer.bytes.count))
        head.put(fnv1a(writer.bytes))
        return head.bytes + writer.bytes
    }

    /// Nil when it is not what `encoded` gave, whole.
    public init?(encoded: [UInt8]) {
        var head = StateReader(bytes: encoded)
        guard head.word() == Self.magic, let length = head.word(), let hash = head.word(),
            length <= UInt64(encoded.count - Self.headBytes)
        else { return nil }
        let content = Array(encoded[Self.headBytes..<Self.headBytes + Int(length)])
        guard fnv1a(content) == hash else { return nil }
        var reader = StateReader(bytes: content)
        guard let stream = reader.word(), let config = reader.text(), let isSwitched = reader.word(),
            let begin = reader.number(), let lastFolded = reader.word(),
            let generation = reader.word(), let closedThrough = reader.number(),
            let skippedAt = reader.word(), let newest = reader.number(), let hasOffset = reader.word(),
            let offset = reader.number()
        else { return nil }
        var noted: [UInt64] = []
        for _ in 0..<4 {
            guard let number = reader.word() else { return nil }
            noted.append(number)
        }
        guard let count = reader.word(), count <= 1 << 16 else { return nil }
        var channels: [Channel] = [], ordinals: [UInt64] = [], batches: [UInt64] = []
        for _ in 0..<count {
            guard let name = reader.text(), let every = reader.number(), let ordinal = reader.word(),
                let batch = reader.word()
            else { return nil }
            channels.append(Channel(name: name, every: every == 0 ? nil : .nanoseconds(every)))
            ordinals.append(ordinal)
            batches.append(batch)
        }
        guard let dayCount = reader.word(), dayCount <= UInt64(Self.daysKept) else { return nil }
        var days: [Day] = []
        for _ in 0..<dayCount {
            guard let day = reader.day(channels: channels.count) else { return nil }
            days.append(day)
        }
        self.init(
            stream: stream, config: config, channels: channels, isSwitched: isSwitched == 1,
            begin: UTC(seconds: begin), after: lastFolded)
        self.generation = generation
        self.closedThrough = closedThrough
        self.skippedAt = skippedAt
        self.newest = newest
        offsetNanoseconds = hasOffset == 1 ? offset : nil
        self.noted = noted
        self.ordinals = ordinals
        self.batches = batches
        self.days = days
    }
}

private struct StateWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    mutating func putHalf(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }

    mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
}

private struct StateReader {
    let bytes: [UInt8]
    private var offset = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func word() -> UInt64? {
        guard bytes.count - offset >= 8 else { return nil }
        defer { offset += 8 }
        return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }

    mutating func half() -> UInt32? {
        guard bytes.count - offset >= 4 else { return nil }
        defer { offset += 4 }
        return bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }

    mutating func number() -> Int64? { word().map { Int64(bitPattern: $0) } }

    mutating func text() -> String? {
        guard let count = word(), count <= UInt64(bytes.count - offset) else { return nil }
        defer { offset += Int(count) }
        return String(decoding: bytes[offset..<offset + Int(count)], as: UTF8.self)
    }

    mutating func day(channels: Int) -> DaySheetFold.Day? {
        guard let number = number(), let from = self.number(), let dark = self.number(), let steps = self.number(),
            let stray = self.number(), let flags = word()
        else { return nil }
        var lanes: [UInt64] = []
        for _ in 0..<8 {
            guard let value = word() else { return nil }
            lanes.append(value)
        }
        var counts: [UInt32] = []
        counts.reserveCapacity(channels * DaySheetFold.Column.count)
        for _ in 0..<channels * DaySheetFold.Column.count {
            guard let count = half() else { return nil }
            counts.append(count)
        }
        var day = DaySheetFold.Day(number: number, counts: counts)
        day.from = from
        day.dark = dark
        day.clockSteps = steps
        day.stray = stray
        day.isGivenFinal = flags & 1 != 0
        day.isChanged = flags & 2 != 0
        day.first = Array(lanes[..<4])
        day.last = Array(lanes[4...])
        return day
    }
}
