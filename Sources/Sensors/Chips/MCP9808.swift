// Microchip MCP9808: temperature to 0.25 °C on I2C. Datasheet: DS25095A; sections and registers below are its.
//
// The chip converts continuously, four times a second, as its accuracy is specified; there is no flag that tells a new
// result and no single shot. After a reset its temperature register says 0 °C until the first conversion is over, and
// the other registers are as we want them anyway, so a short loss of supply would give a false 0 °C unseen. Therefore
// the upper limit, which only the unused alert output looks at, is set to a value that no reset leaves: as long as it
// is there, the chip has kept its supply.

internal import World

struct MCP9808: BusDriver {
    /// Register 5-1.
    private enum Register {
        static let configuration: UInt8 = 0x01
        static let upperLimit: UInt8 = 0x02
        static let temperature: UInt8 = 0x05
        static let manufacturerID: UInt8 = 0x06
        static let deviceID: UInt8 = 0x07
        static let resolution: UInt8 = 0x08
    }
    private static let manufacturerID: UInt16 = 0x0054
    /// Without the revision in the low byte.
    private static let deviceID: UInt16 = 0x0400
    /// Converting, alert output off.
    private static let configuration: UInt16 = 0
    private static let finestResolution: UInt8 = 0b11
    /// 125 °C (register 5-3); 0 °C after a reset.
    private static let mark: UInt16 = 125 << 4
    /// A conversion at 0.0625 °C takes typically 250 ms (section 5.2.4); the datasheet has no longest time.
    static let measuringTime = Duration.milliseconds(350)

    private let device: BusDevice
    private var isSetUp = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if isSetUp { return .zero }
        let manufacturer = try word(Register.manufacturerID, on: &bus)
        guard manufacturer == Self.manufacturerID else {
            throw .wrongChip(found: UInt32(manufacturer), expected: UInt32(Self.manufacturerID))
        }
        let id = try word(Register.deviceID, on: &bus)
        guard id & 0xFF00 == Self.deviceID else { throw .wrongChip(found: UInt32(id), expected: UInt32(Self.deviceID)) }
        try bus.send(register: Register.configuration, word: Self.configuration, to: device)
        try bus.send(Register.resolution, Self.finestResolution, to: device)
        try bus.send(register: Register.upperLimit, word: Self.mark, to: device)
        isSetUp = true
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let celsius = Self.celsius(try bus.receive(2, register: Register.temperature, of: device))
        // After the temperature, so that no reset fits in between.
        guard try word(Register.configuration, on: &bus) == Self.configuration,
            try word(Register.upperLimit, on: &bus) == Self.mark
        else { throw .implausible }
        samples.append(Sample(channel: 0, .physical(celsius)))
        return nil
    }

    mutating func forget() { isSetUp = false }

    private func word(_ register: UInt8, on bus: inout some Bus & ~Copyable) throws(SensorFault) -> UInt16 {
        try bus.receive(2, register: register, of: device).bigEndian16(0)
    }
}

extension MCP9808 {
    /// Three alert flags, then 13 bits of two's complement, 1/16 °C a step (register 5-4).
    static func celsius(_ reply: Reply) -> Double {
        Double(Int16(bitPattern: reply.bigEndian16(0) << 3) >> 3) / 16
    }

    static let entry = DriverEntry(
        name: "mcp9808",
        about: "Microchip MCP9808 on I2C: temperature to 0.25 °C",
        chip: ChipFacts(
            datasheet: "Microchip DS25095A", measuringTime: measuringTime,
            identity: "register 0x06 is 0x0054, register 0x07 begins with 0x04"),
        // A0 to A2 (table 3-2).
        attachment: .bus(addresses: [0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F]),
        defaultEvery: .seconds(10),
        channels: { _ throws(SettingFault) in
            [DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...125)]
        },
        make: { settings throws(SettingFault) in .bus(MCP9808(device: try settings.requiredDevice())) })
}
