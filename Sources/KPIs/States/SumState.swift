// Amounts: litres, watt-hours, vehicles.

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
