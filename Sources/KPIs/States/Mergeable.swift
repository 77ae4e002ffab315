// What every state is: a small pure value of integers with one join, which is associative and commutative and has a
// zero (`init()`). A join that does not fit says so: the window is closed early and the rest is a window of its own.
//
// No state holds a mean, a ratio, a level in dB or a percentile: those do not add, and are derived when somebody reads
// them.

public protocol Mergeable: Equatable, Sendable {
    /// The zero of the join.
    init()
    /// The joined state; nil when a sum does not fit.
    func joined(with other: Self) -> Self?
}

extension Mergeable {
    /// All of them joined; nil when a sum does not fit.
    public static func joined(_ states: some Sequence<Self>) -> Self? {
        var whole = Self()
        for state in states {
            guard let joined = whole.joined(with: state) else { return nil }
            whole = joined
        }
        return whole
    }
}

/// Nil when the sum does not fit.
func sum(_ a: Int64, _ b: Int64) -> Int64? {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : sum
}
