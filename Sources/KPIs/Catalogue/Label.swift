// What a binding says of what its channel stands for: names (labels), a weight, the instrument. They travel with every
// contribution, under the words that the configuration uses.

/// A name that a contribution carries. The raw value is the key in the configuration and on the wire.
public enum Label: String, CaseIterable, Hashable, Comparable, Sendable {
    case building
    case carrier
    case customerSet = "customer_set"
    case direction
    case intersection
    case meter
    case roadClass = "road_class"
    case role
    case segment
    case site
    case source
    case stop
    case zone

    public static func < (a: Label, b: Label) -> Bool {
        a.rawValue.utf8.lexicographicallyPrecedes(b.rawValue.utf8)
    }

    /// The words that the label may have; nil: any name.
    public func words(for indicator: Indicator) -> [String]? {
        switch self {
        case .direction: ["import", "export"]
        case .role: ["inlet", "outlet", "consumption"]
        case .roadClass: ["arterial", "highway", "local"]
        case .carrier: ["electricity", "gas", "heat", "cooling", "oil", "biomass"]
        case .source:
            switch indicator.measure {
            case .volume: ["fresh", "groundwater", "surface", "reused", "rain", "sea"]
            case .energy: ["pv", "wind", "hydro", "biomass", "geothermal", "grid", "fossil", "nuclear"]
            case .sound: ["road", "rail", "air", "industry", "leisure"]
            default: nil
            }
        default: nil
        }
    }

    /// The asset that a presence or exposure contribution is about.
    public static let assets: [Label] = [.segment, .meter, .intersection, .stop, .building, .site]
}

/// How much a contribution stands for, in the city's terms.
public struct Weight: Hashable, Sendable {
    /// The raw value is the name on the wire.
    public enum Kind: String, CaseIterable, Sendable {
        case customers
        case inhabitants
        case metres
        case spots
        case squareMetres = "square_metres"
    }
    public var kind: Kind
    public var value: Int64

    /// What a weight may be: then a window's customer-seconds fit into 64 bits for 292 years.
    public static let allowed: ClosedRange<Int64> = 1...1_000_000_000

    public init(_ kind: Kind, _ value: Int64) {
        self.kind = kind
        self.value = value
    }
}

/// How far the instrument behind a value can be trusted. Classes are reported apart; merging them in one figure is
/// asked for by name.
public enum InstrumentClass: String, CaseIterable, Hashable, Sendable {
    case reference
    case indicative
    case lowCost = "low_cost"
}

/// Relative standard uncertainties of a value, in millionths of it: the part that differs from reading to reading and
/// falls with their number, and the part that does not.
public struct RelativeUncertainty: Hashable, Sendable {
    public var randomPpm: Int64
    public var systematicPpm: Int64

    public init(randomPpm: Int64, systematicPpm: Int64) {
        self.randomPpm = randomPpm
        self.systematicPpm = systematicPpm
    }
}

/// The part of the local day or week that a window lies in. The raw value is the tag on the wire.
public enum Period: String, CaseIterable, Hashable, Sendable {
    case none = "-"
    /// Day, evening and night of noise (2002/49/EC Annex I).
    case day = "d"
    case evening = "e"
    case night = "n"
    /// Peak and off-peak hours of traffic.
    case peak = "p"
    case offPeak = "o"
}
