// The European Air Quality Index of the EEA: six levels from hourly concentrations, the worst pollutant decides. Its
// bands were revised, and the two versions disagree widely (44 µg/m³ of NO2: level 2 before, 3 after), so the table's
// id goes with every level. Version 1 is from memory of the EEA's page; version 2 was found in several independent
// programs.

public struct EuropeanAirQualityIndex: Hashable, Sendable {
    public enum Version: String, Hashable, Sendable, CaseIterable {
        /// 2017 to 2024. Particles: running mean of 24 h.
        case v1 = "eaqi-v1"
        /// Since the revision of 2024/2025. One hour for all.
        case v2 = "eaqi-v2"
    }

    public static let names = ["Good", "Fair", "Moderate", "Poor", "Very poor", "Extremely poor"]

    public let version: Version

    public init(_ version: Version) { self.version = version }

    public var table: String { version.rawValue }

    /// The level, 1 ... 6, of a concentration in ng/m³; the upper end of a band belongs to it. Nil for CO, which the
    /// index does not know.
    public func level(_ pollutant: Pollutant, nanogramsPerCubicMetre concentration: Int64) -> Int? {
        guard let bounds = bounds(pollutant) else { return nil }
        return 1 + bounds.count { concentration > $0 * 1_000 }
    }

    /// The worst of the levels; nil of none.
    public func overall(_ levels: [Int]) -> Int? { levels.max() }

    /// Whether a station has enough pollutants for an index: at traffic NO2 and particles, elsewhere NO2, O3 and
    /// particles (EEA, index viewer of 2017).
    public static func isComplete(_ pollutants: Set<Pollutant>, isTraffic: Bool) -> Bool {
        let hasParticles = pollutants.contains(.pm2_5) || pollutants.contains(.pm10)
        return pollutants.contains(.no2) && hasParticles && (isTraffic || pollutants.contains(.o3))
    }

    /// The upper ends of levels 1 ... 5, µg/m³.
    func bounds(_ pollutant: Pollutant) -> [Int64]? {
        switch (version, pollutant) {
        case (.v1, .pm2_5): [10, 20, 25, 50, 75]
        case (.v1, .pm10): [20, 40, 50, 100, 150]
        case (.v1, .no2): [40, 90, 120, 230, 340]
        case (.v1, .o3): [50, 100, 130, 240, 380]
        case (.v1, .so2): [100, 200, 350, 500, 750]
        case (.v2, .pm2_5): [5, 15, 50, 90, 140]
        case (.v2, .pm10): [15, 45, 120, 195, 270]
        case (.v2, .no2): [10, 25, 60, 100, 150]
        case (.v2, .o3): [60, 100, 120, 160, 180]
        case (.v2, .so2): [20, 40, 125, 190, 275]
        case (_, .co): nil
        }
    }
}
