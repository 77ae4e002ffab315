// Logarithms from addition, multiplication and division alone, so that this module needs no C library and every
// processor finds the same bits: the four operations of IEEE 754 are exact to the last bit everywhere, `log` of a C
// library is not. Relative error below 1e-15 over all positive numbers, subnormal ones included.

public enum Logarithm {
    /// The natural logarithm. Infinite for 0 (negative) and infinity, not a number below 0.
    ///
    /// x = m · 2^k with m in √½ ... √2, and ln m = 2 artanh(s) = 2 (s + s³/3 + s⁵/5 + ...) with s = (m-1)/(m+1).
    /// The terms are put together as in FreeBSD's e_log.c (Sun Microsystems 1993), which loses less than one unit in
    /// the last place.
    public static func ln(_ x: Double) -> Double {
        guard x > 0, x < .infinity else { return x == 0 ? -.infinity : x == .infinity ? x : .nan }
        let (f, k) = parts(x)
        guard f != 0 else { return k * ln2Upper + k * ln2Lower }
        let (s, halfSquare, rest) = series(f)
        return k * ln2Upper - ((halfSquare - (s * (halfSquare + rest) + k * ln2Lower)) - f)
    }

    /// The decimal logarithm: exact for 10^-22 ... 10^22.
    public static func lg(_ x: Double) -> Double {
        let result = ln(x) * 0.434_294_481_903_251_8
        let nearest = result.rounded()
        if nearest.magnitude <= 22 {
            let power = Exponential.tenPowers[Int(nearest.magnitude)]
            if x == (nearest < 0 ? 1 / power : power) { return nearest }
        }
        return result
    }

    /// The binary logarithm: exact for powers of two.
    public static func log2(_ x: Double) -> Double {
        guard x > 0, x < .infinity else { return ln(x) }
        let (f, k) = parts(x)
        guard f != 0 else { return k }
        let (s, halfSquare, rest) = series(f)
        return k + (f - (halfSquare - s * (halfSquare + rest))) * 1.442_695_040_888_963_4
    }

    /// ln 2 in two parts; the upper one has zeros enough at its end that its products with exponents are exact.
    static let ln2Upper = 0.693_147_180_369_123_8
    static let ln2Lower = 1.908_214_929_270_587_7e-10

    /// x = (1 + f) · 2^k, with 1 + f in √½ ... √2.
    private static func parts(_ x: Double) -> (f: Double, k: Double) {
        let significand = x.significand
        let exponent = Double(x.exponent)
        return significand > 1.414_213_562_373_095_1 ? (significand / 2 - 1, exponent + 1) : (significand - 1, exponent)
    }

    /// ln(1 + f) = f - (f²/2 - s (f²/2 + rest)).
    private static func series(_ f: Double) -> (s: Double, halfSquare: Double, rest: Double) {
        let s = f / (2 + f)
        let square = s * s
        // |s| < 0.172: the first term left out, s^26 · 2/27, is below 1e-21.
        var rest = 0.0
        var odd = 25.0
        while odd >= 3 {
            rest = square * (rest + 2 / odd)
            odd -= 2
        }
        return (s, f * f / 2, rest)
    }
}
