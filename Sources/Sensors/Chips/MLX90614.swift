// Melexis MLX90614: infrared thermometer on SMBus, the temperature of what it looks at and its own. Datasheet:
// 3901090614, revision 008; sections and tables below are its. The bus must not be faster than 100 kHz.
//
// The chip measures continuously; both values are read from its memory, each with a packet error code. An object that
// does not radiate as a black body is corrected for here: `emissivity` is compared with what the chip reckons with (1
// from the factory), and the difference in radiation put right, so the chip's memory is never written. Its flags are
// not read: they are asked for without a repeated start (Melexis 390119061402, revision 004), which no adapter does.

internal import World

struct MLX90614: BusDriver {
    /// Commands: 000x xxxx reads the RAM, 001x xxxx the EEPROM (section 8.4.6).
    private enum Command {
        static let ambient: UInt8 = 0x06
        static let object: UInt8 = 0x07
        static let emissivity: UInt8 = 0x24
    }
    /// Marks a value that could not be computed (section 8.4.6).
    private static let errorFlag: UInt16 = 0x8000
    /// First valid data after power-on: 20 ms and 0.25 s (electrical specifications).
    static let startUpTime = Duration.milliseconds(270)

    private let device: BusDevice
    /// What the installer says of the object; nil: as the chip has it.
    private let emissivity: Double?
    /// The chip's emissivity over the object's, once read.
    private var correction: Double?

    init(device: BusDevice, emissivity: Double?) {
        self.device = device
        self.emissivity = emissivity
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if correction != nil { return .zero }
        let stored = try word(Command.emissivity, on: &bus)
        guard stored > 0 else { throw .implausible }
        correction = emissivity.map { Double(stored) / 65_535 / $0 } ?? 1
        return Self.startUpTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard let correction else { invariantFailed("collect before start") }
        let ambient = try kelvin(Command.ambient, on: &bus)
        let object = try kelvin(Command.object, on: &bus)
        guard let corrected = Self.corrected(object: object, ambient: ambient, by: correction) else {
            throw .implausible
        }
        samples.append(Sample(channel: 0, .physical(corrected - 273.15)))
        samples.append(Sample(channel: 1, .physical(ambient - 273.15)))
        return nil
    }

    mutating func forget() { correction = nil }

    private func kelvin(_ command: UInt8, on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Double {
        let word = try word(command, on: &bus)
        // No measurement gives 0 K: a chip that has just started.
        guard word & Self.errorFlag == 0, word != 0 else { throw .implausible }
        return Self.kelvin(word)
    }

    private func word(_ command: UInt8, on bus: inout some Bus & ~Copyable) throws(SensorFault) -> UInt16 {
        try Self.word(try bus.receive(3, register: command, of: device), to: command, at: device.address)
    }
}

extension MLX90614 {
    /// Low byte, high byte, packet error code over everything of the transfer, both address bytes too (section 8.4.3).
    static func word(_ reply: Reply, to command: UInt8, at address: UInt8) throws(SensorFault) -> UInt16 {
        let crc = CRC8.packetError
        var code = crc.adding(address << 1, to: crc.initial)
        code = crc.adding(command, to: code)
        code = crc.adding(address << 1 | 1, to: code)
        for index in 0..<2 { code = crc.adding(reply[index], to: code) }
        guard code == reply[2] else { throw .checksum }
        return reply.littleEndian16(0)
    }

    /// 0.02 K a step (section 8.7).
    static func kelvin(_ word: UInt16) -> Double { Double(word) * 0.02 }

    /// Radiation goes with the fourth power of the temperature, and what an object lacks to a black body it reflects of
    /// the surroundings, taken to be as warm as the chip. `factor`: the emissivity reckoned with over the true one. Nil
    /// when no temperature fits.
    static func corrected(object: Double, ambient: Double, by factor: Double) -> Double? {
        guard factor != 1 else { return object }
        func fourth(_ value: Double) -> Double { value * value * value * value }
        let power = (fourth(object) - fourth(ambient)) * factor + fourth(ambient)
        guard power.isFinite, power > 0 else { return nil }
        return power.squareRoot().squareRoot()
    }

    static let entry = DriverEntry(
        name: "mlx90614",
        about: "Melexis MLX90614 infrared thermometer on I2C: surface (object) and own (ambient) temperature",
        chip: ChipFacts(datasheet: "Melexis 3901090614 revision 008", measuringTime: startUpTime),
        // 0x5A from the factory; it can be programmed to any other.
        attachment: .bus(addresses: [0x5A, 0x5B, 0x5C, 0x5D, 0x5E, 0x5F]),
        parameters: [
            Parameter(
                "emissivity", .number(0.1...1),
                about: "of the surface: asphalt 0.95, concrete 0.92, rusty steel 0.7; left out: the chip's own")
        ],
        defaultEvery: .seconds(10),
        // Ranges of section 8.7; a step is 0.02 °C.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("object_temperature", unit: "Cel", scale: -2, plausible: -70...380),
                DriverChannel("ambient_temperature", unit: "Cel", scale: -2, plausible: -40...125),
            ]
        },
        make: { settings throws(SettingFault) in
            .bus(MLX90614(device: try settings.requiredDevice(), emissivity: settings.number("emissivity")))
        })
}
