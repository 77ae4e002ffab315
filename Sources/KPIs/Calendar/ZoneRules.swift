// What a clock on the wall shows somewhere, as seconds east of Greenwich for every moment: the content of one file of
// the tz database (TZif, RFC 8536).
//
// Promises: the same answer on every machine, from the file's bytes alone; a look-up is a binary search and allocates
// nothing; a damaged file is refused at its byte and never traps; nothing is kept but what look-ups need. Moments are
// POSIX seconds (no leap seconds). Before the first change the file's first type holds, after the last one its rule.

import World

/// Why a file of the tz database is refused.
public struct ZoneFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the file, from 0.
    public var byte: Int
    public var found: String
    public var expected: String

    public init(byte: Int, found: String, expected: String) {
        self.byte = byte
        self.found = found
        self.expected = expected
    }

    public var description: String { "byte \(byte): found \(found); expected \(expected)" }
}

public struct ZoneRules: Equatable, Sendable {
    /// What a file may cost. The largest real one has 4 KB and 250 changes.
    public enum Limits {
        public static let fileBytes = 65_536
        public static let changes = 4_096
        /// Seconds either way from 1970 for which look-ups are exact; what lies beyond is answered as the limit.
        public static let seconds: Int64 = 30_000_000_000_000
    }

    /// Moments at which the offset may change, ascending.
    var changes: [Int64]
    /// The offset from each change on.
    var offsets: [Int32]
    /// Before the first change.
    let initial: Int32
    /// From the last change on; nil: the last offset holds.
    let rule: FooterRule?

    /// No zone at all.
    public static let utc = ZoneRules(changes: [], offsets: [], initial: 0, rule: nil)

    /// Local time that is always as far ahead of UTC; |seconds| below 26 hours (RFC 8536 section 3.2).
    public static func fixed(offsetSeconds: Int32) -> ZoneRules {
        invariant(offsetSeconds.magnitude < 93_600, "no zone is \(offsetSeconds) s ahead of UTC")
        return ZoneRules(changes: [], offsets: [], initial: offsetSeconds, rule: nil)
    }

    init(changes: [Int64], offsets: [Int32], initial: Int32, rule: FooterRule?) {
        self.changes = changes
        self.offsets = offsets
        self.initial = initial
        self.rule = rule
    }

    // MARK: Look-ups

    /// Local minus universal time, seconds.
    public func offsetSeconds(at utcSecond: Int64) -> Int64 { period(at: utcSecond).offset }

    /// The offset in force, and the moment from which another rule holds (maybe with the same offset); nil: never.
    func period(at utcSecond: Int64) -> (offset: Int64, until: Int64?) {
        let moment = Self.clamped(utcSecond)
        let passed = count(upTo: moment)
        if passed == changes.count, let rule {
            let period = rule.period(at: moment)
            return (period.offset, period.until)
        }
        let offset = passed == 0 ? initial : offsets[passed - 1]
        return (Int64(offset), passed < changes.count ? changes[passed] : nil)
    }

    /// How many changes have happened at this moment.
    private func count(upTo moment: Int64) -> Int {
        var low = 0, high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= moment { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func clamped(_ second: Int64) -> Int64 { min(max(second, -Limits.seconds), Limits.seconds) }

    /// The date on the wall.
    public func localDay(at utcSecond: Int64) -> LocalDay {
        let moment = Self.clamped(utcSecond)
        return LocalDay(daysSince1970: floorDivision(moment + offsetSeconds(at: moment), by: 86_400))
    }

    /// The time on the wall, seconds since it showed (or would have shown) midnight: 0 to 86,399.
    public func localSecondOfDay(at utcSecond: Int64) -> Int64 {
        let local = Self.clamped(utcSecond) + offsetSeconds(at: utcSecond)
        return local - floorDivision(local, by: 86_400) * 86_400
    }

    /// The offsets that hold during a local day, with the moments between which they do: each piece is a run of
    /// universal seconds whose local date is this one. Almost always one piece; two when the clocks change; none when
    /// the zone skipped the day (Samoa, 2011-12-30).
    func forEachPiece(of day: LocalDay, _ body: (_ piece: Range<Int64>, _ offset: Int64) -> Void) {
        let midnight = day.daysSince1970 * 86_400
        // No offset is larger (RFC 8536 section 3.2: utoff).
        var moment = Self.clamped(midnight - 93_600)
        let end = Self.clamped(midnight + 86_400 + 93_600)
        while moment < end {
            let (offset, until) = period(at: moment)
            let next = min(until ?? end, end)
            let first = max(moment, midnight - offset), last = min(next, midnight + 86_400 - offset)
            if first < last { body(first..<last, offset) }
            moment = next
        }
    }

    /// From the first second of a local day to behind its last one. Empty when the zone skipped the day, at the moment
    /// where it would have been.
    public func interval(of day: LocalDay) -> Range<Int64> {
        var first: Int64?, last: Int64 = 0
        forEachPiece(of: day) { piece, _ in
            if first == nil { first = piece.lowerBound }
            last = piece.upperBound
        }
        if let first { return first..<last }
        var later = Int64.max
        // Offsets lie less than 51 hours apart.
        for days in Int64(1)...3 {
            forEachPiece(of: day.advanced(byDays: days)) { piece, _ in later = min(later, piece.lowerBound) }
        }
        return later..<later
    }

    /// 86,400, but for days on which the clocks change: 82,800 or 90,000 mostly. Counted by the date on the wall: where
    /// a clock went back over midnight, its second 23rd hour belongs to the day before.
    public func secondsOfLocalDay(_ day: LocalDay) -> Int64 {
        var seconds: Int64 = 0
        forEachPiece(of: day) { piece, _ in seconds += piece.upperBound - piece.lowerBound }
        return seconds
    }

    /// Whether the offset is, from this moment on, ever not a whole hour: then windows of an hour in universal time
    /// begin within an hour of local time.
    public func hasQuarterOffsets(after utcSecond: Int64) -> Bool {
        let passed = count(upTo: Self.clamped(utcSecond))
        if offsetSeconds(at: utcSecond) % 3_600 != 0 { return true }
        if offsets[passed...].contains(where: { $0 % 3_600 != 0 }) { return true }
        guard let rule else { return false }
        return rule.standard % 3_600 != 0 || (rule.summer?.offset ?? 0) % 3_600 != 0
    }
}
