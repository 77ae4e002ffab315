// The platform's join of day sheets, in any order and as often as they like, and its one question: was that day
// complete?
//
// A day of a node is complete when every second of it is accounted for (a stream was at work, or the power is switched
// and was off), every channel with a period was read that often (less one reading a stream and configuration, for the
// phase), nothing was lost on the way, and every sheet is final. A stream that was cut off never gives its last word:
// once a later one has begun on that day or after, its sheet counts as it stands, and the seconds that it misses show.

public struct DaySheetSet: Sendable {
    public struct Key: Hashable, Sendable {
        public var node: String
        public var day: Int64
        public var stream: UInt64
        public var config: String
        public var part: Int64
    }

    public enum Verdict: Equatable, Sendable {
        case complete
        /// What is missing, in words.
        case incomplete([String])
        /// The day is not over, or its last word has not come.
        case open
        /// No sheet of that day.
        case unknown
    }

    public private(set) var sheets: [Key: DaySheet] = [:]
    /// Keys of which two contents came under one revision.
    public private(set) var conflicts: Set<Key> = []

    public init() {}

    public mutating func add(_ sheet: DaySheet, node: String, stream: UInt64) {
        let key = Key(
            node: node, day: sheet.day, stream: sheet.ofStream ?? stream, config: sheet.config, part: sheet.part)
        guard let known = sheets[key] else {
            sheets[key] = sheet
            return
        }
        if sheet.revision == known.revision, sheet.contentHash != known.contentHash {
            conflicts.insert(key)
            // Whichever came first, the same one stays.
            if sheet.contentHash < known.contentHash { sheets[key] = sheet }
        } else if sheet.revision > known.revision {
            conflicts.remove(key)
            sheets[key] = sheet
        }
    }

    public mutating func add(_ message: DaySheet.Message) {
        for sheet in message.sheets { add(sheet, node: message.node, stream: message.stream) }
    }

    public mutating func join(_ other: DaySheetSet) {
        for (key, sheet) in other.sheets { add(sheet, node: key.node, stream: key.stream) }
    }

    public var nodes: [String] { Set(sheets.keys.map(\.node)).sorted() }

    /// Days of which a node has sheets, oldest first.
    public func days(of node: String) -> [Int64] { Set(sheets.keys.filter { $0.node == node }.map(\.day)).sorted() }

    /// All sheets of a node's day: oldest stream first, as far as that shows, then by part.
    public func sheets(of node: String, day: Int64) -> [(key: Key, sheet: DaySheet)] {
        sheets.filter { $0.key.node == node && $0.key.day == day }.map { (key: $0.key, sheet: $0.value) }
            .sorted { Self.order($0) < Self.order($1) }
    }

    private static func order(_ entry: (key: Key, sheet: DaySheet)) -> (Int64, UInt64, String, Int64) {
        (entry.sheet.fromSecond, entry.key.stream, entry.key.config, entry.key.part)
    }

    /// The day's counts of each channel, all streams and configurations added, in order of the names.
    public func totals(of node: String, day: Int64) -> [DaySheet.Channel] {
        var totals: [String: DaySheet.Channel] = [:]
        for (_, sheet) in sheets(of: node, day: day) {
            for channel in sheet.channels {
                if let known = totals[channel.name] {
                    totals[channel.name] = known.adding(channel)
                } else {
                    totals[channel.name] = channel
                }
            }
        }
        return totals.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    public func verdict(of node: String, day: Int64) -> Verdict {
        let found = sheets(of: node, day: day)
        guard !found.isEmpty else { return .unknown }
        let others = sheets.filter { $0.key.node == node }
        for (key, sheet) in found where !sheet.isFinal {
            let isFollowed = others.contains { other in
                (other.key.stream != key.stream || other.key.config != key.config)
                    && (other.key.day, other.value.fromSecond) > (key.day, sheet.fromSecond)
            }
            guard isFollowed else { return .open }
        }
        var reasons: [String] = []
        for (key, sheet) in found where key.part == 1 {
            let parts = found.filter { $0.key.stream == key.stream && $0.key.config == key.config }.count
            if parts < sheet.parts { reasons.append("\(Int(sheet.parts) - parts) parts of \(sheet.parts) missing") }
        }
        let days = found.filter { $0.key.part == 1 }.map(\.sheet)
        var covered = days.map { (from: $0.fromSecond, to: $0.toSecond) }.filter { $0.from < $0.to }
        covered.sort { $0.from < $1.from }
        var reached: Int64 = 0, atWork: Int64 = 0
        for span in covered where span.to > reached {
            atWork += span.to - max(span.from, reached)
            reached = span.to
        }
        let off = days.reduce(0) { $0 + $1.offSeconds }, dark = days.reduce(0) { $0 + $1.darkSeconds }
        if dark > 0 { reasons.append("\(dark) s without power") }
        let missing = 86_400 - atWork - off - dark
        if missing > 0 { reasons.append("\(missing) s in which nothing was at work") }
        for channel in totals(of: node, day: day) {
            if let expected = channel.expected, channel.taken + Int64(covered.count) < expected {
                reasons.append("\(channel.name): \(channel.taken) of \(expected) taken")
            }
            for (count, what) in [
                (channel.lost, "lost"), (channel.unseen, "not counted"), (channel.tombstoned, "given up"),
            ] where count > 0 { reasons.append("\(channel.name): \(count) \(what)") }
        }
        let strays = days.reduce(0) { $0 + $1.stray }
        if strays > 0 { reasons.append("\(strays) readings of other days") }
        return reasons.isEmpty ? .complete : .incomplete(reasons)
    }
}

extension DaySheet.Channel {
    func adding(_ other: DaySheet.Channel) -> DaySheet.Channel {
        var sum = self
        if expected != nil || other.expected != nil { sum.expected = (expected ?? 0) + (other.expected ?? 0) }
        sum.good += other.good
        sum.uncertain += other.uncertain
        sum.lost += other.lost
        sum.unseen += other.unseen
        sum.tombstoned += other.tombstoned
        for reason in other.bad {
            if let place = sum.bad.firstIndex(where: { $0.name == reason.name }) {
                sum.bad[place].count += reason.count
            } else {
                sum.bad.append(reason)
            }
        }
        sum.bad.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return sum
    }
}
