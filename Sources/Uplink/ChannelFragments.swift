// What every record of a channel has in common, written once per configuration, so that encoding a reading is one copy
// and two numbers.

public import World

/// The constant parts of the SenML records of all channels of one `ChannelTable`.
public struct ChannelFragments: Sendable {
    /// One channel's parts, as offsets into `bytes`. Each begins with the comma and brace of a record that is not the
    /// first.
    struct Entry {
        /// `,{"n":"air.temperature","u":"Cel","v":`
        var good: Part
        /// `,{"n":"air.temperature/uncertain","u":"Cel","v":`
        var uncertain: Part
        /// `,{"n":"air.temperature/bad","vs":"`
        var bad: Part
        var scale: Int8
    }

    struct Part {
        var offset: Int32
        var count: Int32
    }

    let bytes: [UInt8]
    let entries: [Entry]
    /// The most that one record of these channels takes, its time and the longest reason included.
    let recordBytes: Int
    public let configHash: String

    public init(_ table: ChannelTable) {
        var buffer = PayloadBuffer(capacity: 96 * table.count)
        var entries: [Entry] = []
        entries.reserveCapacity(table.count)
        // At least a record of a channel that is not in the table: see `SenMLEncoder`.
        var longest = 64
        for channel in table.channels {
            let good = Self.valuePart(channel, suffix: "", into: &buffer)
            let uncertain = Self.valuePart(channel, suffix: "/uncertain", into: &buffer)
            let bad = Self.badPart(channel, into: &buffer)
            entries.append(Entry(good: good, uncertain: uncertain, bad: bad, scale: channel.scale))
            let number = ByteCursor.decimalBytes + Int(channel.scale.magnitude)
            longest = max(
                longest, Int(uncertain.count) + number + Self.whyBytes, Int(bad.count) + Self.longestReason + 1)
        }
        bytes = buffer.bytes
        self.entries = entries
        recordBytes = longest + Self.timeBytes
        configHash = table.configHash
    }

    /// `,"t":` and a time and the closing brace.
    private static let timeBytes = 5 + ByteCursor.secondsBytes + 1

    /// `,"why":"` and a reason and the closing mark.
    private static let whyBytes = 8 + longestReason + 1

    private static let longestReason = Quality.allCases.map(\.reason.utf8.count).max() ?? 0

    private static func valuePart(_ channel: Channel, suffix: StaticString, into buffer: inout PayloadBuffer) -> Part {
        let start = buffer.count
        buffer.append(",{\"n\":\"")
        buffer.append(escaped: channel.name)
        buffer.append(suffix)
        // A record without a unit is legal (RFC 8428 section 4.5.2); one with an empty unit says nothing.
        if !channel.unit.isEmpty {
            buffer.append("\",\"u\":\"")
            buffer.append(escaped: channel.unit)
        }
        buffer.append("\",\"v\":")
        return Part(offset: Int32(start), count: Int32(buffer.count - start))
    }

    private static func badPart(_ channel: Channel, into buffer: inout PayloadBuffer) -> Part {
        let start = buffer.count
        buffer.append(",{\"n\":\"")
        buffer.append(escaped: channel.name)
        buffer.append("/bad\",\"vs\":\"")
        return Part(offset: Int32(start), count: Int32(buffer.count - start))
    }
}
