// Decimal text to a number, for kernel attributes and recorded data: `21400`, `101.324531250`, `-0,5`, `1.2e-3`. Works
// on bytes in place, allocates nothing, and refuses what is not wholly a number.

enum DecimalText {
    /// The number that the bytes spell, spaces and line ends around it ignored; nil when they spell none.
    static func parse(_ bytes: some Collection<UInt8>, decimalComma: Bool = false) -> Double? {
        let point: UInt8 = decimalComma ? 0x2C : 0x2E
        var mantissa: UInt64 = 0
        var exponent = 0
        var isNegative = false
        var hasDigits = false
        var state = State.lead
        var exponentIsNegative = false
        var exponentDigits = 0
        var writtenExponent = 0
        for byte in bytes {
            switch (byte, state) {
            case (0x20, .lead), (0x09, .lead): continue
            case (0x20, .exponentSign), (0x09, .exponentSign), (0x0A, .exponentSign), (0x0D, .exponentSign): return nil
            case (0x20, _), (0x09, _), (0x0A, _), (0x0D, _): state = .tail
            case (0x2B, .lead), (0x2D, .lead):
                isNegative = byte == 0x2D
                state = .whole
            case (0x30...0x39, .lead), (0x30...0x39, .whole), (0x30...0x39, .fraction):
                hasDigits = true
                if state == .lead { state = .whole }
                if state == .fraction { exponent -= 1 }
                // Beyond 18 digits a Double cannot tell the difference: only their place counts.
                if mantissa < 100_000_000_000_000_000 {
                    mantissa = mantissa * 10 + UInt64(byte - 0x30)
                } else {
                    exponent += 1
                }
            case (point, .lead), (point, .whole): state = .fraction
            case (0x65, .whole), (0x45, .whole), (0x65, .fraction), (0x45, .fraction): state = .exponentSign
            case (0x2B, .exponentSign), (0x2D, .exponentSign):
                exponentIsNegative = byte == 0x2D
                state = .exponent
            case (0x30...0x39, .exponentSign), (0x30...0x39, .exponent):
                state = .exponent
                exponentDigits += 1
                writtenExponent = min(writtenExponent * 10 + Int(byte - 0x30), 10_000)
            default: return nil
            }
        }
        guard hasDigits, state != .exponentSign, state != .exponent || exponentDigits > 0 else { return nil }
        exponent += exponentIsNegative ? -writtenExponent : writtenExponent
        let magnitude = scaled(mantissa, by: exponent)
        guard magnitude.isFinite else { return nil }
        return isNegative ? -magnitude : magnitude
    }

    /// Dividing by an exact power of ten rounds once, so that short decimals come out as their nearest Double.
    private static func scaled(_ mantissa: UInt64, by exponent: Int) -> Double {
        if mantissa == 0 { return 0 }
        if exponent < -330 { return 0 }
        if exponent > 310 { return .infinity }
        var result = Double(mantissa)
        var left = exponent
        while left > 0 {
            let step = min(left, 22)
            result *= power(step)
            left -= step
        }
        while left < 0 {
            let step = min(-left, 22)
            result /= power(step)
            left += step
        }
        return result
    }

    /// 10^exponent, exact up to 22.
    private static func power(_ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<exponent { result *= 10 }
        return result
    }

    private enum State { case lead, whole, fraction, exponentSign, exponent, tail }
}

/// 10^exponent for the exponents of channel scales.
public struct DecimalStep {
    public var value: Double
    public init(_ exponent: Int) {
        value = 1
        for _ in 0..<abs(exponent) { value *= 10 }
        if exponent < 0 { value = 1 / value }
    }
}
