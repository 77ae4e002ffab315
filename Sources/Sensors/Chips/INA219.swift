// Texas Instruments INA219: voltage, current both ways and power on I2C, with a shunt outside. Datasheet: SBOS448G
// (December 2015); its sections.
//
// Each measurement is one triggered conversion of both inputs, each the mean of 128 (68 ms): the noise of switching
// loads goes, and the chip powers down in between. Configuration and calibration are written each time.
//
// Current and power are computed here, from the shunt's voltage: finer than the chip's own registers, and right
// whatever happened to its calibration. That is set all the same, so that the math overflow flag tells a current beyond
// the largest that was asked for.

internal import World

struct INA219: BusDriver {
    /// Section 8.6.1. Words, high byte first.
    private enum Register {
        static let configuration: UInt8 = 0x00
        static let shuntVoltage: UInt8 = 0x01
        static let busVoltage: UInt8 = 0x02
        static let power: UInt8 = 0x03
        static let calibration: UInt8 = 0x05
    }
    private static let reset: UInt16 = 0x8000
    /// The chip has no id: what its configuration is after a reset tells it from the INA226 and others at its address.
    private static let resetConfiguration: UInt16 = 0x399F
    /// 32 V range; 128 samples of the bus and of the shunt; both, triggered (section 8.6.2.1).
    private static let triggered: UInt16 = 0b0010_0111_1111_1011
    /// 128 × 586 µs (electrical characteristics, longest), twice.
    static let measuringTime = Duration.milliseconds(151)
    static let shuntVoltPerCount = 10e-6
    private static let busVoltPerCount = 4e-3
    /// 320 mV across the shunt at the widest range.
    static let fullScaleVolt = 0.32

    private let device: BusDevice
    private let shunt: Shunt
    /// Gain 1, /2, /4, /8: ±40, 80, 160, 320 mV (section 8.6.2.1). The narrowest that holds the largest current.
    private let range: UInt16
    private var isKnown = false

    init(device: BusDevice, shunt: Shunt) {
        self.device = device
        self.shunt = shunt
        let most = shunt.mostAmpere * shunt.ohm * 0.999
        range = most <= 0.04 ? 0 : most <= 0.08 ? 1 : most <= 0.16 ? 2 : 3
    }

    /// Full scale of the current register at the largest current (section 8.5.1). Its lowest bit cannot be set.
    var calibration: UInt16 {
        let amperePerCount = shunt.mostAmpere / 32_768
        return UInt16(min(0.04096 / (amperePerCount * shunt.ohm), 65_534)) & 0xFFFE
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isKnown {
            try bus.send(register: Register.configuration, word: Self.reset, to: device)
            let found = try bus.receive(2, register: Register.configuration, of: device).bigEndian16(0)
            guard found == Self.resetConfiguration else {
                throw .wrongChip(found: UInt32(found), expected: UInt32(Self.resetConfiguration))
            }
            isKnown = true
        }
        try bus.send(register: Register.calibration, word: calibration, to: device)
        // Reading power clears the flag of the last conversion; writing the mode does only if it is another.
        _ = try bus.receive(2, register: Register.power, of: device)
        try bus.send(register: Register.configuration, word: Self.triggered | range << 11, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let voltage = BusVoltage(try bus.receive(2, register: Register.busVoltage, of: device))
        guard voltage.isReady else { throw .notReady }
        let counts = try bus.receive(2, register: Register.shuntVoltage, of: device).signedBigEndian16(0)
        shunt.append(
            volt: Double(voltage.counts) * Self.busVoltPerCount, isVoltageFull: voltage.counts >= 8_000,
            shuntVolt: Double(counts) * Self.shuntVoltPerCount,
            isCurrentFull: voltage.hasOverflowed || Int(counts).magnitude >= 4_000 << UInt(range), first: 0,
            to: &samples)
        return nil
    }

    mutating func forget() { isKnown = false }

    /// Bus voltage register (section 8.6.3.2): 13 bits, conversion ready, math overflow.
    struct BusVoltage: Equatable {
        var counts: UInt16
        var isReady: Bool
        var hasOverflowed: Bool

        init(_ reply: Reply) {
            let word = reply.bigEndian16(0)
            counts = word >> 3
            isReady = word & 0b10 != 0
            hasOverflowed = word & 0b01 != 0
        }
    }
}

extension INA219 {
    static let entry = DriverEntry(
        name: "ina219",
        about: "Texas Instruments INA219 on I2C: voltage to 26 V, current both ways, power",
        chip: ChipFacts(
            datasheet: "Texas Instruments SBOS448G", measuringTime: measuringTime,
            identity: "register 0x00 is 0x399F after a reset"),
        attachment: .bus(addresses: Array(0x40...0x4F)),
        parameters: [
            Shunt.parameter(about: "the shunt's resistance: 100 mOhm where R100 stands on it"), Shunt.maxCurrent,
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            try Shunt(settings, fullScaleVolt: fullScaleVolt)
                .channels(voltPerCount: shuntVoltPerCount, voltage: 0...26)
        },
        make: { settings throws(SettingFault) in
            let shunt = try Shunt(settings, fullScaleVolt: fullScaleVolt)
            return .bus(INA219(device: try settings.requiredDevice(), shunt: shunt))
        })
}
