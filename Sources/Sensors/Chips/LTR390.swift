// Lite-On LTR-390UV-01: illuminance and UV index on I2C. Datasheet: DS86-2015-0004, version 1.1.
//
// One converter serves two diodes, so a measurement is two steps: light, then UV, both at 20 bits (400 ms). UV is
// measured at gain 18, where 2300 counts are one unit of the index (typical device parameters); light at gain 1, which
// reaches 157 klx, and below 700 lx once more at gain 18. The chip stands by in between.
//
// The status register tells new data and a power-on since it was last read, so a chip that lost its supply is refused.

internal import World

struct LTR390: BusDriver {
    /// Register set.
    private enum Register {
        static let control: UInt8 = 0x00
        static let rate: UInt8 = 0x04
        static let gain: UInt8 = 0x05
        static let partID: UInt8 = 0x06
        static let status: UInt8 = 0x07
        static let light: UInt8 = 0x0D
        static let ultraviolet: UInt8 = 0x10
    }
    /// The part number; the lower four bits are the revision.
    private static let part: UInt8 = 0xB
    private static let enable: UInt8 = 0b0010
    private static let ultravioletMode: UInt8 = 0b1000
    private static let hasNewData: UInt8 = 0b0000_1000
    private static let hasPoweredOn: UInt8 = 0b0010_0000
    /// 20 bits, and a measurement every 500 ms.
    private static let twentyBits: UInt8 = 0b0000_0100
    /// 400 ms, a tenth more for its clock, and 10 ms to wake up.
    static let stepTime = Duration.milliseconds(450)

    /// Ranges for light: gain register and gain.
    private static let gains: [(register: UInt8, factor: Double)] = [(0b000, 1), (0b100, 18)]
    private static let ultravioletGain: UInt8 = 0b100
    private static let brightAbove: UInt32 = 1_000_000
    /// 700 lx at gain 1.
    private static let darkBelow: UInt32 = 4_700

    private let device: BusDevice
    private var ranging = Ranging(count: gains.count, first: 0)
    private var isKnown = false
    /// What the light step found, until the UV step has ended; nil: it is going on.
    private var light: Sample?

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isKnown {
            let found = try bus.receive(1, register: Register.partID, of: device)[0]
            guard found >> 4 == Self.part else {
                throw .wrongChip(found: UInt32(found), expected: UInt32(Self.part << 4 | 0x2))
            }
            isKnown = true
        }
        light = nil
        ranging.begin()
        return try convert(Self.gains[ranging.range].register, mode: 0, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let status = try bus.receive(1, register: Register.status, of: device)[0]
        if status & Self.hasPoweredOn != 0 { throw .implausible }
        guard status & Self.hasNewData != 0 else { throw .notReady }
        guard let light else {
            let counts = try counts(Register.light, on: &bus)
            if counts > Self.brightAbove, ranging.moveToBrighter() { return try convertLight(on: &bus) }
            if counts < Self.darkBelow, ranging.moveToDarker() { return try convertLight(on: &bus) }
            light = Self.sample(0, Self.lux(counts, gain: Self.gains[ranging.range].factor), counts)
            return try convert(Self.ultravioletGain, mode: Self.ultravioletMode, on: &bus)
        }
        let counts = try counts(Register.ultraviolet, on: &bus)
        try bus.send(Register.control, 0, to: device)
        samples.append(light)
        samples.append(Self.sample(1, Self.ultravioletIndex(counts), counts))
        return nil
    }

    mutating func forget() { isKnown = false }

    private func convertLight(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try convert(Self.gains[ranging.range].register, mode: 0, on: &bus)
    }

    private func convert(
        _ gain: UInt8, mode: UInt8, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Duration {
        try bus.send(Register.control, 0, to: device)
        try bus.send(Register.rate, Self.twentyBits, to: device)
        try bus.send(Register.gain, gain, to: device)
        // Reading clears the flags of what was before.
        _ = try bus.receive(1, register: Register.status, of: device)
        try bus.send(Register.control, Self.enable | mode, to: device)
        return Self.stepTime
    }

    private func counts(_ register: UInt8, on bus: inout some Bus & ~Copyable) throws(SensorFault) -> UInt32 {
        let counts = try bus.receive(3, register: register, of: device).littleEndian24(0)
        guard counts <= Self.mostCounts else { throw .implausible }
        return counts
    }
}

extension LTR390 {
    /// 20 bits.
    static let mostCounts: UInt32 = 0xF_FFFF

    /// 0.6 × counts / (gain × integration), where 400 ms count as 4; without a window (application information).
    static func lux(_ counts: UInt32, gain: Double) -> Double { 0.6 * Double(counts) / (gain * 4) }

    /// At gain 18 and 400 ms.
    static func ultravioletIndex(_ counts: UInt32) -> Double { Double(counts) / 2_300 }

    private static func sample(_ channel: UInt8, _ value: Double, _ counts: UInt32) -> Sample {
        Sample(channel: channel, .physical(value), quality: counts == mostCounts ? .saturated : .good)
    }

    static let entry = DriverEntry(
        name: "ltr390",
        about: "Lite-On LTR-390UV-01 on I2C: illuminance and UV index",
        chip: ChipFacts(
            datasheet: "Lite-On LTR-390UV-01 DS86-2015-0004 version 1.1", measuringTime: stepTime * 3,
            identity: "upper four bits of register 0x06 are 0xB"),
        attachment: .bus(addresses: [0x53]),
        defaultEvery: .seconds(30),
        // Light: what 20 bits are at gain 1. UV index: more than the sun gives anywhere on the ground.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("illuminance", unit: "lx", scale: -2, plausible: 0...157_000),
                DriverChannel("uv_index", unit: "/", scale: -3, plausible: 0...50),
            ]
        },
        make: { settings throws(SettingFault) in .bus(LTR390(device: try settings.requiredDevice())) })
}
