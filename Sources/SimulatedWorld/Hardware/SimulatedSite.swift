// The hardware of a simulated board, from a seed: buses, lines and kernel files that behave as sensors in a street
// would.
//
// Whoever wires a gateway on the simulated board adds a chip or a signal for each configured sensor; weather and
// signals then follow from seed, place and time alone.

public import World

public final class SimulatedSite {
    public let bus: SimulatedBus
    public let lines: SimulatedLines
    public let attributes = SimulatedAttributes()

    private let seed: UInt64

    public init(seed: UInt64, buses: Int = 1, chips: [String: UInt32], now: @escaping () -> Boottime) {
        self.seed = seed
        bus = SimulatedBus(count: buses, now: now)
        lines = SimulatedLines(chips: chips, now: now)
        attributes.setIIO(
            0, name: "bme280",
            files: [
                "in_temp_input": "21400", "in_pressure_input": "101.325000000",
                "in_humidityrelative_input": "48000",
            ])
    }

    /// A BME280 in changing weather.
    @discardableResult
    public func addBME280(_ device: BusDevice) -> SimulatedBME280 {
        let place = seed &+ UInt64(device.bus) << 8 &+ UInt64(device.address)
        let chip = SimulatedBME280(weather: { Self.weather(seed: place, at: $0) })
        bus.attach(chip, at: device)
        return chip
    }

    /// A meter whose pulses make the line active: about 0.7 in every `slot`.
    @discardableResult
    public func addMeter(_ request: LineRequest, slot: Duration = .milliseconds(400)) -> LineSignal {
        let signal = LineSignal.meter(
            seed: seed(of: request), slot: slot, pulseIsHigh: !request.isActiveLow)
        lines.attach(signal, to: request.chipLabel, request.offset)
        return signal
    }

    /// Mains, active while they are there, that fail now and then: in four of ten slots.
    @discardableResult
    public func addMains(_ request: LineRequest, slot: Duration = .seconds(20)) -> LineSignal {
        let signal = LineSignal.mains(
            seed: seed(of: request), slot: slot, failureIsHigh: request.isActiveLow)
        lines.attach(signal, to: request.chipLabel, request.offset)
        return signal
    }

    private func seed(of request: LineRequest) -> UInt64 {
        request.chipLabel.utf8.reduce(seed &+ UInt64(request.offset)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// Smooth weather: heights at the corners of a grid of hours, joined by straight lines.
    static func weather(seed: UInt64, at moment: Boottime) -> SimulatedBME280.Weather {
        func between(_ low: Double, _ high: Double, hours: Int64, channel: UInt64) -> Double {
            let period = hours * 3_600_000_000_000
            let corner = moment.nanoseconds / period
            func height(_ corner: Int64) -> Double {
                var random = Random(seed: seed ^ channel << 56 ^ UInt64(bitPattern: corner))
                return Double(random.next() >> 11) / 9_007_199_254_740_992
            }
            let blend = Double(moment.nanoseconds % period) / Double(period)
            return low + (high - low) * (height(corner) * (1 - blend) + height(corner + 1) * blend)
        }
        return SimulatedBME280.Weather(
            celsius: between(4, 31, hours: 3, channel: 1), pascal: between(99_500, 103_000, hours: 12, channel: 2),
            percent: between(25, 95, hours: 2, channel: 3))
    }
}
