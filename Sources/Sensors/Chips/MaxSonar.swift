// MaxBotix I2CXL-MaxSonar-EZ (MB1202, MB1212, MB1222, MB1232, MB1242): distance by ultrasound. Datasheet: PD11848k;
// pages are its.
//
// One command makes one ranging; the answer is the distance in whole centimetres. While it ranges the sensor does not
// listen. There is no register that tells the model and no checksum, so an answer that no ranging can give is all that
// is refused.

internal import World

struct MaxSonar: BusDriver {
    /// Takes one range reading (page 3).
    private static let range: UInt8 = 81
    /// The echo of the farthest target is back after about 65 ms; the sound needs 100 ms to die away (page 3).
    static let measuringTime = Duration.milliseconds(100)
    /// Nearer targets range as the nearest distance that can be told, 20 cm, and where nothing answers it is 765 cm
    /// (page 1).
    static let nearest: UInt16 = 20
    static let farthest: UInt16 = 765

    private let device: BusDevice

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(Self.range, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        samples.append(try Self.sample(try bus.receive(2, from: device)))
        return nil
    }

    mutating func forget() {}

    /// Centimetres, high byte first. A sensor that lost its supply after the command answers with two bytes that tell
    /// its kind (page 3), which is implausible unless they happen to make a distance.
    static func sample(_ answer: Reply) throws(SensorFault) -> Sample {
        let centimetres = answer.bigEndian16(0)
        guard centimetres > 0, centimetres <= farthest else { throw .implausible }
        let isAtEnd = centimetres <= nearest || centimetres == farthest
        return Sample(channel: 0, .physical(Double(centimetres) / 100), quality: isAtEnd ? .saturated : .good)
    }
}

extension MaxSonar {
    static let entry = DriverEntry(
        name: "maxsonar-i2c",
        about: "MaxBotix I2CXL-MaxSonar-EZ (MB1202 to MB1242) on I2C: distance",
        chip: ChipFacts(datasheet: "MaxBotix PD11848k", measuringTime: measuringTime),
        // 0x70 as delivered; several on one bus are given others (page 3).
        attachment: .bus(addresses: [0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77]),
        defaultEvery: .seconds(10),
        channels: { _ throws(SettingFault) in
            [DriverChannel("distance", unit: "m", scale: -2, plausible: 0.2...7.65)]
        },
        make: { settings throws(SettingFault) in .bus(MaxSonar(device: try settings.requiredDevice())) })
}
