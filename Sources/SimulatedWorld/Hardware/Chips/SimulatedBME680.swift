// A Bosch BME680 or BME688 at register level. Datasheets: BST-BME680-DS001, revision 1.8 (sections are its), and
// BST-BME688-DS000, revision 1.2.
//
// It has what a driver can get wrong: data registers that say "skipped" until a measurement has been made, a flag of
// new data that a new measurement takes back, a heater that must be told a resistance and a time, a gas converter with
// 16 ranges at another place in the BME688, calibration values with every sign. Its back end takes physical values and
// finds the raw numbers by bisection through the formulas.

public import World

public final class SimulatedBME680: SimulatedChip {
    private static let startUpTime = Duration.milliseconds(2)  // section 1, table 1
    /// What a plate needs to become hot (section 3.3.5: 20 to 30 ms).
    private static let heatingTime = Duration.milliseconds(25)

    /// What the id register says; another makes it the wrong chip.
    public var id: UInt8 = 0x61
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false
    /// The plate does not become hot.
    public var isHeaterBroken = false
    /// What it has heated to, in degrees, by its registers.
    public private(set) var heatedTo = 0.0

    private let trimming: Trimming
    private let isBME688: Bool
    private var registers = [UInt8](repeating: 0, count: 256)
    private var pointer: UInt8 = 0
    private var measuringUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(
        trimming: Trimming = .usual, isBME688: Bool = false,
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.trimming = trimming
        self.isBME688 = isBME688
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
        pointer = bytes[0]
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
            case 0xD0: reply[index] = id
            case 0xF0: reply[index] = isBME688 ? 1 : 0
            // Measuring, and measuring gas, until it is over.
            case 0x1D where measuringUntil != nil: reply[index] = 0x60
            default: reply[index] = registers[Int(pointer)]
            }
            pointer &+= 1
        }
        return true
    }

    private func store(_ value: UInt8, in register: UInt8, at now: Boottime) {
        switch register {
        case 0xE0 where value == 0xB6: reset()
        case 0x50...0x72, 0x75: registers[Int(register)] = value
        case 0x74:
            registers[0x74] = value
            if value & 0b11 == 0b01 {
                registers[0x1D] = 0
                measuringUntil = now + measuringTime
            }
        default: break
        }
    }

    private var runsGas: Bool { registers[0x71] & (isBME688 ? 0x20 : 0x10) != 0 && registers[0x70] & 0x08 == 0 }

    private var heaterTime: Duration {
        .milliseconds(Int(registers[0x64] & 0x3F) << (2 * Int(registers[0x64] >> 6)))
    }

    /// Conversions of 1.963 ms, switches of 0.477 ms, the heater's time: as Linux' driver reckons.
    private var measuringTime: Duration {
        func times(_ code: UInt8) -> Int { code == 0 ? 0 : 1 << min(Int(code) - 1, 4) }
        let control = registers[0x74]
        let conversions = times(control >> 5) + times(control >> 2 & 0b111) + times(registers[0x72] & 0b111)
        let air = Duration.microseconds(conversions * 1_963 + 4 * 477)
        return runsGas ? air + .microseconds(5 * 477) + heaterTime : air
    }

    /// Ends the measurement whose time is over: data registers filled, mode back to sleep (section 3.1).
    private func settle(_ now: Boottime) {
        guard let end = measuringUntil, now >= end, !isHung else { return }
        measuringUntil = nil
        let control = registers[0x74]
        registers[0x74] = control & ~0b11
        let air = surroundings(end)
        let raw = trimming.raw(of: air)
        put(
            pressure: control >> 2 & 0b111 != 0 ? raw.pressure : 0x80000,
            temperature: control >> 5 != 0 ? raw.temperature : 0x80000,
            humidity: registers[0x72] & 0b111 != 0 ? raw.humidity : 0x8000)
        registers[0x1D] = 0x80
        putGas(air)
    }

    private func putGas(_ air: Surroundings) {
        let place = isBME688 ? 0x2C : 0x2A
        registers[place] = 0
        registers[place + 1] = 0
        guard runsGas else { return }
        heatedTo = trimming.celsius(ofHeater: registers[0x5A], surroundings: air.celsius)
        let isHot = !isHeaterBroken && heaterTime >= Self.heatingTime && (190...410).contains(heatedTo)
        let gas = trimming.gas(air.gasOhm, isBME688: isBME688)
        let word = gas.number << 6 | 0x20 | (isHot ? 0x10 : 0) | gas.range
        registers[place] = UInt8(word >> 8)
        registers[place + 1] = UInt8(word & 0xFF)
    }

    private func put(pressure: UInt32, temperature: UInt32, humidity: UInt32) {
        for (register, value) in [(0x1F, pressure), (0x22, temperature)] {
            registers[register] = UInt8(truncatingIfNeeded: value >> 12)
            registers[register + 1] = UInt8(truncatingIfNeeded: value >> 4)
            registers[register + 2] = UInt8(truncatingIfNeeded: value << 4)
        }
        registers[0x25] = UInt8(truncatingIfNeeded: humidity >> 8)
        registers[0x26] = UInt8(truncatingIfNeeded: humidity)
    }

    private func reset() {
        registers = [UInt8](repeating: 0, count: 256)
        measuringUntil = nil
        put(pressure: 0x80000, temperature: 0x80000, humidity: 0x8000)
        trimming.store(in: &registers)
    }
}
