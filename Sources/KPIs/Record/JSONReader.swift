// A strict pull reader for small JSON texts (RFC 8259) from strangers: bounded in depth and length, never traps,
// never allocates more than the text is long. Integers only where integers are asked for; any number where a value is
// skipped.

package struct JSONReader {
    private let bytes: [UInt8]
    package private(set) var offset: Int
    private let end: Int
    private var depth = 0
    private static let deepest = 12

    package init(_ bytes: [UInt8], in range: Range<Int>? = nil) {
        self.bytes = bytes
        offset = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    /// Nothing but white space is left.
    package mutating func finish() throws(ContributionFault) {
        skipSpace()
        guard offset == end else { throw .syntax(offset: offset, expected: "the end") }
    }

    /// Calls `member` for each name of an object; it must take the value.
    package mutating func object(
        _ member: (inout JSONReader, String) throws(ContributionFault) -> Void
    ) throws(ContributionFault) {
        try enter("{")
        var names: Set<String> = []
        if take("}") { return leave() }
        repeat {
            let name = try string()
            guard names.insert(name).inserted else { throw .twice(member: name) }
            guard take(":") else { throw .syntax(offset: offset, expected: "a colon") }
            try member(&self, name)
        } while take(",")
        guard take("}") else { throw .syntax(offset: offset, expected: "a comma or }") }
        leave()
    }

    /// Calls `element` for each element of an array; it must take it.
    package mutating func array(
        _ element: (inout JSONReader) throws(ContributionFault) -> Void
    ) throws(ContributionFault) {
        try enter("[")
        if take("]") { return leave() }
        repeat { try element(&self) } while take(",")
        guard take("]") else { throw .syntax(offset: offset, expected: "a comma or ]") }
        leave()
    }

    /// Whether the next value is an array.
    package mutating func nextIsArray() -> Bool {
        skipSpace()
        return offset < end && bytes[offset] == UInt8(ascii: "[")
    }

    package mutating func string() throws(ContributionFault) -> String {
        guard take("\"") else { throw .syntax(offset: offset, expected: "a string") }
        let start = offset
        var text: [UInt8] = []
        while offset < end {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw .syntax(offset: start, expected: "UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                try escape(into: &text)
            case 0..<0x20:
                throw .syntax(offset: offset - 1, expected: "an escaped control character")
            default:
                text.append(byte)
            }
        }
        throw .syntax(offset: offset, expected: "the end of a string")
    }

    /// A whole number that fits.
    package mutating func integer() throws(ContributionFault) -> Int64 {
        let digits = try number(isWhole: true)
        guard let value = Int64(String(decoding: bytes[digits], as: UTF8.self)) else {
            throw .syntax(offset: digits.lowerBound, expected: "an integer of 64 bits")
        }
        return value
    }

    package mutating func unsigned() throws(ContributionFault) -> UInt64 {
        let digits = try number(isWhole: true)
        guard let value = UInt64(String(decoding: bytes[digits], as: UTF8.self)) else {
            throw .syntax(offset: digits.lowerBound, expected: "an integer of 64 bits, not negative")
        }
        return value
    }

    package mutating func flag() throws(ContributionFault) -> Bool {
        if take(word: "true") { return true }
        if take(word: "false") { return false }
        throw .syntax(offset: offset, expected: "true or false")
    }

    /// Takes any value; returns where it stands.
    @discardableResult
    package mutating func skip() throws(ContributionFault) -> Range<Int> {
        skipSpace()
        let start = offset
        guard offset < end else { throw .syntax(offset: offset, expected: "a value") }
        switch bytes[offset] {
        case UInt8(ascii: "{"):
            try object { reader, _ throws(ContributionFault) in try reader.skip() }
        case UInt8(ascii: "["):
            try array { reader throws(ContributionFault) in try reader.skip() }
        case UInt8(ascii: "\""):
            _ = try string()
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            _ = try flag()
        case UInt8(ascii: "n"):
            guard take(word: "null") else { throw .syntax(offset: offset, expected: "null") }
        default:
            _ = try number(isWhole: false)
        }
        return start..<offset
    }

    // MARK: Parts

    private mutating func enter(_ bracket: Unicode.Scalar) throws(ContributionFault) {
        guard take(bracket) else { throw .syntax(offset: offset, expected: String(bracket)) }
        depth += 1
        guard depth <= Self.deepest else { throw .tooDeep(offset: offset) }
    }

    private mutating func leave() { depth -= 1 }

    private mutating func skipSpace() {
        while offset < end {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < end, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        skipSpace()
        guard end - offset >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where bytes[offset + index] != word.utf8Start[index] { return false }
        offset += word.utf8CodeUnitCount
        return true
    }

    private func isDigit(at place: Int) -> Bool { place < end && (0x30...0x39).contains(bytes[place]) }

    /// RFC 8259 section 6: no plus sign, no leading zeros.
    private mutating func number(isWhole: Bool) throws(ContributionFault) -> Range<Int> {
        skipSpace()
        let start = offset
        if offset < end, bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        guard isDigit(at: offset) else { throw .syntax(offset: offset, expected: "a number") }
        let first = offset
        try digits()
        guard bytes[first] != UInt8(ascii: "0") || offset == first + 1 else {
            throw .syntax(offset: first, expected: "a number without leading zeros")
        }
        let isFraction = offset < end && bytes[offset] == UInt8(ascii: ".")
        let isExponent = offset < end && (bytes[offset] | 0x20) == UInt8(ascii: "e")
        guard isFraction || isExponent else { return start..<offset }
        guard !isWhole else { throw .syntax(offset: start, expected: "a whole number") }
        if isFraction {
            offset += 1
            try digits()
        }
        if offset < end, (bytes[offset] | 0x20) == UInt8(ascii: "e") {
            offset += 1
            if offset < end, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return start..<offset
    }

    private mutating func digits() throws(ContributionFault) {
        guard isDigit(at: offset) else { throw .syntax(offset: offset, expected: "a digit") }
        while isDigit(at: offset) { offset += 1 }
    }

    private mutating func escape(into text: inout [UInt8]) throws(ContributionFault) {
        guard offset < end else { throw .syntax(offset: offset, expected: "an escape") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800..<0xDC00).contains(code) {
                guard end - offset >= 2, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
                else { throw .syntax(offset: offset, expected: "the second half of a surrogate pair") }
                offset += 2
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw .syntax(offset: offset, expected: "the second half of a surrogate pair")
                }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .syntax(offset: offset, expected: "a character") }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw .syntax(offset: offset - 1, expected: "an escape")
        }
    }

    private mutating func codeUnit() throws(ContributionFault) -> UInt32 {
        guard end - offset >= 4 else { throw .syntax(offset: offset, expected: "four hexadecimal digits") }
        var code: UInt32 = 0
        for place in offset..<offset + 4 {
            switch bytes[place] {
            case 0x30...0x39: code = code << 4 | UInt32(bytes[place] - 0x30)
            case 0x41...0x46, 0x61...0x66: code = code << 4 | UInt32((bytes[place] | 0x20) - 0x61 + 10)
            default: throw .syntax(offset: place, expected: "a hexadecimal digit")
            }
        }
        offset += 4
        return code
    }
}
