// Number, sum and sum of squares: mean and variance as exact fractions, whichever way the values were split.

public struct Moments: Mergeable {
    public private(set) var count: Int64 = 0
    public private(set) var total: Int128 = 0
    public private(set) var squares: Int128 = 0

    public init() {}

    /// False, and nothing changed, when a sum does not fit.
    public mutating func add(_ value: Int64) -> Bool {
        var one = Moments()
        one.count = 1
        one.total = Int128(value)
        one.squares = Int128(value) * Int128(value)
        guard let joined = joined(with: one) else { return false }
        self = joined
        return true
    }

    public func joined(with other: Moments) -> Moments? {
        guard let count = sum(count, other.count), let total = sum(total, other.total),
            let squares = sum(squares, other.squares)
        else { return nil }
        var joined = Moments()
        joined.count = count
        joined.total = total
        joined.squares = squares
        return joined
    }

    /// Nil without values.
    public var mean: Double? { count > 0 ? Double(total) / Double(count) : nil }

    /// The sample variance (n·S2 − S1²) / (n(n − 1)); nil for fewer than two values, or where it does not fit.
    public var variance: (numerator: Int128, denominator: Int128)? {
        guard count > 1 else { return nil }
        let (first, isFirstTooLarge) = squares.multipliedReportingOverflow(by: Int128(count))
        let (second, isSecondTooLarge) = total.multipliedReportingOverflow(by: total)
        guard !isFirstTooLarge, !isSecondTooLarge else { return nil }
        return (first - second, Int128(count) * Int128(count - 1))
    }
}

/// Nil when the sum does not fit.
func sum(_ a: Int128, _ b: Int128) -> Int128? {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : sum
}
