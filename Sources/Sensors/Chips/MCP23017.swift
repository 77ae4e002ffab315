// Microchip MCP23017: sixteen inputs on I2C, with pull-ups. Datasheet: DS20001952C; sections and tables are its.
//
// Every measurement writes all control registers and reads them back with the ports, in one burst: a chip that lost its
// supply for a moment is right again with the next measurement, and one that is no MCP23017 does not read back what was
// written. No pin is ever an output.

internal import World

struct MCP23017: BusDriver {
    /// Register map with IOCON.BANK = 0, table 3-5.
    private enum Register {
        static let directionA: UInt8 = 0x00
        static let control: UInt8 = 0x0A
        /// IOCON where IOCON.BANK = 1; with BANK = 0 it is GPINTENB, whose reset value is 0 as well.
        static let controlInBank1: UInt8 = 0x05
    }
    /// Registers from IODIRA to GPPUB, and on to GPIOB.
    private static let controls = 14
    private static let upToPorts = 20
    private static let portA = 18
    /// 100 kΩ (table 2-1, D070: 40 to 115 µA) charge 10 nF of wire within 1 ms.
    static let settling = Duration.milliseconds(2)
    static let names = [
        "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7",
    ]

    private let device: BusDevice
    private let inputs: ExpanderInputs
    /// The register's number, then IODIRA to GPPUB as they shall be.
    private let setting: Reply

    init(device: BusDevice, inputs: ExpanderInputs, hasPullUps: Bool) {
        self.device = device
        self.inputs = inputs
        let pullUps: UInt8 = hasPullUps ? 0xFF : 0
        var bytes = [UInt8](repeating: 0, count: 1 + Self.controls)
        // IODIR: inputs. No polarity inversion, no interrupts.
        (bytes[1], bytes[2]) = (0xFF, 0xFF)
        // GPPU.
        (bytes[13], bytes[14]) = (pullUps, pullUps)
        setting = Reply(bytes)
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        // Out of the other register map, and into counting addresses up, before anything else (section 3.2.1).
        try bus.send(Register.controlInBank1, 0, to: device)
        try bus.send(Register.control, 0, to: device)
        try bus.send(setting, to: device)
        return Self.settling
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let found = try bus.receive(Self.upToPorts, register: Register.directionA, of: device)
        for index in 0..<Self.controls where found[index] != setting[index + 1] { throw .implausible }
        inputs.append(found.littleEndian16(Self.portA), to: &samples)
        return nil
    }

    mutating func forget() {}
}

extension MCP23017 {
    static let entry = DriverEntry(
        name: "mcp23017",
        about: "Microchip MCP23017 on I2C: up to sixteen inputs, 1 or 0 each",
        chip: ChipFacts(
            datasheet: "Microchip DS20001952C", measuringTime: settling,
            identity: "control registers read back as written"),
        attachment: .bus(addresses: Array(0x20...0x27)),
        parameters: ExpanderInputs.parameters(example: "A0 A1 B3") + [
            Parameter(
                "bias", .choice(["pull-up", "disabled"]), fallback: .text("pull-up"),
                about: "the chip's own pull-ups (100 kOhm), for all inputs")
        ],
        defaultEvery: .seconds(1),
        channels: { settings throws(SettingFault) in
            try ExpanderInputs(settings, names: names).channels(names: names)
        },
        make: { settings throws(SettingFault) in
            let device = try settings.requiredDevice()
            let inputs = try ExpanderInputs(settings, names: names)
            return .bus(
                MCP23017(device: device, inputs: inputs, hasPullUps: settings.text("bias") != "disabled"))
        })
}
