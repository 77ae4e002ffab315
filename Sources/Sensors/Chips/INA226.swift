// Texas Instruments INA226: voltage, current both ways and power on I2C, with a shunt outside. Datasheet: SBOS547A
// (August 2015); its register descriptions.
//
// Each measurement is one triggered conversion of both inputs, each the mean of 64 of 1.1 ms; the chip powers down in
// between. Configuration and calibration are written each time.
//
// Current and power are computed here, from the shunt's voltage, and right whatever happened to the chip's calibration.
// That is set all the same, so that the math overflow flag tells a current beyond the largest that was asked for.

internal import World

struct INA226: BusDriver {
    /// Register set summary. Words, high byte first.
    private enum Register {
        static let configuration: UInt8 = 0x00
        static let shuntVoltage: UInt8 = 0x01
        static let busVoltage: UInt8 = 0x02
        static let calibration: UInt8 = 0x05
        static let maskEnable: UInt8 = 0x06
        static let manufacturer: UInt8 = 0xFE
        static let die: UInt8 = 0xFF
    }
    /// "TI".
    private static let manufacturer: UInt16 = 0x5449
    /// The lower four bits are the revision.
    private static let die: UInt16 = 0x2260
    /// 64 samples, 1.1 ms each for bus and shunt, both, triggered (configuration register).
    private static let triggered: UInt16 = 0b0100_0111_0010_0011
    /// 64 × 1.21 ms (electrical characteristics, longest), twice.
    static let measuringTime = Duration.milliseconds(156)
    private static let isReady: UInt16 = 0b1000
    private static let hasOverflowed: UInt16 = 0b0100
    static let shuntVoltPerCount = 2.5e-6
    private static let busVoltPerCount = 1.25e-3
    /// 32768 counts.
    static let fullScaleVolt = 0.08192

    private let device: BusDevice
    private let shunt: Shunt
    private var isKnown = false

    init(device: BusDevice, shunt: Shunt) {
        self.device = device
        self.shunt = shunt
    }

    /// Full scale of the current register at the largest current (programming the calibration register); 15 bits.
    var calibration: UInt16 {
        let amperePerCount = shunt.mostAmpere / 32_768
        return UInt16(min(0.00512 / (amperePerCount * shunt.ohm), 32_767))
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isKnown {
            let maker = try bus.receive(2, register: Register.manufacturer, of: device).bigEndian16(0)
            guard maker == Self.manufacturer else {
                throw .wrongChip(found: UInt32(maker), expected: UInt32(Self.manufacturer))
            }
            let die = try bus.receive(2, register: Register.die, of: device).bigEndian16(0)
            guard die & 0xFFF0 == Self.die else {
                throw .wrongChip(found: UInt32(die), expected: UInt32(Self.die))
            }
            isKnown = true
        }
        try bus.send(register: Register.calibration, word: calibration, to: device)
        try bus.send(register: Register.configuration, word: Self.triggered, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let status = try bus.receive(2, register: Register.maskEnable, of: device).bigEndian16(0)
        guard status & Self.isReady != 0 else { throw .notReady }
        let voltage = try bus.receive(2, register: Register.busVoltage, of: device).bigEndian16(0)
        let counts = try bus.receive(2, register: Register.shuntVoltage, of: device).signedBigEndian16(0)
        // The highest bit of the bus voltage is always 0: its scale ends at 40.96 V.
        guard voltage <= 0x7FFF else { throw .implausible }
        shunt.append(
            volt: Double(voltage) * Self.busVoltPerCount, isVoltageFull: voltage == 0x7FFF,
            shuntVolt: Double(counts) * Self.shuntVoltPerCount,
            isCurrentFull: status & Self.hasOverflowed != 0 || counts == .max || counts == .min, first: 0,
            to: &samples)
        return nil
    }

    mutating func forget() { isKnown = false }
}

extension INA226 {
    static let entry = DriverEntry(
        name: "ina226",
        about: "Texas Instruments INA226 on I2C: voltage to 36 V, current both ways, power",
        chip: ChipFacts(
            datasheet: "Texas Instruments SBOS547A", measuringTime: measuringTime,
            identity: "register 0xFE is 0x5449, 0xFF is 0x2260"),
        attachment: .bus(addresses: Array(0x40...0x4F)),
        parameters: [
            Shunt.parameter(about: "the shunt's resistance: 100 mOhm where R100 stands on it"), Shunt.maxCurrent,
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            try Shunt(settings, fullScaleVolt: fullScaleVolt)
                .channels(voltPerCount: shuntVoltPerCount, voltage: 0...36)
        },
        make: { settings throws(SettingFault) in
            let shunt = try Shunt(settings, fullScaleVolt: fullScaleVolt)
            return .bus(INA226(device: try settings.requiredDevice(), shunt: shunt))
        })
}
