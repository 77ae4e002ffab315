// A sensor as the Sampler holds it: a driver, its schedule, its channels with their calibration.

public import Sensors
public import World

public struct InstalledChannel: Sendable {
    public var id: ChannelID
    public var scale: Int8
    public var plausible: ClosedRange<Double>
    public var gain: Double
    public var offset: Double

    public init(id: ChannelID, channel: Channel, gain: Double, offset: Double) {
        self.id = id
        scale = channel.scale
        plausible = channel.plausible
        self.gain = gain
        self.offset = offset
    }

    /// Calibrates, checks and rounds: once, half away from zero.
    func settle(_ sample: Sample) -> (value: Int64, quality: Quality) {
        switch sample.measurement {
        case .exact(let value):
            guard sample.quality.grade != .bad else { return (0, sample.quality) }
            let physical = Double(value) * Self.power(Int(scale))
            return (value, plausible.contains(physical) || sample.quality != .good ? sample.quality : .outOfRange)
        case .physical(let raw):
            guard sample.quality.grade != .bad else { return (0, sample.quality) }
            let physical = raw * gain + offset
            let steps = scale < 0 ? physical * Self.power(Int(-scale)) : physical / Self.power(Int(scale))
            // Also false for NaN.
            guard abs(steps) < 9.2e18 else { return (0, .implausible) }
            let isPlausible = plausible.contains(physical)
            return (
                Int64(steps.rounded(.toNearestOrAwayFromZero)),
                isPlausible || sample.quality != .good ? sample.quality : .outOfRange
            )
        }
    }

    private static func power(_ exponent: Int) -> Double {
        var power = 1.0
        for _ in 0..<abs(exponent) { power *= 10 }
        return exponent < 0 ? 1 / power : power
    }
}

public struct InstalledSensor: Sendable {
    public var id: String
    public var driver: Driver
    public var every: Duration
    public var channels: [InstalledChannel]
    /// Bus drivers only: to ask whether a kernel driver holds the address.
    public var device: BusDevice?

    public init(id: String, driver: Driver, every: Duration, channels: [InstalledChannel], device: BusDevice?) {
        self.id = id
        self.driver = driver
        self.every = every
        self.channels = channels
        self.device = device
    }
}
