// A sensor as the Sampler holds it: a driver, its schedule, its channels with their calibration.

public import Sensors
public import World

public struct InstalledChannel: Sendable {
    public var id: ChannelID
    public var scale: Int8
    public var plausible: ClosedRange<Double>
    public var calibration: Calibration
    public var conditioning: Conditioning

    public init(
        id: ChannelID, channel: Channel, calibration: Calibration = .none, conditioning: Conditioning = Conditioning()
    ) {
        self.id = id
        scale = channel.scale
        plausible = channel.plausible
        self.calibration = calibration
        self.conditioning = conditioning
    }
}

public struct InstalledSensor: Sendable {
    public var id: String
    public var driver: Driver
    public var every: Duration
    public var channels: [InstalledChannel]
    /// Bus drivers only: to ask whether a kernel driver holds the address.
    public var device: BusDevice?
    /// Values are `warming up` for so long after the sensor came, or came back.
    public var warmUp: Duration
    /// Its place among the node's sensors, where it is measured apart from others; nil: where it stands in the list.
    public var number: Int?
    /// What its state, the first channel, means beside being a reading.
    public var role: LineRole?

    public init(
        id: String, driver: Driver, every: Duration, channels: [InstalledChannel], device: BusDevice?,
        warmUp: Duration = .zero
    ) {
        self.id = id
        self.driver = driver
        self.every = every
        self.channels = channels
        self.device = device
        self.warmUp = warmUp
    }
}
