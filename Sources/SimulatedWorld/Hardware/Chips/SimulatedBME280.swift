// A Bosch BME280 at register level, or a BMP280, which is the same without humidity. Datasheets: BST-BME280-DS002,
// revision 1.6 (sections are its), and BST-BMP280-DS001, revision 1.14.
//
// It has what a driver can get wrong: humidity oversampling that takes effect only with the next write of ctrl_meas,
// data registers that say "skipped" until a measurement has been made, a measuring bit, calibration that is not there
// yet just after power-on, and calibration values with every sign. Its back end takes physical values and finds the raw
// numbers by bisection through the datasheet's formulas.

public import World

public final class SimulatedBME280: SimulatedChip {
    /// Trimming parameters, section 4.2.2.
    public struct Trimming: Hashable, Sendable {
        public var t1: UInt16, t2: Int16, t3: Int16
        public var p1: UInt16, p2: Int16, p3: Int16, p4: Int16, p5: Int16, p6: Int16, p7: Int16, p8: Int16, p9: Int16
        public var h1: UInt8, h2: Int16, h3: UInt8, h4: Int16, h5: Int16, h6: Int8

        public init(
            t: (UInt16, Int16, Int16), p: (UInt16, Int16, Int16, Int16, Int16, Int16, Int16, Int16, Int16),
            h: (UInt8, Int16, UInt8, Int16, Int16, Int8)
        ) {
            (t1, t2, t3) = t
            (p1, p2, p3, p4, p5, p6, p7, p8, p9) = p
            (h1, h2, h3, h4, h5, h6) = h
        }

        /// Temperature and pressure from the datasheet's worked example; humidity as chips on the market have it.
        public static let usual = Trimming(
            t: (27_504, 26_435, -1_000), p: (36_477, -10_685, 3_024, 2_855, 140, -7, 15_500, -14_600, 6_000),
            h: (75, 362, 0, 312, 50, 30))

        /// The same with H3 above 127 and H4, H5, H6 negative: every sign that a driver can get wrong. With these the
        /// raw number 0 is about 8 %RH, so nothing drier can be told.
        public static let negative = Trimming(
            t: (27_504, 26_435, -1_000), p: (36_477, -10_685, 3_024, 2_855, 140, -7, 15_500, -14_600, 6_000),
            h: (75, 362, 200, -20, -37, -25))
    }

    private static let startUpTime = Duration.milliseconds(2)  // section 1, table 1

    /// What the id register says; another makes it the wrong chip.
    public var id: UInt8
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false

    private let trimming: Trimming
    private let hasHumidity: Bool
    /// A little less than the datasheets' longest.
    private var measuringTime: Duration { .microseconds(hasHumidity ? 9_000 : 6_200) }
    private var registers = [UInt8](repeating: 0, count: 256)
    private var pointer: UInt8 = 0
    private var humidityOversampling: UInt8 = 0
    private var measuringUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(
        trimming: Trimming = .usual, hasHumidity: Bool = true,
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        id = hasHumidity ? 0x60 : 0x58
        self.trimming = trimming
        self.hasHumidity = hasHumidity
        self.surroundings = surroundings
        reset()
    }

    public func set(celsius: Double, pascal: Double, percent: Double) {
        let changed = Surroundings {
            ($0.celsius, $0.pascal, $0.percent) = (celsius, pascal, percent)
        }
        surroundings = { _ in changed }
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        reset()
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0]
        // Register and value in turn: writes do not count the register up (section 6.2.1).
        var index = 0
        while index + 1 < bytes.count {
            store(bytes[index + 1], in: bytes[index], at: now)
            index += 2
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            switch pointer {
            case 0xD0: reply[index] = id
            case 0xF3: reply[index] = (measuringUntil != nil ? 0b1000 : 0) | (now < startedUp ? 0b0001 : 0)
            case 0x88...0xA1, 0xE1...0xF0: reply[index] = now < startedUp ? 0 : registers[Int(pointer)]
            default: reply[index] = registers[Int(pointer)]
            }
            pointer &+= 1
        }
        return true
    }

    private func store(_ value: UInt8, in register: UInt8, at now: Boottime) {
        switch register {
        case 0xE0 where value == 0xB6: powerCycle(at: now)
        case 0xF2 where hasHumidity: registers[0xF2] = value & 0b111
        case 0xF4:
            registers[0xF4] = value
            humidityOversampling = registers[0xF2]
            // Forced (01, 10) is one measurement, normal (11) one after the other.
            measuringUntil = value & 0b11 == 0 ? nil : now + measuringTime
        case 0xF5: registers[0xF5] = value
        default: break
        }
    }

    /// Ends the measurement whose time is over: data registers filled, mode back to sleep (section 3.3.3), or, in
    /// normal mode, the next one begun. The pause in between is left out: a reader only finds newer values.
    private func settle(_ now: Boottime) {
        guard var end = measuringUntil, now >= end, !isHung else { return }
        let control = registers[0xF4]
        if control & 0b11 == 0b11 {
            end = end + measuringTime * Int((now - end) / measuringTime)
            measuringUntil = end + measuringTime
        } else {
            measuringUntil = nil
            registers[0xF4] = control & ~0b11
        }
        let raw = trimming.raw(of: surroundings(end))
        let temperature = control >> 5 != 0 ? raw.temperature : 0x80000
        let pressure = control >> 2 & 0b111 != 0 ? raw.pressure : 0x80000
        let humidity = humidityOversampling != 0 ? raw.humidity : 0x8000
        put(pressure: pressure, temperature: temperature, humidity: humidity)
    }

    private func put(pressure: UInt32, temperature: UInt32, humidity: UInt32) {
        for (register, value) in [(0xF7, pressure), (0xFA, temperature)] {
            registers[register] = UInt8(truncatingIfNeeded: value >> 12)
            registers[register + 1] = UInt8(truncatingIfNeeded: value >> 4)
            registers[register + 2] = UInt8(truncatingIfNeeded: value << 4)
        }
        guard hasHumidity else { return }
        registers[0xFD] = UInt8(truncatingIfNeeded: humidity >> 8)
        registers[0xFE] = UInt8(truncatingIfNeeded: humidity)
    }

    private func reset() {
        registers = [UInt8](repeating: 0, count: 256)
        measuringUntil = nil
        humidityOversampling = 0
        put(pressure: 0x80000, temperature: 0x80000, humidity: 0x8000)
        trimming.store(in: &registers)
        if !hasHumidity { for register in [0xA1] + Array(0xE1...0xE7) { registers[register] = 0 } }
    }
}

extension SimulatedBME280.Trimming {
    /// Registers 0x88 to 0xA1 and 0xE1 to 0xE7, table 16.
    public func store(in registers: inout [UInt8]) {
        var register = 0x88
        func put(_ value: UInt16) {
            registers[register] = UInt8(truncatingIfNeeded: value)
            registers[register + 1] = UInt8(truncatingIfNeeded: value >> 8)
            register += 2
        }
        put(t1)
        put(UInt16(bitPattern: t2))
        put(UInt16(bitPattern: t3))
        put(p1)
        for value in [p2, p3, p4, p5, p6, p7, p8, p9] { put(UInt16(bitPattern: value)) }
        registers[0xA1] = h1
        register = 0xE1
        put(UInt16(bitPattern: h2))
        registers[0xE3] = h3
        registers[0xE4] = UInt8(truncatingIfNeeded: h4 >> 4)
        registers[0xE5] = UInt8(truncatingIfNeeded: h4 & 0xF | (h5 & 0xF) << 4)
        registers[0xE6] = UInt8(truncatingIfNeeded: h5 >> 4)
        registers[0xE7] = UInt8(bitPattern: h6)
    }

    /// The raw numbers whose compensated values come nearest. Temperature and humidity grow with their raw number,
    /// pressure falls.
    public func raw(of air: Surroundings) -> (temperature: UInt32, pressure: UInt32, humidity: UInt32) {
        let temperature = Self.bisect(bits: 20) { celsius($0) < air.celsius }
        let pressure = Self.bisect(bits: 20) { pascal($0, temperature) > air.pascal }
        let humidity = Self.bisect(bits: 16) { percent($0, temperature) < air.percent }
        return (temperature, pressure, humidity)
    }

    /// The smallest number that is not `tooSmall`, or the one before it: the bisected step is finer than the sensor's
    /// noise.
    private static func bisect(bits: UInt32, _ tooSmall: (UInt32) -> Bool) -> UInt32 {
        var low: UInt32 = 0
        var high: UInt32 = 1 << bits - 1
        while low < high {
            let middle = low + (high - low) / 2
            if tooSmall(middle) { low = middle + 1 } else { high = middle }
        }
        // The middle of the scale means "skipped": nothing real is ever told by it.
        return low == 1 << (bits - 1) ? low + 1 : low
    }

    /// `t_fine` of section 8.1.
    private func fine(_ raw: UInt32) -> Double {
        let first = (Double(raw) / 16_384 - Double(t1) / 1_024) * Double(t2)
        let distance = Double(raw) / 131_072 - Double(t1) / 8_192
        return first + distance * distance * Double(t3)
    }

    private func celsius(_ raw: UInt32) -> Double { fine(raw) / 5_120 }

    private func pascal(_ raw: UInt32, _ temperature: UInt32) -> Double {
        var var1 = fine(temperature) / 2 - 64_000
        var var2 = var1 * var1 * Double(p6) / 32_768
        var2 += var1 * Double(p5) * 2
        var2 = var2 / 4 + Double(p4) * 65_536
        var1 = (Double(p3) * var1 * var1 / 524_288 + Double(p2) * var1) / 524_288
        var1 = (1 + var1 / 32_768) * Double(p1)
        invariant(var1 != 0, "trimming that divides by zero")
        var pressure = 1_048_576 - Double(raw)
        pressure = (pressure - var2 / 4_096) * 6_250 / var1
        var1 = Double(p9) * pressure * pressure / 2_147_483_648
        var2 = pressure * Double(p8) / 32_768
        return pressure + (var1 + var2 + Double(p7)) / 16
    }

    private func percent(_ raw: UInt32, _ temperature: UInt32) -> Double {
        let heat = fine(temperature) - 76_800
        let offset = Double(h4) * 64 + Double(h5) / 16_384 * heat
        let gain = Double(h2) / 65_536 * (1 + Double(h6) / 67_108_864 * heat * (1 + Double(h3) / 67_108_864 * heat))
        let linear = (Double(raw) - offset) * gain
        return linear * (1 - Double(h1) * linear / 524_288)
    }
}
