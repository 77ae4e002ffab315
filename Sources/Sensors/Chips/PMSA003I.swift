// Plantower PMSA003I: mass of particles in the air, on I2C. Source: "PMSA003I series data manual", version 2.6
// (the frame of 32 bytes); the fixed length and the meaning of the last bytes are also the kernel's, for
// the PMS7003, which has the same frame on a serial line.
//
// The sensor measures all the time and has a new frame every 0.2 to 2.3 s; a read gives the newest. Published are the
// masses "under atmospheric environment". There is nothing to set up, and no identity but the frame's own beginning.

internal import World

struct PMSA003I: BusDriver {
    private static let frameLength = 32
    private static let beginning: UInt16 = 0x424D
    /// Bytes that follow the length itself.
    private static let contentLength: UInt16 = 28

    private let device: BusDevice

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration { .zero }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let masses = try Self.decode(bus.receive(Self.frameLength, from: device))
        samples.append(Sample(channel: 0, .physical(masses.pm1)))
        samples.append(Sample(channel: 1, .physical(masses.pm2_5)))
        samples.append(Sample(channel: 2, .physical(masses.pm10)))
        return nil
    }

    mutating func forget() {}

    static func decode(_ frame: Reply) throws(SensorFault) -> (pm1: Double, pm2_5: Double, pm10: Double) {
        guard frame.bigEndian16(0) == beginning, frame.bigEndian16(2) == contentLength else { throw .implausible }
        var sum: UInt16 = 0
        for index in 0..<frameLength - 2 { sum &+= UInt16(frame[index]) }
        guard sum == frame.bigEndian16(frameLength - 2) else { throw .checksum }
        // Byte 28 is the version, byte 29 an error code; 0 is none.
        guard frame[29] == 0 else { throw .deviceFault(code: UInt32(frame[29])) }
        // Not one particle above 0.3 µm in a tenth of a litre: no street has such air, a fan that has just been
        // switched on does.
        guard frame.bigEndian16(16) != 0 else { throw .notReady }
        return (Double(frame.bigEndian16(10)), Double(frame.bigEndian16(12)), Double(frame.bigEndian16(14)))
    }
}

extension PMSA003I {
    static let entry = DriverEntry(
        name: "pmsa003i",
        about: "Plantower PMSA003I on I2C: mass of particles up to 1, 2.5 and 10 µm",
        chip: ChipFacts(
            datasheet: "Plantower PMSA003I data manual version 2.6", measuringTime: .zero,
            identity: "the frame begins with 0x42 0x4D 0x00 0x1C"),
        attachment: .bus(addresses: [0x12]),
        defaultEvery: .seconds(10),
        // Data manual, circuit attentions: 30 s after it was woken.
        warmUp: .seconds(30),
        channels: { _ throws(SettingFault) in
            [
                // Technical index: effective range to 500, largest at least 1000.
                DriverChannel("pm1", unit: "ug/m3", scale: 0, plausible: 0...1_000),
                DriverChannel("pm2_5", unit: "ug/m3", scale: 0, plausible: 0...1_000),
                DriverChannel("pm10", unit: "ug/m3", scale: 0, plausible: 0...1_000),
            ]
        },
        make: { settings throws(SettingFault) in .bus(PMSA003I(device: try settings.requiredDevice())) })
}
