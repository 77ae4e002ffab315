import Glibc
import KPIs
import Testing
import World

@Suite("Logarithms and exponentials without a C library")
struct LogarithmTests {
    /// |found - expected| / |expected|.
    private static func error(_ found: Double, _ expected: Double) -> Double {
        found == expected ? 0 : expected == 0 ? .infinity : ((found - expected) / expected).magnitude
    }

    /// Positive doubles of every magnitude, many of them near 1, where a logarithm is small.
    private static func arguments(seed: UInt64) -> [Double] {
        var random = Random(seed: seed)
        return (0..<30_000).map { index in
            let part = Double(random.next() >> 11) * 0x1p-53
            switch index % 3 {
            case 0: return Double(bitPattern: random.below(0x7FEF_FFFF_FFFF_FFFF) + 1)
            case 1: return 1 + (part - 0.5) * Double(sign: .plus, exponent: -Int(random.below(50)), significand: 1)
            default: return 0.5 + part * 1.5
            }
        }
    }

    @Test("ln, lg and log2 differ from the C library's by less than 1e-15 of the value, over all positive doubles")
    func logarithms() {
        var worst = (ln: 0.0, lg: 0.0, log2: 0.0)
        let seed: UInt64 = 20_261_121
        for x in Self.arguments(seed: seed) {
            worst.ln = max(worst.ln, Self.error(Logarithm.ln(x), log(x)))
            worst.lg = max(worst.lg, Self.error(Logarithm.lg(x), log10(x)))
            worst.log2 = max(worst.log2, Self.error(Logarithm.log2(x), Glibc.log2(x)))
        }
        print("logarithms: \(worst)")
        #expect(worst.ln < 1e-15 && worst.lg < 1e-15 && worst.log2 < 1e-15, "seed \(seed): \(worst)")
    }

    @Test("exp and 10^x differ from the C library's by less than 1e-15 of the value, wherever the result is normal")
    func exponentials() {
        var worst = (exp: 0.0, powerOfTen: 0.0)
        let seed: UInt64 = 5_042_011
        var random = Random(seed: seed)
        for _ in 0..<30_000 {
            let part = Double(random.next() >> 11) * 0x1p-52 - 1
            worst.exp = max(worst.exp, Self.error(Exponential.exp(part * 708), Glibc.exp(part * 708)))
            worst.exp = max(worst.exp, Self.error(Exponential.exp(part), Glibc.exp(part)))
            for range in [307.0, 14] {
                let found = Exponential.powerOfTen(part * range)
                worst.powerOfTen = max(worst.powerOfTen, Self.error(found, pow(10, part * range)))
            }
        }
        print("exponentials: \(worst)")
        #expect(worst.exp < 1e-15 && worst.powerOfTen < 1e-15, "seed \(seed): \(worst)")
    }

    @Test("Powers of ten and of two have exact logarithms, and whole exponents of ten exact powers")
    func exact() {
        var power = 1.0
        for exponent in 0...22 {
            #expect(Logarithm.lg(power) == Double(exponent))
            #expect(Logarithm.lg(1 / power) == -Double(exponent))
            #expect(Exponential.powerOfTen(Double(exponent)) == power)
            #expect(Exponential.powerOfTen(-Double(exponent)) == 1 / power)
            power *= 10
        }
        for exponent in -1_074...1_023 {
            #expect(Logarithm.log2(Double(sign: .plus, exponent: exponent, significand: 1)) == Double(exponent))
        }
        #expect(Logarithm.ln(1) == 0 && Exponential.exp(0) == 1)
    }

    @Test("The ends: zero, negative numbers, infinity, not a number, overflow and underflow")
    func ends() {
        #expect(Logarithm.ln(0) == -.infinity && Logarithm.lg(0) == -.infinity && Logarithm.log2(0) == -.infinity)
        #expect(Logarithm.ln(-1).isNaN && Logarithm.lg(-1).isNaN && Logarithm.log2(-.infinity).isNaN)
        #expect(Logarithm.ln(.infinity) == .infinity && Logarithm.lg(.infinity) == .infinity)
        #expect(Logarithm.ln(.nan).isNaN && Logarithm.lg(.nan).isNaN && Exponential.exp(.nan).isNaN)
        #expect(Exponential.exp(710) == .infinity && Exponential.exp(.infinity) == .infinity)
        #expect(Exponential.exp(-800) == 0 && Exponential.exp(-.infinity) == 0)
        #expect(Exponential.powerOfTen(309) == .infinity && Exponential.powerOfTen(-400) == 0)
        #expect(Exponential.powerOfTen(.nan).isNaN && Exponential.exp(-745) == Double.leastNonzeroMagnitude)
    }

    @Test("Powers: whole exponents as by multiplying, others as the C library has them")
    func powers() {
        #expect(Exponential.power(0.5, 11) == 0x1p-11)
        #expect(Exponential.power(3, 20) == 3_486_784_401)
        #expect(Exponential.power(2, -3) == 0.125)
        #expect(Exponential.power(7, 0) == 1)
        for f in stride(from: 0.1, through: 30, by: 0.1) {
            #expect(Self.error(Exponential.power(f, -0.7), pow(f, -0.7)) < 2e-15)
        }
        #expect(Exponential.power(-2, 0.5).isNaN)
    }
}
