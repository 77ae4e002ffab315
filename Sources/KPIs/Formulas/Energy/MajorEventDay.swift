// Days that storms decided (IEEE 1366, section 5, "2.5 beta method"): a day whose SAIDI is above the threshold is
// analysed apart, so that one hurricane does not hide five years of maintenance. It takes the SAIDI of five years of
// days, so it is for the platform's own programs (product KPIs).

public struct MajorEventDay: Hashable, Sendable {
    /// Mean and sample standard deviation of the natural logarithms of daily SAIDI in minutes.
    public let alpha: Double
    public let beta: Double

    /// Minutes of SAIDI above which a day is a major event day: exp(α + 2.5 β).
    public var thresholdMinutes: Double { Exponential.exp(alpha + 2.5 * beta) }

    /// From the daily SAIDI of the last five years, in minutes; days without interruptions (0) have no logarithm and
    /// are left out. Nil when fewer than two days are left or one is not finite.
    public init?(dailyMinutes: [Double]) {
        guard dailyMinutes.allSatisfy(\.isFinite) else { return nil }
        // Sorted, so that the order of the days does not show in the last bit.
        let logarithms = dailyMinutes.filter { $0 > 0 }.sorted().map(Logarithm.ln)
        guard logarithms.count >= 2 else { return nil }
        let mean = logarithms.reduce(0, +) / Double(logarithms.count)
        let squares = logarithms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        alpha = mean
        beta = (squares / Double(logarithms.count - 1)).squareRoot()
    }
}
