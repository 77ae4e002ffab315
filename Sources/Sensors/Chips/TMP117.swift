// Texas Instruments TMP117: temperature to 0.1 °C on I2C. Datasheet: SNOSD82D, revision D; sections and tables below
// are its.
//
// Every measurement is one shot of eight averaged conversions, the chip's own default averaging (section 7.3.2): the
// noise is one step of 7.8 m°C, and the chip sleeps in between, so it does not warm itself (section 8.2.2.2). After a
// one-shot the mode reads "shutdown"; a chip that lost its supply is back in continuous mode, so it is noticed. The
// offset register is left alone: whoever stored one in the chip's memory has calibrated it.

internal import World

struct TMP117: BusDriver {
    /// Section 7.6.
    private enum Register {
        static let temperature: UInt8 = 0x00
        static let configuration: UInt8 = 0x01
        static let deviceID: UInt8 = 0x0F
    }
    /// Without the revision in bits 15 to 12.
    private static let deviceID: UInt16 = 0x117
    /// Mode 11 (one shot), conversion cycle 000, averaging 01 (eight).
    private static let oneShot: UInt16 = 0b11 << 10 | 0b01 << 5
    private static let modeMask: UInt16 = 0b11 << 10
    private static let modeShutdown: UInt16 = 0b01 << 10
    private static let dataReady: UInt16 = 1 << 13
    /// What the temperature register holds after a reset: -256 °C.
    private static let neverMeasured: UInt16 = 0x8000
    /// Eight of the longest conversion time, section 6.5: 17.5 ms.
    static let measuringTime = Duration.milliseconds(140)

    private let device: BusDevice
    private var isIdentified = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isIdentified {
            let found = try bus.receive(2, register: Register.deviceID, of: device).bigEndian16(0) & 0x0FFF
            guard found == Self.deviceID else {
                throw .wrongChip(found: UInt32(found), expected: UInt32(Self.deviceID))
            }
            isIdentified = true
        }
        try bus.send(register: Register.configuration, word: Self.oneShot, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let configuration = try bus.receive(2, register: Register.configuration, of: device).bigEndian16(0)
        if configuration & Self.dataReady == 0 { throw .notReady }
        guard configuration & Self.modeMask == Self.modeShutdown else { throw .implausible }
        let reply = try bus.receive(2, register: Register.temperature, of: device)
        guard reply.bigEndian16(0) != Self.neverMeasured else { throw .implausible }
        samples.append(Sample(channel: 0, .physical(Self.celsius(reply))))
        return nil
    }

    mutating func forget() { isIdentified = false }
}

extension TMP117 {
    /// Two's complement, 1/128 °C a step (table 7-1).
    static func celsius(_ reply: Reply) -> Double { Double(reply.signedBigEndian16(0)) / 128 }

    static let entry = DriverEntry(
        name: "tmp117",
        about: "Texas Instruments TMP117 on I2C: temperature to 0.1 °C",
        chip: ChipFacts(
            datasheet: "Texas Instruments TMP117 SNOSD82D", measuringTime: measuringTime,
            identity: "register 0x0F ends in 0x117"),
        // ADD0 on ground, supply, SDA, SCL (section 7.5.3.1.2).
        attachment: .bus(addresses: [0x48, 0x49, 0x4A, 0x4B]),
        defaultEvery: .seconds(10),
        channels: { _ throws(SettingFault) in
            [DriverChannel("temperature", unit: "Cel", scale: -3, plausible: -55...150)]
        },
        make: { settings throws(SettingFault) in .bus(TMP117(device: try settings.requiredDevice())) })
}
