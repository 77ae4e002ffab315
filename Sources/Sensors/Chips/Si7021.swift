// Silicon Labs Si7021 (and Si7020, and what the Si7013 has in common with it): temperature and relative humidity on
// I2C. Datasheet: Si7021-A20, revision 1.3; sections and tables below are its.
//
// Both quantities are converted on their own and without holding the bus, because only so each answer has a checksum
// (the shortcut that reads the temperature of the humidity measurement has none, section 5.1). Resolution is the
// highest, 12 and 14 bits, which is also what a chip has after a reset: one that lost its supply measures rightly
// again.

internal import World

struct Si7021: BusDriver {
    /// Section 5, table 11.
    private enum Command {
        static let measureHumidity: UInt8 = 0xF5
        static let measureTemperature: UInt8 = 0xF3
        static let readUserRegister: UInt8 = 0xE7
        static let writeUserRegister: UInt8 = 0xE6
        static let readIDSecondPart: UInt16 = 0xFCC9
    }
    /// What the next step is.
    private enum Phase { case unknown, idle, humidity, temperature }

    /// Si7013, Si7020, Si7021 (section 5.3).
    private static let ids: [UInt8] = [0x0D, 0x14, 0x15]
    private static let idExpected: UInt32 = 0x15
    /// User register 1 (section 6.1): resolution in bits 7 and 0, all zero for the highest; heater in bit 2.
    private static let resolutionAndHeater: UInt8 = 0b1000_0101
    /// The supply has fallen below 1.9 V, and the chip may stop.
    private static let supplyLow: UInt8 = 0b0100_0000
    /// Longest times, table 2: 12 bits of humidity with the 14 of temperature that it needs, 12 + 10.8 ms; 14 bits of
    /// temperature, 10.8 ms.
    private static let humidityTime = Duration.milliseconds(23)
    private static let temperatureTime = Duration.milliseconds(11)
    static let measuringTime = humidityTime + temperatureTime

    private let device: BusDevice
    private var phase = Phase.unknown
    private var percent = 0.0

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if phase == .unknown { try setUp(on: &bus) }
        try bus.send(Command.measureHumidity, to: device)
        phase = .humidity
        return Self.humidityTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let word = try Self.word(bus.receiveResult(3, from: device))
        if phase == .humidity {
            percent = Self.percent(word)
            try bus.send(Command.measureTemperature, to: device)
            phase = .temperature
            return Self.temperatureTime
        }
        phase = .idle
        samples.append(Sample(channel: 0, .physical(Self.celsius(word))))
        samples.append(Sample(channel: 1, .physical(percent)))
        return nil
    }

    mutating func forget() { phase = .unknown }

    private func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) {
        let id = try bus.receive(6, command: Command.readIDSecondPart, of: device)
        try Self.check(id[0], id[1], against: id[2])
        guard Self.ids.contains(id[0]) else { throw .wrongChip(found: UInt32(id[0]), expected: Self.idExpected) }
        let register = try bus.receive(1, register: Command.readUserRegister, of: device)[0]
        if register & Self.supplyLow != 0 { throw .deviceFault(code: UInt32(register)) }
        guard register & Self.resolutionAndHeater != 0 else { return }
        // Bits that are not ours are to be written as they were read (section 6.1).
        try bus.send(Command.writeUserRegister, register & ~Self.resolutionAndHeater, to: device)
    }

    private static func check(_ high: UInt8, _ low: UInt8, against checksum: UInt8) throws(SensorFault) {
        let crc = CRC8.siliconLabs
        guard crc.adding(low, to: crc.adding(high, to: crc.initial)) == checksum else { throw .checksum }
    }
}

extension Si7021 {
    /// The measured word, whose checksum is right.
    static func word(_ reply: Reply) throws(SensorFault) -> UInt16 {
        try check(reply[0], reply[1], against: reply[2])
        return reply.bigEndian16(0)
    }

    /// Section 5.1.1; it can come out a little beyond 0 and 100 %RH and is to be cut there.
    static func percent(_ word: UInt16) -> Double { min(max(125 * Double(word) / 65_536 - 6, 0), 100) }

    /// Section 5.1.2.
    static func celsius(_ word: UInt16) -> Double { 175.72 * Double(word) / 65_536 - 46.85 }

    static let entry = DriverEntry(
        name: "si7021",
        about: "Silicon Labs Si7021 or Si7020 on I2C: temperature, relative humidity",
        chip: ChipFacts(
            datasheet: "Silicon Labs Si7021-A20 revision 1.3", measuringTime: measuringTime,
            identity: "SNB3 of the electronic ID is 0x15, 0x14 or 0x0D"),
        attachment: .bus(addresses: [0x40]),
        defaultEvery: .seconds(10),
        // Ranges of tables 4 and 5; scales at the resolution of 12 and 14 bits.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...125),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in .bus(Si7021(device: try settings.requiredDevice())) })
}
