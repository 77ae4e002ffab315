// ams TSL2591 (TSL25911): illuminance on I2C, from two photodiodes, one for all light and one for infrared alone.
// Datasheet: TSL2591, DS000338, v2-04 (2018-06-05). The datasheet leaves the sum that makes lux to the maker of the
// case; the one here is that of the vendor's and Adafruit's examples, which the kernel's tsl2591 driver uses too.
//
// Gain and integration time follow the light: three ranges, each a multiple of 100 ms, so that lamps on 50 and 60 Hz
// mains do not beat with it. The chip sleeps in between. Control is written before each integration, and the flag that
// tells a finished one is cleared by the start of the next: a chip that lost its supply is not ready, never wrong.

internal import World

struct TSL2591: BusDriver {
    /// Register addresses with the command bit and normal operation in front (register description, COMMAND).
    private enum Register {
        static let enable: UInt8 = 0xA0 | 0x00
        static let control: UInt8 = 0xA0 | 0x01
        static let id: UInt8 = 0xA0 | 0x12
        static let status: UInt8 = 0xA0 | 0x13
        static let data: UInt8 = 0xA0 | 0x14
    }
    private static let id: UInt8 = 0x50
    private static let powerOn: UInt8 = 0b01
    private static let integrate: UInt8 = 0b10
    /// Set when an integration has ended since `integrate` was set.
    private static let isValid: UInt8 = 0b01

    /// Gain and integration time, with what they make of counts. Gains: typical values of the operating
    /// characteristics. The highest, 9200, is not used: at 400 and 400 ms a count is 0.003 lx.
    struct Range: Equatable {
        let gain: UInt8
        let gainFactor: Double
        let hundredMilliseconds: UInt8
        /// Fewer counts are better measured in the next range.
        let darkBelow: UInt16

        static let all = [
            Range(gain: 0b00, gainFactor: 1, hundredMilliseconds: 1, darkBelow: 500),
            Range(gain: 0b01, gainFactor: 25, hundredMilliseconds: 2, darkBelow: 1_500),
            Range(gain: 0b10, gainFactor: 400, hundredMilliseconds: 4, darkBelow: 0),
        ]

        var control: UInt8 { gain << 4 | (hundredMilliseconds - 1) }
        /// The converter's end: 36863 at 100 ms, 65535 at longer times (CONTROL register).
        var most: UInt16 { hundredMilliseconds == 1 ? 36_863 : 65_535 }
        /// At most 105 ms a step (operating characteristics), and 5 ms to wake up.
        var measuringTime: Duration { .milliseconds(105 * Int64(hundredMilliseconds) + 5) }

        /// 408 is the device factor of the examples' sum. More infrared than light altogether is noise in the dark.
        func lux(all: UInt16, infrared: UInt16) -> Double {
            guard all > infrared else { return 0 }
            let (all, infrared) = (Double(all), Double(infrared))
            let countsPerLux = Double(hundredMilliseconds) * 100 * gainFactor / 408
            return (all - infrared) * (1 - infrared / all) / countsPerLux
        }
    }

    private let device: BusDevice
    private var ranging = Ranging(count: Range.all.count, first: 1)
    private var isKnown = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isKnown {
            let found = try bus.receive(1, register: Register.id, of: device)[0]
            guard found == Self.id else { throw .wrongChip(found: UInt32(found), expected: UInt32(Self.id)) }
            isKnown = true
        }
        ranging.begin()
        return try integrate(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let status = try bus.receive(1, register: Register.status, of: device)[0]
        guard status & Self.isValid != 0 else { throw .notReady }
        // One burst: reading the low byte keeps the high one of the same integration (ALS data registers).
        let data = try bus.receive(4, register: Register.data, of: device)
        let (all, infrared) = (data.littleEndian16(0), data.littleEndian16(2))
        let range = Range.all[ranging.range]
        let isFull = max(all, infrared) >= range.most
        if max(all, infrared) > range.most / 16 * 15, ranging.moveToBrighter() { return try integrate(on: &bus) }
        if all < range.darkBelow, ranging.moveToDarker() { return try integrate(on: &bus) }
        try bus.send(Register.enable, 0, to: device)
        samples.append(
            Sample(
                channel: 0, .physical(range.lux(all: all, infrared: infrared)), quality: isFull ? .saturated : .good))
        return nil
    }

    mutating func forget() { isKnown = false }

    private func integrate(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        let range = Range.all[ranging.range]
        // Gain and time may be changed between integrations only; stopping also clears the flag of the last one.
        try bus.send(Register.enable, Self.powerOn, to: device)
        try bus.send(Register.control, range.control, to: device)
        try bus.send(Register.enable, Self.powerOn | Self.integrate, to: device)
        return range.measuringTime
    }
}

extension TSL2591 {
    static let entry = DriverEntry(
        name: "tsl2591",
        about: "ams TSL2591 on I2C: illuminance from dusk to sunshine, gain chosen by itself",
        chip: ChipFacts(
            datasheet: "ams TSL2591 DS000338 v2-04",
            measuringTime: Range.all[1].measuringTime + Range.all[2].measuringTime,
            identity: "register 0x12 is 0x50"),
        attachment: .bus(addresses: [0x29]),
        defaultEvery: .seconds(10),
        // Up to 88 klx: key benefits and features.
        channels: { _ throws(SettingFault) in
            [DriverChannel("illuminance", unit: "lx", scale: -2, plausible: 0...88_000)]
        },
        make: { settings throws(SettingFault) in .bus(TSL2591(device: try settings.requiredDevice())) })
}
