// Sensirion SHT30, SHT31, SHT35: temperature and relative humidity on I2C. Datasheet: SHT3x-DIS, version 7; sections
// and tables below are its.
//
// Every measurement is a single shot of high repeatability without clock stretching: the bus stays free while the chip
// converts, and it sleeps in between, so it does not warm itself. At set-up a periodic measurement and the heater that
// another program may have left on are ended. A chip that lost its supply has nothing to answer with, so it is never
// believed, and comes back with the heater off.

internal import World

struct SHT3x: BusDriver {
    private enum Command {
        static let stopPeriodic: UInt16 = 0x3093  // section 4.8
        static let heaterOff: UInt16 = 0x3066  // section 4.10, table 16
        static let singleShotHigh: UInt16 = 0x2400  // section 4.3, table 9
    }
    /// What the next step is.
    private enum Phase { case unknown, stopped, idle, converting }

    /// Shortest time between two commands (section 4.3), which also ends a periodic measurement.
    private static let commandTime = Duration.milliseconds(1)
    /// Longest measuring time at high repeatability, section 2.2, table 4: 15.5 ms.
    static let measuringTime = Duration.milliseconds(16)

    private let device: BusDevice
    private var phase = Phase.unknown

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if phase == .idle || phase == .converting { return try trigger(on: &bus) }
        try bus.send(command: Command.stopPeriodic, to: device)
        phase = .stopped
        return Self.commandTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch phase {
        case .unknown: invariantFailed("collect before start")
        case .stopped:
            try bus.send(command: Command.heaterOff, to: device)
            phase = .idle
            return Self.commandTime
        case .idle: return try trigger(on: &bus)
        case .converting:
            let raw = try Raw(bus.receiveResult(6, from: device))
            phase = .idle
            samples.append(Sample(channel: 0, .physical(raw.celsius), quality: raw.isAtAnEnd ? .saturated : .good))
            samples.append(Sample(channel: 1, .physical(raw.percent)))
            return nil
        }
    }

    mutating func forget() { phase = .unknown }

    private mutating func trigger(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(command: Command.singleShotHigh, to: device)
        phase = .converting
        return Self.measuringTime
    }
}

extension SHT3x {
    /// The two words of an answer, each with its checksum (section 4.4).
    struct Raw: Equatable {
        var temperature: UInt16
        var humidity: UInt16

        init(_ reply: Reply) throws(SensorFault) {
            temperature = try reply.sensirionWord(0)
            humidity = try reply.sensirionWord(1)
        }

        /// Section 4.13.
        var celsius: Double { -45 + 175 * Double(temperature) / 65_535 }
        /// Section 4.13.
        var percent: Double { 100 * Double(humidity) / 65_535 }
        /// The temperature's word can go no further.
        var isAtAnEnd: Bool { temperature == 0 || temperature == 0xFFFF }
    }

    static let entry = DriverEntry(
        name: "sht3x",
        about: "Sensirion SHT30, SHT31 or SHT35 on I2C: temperature, relative humidity",
        chip: ChipFacts(datasheet: "Sensirion SHT3x-DIS version 7", measuringTime: commandTime * 2 + measuringTime),
        attachment: .bus(addresses: [0x44, 0x45]),
        defaultEvery: .seconds(10),
        // Specified ranges and the resolution of section 1, tables 1 and 2.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...125),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in .bus(SHT3x(device: try settings.requiredDevice())) })
}
