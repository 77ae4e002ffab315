// Bosch BMP388, and BMP390, which has the same registers and formulas and another id: temperature and pressure on I2C.
// Datasheets: BST-BMP388-DS001, revision 1.1 (sections below are its), and BST-BMP390-DS002, revision 1.7.
//
// Every measurement is one in forced mode with oversampling ×1 and no filter, the datasheet's own choice for weather
// (section 3.5, recommended settings): the chip sleeps in between, so it does not warm itself. All control registers
// are written each time, so a chip that lost its supply for a moment is right again with the next measurement.
// Calibration is read once, and again after any fault.

internal import World

struct BMP388: BusDriver {
    /// Register map, section 4.2.
    private enum Register {
        static let chipID: UInt8 = 0x00
        static let error: UInt8 = 0x02
        static let status: UInt8 = 0x03
        static let data: UInt8 = 0x04
        static let powerControl: UInt8 = 0x1B
        static let oversampling: UInt8 = 0x1C
        static let configuration: UInt8 = 0x1F
        static let calibration: UInt8 = 0x31
    }
    /// BMP388, BMP390.
    private static let ids: [UInt8] = [0x50, 0x60]
    private static let fatalError: UInt8 = 0b001
    private static let configurationError: UInt8 = 0b100
    private static let bothReady: UInt8 = 0b0110_0000
    private static let modeSleep: UInt8 = 0
    /// Pressure and temperature on, forced.
    private static let modeForced: UInt8 = 0b01_0011
    /// Section 3.9: typically 0.234 + (0.392 + 2.02) + (0.163 + 2.02) ms = 4.9 ms; the flags of new data are looked
    /// at.
    static let measuringTime = Duration.milliseconds(8)

    private let device: BusDevice
    private var calibration: Calibration?

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if calibration == nil { calibration = try setUp(on: &bus) }
        try bus.send(Register.oversampling, 0, to: device)
        try bus.send(Register.configuration, 0, to: device)
        try bus.send(Register.powerControl, Self.modeForced, to: device)
        return Self.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard let calibration else { invariantFailed("collect before start") }
        let flags = try bus.receive(2, register: Register.error, of: device)
        if flags[0] & Self.fatalError != 0 { throw .deviceFault(code: UInt32(flags[0])) }
        if flags[0] & Self.configurationError != 0 { throw .implausible }
        if flags[1] & Self.bothReady != Self.bothReady { throw .notReady }
        // One burst, so that both values are of one measurement (section 3.10); it clears the flags.
        let data = try bus.receive(6, register: Register.data, of: device)
        guard let result = Raw(data).compensated(by: calibration) else { throw .implausible }
        samples.append(Sample(channel: 0, .physical(result.celsius)))
        samples.append(Sample(channel: 1, .physical(result.pascal)))
        return nil
    }

    mutating func forget() { calibration = nil }

    private func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let found = try bus.receive(1, register: Register.chipID, of: device)[0]
        guard Self.ids.contains(found) else { throw .wrongChip(found: UInt32(found), expected: UInt32(Self.ids[0])) }
        // Another program may have left it in normal mode; forced is reached only from sleep (section 3.3).
        try bus.send(Register.powerControl, Self.modeSleep, to: device)
        // What an earlier measurement has left is not taken for the next one's.
        _ = try bus.receive(6, register: Register.data, of: device)
        let calibration = try readCalibration(on: &bus)
        // The chip has no checksum, and a flipped bit here would spoil every value until the next fault.
        guard try readCalibration(on: &bus) == calibration else { throw .checksum }
        return calibration
    }

    private func readCalibration(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let reply = try bus.receive(21, register: Register.calibration, of: device)
        guard let calibration = Calibration(reply) else { throw .implausible }
        return calibration
    }
}

extension BMP388 {
    /// Trimming coefficients, section 3.11.1, as the formulas want them: floating point, scaled (appendix 9).
    struct Calibration: Equatable {
        var t1, t2, t3: Double
        var p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11: Double

        /// From registers 0x31 to 0x45. Nil when no chip can have left the factory so: the first two coefficients of
        /// the temperature carry everything, and are neither 0 nor all ones.
        init?(_ r: Reply) {
            guard r.littleEndian16(0) != 0, r.littleEndian16(0) != 0xFFFF, r.littleEndian16(2) != 0,
                r.littleEndian16(2) != 0xFFFF
            else { return nil }
            func unsigned(_ index: Int) -> Double { Double(r.littleEndian16(index)) }
            func signed(_ index: Int) -> Double { Double(r.signedLittleEndian16(index)) }
            func byte(_ index: Int) -> Double { Double(Int8(bitPattern: r[index])) }
            t1 = unsigned(0) * 0x1p8
            t2 = unsigned(2) * 0x1p-30
            t3 = byte(4) * 0x1p-48
            p1 = (signed(5) - 16_384) * 0x1p-20
            p2 = (signed(7) - 16_384) * 0x1p-29
            p3 = byte(9) * 0x1p-32
            p4 = byte(10) * 0x1p-37
            p5 = unsigned(11) * 0x1p3
            p6 = unsigned(13) * 0x1p-6
            p7 = byte(15) * 0x1p-8
            p8 = byte(16) * 0x1p-15
            p9 = signed(17) * 0x1p-48
            p10 = byte(19) * 0x1p-48
            p11 = byte(20) * 0x1p-65
        }
    }

    /// The six data registers 0x04 to 0x09: pressure, temperature, low byte first.
    struct Raw: Equatable {
        var pressure: UInt32
        var temperature: UInt32

        init(pressure: UInt32, temperature: UInt32) {
            self.pressure = pressure
            self.temperature = temperature
        }

        init(_ data: Reply) {
            pressure = data.littleEndian24(0)
            temperature = data.littleEndian24(3)
        }

        /// Appendix 9. Nil when a value was never measured (0x800000: the reset state) or the formulas give
        /// no number.
        func compensated(by c: Calibration) -> (celsius: Double, pascal: Double)? {
            guard pressure != 0x80_0000, temperature != 0x80_0000 else { return nil }
            let distance = Double(temperature) - c.t1
            let celsius = distance * c.t2 + distance * distance * c.t3

            let (square, cube) = (celsius * celsius, celsius * celsius * celsius)
            let raw = Double(pressure)
            let offset = c.p5 + c.p6 * celsius + c.p7 * square + c.p8 * cube
            let slope = c.p1 + c.p2 * celsius + c.p3 * square + c.p4 * cube
            let bend = raw * raw * (c.p9 + c.p10 * celsius) + raw * raw * raw * c.p11
            let pascal = offset + raw * slope + bend
            guard celsius.isFinite, pascal.isFinite else { return nil }
            return (celsius, pascal)
        }
    }

    static let entry = DriverEntry(
        name: "bmp388",
        about: "Bosch BMP388 or BMP390 on I2C: temperature, pressure",
        chip: ChipFacts(
            datasheet: "Bosch BST-BMP388-DS001 revision 1.1, BST-BMP390-DS002 revision 1.7",
            measuringTime: measuringTime, identity: "register 0x00 is 0x50 (BMP388) or 0x60 (BMP390)"),
        // SDO on supply, as most boards have it, or on ground.
        attachment: .bus(addresses: [0x77, 0x76]),
        defaultEvery: .seconds(10),
        // Ranges of section 1; scales below the noise of oversampling ×1.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("pressure", unit: "Pa", scale: 0, plausible: 30_000...125_000),
            ]
        },
        make: { settings throws(SettingFault) in .bus(BMP388(device: try settings.requiredDevice())) })
}
