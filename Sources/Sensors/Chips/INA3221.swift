// Texas Instruments INA3221: voltage, current both ways and power of three supplies on I2C, with shunts outside.
// Datasheet: SBOS576B (March 2016); its register descriptions.
//
// Each measurement is one single-shot conversion of all six inputs, each the mean of 16 of 1.1 ms; the chip powers down
// in between. The configuration is written each time.

internal import World

struct INA3221: BusDriver {
    /// Summary of the register set. Words, high byte first; shunt and bus voltages of the three channels in turn from
    /// 0x01.
    private enum Register {
        static let configuration: UInt8 = 0x00
        static let shuntVoltage: UInt8 = 0x01
        static let busVoltage: UInt8 = 0x02
        static let maskEnable: UInt8 = 0x0F
        static let manufacturer: UInt8 = 0xFE
        static let die: UInt8 = 0xFF
    }
    /// "TI".
    private static let manufacturer: UInt16 = 0x5449
    private static let die: UInt16 = 0x3220
    /// All channels; 16 samples; 1.1 ms each for bus and shunt; both, single shot (configuration register).
    private static let singleShot: UInt16 = 0b0111_0101_0010_0011
    /// 3 × 16 × 1.21 ms (electrical characteristics, longest), twice.
    static let measuringTime = Duration.milliseconds(118)
    private static let isReady: UInt16 = 0b0001
    static let shuntVoltPerCount = 40e-6
    private static let busVoltPerCount = 8e-3
    /// 4095 counts.
    static let fullScaleVolt = 0.1638

    private let device: BusDevice
    private let shunts: [Shunt]
    private var isKnown = false

    init(device: BusDevice, shunts: [Shunt]) {
        self.device = device
        self.shunts = shunts
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isKnown {
            let maker = try bus.receive(2, register: Register.manufacturer, of: device).bigEndian16(0)
            guard maker == Self.manufacturer else {
                throw .wrongChip(found: UInt32(maker), expected: UInt32(Self.manufacturer))
            }
            let die = try bus.receive(2, register: Register.die, of: device).bigEndian16(0)
            guard die == Self.die else { throw .wrongChip(found: UInt32(die), expected: UInt32(Self.die)) }
            isKnown = true
        }
        try bus.send(register: Register.configuration, word: Self.singleShot, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let status = try bus.receive(2, register: Register.maskEnable, of: device).bigEndian16(0)
        guard status & Self.isReady != 0 else { throw .notReady }
        for channel in 0..<UInt8(3) {
            let shunt = try bus.receive(2, register: Register.shuntVoltage + 2 * channel, of: device)
            let supply = try bus.receive(2, register: Register.busVoltage + 2 * channel, of: device)
            let (across, behind) = (Self.counts(shunt), Self.counts(supply))
            shunts[Int(channel)].append(
                volt: Double(behind) * Self.busVoltPerCount, isVoltageFull: behind >= 4_095,
                shuntVolt: Double(across) * Self.shuntVoltPerCount, isCurrentFull: across >= 4_095 || across <= -4_095,
                first: 3 * channel, to: &samples)
        }
        return nil
    }

    mutating func forget() { isKnown = false }

    /// 12 bits and a sign, above three bits that are always 0 (shunt and bus voltage registers).
    static func counts(_ reply: Reply) -> Int16 { reply.signedBigEndian16(0) >> 3 }
}

extension INA3221 {
    private static let names = ["shunt", "shunt_2", "shunt_3"]

    private static func shunts(_ settings: DriverSettings) throws(SettingFault) -> [Shunt] {
        var shunts: [Shunt] = []
        for name in names { shunts.append(try Shunt(settings, name, fullScaleVolt: fullScaleVolt)) }
        return shunts
    }

    static let entry = DriverEntry(
        name: "ina3221",
        about: "Texas Instruments INA3221 on I2C: voltage to 26 V, current both ways, power of three supplies",
        chip: ChipFacts(
            datasheet: "Texas Instruments SBOS576B", measuringTime: measuringTime,
            identity: "register 0xFE is 0x5449, 0xFF is 0x3220"),
        attachment: .bus(addresses: [0x40, 0x41, 0x42, 0x43]),
        parameters: [
            Shunt.parameter(about: "the resistance of the shunts: 100 mOhm where R100 stands on them"),
            Shunt.parameter("shunt_2", about: "that of the second supply, where it is another"),
            Shunt.parameter("shunt_3", about: "that of the third supply, where it is another"),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            var channels: [DriverChannel] = []
            for (index, shunt) in try shunts(settings).enumerated() {
                channels += shunt.channels(
                    suffix: "_\(index + 1)", voltPerCount: shuntVoltPerCount, voltage: 0...26)
            }
            return channels
        },
        make: { settings throws(SettingFault) in
            .bus(INA3221(device: try settings.requiredDevice(), shunts: try shunts(settings)))
        })
}
