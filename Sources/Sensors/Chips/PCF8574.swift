// NXP PCF8574 and PCF8574A: eight inputs on I2C. Datasheet: NXP PCF8574/PCF8574A revision 5; sections are its.
//
// An input is a pin whose latch is high: a weak current source pulls it up, and a contact or transistor pulls it down
// (section 8.1). All latches are written high before each reading, so whatever was written before by others, or lost
// with the supply, is right again. The chip has no registers and nothing to tell it by.

internal import World

struct PCF8574: BusDriver {
    private static let allInputs: UInt8 = 0xFF
    /// 100 µA (table 10) charge 10 nF of wire by 3 V in 0.3 ms.
    static let settling = Duration.milliseconds(1)
    static let names = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"]

    private let device: BusDevice
    private let inputs: ExpanderInputs

    init(device: BusDevice, inputs: ExpanderInputs) {
        self.device = device
        self.inputs = inputs
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(Self.allInputs, to: device)
        return Self.settling
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        inputs.append(UInt16(try bus.receive(1, from: device)[0]), to: &samples)
        return nil
    }

    mutating func forget() {}
}

extension PCF8574 {
    static let entry = DriverEntry(
        name: "pcf8574",
        about: "NXP PCF8574 or PCF8574A on I2C: up to eight inputs, 1 or 0 each",
        chip: ChipFacts(datasheet: "NXP PCF8574/PCF8574A revision 5", measuringTime: settling),
        // The A version answers at 0x38 to 0x3F (section 7.1).
        attachment: .bus(addresses: Array(0x20...0x27) + Array(0x38...0x3F)),
        parameters: ExpanderInputs.parameters(example: "P0 P3"),
        defaultEvery: .seconds(1),
        channels: { settings throws(SettingFault) in
            try ExpanderInputs(settings, names: names).channels(names: names)
        },
        make: { settings throws(SettingFault) in
            let device = try settings.requiredDevice()
            return .bus(PCF8574(device: device, inputs: try ExpanderInputs(settings, names: names)))
        })
}
