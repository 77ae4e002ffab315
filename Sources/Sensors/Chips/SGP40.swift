// Sensirion SGP40: how much volatile organic compounds there are, as the raw signal of a heated metal oxide, on I2C.
// Datasheet: "SGP40", version 1.2 of February 2022.
//
// The channel is the raw signal, which falls when there is more in the air, and means something only beside the same
// sensor's earlier signals. The VOC index that Sensirion's algorithm makes of it wants one signal every second and
// learns for hours what is usual; a gateway that asks when a technician says, and restarts, would publish an index that
// is no index. For one that the module keeps itself, there is the SEN54.
//
// The signal depends on humidity: the chip corrects it by what it is told with every measurement, here fixed values.

internal import World

struct SGP40: BusDriver {
    private enum Command {
        static let measureRaw: UInt16 = 0x260F
        static let selfTest: UInt16 = 0x280E
        static let serialNumber: UInt16 = 0x3682
    }
    /// The command overview's longest times.
    private static let measuringTime = Duration.milliseconds(30)
    private static let selfTestTime = Duration.milliseconds(320)
    private static let serialNumberTime = Duration.milliseconds(1)
    /// What the self-test gives when all is well; 0x4B00 when not.
    private static let selfTestPassed: UInt16 = 0xD400

    private enum Step { case serialNumber, selfTest, measurement }

    private let device: BusDevice
    /// Command and both corrections, made once.
    private let measureRaw: Reply
    private var isSetUp = false
    private var step = Step.serialNumber

    init(device: BusDevice, percent: Double, celsius: Double) {
        self.device = device
        let ticks = Self.ticks(percent: percent, celsius: celsius)
        measureRaw = .sensirionMessage(command: Command.measureRaw, ticks.humidity, ticks.temperature)
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        guard isSetUp else {
            try bus.send(command: Command.serialNumber, to: device)
            step = .serialNumber
            return Self.serialNumberTime
        }
        return try measure(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .serialNumber:
            guard try bus.receive(9, from: device).isSensirionSerialNumber() else { throw .implausible }
            try bus.send(command: Command.selfTest, to: device)
            step = .selfTest
            return Self.selfTestTime
        case .selfTest:
            let result = try bus.receive(3, from: device).sensirionWord(0)
            guard result == Self.selfTestPassed else { throw .deviceFault(code: UInt32(result)) }
            isSetUp = true
            return try measure(on: &bus)
        case .measurement:
            let raw = try bus.receive(3, from: device).sensirionWord(0)
            // At either end the converter is clipped.
            let isClipped = raw == 0 || raw == 0xFFFF
            samples.append(Sample(channel: 0, .exact(Int64(raw)), quality: isClipped ? .saturated : .good))
            return nil
        }
    }

    mutating func forget() { isSetUp = false }

    private mutating func measure(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(measureRaw, to: device)
        step = .measurement
        return Self.measuringTime
    }

    /// Of the measurement's parameters: 0 to 100 %RH and -45 to 130 °C.
    static func ticks(percent: Double, celsius: Double) -> (humidity: UInt16, temperature: UInt16) {
        func ticks(_ part: Double) -> UInt16 { UInt16((min(max(part, 0), 1) * 65_535).rounded()) }
        return (ticks(percent / 100), ticks((celsius + 45) / 175))
    }
}

extension SGP40 {
    static let entry = DriverEntry(
        name: "sgp40",
        about: "Sensirion SGP40 on I2C: raw signal of volatile organic compounds, lower when there is more",
        chip: ChipFacts(
            datasheet: "Sensirion SGP40 version 1.2, February 2022", measuringTime: measuringTime,
            identity: "command 0x3682: a serial number with its CRCs; self-test 0xD400"),
        attachment: .bus(addresses: [0x59]),
        parameters: [
            Parameter(
                "humidity", .number(0...100), fallback: .number(50),
                about: "the place's usual relative humidity, %: the chip corrects its signal by it"),
            Parameter(
                "temperature", .quantity(units: ["Cel"]), fallback: .quantity(mantissa: 25, exponent: 0, unit: "Cel"),
                about: "the place's usual temperature, for the same"),
        ],
        defaultEvery: .seconds(10),
        // "Switch-on behaviour": within 60 s it tells changes reliably.
        warmUp: .seconds(60),
        channels: { _ throws(SettingFault) in
            [DriverChannel("voc_raw", unit: "count", scale: 0, plausible: 0...65_535, isCalibratable: false)]
        },
        make: { settings throws(SettingFault) in
            .bus(
                SGP40(
                    device: try settings.requiredDevice(), percent: settings.number("humidity") ?? 50,
                    celsius: settings.physical("temperature") ?? 25))
        })
}
