// The indicators that a node can contribute to.

/// A U4SSC indicator. The code is kept verbatim, spaces included; the slug is what topics, keys and configuration use.
public struct Indicator: Hashable, Sendable {
    /// `EN: EN: WS: 2C`
    public var code: String
    public var name: String
    /// Units that a bound channel may have (SenML symbols).
    public var channelUnits: [String]
    /// Whether a binding must say how many customers the node stands for.
    public var needsCustomers: Bool

    /// `en-en-ws-2c`
    public var slug: String { Self.slug(of: code) }

    static func slug(of code: String) -> String {
        var slug: [UInt8] = []
        for byte in code.utf8 where byte != 0x20 {
            slug.append(byte == 0x3A ? 0x2D : (0x41...0x5A).contains(byte) ? byte + 0x20 : byte)
        }
        return String(decoding: slug, as: UTF8.self)
    }

    /// What its contributions add up.
    enum Measure {
        case volume
        case outages

        /// The unit of 1 in the wire registry.
        var unit: String {
            switch self {
            case .volume: "ml"
            case .outages: "customer_s"
            }
        }

        /// The state that carries it.
        var stateType: String {
            switch self {
            case .volume: "sum"
            case .outages: "outages"
            }
        }
    }

    var measure: Measure { needsCustomers ? .outages : .volume }

    public static let all: [Indicator] = [
        Indicator(
            code: "EN: EN: WS: 2C", name: "Water consumption", channelUnits: ["m3"], needsCustomers: false),
        Indicator(
            code: "EC: I: ES: 1C", name: "Electricity system outage frequency", channelUnits: ["/"],
            needsCustomers: true),
        Indicator(
            code: "EC: I: ES: 2C", name: "Electricity system outage time", channelUnits: ["/"], needsCustomers: true),
    ]

    /// Finds an indicator by its code (`EN: EN: WS: 2C`, however spaced and cased) or its slug (`en-en-ws-2c`).
    public static func named(_ text: String) -> Indicator? {
        let wanted = slug(of: text)
        return all.first { $0.slug == wanted }
    }
}
