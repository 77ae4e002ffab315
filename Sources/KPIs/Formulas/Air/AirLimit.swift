// A limit, guideline or target for a pollutant, and how a measured mean is held against it: rounded to the decimals of
// the limit first, halves away from zero, as the guidance to Decision 2011/850/EU (reporting of air quality) has it.
// So 50.4 µg/m³ does not exceed a limit of 50, and 50.5 does.

public struct AirLimit: Hashable, Sendable {
    /// What is compared.
    public enum Averaging: String, Hashable, Sendable {
        case tenMinutes = "10min"
        case quarterHour = "15min"
        case hour = "1h"
        /// The day's highest mean over 8 hours.
        case eightHours = "8h"
        case day = "24h"
        case year = "year"
        /// Mean of the daily highest 8 h means in the six months in a row that have the highest such mean.
        case peakSeason = "season"
    }

    public enum Kind: String, Hashable, Sendable {
        case limit
        case target
        case guideline
        case interim1 = "interim-1"
        case interim2 = "interim-2"
        case interim3 = "interim-3"
        case interim4 = "interim-4"
        case information
        case alert
    }

    /// The id of its table: the version of what the number was held against.
    public let table: String
    public let pollutant: Pollutant
    public let averaging: Averaging
    public let kind: Kind
    /// In thousandths of the unit: µg/m³, for CO mg/m³; so that ng/m³ (CO: µg/m³) compare directly.
    public let thousandths: Int64
    /// How many means a year may be above it; nil: none, or the table says otherwise.
    public let allowedPerYear: Int?

    init(
        _ table: String, _ pollutant: Pollutant, _ averaging: Averaging, _ kind: Kind, thousandths: Int64,
        allowedPerYear: Int? = nil
    ) {
        self.table = table
        self.pollutant = pollutant
        self.averaging = averaging
        self.kind = kind
        self.thousandths = thousandths
        self.allowedPerYear = allowedPerYear
    }

    /// Names the limit in contributions: `eu-2008-50/no2/1h/limit`.
    public var id: String { "\(table)/\(pollutant.rawValue)/\(averaging.rawValue)/\(kind.rawValue)" }

    /// Decimals of the limit as it is written: 0, and 1 for 37.5.
    public var decimals: Int {
        thousandths % 1_000 == 0 ? 0 : thousandths % 100 == 0 ? 1 : thousandths % 10 == 0 ? 2 : 3
    }

    /// Whether a mean is above the limit, in thousandths of the limit's unit (ng/m³; for CO µg/m³).
    public func isExceeded(byThousandths mean: Int64) -> Bool {
        isExceeded(by: Int128(mean), 1)
    }

    /// The same for a mean that is still a fraction: rounded once, not twice.
    public func isExceeded(by mean: ExactMean) -> Bool { isExceeded(by: Int128(mean.sum), Int128(mean.count)) }

    private func isExceeded(by numerator: Int128, _ denominator: Int128) -> Bool {
        let step: Int128 = decimals == 0 ? 1_000 : decimals == 1 ? 100 : decimals == 2 ? 10 : 1
        return Rounding.nearest(numerator, denominator * step) * step > Int128(thousandths)
    }
}
