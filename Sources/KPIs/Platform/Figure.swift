// What the platform says of an indicator, with everything that a verifier asks for. A figure that was not measured is
// not reported (`value` nil); it is never 0.

/// A whole number times a power of ten, in a unit: what a ratio was made of, to the last digit.
public struct ExactAmount: Equatable, Sendable {
    public var number: Int128
    /// At most 0: how many decimals the number has.
    public var exponent: Int
    public var unit: String

    public init(_ number: Int128, exponent: Int = 0, unit: String) {
        self.number = number
        self.exponent = exponent
        self.unit = unit
    }

    /// For display.
    public var value: Double { Double(number) / Decimals.power(-exponent) }

    /// All its digits: `12345.67`.
    public var text: String { Decimals.text(number, decimals: -exponent) }
}

/// Seconds that should be known, and that are.
public struct CoverageShare: Equatable, Sendable {
    public var expectedSeconds: Int128
    public var validSeconds: Int128

    public init(expectedSeconds: Int128 = 0, validSeconds: Int128 = 0) {
        self.expectedSeconds = expectedSeconds
        self.validSeconds = validSeconds
    }

    /// 0 ... 1; nil when nothing was expected.
    public var share: Double? { expectedSeconds > 0 ? Double(validSeconds) / Double(expectedSeconds) : nil }
}

/// One number of an indicator: a data point of it, of one class of instruments unless others were asked to be merged.
public struct Figure: Equatable, Sendable {
    /// The data point (`pm_2.5`, `total`, `zone dma-7` ...).
    public var point: String
    /// The indicator's own figure. The others support it.
    public var isHeadline = true
    public var classes: [InstrumentClass] = []
    public var value: Double?
    /// The least and the greatest that it can be, where it is not certain.
    public var range: ClosedRange<Double>?
    public var unit: String
    public var numerator: ExactAmount?
    public var denominator: ExactAmount?
    /// How it was made; changes when the rule does.
    public var method: String
    /// Table versions in force (`tz`, `conv` ...). More than one of a kind is said in `notes`.
    public var tables: [String: [String]] = [:]
    public var coverage = CoverageShare()
    public var flags: [String: Int128] = [:]
    /// Relative standard uncertainty in millionths; nil: not all contributions say theirs.
    public var uncertaintyPpm: Double?
    public var quality: DataQuality?
    public var nodes = 0
    public var contributions = 0
    /// Of the contributions, those that may still change.
    public var provisional = 0
    /// Thresholds that the states were made with.
    public var parameters: [NamedNumber] = []
    public var target: Double?
    /// 1 ... 4, where a target is given and there is a value.
    public var score: Int?
    /// What a reader should know.
    public var notes: [String] = []

    public init(_ point: String, unit: String, method: String, isHeadline: Bool = true) {
        self.point = point
        self.unit = unit
        self.method = method
        self.isHeadline = isHeadline
    }

    /// value = numerator / denominator × factor, unless the denominator is 0.
    mutating func divide(
        _ numerator: ExactAmount, by denominator: ExactAmount, times factor: Double = 1
    ) {
        self.numerator = numerator
        self.denominator = denominator
        value = denominator.number > 0 ? numerator.value * factor / denominator.value : nil
    }

    /// The same with the value that the indicator's own formula made of the two.
    mutating func divide(_ numerator: ExactAmount, by denominator: ExactAmount, giving value: Double?) {
        self.numerator = numerator
        self.denominator = denominator
        self.value = value
    }
}

public struct IndicatorReport: Equatable, Sendable {
    public var code: String
    public var slug: String
    public var name: String
    /// UTC seconds: which windows count, by their starts.
    public var from: Int64
    public var until: Int64
    /// Empty: not reported.
    public var figures: [Figure] = []
    /// Left out: two contents for one revision.
    public var conflicts: [ContributionSet.Key] = []
    /// Time that two streams of one node both cover: in sums and coverage once (`SourceWindows`).
    public var overlaps: [Overlap] = []
    public var notes: [String] = []

    public init(code: String, slug: String, name: String, from: Int64, until: Int64) {
        self.code = code
        self.slug = slug
        self.name = name
        self.from = from
        self.until = until
    }

    public var isReported: Bool { figures.contains { $0.isHeadline && $0.value != nil } }

    /// The points of its headline figures; nil without a benchmark or without a value.
    public var points: [Int] { figures.compactMap { $0.isHeadline ? $0.score : nil } }
}

/// Decimal numbers as text, by integers only.
enum Decimals {
    static func power(_ exponent: Int) -> Double { (0..<max(exponent, 0)).reduce(1) { power, _ in power * 10 } }

    static func wholePower(_ exponent: Int) -> Int128 {
        (0..<max(exponent, 0)).reduce(Int128(1)) { power, _ in power * 10 }
    }

    static func text(_ number: Int128, decimals: Int) -> String {
        guard decimals > 0 else { return "\(number)" }
        let power = wholePower(decimals).magnitude
        let (whole, rest) = number.magnitude.quotientAndRemainder(dividingBy: power)
        var digits = String(rest)
        digits = String(repeating: "0", count: decimals - digits.utf8.count) + digits
        while digits.utf8.last == 0x30 { digits.removeLast() }
        return (number < 0 ? "-" : "") + String(whole) + (digits.isEmpty ? "" : "." + digits)
    }

    /// At most six decimals, and all its digits before the point; values beyond 10^30 are not of this world.
    static func text(_ value: Double, decimals: Int = 6) -> String {
        guard value.isFinite, value.magnitude < 1e30 else { return "\(value)" }
        // A Double has no more than 17 significant digits: what is larger has no decimals left.
        let kept = value.magnitude < 1e9 ? decimals : value.magnitude < 1e15 ? min(decimals, 2) : 0
        return text(Int128((value * power(kept)).rounded()), decimals: kept)
    }
}

/// A number as plain decimals, without an exponent and without zeros at its end: for tables and exports.
public func decimalText(_ value: Double, decimals: Int = 6) -> String { Decimals.text(value, decimals: decimals) }
