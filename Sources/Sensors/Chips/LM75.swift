// LM75 and the many chips with its registers: temperature on I2C. Datasheets: National LM75 (DS012658), Texas
// Instruments LM75B/LM75C (SNIS153B), NXP LM75B (revision 6.1), Texas Instruments TMP175/TMP75 (SBOS288M), Maxim DS75.
//
// Nothing in the chip says which of them it is, so `resolution` does: 9 bits (LM75, LM75A, LM75C), 11 (NXP's LM75B,
// PCT2075: fixed, control bits 5 and 6 stay 0), 10 or 12 (TMP75, TMP175, DS75, MCP9800: bits 5 and 6 choose).
//
// The chip converts continuously. After a reset its temperature register says 0 °C until the first conversion is over,
// with the other registers as we want them, so a short loss of supply would give a false 0 °C unseen. Therefore the
// hysteresis is set half a degree below the 75 °C of every reset: as long as it is there, the chip has kept its supply.
// A thermostat on the output pin keeps its 80 °C.

internal import World

struct LM75: BusDriver {
    private enum Register {
        static let temperature: UInt8 = 0x00
        static let configuration: UInt8 = 0x01
        static let hysteresis: UInt8 = 0x02
    }
    /// Shutdown, and the resolution where it can be chosen. The others are the output pin's, or tell its state.
    private static let configurationMask: UInt8 = 0b0110_0001
    /// 74.5 °C in the 9 bits that every kind has.
    private static let mark: UInt16 = 0x4A80
    private static let markMask: UInt16 = 0xFF80
    /// Longest first conversion: 300 ms for the LM75 and the TMP75, 1,200 ms for a DS75 at 12 bits.
    private static let fixedTime = Duration.milliseconds(300)
    static let measuringTime = Duration.milliseconds(1_200)

    private let device: BusDevice
    private let resolution: Int
    private let configuration: UInt8
    private var isSetUp = false

    init(device: BusDevice, resolution: Int) {
        invariant((9...12).contains(resolution), "an LM75 of \(resolution) bits")
        self.device = device
        self.resolution = resolution
        configuration = resolution == 12 ? 0b0110_0000 : resolution == 10 ? 0b0010_0000 : 0
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if isSetUp { return .zero }
        try bus.send(Register.configuration, configuration, to: device)
        try bus.send(register: Register.hysteresis, word: Self.mark, to: device)
        isSetUp = true
        return configuration == 0 ? Self.fixedTime : Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let celsius = Self.celsius(try bus.receive(2, register: Register.temperature, of: device), bits: resolution)
        // After the temperature, so that no reset fits in between. Words are read whole: an LM75 that is left in the
        // middle of one can hold the data line (SNIS153B, figure 11).
        let found = try bus.receive(1, register: Register.configuration, of: device)[0]
        let hysteresis = try bus.receive(2, register: Register.hysteresis, of: device).bigEndian16(0)
        guard found & Self.configurationMask == configuration, hysteresis & Self.markMask == Self.mark else {
            throw .implausible
        }
        samples.append(Sample(channel: 0, .physical(celsius)))
        return nil
    }

    mutating func forget() { isSetUp = false }
}

extension LM75 {
    /// Two's complement from the highest bit down, 1 °C at bit 8; what is below the resolution is undefined.
    static func celsius(_ reply: Reply, bits: Int) -> Double {
        Double(reply.signedBigEndian16(0) >> (16 - bits)) / Double(1 << (bits - 8))
    }

    static let entry = DriverEntry(
        name: "lm75",
        about: "LM75, LM75A, LM75B, TMP75, TMP175, DS75, MCP9800 or PCT2075 on I2C: temperature",
        chip: ChipFacts(
            datasheet: "Texas Instruments SNIS153B, NXP LM75B revision 6.1, Texas Instruments SBOS288M",
            measuringTime: measuringTime),
        // A0 to A2.
        attachment: .bus(addresses: [0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F]),
        parameters: [
            Parameter(
                "resolution", .integer(9...12), fallback: .integer(9),
                about: "bits: 9 for LM75 and LM75A, 11 for LM75B and PCT2075, 12 for TMP75, DS75 and MCP9800")
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            // 0.5, 0.25, 0.125, 0.0625 °C a step.
            let scale: Int8 = (settings.integer("resolution") ?? 9) == 9 ? -1 : -2
            return [DriverChannel("temperature", unit: "Cel", scale: scale, plausible: -55...125)]
        },
        make: { settings throws(SettingFault) in
            let resolution = Int(settings.integer("resolution") ?? 9)
            return .bus(LM75(device: try settings.requiredDevice(), resolution: resolution))
        })
}
