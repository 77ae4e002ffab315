// Exponentials from the four operations alone, for the same reasons as the logarithms. Relative error below 1e-15 where
// the result is a normal number.

public enum Exponential {
    /// e^x.
    public static func exp(_ x: Double) -> Double {
        guard x > -746, x < 710 else { return x.isNaN ? x : x < 0 ? 0 : .infinity }
        let k = (x * 1.442_695_040_888_963_4).rounded()
        // Both products and the difference before the last are exact or nearly so.
        let r = (x - k * Logarithm.ln2Upper) - k * Logarithm.ln2Lower
        return Double(sign: .plus, exponent: Int(k), significand: series(r))
    }

    /// 10^x: exact for whole x in 0 ... 22, correctly rounded for whole x in -22 ... -1.
    public static func powerOfTen(_ x: Double) -> Double {
        guard x > -324, x < 309 else { return x.isNaN ? x : x < 0 ? 0 : .infinity }
        if x.magnitude <= 22, x == x.rounded() {
            let power = tenPowers[Int(x.magnitude)]
            return x < 0 ? 1 / power : power
        }
        let k = (x * 3.321_928_094_887_362).rounded()
        // lg 2 in two parts, the upper one with zeros at its end, as in the logarithm.
        let r = (x - k * 0.301_029_995_663_611_77) - k * 3.694_239_077_158_931e-13
        return Double(sign: .plus, exponent: Int(k), significand: series(r * 2.302_585_092_994_046))
    }

    /// base^exponent by repeated squaring, at most 128 multiplications: the relative error grows with the exponent, by
    /// about 1.2e-16 for each of its units.
    public static func power(_ base: Double, _ exponent: Int) -> Double {
        var square = base
        var left = exponent.magnitude
        var result = 1.0
        while left > 0 {
            if left & 1 == 1 { result *= square }
            square *= square
            left >>= 1
        }
        return exponent < 0 ? 1 / result : result
    }

    /// base^exponent for a positive base and any exponent; not a number for a base that is not positive. The relative
    /// error grows with |exponent · ln base|, by about 2e-16 for each unit of it.
    public static func power(_ base: Double, _ exponent: Double) -> Double {
        base > 0 ? exp(exponent * Logarithm.ln(base)) : .nan
    }

    /// 10^0 ... 10^22: all powers of ten that a Double holds exactly.
    static let tenPowers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// e^r for |r| ≤ ln(2)/2: 1 + r (1 + r/2 (1 + r/3 ...)); the first term left out, r^16 / 16!, is below 1e-20.
    private static func series(_ r: Double) -> Double {
        var sum = 1.0
        var n = 15.0
        while n >= 2 {
            sum = 1 + r / n * sum
            n -= 1
        }
        return 1 + r * sum
    }
}
