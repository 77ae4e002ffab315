// Coverage and mark of a contribution from a stranger.

struct CoverageFields {
    private var expected: Int64?
    private var valid: Int64?
    private var from: Int64?
    private var to: Int64?
    private var flags: [FlaggedSeconds]?

    init() {}

    init(from reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "exp_s": expected = try reader.integer()
            case "valid_s": valid = try reader.integer()
            case "from_s": from = try reader.integer()
            case "to_s": to = try reader.integer()
            case "flags":
                // Reasons may be added: unknown ones are kept by their names.
                var found: [FlaggedSeconds] = []
                try reader.object { reader, name throws(ContributionFault) in
                    let seconds = try reader.integer()
                    guard found.count < 32, (1...32).contains(name.utf8.count), (1...Int64(Int32.max)).contains(seconds)
                    else { throw .outOfRange(member: "cov.flags.\(name)") }
                    found.append(FlaggedSeconds(name: name, seconds: seconds))
                }
                flags = found.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            default: throw .unknown(member: "cov.\(name)")
            }
        }
    }

    func coverage(windowSeconds: Int64, isUsualLeftOut: Bool) throws(ContributionFault) -> Coverage {
        if !isUsualLeftOut {
            _ = try (present(expected, "cov.exp_s"), present(valid, "cov.valid_s"))
            _ = try (present(from, "cov.from_s"), present(to, "cov.to_s"), present(flags, "cov.flags"))
        }
        let expected = expected ?? windowSeconds
        guard (0...windowSeconds).contains(expected) else { throw .outOfRange(member: "cov.exp_s") }
        let from = from ?? 0
        let to = to ?? expected
        // Both are places in the window, of which a cell that was merged of withheld ones may know but parts.
        guard from >= 0, to <= windowSeconds, from <= to else { throw .outOfRange(member: "cov.from_s") }
        let valid = valid ?? to - from
        guard (0...min(to - from, expected)).contains(valid) else { throw .outOfRange(member: "cov.valid_s") }
        return Coverage(
            expectedSeconds: expected, validSeconds: valid, fromSecond: from, toSecond: to, flags: flags ?? [])
    }
}

extension FoldMark {
    /// Numbers in `tail` at most.
    static let longestTail = 16

    init(from reader: inout JSONReader) throws(ContributionFault) {
        var at: Int64?
        var ordinal: UInt64?
        var line: Int64?
        var lineAt: Int64?
        var earliest: Int64?
        var latest: Int64?
        var value: Int64?
        var tail: [Int64] = []
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "at_us": at = try reader.microseconds("mark.at_us")
            case "n": ordinal = try reader.unsigned()
            case "line": line = try reader.integer()
            case "line_us": lineAt = try reader.microseconds("mark.line_us")
            case "open_low_us": earliest = try reader.microseconds("mark.open_low_us")
            case "open_us": latest = try reader.microseconds("mark.open_us")
            case "v": value = try reader.integer()
            case "tail":
                try reader.array { reader throws(ContributionFault) in
                    guard tail.count < Self.longestTail else { throw .outOfRange(member: "mark.tail") }
                    tail.append(try reader.integer())
                }
                guard !tail.isEmpty else { throw .outOfRange(member: "mark.tail") }
            default: throw .unknown(member: "mark.\(name)")
            }
        }
        self.init()
        self.tail = tail
        guard (at == nil) == (ordinal == nil), line == nil || at != nil, lineAt == nil || line != nil,
            value == nil || at != nil
        else { throw .missing("mark.n") }
        guard line == nil || line == 0 || line == 1 else { throw .outOfRange(member: "mark.line") }
        if let at, let ordinal {
            last = LastReading(
                atMicroseconds: at, ordinal: ordinal, isPresent: line.map { $0 == 1 }, lineMicroseconds: lineAt,
                value: value)
        }
        guard (earliest == nil) == (latest == nil) else { throw .missing("mark.open_us") }
        if let earliest, let latest {
            guard earliest <= latest else { throw .outOfRange(member: "mark.open_us") }
            open = OpenOutage(earliestMicroseconds: earliest, latestMicroseconds: latest)
        }
    }
}

extension JSONReader {
    fileprivate mutating func microseconds(_ member: String) throws(ContributionFault) -> Int64 {
        let value = try integer()
        // Nanoseconds must fit: years 1970 to 2262.
        guard (0...9_223_372_036_854_775).contains(value) else { throw .outOfRange(member: member) }
        return value
    }
}
