// PCB Artists' I2C decibel meter (MEMS microphone, or electret on a cable): sound level, A-weighted. Reference: the
// maker's programming manual of 27 March 2024; register names are its.
//
// The module measures all the time; a measurement reads the latest level and the lowest and highest since the last
// measurement, and clears those two. The module may restart unseen and then runs with its own settings: a mark in
// SCRATCH, which a restart puts back to 0xAA, tells.

internal import World

struct DecibelMeter: BusDriver {
    private enum Register {
        static let version: UInt8 = 0x00
        static let scratch: UInt8 = 0x05
        static let reset: UInt8 = 0x09
        static let decibel: UInt8 = 0x0A
    }
    /// Not what SCRATCH holds after a restart.
    private static let mark: UInt8 = 0x5C
    /// CONTROL: A-weighting, no interrupts, not powered down.
    private static let control: UInt8 = 0b0000_0010
    private static let clearExtremes: UInt8 = 0b0010
    /// The level is valid about one second after power-up (DECIBEL, 0x0A).
    private static let warmUp = Duration.milliseconds(1_100)

    private let device: BusDevice
    private let averagingMilliseconds: UInt16
    private var isSetUp = false

    init(device: BusDevice, averagingMilliseconds: UInt16) {
        self.device = device
        self.averagingMilliseconds = averagingMilliseconds
    }

    /// SCRATCH, CONTROL, TAVG high, TAVG low.
    private var settings: (UInt8, UInt8, UInt8, UInt8) {
        (Self.mark, Self.control, UInt8(averagingMilliseconds >> 8), UInt8(averagingMilliseconds & 0xFF))
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if isSetUp, try isAsLeft(on: &bus) { return .zero }
        isSetUp = false
        try setUp(on: &bus)
        isSetUp = true
        // New settings take effect after one averaging time, and the extremes begin then.
        return max(Self.warmUp, .milliseconds(Int64(averagingMilliseconds) * 2 + 50))
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard try isAsLeft(on: &bus) else { throw .notReady }
        let levels = try bus.receive(3, register: Register.decibel, of: device)
        try Self.decode(levels, into: &samples)
        try bus.send(Register.reset, Self.clearExtremes, to: device)
        return nil
    }

    mutating func forget() { isSetUp = false }

    private func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) {
        let version = try bus.receive(1, register: Register.version, of: device)[0]
        // Hardware 3 (built-in microphone) and 8 (external); later firmware stays compatible with the first.
        guard [3, 8].contains(version >> 4), version & 0x0F != 0 else {
            throw .wrongChip(found: UInt32(version), expected: 0x31)
        }
        let (scratch, control, high, low) = settings
        // One by one: TAVG takes effect with its low byte, so the high one must be there before.
        try bus.send(Register.scratch + 1, control, to: device)
        try bus.send(Register.scratch + 2, high, to: device)
        try bus.send(Register.scratch + 3, low, to: device)
        try bus.send(Register.reset, Self.clearExtremes, to: device)
        try bus.send(Register.scratch, scratch, to: device)
        guard try isAsLeft(on: &bus) else { throw .implausible }
    }

    private func isAsLeft(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Bool {
        let found = try bus.receive(4, register: Register.scratch, of: device)
        return (found[0], found[1], found[2], found[3]) == settings
    }

    /// DECIBEL, MIN, MAX: whole decibels; 0 is a level not yet computed.
    static func decode(_ levels: Reply, into samples: inout Samples) throws(SensorFault) {
        if levels[0] == 0 { throw .notReady }
        samples.append(Sample(channel: 0, .physical(Double(levels[0]))))
        // Undefined before the first averaging time after they were cleared.
        let areExtremes = levels[1] != 0 && levels[1] <= levels[2]
        for index in 1...2 {
            samples.append(
                Sample(
                    channel: UInt8(index), .physical(Double(levels[index])), quality: areExtremes ? .good : .implausible
                ))
        }
    }
}

extension DecibelMeter {
    static let entry = DriverEntry(
        name: "decibel-i2c",
        about: "PCB Artists' decibel meter on I2C: sound level (A), lowest and highest since the last measurement",
        chip: ChipFacts(
            datasheet: "PCB Artists programming manual of 27 March 2024", measuringTime: warmUp,
            identity: "register 0x00 is 0x3n or 0x8n"),
        attachment: .bus(addresses: [0x48]),
        parameters: [
            Parameter(
                "averaging", .duration(.milliseconds(10)...Duration.seconds(10)), fallback: .duration(.seconds(1)),
                about: "time weighting: 1s is `slow`, 125ms is `fast`")
        ],
        defaultEvery: .seconds(10),
        // The measuring range of the maker's product page.
        channels: { settings throws(SettingFault) in
            _ = try averaging(settings)
            return ["level", "level_min", "level_max"].map {
                DriverChannel($0, unit: "dB", scale: 0, plausible: 35...115)
            }
        },
        make: { settings throws(SettingFault) in
            let device = try settings.requiredDevice()
            return .bus(DecibelMeter(device: device, averagingMilliseconds: try averaging(settings)))
        })

    /// Milliseconds. The extremes are of whole averaging times, so at least one must fit between two measurements.
    private static func averaging(_ settings: DriverSettings) throws(SettingFault) -> UInt16 {
        let duration = settings.duration("averaging") ?? .seconds(1)
        guard duration <= settings.every else {
            throw SettingFault(
                parameter: "averaging",
                text: "longer than `every`; expected at most that; measure less often, or average for a shorter time")
        }
        return UInt16(clamping: duration.nanoseconds / 1_000_000)
    }
}
