// Speeds of traffic. What is contributed is travel time for a kilometre, because times add and speeds do not: the mean
// of speeds at a point (time-mean) is above the speed at which a road is really travelled (space-mean).

public enum Speed {
    /// Milliseconds for a kilometre at a speed in tenths of a km/h, to the nearest, halves up: 300 (30 km/h) → 120000.
    /// Nil below 1 km/h, which is standing, and above 999.9 km/h.
    public static func millisecondsPerKilometre(tenthsOfKilometrePerHour speed: Int64) -> Int64? {
        guard (10...9_999).contains(speed) else { return nil }
        return Rounding.nearest(36_000_000, speed)
    }

    /// The space-mean speed, km/h: n / Σ(1/v), from the sum of milliseconds per kilometre of n vehicles. Nil of none.
    public static func spaceMean(millisecondsPerKilometreSum sum: Int64, vehicles: Int64) -> Double? {
        guard vehicles > 0, sum > 0 else { return nil }
        return 3_600_000 * Double(vehicles) / Double(sum)
    }

    /// The time-mean speed, km/h, from the sum of speeds in tenths of a km/h. Nil of no vehicle.
    public static func timeMean(tenthsSum sum: Int64, vehicles: Int64) -> Double? {
        vehicles > 0 ? Double(sum) / 10 / Double(vehicles) : nil
    }

    /// The free-flow speed of a link: the 85th percentile of the speeds off peak (FHWA Urban Congestion Report), by
    /// rank.
    public static func freeFlow(offPeak speeds: [Int64]) -> Int64? {
        RankPercentile.value(tenthsOfPercent: 850, of: speeds)
    }
}
