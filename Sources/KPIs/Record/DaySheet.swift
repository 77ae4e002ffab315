// A day sheet: what one stream of a node knows of one UTC day, counted; so that "was yesterday complete?" is one query.
//
// One item of the `contributions` lane:
//
//     {"kind":"day_sheet","channels":{"air.humidity":8640,"air.temperature":{"bad":{"no_acknowledge":3},
//      "expected":8640,"good":8630,"taken":8638,"uncertain":5}},"clock_steps":0,"config":"9c1e04d2","dark_s":0,
//      "day":"2026-11-20","final":true,"from_s":0,"h":"0f3a…16 hex digits","lanes":{"contributions":[12,180],
//      "readings":[4711,91110]},"off_s":0,"part":[1,1],"rev":86430250,"to_s":86400}
//
// - Key: node, stream, config, day, part. The highest `rev` wins; it is the boottime in milliseconds at which the sheet
//   was given. Sheets of several streams, and of several configurations of one stream, add. A channel is always in the
//   same part: a sheet of many channels comes in parts of 64, each saying the day's own numbers again.
// - `from_s` to `to_s`: the seconds of the day in which the stream was at work, as far as it is counted here. `dark_s`:
//   seconds before the stream began in which the node was without power, from the last sign of life of the boot
//   before; `off_s` the same of a node whose power is switched, where it is expected. `clock_steps`: how often the
//   clock was set.
// - A channel is one number when there is nothing to say: expected, taken and good all were that many. Otherwise an
//   object, in which what is absent is 0: `expected` (by its period; absent: it has none), `taken` = `good` +
//   `uncertain` + `bad` (by reason) + `lost` (not in any batch: the ring was full) + `unseen` (in batches that were not
//   kept until they could be counted; the numbers tell whether they came). `tombstoned`: so many of them were given up
//   later, as far as they were told while the day was at hand; other tombstones are joined by their numbers.
// - `lanes`: first and last number of the batches of this stream that carry the day: of readings by the time of their
//   readings, of the other lanes by the time of their sealing.
// - `stray` (seldom): readings of days that had been closed when the clock was set back, counted here.
// - `final`: the day is over, and all its batches are counted. A later tombstone still revises a final sheet.
// - `stream` (seldom): the stream that the sheet belongs to, when it is not the message's.
// - Canonical like a contribution: names sorted, `h` FNV-1a of the object without `h`, `kind`, `stream` and `t`.

public struct DaySheet: Equatable, Sendable {
    /// Longest item, bytes.
    public static let longest = 64 << 10
    /// Channels of one part.
    public static let channelsPerPart = 64
    public static let partsMax = 1_024 / channelsPerPart

    public struct Reason: Equatable, Sendable {
        public var name: String
        public var count: Int64

        public init(_ name: String, _ count: Int64) {
            self.name = name
            self.count = count
        }
    }

    public struct Channel: Equatable, Sendable {
        public var name: String
        /// By the channel's period; nil: it has none.
        public var expected: Int64?
        public var good: Int64 = 0
        public var uncertain: Int64 = 0
        /// In order of their names, none zero.
        public var bad: [Reason] = []
        public var lost: Int64 = 0
        public var unseen: Int64 = 0
        public var tombstoned: Int64 = 0

        public init(name: String, expected: Int64? = nil) {
            self.name = name
            self.expected = expected
        }

        public var badCount: Int64 { bad.reduce(0) { $0 &+ $1.count } }
        /// In batches that were counted.
        public var counted: Int64 { good &+ uncertain &+ badCount }
        public var taken: Int64 { counted &+ lost &+ unseen }

        /// Said by one number.
        var isPlain: Bool { expected == good && taken == good && tombstoned == 0 }
    }

    /// Both ends included.
    public struct Numbers: Equatable, Sendable {
        public var lane: String
        public var first: UInt64
        public var last: UInt64

        public init(_ lane: String, _ first: UInt64, _ last: UInt64) {
            self.lane = lane
            self.first = first
            self.last = last
        }
    }

    /// Days since 1970-01-01.
    public var day: Int64
    /// From 1.
    public var part: Int64 = 1
    public var parts: Int64 = 1
    public var config: String
    public var revision: UInt64
    public var isFinal: Bool
    public var fromSecond: Int64
    public var toSecond: Int64
    public var darkSeconds: Int64 = 0
    public var offSeconds: Int64 = 0
    public var clockSteps: Int64 = 0
    public var stray: Int64 = 0
    /// In order of the lanes' names.
    public var lanes: [Numbers] = []
    /// In order of their names' bytes.
    public var channels: [Channel] = []
    /// Nil: of the stream that the message names.
    public var ofStream: UInt64?

    public init(
        day: Int64, config: String, revision: UInt64, isFinal: Bool, fromSecond: Int64 = 0, toSecond: Int64 = 0
    ) {
        self.day = day
        self.config = config
        self.revision = revision
        self.isFinal = isFinal
        self.fromSecond = fromSecond
        self.toSecond = toSecond
    }

    /// `2026-11-20`
    public var date: String { Self.date(day) }

    // MARK: Encoding

    /// Appends the item without its braces, beginning with `kind`: as an outbox lane keeps it.
    public func encodeBody(into bytes: inout [UInt8]) {
        var canonical = CanonicalWriter()
        let place = writeMembers(into: &canonical)
        bytes.append(contentsOf: #""kind":"day_sheet","#.utf8)
        if let ofStream {
            bytes.append(contentsOf: #""stream":""#.utf8)
            appendHexadecimal(ofStream, to: &bytes)
            bytes.append(contentsOf: #"","#.utf8)
        }
        bytes.append(contentsOf: canonical.bytes[1..<place])
        bytes.append(contentsOf: #","h":""#.utf8)
        appendHexadecimal(fnv1a(canonical.bytes), to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: canonical.bytes[place..<canonical.bytes.count - 1])
    }

    /// What `h` says.
    public var contentHash: UInt64 {
        var canonical = CanonicalWriter()
        _ = writeMembers(into: &canonical)
        return fnv1a(canonical.bytes)
    }

    /// Writes the canonical object without `h` and `kind`; returns where `h` belongs.
    private func writeMembers(into writer: inout CanonicalWriter) -> Int {
        var place = 0
        writer.object { object in
            object.object("channels") { object in
                for channel in channels {
                    if channel.isPlain {
                        object.integer(channel.name, channel.good)
                    } else {
                        object.object(channel.name) { channel.write(into: &$0) }
                    }
                }
            }
            object.integer("clock_steps", clockSteps)
            object.text("config", config)
            object.integer("dark_s", darkSeconds)
            object.text("day", date)
            object.flag("final", isFinal)
            object.integer("from_s", fromSecond)
            place = object.bytes.count
            object.object("lanes") { object in
                for numbers in lanes {
                    object.integers(numbers.lane, [Int64(clamping: numbers.first), Int64(clamping: numbers.last)])
                }
            }
            object.integer("off_s", offSeconds)
            object.integers("part", [part, parts])
            object.unsigned("rev", revision)
            if stray != 0 { object.integer("stray", stray) }
            object.integer("to_s", toSecond)
        }
        return place
    }
}

extension DaySheet.Channel {
    fileprivate func write(into object: inout CanonicalWriter) {
        if !bad.isEmpty {
            object.object("bad") { object in for reason in bad { object.integer(reason.name, reason.count) } }
        }
        if let expected { object.integer("expected", expected) }
        let counts: [(String, Int64)] = [
            ("good", good), ("lost", lost), ("taken", taken), ("tombstoned", tombstoned), ("uncertain", uncertain),
            ("unseen", unseen),
        ]
        for (name, count) in counts where count != 0 { object.integer(name, count) }
    }
}

extension DaySheet {
    /// The civil date of a day since 1970 (Gregorian calendar; after Hinnant, "chrono-compatible low-level date
    /// algorithms").
    public static func date(_ day: Int64) -> String {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let civilMonth = month < 10 ? month + 3 : month - 9
        let civilYear = year + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return padded(civilYear, 4) + "-" + padded(civilMonth, 2) + "-" + padded(ofYear - (153 * month + 2) / 5 + 1, 2)
    }

    /// Nil when it is no date of that form.
    public static func day(_ date: String) -> Int64? {
        let bytes = Array(date.utf8)
        guard bytes.count == 10, bytes[4] == 0x2D, bytes[7] == 0x2D else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }
        guard let civilYear = number(0..<4), let month = number(5..<7), let ofMonth = number(8..<10),
            (1...12).contains(month), (1...31).contains(ofMonth), civilYear >= 1970
        else { return nil }
        let year = month <= 2 ? civilYear - 1 : civilYear
        let era = year / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + ofMonth - 1
        let day = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
        return self.date(day) == date ? day : nil
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
