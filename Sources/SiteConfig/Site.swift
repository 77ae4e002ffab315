// What a configuration means, once every problem is out of it: values only, nothing left to check.

public import KPIs
public import Sensors
public import World

public struct Site: Sendable {
    public var node: Node
    /// The rules of `node.timezone`; nil when the configuration was read without a tz database at hand.
    public var zone: SiteZone?
    public var board: Board
    public var clock: ClockTrust
    /// How long batches wait for the clock to settle before they go out unsettled.
    public var settleWait: Duration
    public var broker: BrokerSettings
    public var outbox: OutboxSettings
    public var sensors: [SensorSettings]
    /// Every channel of every sensor, in order; `KPIBinding.channel` and readings index into it.
    public var channels: ChannelTable
    public var kpis: [KPIBinding]
    /// Channels whose readings can tell of one person or vehicle, and which the configuration does not open in so many
    /// words: they are stored and folded here, and never published.
    public var withheldChannels: Set<ChannelID>
    /// The parts of the local day that noise and traffic are told apart by.
    public var noisePeriods: NoisePeriods
    public var peakPeriods: PeakPeriods
    public var alarms: [AlarmRule]
}

public struct Node: Sendable, Equatable {
    public enum Powered: String, Sendable { case permanent, switched }
    /// Names the place; survives a change of board. `[a-z0-9-]`, 1 to 63.
    public var id: String
    public var city: String
    public var site: String?
    /// A name of the tz database.
    public var timezone: String
    public var latitude: Double?
    public var longitude: Double?
    public var powered: Powered
}

/// Whose word for the wall clock is taken.
public enum ClockTrust: String, Sendable {
    /// The kernel's: only when it says that the clock is synchronised.
    case ntp
    /// Always (isolated sites, the demo, virtual machines whose kernel never says so).
    case trustSystem = "trust-system"
}

public struct BrokerSettings: Sendable, Equatable {
    public var address: BrokerAddress
    /// Nil for mqtt://.
    public var tls: TLSFiles?
    public var version: MQTTVersion
    public var username: String?
    /// The password's file; read when the agent starts. Secrets are never in the configuration.
    public var passwordFile: String?
    public var keepAlive: Duration
    /// Topic root without a final slash, default `cityedge/v1/{city}/{node}`, placeholders already filled in.
    public var topicRoot: String
}

public struct OutboxSettings: Sendable, Equatable {
    public var lossWindow: Duration
    public var batchAge: Duration
    /// Bytes of flash that the outbox may take.
    public var maxSize: Int
    /// Bytes of the runtime directory that the memory tier may take.
    public var memory: Int
    /// Bytes of acknowledged batches to keep in the memory tier, for KPIs and replay.
    public var keepAcknowledged: Int
    public var checkpoint: Duration
    public var historyOldestFirst: Bool
    /// Limits of the history drain; nil: none.
    public var historyBytesPerSecond: Int?
    public var historyBatchesPerSecond: Int?
}

public struct SensorSettings: Sendable {
    public var id: String
    /// Name in the catalogue.
    public var driver: String
    public var settings: DriverSettings
    public var every: Duration
    public var channels: [ChannelSettings]
    /// Values are `warming up` for so long after the sensor came, or came back.
    public var warmUp: Duration

    /// The longest time between two readings of a channel while all is well.
    public func period(of channel: ChannelSettings) -> Duration {
        channel.conditioning.deadband == nil ? every : max(every, channel.conditioning.heartbeat)
    }
}

public struct ChannelSettings: Sendable {
    public var id: ChannelID
    public var channel: Channel
    public var calibration: Calibration
    public var conditioning: Conditioning
    /// 8 hex digits over the calibration, for `inventory`; nil when there is none.
    public var calibrationHash: String?
    public var instrument: Instrument
}

/// A board: which header pin is which line of which chip, and which I2C buses there are.
public struct Board: Sendable, Equatable {
    public var name: String
    /// What it says at `/proc/device-tree/compatible`, any of these.
    public var compatible: [String]
    public var lines: [BoardLine]
    public var buses: [BoardBus]
    /// No hardware: buses, lines and attributes are simulated.
    public var isSimulated: Bool
}

public struct BoardLine: Sendable, Equatable {
    /// `GPIO17`.
    public var name: String
    /// `J8-11`; nil when it is on no header.
    public var header: String?
    /// The chip's label, or the name of its device.
    public var chipLabel: String
    public var offset: UInt32
}

public struct BoardBus: Sendable, Equatable {
    /// `i2c1`.
    public var name: String
    public var attachment: BusAttachment
    /// Names of the lines that carry it: refused as GPIO while a sensor uses the bus.
    public var lines: [String]

    /// Where it is, in words: `/dev/i2c-1`.
    public var place: String {
        switch attachment {
        case .node(let path), .deviceTree(let path): path
        case .lines(let data, let clock): "SDA \(data.name), SCL \(clock.name)"
        }
    }
}
