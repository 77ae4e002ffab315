// Sensirion SCD40, SCD41 and SCD43: carbon dioxide, temperature and humidity on I2C. Datasheet: "SCD4x CO2 Sensor",
// version 1.4; sections and tables below are its: 3.5 for the basic commands, 3.8 for low power, 3.10 for the SCD41's
// single shot.
//
// The chip measures on its own, every 30 s in low power, every 5 s where `every` is shorter than 30 s; a reading is the
// newest result. With `single_shot` (not on an SCD40) it sleeps until it is asked, which takes 5 s. What is set up is
// lost with the supply; the chip then idles, never has a result, and is set up anew.

internal import World

struct SCD4x: BusDriver {
    enum Mode: Sendable {
        case periodic, lowPower, singleShot

        /// Table 9.
        var command: UInt16 {
            switch self {
            case .periodic: 0x21B1
            case .lowPower: 0x21AC
            case .singleShot: 0x219D
            }
        }
        /// Until the first result.
        var interval: Duration { self == .lowPower ? .seconds(30) : .seconds(5) }
        /// Asked again so often while there is no result: 7 times in 1.4 intervals, for the chip's clock is not ours.
        var pause: Duration { self == .lowPower ? .seconds(6) : .seconds(1) }
    }

    private enum Command {
        static let stop: UInt16 = 0x3F86
        static let serialNumber: UInt16 = 0x3682
        static let setAltitude: UInt16 = 0x2427
        static let setSelfCalibration: UInt16 = 0x2416
        static let dataReady: UInt16 = 0xE4B8
        static let readMeasurement: UInt16 = 0xEC05
    }
    /// Table 9: stopping takes 500 ms, what else is used here 1 ms.
    private static let stopTime = Duration.milliseconds(500)
    private static let commandTime = Duration.milliseconds(1)
    private static let polls = 7

    /// What `collect` finds asked.
    private enum Step { case stopped, serialNumber, altitude, selfCalibration, measuring, dataReady, measurement }

    private let device: BusDevice
    private let mode: Mode
    private let altitudeMetres: UInt16
    private let calibratesItself: Bool
    private var isSetUp = false
    private var step = Step.stopped
    private var polled = 0

    init(device: BusDevice, mode: Mode, altitudeMetres: UInt16, calibratesItself: Bool) {
        self.device = device
        self.mode = mode
        self.altitudeMetres = altitudeMetres
        self.calibratesItself = calibratesItself
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        polled = 0
        guard isSetUp else { return try ask(Command.stop, .stopped, Self.stopTime, on: &bus) }
        if mode == .singleShot { return try ask(mode.command, .measuring, mode.interval, on: &bus) }
        return try ask(Command.dataReady, .dataReady, Self.commandTime, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .stopped: return try ask(Command.serialNumber, .serialNumber, Self.commandTime, on: &bus)
        case .serialNumber:
            // Section 3.9.2.
            guard try bus.receive(9, from: device).isSensirionSerialNumber() else { throw .implausible }
            try bus.send(.sensirionMessage(command: Command.setAltitude, altitudeMetres), to: device)
            step = .altitude
            return Self.commandTime
        case .altitude:
            try bus.send(.sensirionMessage(command: Command.setSelfCalibration, calibratesItself ? 1 : 0), to: device)
            step = .selfCalibration
            return Self.commandTime
        case .selfCalibration:
            isSetUp = true
            return try ask(mode.command, .measuring, mode.interval, on: &bus)
        case .measuring: return try ask(Command.dataReady, .dataReady, Self.commandTime, on: &bus)
        case .dataReady:
            if try Self.isReady(bus.receive(3, from: device)) {
                return try ask(Command.readMeasurement, .measurement, Self.commandTime, on: &bus)
            }
            polled += 1
            guard polled <= Self.polls else { throw .notReady }
            step = .measuring
            return mode.pause
        case .measurement:
            let result = try Self.decode(bus.receive(9, from: device))
            samples.append(Sample(channel: 0, .physical(result.ppm), quality: result.ppm > 0 ? .good : .implausible))
            samples.append(Sample(channel: 1, .physical(result.celsius)))
            samples.append(Sample(channel: 2, .physical(result.percent)))
            return nil
        }
    }

    mutating func forget() { isSetUp = false }

    private mutating func ask(
        _ command: UInt16, _ next: Step, _ wait: Duration, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Duration {
        try bus.send(command: command, to: device)
        step = next
        return wait
    }

    /// Section 3.8.2: ready unless the lower eleven bits are all zero.
    static func isReady(_ reply: Reply) throws(SensorFault) -> Bool { try reply.sensirionWord(0) & 0x7FF != 0 }

    /// Section 3.5.2.
    static func decode(_ reply: Reply) throws(SensorFault) -> (ppm: Double, celsius: Double, percent: Double) {
        (
            Double(try reply.sensirionWord(0)), -45 + 175 * Double(try reply.sensirionWord(1)) / 65_535,
            100 * Double(try reply.sensirionWord(2)) / 65_535
        )
    }
}

extension SCD4x {
    static let entry = DriverEntry(
        name: "scd4x",
        about: "Sensirion SCD40, SCD41 or SCD43 on I2C: carbon dioxide, temperature, relative humidity",
        chip: ChipFacts(
            datasheet: "Sensirion SCD4x version 1.4", measuringTime: .seconds(5),
            identity: "command 0x3682: a serial number with its CRCs"),
        attachment: .bus(addresses: [0x62]),
        parameters: [
            Parameter(
                "altitude", .quantity(units: ["m"]), fallback: .quantity(mantissa: 0, exponent: 0, unit: "m"),
                about: "above sea level, 0 to 3000 m: the air's pressure changes the result"),
            Parameter(
                "self_calibration", .flag, fallback: .flag(true),
                about: "the week's lowest value counts as fresh air (400 ppm); false where the air never is fresh"),
            Parameter(
                "single_shot", .flag, fallback: .flag(false),
                about: "measures only when asked, and takes 5 s: less power; not on an SCD40"),
        ],
        defaultEvery: .seconds(60),
        // Section 3.7.1 wants three minutes of measuring before the chip may be calibrated: until then it settles.
        warmUp: .seconds(180),
        channels: { _ throws(SettingFault) in
            [
                // Table 1 and section 3.5.2: what the output can say; accuracy is given from 400 ppm.
                DriverChannel("co2", unit: "ppm", scale: 0, plausible: 250...40_000),
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -10...60),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in
            let isSingle = settings.flag("single_shot") ?? false
            return .bus(
                SCD4x(
                    device: try settings.requiredDevice(),
                    mode: isSingle ? .singleShot : settings.every < .seconds(30) ? .periodic : .lowPower,
                    altitudeMetres: try settings.altitudeMetres(upTo: 3_000),
                    calibratesItself: settings.flag("self_calibration") ?? true))
        })
}

extension DriverSettings {
    /// `altitude`, whole metres; 0 where it is not given.
    func altitudeMetres(upTo highest: Double) throws(SettingFault) -> UInt16 {
        let metres = physical("altitude") ?? 0
        guard (0...highest).contains(metres) else {
            throw SettingFault(
                parameter: "altitude",
                text:
                    "\(metres) m; expected 0 to \(Int(highest)) m, as the chip takes it; write 0 m below the sea"
            )
        }
        return UInt16(metres.rounded())
    }
}
