// A binding says which channel counts towards which indicator, and for whom.

public import World

public struct KPIBinding: Sendable, Equatable {
    public var indicator: Indicator
    /// The channel in the node's channel table, and its full name (`water.volume`).
    public var channel: ChannelID
    public var channelName: String
    /// The channel's SenML unit and decimal scale, from the channel table.
    public var unit: String
    public var scale: Int8
    /// `zone: dma-7`; nil when not given.
    public var zone: String?
    /// Customers that this node stands for (outages); nil when not given.
    public var customers: Int64?
    /// Window length in seconds: 900 or 3600.
    public var windowSeconds: Int64

    /// What `customers` may be: then a window's customer-seconds fit into 64 bits for 292 years.
    public static let customersAllowed: ClosedRange<Int64> = 1...1_000_000_000

    public init(
        indicator: Indicator, channel: ChannelID, channelName: String, unit: String, scale: Int8, zone: String?,
        customers: Int64?, windowSeconds: Int64
    ) {
        self.indicator = indicator
        self.channel = channel
        self.channelName = channelName
        self.unit = unit
        self.scale = scale
        self.zone = zone
        self.customers = customers
        self.windowSeconds = windowSeconds
    }
}
