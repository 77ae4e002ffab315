// What the contributions of an indicator carry: which state, in which unit, and how it joins across nodes.

/// How the contributions of several nodes make the city's figure. Across windows and streams of one node every state
/// has its own join (`ContributionState.joined`).
public enum NodeJoin: Sendable, Hashable {
    /// Sums add.
    case add
    /// Each node's own figure first, then their mean weighted by inhabitants (or by what the indicator says).
    case weightedMean
    /// Assets are united by their ids: what two nodes watch counts once.
    case union
}

public enum Measure: Sendable, Hashable {
    case volume
    case energy
    case heat
    /// Energy of whatever carrier; gas in cubic metres, which the platform converts with the gas's calorific value.
    case carrier
    case count
    case outages
    case pollutant
    case level
    case sound
    case exposure
    case compliance
    case travel
    case occupancy
    /// An asset that is measured in metres, or counted.
    case presence(metres: Bool)

    /// What becomes of a channel's value on the wire: `value × factor × 10^exponent` is in `unit`.
    public struct Conversion: Sendable, Hashable {
        /// SenML unit of the channel; nil: any.
        public var channelUnit: String?
        /// Unit of 1 on the wire; nil: the channel's unit followed by `_s`, or the channel's own unit.
        public var unit: String?
        public var factor: Int64
        public var exponent: Int

        init(_ channelUnit: String?, _ unit: String?, factor: Int64 = 1, _ exponent: Int = 0) {
            self.channelUnit = channelUnit
            self.unit = unit
            self.factor = factor
            self.exponent = exponent
        }
    }

    private static let watthours = [
        Conversion("Wh", "mWh", 3), Conversion("kWh", "mWh", 6), Conversion("MWh", "mWh", 9),
    ]

    /// The wire registry: what each channel unit becomes.
    public var conversions: [Conversion] {
        switch self {
        case .volume: [Conversion("m3", "ml", 6)]
        case .energy: Self.watthours
        case .heat:
            [
                Conversion("J", "J"), Conversion("kJ", "J", 3), Conversion("MJ", "J", 6), Conversion("GJ", "J", 9),
                Conversion("Wh", "J", factor: 36, 2), Conversion("kWh", "J", factor: 36, 5),
                Conversion("MWh", "J", factor: 36, 8),
            ]
        case .carrier: Self.watthours + [Conversion("m3", "ml", 6)]
        case .count: [Conversion("count", "count"), Conversion("/", "count")]
        case .outages: [Conversion("/", "customer_s")]
        case .pollutant:
            [
                Conversion("ug/m3", "ng_s/m3", 3), Conversion("mg/m3", "ng_s/m3", 6),
                Conversion("ppb", "ppt_s", 3), Conversion("ppm", "ppt_s", 6),
            ]
        case .level: [Conversion(nil, nil)]
        case .sound: [Conversion("dB", "p0^2_s")]
        case .exposure: [Conversion("V/m", "(mV/m)^2_s", 3)]
        case .compliance: [Conversion(nil, nil)]
        case .travel: [Conversion("m/s", "ms/km"), Conversion("km/h", "ms/km")]
        case .occupancy: [Conversion("/", "s")]
        case .presence: [Conversion(nil, "s")]
        }
    }

    public func conversion(from channelUnit: String) -> Conversion? {
        conversions.first { $0.channelUnit == nil || $0.channelUnit == channelUnit }
    }

    /// Channel units that fit; empty: any.
    public var channelUnits: [String] { conversions.compactMap(\.channelUnit) }

    /// Whether a contribution may be in this unit.
    public func accepts(unit: String) -> Bool {
        conversions.contains { $0.unit == nil || $0.unit == unit }
    }

    /// The state that carries it.
    public var stateType: String {
        switch self {
        case .volume, .energy, .heat, .carrier, .count: "sum"
        case .outages: "outages"
        case .pollutant, .level: "level"
        case .sound: "sound"
        case .exposure: "exposure"
        case .compliance: "compliance"
        case .travel: "travel"
        case .occupancy: "occupancy"
        case .presence: "presence"
        }
    }

    public var acrossNodes: NodeJoin {
        switch self {
        case .volume, .energy, .heat, .carrier, .count, .outages, .compliance, .occupancy: .add
        case .pollutant, .level, .sound, .travel: .weightedMean
        case .exposure, .presence: .union
        }
    }
}
