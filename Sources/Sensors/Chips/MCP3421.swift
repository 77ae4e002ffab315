// Microchip MCP3421: one differential voltage with 18 bits, on I2C. Datasheet: DS22003E.
//
// Every measurement is one conversion of 18 bits (3.75 a second: rejects mains hum by itself), with the configuration
// written anew; the chip sleeps in between. The configuration comes back with the result: a ready bit that is not
// clear, or anything else than what was written, is no result of ours.

internal import World

struct MCP3421: BusDriver {
    /// Configuration register.
    private static let notReady: UInt8 = 1 << 7
    private static let eighteenBits: UInt8 = 0b11 << 2
    /// Electrical characteristics, "data rate": 2.75 a second at the slowest.
    private static let conversionTime = Duration.milliseconds(365)
    /// Before a conversion is given up.
    private static let polls = 2
    private static let pollTime = Duration.milliseconds(40)
    private static let referenceVolts = 2.048

    private let device: BusDevice
    private let gain: Double
    /// One-shot (bit 4 clear), 18 bits, gain 1, 2, 4 or 8.
    private let configuration: UInt8
    private var polled = 0

    /// `gainCode`: the gain is 2 to its power.
    init(device: BusDevice, gainCode: UInt8) {
        invariant(gainCode <= 3, "gain code \(gainCode)")
        self.device = device
        gain = Double(1 << gainCode)
        configuration = Self.eighteenBits | gainCode
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(Self.notReady | configuration, to: device)
        polled = 0
        return Self.conversionTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let reply = try bus.receive(4, from: device)
        guard reply[3] == configuration else {
            polled += 1
            // Another configuration: the chip was reset, and this conversion never ends.
            guard reply[3] == Self.notReady | configuration, polled <= Self.polls else { throw .notReady }
            return Self.pollTime
        }
        guard let code = Self.code(reply) else { throw .implausible }
        let isClipped = code == 131_071 || code == -131_072
        samples.append(
            Sample(channel: 0, .physical(Self.volts(code: code, gain: gain)), quality: isClipped ? .saturated : .good))
        return nil
    }

    mutating func forget() {}

    /// 18 bits in three bytes, with a sign, which the first six bits repeat. Nil when they do not.
    static func code(_ reply: Reply) -> Int32? {
        let code = Int32(bitPattern: reply.bigEndian24(0) << 8) >> 8
        return (-131_072...131_071).contains(code) ? code : nil
    }

    /// Half the codes for the reference over the gain.
    static func volts(code: Int32, gain: Double) -> Double { Double(code) * referenceVolts / 131_072 / gain }
}

extension MCP3421 {
    private static func gainCode(_ settings: DriverSettings) -> UInt8 {
        switch settings.text("gain") {
        case "2": 1
        case "4": 2
        case "8": 3
        default: 0
        }
    }

    static let entry = DriverEntry(
        name: "mcp3421",
        about: "Microchip MCP3421 on I2C: one differential voltage, 18 bits",
        chip: ChipFacts(
            datasheet: "Microchip DS22003E", measuringTime: conversionTime,
            identity: "its configuration, which comes back with each result"),
        // The last three bits are made in the factory: A0 is what most boards carry.
        attachment: .bus(addresses: [0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F]),
        parameters: [
            Parameter(
                "gain", .choice(["1", "2", "4", "8"]), fallback: .text("1"),
                about: "before the converter: full scale is 2.048 V over it")
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            let fullScale = referenceVolts / Double(1 << gainCode(settings))
            return [
                DriverChannel(
                    "voltage", unit: "V", scale: DriverChannel.scale(below: fullScale / 131_072),
                    plausible: -fullScale...fullScale)
            ]
        },
        make: { settings throws(SettingFault) in
            .bus(MCP3421(device: try settings.requiredDevice(), gainCode: gainCode(settings)))
        })
}
