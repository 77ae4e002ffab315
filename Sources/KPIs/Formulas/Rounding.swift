// Division of integers as the field rounds: half away from zero, like a calibrated reading, or down. And means kept as
// two integers, so that nothing is rounded before somebody reads it.

enum Rounding {
    /// numerator / denominator to the nearest whole, halves away from zero. The denominator is positive.
    static func nearest(_ numerator: Int128, _ denominator: Int128) -> Int128 {
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        guard rest.magnitude >= denominator.magnitude - rest.magnitude else { return quotient }
        return quotient + (numerator < 0 ? -1 : 1)
    }

    static func nearest(_ numerator: Int64, _ denominator: Int64) -> Int64 {
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        guard rest.magnitude >= denominator.magnitude - rest.magnitude else { return quotient }
        return quotient + (numerator < 0 ? -1 : 1)
    }

    /// numerator / denominator to the next whole towards minus infinity. The denominator is positive.
    static func down(_ numerator: Int64, _ denominator: Int64) -> Int64 {
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        return rest < 0 ? quotient - 1 : quotient
    }
}

/// A mean as its sum and its count, in the unit of what was summed.
public struct ExactMean: Hashable, Sendable {
    public let sum: Int64
    /// At least 1.
    public let count: Int64

    /// Nil when there is nothing to take the mean of.
    public init?(sum: Int64, count: Int64) {
        guard count > 0 else { return nil }
        self.sum = sum
        self.count = count
    }

    /// The mean of values; nil of none, and when their sum does not fit.
    public init?(of values: some Sequence<Int64>) {
        var sum: Int64 = 0
        var count: Int64 = 0
        for value in values {
            let (next, overflow) = sum.addingReportingOverflow(value)
            guard !overflow else { return nil }
            sum = next
            count += 1
        }
        self.init(sum: sum, count: count)
    }

    /// For display.
    public var value: Double { Double(sum) / Double(count) }

    /// To the nearest whole unit, halves away from zero.
    public var rounded: Int64 { Rounding.nearest(sum, count) }

    /// Whether it is the lower value, exactly. No `<`: 2/1 and 4/2 are two states of one value.
    public func isBelow(_ other: ExactMean) -> Bool {
        Int128(sum) * Int128(other.count) < Int128(other.sum) * Int128(count)
    }
}
