// Canonical JSON: one byte sequence for one value. The caller writes names in order of their bytes; numbers are whole.

struct CanonicalWriter {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    mutating func object(_ members: (inout CanonicalWriter) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        members(&self)
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }

    mutating func object(_ name: String, _ members: (inout CanonicalWriter) -> Void) {
        key(name)
        object(members)
    }

    mutating func integer(_ name: String, _ value: Int64) {
        key(name)
        append(value)
    }

    mutating func unsigned(_ name: String, _ value: UInt64) {
        key(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func flag(_ name: String, _ value: Bool) {
        key(name)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    mutating func text(_ name: String, _ value: String) {
        key(name)
        append(quoted: value)
    }

    /// 16 digits.
    mutating func hexadecimal(_ name: String, _ value: UInt64) {
        key(name)
        bytes.append(UInt8(ascii: "\""))
        appendHexadecimal(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func integers(_ name: String, _ values: [Int64]) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(value)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func key(_ name: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        append(quoted: name)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ value: Int64) { bytes.append(contentsOf: String(value).utf8) }

    /// Escapes the quotation mark, the reverse solidus and control characters, nothing else (RFC 8259 section 7).
    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: #"\u00"#.utf8)
                bytes.append(hexadecimalDigit(byte >> 4))
                bytes.append(hexadecimalDigit(byte & 15))
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

private func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}

/// 16 lower-case digits.
func appendHexadecimal(_ value: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: 60, through: 0, by: -4) {
        bytes.append(hexadecimalDigit(UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15))
    }
}
