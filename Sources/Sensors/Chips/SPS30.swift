// Sensirion SPS30: mass of particles in the air, on I2C. Datasheet: "SPS30", version 2.0 of June 2023; sections and
// tables below are its.
//
// The sensor blows and measures all the time, once a second; a reading is its newest result, in single precision. When
// it is set up it is stopped, told to clean its fan every week, and started; the first result is taken 5 s later,
// because the fan is not watched before 3 s. Its status (firmware 2.2 and later) is read before every result: a fan
// that stands still or a laser out of bounds is a device fault, a fan at another speed than it should have makes an
// estimate. While the fan is cleaned (10 s, once a week) there are no new results, and the measurement waits.
//
// Numbers of particles are not published: SenML has no unit for a count in a volume.

internal import World

struct SPS30: BusDriver {
    private enum Command {
        static let start: UInt16 = 0x0010
        static let stop: UInt16 = 0x0104
        static let dataReady: UInt16 = 0x0202
        static let readValues: UInt16 = 0x0300
        static let cleaningInterval: UInt16 = 0x8004
        static let productType: UInt16 = 0xD002
        static let version: UInt16 = 0xD100
        static let status: UInt16 = 0xD206
        static let clearStatus: UInt16 = 0xD210
    }
    /// Section 6.3.1: numbers in single precision.
    private static let floatingPoint: UInt16 = 0x0300
    private static let productType: UInt32 = 0x0008_0000
    /// Table 8: the longest that a command takes; an answer is there at once (section 6.1).
    private static let commandTime = Duration.milliseconds(20)
    private static let settlingTime = Duration.seconds(5)
    /// Seconds: a cleaning takes 10 (section 4.2), and one more before and after.
    private static let polls = 13
    private static let cleaningSeconds: UInt32 = 604_800
    /// From this firmware on (major, minor) there is a status, and for certain a product type (table 8).
    private static let firmwareWithStatus: UInt16 = 0x0202

    /// Section 4.4: a fan that stands still stays told until it is cleared, what is still wrong is told again.
    enum Status {
        static let fanSpeed: UInt32 = 1 << 21
        static let laser: UInt32 = 1 << 5
        static let fan: UInt32 = 1 << 4
    }

    private enum Step { case stopped, cleaningWritten, statusCleared, started, due }

    private let device: BusDevice
    private var isSetUp = false
    private var hasStatus = false
    private var step = Step.stopped
    private var polled = 0

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        polled = 0
        step = .due
        if isSetUp { return .zero }
        try bus.send(command: Command.stop, to: device)
        step = .stopped
        return Self.commandTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        switch step {
        case .stopped:
            try identify(on: &bus)
            let seconds = try ask(Command.cleaningInterval, 6, on: &bus)
            guard try seconds.sensirionNumber(0) != Self.cleaningSeconds else { return try clearStatus(on: &bus) }
            try bus.send(
                .sensirionMessage(
                    command: Command.cleaningInterval, UInt16(Self.cleaningSeconds >> 16),
                    UInt16(Self.cleaningSeconds & 0xFFFF)), to: device)
            step = .cleaningWritten
            return Self.commandTime
        case .cleaningWritten: return try clearStatus(on: &bus)
        case .statusCleared:
            try bus.send(.sensirionMessage(command: Command.start, Self.floatingPoint), to: device)
            step = .started
            return Self.settlingTime
        case .started:
            isSetUp = true
            step = .due
            fallthrough
        case .due:
            guard try ask(Command.dataReady, 3, on: &bus).sensirionWord(0) & 0xFF == 1 else {
                polled += 1
                guard polled <= Self.polls else { throw .notReady }
                return .seconds(1)
            }
            var quality = Quality.good
            if hasStatus {
                let status = try ask(Command.status, 6, on: &bus).sensirionNumber(0)
                if status & (Status.fan | Status.laser) != 0 { throw .deviceFault(code: status) }
                if status & Status.fanSpeed != 0 { quality = .estimated }
            }
            let masses = try Self.decode(ask(Command.readValues, 60, on: &bus))
            guard masses.isFinite else { throw .implausible }
            for index in 0..<4 {
                samples.append(Sample(channel: UInt8(index), .physical(masses[index]), quality: quality))
            }
            return nil
        }
    }

    mutating func forget() { isSetUp = false }

    private mutating func identify(on bus: inout some Bus & ~Copyable) throws(SensorFault) {
        hasStatus = try ask(Command.version, 3, on: &bus).sensirionWord(0) >= Self.firmwareWithStatus
        guard hasStatus else { return }
        let found = try Self.product(ask(Command.productType, 12, on: &bus))
        guard found == Self.productType else { throw .wrongChip(found: found, expected: Self.productType) }
    }

    /// So that a fan that was blocked for a moment is good again without a visit.
    private mutating func clearStatus(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if hasStatus { try bus.send(command: Command.clearStatus, to: device) }
        step = .statusCleared
        return Self.commandTime
    }

    /// The sensor knows no repeated start (so says the kernel's driver; section 6.1 shows none).
    private func ask(
        _ command: UInt16, _ count: Int, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Reply {
        try bus.send(command: command, to: device)
        return try bus.receive(count, from: device)
    }

    /// Section 6.3.9: eight digits as text; 0 where they are none.
    static func product(_ reply: Reply) throws(SensorFault) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 {
            let word = try reply.sensirionWord(index)
            for byte in [UInt8(word >> 8), UInt8(word & 0xFF)] {
                guard (0x30...0x39).contains(byte) else { return 0 }
                value = value << 4 | UInt32(byte - 0x30)
            }
        }
        return value
    }

    /// Section 4.3: up to 1, 2.5, 4 and 10 µm, in µg/m³; counts and the typical size follow. All are checked.
    static func decode(_ reply: Reply) throws(SensorFault) -> SIMD4<Double> {
        for index in 4..<10 { _ = try reply.sensirionFloat(index) }
        return SIMD4(
            try reply.sensirionFloat(0), try reply.sensirionFloat(1), try reply.sensirionFloat(2),
            try reply.sensirionFloat(3))
    }
}

extension SIMD4<Double> {
    fileprivate var isFinite: Bool { self[0].isFinite && self[1].isFinite && self[2].isFinite && self[3].isFinite }
}

extension SPS30 {
    static let entry = DriverEntry(
        name: "sps30",
        about: "Sensirion SPS30 on I2C: mass of particles up to 1, 2.5, 4 and 10 µm",
        chip: ChipFacts(
            datasheet: "Sensirion SPS30 version 2.0, June 2023", measuringTime: .seconds(1),
            identity: "command 0xD002: product type 00080000"),
        attachment: .bus(addresses: [0x69]),
        defaultEvery: .seconds(10),
        // Table 1: 8 s at many particles, 30 s at 50 to 100 in a cubic centimetre.
        warmUp: .seconds(30),
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("pm1", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm2_5", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm4", unit: "ug/m3", scale: -1, plausible: 0...1_000),
                DriverChannel("pm10", unit: "ug/m3", scale: -1, plausible: 0...1_000),
            ]
        },
        make: { settings throws(SettingFault) in .bus(SPS30(device: try settings.requiredDevice())) })
}
