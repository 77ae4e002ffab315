// Readings as SenML JSON (RFC 8428), the payload of `readings` and `history`.
//
// One message is one pack: an array of records, one per reading, of one or more batches. Every batch begins with a
// record that carries `seq`; a reader splits the pack there. That record says the batch's labels and is its first
// reading at once:
//
//     [{"bn":"malaga/lamppost-0042/","bt":1795257600.25,"stream":"7f3a91c2d04be815","seq":4711,"clock":"synced",
//       "config":"9c1e04d2","n":"air.temperature","u":"Cel","v":21.4},
//      {"n":"air.humidity","u":"%RH","v":48.2},
//      {"n":"water.volume","u":"m3","v":0.12,"t":0.42},
//      {"n":"pm.pm2_5/uncertain","u":"ug/m3","v":12.1,"why":"warming up"},
//      {"n":"noise.level/bad","vs":"no acknowledge"},
//      {"bt":1795257601.25,"stream":"7f3a91c2d04be815","seq":4712,"clock":"synced","config":"9c1e04d2",
//       "n":"air.temperature","u":"Cel","v":21.5}]
//
// - `bn` is `{city}/{node}/`, once a pack: base fields hold until they are said again (section 4).
// - `stream`, `seq`, `clock`, `config` are labels of our own without a final underscore: receivers that do not know
//   them ignore them (section 4.4). As regular fields they are said of one record; by this contract they hold for its
//   batch.
// - A channel's plain name is always a good value. `/uncertain` has a value to think about, and the reason as `why`, a
//   label of our own; `/bad` has none, but the reason as `vs`. States (unit `/`) are `v` 0 or 1.
// - Values are exact decimals: the integer of the channel's scale, shortest form, no exponent.
// - `t` is omitted when it is 0.
// - Settled: `bt` is the UTC of the batch's first reading in seconds, up to six decimals; `bt` + `t` is exact to the
//   microsecond.
// - Unsettled: there is no `bt`, and `t` is acquisition minus encoding, at most 0: relative to now (section 4.5.3).
//   `clock` is `unsettled`, `boot` the boot id and `boot_ns` CLOCK_BOOTTIME at encoding, so that `boot_ns` + `t` is the
//   reading's boottime and an anchor event of that boot settles it. `boot` and `boot_ns` begin with `b`: base fields by
//   the rule of section 4.6, which resolve to nothing and concern unsettled batches only. In a pack that had a `bt`
//   before, an unsettled batch says `"bt":0`, or the earlier one would still hold.
// - A batch of an earlier boot that never settled is encoded as of that boot's last known moment plus the time since
//   this boot began (plus what is known of boots between): the latest that it can have been. Its `boot` is not the one
//   that `status` names.
// - `not_before` and `not_after`, of unsettled batches only and as far as known: UTC seconds between which that boot
//   lay. So a reading's UTC is at least `not_before` + `boot_ns` + `t`, and at most `not_after`.
// - `thinned` is said, and true, of a batch that stands for readings which had to go because the outbox was full
//   (their numbers are in a tombstone): its records are named `{channel}/min`, `/mean`, `/max` and `/count` and are of
//   the good readings of one window, `t` being that of the window's first reading; a plain name is a reading that was
//   kept as it was. Parts of one window join by their counts.
// - Readings of withheld channels are not there. Batches that hold nothing else are left out; `skipped` (`[first,
//   last]`, of the record that carries `stream`) names their numbers, in a batch of the same stream or in a message of
//   its own: one record, `"n":"batch","vs":"skipped"`, with `stream` and `skipped` and without `seq`.
// - A batch without a reading to publish is one record, `"n":"batch","vs":"empty"`: every record must have a value
//   (section 4.2), and no channel has a name without a dot.
// - Of a batch whose configuration is lost, a reading's name and scale are unknown: it is `channel-17/bad` with the
//   reason, so that it is counted and not taken for another channel's.

public import World

public struct SenMLEncoder: Sendable {
    private let baseName: [UInt8]
    private var batches = 0
    private var hasBaseTime = false

    public init(city: String, node: String) {
        var buffer = PayloadBuffer(capacity: 128)
        buffer.append("\"bn\":\"")
        buffer.append(escaped: city)
        buffer.append("/")
        buffer.append(escaped: node)
        buffer.append("/\",")
        baseName = buffer.bytes
    }

    /// A whole message of one batch.
    public mutating func encode(
        _ head: BatchHead, _ readings: UnsafeBufferPointer<Reading>, _ channels: ChannelFragments, encodedAt: Boottime,
        into buffer: inout PayloadBuffer
    ) {
        begin(into: &buffer)
        append(head, readings, channels, encodedAt: encodedAt, into: &buffer)
        end(into: &buffer)
    }

    /// Begins a message; what the buffer held is gone. Then any number of `append`, then `end`.
    public mutating func begin(into buffer: inout PayloadBuffer) {
        buffer.removeAll()
        buffer.append("[")
        batches = 0
        hasBaseTime = false
    }

    /// Goes on with a message that `end` has ended and nothing else was written behind.
    public mutating func goOn(in buffer: inout PayloadBuffer) {
        invariant(batches > 0, "a message goes on that was begun")
        buffer.truncate(to: buffer.count - 1)
    }

    /// Adds one batch. `encodedAt` is on the clock of the batch's own boot (see the top of this file). The channels
    /// must be those of the configuration that the readings were taken under.
    public mutating func append(
        _ head: BatchHead, _ readings: UnsafeBufferPointer<Reading>, _ channels: ChannelFragments, encodedAt: Boottime,
        into buffer: inout PayloadBuffer
    ) {
        // Of what is withheld not even the time is said.
        let first = channels.firstPublished(readings)
        let time = TimeBase(anchor: head.anchor, first: first?.acquired, encodedAt: encodedAt)
        if batches > 0 { buffer.append(",") }
        appendHead(head, time, into: &buffer)
        batches += 1
        guard first != nil else { return buffer.append("\"n\":\"batch\",\"vs\":\"empty\"}") }
        var continuesHead = true
        var start = 0
        // In slices, so that the room asked for stays near the room used.
        while start < readings.count {
            let end = min(start + 64, readings.count)
            let slice = UnsafeBufferPointer(rebasing: readings[start..<end])
            buffer.write(atMost: slice.count * channels.recordBytes) { cursor in
                Self.write(slice, continuesHead: &continuesHead, channels, time, &cursor)
            }
            start = end
        }
    }

    /// Whether the message has any batch so far.
    public var isEmpty: Bool { batches == 0 }

    /// A whole message that carries no batch, and names numbers that were left out.
    public mutating func encodeSkipped(_ stream: UInt64, _ numbers: SequenceRange, into buffer: inout PayloadBuffer) {
        begin(into: &buffer)
        buffer.append("{")
        buffer.append(baseName)
        buffer.append("\"stream\":\"")
        buffer.append(hexadecimal: stream)
        buffer.append("\"")
        buffer.append(skipped: numbers)
        buffer.append(",\"n\":\"batch\",\"vs\":\"skipped\"}]")
    }

    public mutating func end(into buffer: inout PayloadBuffer) {
        invariant(batches > 0, "a SenML pack has at least one record (RFC 8428 section 4)")
        buffer.append("]")
    }

    private mutating func appendHead(_ head: BatchHead, _ time: TimeBase, into buffer: inout PayloadBuffer) {
        buffer.append("{")
        if batches == 0 { buffer.append(baseName) }
        switch time.clock {
        case .synced:
            buffer.append("\"bt\":")
            buffer.append(secondsOfMicroseconds: time.microseconds)
            buffer.append(",")
        case .unsettled:
            if hasBaseTime { buffer.append("\"bt\":0,") }
        }
        hasBaseTime = time.clock == .synced
        buffer.append("\"stream\":\"")
        buffer.append(hexadecimal: head.stream)
        buffer.append("\",\"seq\":")
        buffer.append(unsigned: head.seq)
        if let skipped = head.skipped { buffer.append(skipped: skipped) }
        switch time.clock {
        case .synced: buffer.append(",\"clock\":\"synced\",\"config\":")
        case .unsettled:
            buffer.append(",\"clock\":\"unsettled\",")
            buffer.append(bootOf: head, time)
            buffer.append(",\"config\":")
        }
        buffer.append(quoted: head.config)
        if head.isThinned { buffer.append(",\"thinned\":true") }
        buffer.append(",")
    }

    /// Writes the records; the first goes on with the record that the head began.
    @inline(__always)
    private static func write(
        _ readings: UnsafeBufferPointer<Reading>, continuesHead: inout Bool, _ channels: ChannelFragments,
        _ time: TimeBase, _ cursor: inout ByteCursor
    ) {
        channels.bytes.withUnsafeBufferPointer { bytes in
            channels.entries.withUnsafeBufferPointer { entries in
                // Comma and brace are the head's when it began the record.
                var skipped: Int32 = continuesHead ? 2 : 0
                for reading in readings {
                    let index = Int(reading.channel.rawValue)
                    if index < entries.count {
                        let entry = entries[index]
                        if entry.isWithheld { continue }
                        let grade = reading.quality.grade
                        let part = grade == .good ? entry.good : grade == .uncertain ? entry.uncertain : entry.bad
                        // An entry's parts lie in `bytes`, which is therefore not empty.
                        cursor.bytes(
                            bytes.baseAddress! + Int(part.offset &+ skipped), count: Int(part.count &- skipped))
                        if grade == .bad {
                            for byte in reading.quality.reason.utf8 { cursor.byte(byte) }
                            cursor.byte(UInt8(ascii: "\""))
                        } else {
                            cursor.decimal(reading.value, scale: entry.scale)
                            if grade == .uncertain {
                                cursor.text(",\"why\":\"")
                                for byte in reading.quality.reason.utf8 { cursor.byte(byte) }
                                cursor.byte(UInt8(ascii: "\""))
                            }
                        }
                    } else {
                        if skipped == 0 { cursor.text(",{") }
                        cursor.text("\"n\":\"channel-")
                        cursor.unsigned(UInt64(index))
                        cursor.text("/bad\",\"vs\":\"configuration lost\"")
                    }
                    let offset = time.offset(of: reading.acquired)
                    if offset != 0 {
                        cursor.text(",\"t\":")
                        cursor.seconds(microseconds: offset)
                    }
                    cursor.byte(UInt8(ascii: "}"))
                    skipped = 0
                }
                continuesHead = skipped != 0
            }
        }
    }
}
