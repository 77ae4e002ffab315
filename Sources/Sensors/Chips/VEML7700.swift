// Vishay VEML7700: illuminance on I2C, with a diode that sees as the eye does. Datasheet: document 84286; application
// note "Designing the VEML7700 Into an Application": document 84323 (06-Mar-2025).
//
// Resolution is that of the papers since about 2023: 0.0042 lx a count at gain 2 and 800 ms (earlier ones said 0.0036).
// Four ranges follow the light; gains 1 and 2 only below 100 lx, for they are not linear above (application note). The
// gain of 1/8 is not either: its lux go through the note's polynomial. The note asks for that above 1000 lx; here it
// works in the whole range of that gain, for a step of 8 % at 1000 lx is in no lamp, and below 100 lx it is under 1 %.
//
// The chip has no flag for new data, so each range is started anew and twice its time waited for. Its configuration is
// read back with the data: a chip that lost its supply meanwhile is refused.

internal import World

struct VEML7700: BusDriver {
    /// Command codes. Words, low byte first.
    private enum Register {
        static let configuration: UInt8 = 0x00
        static let powerSaving: UInt8 = 0x03
        static let ambientLight: UInt8 = 0x04
        static let id: UInt8 = 0x07
    }
    /// The low byte of the id; the high one tells the address option.
    private static let id: UInt8 = 0x81
    private static let shutDown: UInt16 = 1
    /// The polynomial gives 140 klx here, the most that the datasheet promises.
    private static let mostUncorrectedLux = 23_970.0

    /// Gain and integration time: bits 12 to 11 and 9 to 6 of the configuration.
    struct Range: Equatable {
        let configuration: UInt16
        let luxPerCount: Double
        let milliseconds: Int64
        let isCorrected: Bool
        /// More counts are better measured in the range before: 10,000 is the application note's bound.
        let brightAbove: UInt16
        /// Fewer are better measured in the next: 100 is the note's bound.
        let darkBelow: UInt16

        static let all = [
            Range(
                configuration: 0b10 << 11 | 0b1100 << 6, luxPerCount: 2.1504, milliseconds: 25, isCorrected: true,
                brightAbove: .max, darkBelow: 2_000),
            Range(
                configuration: 0b10 << 11 | 0b0000 << 6, luxPerCount: 0.5376, milliseconds: 100, isCorrected: true,
                brightAbove: 10_000, darkBelow: 100),
            Range(
                configuration: 0b01 << 11 | 0b0000 << 6, luxPerCount: 0.0336, milliseconds: 100, isCorrected: false,
                brightAbove: 2_900, darkBelow: 100),
            Range(
                configuration: 0b01 << 11 | 0b0011 << 6, luxPerCount: 0.0042, milliseconds: 800, isCorrected: false,
                brightAbove: 10_000, darkBelow: 0),
        ]

        /// 2.5 ms to wake up, and twice the integration: nothing tells when it has ended, and none is promised to the
        /// millisecond.
        var measuringTime: Duration { .milliseconds(2 * milliseconds + 3) }

        func uncorrectedLux(_ counts: UInt16) -> Double { Double(counts) * luxPerCount }

        func lux(_ counts: UInt16) -> Double {
            let lux = min(uncorrectedLux(counts), mostUncorrectedLux)
            guard isCorrected else { return lux }
            return (((6.0135e-13 * lux - 9.3924e-9) * lux + 8.1488e-5) * lux + 1.0023) * lux
        }
    }

    private let device: BusDevice
    private var ranging = Ranging(count: Range.all.count, first: 1)
    private var isSetUp = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isSetUp {
            let found = try bus.receive(2, register: Register.id, of: device)[0]
            guard found == Self.id else { throw .wrongChip(found: UInt32(found), expected: UInt32(Self.id)) }
            isSetUp = true
        }
        ranging.begin()
        return try integrate(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let range = Range.all[ranging.range]
        let counts = try bus.receive(2, register: Register.ambientLight, of: device).littleEndian16(0)
        let configuration = try bus.receive(2, register: Register.configuration, of: device).littleEndian16(0)
        guard configuration == range.configuration else { throw .implausible }
        if counts > range.brightAbove, ranging.moveToBrighter() { return try integrate(on: &bus) }
        if counts < range.darkBelow, ranging.moveToDarker() { return try integrate(on: &bus) }
        try write(Self.shutDown, to: Register.configuration, on: &bus)
        let isFull = counts == .max || range.uncorrectedLux(counts) > Self.mostUncorrectedLux
        samples.append(Sample(channel: 0, .physical(range.lux(counts)), quality: isFull ? .saturated : .good))
        return nil
    }

    mutating func forget() { isSetUp = false }

    /// Gain and time are changed while it is shut down, so that no integration is of two ranges.
    private func integrate(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        let range = Range.all[ranging.range]
        try write(range.configuration | Self.shutDown, to: Register.configuration, on: &bus)
        try write(0, to: Register.powerSaving, on: &bus)
        try write(range.configuration, to: Register.configuration, on: &bus)
        return range.measuringTime
    }

    private func write(
        _ word: UInt16, to register: UInt8, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) {
        try bus.send(register, UInt8(word & 0xFF), UInt8(word >> 8), to: device)
    }
}

extension VEML7700 {
    static let entry = DriverEntry(
        name: "veml7700",
        about: "Vishay VEML7700 on I2C: illuminance from night to sunshine, gain chosen by itself",
        chip: ChipFacts(
            datasheet: "Vishay 84286, application note 84323 (06-Mar-2025)",
            measuringTime: Range.all[1].measuringTime + Range.all[2].measuringTime + Range.all[3].measuringTime,
            identity: "low byte of command code 7 is 0x81"),
        attachment: .bus(addresses: [0x10]),
        defaultEvery: .seconds(10),
        // 0 to about 140 klx: features.
        channels: { _ throws(SettingFault) in
            [DriverChannel("illuminance", unit: "lx", scale: -2, plausible: 0...140_050)]
        },
        make: { settings throws(SettingFault) in .bus(VEML7700(device: try settings.requiredDevice())) })
}
