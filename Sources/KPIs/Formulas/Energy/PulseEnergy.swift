// Energy from the pulses of a meter (S0, IEC 62053-31). Pulses are what is counted and added; the energy is a fraction
// of whole numbers, made when somebody reads it, so that nothing is lost to a meter with 3 pulses to a Wh. For the
// platform's own programs (product KPIs): a node's pulses become energy by the calibration of their channel.

public struct PulseEnergy: Hashable, Sendable {
    /// The meter's constant, imp/kWh, at least 1.
    public let pulsesPerKilowattHour: Int64
    /// Of the current transformer before it, 1 without one: 20 for 100 A / 5 A.
    public let transformerRatio: Int64

    /// Nil unless both are in 1 ... 1,000,000,000.
    public init?(pulsesPerKilowattHour: Int64, transformerRatio: Int64 = 1) {
        let range: ClosedRange<Int64> = 1...1_000_000_000
        guard range.contains(pulsesPerKilowattHour), range.contains(transformerRatio) else { return nil }
        self.pulsesPerKilowattHour = pulsesPerKilowattHour
        self.transformerRatio = transformerRatio
    }

    /// Milliwatt-hours as an exact fraction: pulses · 10^6 · ratio / constant.
    public func milliwattHours(pulses: Int64) -> (numerator: Int128, denominator: Int64) {
        (Int128(pulses) * 1_000_000 * Int128(transformerRatio), pulsesPerKilowattHour)
    }

    /// Whole milliwatt-hours, halves away from zero. Of a total, not of parts that are added.
    public func roundedMilliwattHours(pulses: Int64) -> Int128 {
        let energy = milliwattHours(pulses: pulses)
        return Rounding.nearest(energy.numerator, Int128(energy.denominator))
    }

    /// For display.
    public func kilowattHours(pulses: Int64) -> Double {
        let energy = milliwattHours(pulses: pulses)
        return Double(energy.numerator) / Double(energy.denominator) / 1e6
    }

    /// Power in watts between two pulses: 3,600,000 · ratio / (constant · seconds). Nil without time between them.
    public func watts(millisecondsBetweenPulses milliseconds: Int64) -> Double? {
        guard milliseconds > 0 else { return nil }
        return 3_600_000_000 * Double(transformerRatio) / (Double(pulsesPerKilowattHour) * Double(milliseconds))
    }
}
