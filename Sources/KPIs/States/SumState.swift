// Amounts: litres, watt-hours, vehicles. And amounts from a meter that only tells its total.

/// The sum of amounts, in the contribution's unit and scale.
public struct SumState: Mergeable {
    public var amount: Int64

    public init() { amount = 0 }

    public init(amount: Int64) { self.amount = amount }

    /// The joined state; nil when the sum does not fit.
    public func joined(with other: SumState) -> SumState? {
        let (sum, overflow) = amount.addingReportingOverflow(other.amount)
        return overflow ? nil : SumState(amount: sum)
    }
}

/// Amounts from a meter that only tells its total. A total below the one before is a meter that began again at zero,
/// or, where its width is declared, one that wrapped.
public struct RegisterMeter: Sendable {
    private var last: Int64?
    /// The value at which the register begins again at 0, for example 65536; nil: not known.
    private let modulus: Int64?

    public init(modulus: Int64? = nil) { self.modulus = modulus }

    /// What was used between the previous total and this one; 0 for the first.
    public mutating func increment(to total: Int64) -> Int64 {
        defer { last = total }
        guard let last else { return 0 }
        if total >= last { return total - last }
        // Only a fall from the top tenth of the register is a wrap: anything else is a replacement.
        if let modulus, last > modulus / 10 * 9 { return modulus - last + total }
        return total
    }
}
