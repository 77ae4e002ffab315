// The Common Air Quality Index of the CITEAIR project, hourly grid, background: linear between 0, 25, 50, 75 and 100,
// the worst pollutant decides. From memory of its definition (2012). Neither node nor `cityedge` reports it: it is for
// the platform's own programs (product KPIs).

public enum CommonAirQualityIndex {
    public static let table = "caqi-hourly"

    public struct Index: Hashable, Sendable {
        /// 0 ... 100.
        public var value: Double
        /// Above 100, where the grid is open.
        public var isBeyond: Bool
    }

    /// The index of an hourly mean in ng/m³ (for CO too); below zero counts as zero.
    public static func index(_ pollutant: Pollutant, nanogramsPerCubicMetre concentration: Int64) -> Index {
        let grid = grid(pollutant)
        let concentration = max(0, concentration)
        var low: Int64 = 0
        var base: Int64 = 0
        for high in grid.map({ $0 * 1_000 }) {
            if concentration <= high {
                // base + 25 · (c - low) / (high - low), with one rounding.
                let span = high - low
                let value = Double(base * span + 25 * (concentration - low)) / Double(span)
                return Index(value: value, isBeyond: false)
            }
            low = high
            base += 25
        }
        return Index(value: 100, isBeyond: true)
    }

    /// The worst of them; nil of none.
    public static func overall(_ indices: [Index]) -> Index? {
        indices.max { ($0.value, $0.isBeyond ? 1 : 0) < ($1.value, $1.isBeyond ? 1 : 0) }
    }

    /// Concentrations at 25, 50, 75 and 100, µg/m³.
    private static func grid(_ pollutant: Pollutant) -> [Int64] {
        switch pollutant {
        case .no2: [50, 100, 200, 400]
        case .pm10: [25, 50, 90, 180]
        case .pm2_5: [15, 30, 55, 110]
        case .o3: [60, 120, 180, 240]
        case .co: [5_000, 7_500, 10_000, 20_000]
        case .so2: [50, 100, 350, 500]
        }
    }
}
