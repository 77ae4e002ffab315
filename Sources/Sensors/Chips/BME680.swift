// Bosch BME680, and BME688, which has the same registers but for its gas converter: temperature, pressure, relative
// humidity and the resistance of a heated metal-oxide gas sensor on I2C. Datasheets: BST-BME680-DS001, revision 1.8
// (sections below are its), and BST-BME688-DS000, revision 1.2.
//
// Every measurement is one in forced mode with oversampling ×2 for temperature, ×16 for pressure, ×1 for humidity, the
// datasheet's own quick start (section 3.2.1), then the plate is heated and its resistance taken. The heater makes the
// chip warm, so it is measured less often than others. All control registers are written each time, so a chip that lost
// its supply for a moment is right again with the next measurement. Calibration is read once, and again after any
// fault.

internal import World

struct BME680: BusDriver {
    /// Memory map, section 5.2.
    private enum Register {
        static let calibrationHeater: UInt8 = 0x00
        static let status: UInt8 = 0x1D
        static let heaterResistance: UInt8 = 0x5A
        static let heaterTime: UInt8 = 0x64
        static let gasControl0: UInt8 = 0x70
        static let gasControl1: UInt8 = 0x71
        static let humidityControl: UInt8 = 0x72
        static let measurementControl: UInt8 = 0x74
        static let configuration: UInt8 = 0x75
        static let calibrationLow: UInt8 = 0x8A
        static let chipID: UInt8 = 0xD0
        static let calibrationHigh: UInt8 = 0xE1
        /// 0 for a BME680, 1 for a BME688.
        static let variant: UInt8 = 0xF0
    }
    private static let chipID: UInt8 = 0x61
    private static let newData: UInt8 = 0x80
    private static let stillMeasuring: UInt8 = 0x60
    private static let humidityOnce: UInt8 = 0b001
    private static let temperatureTwice: UInt8 = 0b010
    private static let pressureSixteenTimes: UInt8 = 0b101
    private static let modeSleep: UInt8 = 0b00
    private static let modeForced: UInt8 = 0b01
    /// Without the heater's: 19 conversions of 1.963 ms, nine switches of 0.477 ms, 1 ms to wake (as Bosch's driver and
    /// the kernel's reckon; the datasheet has no formula).
    private static let convertingTime = Duration.microseconds(19 * 1_963 + 9 * 477 + 1_000)
    /// Longest heater time that the register holds: 63 × 64 ms (section 5.3.3.3).
    static let heaterTimes: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(4_032))
    static let heaterRange = 200.0...400.0

    private let device: BusDevice
    private let heaterCelsius: Double
    private let heaterTime: Duration
    private var calibration: Calibration?
    private var isBME688 = false
    /// The last temperature: what the plate is heated from.
    private var surroundings = 25.0

    init(device: BusDevice, heaterCelsius: Double = 320, heaterTime: Duration = .milliseconds(150)) {
        self.device = device
        self.heaterCelsius = heaterCelsius
        self.heaterTime = heaterTime
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        let c: Calibration
        if let known = calibration {
            c = known
        } else {
            c = try setUp(on: &bus)
            calibration = c
        }
        try bus.send(Register.humidityControl, Self.humidityOnce, to: device)
        try bus.send(Register.configuration, 0, to: device)
        let target = c.heaterResistance(celsius: heaterCelsius, surroundings: surroundings)
        try bus.send(Register.heaterResistance, target, to: device)
        try bus.send(Register.heaterTime, Self.heaterTimeCode(heaterTime), to: device)
        try bus.send(Register.gasControl0, 0, to: device)
        // Set point 0, and the gas measurement on: bit 4, or bit 5 for the BME688.
        try bus.send(Register.gasControl1, isBME688 ? 0x20 : 0x10, to: device)
        let control = Self.temperatureTwice << 5 | Self.pressureSixteenTimes << 2 | Self.modeForced
        try bus.send(Register.measurementControl, control, to: device)
        return Self.convertingTime + heaterTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard let calibration else { invariantFailed("collect before start") }
        // Status and all data in one burst, so that the values are of one measurement.
        let reply = try bus.receive(17, register: Register.status, of: device)
        guard reply[0] & Self.newData != 0, reply[0] & Self.stillMeasuring == 0 else { throw .notReady }
        guard let result = Raw(reply).compensated(by: calibration) else { throw .implausible }
        surroundings = min(max(result.celsius, -40), 85)
        samples.append(Sample(channel: 0, .physical(result.celsius)))
        samples.append(Sample(channel: 1, .physical(result.pascal)))
        samples.append(Sample(channel: 2, .physical(result.percent)))
        let gas = Gas(reply, isBME688: isBME688)
        samples.append(Sample(channel: 3, .physical(gas.ohm(calibration)), quality: gas.quality))
        return nil
    }

    mutating func forget() { calibration = nil }

    private mutating func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let found = try bus.receive(1, register: Register.chipID, of: device)[0]
        guard found == Self.chipID else { throw .wrongChip(found: UInt32(found), expected: UInt32(Self.chipID)) }
        isBME688 = try bus.receive(1, register: Register.variant, of: device)[0] == 1
        try bus.send(Register.measurementControl, Self.modeSleep, to: device)
        let calibration = try readCalibration(on: &bus)
        // The chip has no checksum, and a flipped bit here would spoil every value until the next fault.
        guard try readCalibration(on: &bus) == calibration else { throw .checksum }
        return calibration
    }

    private func readCalibration(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let low = try bus.receive(23, register: Register.calibrationLow, of: device)
        let high = try bus.receive(14, register: Register.calibrationHigh, of: device)
        let heater = try bus.receive(5, register: Register.calibrationHeater, of: device)
        guard let calibration = Calibration(low: low, high: high, heater: heater) else { throw .implausible }
        return calibration
    }

    /// Six bits of milliseconds, and two for a factor of 1, 4, 16, 64 (section 5.3.3.3).
    static func heaterTimeCode(_ time: Duration) -> UInt8 {
        var (number, factor) = (Int(time / .milliseconds(1)), UInt8(0))
        while number > 63, factor < 3 {
            number /= 4
            factor += 1
        }
        return factor << 6 | UInt8(min(max(number, 1), 63))
    }
}

extension BME680 {
    static let entry = DriverEntry(
        name: "bme680",
        about: "Bosch BME680 or BME688 on I2C: temperature, pressure, relative humidity, gas resistance",
        chip: ChipFacts(
            datasheet: "Bosch BST-BME680-DS001 revision 1.8, BST-BME688-DS000 revision 1.2",
            measuringTime: convertingTime + .milliseconds(4_032), identity: "register 0xD0 is 0x61"),
        // SDO on supply, as most boards have it, or on ground.
        attachment: .bus(addresses: [0x77, 0x76]),
        parameters: [
            Parameter(
                "heater_temperature", .quantity(units: ["Cel"]),
                fallback: .quantity(mantissa: 320, exponent: 0, unit: "Cel"),
                about: "of the gas sensor's plate, 200 °C to 400 °C"),
            Parameter(
                "heater_duration", .duration(heaterTimes), fallback: .duration(.milliseconds(150)),
                about: "how long the plate is heated before it is measured; shorter than 30 ms is too short"),
        ],
        defaultEvery: .seconds(30),
        // Ranges of section 1; scales below the noise.
        channels: { settings throws(SettingFault) in
            _ = try heaterCelsius(settings)
            return [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("pressure", unit: "Pa", scale: 0, plausible: 30_000...110_000),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
                DriverChannel("gas_resistance", unit: "Ohm", scale: 0, plausible: 100...20_000_000),
            ]
        },
        make: { settings throws(SettingFault) in
            .bus(
                BME680(
                    device: try settings.requiredDevice(), heaterCelsius: try heaterCelsius(settings),
                    heaterTime: settings.duration("heater_duration") ?? .milliseconds(150)))
        })

    private static func heaterCelsius(_ settings: DriverSettings) throws(SettingFault) -> Double {
        let celsius = settings.physical("heater_temperature") ?? 320
        guard heaterRange.contains(celsius) else {
            throw SettingFault(
                parameter: "heater_temperature",
                text: "too cold or too hot for the plate; expected 200 °C to 400 °C; 320 °C is usual")
        }
        return celsius
    }
}
