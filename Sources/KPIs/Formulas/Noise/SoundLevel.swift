// Levels from energies, for display: the equivalent level of a time, and the day-evening-night level of Directive
// 2002/49/EC. Both are read from sums; neither is ever averaged.

public enum SoundLevel {
    /// LAeq in dB(A) = 10 lg(E / s), from the energy (p0² · s) and the seconds of any number of windows, nodes apart.
    /// Nil without time. Minus infinity without energy.
    public static func equivalent(energy: Int128, seconds: Int64) -> Double? {
        guard seconds > 0, energy >= 0 else { return nil }
        return 10 * Logarithm.lg(Double(energy) / Double(seconds))
    }
}

/// How a state divides the day. The evening is 19 to 23 h of local legal time, and may be shortened by one or two hours
/// that go to the day or the night (Directive 2002/49/EC, Annex I, 1).
public struct NoiseHours: Hashable, Sendable {
    public let dayHours: Int
    public let eveningHours: Int
    public let nightHours: Int

    /// 07-19, 19-23 and 23-07.
    public static let standard = NoiseHours(unchecked: 12, 4, 8)

    /// Nil unless the hours are 24 together and the evening has 2 to 4 of them.
    public init?(dayHours: Int, eveningHours: Int, nightHours: Int) {
        guard (2...4).contains(eveningHours), (12...14).contains(dayHours), (8...10).contains(nightHours),
            dayHours + eveningHours + nightHours == 24
        else { return nil }
        self.init(unchecked: dayHours, eveningHours, nightHours)
    }

    private init(unchecked dayHours: Int, _ eveningHours: Int, _ nightHours: Int) {
        self.dayHours = dayHours
        self.eveningHours = eveningHours
        self.nightHours = nightHours
    }

    /// Lden in dB from the three levels in dB: the evening weighs 5 dB more, the night 10 (Annex I, 1). Of a year, give
    /// the levels of the year: the mean of daily Lden is another, lower number.
    public func dayEveningNightLevel(day: Double, evening: Double, night: Double) -> Double {
        let dayPart = Double(dayHours) * Exponential.powerOfTen(day / 10)
        let eveningPart = Double(eveningHours) * Exponential.powerOfTen((evening + 5) / 10)
        let nightPart = Double(nightHours) * Exponential.powerOfTen((night + 10) / 10)
        return 10 * Logarithm.lg((dayPart + eveningPart + nightPart) / 24)
    }
}
