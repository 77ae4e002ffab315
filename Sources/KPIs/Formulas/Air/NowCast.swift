// What the last twelve hours say of the air now (US EPA, NowCast for particulate matter): a weighted mean that leans on
// the newest hours the more, the faster the air changes. Not mergeable: a gauge for people nearby.

public enum NowCast {
    public static let id = "us-epa-nowcast-pm"

    /// Whole thousandths of the unit, rounded down, from hourly means in the same (ng/m³), newest first; at most 12,
    /// each within ±10^15, nil is an hour without. Nil unless two of the newest three are there.
    ///
    /// w = lowest / highest, at least ½; NowCast = Σ w^i · c_i / Σ w^i over the hours that are there, i = 0 for the
    /// newest.
    public static func value(_ newestFirst: [Int64?]) -> Int64? {
        guard let raw = raw(newestFirst) else { return nil }
        // A quotient that is whole must not fall below it by the rounding of a Double: a millionth of a ng is no air.
        return Int64((raw + 1e-6).rounded(.down))
    }

    /// The weight, ½ ... 1; nil as for the value.
    public static func weight(_ newestFirst: [Int64?]) -> Double? {
        guard newestFirst.count <= 12, newestFirst.prefix(3).count(where: { $0 != nil }) >= 2 else { return nil }
        let known = newestFirst.compactMap { $0 }
        guard known.allSatisfy({ $0.magnitude <= 1_000_000_000_000_000 }) else { return nil }
        guard let lowest = known.min(), let highest = known.max(), highest > 0 else { return 1 }
        return max(0.5, Double(lowest) / Double(highest))
    }

    static func raw(_ newestFirst: [Int64?]) -> Double? {
        guard let weight = weight(newestFirst) else { return nil }
        var power = 1.0
        var sum = 0.0
        var weights = 0.0
        for concentration in newestFirst {
            if let concentration {
                sum += power * Double(concentration)
                weights += power
            }
            power *= weight
        }
        return sum / weights
    }
}
