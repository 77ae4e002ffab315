// A weighted mean and how sure it is. What differs from value to value falls with their number; what is systematic
// does not, however many are merged (JCGM 100:2008 section 5.1.2 for the first, its maximum for the second).

public struct UncertainMean: Mergeable {
    /// Σw, Σw·x and Σw²·u², in the units of what was added.
    public private(set) var weight: Int128 = 0
    public private(set) var weighted: Int128 = 0
    public private(set) var squares: Int128 = 0
    /// The greatest systematic uncertainty of all.
    public private(set) var systematic: Int64 = 0

    public init() {}

    /// A value with its weight and its standard uncertainties, all in one decimal scale. False, and nothing changed,
    /// when a sum does not fit.
    public mutating func add(_ value: Int64, weight: Int64, random: Int64, systematic: Int64) -> Bool {
        let (spread, isTooWide) = Int128(weight).multipliedReportingOverflow(by: Int128(random))
        let (square, isTooLarge) = spread.multipliedReportingOverflow(by: spread)
        guard !isTooWide, !isTooLarge else { return false }
        var one = UncertainMean()
        one.weight = Int128(weight)
        one.weighted = Int128(weight) * Int128(value)
        one.squares = square
        one.systematic = systematic
        guard let joined = joined(with: one) else { return false }
        self = joined
        return true
    }

    public func joined(with other: UncertainMean) -> UncertainMean? {
        guard let weight = sum(weight, other.weight), let weighted = sum(weighted, other.weighted),
            let squares = sum(squares, other.squares)
        else { return nil }
        var joined = UncertainMean()
        joined.weight = weight
        joined.weighted = weighted
        joined.squares = squares
        joined.systematic = max(systematic, other.systematic)
        return joined
    }

    /// Nil without weight.
    public var mean: Double? { weight > 0 ? Double(weighted) / Double(weight) : nil }

    /// The standard uncertainty of the mean by what is random alone.
    public var randomUncertainty: Double? {
        weight > 0 ? Double(squares).squareRoot() / Double(weight) : nil
    }

    /// Both parts together.
    public var uncertainty: Double? {
        randomUncertainty.map { ($0 * $0 + Double(systematic) * Double(systematic)).squareRoot() }
    }
}
