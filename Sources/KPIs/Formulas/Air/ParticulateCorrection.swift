// Low-cost particle counters read high in damp air. The correction that the US EPA applies to one make of them across
// the United States, as an option: the id goes with the value, and elsewhere it should be checked against a reference.
// For the platform's own programs (product KPIs): the node contributes what was measured.

public enum ParticulateCorrection {
    /// Barkjohn, Gantt, Clements, Atmos. Meas. Tech. 14 (2021): PM2.5 = 0.524 · raw - 0.0862 · RH + 5.75. From memory
    /// of the paper.
    public static let id = "us-epa-barkjohn-2021"

    /// Corrected PM2.5 in ng/m³, at least 0, halves away from zero, from the counter's CF=1 value in ng/m³ and relative
    /// humidity in hundredths of a per cent. Nil for humidity outside 0 ... 100 % or a value outside 0 ... 10^12.
    public static func correctedNanograms(raw: Int64, humidityHundredths humidity: Int64) -> Int64? {
        guard (0...10_000).contains(humidity), (0...1_000_000_000_000).contains(raw) else { return nil }
        return max(0, Rounding.nearest(524 * raw - 862 * humidity + 5_750_000, 1_000))
    }
}
