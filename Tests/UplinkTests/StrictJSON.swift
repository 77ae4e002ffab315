// A JSON parser written from RFC 8259 alone, so that what the encoders write is judged by something that shares no code
// with them. Strict: no trailing commas, no leading zeros, no raw control characters, no member twice, nothing after
// the value. Numbers stay text: values are compared exactly, not as doubles.

enum JSON: Equatable {
    case object([(String, JSON)])
    case array([JSON])
    case string(String)
    case number(String)
    case bool(Bool)
    case null

    static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.object(let a), .object(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.0 == $1.0 && $0.1 == $1.1 }
        case (.array(let a), .array(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.bool(let a), .bool(let b)): a == b
        case (.null, .null): true
        default: false
        }
    }

    subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0 == name }?.1
    }

    var elements: [JSON] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.0)
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number's own text.
    var digits: String? {
        guard case .number(let text) = self else { return nil }
        return text
    }

    init(_ bytes: [UInt8]) throws {
        var parser = JSONParser(bytes: bytes)
        self = try parser.value()
        parser.space()
        guard parser.at == bytes.count else { throw JSONFault(at: parser.at, "something after the value") }
    }
}

struct JSONFault: Error {
    var at: Int
    var what: String
    init(at: Int, _ what: String) {
        self.at = at
        self.what = what
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func space() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    mutating func expect(_ byte: Character) throws {
        guard peek == byte.asciiValue else { throw JSONFault(at: at, "expected \(byte)") }
        at += 1
    }

    mutating func word(_ word: String, _ value: JSON) throws -> JSON {
        for character in word { try expect(character) }
        return value
    }

    mutating func value() throws -> JSON {
        space()
        switch peek {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    mutating func object() throws -> JSON {
        try expect("{")
        var members: [(String, JSON)] = []
        space()
        if peek == UInt8(ascii: "}") { at += 1; return .object([]) }
        while true {
            space()
            let name = try string()
            guard !members.contains(where: { $0.0 == name }) else { throw JSONFault(at: at, "\(name) twice") }
            space()
            try expect(":")
            members.append((name, try value()))
            space()
            if peek == UInt8(ascii: ",") { at += 1; continue }
            try expect("}")
            return .object(members)
        }
    }

    mutating func array() throws -> JSON {
        try expect("[")
        var elements: [JSON] = []
        space()
        if peek == UInt8(ascii: "]") { at += 1; return .array([]) }
        while true {
            elements.append(try value())
            space()
            if peek == UInt8(ascii: ",") { at += 1; continue }
            try expect("]")
            return .array(elements)
        }
    }

    mutating func string() throws -> String {
        try expect("\"")
        var out: [UInt8] = []
        while let byte = peek {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw JSONFault(at: at, "not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                guard let escape = peek else { throw JSONFault(at: at, "an escape cut off") }
                at += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
                case UInt8(ascii: "b"): out.append(0x08)
                case UInt8(ascii: "f"): out.append(0x0C)
                case UInt8(ascii: "n"): out.append(0x0A)
                case UInt8(ascii: "r"): out.append(0x0D)
                case UInt8(ascii: "t"): out.append(0x09)
                case UInt8(ascii: "u"):
                    guard at + 4 <= bytes.count,
                        let hex = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16),
                        let scalar = Unicode.Scalar(hex)
                    else { throw JSONFault(at: at, "not four hexadecimal digits of a scalar") }
                    at += 4
                    out.append(contentsOf: Array(String(Character(scalar)).utf8))
                default: throw JSONFault(at: at, "no such escape")
                }
            case 0..<0x20: throw JSONFault(at: at, "a raw control character")
            default: out.append(byte)
            }
        }
        throw JSONFault(at: at, "a string without end")
    }

    mutating func number() throws -> String {
        let start = at
        if peek == UInt8(ascii: "-") { at += 1 }
        let whole = at
        try digitRun()
        if bytes[whole] == UInt8(ascii: "0"), at > whole + 1 { throw JSONFault(at: whole, "a leading zero") }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digitRun()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digitRun()
        }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    mutating func digitRun() throws {
        let start = at
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
        guard at > start else { throw JSONFault(at: at, "expected a digit") }
    }
}

/// A decimal number as sign, digits and exponent, normalised: equal exactly when the numbers are.
struct ExactDecimal: Equatable, CustomStringConvertible {
    var isNegative: Bool
    var digits: [UInt8]
    var exponent: Int

    var description: String {
        (isNegative ? "-" : "") + String(decoding: digits.map { $0 + 48 }, as: UTF8.self) + "e\(exponent)"
    }

    /// Decimal text without an exponent part.
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes.removeFirst() }
        exponent = 0
        if let point = bytes.firstIndex(of: UInt8(ascii: ".")) {
            exponent = -(bytes.count - point - 1)
            bytes.remove(at: point)
        }
        guard !bytes.isEmpty, bytes.allSatisfy({ (48...57).contains($0) }) else { return nil }
        digits = bytes.map { $0 - 48 }
        normalise()
    }

    init(_ value: Int64, scale: Int) {
        isNegative = value < 0
        digits = value.magnitude.description.utf8.map { $0 - 48 }
        exponent = scale
        normalise()
    }

    private mutating func normalise() {
        while digits.count > 1, digits.first == 0 { digits.removeFirst() }
        while digits.count > 1, digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        if digits == [0] {
            exponent = 0
            isNegative = false
        }
    }
}

extension ExactDecimal {
    /// The number in millionths; nil when it is not a whole number of them.
    var millionths: Int64? {
        let shift = exponent + 6
        guard shift >= 0, shift < 19 else { return digits == [0] ? 0 : nil }
        var value: Int64 = 0
        for digit in digits + Array(repeating: 0, count: shift) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product + Int64(digit)
        }
        return isNegative ? -value : value
    }
}
