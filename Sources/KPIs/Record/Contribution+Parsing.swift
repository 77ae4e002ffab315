// The platform's way in: bytes of a stranger to a contribution, or a reason why not.
//
// What is not known is refused, not skipped: an unknown member, state, unit or indicator could change what the number
// means. The hash is computed again from what was understood, so nothing that was understood differently passes.

extension Contribution {
    /// Longest item, bytes.
    public static let longest = 4_096

    /// Parses one item of the lane (with or without its `t`), members in any order.
    public static func parse(_ bytes: [UInt8]) throws(ContributionFault) -> Contribution {
        try parse(bytes, in: bytes.indices)
    }

    static func parse(_ bytes: [UInt8], in range: Range<Int>) throws(ContributionFault) -> Contribution {
        guard range.count <= longest else { throw .tooLong(bytes: range.count, limit: longest) }
        var fields = Fields()
        var reader = JSONReader(bytes, in: range)
        try reader.object { reader, name throws(ContributionFault) in try fields.take(name, from: &reader) }
        try reader.finish()
        return try fields.contribution()
    }
}

/// The members as they come; checked together at the end.
private struct Fields {
    var kind: String?
    var code: String?
    var slug: String?
    var series: String?
    var sensor: String?
    var start: Int64?
    var length: Int64?
    var revision: UInt64?
    var isFinal: Bool?
    var unit: String?
    var scale: Int64?
    var state: ContributionState?
    var coverage: Coverage?
    var labels: [Label: String] = [:]
    var weight: Weight?
    var instrument: String?
    var uncertainty: RelativeUncertainty?
    var parameters: [NamedNumber] = []
    var tables: [String: String] = [:]
    var correction: UInt64?
    var localDay: String?
    var quality: String?
    var period: String?
    var hash: String?
    var mark: FoldMark?
    var stream: UInt64?

    mutating func take(_ name: String, from reader: inout JSONReader) throws(ContributionFault) {
        switch name {
        case "t": try reader.skip()
        case "kind": kind = try reader.string()
        case "stream": stream = try reader.stream()
        case "kpi": code = try reader.string()
        case "slug": slug = try reader.string()
        case "series": series = try reader.name(name)
        case "sensor": sensor = try reader.name(name)
        case "rev": revision = try reader.unsigned()
        case "final": isFinal = try reader.flag()
        case "unit": unit = try reader.string()
        case "scale": scale = try reader.integer()
        case "quality": quality = try reader.string()
        case "period": period = try reader.string()
        case "h": hash = try reader.string()
        case "state": state = try ContributionState(from: &reader)
        case "cov": coverage = try Coverage(from: &reader)
        case "mark": mark = try FoldMark(from: &reader)
        case "instrument": instrument = try reader.string()
        case "correction": correction = try reader.unsigned()
        case "labels":
            try reader.object { reader, name throws(ContributionFault) in
                guard let label = Label(rawValue: name) else { throw .unknown(member: "labels.\(name)") }
                labels[label] = try reader.name(name)
            }
        case "params":
            try reader.object { reader, name throws(ContributionFault) in
                guard parameters.count < 8 else { throw .outOfRange(member: "params") }
                parameters.append(NamedNumber(name, try reader.integer()))
            }
            parameters.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        case "tables":
            try reader.object { reader, name throws(ContributionFault) in
                guard tables.count < 8 else { throw .outOfRange(member: "tables") }
                tables[name] = try reader.name("tables.\(name)")
            }
        case "u":
            var random: Int64?
            var systematic: Int64?
            try reader.object { reader, name throws(ContributionFault) in
                switch name {
                case "random_ppm": random = try reader.integer()
                case "sys_ppm": systematic = try reader.integer()
                default: throw .unknown(member: "u.\(name)")
                }
            }
            guard let random, let systematic, (0...10_000_000).contains(random), (0...10_000_000).contains(systematic)
            else { throw .outOfRange(member: "u") }
            uncertainty = RelativeUncertainty(randomPpm: random, systematicPpm: systematic)
        case "weight":
            try reader.object { reader, name throws(ContributionFault) in
                guard let kind = Weight.Kind(rawValue: name), weight == nil else {
                    throw .unknown(member: "weight.\(name)")
                }
                weight = Weight(kind, try reader.integer())
            }
        case "win":
            try reader.object { reader, name throws(ContributionFault) in
                switch name {
                case "day": localDay = try reader.name("win.day")
                case "start": start = try reader.integer()
                case "len": length = try reader.integer()
                default: throw .unknown(member: "win.\(name)")
                }
            }
        default: throw .unknown(member: name)
        }
    }

    func contribution() throws(ContributionFault) -> Contribution {
        let kind = try present(kind, "kind")
        guard kind == (correction == nil ? "contribution" : "correction") else { throw .otherKind(kind) }
        let code = try present(code, "kpi")
        guard let indicator = Indicator.all.first(where: { $0.code == code }) else { throw .unknownIndicator(code) }
        guard try present(slug, "slug") == indicator.slug else { throw .outOfRange(member: "slug") }
        let unit = try present(unit, "unit")
        guard indicator.measure.accepts(unit: unit) else { throw .wrongUnit(unit) }
        let state = try present(state, "state")
        guard state.typeName == indicator.measure.stateType else { throw .wrongState(state.typeName) }
        let start = try present(start, "win.start")
        let length = try present(length, "win.len")
        // Up to the year 36812, so that no sum of times overflows.
        guard (0...1 << 40).contains(start) else { throw .outOfRange(member: "win.start") }
        guard (1...86_400).contains(length) else { throw .outOfRange(member: "win.len") }
        let coverage = try present(coverage, "cov")
        guard (0...length).contains(coverage.expectedSeconds) else { throw .outOfRange(member: "cov.exp_s") }
        guard coverage.fromSecond >= 0, coverage.toSecond <= coverage.expectedSeconds,
            coverage.fromSecond <= coverage.toSecond
        else { throw .outOfRange(member: "cov.from_s") }
        guard (0...coverage.toSecond - coverage.fromSecond).contains(coverage.validSeconds) else {
            throw .outOfRange(member: "cov.valid_s")
        }
        guard weight?.kind == indicator.weight || (weight == nil && !indicator.isWeightRequired),
            Weight.allowed.contains(weight?.value ?? 1)
        else { throw .outOfRange(member: "weight") }
        for label in indicator.requiredLabels where labels[label] == nil { throw .missing("labels.\(label.rawValue)") }
        // A fold that goes on from it counts upwards.
        let revision = try present(revision, "rev")
        guard revision <= UInt64(Int64.max) else { throw .outOfRange(member: "rev") }
        guard let scale = Int8(exactly: try present(scale, "scale")), Contribution.scales.contains(scale) else {
            throw .outOfRange(member: "scale")
        }
        guard let quality = DataQuality(rawValue: try present(quality, "quality")) else {
            throw .outOfRange(member: "quality")
        }
        guard let period = Period(rawValue: try present(period, "period")) else {
            throw .outOfRange(member: "period")
        }
        guard let instrument = InstrumentClass(rawValue: try present(instrument, "instrument")) else {
            throw .outOfRange(member: "instrument")
        }
        var contribution = Contribution(
            indicator: indicator, sensor: try present(sensor, "sensor"), series: try present(series, "series"),
            windowStart: start, windowSeconds: length, revision: revision,
            isFinal: try present(isFinal, "final"), unit: unit, scale: scale, state: state, coverage: coverage,
            labels: labels, weight: weight, mark: mark)
        contribution.period = period
        contribution.localDay = localDay
        contribution.instrument = instrument
        contribution.quality = quality
        contribution.uncertainty = uncertainty
        contribution.parameters = parameters
        contribution.tables = tables
        contribution.correction = correction
        contribution.ofStream = stream
        var digits: [UInt8] = []
        appendHexadecimal(contribution.contentHash, to: &digits)
        guard try present(hash, "h").utf8.elementsEqual(digits) else { throw .wrongHash }
        return contribution
    }

    private func present<Value>(_ value: Value?, _ name: String) throws(ContributionFault) -> Value {
        guard let value else { throw .missing(name) }
        return value
    }
}

extension JSONReader {
    /// A stream: 16 hex digits.
    mutating func stream() throws(ContributionFault) -> UInt64 {
        let digits = try string()
        guard digits.utf8.count == 16, let number = UInt64(digits, radix: 16), digits.utf8.first != 0x2B else {
            throw .outOfRange(member: "stream")
        }
        return number
    }

    /// A name of ours: not empty, at most 128 bytes.
    fileprivate mutating func name(_ member: String) throws(ContributionFault) -> String {
        let text = try string()
        guard (1...128).contains(text.utf8.count) else { throw .outOfRange(member: member) }
        return text
    }

    fileprivate mutating func microseconds(_ member: String) throws(ContributionFault) -> Int64 {
        let value = try integer()
        // Nanoseconds must fit: years 1970 to 2262.
        guard (0...9_223_372_036_854_775).contains(value) else { throw .outOfRange(member: member) }
        return value
    }
}

extension Coverage {
    fileprivate init(from reader: inout JSONReader) throws(ContributionFault) {
        var values: [String: Int64] = [:]
        var flags: [FlaggedSeconds] = []
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "exp_s", "valid_s", "from_s", "to_s": values[name] = try reader.integer()
            case "flags":
                // Reasons may be added: unknown ones are kept by their names.
                try reader.object { reader, name throws(ContributionFault) in
                    let seconds = try reader.integer()
                    guard flags.count < 32, (1...32).contains(name.utf8.count), (1...Int64(Int32.max)).contains(seconds)
                    else { throw .outOfRange(member: "cov.flags.\(name)") }
                    flags.append(FlaggedSeconds(name: name, seconds: seconds))
                }
            default: throw .unknown(member: "cov.\(name)")
            }
        }
        guard let expected = values["exp_s"] else { throw .missing("cov.exp_s") }
        guard let valid = values["valid_s"] else { throw .missing("cov.valid_s") }
        guard let from = values["from_s"] else { throw .missing("cov.from_s") }
        guard let to = values["to_s"] else { throw .missing("cov.to_s") }
        flags.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.init(expectedSeconds: expected, validSeconds: valid, fromSecond: from, toSecond: to, flags: flags)
    }
}

extension FoldMark {
    fileprivate init(from reader: inout JSONReader) throws(ContributionFault) {
        var at: Int64?
        var ordinal: UInt64?
        var line: Int64?
        var lineAt: Int64?
        var earliest: Int64?
        var latest: Int64?
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "at_us": at = try reader.microseconds("mark.at_us")
            case "n": ordinal = try reader.unsigned()
            case "line": line = try reader.integer()
            case "line_us": lineAt = try reader.microseconds("mark.line_us")
            case "open_low_us": earliest = try reader.microseconds("mark.open_low_us")
            case "open_us": latest = try reader.microseconds("mark.open_us")
            default: throw .unknown(member: "mark.\(name)")
            }
        }
        self.init()
        guard (at == nil) == (ordinal == nil), line == nil || at != nil, lineAt == nil || line != nil else {
            throw .missing("mark.n")
        }
        guard line == nil || line == 0 || line == 1 else { throw .outOfRange(member: "mark.line") }
        if let at, let ordinal {
            last = LastReading(
                atMicroseconds: at, ordinal: ordinal, isPresent: line.map { $0 == 1 }, lineMicroseconds: lineAt)
        }
        guard (earliest == nil) == (latest == nil) else { throw .missing("mark.open_us") }
        if let earliest, let latest {
            guard earliest <= latest else { throw .outOfRange(member: "mark.open_us") }
            open = OpenOutage(earliestMicroseconds: earliest, latestMicroseconds: latest)
        }
    }
}

extension ContributionState {
    fileprivate init(from reader: inout JSONReader) throws(ContributionFault) {
        var type: String?
        var stranger: String?
        var numbers: [String: Int64] = [:]
        var tallies: [String: OutageTally] = [:]
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "type": type = try reader.string()
            case "amount", "dark", "open": numbers[name] = try reader.integer()
            case "le3", "le5", "gt5", "unclear": tallies[name] = try OutageTally(from: &reader, named: name)
            default:
                stranger = name
                try reader.skip()
            }
        }
        if let stranger, type == "sum" || type == "outages" { throw .unknown(member: "state.\(stranger)") }
        switch type {
        case "sum":
            guard let amount = numbers["amount"] else { throw .missing("state.amount") }
            guard numbers.count == 1, tallies.isEmpty else { throw .unknown(member: "state") }
            self = .sum(SumState(amount: amount))
        case "outages":
            guard let upTo3 = tallies["le3"], let upTo5 = tallies["le5"], let over5 = tallies["gt5"],
                let unclear = tallies["unclear"], let open = numbers["open"], let dark = numbers["dark"]
            else { throw .missing("state") }
            guard numbers.count == 2, tallyLimit.contains(open), tallyLimit.contains(dark) else {
                throw .outOfRange(member: "state")
            }
            self = .outages(
                OutageState(upTo3: upTo3, upTo5: upTo5, over5: over5, unclear: unclear, open: open, dark: dark))
        case let other?: throw .unknownStateType(other)
        case nil: throw .missing("state.type")
        }
    }
}

/// Far above what one window can hold (10^9 customers), and far enough below 2^63 that a fold can go on from it.
private let tallyLimit: ClosedRange<Int64> = 0...1 << 61

extension OutageTally {
    fileprivate init(from reader: inout JSONReader, named name: String) throws(ContributionFault) {
        var values: [Int64] = []
        try reader.array { reader throws(ContributionFault) in
            let value = try reader.integer()
            guard values.count < 3, tallyLimit.contains(value) else { throw .outOfRange(member: "state.\(name)") }
            values.append(value)
        }
        guard values.count == 3, values[1] <= values[2] else { throw .outOfRange(member: "state.\(name)") }
        self.init(interruptions: values[0], minimum: values[1], maximum: values[2])
    }
}
