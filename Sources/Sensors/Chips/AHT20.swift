// Aosong (ASAIR) AHT20: temperature and relative humidity on I2C. Datasheet: AHT20, version 1.1; sections are its.
//
// Every measurement is one that is triggered; the chip sleeps in between. Each answer carries the chip's status: busy,
// and whether it has loaded its calibration, so a chip that lost its supply is noticed. The checksum behind the values
// is the seventh byte, which the older AHT10 does not have.

internal import World

struct AHT20: BusDriver {
    private enum Command {
        static let status: UInt8 = 0x71  // section 5.4
        static let initialise: (UInt8, UInt8, UInt8) = (0xBE, 0x08, 0x00)  // section 5.3, table 9
        static let measure: (UInt8, UInt8, UInt8) = (0xAC, 0x33, 0x00)
    }
    /// What the next step is.
    private enum Phase { case unknown, initialised, idle, converting }

    fileprivate static let statusBusy: UInt8 = 0x80
    fileprivate static let statusCalibrated: UInt8 = 0x08
    /// Section 5.4, step 1.
    private static let initialisingTime = Duration.milliseconds(10)
    /// Section 5.4, step 2: 80 ms, then the status says whether it is over. Waited once more so long.
    private static let convertingTime = Duration.milliseconds(80)
    private static let moreTime = Duration.milliseconds(20)
    static let measuringTime = convertingTime + moreTime

    private let device: BusDevice
    private var phase = Phase.unknown
    private var hasWaited = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if phase == .idle || phase == .converting { return try trigger(on: &bus) }
        if try status(on: &bus) & Self.statusCalibrated != 0 { return try trigger(on: &bus) }
        try bus.send(Command.initialise.0, Command.initialise.1, Command.initialise.2, to: device)
        phase = .initialised
        return Self.initialisingTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard phase == .converting else {
            let status = try status(on: &bus)
            if status & Self.statusCalibrated == 0 { throw .deviceFault(code: UInt32(status)) }
            return try trigger(on: &bus)
        }
        let reply = try bus.receive(7, from: device)
        guard let raw = try Raw(reply) else {
            if hasWaited { throw .notReady }
            hasWaited = true
            return Self.moreTime
        }
        phase = .idle
        guard raw.isMeasured else { throw .implausible }
        samples.append(Sample(channel: 0, .physical(raw.celsius)))
        samples.append(Sample(channel: 1, .physical(raw.percent)))
        return nil
    }

    mutating func forget() { phase = .unknown }

    private func status(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> UInt8 {
        try bus.receive(1, register: Command.status, of: device)[0]
    }

    private mutating func trigger(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(Command.measure.0, Command.measure.1, Command.measure.2, to: device)
        (phase, hasWaited) = (.converting, false)
        return Self.convertingTime
    }
}

extension AHT20 {
    /// Status, 20 bits of humidity, 20 bits of temperature, checksum (section 5.4, step 3).
    struct Raw: Equatable {
        var isCalibrated: Bool
        var humidity: UInt32
        var temperature: UInt32

        /// Nil while the chip is busy: its checksum is not made yet.
        init?(_ reply: Reply) throws(SensorFault) {
            guard reply[0] & AHT20.statusBusy == 0 else { return nil }
            let crc = CRC8.sensirion
            var checksum = crc.initial
            for index in 0..<6 { checksum = crc.adding(reply[index], to: checksum) }
            guard checksum == reply[6] else { throw .checksum }
            isCalibrated = reply[0] & AHT20.statusCalibrated != 0
            humidity = reply.bigEndian24(1) >> 4
            temperature = reply.bigEndian24(3) & 0xFFFFF
        }

        /// Not the zeros of a chip that has not measured since its reset.
        var isMeasured: Bool { isCalibrated && (humidity != 0 || temperature != 0) }
        /// Section 6.2.
        var celsius: Double { 200 * Double(temperature) / 1_048_576 - 50 }
        /// Section 6.1.
        var percent: Double { 100 * Double(humidity) / 1_048_576 }
    }

    static let entry = DriverEntry(
        name: "aht20",
        about: "Aosong AHT20 or AHT21 on I2C: temperature, relative humidity",
        chip: ChipFacts(datasheet: "Aosong AHT20 version 1.1", measuringTime: initialisingTime + measuringTime),
        attachment: .bus(addresses: [0x38]),
        defaultEvery: .seconds(10),
        // Ranges of section 1, tables 1 and 2; scales: the resolution is 0.01 °C and 0.024 %RH.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in .bus(AHT20(device: try settings.requiredDevice())) })
}
