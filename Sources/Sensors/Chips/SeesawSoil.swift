// Adafruit STEMMA soil sensor (product 4026) on I2C: moisture by capacitance, and temperature. There is no datasheet:
// the facts are those of Adafruit's "Adafruit seesaw" and "Adafruit STEMMA Soil Sensor" guides and of its CircuitPython
// library, adafruit_seesaw (seesaw.py: registers, delays, the number above which a reading is bad).
//
// The sensor is a microcontroller: a register is asked for with one write, and answers with a read of its own some
// milliseconds later. Moisture has no unit of nature: `dry` and `wet` are what the sensor says in the soil at hand, dry
// and watered, and the percentage stands between them.

internal import World

struct SeesawSoil: BusDriver {
    /// Module and function.
    private enum Register {
        static let hardwareID: (UInt8, UInt8) = (0x00, 0x01)
        static let temperature: (UInt8, UInt8) = (0x00, 0x04)
        static let touch: (UInt8, UInt8) = (0x0F, 0x10)
    }
    private enum Step { case hardwareID, temperature, touch }

    /// SAMD09 and ATtiny817, the two that the board has been made with.
    private static let hardwareIDs: [UInt8] = [0x55, 0x87]
    /// The library waits so long for a temperature and for a touch.
    static let answerTime = Duration.milliseconds(5)
    /// The measuring capacitor's count has 12 bits; more is a measurement that failed, and is made again.
    static let mostCounts: UInt16 = 4_095
    private static let tries = 4

    /// What the sensor says in dry and in wet soil.
    struct Points: Sendable, Equatable {
        let dry: Double
        let wet: Double

        func percent(_ counts: UInt16) -> Double { (Double(counts) - dry) / (wet - dry) * 100 }
    }

    private let device: BusDevice
    private let points: Points
    private var step = Step.hardwareID
    private var isKnown = false
    private var celsius = 0.0
    private var failed = 0

    init(device: BusDevice, points: Points) {
        self.device = device
        self.points = points
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        failed = 0
        return try isKnown
            ? ask(Register.temperature, as: .temperature, on: &bus)
            : ask(Register.hardwareID, as: .hardwareID, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .hardwareID:
            let found = try bus.receive(1, from: device)[0]
            guard Self.hardwareIDs.contains(found) else {
                throw .wrongChip(found: UInt32(found), expected: UInt32(Self.hardwareIDs[0]))
            }
            isKnown = true
            return try ask(Register.temperature, as: .temperature, on: &bus)
        case .temperature:
            celsius = Self.celsius(try bus.receive(4, from: device))
            return try ask(Register.touch, as: .touch, on: &bus)
        case .touch:
            let counts = try bus.receive(2, from: device).bigEndian16(0)
            guard counts <= Self.mostCounts else {
                failed += 1
                guard failed < Self.tries else { throw .implausible }
                return try ask(Register.touch, as: .touch, on: &bus)
            }
            samples.append(Sample(channel: 0, .physical(points.percent(counts))))
            samples.append(Sample(channel: 1, .physical(celsius)))
            samples.append(Sample(channel: 2, .exact(Int64(counts))))
            return nil
        }
    }

    mutating func forget() { isKnown = false }

    /// A number with a sign and 16 bits behind the point.
    static func celsius(_ reply: Reply) -> Double { Double(Int32(bitPattern: reply.bigEndian32(0))) / 65_536 }

    private mutating func ask(
        _ register: (UInt8, UInt8), as step: Step, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Duration {
        self.step = step
        try bus.send(register.0, register.1, to: device)
        return Self.answerTime
    }
}

extension SeesawSoil {
    private static func points(_ settings: DriverSettings) throws(SettingFault) -> Points {
        let (dry, wet) = (settings.integer("dry") ?? 200, settings.integer("wet") ?? 2_000)
        guard wet > dry else {
            throw SettingFault(
                parameter: "wet",
                text: "\(wet), and `dry` is \(dry); expected more than `dry`; give what `moisture_raw` says in each")
        }
        return Points(dry: Double(dry), wet: Double(wet))
    }

    static let entry = DriverEntry(
        name: "seesaw-soil",
        about: "Adafruit STEMMA soil sensor on I2C: moisture by capacitance, temperature",
        chip: ChipFacts(
            datasheet: "Adafruit guides seesaw and STEMMA soil sensor (product 4026)", measuringTime: answerTime * 3,
            identity: "hardware id 0x55 or 0x87"),
        attachment: .bus(addresses: [0x36, 0x37, 0x38, 0x39]),
        parameters: [
            Parameter(
                "dry", .integer(0...4_095), fallback: .integer(200), about: "what `moisture_raw` says in dry soil"),
            Parameter(
                "wet", .integer(0...4_095), fallback: .integer(2_000), about: "what `moisture_raw` says in wet soil"),
        ],
        defaultEvery: .seconds(60),
        // The guide: 200 very dry to 2000 very wet; temperature of the microcontroller's own sensor.
        channels: { settings throws(SettingFault) in
            _ = try points(settings)
            return [
                DriverChannel("moisture", unit: "%", scale: -1, plausible: 0...100),
                DriverChannel("temperature", unit: "Cel", scale: -1, plausible: -40...85),
                DriverChannel(
                    "moisture_raw", unit: "count", scale: 0, plausible: 0...4_095, isCalibratable: false),
            ]
        },
        make: { settings throws(SettingFault) in
            .bus(SeesawSoil(device: try settings.requiredDevice(), points: try points(settings)))
        })
}
