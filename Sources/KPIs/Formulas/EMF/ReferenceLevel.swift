// Reference levels for the exposure of the general public to radio waves, 100 kHz to 300 GHz, as data with versions:
// ICNIRP Guidelines 1998 (table 7, mean over 6 minutes) and ICNIRP Guidelines 2020 (table 5, whole body, mean over 30
// minutes). From memory of the two publications: check them before a legal claim.

/// One publication's levels.
public struct ExposureGuideline: Hashable, Sendable {
    public let id: String
    /// The time over which a field is averaged before it is compared.
    public let averagingSeconds: Int64
    private let bands: [Band]

    /// From above `from` to `to` MHz: field = factor · f^exponent V/m, f in MHz.
    private struct Band: Hashable, Sendable {
        var from: Double
        var to: Double
        var factor: Double
        var exponent: Double
    }

    public static let icnirp1998 = ExposureGuideline(
        id: "icnirp-1998", averagingSeconds: 360,
        bands: [
            Band(from: 0.1, to: 1, factor: 87, exponent: 0), Band(from: 1, to: 10, factor: 87, exponent: -0.5),
            Band(from: 10, to: 400, factor: 28, exponent: 0), Band(from: 400, to: 2_000, factor: 1.375, exponent: 0.5),
            Band(from: 2_000, to: 300_000, factor: 61, exponent: 0),
        ])

    /// Above 2 GHz it limits power density only (10 W/m²); here as the field of a plane wave of that density.
    public static let icnirp2020 = ExposureGuideline(
        id: "icnirp-2020", averagingSeconds: 1_800,
        bands: [
            Band(from: 0.1, to: 30, factor: 300, exponent: -0.7), Band(from: 30, to: 400, factor: 27.7, exponent: 0),
            Band(from: 400, to: 2_000, factor: 1.375, exponent: 0.5),
            Band(from: 2_000, to: 300_000, factor: PowerDensity.field(wattsPerSquareMetre: 10), exponent: 0),
        ])

    public static let all = [icnirp1998, icnirp2020]

    public static func named(_ id: String) -> ExposureGuideline? { all.first { $0.id == id } }

    /// The reference level of the electric field, V/m (root mean square); nil outside 0.1 ... 300,000 MHz. On the
    /// border of two bands the lower one's.
    public func fieldLimit(megahertz: Double) -> Double? {
        guard megahertz >= 0.1, let band = bands.first(where: { megahertz <= $0.to }) else { return nil }
        return Self.limit(band, megahertz)
    }

    /// The lowest reference level in a range of frequencies: for a probe that cannot tell them apart. Nil when the
    /// range leaves 0.1 ... 300,000 MHz.
    public func strictestFieldLimit(megahertz range: ClosedRange<Double>) -> Double? {
        guard range.lowerBound >= 0.1, range.upperBound <= 300_000 else { return nil }
        // Within a band the level only rises or only falls, so that the ends of what is in range decide.
        var lowest: Double?
        for band in bands where band.from <= range.upperBound && band.to >= range.lowerBound {
            let low = Self.limit(band, max(band.from, range.lowerBound))
            let high = Self.limit(band, min(band.to, range.upperBound))
            lowest = min(lowest ?? .infinity, low, high)
        }
        return lowest
    }

    private static func limit(_ band: Band, _ megahertz: Double) -> Double {
        switch band.exponent {
        case 0: band.factor
        case 0.5: band.factor * megahertz.squareRoot()
        case -0.5: band.factor / megahertz.squareRoot()
        default: band.factor * Exponential.power(megahertz, band.exponent)
        }
    }
}

/// The power density of a plane wave far from its source.
public enum PowerDensity {
    /// The impedance of free space, Ω (CODATA 2018).
    static let impedance = 376.730_313_668

    /// S = E² / Z0, W/m², from V/m.
    public static func wattsPerSquareMetre(field: Double) -> Double { field * field / impedance }

    /// E = √(S · Z0), V/m.
    public static func field(wattsPerSquareMetre density: Double) -> Double { (density * impedance).squareRoot() }
}
