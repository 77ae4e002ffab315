// The rule that a time zone follows after the last change its file lists, for ever: `CET-1CEST,M3.5.0,M10.5.0/3`.
//
// POSIX.1-2017 section 8.3 (TZ), with what RFC 8536 section 3.3.1 adds: hours of a change from -167 to 167, names in
// angle brackets with digits and signs. Anything else is refused, at its byte. A rule with summer time names both its
// changes: the default that POSIX leaves to the system never stands in a file.

struct FooterRule: Equatable, Sendable {
    /// Seconds east of Greenwich. (POSIX writes them west: `CET-1`.)
    var standard: Int64
    var summer: Summer?

    struct Summer: Equatable, Sendable {
        var offset: Int64
        /// In standard time.
        var begin: Change
        /// In summer time.
        var end: Change
    }

    /// A moment of every year, in the local time before it.
    struct Change: Equatable, Sendable {
        enum Day: Equatable, Sendable {
            /// `Jn`: 1 to 365, the leap day never counted.
            case notCountingLeapDay(Int)
            /// `n`: 0 to 365, the leap day counted.
            case countingLeapDay(Int)
            /// `Mm.w.d`: weekday 0 (Sunday) to 6; week 5 is the last one.
            case weekday(month: Int, week: Int, weekday: Int)
        }
        var day: Day
        var seconds: Int64

        /// Local seconds since 1970 of the change in this year.
        func localSecond(in year: Int64) -> Int64 {
            let newYear = LocalDay.days(year: year, month: 1, day: 1)
            let days: Int64
            switch day {
            case .notCountingLeapDay(let number):
                days = newYear + Int64(number) - 1 + (LocalDay.isLeap(year) && number >= 60 ? 1 : 0)
            case .countingLeapDay(let number): days = newYear + Int64(number)
            case .weekday(let month, let week, let weekday):
                let first = LocalDay(daysSince1970: LocalDay.days(year: year, month: month, day: 1))
                // Days from the first of the month to its first such weekday.
                let ahead = (weekday - first.weekday % 7 + 7) % 7
                var day = 1 + ahead + (week - 1) * 7
                if day > LocalDay.daysInMonth(month, of: year) { day -= 7 }
                days = first.daysSince1970 + Int64(day) - 1
            }
            return days * 86_400 + seconds
        }
    }

    /// What is in force, and since and until when; nil: for ever.
    func period(at utcSecond: Int64) -> (offset: Int64, since: Int64?, until: Int64?) {
        guard let summer else { return (standard, nil, nil) }
        let year = LocalDay(daysSince1970: floorDivision(utcSecond + standard, by: 86_400)).year
        var since = Int64.min, until = Int64.max
        var offset = standard
        // The years around, because a change may be moved a week from its day. Where summer begins as it ends (the
        // way to write "always summer"), it goes on: the beginning is looked at last.
        for year in year - 2...year + 2 {
            let end = summer.end.localSecond(in: year) - summer.offset
            let begin = summer.begin.localSecond(in: year) - standard
            if end <= utcSecond, end > since { (since, offset) = (end, standard) }
            if begin <= utcSecond, begin >= since { (since, offset) = (begin, summer.offset) }
            if end > utcSecond { until = min(until, end) }
            if begin > utcSecond { until = min(until, begin) }
        }
        return (offset, since, until)
    }
}

extension FooterRule {
    /// - Parameter place: where the text begins in its file, for errors.
    init(_ text: ArraySlice<UInt8>, place: Int) throws(ZoneFileError) {
        var reader = FooterReader(rest: text, begin: text.startIndex, place: place)
        try reader.name()
        standard = -(try reader.time(hours: 24))
        guard !reader.rest.isEmpty else { return }
        try reader.name()
        let offset = reader.rest.first == 0x2C ? standard + 3_600 : -(try reader.time(hours: 24))
        try reader.comma()
        let begin = try reader.change()
        try reader.comma()
        let end = try reader.change()
        guard reader.rest.isEmpty else { throw reader.error("the end of the rule") }
        summer = Summer(offset: offset, begin: begin, end: end)
    }
}

private struct FooterReader {
    var rest: ArraySlice<UInt8>
    var begin: Int
    var place: Int

    func error(_ expected: String) -> ZoneFileError {
        let found = String(decoding: rest.prefix(12).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
        return ZoneFileError(
            byte: place + rest.startIndex - begin, found: rest.isEmpty ? "its end" : "`\(found)`",
            expected: expected + " in the rule at the end")
    }

    /// `CET` or `<+0530>`.
    mutating func name() throws(ZoneFileError) {
        let isQuoted = rest.first == 0x3C
        if isQuoted { rest.removeFirst() }
        var count = 0
        while let byte = rest.first, Self.isLetter(byte) || isQuoted && Self.isDigitOrSign(byte), count < 16 {
            rest.removeFirst()
            count += 1
        }
        guard count >= 3 else { throw error("the name of a time, 3 letters or more") }
        if isQuoted {
            guard rest.first == 0x3E else { throw error("`>`") }
            rest.removeFirst()
        }
    }

    /// `[+-]h[h[h]][:mm[:ss]]` in seconds.
    mutating func time(hours limit: Int64) throws(ZoneFileError) -> Int64 {
        var sign: Int64 = 1
        if let first = rest.first, first == 0x2B || first == 0x2D {
            sign = first == 0x2D ? -1 : 1
            rest.removeFirst()
        }
        var seconds = try number(0...limit) * 3_600
        for unit in [60, 1] as [Int64] {
            guard rest.first == 0x3A else { break }
            rest.removeFirst()
            seconds += try number(0...59) * unit
        }
        return sign * seconds
    }

    mutating func change() throws(ZoneFileError) -> FooterRule.Change {
        let day: FooterRule.Change.Day
        switch rest.first {
        case 0x4A:  // J
            rest.removeFirst()
            day = .notCountingLeapDay(Int(try number(1...365)))
        case 0x4D:  // M
            rest.removeFirst()
            let month = Int(try number(1...12))
            try point()
            let week = Int(try number(1...5))
            try point()
            day = .weekday(month: month, week: week, weekday: Int(try number(0...6)))
        default: day = .countingLeapDay(Int(try number(0...365)))
        }
        guard rest.first == 0x2F else { return FooterRule.Change(day: day, seconds: 7_200) }
        rest.removeFirst()
        return FooterRule.Change(day: day, seconds: try time(hours: 167))
    }

    mutating func comma() throws(ZoneFileError) {
        guard rest.first == 0x2C else { throw error("`,`") }
        rest.removeFirst()
    }

    private mutating func point() throws(ZoneFileError) {
        guard rest.first == 0x2E else { throw error("`.`") }
        rest.removeFirst()
    }

    private mutating func number(_ range: ClosedRange<Int64>) throws(ZoneFileError) -> Int64 {
        let start = self
        var value: Int64 = 0
        var count = 0
        while let byte = rest.first, (0x30...0x39).contains(byte), count < 3 {
            value = value * 10 + Int64(byte - 0x30)
            rest.removeFirst()
            count += 1
        }
        guard count > 0, range.contains(value) else {
            throw start.error("a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
    private static func isDigitOrSign(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == 0x2B || byte == 0x2D
    }
}
