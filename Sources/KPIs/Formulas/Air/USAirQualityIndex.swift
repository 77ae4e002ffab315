// The Air Quality Index of the US EPA (40 CFR 58, Appendix G, with the PM2.5 row effective 6 May 2024), in integers:
// concentrations are truncated to the table's decimals, the rest is one division. Equal to exact fractions on every
// input of the table, halves up.

public enum USAirQualityIndex {
    public static let table = "us-epa-aqi-2024"

    /// What the index is made of, in the order of the table.
    public enum Series: String, Hashable, Sendable, CaseIterable {
        case pm2_5Day = "pm2_5/24h"
        case pm10Day = "pm10/24h"
        case o3EightHours = "o3/8h"
        case o3Hour = "o3/1h"
        case coEightHours = "co/8h"
        case so2Hour = "so2/1h"
        /// Decides from index 201 on, where the hour's series ends.
        case so2Day = "so2/24h"
        case no2Hour = "no2/1h"

        /// How many thousandths (ng/m³; for O3, SO2, NO2 0.001 ppb; for CO 0.001 ppm) make one truncation unit: PM2.5
        /// and CO keep one decimal, O3 keeps three of ppm, the others are whole.
        public var thousandthsPerUnit: Int64 {
            switch self {
            case .pm2_5Day, .coEightHours: 100
            case .pm10Day, .o3EightHours, .o3Hour, .so2Hour, .so2Day, .no2Hour: 1_000
            }
        }

        /// Index and concentration of each row's ends, in truncation units.
        var rows: [Row] {
            switch self {
            case .pm2_5Day:
                Row.rows([0, 91, 355, 555, 1_255, 2_255], to: [90, 354, 554, 1_254, 2_254, 3_254])
            case .pm10Day: Row.rows([0, 55, 155, 255, 355, 425], to: [54, 154, 254, 354, 424, 604])
            case .o3EightHours: Row.rows([0, 55, 71, 86, 106], to: [54, 70, 85, 105, 200])
            case .o3Hour: Row.rows([125, 165, 205, 405], to: [164, 204, 404, 604], firstCategory: 2)
            case .coEightHours: Row.rows([0, 45, 95, 125, 155, 305], to: [44, 94, 124, 154, 304, 504])
            case .so2Hour: Row.rows([0, 36, 76, 186], to: [35, 75, 185, 304])
            case .so2Day: Row.rows([305, 605], to: [604, 1_004], firstCategory: 4)
            case .no2Hour: Row.rows([0, 54, 101, 361, 650, 1_250], to: [53, 100, 360, 649, 1_249, 2_049])
            }
        }
    }

    public enum Category: Int, Hashable, Sendable, CaseIterable {
        case good
        case moderate
        case unhealthyForSensitiveGroups
        case unhealthy
        case veryUnhealthy
        case hazardous

        var indices: (low: Int64, high: Int64) {
            switch self {
            case .good: (0, 50)
            case .moderate: (51, 100)
            case .unhealthyForSensitiveGroups: (101, 150)
            case .unhealthy: (151, 200)
            case .veryUnhealthy: (201, 300)
            case .hazardous: (301, 500)
            }
        }

        public init(index: Int) {
            self = Category.allCases.first { Int64(index) <= $0.indices.high } ?? .hazardous
        }
    }

    public struct Index: Hashable, Sendable {
        public var series: Series
        /// 0 ... 500.
        public var value: Int
        /// The concentration is beyond the series' last row: the index is at least this. Above 500 nothing is defined;
        /// O3 over 8 h ends at 300 and SO2 over 1 h at 200, where another series decides.
        public var isBeyond: Bool

        public init(series: Series, value: Int, isBeyond: Bool) {
            self.series = series
            self.value = value
            self.isBeyond = isBeyond
        }

        public var category: Category { Category(index: value) }
    }

    struct Row {
        var low: Int64
        var high: Int64
        var category: Category

        static func rows(_ low: [Int64], to high: [Int64], firstCategory: Int = 0) -> [Row] {
            zip(low, high).enumerated().compactMap { offset, ends in
                Category(rawValue: firstCategory + offset).map { Row(low: ends.0, high: ends.1, category: $0) }
            }
        }
    }

    /// The index of a truncated concentration, in the series' truncation units. Nil below the series' first row (O3
    /// over 1 h below 125 ppb, SO2 over 24 h below 305 ppb). Below zero counts as zero.
    public static func index(_ series: Series, truncated concentration: Int64) -> Index? {
        let concentration = max(0, concentration)
        var last = 0
        for row in series.rows {
            let indices = row.category.indices
            last = Int(indices.high)
            guard concentration <= row.high else { continue }
            guard concentration >= row.low else { return nil }
            let indexSpan = indices.high - indices.low
            let span = row.high - row.low
            // Half a unit is added before the division, so that halves go up.
            let above = (2 * indexSpan * (concentration - row.low) + span) / (2 * span)
            return Index(series: series, value: Int(indices.low + above), isBeyond: false)
        }
        return Index(series: series, value: last, isBeyond: true)
    }

    /// The index of a mean in thousandths (ng/m³; 0.001 ppb; for CO 0.001 ppm), truncated first.
    public static func index(_ series: Series, thousandths: Int64) -> Index? {
        index(series, truncated: max(0, thousandths) / series.thousandthsPerUnit)
    }

    /// The highest; of equal ones the first in the order of the table. Nil of none.
    public static func overall(_ indices: [Index]) -> Index? {
        Series.allCases.reduce(nil) { (best: Index?, series) in
            indices.filter { $0.series == series }.reduce(best) { best, index in
                guard let best else { return index }
                return index.value > best.value ? index : best
            }
        }
    }
}
