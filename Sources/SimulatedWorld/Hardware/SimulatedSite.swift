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

    /// The chip that the driver wants, in changing surroundings. False when the driver has no chip.
    @discardableResult
    public func add(chipOf driver: String, at device: BusDevice) -> Bool {
        let place = seed &+ UInt64(device.bus) << 8 &+ UInt64(device.address)
        guard
            let chip = SimulatedChips.make(
                driver, seed: place, surroundings: { Self.surroundings(seed: place, at: $0) })
        else { return false }
        bus.attach(chip, at: device)
        return true
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

    /// What the line driver measures, in the same changing surroundings as the chips; false when it has no such twin.
    @discardableResult
    public func addModule(of driver: String, isSmall: Bool, on request: LineRequest, trigger: LineRequest?) -> Bool {
        let place = seed(of: request)
        switch driver {
        case "ultrasonic":
            guard let trigger else { return false }
            let twin = EchoTwin(echo: request.offset) { Self.surroundings(seed: place, at: $0) }
            lines.connect(twin, to: trigger.chipLabel, trigger.offset)
        case "dht22":
            let twin = DHTTwin(offset: request.offset, isDHT11: isSmall) { Self.surroundings(seed: place, at: $0) }
            lines.drive(request.chipLabel, request.offset, high: true, at: Boottime(nanoseconds: 0))
            lines.connect(twin, to: request.chipLabel, request.offset)
        case "digital-output": break
        default: return false
        }
        return true
    }

    private func seed(of request: LineRequest) -> UInt64 {
        request.chipLabel.utf8.reduce(seed &+ UInt64(request.offset)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// Smooth surroundings: heights at the corners of a grid of hours, joined by straight lines.
    static func surroundings(seed: UInt64, at moment: Boottime) -> Surroundings {
        var channel: UInt64 = 0
        func between(_ low: Double, _ high: Double, hours: Int64) -> Double {
            channel += 1
            let number = channel
            let period = hours * 3_600_000_000_000
            let corner = moment.nanoseconds / period
            func height(_ corner: Int64) -> Double {
                var random = Random(seed: seed ^ number << 56 ^ UInt64(bitPattern: corner))
                return Double(random.next() >> 11) / 9_007_199_254_740_992
            }
            let blend = Double(moment.nanoseconds % period) / Double(period)
            return low + (high - low) * (height(corner) * (1 - blend) + height(corner + 1) * blend)
        }
        return Surroundings {
            $0.celsius = between(4, 31, hours: 3)
            $0.pascal = between(99_500, 103_000, hours: 12)
            $0.percent = between(25, 95, hours: 2)
            $0.carbonDioxidePPM = between(410, 900, hours: 1)
            $0.pm2_5 = between(2, 40, hours: 2)
            $0.pm1 = $0.pm2_5 * 0.7
            $0.pm4 = $0.pm2_5 * 1.1
            $0.pm10 = $0.pm2_5 * 1.3
            $0.gasPPB = between(5, 90, hours: 1)
            $0.lux = between(0, 30_000, hours: 6)
            $0.uvIndex = between(0, 8, hours: 6)
            $0.soundDecibel = between(42, 78, hours: 1)
            $0.waterCelsius = between(6, 18, hours: 12)
            $0.acidityPH = between(6.9, 8.1, hours: 6)
            $0.microsiemensPerCentimetre = between(300, 1_500, hours: 6)
            $0.dissolvedOxygenMilligramsPerLitre = between(6, 11, hours: 6)
            $0.soilMoisture = between(0.1, 0.7, hours: 24)
            $0.distanceMetres = between(0.4, 4.2, hours: 2)
        }
    }
}
