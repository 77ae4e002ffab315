// Percentiles by rank, without interpolation: always a value that was measured, and the same for every implementation.

public enum RankPercentile {
    /// The value of rank ⌈p · n⌉ in ascending order; p in tenths of a per cent, 1 ... 1000. The 99th percentile of 365
    /// values is the 362nd, which is the 4th highest; the 90.4th of 365 is the 36th highest (35 may be above). Nil
    /// without values or for another p.
    public static func value(tenthsOfPercent p: Int, of values: [Int64]) -> Int64? {
        guard let rank = rank(tenthsOfPercent: p, count: Int64(values.count)) else { return nil }
        return values.sorted()[Int(rank) - 1]
    }

    /// ⌈p · n⌉, 1 ... n.
    public static func rank(tenthsOfPercent p: Int, count: Int64) -> Int64? {
        guard (1...1_000).contains(p), count > 0 else { return nil }
        return Int64((Int128(count) * Int128(p) + 999) / 1_000)
    }
}
