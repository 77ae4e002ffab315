// Writes bytes, integers and decimals straight into memory: the inner loop of every encoding.
//
// Decimals are exact: `value × 10^scale` becomes the shortest decimal text of that number, without exponent, without
// trailing zeros, without a division of floating point anywhere. Nothing is checked here: whoever makes a cursor has
// reserved the room (`PayloadBuffer.reserve`), by the bounds below.

struct ByteCursor {
    var position: UnsafeMutablePointer<UInt8>

    /// The most that one integer takes: `-9223372036854775808` or `18446744073709551615`.
    static let integerBytes = 20
    /// The most that one decimal takes beyond the absolute value of its scale: sign, 19 digits, `0.`.
    static let decimalBytes = 22
    /// The most that microseconds written as seconds take.
    static let secondsBytes = decimalBytes + 6

    @inline(__always)
    mutating func byte(_ byte: UInt8) {
        position.pointee = byte
        position += 1
    }

    @inline(__always)
    mutating func bytes(_ source: UnsafePointer<UInt8>, count: Int) {
        position.update(from: source, count: count)
        position += count
    }

    @inline(__always)
    mutating func text(_ text: StaticString) {
        bytes(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func unsigned(_ value: UInt64) {
        digits(value, count: Self.digitCount(value))
    }

    @inline(__always)
    mutating func signed(_ value: Int64) {
        if value < 0 { byte(UInt8(ascii: "-")) }
        unsigned(value.magnitude)
    }

    /// 16 lower-case hexadecimal digits.
    mutating func hexadecimal(_ value: UInt64) {
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0xF
            byte(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
        }
    }

    /// Microseconds as seconds, with up to six decimals.
    @inline(__always)
    mutating func seconds(microseconds: Int64) { decimal(microseconds, scale: -6) }

    @inline(__always)
    mutating func decimal(_ value: Int64, scale: Int8) {
        guard value != 0 else { return byte(UInt8(ascii: "0")) }
        if value < 0 { byte(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        var places = -Int(scale)
        while places > 0 {
            let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { break }
            magnitude = quotient
            places -= 1
        }
        let count = Self.digitCount(magnitude)
        if places <= 0 {
            digits(magnitude, count: count)
            zeros(-places)
        } else if count > places {
            // All digits one place too far right, then the whole part moves back and leaves room for the point: cheaper
            // than a second division.
            let start = position
            position += 1
            digits(magnitude, count: count)
            let whole = count - places
            for index in 0..<whole { start[index] = start[index + 1] }
            start[whole] = UInt8(ascii: ".")
        } else {
            text("0.")
            zeros(places - count)
            digits(magnitude, count: count)
        }
    }

    @inline(__always)
    private mutating func zeros(_ count: Int) {
        var left = count
        while left > 0 {
            byte(UInt8(ascii: "0"))
            left -= 1
        }
    }

    @inline(__always)
    private mutating func digits(_ value: UInt64, count: Int) {
        let pairs = digitPairs.utf8Start
        var rest = value
        position += count
        var end = position
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            rest = quotient
            end -= 2
            end[0] = pairs[Int(truncatingIfNeeded: pair) &* 2]
            end[1] = pairs[Int(truncatingIfNeeded: pair) &* 2 &+ 1]
        }
        if rest >= 10 {
            end[-2] = pairs[Int(truncatingIfNeeded: rest) &* 2]
            end[-1] = pairs[Int(truncatingIfNeeded: rest) &* 2 &+ 1]
        } else {
            end[-1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
        }
    }

    @inline(__always)
    static func digitCount(_ value: UInt64) -> Int {
        var rest = value
        var count = 0
        while rest >= 100_000_000 {
            rest /= 100_000_000
            count += 8
        }
        if rest < 10_000 {
            if rest < 100 { return count + (rest < 10 ? 1 : 2) }
            return count + (rest < 1_000 ? 3 : 4)
        }
        if rest < 1_000_000 { return count + (rest < 100_000 ? 5 : 6) }
        return count + (rest < 10_000_000 ? 7 : 8)
    }
}

/// Two digits at a time: half the divisions.
private let digitPairs: StaticString = """
    0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
    5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
    """
