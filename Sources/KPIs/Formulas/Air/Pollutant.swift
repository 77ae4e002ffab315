// The pollutants of air that the indicators and indices know, and the unit that each is contributed in.

public enum Pollutant: String, Hashable, Sendable, CaseIterable {
    case pm2_5
    case pm10
    case no2
    case so2
    case o3
    case co

    /// The name of the data point in EN: EN: AQ: 1C (`pm_2.5`, `pm_10`, `no2` ...).
    public var series: String {
        switch self {
        case .pm2_5: "pm_2.5"
        case .pm10: "pm_10"
        default: rawValue
        }
    }

    public static func named(_ series: String) -> Pollutant? { allCases.first { $0.series == series } }

    /// Nil for particles, whose mass is measured as such.
    public var gas: Gas? {
        switch self {
        case .pm2_5, .pm10: nil
        case .no2: .no2
        case .so2: .so2
        case .o3: .o3
        case .co: .co
        }
    }
}

/// A gas that sensors tell as a share of the air's volume.
public enum Gas: String, Hashable, Sendable, CaseIterable {
    case no2
    case o3
    case so2
    case co
    case no

    /// Molar mass, g/mol, from the standard atomic weights (IUPAC 2013, abridged).
    var gramsPerMole: Double {
        switch self {
        case .no2: 46.0055
        case .o3: 47.9982
        case .so2: 64.0638
        case .co: 28.0101
        case .no: 30.0061
        }
    }
}
