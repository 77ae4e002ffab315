// Sensirion SCD30: carbon dioxide, temperature and humidity on I2C. Source: "Interface Description Sensirion SCD30",
// version 1.0 of May 2020; sections below are its.
//
// The chip measures on its own and a reading is its newest result. Interval, altitude and self-calibration live in its
// flash: they are read first, and written only where they differ. It cannot take a repeated start, and wants 3 ms
// between a command and the read of its answer (section 1.1). The air's pressure, which it could be given with the
// start, is left to the altitude: a fixed number in a configuration is no better, and the chip forgets it with the
// supply, while it measures on with what is in its flash. Once a day it may hold the clock for 150 ms, which is longer
// than a bus waits: that reading is then lost, and told as timed out.

internal import World

struct SCD30: BusDriver {
    private enum Command {
        static let startContinuous: UInt16 = 0x0010
        static let interval: UInt16 = 0x4600
        static let dataReady: UInt16 = 0x0202
        static let readMeasurement: UInt16 = 0x0300
        static let selfCalibration: UInt16 = 0x5306
        static let altitude: UInt16 = 0x5102
        static let firmware: UInt16 = 0xD100
    }
    private static let answerTime = Duration.milliseconds(3)
    /// After a write; what goes to flash takes longer than an answer.
    private static let writeTime = Duration.milliseconds(20)
    /// A quarter of the interval each: the chip's clock is not ours.
    private static let polls = 12
    /// More than an interval without a result.
    private static let pollsBeforeStart = 6

    /// What `collect` finds asked. `setting`: number `setting` of the three; `written`: it differed.
    private enum Step { case firmware, setting, written, started, due, dataReady, measurement }

    private let device: BusDevice
    private let intervalSeconds: UInt16
    /// What lives in the flash: interval, altitude, self-calibration.
    private let settings: SIMD4<UInt16>
    private var isSetUp = false
    /// Outlives faults: we have started it. That it measures is in its flash too, so it is started again only when no
    /// result comes.
    private var wasStarted = false
    private var step = Step.firmware
    private var setting = 0
    private var polled = 0

    init(device: BusDevice, intervalSeconds: UInt16, altitudeMetres: UInt16, calibratesItself: Bool) {
        self.device = device
        self.intervalSeconds = intervalSeconds
        settings = SIMD4(intervalSeconds, altitudeMetres, calibratesItself ? 1 : 0, 0)
    }

    private static func command(setting: Int) -> UInt16 {
        switch setting {
        case 0: Command.interval
        case 1: Command.altitude
        default: Command.selfCalibration
        }
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        polled = 0
        return try isSetUp ? ask(Command.dataReady, .dataReady, on: &bus) : ask(Command.firmware, .firmware, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .firmware:
            // Section 1.4.10: major and minor; every SCD30 on the market has 3.66 or so.
            let version = try bus.receive(3, from: device).sensirionWord(0)
            guard version != 0, version != 0xFFFF else { throw .implausible }
            setting = 0
            return try ask(Self.command(setting: setting), .setting, on: &bus)
        case .setting:
            let found = try bus.receive(3, from: device).sensirionWord(0)
            guard found != settings[setting] else { return try nextSetting(on: &bus) }
            let command = Self.command(setting: setting)
            try bus.send(.sensirionMessage(command: command, settings[setting]), to: device)
            step = .written
            return Self.writeTime
        case .written: return try nextSetting(on: &bus)
        case .started:
            wasStarted = true
            step = .due
            return .seconds(Int64(intervalSeconds))
        case .due: return try ask(Command.dataReady, .dataReady, on: &bus)
        case .dataReady:
            let ready = try bus.receive(3, from: device).sensirionWord(0)
            if ready == 1 {
                isSetUp = true
                return try ask(Command.readMeasurement, .measurement, on: &bus)
            }
            polled += 1
            if !isSetUp, polled == Self.pollsBeforeStart { return try startContinuous(on: &bus) }
            guard ready == 0, polled <= Self.polls else { throw .notReady }
            step = .due
            return .milliseconds(Int64(intervalSeconds) * 250)
        case .measurement:
            let result = try Self.decode(bus.receive(18, from: device))
            guard result.ppm.isFinite, result.celsius.isFinite, result.percent.isFinite else { throw .implausible }
            // The first results after the start can be 0: no air has none.
            samples.append(Sample(channel: 0, .physical(result.ppm), quality: result.ppm > 0 ? .good : .implausible))
            samples.append(Sample(channel: 1, .physical(result.celsius)))
            samples.append(Sample(channel: 2, .physical(result.percent)))
            return nil
        }
    }

    mutating func forget() { isSetUp = false }

    private mutating func nextSetting(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        setting += 1
        if setting < 3 { return try ask(Self.command(setting: setting), .setting, on: &bus) }
        guard wasStarted else { return try startContinuous(on: &bus) }
        return try ask(Command.dataReady, .dataReady, on: &bus)
    }

    private mutating func startContinuous(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        // Pressure 0: the altitude counts (section 1.4.1).
        try bus.send(.sensirionMessage(command: Command.startContinuous, 0), to: device)
        step = .started
        return Self.writeTime
    }

    private mutating func ask(
        _ command: UInt16, _ next: Step, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Duration {
        try bus.send(command: command, to: device)
        step = next
        return Self.answerTime
    }

    /// Section 1.4.5: three numbers of IEEE 754, single precision, each in two words.
    static func decode(_ reply: Reply) throws(SensorFault) -> (ppm: Double, celsius: Double, percent: Double) {
        (try reply.sensirionFloat(0), try reply.sensirionFloat(1), try reply.sensirionFloat(2))
    }
}

extension SCD30 {
    static let entry = DriverEntry(
        name: "scd30",
        about: "Sensirion SCD30 on I2C: carbon dioxide, temperature, relative humidity",
        chip: ChipFacts(
            datasheet: "Sensirion Interface Description SCD30 version 1.0, May 2020", measuringTime: .seconds(2),
            identity: "command 0xD100: a firmware version with its CRC"),
        attachment: .bus(addresses: [0x61]),
        parameters: [
            Parameter(
                "altitude", .quantity(units: ["m"]), fallback: .quantity(mantissa: 0, exponent: 0, unit: "m"),
                about: "above sea level, 0 to 3000 m: the air's pressure changes the result"),
            Parameter(
                "self_calibration", .flag, fallback: .flag(true),
                about: "the week's lowest value counts as fresh air (400 ppm); false where the air never is fresh"),
        ],
        defaultEvery: .seconds(10),
        // Section 1.4.7 wants two minutes of measuring before the chip may be calibrated: until then it settles.
        warmUp: .seconds(120),
        channels: { _ throws(SettingFault) in
            [
                // Datasheet SCD30, tables 1 to 3.
                DriverChannel("co2", unit: "ppm", scale: -1, plausible: 250...40_000),
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...70),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in
            // A quarter of `every`: no result is older than that, and the chip warms itself less.
            let quarter = settings.every.components.seconds / 4
            return .bus(
                SCD30(
                    device: try settings.requiredDevice(), intervalSeconds: UInt16(min(max(quarter, 2), 15)),
                    altitudeMetres: try settings.altitudeMetres(upTo: 3_000),
                    calibratesItself: settings.flag("self_calibration") ?? true))
        })
}
