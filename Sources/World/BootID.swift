// Which boot of the board it is: the kernel's random name of a boot, anew at every start
// (Documentation/admin-guide/sysctl/kernel.rst, random). Boottimes of two boots have nothing to do with each other.

public struct BootID: Hashable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `0a1b2c3d-...`: 32 hex digits, hyphens anywhere.
    public init?(text: String) {
        var digits = 0
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for character in text where character != "-" {
            guard let digit = character.hexDigitValue, character.isASCII, digits < 32 else { return nil }
            if digits < 16 {
                words.high = words.high << 4 | UInt64(digit)
            } else {
                words.low = words.low << 4 | UInt64(digit)
            }
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(high: words.high, low: words.low)
    }

    /// As a UUID: lower case, 8-4-4-4-12 digits.
    public var description: String {
        var text = ""
        for (place, digit) in (Hex.text(high) + Hex.text(low)).enumerated() {
            if [8, 12, 16, 20].contains(place) { text += "-" }
            text.append(digit)
        }
        return text
    }
}
