// Exposure to radio waves: the mean field of a time from sums of squares, and how much of what is allowed all bands
// together use up. Squares add over time and over bands; fields do not.

public enum FieldStrength {
    /// The root mean square of the field, V/m, from Σ E²·dt in (mV/m)² · s and Σ dt in s; nil without time.
    public static func rootMeanSquare(squareSum: Int64, seconds: Int64) -> Double? {
        guard seconds > 0, squareSum >= 0 else { return nil }
        return (Double(squareSum) / Double(seconds)).squareRoot() / 1_000
    }

    /// The field of several bands together, V/m.
    public static func total(_ fields: [Double]) -> Double {
        fields.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}

/// The mean field of one band, over the averaging time of the guideline.
public struct BandField: Hashable, Sendable {
    public var megahertz: Double
    /// V/m, root mean square.
    public var field: Double

    public init(megahertz: Double, field: Double) {
        self.megahertz = megahertz
        self.field = field
    }
}

extension ExposureGuideline {
    /// The exposure quotient Σ (E_i / E_limit,i)² (ICNIRP 1998, "Simultaneous exposure to multiple frequency fields"):
    /// at most 1 complies. Nil when a band has no limit.
    public func quotient(_ bands: [BandField]) -> Double? {
        var sum = 0.0
        for band in bands {
            guard let limit = fieldLimit(megahertz: band.megahertz) else { return nil }
            let share = band.field / limit
            sum += share * share
        }
        return sum
    }

    /// The quotient in millionths, as it is contributed: rounded up, so that 1,000,000 is at most 1 and what complies
    /// on the wire complies. Nil when a band has no limit, or when it does not fit.
    public func quotientMillionths(_ bands: [BandField]) -> Int64? {
        guard let quotient = quotient(bands), quotient < 1e12 else { return nil }
        return Int64((quotient * 1e6).rounded(.up))
    }
}

/// What a year of averaged windows says of one antenna site (EN: EN: EQ: 1C).
public enum SiteCompliance: Hashable, Sendable {
    case complies
    case exceeds
    /// No window exceeded, and too few were measured to say more.
    case notEnoughMeasured

    /// Complies if every averaged window had a quotient of at most 1 and enough of them were measured. One window above
    /// decides, however few there are. The share is in per cent.
    public init(worstQuotientMillionths worst: Int64, windows: Int64, of expected: Int64, minimumPercent: Int64) {
        if worst > 1_000_000 {
            self = .exceeds
        } else if windows > 0, expected > 0,
            Int128(windows) * 100 >= Int128(expected) * Int128(minimumPercent)
        {
            self = .complies
        } else {
            self = .notEnoughMeasured
        }
    }
}
