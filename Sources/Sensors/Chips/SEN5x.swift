// Sensirion SEN50, SEN54 and SEN55 on I2C: mass of particles; humidity, temperature and VOC index (SEN54, SEN55); NOx
// index (SEN55). Datasheet: "SEN5x", version 2 of March 2022; sections and tables below are its.
//
// The module measures all the time, once a second; a reading is its newest result. The gas indices learn for hours, so
// after a fault the module is not stopped if it still measures: it is asked who it is, its status is cleared, and it is
// started only if no result comes. Its status is read before every result: a fan, laser, humidity or gas sensor in
// error is a device fault, a fan at another speed than it should have makes an estimate of the particles. A value that
// the module gives as unknown has no reading.

internal import World

struct SEN5x: BusDriver {
    enum Model: UInt32, Sendable {
        case sen50 = 0x50
        case sen54 = 0x54
        case sen55 = 0x55

        var channelCount: Int { self == .sen50 ? 4 : self == .sen54 ? 7 : 8 }
    }

    private enum Command {
        static let start: UInt16 = 0x0021
        static let stop: UInt16 = 0x0104
        static let dataReady: UInt16 = 0x0202
        static let readValues: UInt16 = 0x03C4
        static let productName: UInt16 = 0xD014
        static let status: UInt16 = 0xD206
        static let clearStatus: UInt16 = 0xD210
    }
    /// Table 12: execution times.
    private static let stopTime = Duration.milliseconds(200)
    private static let startTime = Duration.milliseconds(50)
    private static let commandTime = Duration.milliseconds(20)
    /// After the status was cleared: a fault that is still there shows within it.
    private static let settlingTime = Duration.seconds(5)
    private static let pollTime = Duration.seconds(1)
    /// A cleaning of the fan takes 10 s without results.
    private static let polls = 13
    /// Without a result for so many, a module that had been started has lost its supply.
    private static let pollsBeforeStart = 2

    /// Section "Device status register": errors stay until they are cleared.
    enum Status {
        static let fanSpeed: UInt32 = 1 << 21
        /// Gas sensor, humidity and temperature sensor, laser, fan.
        static let errors: UInt32 = 1 << 7 | 1 << 6 | 1 << 5 | 1 << 4
    }

    private enum Step { case stopped, name, cleared, started, due, dataReady, status, values }

    private let device: BusDevice
    private let model: Model
    private var isSetUp = false
    /// Outlives faults: we have started it, in the mode that we want.
    private var wasStarted = false
    private var step = Step.stopped
    private var polled = 0
    private var particles = Quality.good

    init(device: BusDevice, model: Model) {
        self.device = device
        self.model = model
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        polled = 0
        if isSetUp { return try ask(Command.dataReady, .dataReady, Self.commandTime, on: &bus) }
        if wasStarted { return try ask(Command.productName, .name, Self.commandTime, on: &bus) }
        return try ask(Command.stop, .stopped, Self.stopTime, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .stopped: return try ask(Command.productName, .name, Self.commandTime, on: &bus)
        case .name:
            let found = try Self.model(bus.receive(9, from: device))
            guard found == model.rawValue else { throw .wrongChip(found: found, expected: model.rawValue) }
            return try ask(Command.clearStatus, .cleared, Self.commandTime, on: &bus)
        case .cleared:
            guard wasStarted else { return try ask(Command.start, .started, Self.startTime, on: &bus) }
            step = .due
            return Self.settlingTime
        case .started:
            wasStarted = true
            step = .due
            return Self.settlingTime
        case .due: return try ask(Command.dataReady, .dataReady, Self.commandTime, on: &bus)
        case .dataReady:
            if try bus.receive(3, from: device).sensirionWord(0) & 0xFF == 1 {
                isSetUp = true
                return try ask(Command.status, .status, Self.commandTime, on: &bus)
            }
            polled += 1
            if !isSetUp, polled == Self.pollsBeforeStart {
                return try ask(Command.start, .started, Self.startTime, on: &bus)
            }
            guard polled <= Self.polls else { throw .notReady }
            step = .due
            return Self.pollTime
        case .status:
            let status = try bus.receive(6, from: device).sensirionNumber(0)
            if status & Status.errors != 0 { throw .deviceFault(code: status) }
            particles = status & Status.fanSpeed != 0 ? .estimated : .good
            return try ask(Command.readValues, .values, Self.commandTime, on: &bus)
        case .values:
            let reply = try bus.receive(24, from: device)
            for index in 0..<8 { _ = try reply.sensirionWord(index) }
            for channel in 0..<model.channelCount {
                let value = try Self.value(channel, reply)
                let quality: Quality = value == nil ? .notAvailable : channel < 4 ? particles : .good
                samples.append(Sample(channel: UInt8(channel), .physical(value ?? 0), quality: quality))
            }
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

    /// Table 12, "Read Product Name": the name as text, `SEN54`; told by its last digit as in `Model`. Another name by
    /// its first four letters.
    static func model(_ reply: Reply) throws(SensorFault) -> UInt32 {
        let (first, second, third) = (
            try reply.sensirionWord(0), try reply.sensirionWord(1), try reply.sensirionWord(2)
        )
        guard first == 0x5345, second == 0x4E35, (0x30...0x39).contains(third >> 8) else {
            return UInt32(first) << 16 | UInt32(second)
        }
        return 0x50 | UInt32(third >> 8 & 0x0F)
    }

    /// Section 6.1.5: particles as unsigned tenths; humidity as hundredths, temperature as two-hundredths, indices as
    /// tenths, with a sign. All ones is unknown; for numbers with a sign modules give the highest, 0x7FFF (so says
    /// Sensirion's own driver). All ones as a temperature is one only beside a humidity.
    static func value(_ channel: Int, _ reply: Reply) throws(SensorFault) -> Double? {
        let word = try reply.sensirionWord(channel)
        if channel < 4 { return word == 0xFFFF ? nil : Double(word) / 10 }
        if word == 0x7FFF { return nil }
        let humidity = try reply.sensirionWord(4)
        if word == 0xFFFF, channel != 5 || humidity == 0xFFFF { return nil }
        return Double(Int16(bitPattern: word)) / (channel == 4 ? 100 : channel == 5 ? 200 : 10)
    }
}

extension SEN5x {
    private static func model(_ settings: DriverSettings) throws(SettingFault) -> Model {
        switch settings.text("model") {
        case "sen50": return .sen50
        case "sen54": return .sen54
        case "sen55", nil: return .sen55
        default:
            throw SettingFault(
                parameter: "model", text: "unknown; expected sen50, sen54 or sen55; write what is printed on the module"
            )
        }
    }

    static let entry = DriverEntry(
        name: "sen5x",
        about: "Sensirion SEN50, SEN54 or SEN55 on I2C: particles; humidity, temperature, VOC index; NOx index",
        chip: ChipFacts(
            datasheet: "Sensirion SEN5x version 2, March 2022", measuringTime: .seconds(1),
            identity: "command 0xD014: product name"),
        attachment: .bus(addresses: [0x69]),
        parameters: [
            Parameter(
                "model", .choice(["sen50", "sen54", "sen55"]), fallback: .text("sen55"),
                about: "what is printed on the module: it decides which channels there are")
        ],
        defaultEvery: .seconds(10),
        // Tables 3 and 5: particles in thin air 30 s, gas events 60 s; the indices go on learning for hours.
        warmUp: .seconds(60),
        channels: { settings throws(SettingFault) in
            let all = [
                DriverChannel("pm1", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm2_5", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm4", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm10", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -10...60),
                DriverChannel("voc_index", unit: "/", scale: -1, plausible: 1...500),
                DriverChannel("nox_index", unit: "/", scale: -1, plausible: 1...500),
            ]
            return Array(all.prefix(try model(settings).channelCount))
        },
        make: { settings throws(SettingFault) in
            .bus(SEN5x(device: try settings.requiredDevice(), model: try model(settings)))
        })
}
