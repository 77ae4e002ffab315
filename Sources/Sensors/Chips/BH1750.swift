// ROHM BH1750FVI: illuminance on I2C. Datasheet: BH1750FVI technical note, 2011.11, revision D; its tables and sections
// have names, no numbers.
//
// One-time measurements only: the chip powers itself down after each. The ordinary range is H-resolution mode 2 at the
// usual measurement time (0.42 lx a count, to 27 klx); sunshine is measured in H-resolution mode at the shortest time
// (1.85 lx a count, beyond 100 klx) and night in mode 2 at the longest (0.11 lx a count), as the section on the
// measurement time register tells. The light decides, so there is nothing to set.
//
// The chip has neither id nor status, and its data register keeps the last result. It is cleared before each
// measurement, so a result that never came is 0, never the value of an hour ago; and 0 is believed only when it has
// been measured twice in the range for night.

internal import World

struct BH1750: BusDriver {
    /// Instruction set architecture.
    private enum Command {
        static let powerOn: UInt8 = 0b0000_0001
        /// Clears the data register; not accepted while powered down.
        static let reset: UInt8 = 0b0000_0111
        static let onceInMode1: UInt8 = 0b0010_0000
        static let onceInMode2: UInt8 = 0b0010_0001
        static let timeHigh: UInt8 = 0b0100_0000
        static let timeLow: UInt8 = 0b0110_0000
    }

    /// A mode and a value of the measurement time register.
    struct Range: Equatable {
        let isMode2: Bool
        /// 31 to 254; 69 is the usual one.
        let time: UInt8
        /// Fewer counts are better measured in the next range: 20 klx and 100 lx, well inside it.
        let darkBelow: UInt16

        static let all = [
            Range(isMode2: false, time: 31, darkBelow: 10_800), Range(isMode2: true, time: 69, darkBelow: 240),
            Range(isMode2: true, time: 254, darkBelow: 0),
        ]

        /// Counts / 1.2 × 69 / time, halved in mode 2 (sections on the measurement result and the time register).
        func lux(_ counts: UInt16) -> Double { Double(counts) / 1.2 * 69 / Double(time) / (isMode2 ? 2 : 1) }

        /// At most 180 ms at the usual time (electrical characteristics), in proportion at others.
        var measuringTime: Duration { .microseconds(180_000 * Int64(time) / 69 + 1) }
    }

    /// More counts are too near to the converter's end.
    private static let brightAbove: UInt16 = 60_000

    private let device: BusDevice
    private var ranging = Ranging(count: Range.all.count, first: 1)
    private var hasSeenZero = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        ranging.begin()
        hasSeenZero = false
        return try trigger(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let counts = try bus.receive(2, from: device).bigEndian16(0)
        let range = Range.all[ranging.range]
        if counts > Self.brightAbove, ranging.moveToBrighter() { return try trigger(on: &bus) }
        if counts < range.darkBelow, ranging.moveToDarker() { return try trigger(on: &bus) }
        if counts == 0, !hasSeenZero {
            hasSeenZero = true
            return try trigger(on: &bus)
        }
        samples.append(
            Sample(channel: 0, .physical(range.lux(counts)), quality: counts == .max ? .saturated : .good))
        return nil
    }

    mutating func forget() {}

    private func trigger(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        let range = Range.all[ranging.range]
        try bus.send(Command.powerOn, to: device)
        try bus.send(Command.reset, to: device)
        try bus.send(Command.timeHigh | range.time >> 5, to: device)
        try bus.send(Command.timeLow | range.time & 0b1_1111, to: device)
        try bus.send(range.isMode2 ? Command.onceInMode2 : Command.onceInMode1, to: device)
        return range.measuringTime
    }
}

extension BH1750 {
    static let entry = DriverEntry(
        name: "bh1750",
        about: "ROHM BH1750FVI on I2C: illuminance from night to sunshine, range chosen by itself",
        // Ordinary range, then that for night, twice where it is 0.
        chip: ChipFacts(
            datasheet: "ROHM BH1750FVI technical note 2011.11 revision D",
            measuringTime: Range.all[1].measuringTime + Range.all[2].measuringTime * 2),
        attachment: .bus(addresses: [0x23, 0x5C]),
        defaultEvery: .seconds(10),
        // 0.11 to 100,000 lx: the section on the measurement time register.
        channels: { _ throws(SettingFault) in
            [DriverChannel("illuminance", unit: "lx", scale: -1, plausible: 0...100_000)]
        },
        make: { settings throws(SettingFault) in .bus(BH1750(device: try settings.requiredDevice())) })
}
