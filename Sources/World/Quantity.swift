// Numbers and quantities as people write them, kept exact: `12576.53 m3` is 1257653 × 10^-2 m3, not the nearest binary
// fraction. Configuration and counters use these; measurements are `Double` until they are rounded into a channel's
// scale.

/// `mantissa × 10^exponent`, without trailing zeros in the mantissa, so that equal numbers are equal values.
public struct DecimalNumber: Hashable, Sendable, CustomStringConvertible {
    public let mantissa: Int64
    public let exponent: Int8

    /// Nil when the exponent leaves -40 ... 40: no quantity of this world needs more.
    public init?(mantissa: Int64, exponent: Int) {
        var mantissa = mantissa
        var exponent = mantissa == 0 ? 0 : exponent
        while mantissa != 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        guard (-40...40).contains(exponent) else { return nil }
        self.mantissa = mantissa
        self.exponent = Int8(exponent)
    }

    /// Reads `-0.4`, `+12`, `1e-3`, `.5`. The typographic minus (U+2212) counts as one. Nil for anything else: no
    /// hexadecimal, no `nan`, no decimal comma, no more than 18 digits.
    public init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        var isNegative = false
        if let sign = rest.first, sign == "-" || sign == "+" || sign == "\u{2212}" {
            isNegative = sign != "+"
            rest.removeFirst()
        }
        var mantissa: Int64 = 0
        var exponent = 0
        var digits = 0
        var digitsSeen = false
        var pointSeen = false
        while let character = rest.first {
            if character == ".", !pointSeen {
                pointSeen = true
            } else if let digit = character.asciiDigit {
                digitsSeen = true
                if mantissa > 0 || digit > 0 { digits += 1 }
                guard digits <= 18 else { return nil }
                mantissa = mantissa * 10 + Int64(digit)
                if pointSeen { exponent -= 1 }
            } else {
                break
            }
            rest.removeFirst()
        }
        guard digitsSeen else { return nil }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            guard let last = rest.last, last.asciiDigit != nil, rest.utf8.count <= 4, let power = Int(rest) else {
                return nil
            }
            exponent += power
            rest = ""
        }
        guard rest.isEmpty else { return nil }
        self.init(mantissa: isNegative ? -mantissa : mantissa, exponent: exponent)
    }

    public static let zero = DecimalNumber(mantissa: 0, exponent: 0)!

    /// The nearest `Double`.
    public var value: Double {
        guard let value = Double("\(mantissa)e\(exponent)") else {
            invariantFailed("\(mantissa)e\(exponent) is no number")
        }
        return value
    }

    /// The number as an integer in units of `10^scale`; nil when it is none, or too large.
    public func integer(scale: Int) -> Int64? {
        guard mantissa != 0 else { return 0 }
        var shift = Int(exponent) - scale
        guard (0...18).contains(shift) else { return nil }
        var result = mantissa
        while shift > 0 {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            result = product
            shift -= 1
        }
        return result
    }

    /// Plain digits: `-0.4`, `1500`.
    public var description: String {
        let digits = String(mantissa.magnitude)
        let sign = mantissa < 0 ? "-" : ""
        if exponent >= 0 { return sign + digits + String(repeating: "0", count: Int(exponent)) }
        let decimals = -Int(exponent)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}

extension Character {
    fileprivate var asciiDigit: Int? {
        guard let value = asciiValue, (0x30...0x39).contains(value) else { return nil }
        return Int(value) - 0x30
    }
}

/// A number with its unit.
public struct Quantity: Hashable, Sendable, CustomStringConvertible {
    public var number: DecimalNumber
    public var unit: Unit

    public init(_ number: DecimalNumber, _ unit: Unit) {
        self.number = number
        self.unit = unit
    }

    /// What is wrong with a text that should be a quantity.
    public enum Fault: Error, Hashable, Sendable {
        case noNumber
        /// The number stands alone.
        case noUnit(DecimalNumber)
        case unknownUnit(String)
    }

    /// Reads `10 L`, `-0.4 °C`, `250ms`. `wanted` decides what `%` means where several units are written so.
    public static func parse(_ text: String, wanted: Unit? = nil) throws(Fault) -> Quantity {
        var split = text.startIndex
        while split < text.endIndex {
            let character = text[split]
            let isExponent =
                (character == "e" || character == "E") && split > text.startIndex
                && text[text.index(after: split)...].first.map { $0.asciiDigit != nil || $0 == "-" || $0 == "+" }
                    ?? false
            guard character.asciiDigit != nil || "+-.\u{2212}".contains(character) || isExponent else { break }
            split = text.index(after: split)
        }
        guard let number = DecimalNumber(text[..<split]) else { throw .noNumber }
        let name = String(text[split...].drop { $0 == " " || $0 == "\u{A0}" || $0 == "\u{202F}" })
        if name.isEmpty { throw .noUnit(number) }
        guard let unit = Unit.named(name, wanted: wanted) else { throw .unknownUnit(name) }
        return Quantity(number, unit)
    }

    /// Whether a quantity says where something is or how far apart two such are. Only degrees know the difference: 10
    /// °C is 283.15 K, but 10 °C *more* is 10 K more.
    public enum Sense: Sendable { case absolute, difference }

    /// The same quantity in another unit of the same dimension, exactly; nil when the dimensions differ or no decimal
    /// number says it exactly (1 J in Wh).
    public func converted(to target: Unit, as sense: Sense = .absolute) -> Quantity? {
        guard unit.dimension == target.dimension else { return nil }
        if unit == target { return self }
        var number = number
        if sense == .absolute, let sum = number.adding(unit.shift) {
            number = sum
        } else if sense == .absolute {
            return nil
        }
        guard let scaled = unit.factor.dividing(by: target.factor)?.applied(to: number) else { return nil }
        number = scaled
        if sense == .absolute {
            guard let difference = number.adding(target.shift.negated) else { return nil }
            number = difference
        }
        return Quantity(number, target)
    }

    public var description: String { "\(number) \(unit.display)" }
}

extension DecimalNumber {
    var negated: DecimalNumber { DecimalNumber(mantissa: -mantissa, exponent: Int(exponent))! }

    /// Nil when the exact sum needs more than 63 bits.
    func adding(_ other: DecimalNumber) -> DecimalNumber? {
        if other.mantissa == 0 { return self }
        if mantissa == 0 { return other }
        let scale = Int(min(exponent, other.exponent))
        guard let a = integer(scale: scale), let b = other.integer(scale: scale) else { return nil }
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? nil : DecimalNumber(mantissa: sum, exponent: scale)
    }
}
