// Sensirion SHT40, SHT41, SHT43, SHT45: temperature and relative humidity on I2C. Datasheet: SHT4x, version 6.5; the
// sections named below are its.
//
// Every measurement is one of high precision (the least noise; the chip converts for 8 ms and then sleeps, so it does
// not warm itself). The heater is never used; the reset at set-up also ends a heater pulse that another program began.
// A chip that lost its supply has nothing to answer with, so it is never believed.

internal import World

struct SHT4x: BusDriver {
    /// Section "Command overview".
    private enum Command {
        static let measureHighPrecision: UInt8 = 0xFD
        static let softReset: UInt8 = 0x94
    }
    /// Longest time after a soft reset, section "Timings".
    private static let resetTime = Duration.milliseconds(1)
    /// Longest measuring time at high precision, section "Timings".
    static let measuringTime = Duration.microseconds(8_300)

    private let device: BusDevice
    private var isSetUp = false
    private var isConverting = false

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        isConverting = false
        if isSetUp { return try trigger(on: &bus) }
        try bus.send(Command.softReset, to: device)
        return Self.resetTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard isConverting else { return try trigger(on: &bus) }
        isConverting = false
        let raw = try Raw(bus.receiveResult(6, from: device))
        samples.append(Sample(channel: 0, .physical(raw.celsius), quality: raw.isAtAnEnd ? .saturated : .good))
        samples.append(Sample(channel: 1, .physical(raw.percent)))
        return nil
    }

    mutating func forget() { (isSetUp, isConverting) = (false, false) }

    private mutating func trigger(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try bus.send(Command.measureHighPrecision, to: device)
        (isSetUp, isConverting) = (true, true)
        return Self.measuringTime
    }
}

extension SHT4x {
    /// The two words of an answer, each with its checksum (section "Checksum calculation").
    struct Raw: Equatable {
        var temperature: UInt16
        var humidity: UInt16

        init(_ reply: Reply) throws(SensorFault) {
            temperature = try reply.sensirionWord(0)
            humidity = try reply.sensirionWord(1)
        }

        /// Section "Conversion of signal output".
        var celsius: Double { -45 + 175 * Double(temperature) / 65_535 }
        /// The same section. The line goes a little beyond 0 and 100 %RH; the datasheet has it cut there.
        var percent: Double { min(max(-6 + 125 * Double(humidity) / 65_535, 0), 100) }
        /// The temperature's word can go no further.
        var isAtAnEnd: Bool { temperature == 0 || temperature == 0xFFFF }
    }

    static let entry = DriverEntry(
        name: "sht4x",
        about: "Sensirion SHT40, SHT41, SHT43 or SHT45 on I2C: temperature, relative humidity",
        chip: ChipFacts(datasheet: "Sensirion SHT4x version 6.5", measuringTime: resetTime + measuringTime),
        // The part's letter says which: SHT4x-A, -B, -C.
        attachment: .bus(addresses: [0x44, 0x45, 0x46]),
        defaultEvery: .seconds(10),
        // Specified ranges and resolution, section "Humidity and temperature sensor specifications".
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...125),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in .bus(SHT4x(device: try settings.requiredDevice())) })
}
