// The platform's way in for day sheets: strict like that of contributions. What is not known is refused.

extension DaySheet {
    /// One message of the `contributions` lane, as far as it carries day sheets.
    public struct Message: Equatable, Sendable {
        public var node: String
        public var stream: UInt64
        public var sheets: [DaySheet]
        /// Sheets that were refused, and why.
        public var refused: [ContributionFault]
    }

    /// The day sheets of a message; items of other kinds are passed over.
    public static func sheets(in bytes: [UInt8]) throws(ContributionFault) -> Message {
        guard bytes.count <= ContributionBatch.longest else {
            throw .tooLong(bytes: bytes.count, limit: ContributionBatch.longest)
        }
        var node: String?
        var stream: UInt64?
        var version: Int64?
        var places: [Range<Int>] = []
        var reader = JSONReader(bytes)
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "v": version = try reader.integer()
            case "node": node = try reader.string()
            case "stream": stream = try reader.hexadecimal("stream")
            case "items": try reader.array { reader throws(ContributionFault) in places.append(try reader.skip()) }
            default: try reader.skip()
            }
        }
        try reader.finish()
        guard version == 1 else { throw .unknownVersion(version ?? 0) }
        guard let node else { throw .missing("node") }
        guard let stream else { throw .missing("stream") }
        var message = Message(node: node, stream: stream, sheets: [], refused: [])
        for place in places {
            do throws(ContributionFault) { message.sheets.append(try parse(bytes, in: place)) } catch {
                if case .otherKind = error { continue }
                message.refused.append(error)
            }
        }
        return message
    }

    /// Parses one item of the lane (with or without its `t`), members in any order.
    public static func parse(_ bytes: [UInt8]) throws(ContributionFault) -> DaySheet {
        try parse(bytes, in: bytes.indices)
    }

    static func parse(_ bytes: [UInt8], in range: Range<Int>) throws(ContributionFault) -> DaySheet {
        guard range.count <= longest else { throw .tooLong(bytes: range.count, limit: longest) }
        var fields = Fields()
        // An item of another kind may have members of any form: its kind is looked at first.
        var kind = ""
        var looking = JSONReader(bytes, in: range)
        try looking.object { reader, name throws(ContributionFault) in
            if name == "kind" { kind = try reader.string() } else { try reader.skip() }
        }
        try looking.finish()
        guard kind == "day_sheet" else { throw .otherKind(kind) }
        var reader = JSONReader(bytes, in: range)
        try reader.object { reader, name throws(ContributionFault) in try fields.take(name, from: &reader) }
        return try fields.sheet()
    }

    private struct Fields {
        var numbers: [String: Int64] = [:]
        var revision: UInt64?
        var day: Int64?
        var config: String?
        var isFinal: Bool?
        var hash: String?
        var part: [Int64] = []
        var lanes: [Numbers] = []
        var channels: [Channel] = []
        var stream: UInt64?

        mutating func take(_ name: String, from reader: inout JSONReader) throws(ContributionFault) {
            switch name {
            case "t", "kind": try reader.skip()
            case "stream": stream = try reader.hexadecimal("stream")
            case "clock_steps", "dark_s", "off_s", "from_s", "to_s", "stray":
                let value = try reader.integer()
                guard (0...1 << 40).contains(value) else { throw .outOfRange(member: name) }
                numbers[name] = value
            case "rev": revision = try reader.unsigned()
            case "day": day = DaySheet.day(try reader.string())
            case "config": config = try reader.string()
            case "final": isFinal = try reader.flag()
            case "h": hash = try reader.string()
            case "part": part = try Self.integers(&reader)
            case "lanes":
                try reader.object { reader, lane throws(ContributionFault) in
                    let range = try Self.integers(&reader)
                    guard lanes.count < 8, range.count == 2, 1 <= range[0], range[0] <= range[1] else {
                        throw .outOfRange(member: "lanes.\(lane)")
                    }
                    lanes.append(Numbers(lane, UInt64(range[0]), UInt64(range[1])))
                }
            case "channels":
                try reader.object { reader, channel throws(ContributionFault) in
                    guard channels.count < DaySheet.channelsPerPart, (1...256).contains(channel.utf8.count) else {
                        throw .outOfRange(member: "channels.\(channel)")
                    }
                    channels.append(try Self.channel(channel, &reader))
                }
            default: throw .unknown(member: name)
            }
        }

        private static func integers(_ reader: inout JSONReader) throws(ContributionFault) -> [Int64] {
            var values: [Int64] = []
            try reader.array { reader throws(ContributionFault) in
                let value = try reader.integer()
                guard values.count < 2 else { throw .syntax(offset: reader.offset, expected: "two numbers") }
                values.append(value)
            }
            return values
        }

        private static func channel(
            _ name: String, _ reader: inout JSONReader
        ) throws(ContributionFault) -> Channel {
            var channel = Channel(name: name)
            guard reader.isAtObject else {
                channel.good = try count(&reader, name)
                channel.expected = channel.good
                return channel
            }
            var taken: Int64 = 0
            try reader.object { reader, member throws(ContributionFault) in
                switch member {
                case "expected": channel.expected = try count(&reader, member)
                case "good": channel.good = try count(&reader, member)
                case "uncertain": channel.uncertain = try count(&reader, member)
                case "lost": channel.lost = try count(&reader, member)
                case "unseen": channel.unseen = try count(&reader, member)
                case "tombstoned": channel.tombstoned = try count(&reader, member)
                case "taken": taken = try count(&reader, member)
                case "bad":
                    try reader.object { reader, reason throws(ContributionFault) in
                        guard channel.bad.count < 32, (1...32).contains(reason.utf8.count) else {
                            throw .outOfRange(member: "channels.\(name).bad")
                        }
                        channel.bad.append(Reason(reason, try count(&reader, reason)))
                    }
                default: throw .unknown(member: "channels.\(name).\(member)")
                }
            }
            channel.bad.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            guard taken == channel.taken else { throw .outOfRange(member: "channels.\(name).taken") }
            return channel
        }

        private static func count(_ reader: inout JSONReader, _ name: String) throws(ContributionFault) -> Int64 {
            let value = try reader.integer()
            guard (0...1 << 40).contains(value) else { throw .outOfRange(member: name) }
            return value
        }

        func sheet() throws(ContributionFault) -> DaySheet {
            guard let day else { throw .missing("day") }
            guard let config else { throw .missing("config") }
            guard let revision else { throw .missing("rev") }
            guard let isFinal else { throw .missing("final") }
            for name in ["clock_steps", "dark_s", "off_s", "from_s", "to_s"] where numbers[name] == nil {
                throw .missing(name)
            }
            let from = numbers["from_s"] ?? 0, to = numbers["to_s"] ?? 0
            guard from <= to, to <= 86_400 else { throw .outOfRange(member: "to_s") }
            guard part.count == 2, (1...Int64(DaySheet.partsMax)).contains(part[1]), (1...part[1]).contains(part[0])
            else { throw .outOfRange(member: "part") }
            var sheet = DaySheet(
                day: day, config: config, revision: revision, isFinal: isFinal, fromSecond: from, toSecond: to)
            sheet.part = part[0]
            sheet.parts = part[1]
            sheet.darkSeconds = numbers["dark_s"] ?? 0
            sheet.offSeconds = numbers["off_s"] ?? 0
            sheet.clockSteps = numbers["clock_steps"] ?? 0
            sheet.stray = numbers["stray"] ?? 0
            sheet.lanes = lanes.sorted { $0.lane.utf8.lexicographicallyPrecedes($1.lane.utf8) }
            sheet.channels = channels.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            sheet.ofStream = stream
            var digits: [UInt8] = []
            appendHexadecimal(sheet.contentHash, to: &digits)
            guard let hash, hash.utf8.elementsEqual(digits) else { throw .wrongHash }
            return sheet
        }
    }
}

extension JSONReader {
    /// The next value is an object.
    fileprivate var isAtObject: Bool {
        var look = self
        return (try? look.object { reader, _ throws(ContributionFault) in try reader.skip() }) != nil
    }
}
