// Bosch BME280: temperature, pressure and relative humidity on I2C. Datasheet: BST-BME280-DS002, revision 1.6; sections
// and tables below are its.
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
    private static let chipID: UInt32 = 0x60
    private static let statusMeasuring: UInt8 = 0b1000
    /// Set while the chip copies its calibration from memory, after power-on.
    private static let statusUpdating: UInt8 = 0b0001
    private static let oversamplingOnce: UInt8 = 0b001
    private static let modeSleep: UInt8 = 0b00
    private static let modeForced: UInt8 = 0b01
    /// Longest measuring time with each oversampling ×1, section 9.1: 1.25 + 2.3 + (2.3 + 0.575) + (2.3 + 0.575) ms.
    static let measuringTime = Duration.microseconds(9_300)

    private let device: BusDevice
    private var calibration: Calibration?

    init(device: BusDevice) { self.device = device }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        do throws(SensorFault) {
            if calibration == nil { calibration = try setUp(on: &bus) }
            // Humidity's oversampling takes effect only with the write to ctrl_meas after it (section 5.4.3).
            try write(Self.oversamplingOnce, to: Register.humidityControl, on: &bus)
            let control = Self.oversamplingOnce << 5 | Self.oversamplingOnce << 2 | Self.modeForced
            try write(control, to: Register.measurementControl, on: &bus)
        } catch {
            calibration = nil
            throw error
        }
        return Self.measuringTime
    }

    mutating func collect(from bus: inout some Bus & ~Copyable, into samples: inout Samples) throws(SensorFault) {
        do throws(SensorFault) {
            invariant(calibration != nil, "collect before start")
            var status: UInt8 = 0
            try read(Register.status, into: &status, on: &bus)
            if status & Self.statusMeasuring != 0 { throw .notReady }
            // One burst, so that the three values are of one measurement (section 4.1).
            var data: UInt64 = 0
            try read(Register.data, into: &data, on: &bus)
            guard let result = withUnsafeBytes(of: data, { Raw($0).compensated(by: calibration!) }) else {
                throw .implausible
            }
            samples.append(Sample(channel: 0, .physical(result.celsius)))
            samples.append(Sample(channel: 1, .physical(result.pascal)))
            samples.append(Sample(channel: 2, .physical(result.percent)))
        } catch {
            calibration = nil
            throw error
        }
    }

    private func setUp(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        do throws(BusFault) { try bus.claim(device) } catch { throw .bus(error) }
        var found: UInt8 = 0
        try read(Register.chipID, into: &found, on: &bus)
        guard found == Self.chipID else { throw .wrongChip(found: UInt32(found), expected: Self.chipID) }
        var status: UInt8 = 0
        try read(Register.status, into: &status, on: &bus)
        if status & Self.statusUpdating != 0 { throw .notReady }
        // Another program may have left it in normal mode, where writes to `config` may be ignored (section 5.4.6).
        try write(Self.modeSleep, to: Register.measurementControl, on: &bus)
        try write(0, to: Register.configuration, on: &bus)
        let calibration = try readCalibration(on: &bus)
        // The chip has no checksum, and a flipped bit here would spoil every value until the next fault.
        guard try readCalibration(on: &bus) == calibration else { throw .checksum }
        return calibration
    }

    private func readCalibration(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Calibration {
        var low: Calibration.Low = (0, 0, 0, 0)
        var high: UInt64 = 0
        try read(Register.calibrationLow, count: 26, into: &low, on: &bus)
        try read(Register.calibrationHigh, count: 7, into: &high, on: &bus)
        let calibration = withUnsafeBytes(of: low) { low in
            withUnsafeBytes(of: high) { high in Calibration(low: low, high: high) }
        }
        guard let calibration else { throw .implausible }
        return calibration
    }

    private func write(_ value: UInt8, to register: UInt8, on bus: inout some Bus & ~Copyable) throws(SensorFault) {
        let bytes = (register, value)
        var fault: BusFault?
        withUnsafeBytes(of: bytes) { buffer in
            do throws(BusFault) {
                try bus.transfer(device, write: buffer, read: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            } catch { fault = error }
        }
        if let fault { throw .bus(fault) }
    }

    /// Fills `value`'s first `count` bytes (all of it unless told otherwise) from consecutive registers.
    private func read<Value: BitwiseCopyable>(
        _ register: UInt8, count: Int? = nil, into value: inout Value, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) {
        var fault: BusFault?
        withUnsafeMutableBytes(of: &value) { buffer in
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count ?? buffer.count)])
            do throws(BusFault) { try bus.read(register: register, of: device, into: part) } catch { fault = error }
        }
        if let fault { throw .bus(fault) }
    }
}

extension BME280 {
    /// Trimming parameters, section 4.2.2, table 16. Kept as Doubles: the formulas of section 8.1 work on them.
    struct Calibration: Equatable {
        /// Room for the 26 registers 0x88 to 0xA1.
        typealias Low = (UInt64, UInt64, UInt64, UInt64)

        var t1, t2, t3: Double
        var p1, p2, p3, p4, p5, p6, p7, p8, p9: Double
        var h1, h2, h3, h4, h5, h6: Double

        /// From registers 0x88 to 0xA1 and 0xE1 to 0xE7. Nil when no chip can have left the factory so: the
        /// temperature's and the pressure's first parameters divide or scale everything, and are neither 0 nor all
        /// ones.
        init?(low: UnsafeRawBufferPointer, high: UnsafeRawBufferPointer) {
            func word(_ index: Int) -> UInt16 { UInt16(low[index]) | UInt16(low[index + 1]) << 8 }
            func unsigned(_ index: Int) -> Double { Double(word(index)) }
            func signed(_ index: Int) -> Double { Double(Int16(bitPattern: word(index))) }
            (t1, t2, t3) = (unsigned(0), signed(2), signed(4))
            (p1, p2, p3) = (unsigned(6), signed(8), signed(10))
            (p4, p5, p6) = (signed(12), signed(14), signed(16))
            (p7, p8, p9) = (signed(18), signed(20), signed(22))
            // 0xA0 (index 24) is not used.
            h1 = Double(low[25])
            h2 = Double(Int16(bitPattern: UInt16(high[0]) | UInt16(high[1]) << 8))
            h3 = Double(high[2])
            // H4 and H5 are 12-bit numbers with a sign: the whole byte carries it, 0xE5 has a half of each.
            h4 = Double(Int16(Int8(bitPattern: high[3])) << 4 | Int16(high[4] & 0x0F))
            h5 = Double(Int16(Int8(bitPattern: high[5])) << 4 | Int16(high[4] >> 4))
            h6 = Double(Int8(bitPattern: high[6]))
            guard t1 != 0, t1 != 65_535, p1 != 0, p1 != 65_535 else { return nil }
        }
    }

    /// The eight data registers 0xF7 to 0xFE, section 5.4.7 to 5.4.9.
    struct Raw: Equatable {
        var pressure: UInt32
        var temperature: UInt32
        var humidity: UInt32

        init(pressure: UInt32, temperature: UInt32, humidity: UInt32) {
            self.pressure = pressure
            self.temperature = temperature
            self.humidity = humidity
        }

        init(_ bytes: UnsafeRawBufferPointer) {
            invariant(bytes.count == 8, "\(bytes.count) data bytes of a BME280")
            pressure = UInt32(bytes[0]) << 12 | UInt32(bytes[1]) << 4 | UInt32(bytes[2]) >> 4
            temperature = UInt32(bytes[3]) << 12 | UInt32(bytes[4]) << 4 | UInt32(bytes[5]) >> 4
            humidity = UInt32(bytes[6]) << 8 | UInt32(bytes[7])
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
        attachment: .bus(addresses: [0x76, 0x77]),
        parameters: [],
        defaultEvery: .seconds(10),
        // Ranges of section 1, tables 1 to 3; scales below the noise of oversampling ×1.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("pressure", unit: "Pa", scale: 0, plausible: 30_000...110_000),
                DriverChannel("humidity", unit: "%RH", scale: -2, plausible: 0...100),
            ]
        },
        make: { settings throws(SettingFault) in
            guard let device = settings.device else {
                throw SettingFault(
                    parameter: "bus", text: "no bus; expected one of the board's I2C buses; add `bus: i2c1`")
            }
            return .bus(BME280(device: device))
        })
}
