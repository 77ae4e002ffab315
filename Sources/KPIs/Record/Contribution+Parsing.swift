// The platform's way in: bytes of a stranger to a contribution, or a reason why not.
//
// What is not known is refused, not skipped: an unknown member, state, unit or indicator could change what the number
// means. The hash is computed again from what was understood, so nothing that was understood differently passes.

/// An item of the lane that is of contributions: `Contribution.swift` has their forms.
public enum ContributionItem: Sendable {
    case contribution(Contribution)
    case binding(ContributionBinding)

    /// Parses one item of the lane (with or without its `t`), members in any order. `known` are the bindings that it
    /// may cite, by their ids.
    public static func parse(
        _ bytes: [UInt8], in range: Range<Int>? = nil, known: [UInt64: ContributionBinding] = [:]
    ) throws(ContributionFault) -> ContributionItem {
        let range = range ?? bytes.indices
        guard range.count <= Contribution.longest else {
            throw .tooLong(bytes: range.count, limit: Contribution.longest)
        }
        var fields = ItemFields()
        var reader = JSONReader(bytes, in: range)
        try reader.object { reader, name throws(ContributionFault) in try fields.take(name, from: &reader) }
        try reader.finish()
        guard fields.kind == "binding" else { return .contribution(try fields.contribution(known: known)) }
        return .binding(try fields.saidBinding())
    }
}

extension Contribution {
    /// Longest item, bytes: a state with all bins of a histogram in use fits.
    public static let longest = 64 << 10

    /// Parses an item that stands alone.
    public static func parse(_ bytes: [UInt8]) throws(ContributionFault) -> Contribution {
        switch try ContributionItem.parse(bytes) {
        case .contribution(let contribution): return contribution
        case .binding: throw .otherKind("binding")
        }
    }
}

/// The members as they come; checked together at the end.
private struct ItemFields {
    var kind: String?
    var binding = BindingFields()
    var id: UInt64?
    var cited: UInt64?
    var start: Int64?
    var length: Int64?
    var revision: UInt64?
    var isFinal: Bool?
    var state: StateFields?
    var coverage: CoverageFields?
    var correction: UInt64?
    var localDay: String?
    var period: String?
    var hash: UInt64?
    var mark: FoldMark?
    var stream: UInt64?

    mutating func take(_ name: String, from reader: inout JSONReader) throws(ContributionFault) {
        switch name {
        case "t": try reader.skip()
        case "kind": kind = try reader.string()
        case "stream": stream = try reader.hexadecimal(name)
        case "id": id = try reader.hexadecimal(name)
        case "b": cited = try reader.hexadecimal(name)
        case "h": hash = try reader.hexadecimal(name)
        case "rev": revision = try reader.unsigned()
        case "final": isFinal = try reader.flag()
        case "period": period = try reader.string()
        case "state": state = try StateFields(from: &reader)
        case "cov": coverage = try CoverageFields(from: &reader)
        case "mark": mark = try FoldMark(from: &reader)
        case "correction": correction = try reader.unsigned()
        case "win":
            try reader.object { reader, name throws(ContributionFault) in
                switch name {
                case "day": localDay = try reader.localDay()
                case "start": start = try reader.integer()
                case "len": length = try reader.integer()
                default: throw .unknown(member: "win.\(name)")
                }
            }
        default: try binding.take(name, from: &reader)
        }
    }

    func saidBinding() throws(ContributionFault) -> ContributionBinding {
        if start != nil || length != nil || localDay != nil { throw .unknown(member: "win") }
        if state != nil { throw .unknown(member: "state") }
        guard cited == nil, revision == nil, isFinal == nil, coverage == nil, correction == nil, period == nil,
            hash == nil, mark == nil, stream == nil
        else { throw .unknown(member: "of a contribution in a binding") }
        let type = try present(binding.type, "type")
        let binding = try binding.binding()
        guard type == binding.indicator.measure.stateType else { throw .wrongState(type) }
        guard try present(id, "id") == binding.id else { throw .wrongHash }
        return binding
    }

    func contribution(known: [UInt64: ContributionBinding]) throws(ContributionFault) -> Contribution {
        let kind = try present(kind, "kind")
        guard kind == (correction == nil ? "contribution" : "correction") else { throw .otherKind(kind) }
        guard id == nil, binding.type == nil else { throw .unknown(member: id == nil ? "type" : "id") }
        guard (1...UInt64(Int64.max)).contains(correction ?? 1) else { throw .outOfRange(member: "correction") }
        let constants: ContributionBinding
        if let cited {
            if let member = binding.anyMember { throw .unknown(member: member) }
            guard let said = known[cited] else { throw .unknownBinding(cited) }
            constants = said
        } else {
            constants = try binding.binding()
        }
        let isCiting = cited != nil
        let indicator = constants.indicator
        let start = try present(start, "win.start")
        let length = try present(length, "win.len")
        // Up to the year 36812, so that no sum of times overflows.
        guard (0...1 << 40).contains(start) else { throw .outOfRange(member: "win.start") }
        // Weeks in which too few were counted are given as one (`Withholding`).
        guard (1...Int64(Int32.max)).contains(length) else { throw .outOfRange(member: "win.len") }
        let coverage = try (isCiting ? coverage ?? CoverageFields() : present(coverage, "cov"))
            .coverage(windowSeconds: length, isUsualLeftOut: isCiting)
        var fields = try present(self.state, "state")
        let stateType = indicator.measure.stateType
        if isCiting {
            guard fields.type == nil else { throw .unknown(member: "state.type") }
        } else {
            guard let type = fields.type else { throw .missing("state.type") }
            guard type == stateType else {
                throw ContributionState.typeNames.contains(type) ? .wrongState(type) : .unknownStateType(type)
            }
        }
        let state = try fields.state(
            stateType, windowSeconds: length, weight: constants.weight,
            usualSeconds: isCiting ? coverage.validSeconds : nil)
        // A fold that goes on from it counts upwards.
        let revision = try present(revision, "rev")
        guard revision <= UInt64(Int64.max) else { throw .outOfRange(member: "rev") }
        guard let period = Period(rawValue: try isCiting ? period ?? "-" : present(period, "period")) else {
            throw .outOfRange(member: "period")
        }
        var contribution = Contribution(
            indicator: indicator, sensor: constants.sensor, series: constants.series, windowStart: start,
            windowSeconds: length, revision: revision,
            isFinal: try isCiting ? isFinal ?? true : present(isFinal, "final"), unit: constants.unit,
            scale: constants.scale, state: state, coverage: coverage, labels: constants.labels,
            weight: constants.weight, mark: mark)
        contribution.period = period
        contribution.localDay = localDay
        contribution.instrument = constants.instrument
        contribution.quality = constants.quality
        contribution.uncertainty = constants.uncertainty
        contribution.parameters = constants.parameters
        contribution.tables = constants.tables
        contribution.correction = correction
        contribution.ofStream = stream
        guard try present(hash, "h") == contribution.contentHash else { throw .wrongHash }
        return contribution
    }
}

func present<Value>(_ value: Value?, _ name: String) throws(ContributionFault) -> Value {
    guard let value else { throw .missing(name) }
    return value
}

extension JSONReader {
    /// 16 lower-case hex digits.
    mutating func hexadecimal(_ member: String) throws(ContributionFault) -> UInt64 {
        let digits = try string()
        guard digits.utf8.count == 16 else { throw .outOfRange(member: member) }
        var number: UInt64 = 0
        for digit in digits.utf8 {
            switch digit {
            case 0x30...0x39: number = number << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: number = number << 4 | UInt64(digit - 0x61 + 10)
            default: throw .outOfRange(member: member)
            }
        }
        return number
    }

    /// A name of ours: not empty, at most 128 bytes.
    mutating func name(_ member: String) throws(ContributionFault) -> String {
        let text = try string()
        guard (1...128).contains(text.utf8.count) else { throw .outOfRange(member: member) }
        return text
    }

    /// `2026-11-21`
    fileprivate mutating func localDay() throws(ContributionFault) -> String {
        let text = try string()
        guard PackedDay(text) != nil else { throw .outOfRange(member: "win.day") }
        return text
    }
}

/// A day of the calendar as one number, 20261121 for `2026-11-21`.
struct PackedDay {
    let number: Int32

    init?(_ text: String) {
        var number: Int32 = 0
        guard text.utf8.count == 10 else { return nil }
        for (place, byte) in text.utf8.enumerated() {
            if place == 4 || place == 7 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard (0x30...0x39).contains(byte) else { return nil }
                number = number * 10 + Int32(byte - 0x30)
            }
        }
        let month = number / 100 % 100
        let longest: Int32 = month == 2 ? 29 : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
        guard (1...12).contains(month), (1...longest).contains(number % 100) else { return nil }
        let year = number / 10_000
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        guard number % 10_000 != 229 || isLeap else { return nil }
        self.number = number
    }

    /// `PackedDay(…).number` back to its text.
    static func text(_ number: Int32) -> String {
        String(unsafeUninitializedCapacity: 10) { buffer in
            var rest = number
            for place in stride(from: 9, through: 0, by: -1) {
                if place == 4 || place == 7 {
                    buffer[place] = UInt8(ascii: "-")
                } else {
                    buffer[place] = 0x30 + UInt8(rest % 10)
                    rest /= 10
                }
            }
            return 10
        }
    }
}
