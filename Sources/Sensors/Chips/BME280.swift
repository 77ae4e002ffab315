// Bosch BME280: temperature, pressure and relative humidity on I2C; and BMP280, the same without humidity. Datasheets:
// BST-BME280-DS002, revision 1.6 (sections and tables below are its, unless they say otherwise), and BST-BMP280-DS001,
// revision 1.14. Both have one register map and one pair of formulas; the BMP280 lacks the registers of humidity, and
// has ids of its own.
//
// Every measurement is one in forced mode with oversampling ×1 and no filter, the datasheet's own choice for weather
// (section 3.5.1, table 7): the chip sleeps in between, so it does not warm itself. All control registers are written
// each time, so a chip that lost its supply for a moment is right again with the next measurement. Calibration is read
// once, and again after any fault.
//
// Only register reads of at most 32 bytes and writes of one register are used: adapters that speak nothing but SMBus
// do.

internal import World

struct BME280: BusDriver {
    /// Register map, section 5.3, table 18.
    private enum Register {
        static let calibrationLow: UInt8 = 0x88
        static let chipID: UInt8 = 0xD0
        static let calibrationHigh: UInt8 = 0xE1
        static let humidityControl: UInt8 = 0xF2
        static let status: UInt8 = 0xF3
        static let measurementControl: UInt8 = 0xF4
        static let configuration: UInt8 = 0xF5
        static let data: UInt8 = 0xF7
    }
    private static let statusMeasuring: UInt8 = 0b1000
    /// Set while the chip copies its calibration from memory, after power-on.
    private static let statusUpdating: UInt8 = 0b0001
    private static let oversamplingOnce: UInt8 = 0b001
    private static let modeSleep: UInt8 = 0b00
    private static let modeForced: UInt8 = 0b01
    enum Model: Sendable {
        case bme280, bmp280

        /// Register 0xD0; 0x56 and 0x57 are a BMP280's samples (BMP280, section 4.3.1, and Bosch's own driver).
        var ids: [UInt8] { self == .bme280 ? [0x60] : [0x58, 0x56, 0x57] }
        var hasHumidity: Bool { self == .bme280 }
        /// Longest measuring time with each oversampling ×1, section 9.1: 1.25 + 2.3 + (2.3 + 0.575) + (2.3 + 0.575)
        /// ms; 6.4 ms without humidity (BMP280, section 3.8.1, table 13).
        var measuringTime: Duration { self == .bme280 ? .microseconds(9_300) : .microseconds(6_500) }
    }

    private let device: BusDevice
    private let model: Model
    private var calibration: Calibration?

    init(device: BusDevice, model: Model = .bme280) {
        self.device = device
        self.model = model
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if calibration == nil { calibration = try setUp(on: &bus) }
        // Humidity's oversampling takes effect only with the write to ctrl_meas after it (section 5.4.3).
        if model.hasHumidity { try bus.send(Register.humidityControl, Self.oversamplingOnce, to: device) }
        let control = Self.oversamplingOnce << 5 | Self.oversamplingOnce << 2 | Self.modeForced
        try bus.send(Register.measurementControl, control, to: device)
        return model.measuringTime
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        guard let calibration else { invariantFailed("collect before start") }
        let status = try bus.receive(1, register: Register.status, of: device)[0]
        if status & Self.statusMeasuring != 0 { throw .notReady }
        // One burst, so that the values are of one measurement (section 4.1).
        let data = try bus.receive(model.hasHumidity ? 8 : 6, register: Register.data, of: device)
        guard let result = Raw(data).compensated(by: calibration) else { throw .implausible }
        samples.append(Sample(channel: 0, .physical(result.celsius)))
        samples.append(Sample(channel: 1, .physical(result.pascal)))
        if model.hasHumidity { samples.append(Sample(channel: 2, .physical(result.percent))) }
        return nil
    }

    mutating func forget() { calibration = nil }

    private func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let found = try bus.receive(1, register: Register.chipID, of: device)[0]
        guard model.ids.contains(found) else { throw .wrongChip(found: UInt32(found), expected: UInt32(model.ids[0])) }
        let status = try bus.receive(1, register: Register.status, of: device)[0]
        if status & Self.statusUpdating != 0 { throw .notReady }
        // Another program may have left it in normal mode, where writes to `config` may be ignored (section 5.4.6).
        try bus.send(Register.measurementControl, Self.modeSleep, to: device)
        try bus.send(Register.configuration, 0, to: device)
        let calibration = try readCalibration(on: &bus)
        // The chip has no checksum, and a flipped bit here would spoil every value until the next fault.
        guard try readCalibration(on: &bus) == calibration else { throw .checksum }
        return calibration
    }

    private func readCalibration(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        let low = try bus.receive(26, register: Register.calibrationLow, of: device)
        let high =
            model.hasHumidity ? try bus.receive(7, register: Register.calibrationHigh, of: device) : Reply(count: 7)
        guard let calibration = Calibration(low: low, high: high) else { throw .implausible }
        return calibration
    }
}

extension BME280 {
    /// Trimming parameters, section 4.2.2, table 16. Kept as Doubles: the formulas of section 8.1 work on them.
    struct Calibration: Equatable {
        var t1, t2, t3: Double
        var p1, p2, p3, p4, p5, p6, p7, p8, p9: Double
        var h1, h2, h3, h4, h5, h6: Double

        /// From registers 0x88 to 0xA1 and 0xE1 to 0xE7. Nil when no chip can have left the factory so: the
        /// temperature's and the pressure's first parameters divide or scale everything, and are neither 0 nor all
        /// ones.
        init?(low: Reply, high: Reply) {
            func unsigned(_ index: Int) -> Double { Double(low.littleEndian16(index)) }
            func signed(_ index: Int) -> Double { Double(low.signedLittleEndian16(index)) }
            (t1, t2, t3) = (unsigned(0), signed(2), signed(4))
            (p1, p2, p3) = (unsigned(6), signed(8), signed(10))
            (p4, p5, p6) = (signed(12), signed(14), signed(16))
            (p7, p8, p9) = (signed(18), signed(20), signed(22))
            // 0xA0 (index 24) is not used.
            h1 = Double(low[25])
            h2 = Double(high.signedLittleEndian16(0))
            h3 = Double(high[2])
            // H4 and H5 are 12-bit numbers with a sign: the whole byte carries it, 0xE5 has a half of each.
            h4 = Double(Int16(Int8(bitPattern: high[3])) << 4 | Int16(high[4] & 0x0F))
            h5 = Double(Int16(Int8(bitPattern: high[5])) << 4 | Int16(high[4] >> 4))
            h6 = Double(Int8(bitPattern: high[6]))
            guard t1 != 0, t1 != 65_535, p1 != 0, p1 != 65_535 else { return nil }
        }
    }

    /// The eight data registers 0xF7 to 0xFE, section 5.4.7 to 5.4.9; the first six of a BMP280.
    struct Raw: Equatable {
        var pressure: UInt32
        var temperature: UInt32
        var humidity: UInt32

        init(pressure: UInt32, temperature: UInt32, humidity: UInt32) {
            self.pressure = pressure
            self.temperature = temperature
            self.humidity = humidity
        }

        init(_ data: Reply) {
            pressure = data.bigEndian24(0) >> 4
            temperature = data.bigEndian24(3) >> 4
            humidity = data.count > 6 ? UInt32(data.bigEndian16(6)) : 0
        }

        /// Physical values by the floating point formulas of section 8.1: no overflow whatever the registers hold, and
        /// finer than the integer ones. Nil when a value was skipped (0x80000, 0x8000: the reset state, so nothing was
        /// measured) or the formulas give no number.
        func compensated(by c: Calibration) -> (celsius: Double, pascal: Double, percent: Double)? {
            guard pressure != 0x80000, temperature != 0x80000, humidity != 0x8000 else { return nil }
            let offset = Double(temperature) / 131_072 - c.t1 / 8_192
            let fine = (Double(temperature) / 16_384 - c.t1 / 1_024) * c.t2 + offset * offset * c.t3
            let celsius = fine / 5_120

            var a = fine / 2 - 64_000
            var b = a * a * c.p6 / 32_768 + a * c.p5 * 2
            b = b / 4 + c.p4 * 65_536
            a = (c.p3 * a * a / 524_288 + c.p2 * a) / 524_288
            a = (1 + a / 32_768) * c.p1
            guard a != 0 else { return nil }
            var pascal = (1_048_576 - Double(pressure) - b / 4_096) * 6_250 / a
            pascal += (c.p9 * pascal * pascal / 2_147_483_648 + pascal * c.p8 / 32_768 + c.p7) / 16

            let h = fine - 76_800
            let slope = c.h2 / 65_536 * (1 + c.h6 / 67_108_864 * h * (1 + c.h3 / 67_108_864 * h))
            var percent = (Double(humidity) - (c.h4 * 64 + c.h5 / 16_384 * h)) * slope
            percent *= 1 - c.h1 * percent / 524_288
            guard celsius.isFinite, pascal.isFinite, percent.isFinite else { return nil }
            return (celsius, pascal, min(max(percent, 0), 100))
        }
    }
}

extension BME280 {
    static let entry = DriverEntry(
        name: "bme280",
        about: "Bosch BME280 on I2C: temperature, pressure, relative humidity",
        chip: ChipFacts(
            datasheet: "Bosch BST-BME280-DS002 revision 1.6", measuringTime: Model.bme280.measuringTime,
            identity: "register 0xD0 is 0x60"),
        attachment: .bus(addresses: [0x76, 0x77]),
        defaultEvery: .seconds(10),
        // Ranges of section 1, tables 1 to 3; scales below the noise of oversampling ×1.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("pressure", unit: "Pa", scale: 0, plausible: 30_000...110_000),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in .bus(BME280(device: try settings.requiredDevice())) })
}
