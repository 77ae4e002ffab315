// Readings by column: how a block of the readings lane gets down to a few bytes a reading.
//
// The columns, in this order, each over all readings of the block in their order of acquisition:
//
//   times      groups of equal times: group length (varint), then the change of the step between groups in microseconds
//              (signed varint; the first group's value is its time since boot)
//   channels   each channel is foretold as the one that followed the same channel last time in this block (before
//              that: the next higher number). Runs: how many forecasts held (varint), then the channel that came
//              instead (varint), until all are told
//   qualities  of the readings grouped by channel, ascending (a broken channel stays so for long), as runs: length
//              (varint), raw value (one byte)
//   ordinals   per channel present, ascending: its first ordinal less the channel's before, as runs: how many channels
//              have the same difference (varint), then that (signed varint). Then the number of jumps (varint) and per
//              jump its place since the last (varint) and how much more than 1 it adds (varint); places count readings
//              grouped by channel, ascending
//   values     per channel present, ascending, over its readings that are not bad: the first (signed varint); if there
//              are more: a width in bits (one byte, 0 to 64) and the zigzag differences packed in that many bits each,
//              low bit first, padded to a byte
//
// All arithmetic wraps, so every Int64 survives.

import World

/// Working memory for encoding and decoding, allocated once: no allocation per reading.
struct ColumnCodec: ~Copyable {
    private let readingsMax: Int
    private let channelsMax: Int
    /// Per channel: how many readings, where its group starts, and the forecast of the channel that follows.
    private let counts: UnsafeMutablePointer<Int32>
    private let starts: UnsafeMutablePointer<Int32>
    private let follower: UnsafeMutablePointer<Int32>
    /// Per reading, grouped by channel: its index in the block.
    private let order: UnsafeMutablePointer<Int32>
    /// The tables are in use for the channels below: a node with 16 channels does not pay for 1,000 in every block.
    private var known = 0

    init(readingsMax: Int, channelsMax: Int) {
        self.readingsMax = readingsMax
        self.channelsMax = channelsMax
        counts = .allocate(capacity: channelsMax)
        starts = .allocate(capacity: channelsMax)
        follower = .allocate(capacity: channelsMax)
        order = .allocate(capacity: readingsMax)
    }

    deinit {
        counts.deallocate()
        starts.deallocate()
        follower.deallocate()
        order.deallocate()
    }

    // MARK: Encoding

    mutating func encode(_ readings: UnsafeBufferPointer<Reading>, into writer: inout ByteWriter) {
        invariant(readings.count <= readingsMax, "\(readings.count) readings in one block")
        guard readings.count > 0 else { return }
        encodeTimes(readings, into: &writer)
        encodeChannels(readings, into: &writer)
        let channels = group(readings.count) { Int(readings[$0].channel.rawValue) }
        encodeQualities(readings, into: &writer)
        encodeOrdinals(readings, channels, into: &writer)
        encodeValues(readings, channels, into: &writer)
    }

    private func encodeTimes(_ readings: UnsafeBufferPointer<Reading>, into writer: inout ByteWriter) {
        var index = 0
        var previous: Int64 = 0
        var previousStep: Int64 = 0
        while index < readings.count {
            let time = readings[index].acquired.nanoseconds
            var end = index + 1
            while end < readings.count && readings[end].acquired.nanoseconds == time { end += 1 }
            writer.putVarint(UInt64(end - index))
            let step = time / 1_000 &- previous
            writer.putSigned(step &- previousStep)
            previousStep = index == 0 ? 0 : step
            previous = time / 1_000
            index = end
        }
    }

    private mutating func encodeChannels(_ readings: UnsafeBufferPointer<Reading>, into writer: inout ByteWriter) {
        resetForecast()
        var hits: UInt64 = 0
        var current: Int32 = -1
        for reading in readings {
            let channel = Int32(reading.channel.rawValue)
            invariant(channel < channelsMax, "channel \(channel)")
            know(channel)
            if forecast(after: current) == channel {
                hits += 1
            } else {
                writer.putVarint(hits)
                writer.putVarint(UInt64(channel))
                hits = 0
            }
            if current >= 0 { follower[Int(current)] = channel }
            current = channel
        }
        if hits > 0 { writer.putVarint(hits) }
    }

    private func resetForecast() {
        for channel in 0..<known { follower[channel] = Int32(channel) + 1 }
    }

    @inline(__always)
    private mutating func know(_ channel: Int32) {
        while known <= channel {
            follower[known] = Int32(known) + 1
            known += 1
        }
    }

    @inline(__always)
    private func forecast(after current: Int32) -> Int32 { current < 0 ? 0 : follower[Int(current)] }

    private func encodeQualities(_ readings: UnsafeBufferPointer<Reading>, into writer: inout ByteWriter) {
        var index = 0
        while index < readings.count {
            let quality = readings[Int(order[index])].quality
            var end = index + 1
            while end < readings.count && readings[Int(order[end])].quality == quality { end += 1 }
            writer.putVarint(UInt64(end - index))
            writer.put(quality.rawValue)
            index = end
        }
    }

    /// Sorts indices by channel, keeping their order within one; returns how many channels the tables reach.
    private func group(_ count: Int, channel: (Int) -> Int) -> Int {
        var highest = 0
        counts.update(repeating: 0, count: known)
        for index in 0..<count {
            let channel = channel(index)
            counts[channel] += 1
            highest = max(highest, channel)
        }
        var next: Int32 = 0
        for channel in 0...highest {
            starts[channel] = next
            next += counts[channel]
        }
        for index in 0..<count {
            let channel = channel(index)
            order[Int(starts[channel])] = Int32(index)
            starts[channel] += 1
        }
        for channel in 0...highest { starts[channel] -= counts[channel] }
        return highest + 1
    }

    private func encodeOrdinals(
        _ readings: UnsafeBufferPointer<Reading>, _ channels: Int, into writer: inout ByteWriter
    ) {
        var previousFirst: UInt64 = 0
        var jumps: UInt64 = 0
        // Channels that are read together have counted the same: one run for all of them.
        var run: (length: UInt64, difference: Int64) = (0, 0)
        for channel in 0..<channels where counts[channel] > 0 {
            let start = Int(starts[channel])
            let first = readings[Int(order[start])].ordinal
            let difference = Int64(bitPattern: first &- previousFirst)
            previousFirst = first
            if run.length > 0 && run.difference != difference {
                writer.putVarint(run.length)
                writer.putSigned(run.difference)
                run.length = 0
            }
            run = (run.length + 1, difference)
            for place in start + 1..<start + max(1, Int(counts[channel])) {
                if readings[Int(order[place])].ordinal &- readings[Int(order[place - 1])].ordinal != 1 { jumps += 1 }
            }
        }
        writer.putVarint(run.length)
        writer.putSigned(run.difference)
        writer.putVarint(jumps)
        guard jumps > 0 else { return }
        var last = 0
        for channel in 0..<channels where counts[channel] > 1 {
            let start = Int(starts[channel])
            for place in start + 1..<start + Int(counts[channel]) {
                let jump = readings[Int(order[place])].ordinal &- readings[Int(order[place - 1])].ordinal
                if jump != 1 {
                    writer.putVarint(UInt64(place - last))
                    writer.putVarint(jump &- 1)
                    last = place
                }
            }
        }
    }

    private func encodeValues(
        _ readings: UnsafeBufferPointer<Reading>, _ channels: Int, into writer: inout ByteWriter
    ) {
        for channel in 0..<channels where counts[channel] > 0 {
            let start = Int(starts[channel]), end = start + Int(counts[channel])
            var previous: Int64?
            var bits: UInt64 = 0
            var more = false
            for place in start..<end {
                let reading = readings[Int(order[place])]
                guard reading.quality.grade != .bad else { continue }
                if let previous {
                    bits |= (reading.value &- previous).zigzag
                    more = true
                } else {
                    writer.putSigned(reading.value)
                }
                previous = reading.value
            }
            guard more else { continue }
            let width = 64 - bits.leadingZeroBitCount
            writer.put(UInt8(width))
            var packer = BitPacker()
            previous = nil
            for place in start..<end {
                let reading = readings[Int(order[place])]
                guard reading.quality.grade != .bad else { continue }
                if let previous { packer.put((reading.value &- previous).zigzag, width: width, into: &writer) }
                previous = reading.value
            }
            packer.flush(into: &writer)
        }
    }

    // MARK: Decoding

    /// Decodes `count` readings into `readings`; false when the bytes cannot be what `encode` wrote.
    mutating func decode(
        _ reader: inout ByteReader, count: Int, into readings: UnsafeMutablePointer<Reading>
    ) -> Bool {
        guard count <= readingsMax else { return false }
        guard count > 0 else { return true }
        guard decodeTimes(&reader, count, readings), decodeChannels(&reader, count, readings) else { return false }
        let channels = group(count) { Int(readings[$0].channel.rawValue) }
        return decodeQualities(&reader, count, readings)
            && decodeOrdinals(&reader, count, channels, readings) && decodeValues(&reader, channels, readings)
    }

    private func decodeTimes(_ reader: inout ByteReader, _ count: Int, _ readings: UnsafeMutablePointer<Reading>)
        -> Bool
    {
        var index = 0
        var time: Int64 = 0
        var step: Int64 = 0
        while index < count {
            guard let length = reader.takeVarint(), length >= 1, length <= UInt64(count - index),
                let change = reader.takeSigned()
            else { return false }
            step = step &+ change
            time = time &+ step
            if index == 0 { step = 0 }
            let nanoseconds = time.multipliedReportingOverflow(by: 1_000)
            guard !nanoseconds.overflow else { return false }
            for _ in 0..<length {
                readings[index] = Reading(
                    channel: ChannelID(rawValue: 0), acquired: Boottime(nanoseconds: nanoseconds.partialValue),
                    value: 0,
                    quality: .good, ordinal: 0)
                index += 1
            }
        }
        return true
    }

    private mutating func decodeChannels(
        _ reader: inout ByteReader, _ count: Int, _ readings: UnsafeMutablePointer<Reading>
    ) -> Bool {
        resetForecast()
        var index = 0
        var current: Int32 = -1
        func tell(_ channel: Int32, _ codec: inout ColumnCodec) {
            codec.know(channel)
            readings[index].channel = ChannelID(rawValue: UInt16(channel))
            if current >= 0 { codec.follower[Int(current)] = channel }
            current = channel
            index += 1
        }
        while index < count {
            guard let hits = reader.takeVarint(), hits <= UInt64(count - index) else { return false }
            for _ in 0..<hits {
                let channel = forecast(after: current)
                guard channel < channelsMax else { return false }
                tell(channel, &self)
            }
            guard index < count else { break }
            guard let channel = reader.takeVarint(), channel < UInt64(channelsMax) else { return false }
            tell(Int32(channel), &self)
        }
        return true
    }

    private func decodeQualities(
        _ reader: inout ByteReader, _ count: Int, _ readings: UnsafeMutablePointer<Reading>
    ) -> Bool {
        var index = 0
        while index < count {
            guard let length = reader.takeVarint(), length >= 1, length <= UInt64(count - index),
                let raw = reader.take(UInt8.self)
            else { return false }
            // A reason of a later version keeps its grade.
            let quality = Quality(rawValue: raw) ?? (raw < 32 ? .estimated : .implausible)
            for _ in 0..<length {
                readings[Int(order[index])].quality = quality
                index += 1
            }
        }
        return true
    }

    private func decodeOrdinals(
        _ reader: inout ByteReader, _ count: Int, _ channels: Int, _ readings: UnsafeMutablePointer<Reading>
    ) -> Bool {
        var first: UInt64 = 0
        var run: (left: UInt64, difference: Int64) = (0, 0)
        for channel in 0..<channels where counts[channel] > 0 {
            if run.left == 0 {
                guard let length = reader.takeVarint(), length >= 1, let difference = reader.takeSigned() else {
                    return false
                }
                run = (length, difference)
            }
            run.left -= 1
            first = first &+ UInt64(bitPattern: run.difference)
            readings[Int(order[Int(starts[channel])])].ordinal = first
        }
        guard var jumps = reader.takeVarint(), jumps <= UInt64(count) else { return false }
        var nextJump = -1
        var jump: UInt64 = 0
        var last = 0
        func takeJump() -> Bool {
            nextJump = -1
            guard jumps > 0 else { return true }
            jumps -= 1
            guard let place = reader.takeVarint(), let size = reader.takeVarint(), place <= UInt64(count) else {
                return false
            }
            last += Int(place)
            nextJump = last
            jump = size
            return true
        }
        guard takeJump() else { return false }
        for channel in 0..<channels where counts[channel] > 1 {
            let start = Int(starts[channel])
            for place in start + 1..<start + Int(counts[channel]) {
                var ordinal = readings[Int(order[place - 1])].ordinal &+ 1
                if place == nextJump {
                    ordinal = ordinal &+ jump
                    guard takeJump() else { return false }
                }
                readings[Int(order[place])].ordinal = ordinal
            }
        }
        return true
    }

    private func decodeValues(
        _ reader: inout ByteReader, _ channels: Int, _ readings: UnsafeMutablePointer<Reading>
    ) -> Bool {
        for channel in 0..<channels where counts[channel] > 0 {
            let start = Int(starts[channel]), end = start + Int(counts[channel])
            var previous: Int64?
            var unpacker: BitUnpacker?
            for place in start..<end {
                let index = Int(order[place])
                guard readings[index].quality.grade != .bad else { continue }
                if let before = previous {
                    if unpacker == nil {
                        guard let width = reader.take(UInt8.self), width <= 64 else { return false }
                        unpacker = BitUnpacker(width: Int(width))
                    }
                    guard let bits = unpacker!.take(from: &reader) else { return false }
                    previous = before &+ Int64(zigzag: bits)
                } else {
                    guard let value = reader.takeSigned() else { return false }
                    previous = value
                }
                readings[index].value = previous!
            }
        }
        return true
    }
}
