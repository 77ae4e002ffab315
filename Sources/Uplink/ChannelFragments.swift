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
        var isWithheld: Bool
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
    /// Some of the channels are not published.
    public let withholds: Bool

    /// `withheld`: names of channels that are not published, nor what was made of them by thinning.
    public init(_ table: ChannelTable, withheld: Set<String> = []) {
        var buffer = PayloadBuffer(capacity: 96 * table.count)
        var entries: [Entry] = []
        entries.reserveCapacity(table.count)
        // At least a record of a channel that is not in the table: see `SenMLEncoder`.
        var longest = 64
        for channel in table.channels {
            let good = Self.valuePart(channel, suffix: "", into: &buffer)
            let uncertain = Self.valuePart(channel, suffix: "/uncertain", into: &buffer)
            let bad = Self.badPart(channel, into: &buffer)
            let isWithheld = !withheld.isEmpty && withheld.contains(Self.measured(channel.name))
            entries.append(
                Entry(good: good, uncertain: uncertain, bad: bad, scale: channel.scale, isWithheld: isWithheld))
            let number = ByteCursor.decimalBytes + Int(channel.scale.magnitude)
            longest = max(
                longest, Int(uncertain.count) + number + Self.whyBytes, Int(bad.count) + Self.longestReason + 1)
        }
        bytes = buffer.bytes
        self.entries = entries
        recordBytes = longest + Self.timeBytes
        configHash = table.configHash
        withholds = entries.contains { $0.isWithheld }
    }

    /// `air.temperature` of `air.temperature/mean`.
    private static func measured(_ name: String) -> String {
        guard let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")) else { return name }
        return String(name[..<slash])
    }

    /// Whether any of the readings is to be published.
    public func publishes(_ readings: UnsafeBufferPointer<Reading>) -> Bool {
        guard withholds else { return true }
        return firstPublished(readings) != nil || readings.isEmpty
    }

    func firstPublished(_ readings: UnsafeBufferPointer<Reading>) -> Reading? {
        guard withholds else { return readings.first }
        return readings.first {
            let index = Int($0.channel.rawValue)
            return index >= entries.count || !entries[index].isWithheld
        }
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
