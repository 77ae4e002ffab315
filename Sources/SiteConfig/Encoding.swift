// Whether a file is text at all: UTF-8 without control characters, of a size that a person could have written. Checked
// before the YAML parser sees it, because only here can the place be told in lines and columns.

enum Encoding {
    /// Reports the first flaw of the file; true when there is none.
    static func check(_ text: SourceText, _ findings: Findings) -> Bool {
        if text.bytes.count > Configuration.Limits.fileBytes {
            findings.add(
                Place(file: text.name, line: 1, column: 1), "a file of \(text.bytes.count) bytes",
                "at most \(Configuration.Limits.fileBytes) bytes", "check that this is a configuration, or split it")
            return false
        }
        let bytes = text.bytes
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            findings.add(
                Place(file: text.name, line: 1, column: 1), "text in UTF-16", "UTF-8",
                "save the file as UTF-8 (in Windows Notepad: Save as, Encoding UTF-8)")
            return false
        }
        var place = Place(file: text.name, line: 1, column: 1)
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            guard let (scalar, length) = decode(bytes, at: index) else {
                findings.add(
                    place, "the byte 0x\(hex(bytes[index])), which is not UTF-8",
                    "text in UTF-8", "save the file as UTF-8 (the byte looks like Latin-1 or a damaged file)")
                return false
            }
            if !isAllowed(scalar) {
                let name = scalar == 0 ? "a NUL character" : "the control character U+\(hex(scalar))"
                findings.add(
                    place, name, "plain text",
                    scalar == 0 ? "restore the file: it was probably cut by a power failure" : "remove it")
                return false
            }
            index += length
            if scalar == 0x0A {
                place.line += 1
                place.column = 1
            } else {
                place.column += 1
            }
        }
        return true
    }

    /// The scalar at `index` and its length in bytes; nil for what RFC 3629 forbids.
    private static func decode(_ bytes: [UInt8], at index: Int) -> (scalar: UInt32, length: Int)? {
        let first = bytes[index]
        if first < 0x80 { return (UInt32(first), 1) }
        let length = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
        guard first >= 0xC2, length > 0, index + length <= bytes.count else { return nil }
        var scalar = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
        for next in bytes[index + 1..<index + length] {
            guard next & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(next & 0x3F)
        }
        guard let smallest = [2: 0x80, 3: 0x800, 4: 0x1_0000][length], scalar >= smallest, scalar <= 0x10_FFFF,
            !(0xD800...0xDFFF).contains(scalar)
        else { return nil }
        return (scalar, length)
    }

    /// The characters that YAML 1.1 section 4.1 allows and libyaml takes.
    private static func isAllowed(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF: true
        case 0xFEFF, 0xFFFE, 0xFFFF: false
        default: scalar >= 0xE000
        }
    }

    private static func hex(_ value: some BinaryInteger) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 2 - digits.count)) + digits
    }
}
