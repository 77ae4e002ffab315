// The mean concentration that people breathe (SDG indicator 11.6.2): the mean of each place, weighted by the
// inhabitants it stands for. Neither the sum of all over the time of all nor the mean of the means.

/// One place: Σ value · dt, Σ dt, and whom it stands for.
public struct WeightedPlace: Hashable, Sendable {
    /// In the contribution's unit times seconds (ng·s/m³).
    public var integral: Int64
    public var seconds: Int64
    public var inhabitants: Int64

    public init(integral: Int64, seconds: Int64, inhabitants: Int64) {
        self.integral = integral
        self.seconds = seconds
        self.inhabitants = inhabitants
    }
}

public enum PopulationWeightedMean {
    /// In thousandths of the contribution's unit (thousandths of a ng/m³), so that the result is the same for every
    /// order of the places. The mean of a place is rounded to the millionth of the unit first. Places without time or
    /// inhabitants do not count; nil when none does.
    public static func thousandths(_ places: [WeightedPlace]) -> Int64? {
        let found = weighted(places, stepsPerUnit: 1_000_000)
        guard found.inhabitants > 0 else { return nil }
        return Int64(clamping: Rounding.nearest(found.sum, found.inhabitants * 1_000))
    }

    /// What the mean is made of: the places' means, each rounded to a step of the unit, times their inhabitants; and
    /// all inhabitants.
    static func weighted(
        _ places: [WeightedPlace], stepsPerUnit: Int128
    ) -> (sum: Int128, inhabitants: Int128) {
        var sum: Int128 = 0
        var inhabitants: Int128 = 0
        for place in places where place.seconds > 0 && place.inhabitants > 0 {
            let mean = Rounding.nearest(Int128(place.integral) * stepsPerUnit, Int128(place.seconds))
            sum += mean * Int128(place.inhabitants)
            inhabitants += Int128(place.inhabitants)
        }
        return (sum, inhabitants)
    }

    /// For display, in thousandfold units: µg/m³ from contributions in ng·s/m³.
    public static func value(_ places: [WeightedPlace]) -> Double? { thousandths(places).map { Double($0) / 1e6 } }
}
