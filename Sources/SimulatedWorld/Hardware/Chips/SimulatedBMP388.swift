// A Bosch BMP388 or BMP390 at register level. Datasheet: BST-BMP388-DS001, revision 1.1; sections are its.
//
// It has what a driver can get wrong: low byte first, data registers that say "never measured" after a reset, flags of
// new data that a read clears, a forced mode that is taken only from sleep, coefficients with every sign. Its back end
// takes physical values and finds the raw numbers by bisection through the formulas.

public import World

public final class SimulatedBMP388: SimulatedChip {
    private static let startUpTime = Duration.milliseconds(2)  // section 1

    /// What the id register says: 0x50, or 0x60 for a BMP390; another makes it the wrong chip.
    public var id: UInt8 = 0x50
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false
    /// What the error register says: bit 0 fatal, bit 1 command, bit 2 configuration.
    public var errors: UInt8 = 0

    private let trimming: Trimming
    private var registers = [UInt8](repeating: 0, count: 128)
    private var pointer: UInt8 = 0
    /// Flags of new data, as in the status register.
    private var ready: UInt8 = 0
    private var wasReset = true
    private var measuringUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(
        trimming: Trimming = .usual, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.trimming = trimming
        self.surroundings = surroundings
        reset()
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        reset()
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        pointer = bytes[0] & 0x7F
        // Register and value in turn.
        var index = 0
        while index + 1 < bytes.count {
            store(bytes[index + 1], in: bytes[index], at: now)
            index += 2
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        for index in 0..<reply.count {
            switch pointer {
            case 0x00: reply[index] = id
            case 0x01: reply[index] = 0x01
            case 0x02: reply[index] = errors
            case 0x03: reply[index] = 0x10 | ready
            case 0x10:
                reply[index] = wasReset ? 1 : 0
                wasReset = false
            default: reply[index] = registers[Int(pointer)]
            }
            // Reading a value clears its flag (section 4.3, status).
            if (0x04...0x06).contains(pointer) { ready &= ~0x20 }
            if (0x07...0x09).contains(pointer) { ready &= ~0x40 }
            pointer = (pointer + 1) & 0x7F
        }
        return true
    }

    private func store(_ value: UInt8, in register: UInt8, at now: Boottime) {
        switch register {
        case 0x1B:
            let before = registers[0x1B] >> 4 & 0b11
            registers[0x1B] = value & 0x33
            switch value >> 4 & 0b11 {
            case 0: measuringUntil = nil
            // Forced (01, 10) from sleep is one measurement, normal (11) one after the other.
            case 0b11 where before != 0b11: measuringUntil = now + measuringTime
            case 0b01 where before == 0, 0b10 where before == 0: measuringUntil = now + measuringTime
            default: break
            }
        case 0x15...0x1A, 0x1C...0x1F: registers[Int(register)] = value
        case 0x7E where value == 0xB6: reset()  // soft reset
        default: break
        }
    }

    /// Section 3.9, typical times.
    private var measuringTime: Duration {
        let (control, oversampling) = (registers[0x1B], registers[0x1C])
        let pressure = control & 1 != 0 ? 392 + 2_020 << Int(oversampling & 0b111) : 0
        let temperature = control & 2 != 0 ? 163 + 2_020 << Int(oversampling >> 3 & 0b111) : 0
        return .microseconds(234 + pressure + temperature)
    }

    private func settle(_ now: Boottime) {
        guard var end = measuringUntil, now >= end, !isHung else { return }
        let control = registers[0x1B]
        if control >> 4 & 0b11 == 0b11 {
            // 200 Hz divided by 1, 2, 4 and so on, or as slow as it measures (section 3.3.3 and 4.3, output data rate).
            let period = max(.milliseconds(5) * (1 << Int(registers[0x1D] & 0x1F)), measuringTime)
            end = end + period * Int((now - end) / period)
            measuringUntil = end + period
        } else {
            measuringUntil = nil
            registers[0x1B] = control & ~0x30
        }
        let raw = trimming.raw(of: surroundings(end))
        if control & 1 != 0 { put(raw.pressure, at: 0x04, flag: 0x20) }
        if control & 2 != 0 { put(raw.temperature, at: 0x07, flag: 0x40) }
    }

    private func put(_ value: UInt32, at register: Int, flag: UInt8) {
        for index in 0..<3 { registers[register + index] = UInt8(value >> UInt32(8 * index) & 0xFF) }
        ready |= flag
    }

    private func reset() {
        registers = [UInt8](repeating: 0, count: 128)
        (measuringUntil, wasReset) = (nil, true)
        put(0x80_0000, at: 0x04, flag: 0)
        put(0x80_0000, at: 0x07, flag: 0)
        ready = 0
        registers[0x1C] = 0x02
        for (index, byte) in trimming.bytes.enumerated() { registers[0x31 + index] = byte }
    }
}

extension SimulatedBMP388 {
    /// Trimming coefficients as they stand in the registers, section 3.11.1.
    public struct Trimming: Hashable, Sendable {
        public var t1: UInt16, t2: UInt16, t3: Int8
        public var p1: Int16, p2: Int16, p3: Int8, p4: Int8, p5: UInt16, p6: UInt16, p7: Int8, p8: Int8
        public var p9: Int16, p10: Int8, p11: Int8

        /// As a BMP388 on the market has them.
        public static let usual = Trimming(
            t1: 27_427, t2: 18_776, t3: -10, p1: -164, p2: -2_866, p3: 35, p4: 0, p5: 25_578, p6: 31_086, p7: -13,
            p8: -10, p9: 17_322, p10: 18, p11: -60)

        /// Registers 0x31 to 0x45.
        public var bytes: [UInt8] {
            func two(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
            func two(_ value: Int16) -> [UInt8] { two(UInt16(bitPattern: value)) }
            func one(_ value: Int8) -> [UInt8] { [UInt8(bitPattern: value)] }
            var bytes = two(t1) + two(t2) + one(t3)
            bytes += two(p1) + two(p2)
            bytes += one(p3) + one(p4)
            bytes += two(p5) + two(p6)
            bytes += one(p7) + one(p8)
            return bytes + two(p9) + one(p10) + one(p11)
        }

        /// The raw numbers whose values come nearest. Temperature grows with its raw number, pressure falls.
        public func raw(of air: Surroundings) -> (temperature: UInt32, pressure: UInt32) {
            let temperature = Self.bisect { celsius($0) < air.celsius }
            let warmth = celsius(temperature)
            return (temperature, Self.bisect { pascal($0, warmth) > air.pascal })
        }

        private static func bisect(_ tooSmall: (UInt32) -> Bool) -> UInt32 {
            var low: UInt32 = 0
            var high: UInt32 = 0xFF_FFFF
            while low < high {
                let middle = low + (high - low) / 2
                if tooSmall(middle) { low = middle + 1 } else { high = middle }
            }
            // The middle of the scale means "never measured": nothing real is told by it.
            return low == 0x80_0000 ? low + 1 : low
        }

        /// Appendix 9: powers of two divided out one by one.
        private func celsius(_ raw: UInt32) -> Double {
            let first = Double(raw) - 256 * Double(t1)
            return first * Double(t2) / 1_073_741_824 + first * first * Double(t3) / 281_474_976_710_656
        }

        /// Appendix 9.
        private func pascal(_ raw: UInt32, _ t: Double) -> Double {
            let r = Double(raw)
            var first = Double(p5) * 8
            first += Double(p6) / 64 * t
            first += Double(p7) / 256 * t * t
            first += Double(p8) / 32_768 * t * t * t
            var second = (Double(p1) - 16_384) / 1_048_576
            second += (Double(p2) - 16_384) / 536_870_912 * t
            second += Double(p3) / 4_294_967_296 * t * t
            second += Double(p4) / 137_438_953_472 * t * t * t
            var third = Double(p9) / 281_474_976_710_656
            third += Double(p10) / 281_474_976_710_656 * t
            third *= r * r
            third += Double(p11) / 36_893_488_147_419_103_232 * r * r * r
            return first + r * second + third
        }
    }
}
