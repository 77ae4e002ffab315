// The indicators that a node can contribute to, and what a binding has to say of each. All 91 of the U4SSC, with those
// to which no sensor contributes, are in `U4SSC`.

/// A U4SSC indicator, or a supporting metric of ours (codes that begin with `X:`). The code is kept verbatim, spaces
/// included; the slug is what topics, keys and configuration use.
public struct Indicator: Hashable, Sendable {
    /// `EN: EN: WS: 2C`
    public var code: String
    public var name: String
    public var measure: Measure
    /// What a binding must say, and what it may say besides.
    public var requiredLabels: [Label]
    public var optionalLabels: [Label]
    /// What the binding's weight counts; nil: it has none.
    public var weight: Weight.Kind?
    public var isWeightRequired: Bool

    init(
        _ code: String, _ name: String, _ measure: Measure, needs: [Label] = [], takes: [Label] = [],
        weight: Weight.Kind? = nil, isWeightRequired: Bool = true
    ) {
        self.code = code
        self.name = name
        self.measure = measure
        requiredLabels = needs
        optionalLabels = takes
        self.weight = weight
        self.isWeightRequired = weight != nil && isWeightRequired
    }

    /// `en-en-ws-2c`
    public var slug: String { Self.slug(of: code) }

    /// Of the U4SSC's own catalogue.
    public var isU4SSC: Bool { !code.hasPrefix("X:") }

    /// Whether a binding must say how many customers the node stands for.
    public var needsCustomers: Bool { measure == .outages }

    static func slug(of code: String) -> String {
        var slug: [UInt8] = []
        for byte in code.utf8 where byte != 0x20 {
            slug.append(byte == 0x3A ? 0x2D : (0x41...0x5A).contains(byte) ? byte + 0x20 : byte)
        }
        return String(decoding: slug, as: UTF8.self)
    }

    public static let all: [Indicator] = [
        Indicator(
            "EN: EN: AQ: 1C", "Air pollution", .pollutant, takes: [.zone], weight: .inhabitants,
            isWeightRequired: false),
        Indicator("EN: EN: EQ: 2A", "Noise exposure", .sound, takes: [.zone, .source], weight: .inhabitants),
        Indicator("EN: EN: EQ: 1C", "EMF exposure", .exposure, needs: [.site], takes: [.zone]),
        Indicator("EN: EN: WS: 2C", "Water consumption", .volume, takes: [.zone]),
        Indicator("EN: EN: WS: 3C", "Freshwater consumption", .volume, needs: [.source], takes: [.zone]),
        Indicator("EC: I: WS: 3C", "Water supply loss", .volume, needs: [.zone, .role]),
        Indicator(
            "EC: I: ES: 1C", "Electricity system outage frequency", .outages, takes: [.zone, .customerSet],
            weight: .customers),
        Indicator(
            "EC: I: ES: 2C", "Electricity system outage time", .outages, takes: [.zone, .customerSet],
            weight: .customers),
        Indicator("EN: E: E: 2C", "Electricity consumption", .energy, takes: [.zone, .direction]),
        Indicator("EN: E: E: 1C", "Renewable energy consumption", .energy, needs: [.source], takes: [.zone]),
        Indicator("EN: E: E: 3C", "Residential thermal energy consumption", .heat, takes: [.zone, .building]),
        Indicator(
            "EN: E: E: 4A", "Public building energy consumption", .carrier, needs: [.building, .carrier],
            takes: [.zone], weight: .squareMetres, isWeightRequired: false),
        Indicator("EC: ICT: WS: 1C", "Smart water meters", .presence(metres: false), needs: [.meter], takes: [.zone]),
        Indicator(
            "EC: ICT: ES: 1C", "Smart electricity meters", .presence(metres: false), needs: [.meter], takes: [.zone]),
        Indicator(
            "EC: ICT: WS: 2A", "Water supply ICT monitoring", .presence(metres: true), needs: [.segment],
            takes: [.zone], weight: .metres),
        Indicator(
            "EC: ICT: D: 1A", "Drainage/storm water system ICT monitoring", .presence(metres: true),
            needs: [.segment], takes: [.zone], weight: .metres),
        Indicator(
            "EC: ICT: ES: 2A", "Electricity supply ICT monitoring", .presence(metres: true), needs: [.segment],
            takes: [.zone], weight: .metres),
        Indicator(
            "EC: ICT: T: 2C", "Traffic monitoring", .presence(metres: true), needs: [.segment, .roadClass],
            takes: [.zone], weight: .metres),
        Indicator(
            "EC: ICT: T: 3A", "Intersection control", .presence(metres: false), needs: [.intersection],
            takes: [.zone]),
        Indicator(
            "EC: ICT: T: 1C", "Dynamic public transport information", .presence(metres: false), needs: [.stop],
            takes: [.zone]),
        Indicator(
            "EC: I: B: 2A", "Integrated building management systems in public buildings", .presence(metres: false),
            needs: [.building], takes: [.zone]),
        Indicator(
            "EC: I: T: 5A", "Travel time index", .travel, needs: [.segment], takes: [.zone, .roadClass],
            weight: .metres),
        // Supporting metrics: no indicators of the U4SSC, but what a city's people ask for beside them.
        Indicator("EN: EN: WS: 1C", "Drinking water quality (supporting: sensor samples)", .compliance, takes: [.zone]),
        Indicator("X: drain-level", "Drain level", .level, takes: [.zone, .segment]),
        Indicator("X: spill", "Overflow spills", .occupancy, takes: [.zone, .site]),
        Indicator("X: bin-fill", "Bin fill level", .level, takes: [.zone, .site]),
        Indicator("X: soil-moisture", "Soil moisture", .level, takes: [.zone, .site]),
        Indicator(
            "X: parking", "Parking occupancy", .occupancy, takes: [.zone, .site], weight: .spots,
            isWeightRequired: false),
        Indicator("X: vehicles", "Vehicle counts", .count, takes: [.zone, .segment]),
        Indicator("X: people", "People counts", .count, takes: [.zone, .segment]),
        Indicator(
            "X: speed", "Vehicle speeds", .travel, takes: [.zone, .segment], weight: .metres,
            isWeightRequired: false),
    ]

    /// Finds an indicator by its code (`EN: EN: WS: 2C`, however spaced and cased) or its slug (`en-en-ws-2c`).
    public static func named(_ text: String) -> Indicator? {
        let wanted = slug(of: text)
        return all.first { $0.slug == wanted }
    }
}
