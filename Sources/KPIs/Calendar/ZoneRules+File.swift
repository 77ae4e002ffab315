// Reading a file of the tz database: TZif, RFC 8536 (and RFC 9636, whose version 4 differs in leap seconds only).
//
//     header (44 bytes), data with 32-bit times          skipped, but for its length
//     header, data with 64-bit times, LF rule LF          read; nothing may stand behind
//
// All numbers are big-endian. Files with leap seconds ("right/...") are refused: readings carry POSIX time.

extension ZoneRules {
    public init(file bytes: [UInt8]) throws(ZoneFileError) {
        guard bytes.count <= Limits.fileBytes else {
            throw ZoneFileError(
                byte: Limits.fileBytes, found: "more bytes", expected: "at most \(Limits.fileBytes) bytes")
        }
        let old = try Header(bytes, at: 0)
        let header = try Header(bytes, at: Header.length + old.dataLength(timeBytes: 4))
        guard header.version == old.version else {
            throw ZoneFileError(
                byte: header.place + 4, found: "another version in the second header", expected: "the same twice")
        }
        guard header.leaps == 0 else {
            throw ZoneFileError(
                byte: header.place + 28, found: "a table of leap seconds",
                expected: "POSIX time, which has none (no file of the folder right/)")
        }
        let block = header.place + Header.length
        let footer = block + header.dataLength(timeBytes: 8)
        guard footer < bytes.count else { throw Self.ended(bytes, expected: "the data that the header counts") }

        let changes = try Self.changes(bytes, at: block, count: header.times)
        let indexes = block + header.times * 8
        let types = try Self.types(bytes, at: indexes + header.times, header)
        var offsets: [Int32] = []
        offsets.reserveCapacity(header.times)
        for place in indexes..<indexes + header.times {
            guard Int(bytes[place]) < types.count else {
                throw ZoneFileError(
                    byte: place, found: "type \(bytes[place])", expected: "one of the \(types.count) that follow")
            }
            offsets.append(types[Int(bytes[place])])
        }
        try Self.checkIndicators(bytes, header, footer: footer)
        let rule = try Self.rule(bytes, at: footer)
        if let rule, let last = changes.last {
            // RFC 8536 section 3.3: they must say the same about the last change.
            let found = rule.period(at: min(max(last, -Limits.seconds), Limits.seconds)).offset
            guard found == Int64(offsets[offsets.count - 1]) else {
                throw ZoneFileError(
                    byte: footer + 1, found: "a rule that gives \(found) s after the last change",
                    expected: "\(offsets[offsets.count - 1]) s, as the change itself does")
            }
        }
        self.init(changes: changes, offsets: offsets, initial: types[0], rule: rule)
        if let rule { writeOut(rule) }
    }

    /// Files may leave everything since 1996 to the rule. Written out to the end of the century, look-ups of our time
    /// are a search in a table; the answers are the same.
    private mutating func writeOut(_ rule: FooterRule) {
        let begin: Int64 = -2_208_988_800, end: Int64 = 4_102_444_800  // 1900, 2100
        guard rule.summer != nil, var moment = changes.last, moment >= begin else { return }
        while let next = rule.period(at: moment).until, next < end {
            changes.append(next)
            offsets.append(Int32(rule.period(at: next).offset))
            moment = next
        }
    }

    private struct Header {
        static let length = 44
        var place: Int
        var version: UInt8
        /// Counts, in the order of the file: UT/local and standard/wall indicators, leap seconds, changes, types,
        /// characters of names.
        var universals, standards, leaps, times, types, characters: Int

        init(_ bytes: [UInt8], at place: Int) throws(ZoneFileError) {
            self.place = place
            guard place + Self.length <= bytes.count else {
                throw ZoneRules.ended(bytes, expected: "a header of 44 bytes at byte \(place)")
            }
            guard bytes[place..<place + 4].elementsEqual("TZif".utf8) else {
                throw ZoneFileError(byte: place, found: "something else", expected: "`TZif`: a file of the tz database")
            }
            version = bytes[place + 4]
            guard (0x32...0x34).contains(version) else {
                throw ZoneFileError(
                    byte: place + 4, found: version == 0 ? "version 1, which ends in 2037" : "version byte \(version)",
                    expected: "version 2, 3 or 4")
            }
            var counts = [0, 0, 0, 0, 0, 0]
            for (number, limit) in [256, 256, 1_024, Limits.changes, 256, 4_096].enumerated() {
                let at = place + 20 + number * 4
                let count = ZoneRules.integer(bytes, at: at, bytes: 4)
                guard (0...Int64(limit)).contains(count) else {
                    throw ZoneFileError(byte: at, found: "a count of \(UInt32(truncatingIfNeeded: count))",
                        expected: "at most \(limit)")
                }
                counts[number] = Int(count)
            }
            universals = counts[0]
            standards = counts[1]
            leaps = counts[2]
            times = counts[3]
            types = counts[4]
            characters = counts[5]
            guard types > 0, characters > 0 else {
                throw ZoneFileError(byte: place + 36, found: "no type of time", expected: "one at least")
            }
            guard [0, types].contains(universals), [0, types].contains(standards) else {
                throw ZoneFileError(
                    byte: place + 20, found: "\(universals) and \(standards) indicators",
                    expected: "none, or one for each of the \(types) types")
            }
        }

        func dataLength(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standards + universals
        }
    }

    private static func changes(_ bytes: [UInt8], at block: Int, count: Int) throws(ZoneFileError) -> [Int64] {
        var changes: [Int64] = []
        changes.reserveCapacity(count)
        for number in 0..<count {
            let moment = integer(bytes, at: block + number * 8, bytes: 8)
            if let last = changes.last, moment <= last {
                throw ZoneFileError(
                    byte: block + number * 8, found: "a change that is not later than the one before",
                    expected: "changes in ascending order")
            }
            changes.append(moment)
        }
        return changes
    }

    /// The offset of each type.
    private static func types(_ bytes: [UInt8], at place: Int, _ header: Header) throws(ZoneFileError) -> [Int32] {
        var types: [Int32] = []
        for number in 0..<header.types {
            let at = place + number * 6
            let offset = integer(bytes, at: at, bytes: 4)
            // RFC 8536 section 3.2.
            guard (-89_999...93_599).contains(offset) else {
                throw ZoneFileError(byte: at, found: "an offset of \(offset) s", expected: "-89999 to 93599")
            }
            guard bytes[at + 4] <= 1 else {
                throw ZoneFileError(
                    byte: at + 4, found: "\(bytes[at + 4]) for summer time", expected: "0 or 1")
            }
            guard Int(bytes[at + 5]) < header.characters else {
                throw ZoneFileError(
                    byte: at + 5, found: "a name at \(bytes[at + 5])", expected: "less than \(header.characters)")
            }
            types.append(Int32(offset))
        }
        return types
    }

    /// Whether the file's author meant standard or universal time: not used, yet a damaged file may show here.
    private static func checkIndicators(_ bytes: [UInt8], _ header: Header, footer: Int) throws(ZoneFileError) {
        for place in footer - header.standards - header.universals..<footer where bytes[place] > 1 {
            throw ZoneFileError(byte: place, found: "indicator \(bytes[place])", expected: "0 or 1")
        }
        // Names end with a zero byte (RFC 8536 section 3.2: "NUL-terminated").
        let names = footer - header.standards - header.universals - header.leaps * 12
        guard bytes[names - 1] == 0 else {
            throw ZoneFileError(byte: names - 1, found: "\(bytes[names - 1])", expected: "0 behind the last name")
        }
    }

    private static func rule(_ bytes: [UInt8], at footer: Int) throws(ZoneFileError) -> FooterRule? {
        guard bytes[footer] == 0x0A else {
            throw ZoneFileError(byte: footer, found: "\(bytes[footer])", expected: "a line feed before the rule")
        }
        let text = bytes[(footer + 1)...]
        guard let end = text.firstIndex(of: 0x0A) else { throw ended(bytes, expected: "a line feed behind the rule") }
        guard end == bytes.count - 1 else {
            throw ZoneFileError(byte: end + 1, found: "more bytes", expected: "the end of the file")
        }
        return end == footer + 1 ? nil : try FooterRule(text[..<end], place: footer + 1)
    }

    /// Big-endian, two's complement.
    private static func integer(_ bytes: [UInt8], at place: Int, bytes count: Int) -> Int64 {
        var value: Int64 = bytes[place] >= 0x80 ? -1 : 0
        for byte in bytes[place..<place + count] { value = value << 8 | Int64(byte) }
        return value
    }

    private static func ended(_ bytes: [UInt8], expected: String) -> ZoneFileError {
        ZoneFileError(byte: bytes.count, found: "the end of the file", expected: expected)
    }
}
