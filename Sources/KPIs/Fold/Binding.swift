// A binding says which channel counts towards which indicator, for whom, and how.

public import World

public struct KPIBinding: Sendable, Equatable {
    public var indicator: Indicator
    /// The channel in the node's channel table, and its full name (`water.volume`).
    public var channel: ChannelID
    public var channelName: String
    /// The channel's SenML unit and decimal scale, from the channel table.
    public var unit: String
    public var scale: Int8
    /// What tells the binding's contributions from others of the sensor: the quantity, or the pollutant.
    public var series: String
    public var labels: [Label: String]
    /// Customers, inhabitants, metres … that this channel stands for.
    public var weight: Weight?
    /// Window length in seconds: 900 or 3600.
    public var windowSeconds: Int64
    public var method: Method
    public var instrument: InstrumentClass
    /// The certificate that makes a reference instrument one is valid until then.
    public var certificateValidUntil: UTC?
    public var uncertainty: RelativeUncertainty?
    /// Names of table versions in force (`conv`, `tz`), which travel with the value.
    public var tables: [String: String]

    /// How the values are judged. Which of these apply is told by the indicator's measure.
    public struct Method: Sendable, Equatable {
        /// Level: the two thresholds, in the channel's scale, and on which side of them seconds are counted.
        public var first: Int64?
        public var second: Int64?
        public var countsBelow = false
        public var event = Event.none
        /// Compliance: what is allowed, in the channel's scale; both ends included.
        public var lower: Int64?
        public var upper: Int64?
        /// Exposure: the reference level in mV/m, and over how long it is averaged.
        public var limitMillivolts: Int64?
        public var averagingSeconds: Int64 = 360
        /// A level is held so long when no further reading comes; nil: until one comes.
        public var holdSeconds: Int64?
        /// Counts of people and vehicles: cells below this are merged upward; nil: not such a count.
        public var minimumCount: Int64?

        /// What is counted as an event of a level.
        public enum Event: Sendable, Equatable {
            case none
            /// The level passes the second threshold (a spill begins).
            case crossing
            /// A bin is emptied.
            case emptying
        }

        public init() {}
    }

    public init(
        indicator: Indicator, channel: ChannelID, channelName: String, unit: String, scale: Int8,
        series: String? = nil, labels: [Label: String] = [:], weight: Weight? = nil, windowSeconds: Int64,
        method: Method = Method(), instrument: InstrumentClass = .lowCost, certificateValidUntil: UTC? = nil,
        uncertainty: RelativeUncertainty? = nil, tables: [String: String] = [:]
    ) {
        self.indicator = indicator
        self.channel = channel
        self.channelName = channelName
        self.unit = unit
        self.scale = scale
        self.series = series ?? Self.quantity(of: channelName)
        self.labels = labels
        self.weight = weight
        self.windowSeconds = windowSeconds
        self.method = method
        self.instrument = instrument
        self.certificateValidUntil = certificateValidUntil
        self.uncertainty = uncertainty
        self.tables = tables
    }

    /// `volume` of `water.volume`.
    public static func quantity(of channelName: String) -> String {
        guard let dot = channelName.lastIndex(of: ".") else { return "-" }
        return String(channelName[channelName.index(after: dot)...])
    }

    /// One line that is equal for bindings that mean the same: a change of it ends the open windows.
    public var fingerprint: String {
        var words = ["\(indicator.slug)", channelName, unit, "\(scale)", series, "\(windowSeconds)"]
        words += labels.sorted { $0.key < $1.key }.map { "\($0.key.rawValue)=\($0.value)" }
        if let weight { words.append("\(weight.kind.rawValue)=\(weight.value)") }
        let numbers: [(String, Int64?)] = [
            ("first", method.first), ("second", method.second), ("below", method.countsBelow ? 1 : nil),
            ("event", method.event == .none ? nil : method.event == .crossing ? 1 : 2), ("lower", method.lower),
            ("upper", method.upper), ("limit_mv", method.limitMillivolts), ("averaging_s", method.averagingSeconds),
            ("hold_s", method.holdSeconds), ("k", method.minimumCount),
            ("certificate", certificateValidUntil?.nanoseconds), ("random_ppm", uncertainty?.randomPpm),
            ("sys_ppm", uncertainty?.systematicPpm),
        ]
        for (name, number) in numbers { if let number { words.append("\(name)=\(number)") } }
        words.append(instrument.rawValue)
        words += tables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return words.joined(separator: " ")
    }
}
