// A Texas Instruments INA219 at register level. Datasheet: SBOS448G.
//
// It has what a driver can get wrong: a bus voltage that stands above two flags and a gap, conversion ready that falls
// when power is read or another mode is written, a shunt voltage that ends where the gain says, current and power that
// are 0 until calibrated, and math overflow.

public import World

public final class SimulatedINA219: WordRegisters {
    /// The world around it: read at the end of each conversion. The first of its voltages and currents.
    public var surroundings: (Boottime) -> Surroundings
    public let shuntOhm: Double
    /// What the configuration is after a reset; another makes it another chip.
    public var resetConfiguration: UInt16 = 0x399F
    /// Never finishes a conversion.
    public var isHung = false

    private var configuration: UInt16 = 0x399F
    private var calibration: UInt16 = 0
    private var shunt: Int16 = 0
    private var bus: UInt16 = 0
    private var isReady = false
    private var conversions = Conversions()

    public init(shuntOhm: Double = 0.1, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.shuntOhm = shuntOhm
        self.surroundings = surroundings
    }

    /// As when its supply comes back: converting without end, uncalibrated.
    public func powerCycle(at now: Boottime) {
        configuration = resetConfiguration
        calibration = 0
        (shunt, bus, isReady) = (0, 0, false)
        resetPointer()
        conversions.start(at: now, isContinuous: true)
    }

    override func store(_ word: UInt16, in register: UInt8, at now: Boottime) {
        switch register {
        case 0x00 where word & 0x8000 != 0: powerCycle(at: now)
        case 0x00:
            let mode = word & 0b111
            let isOther = mode != configuration & 0b111
            configuration = word & 0x7FFF
            if mode & 0b011 == 0 {
                conversions.stop()
            } else {
                if isOther { isReady = false }
                conversions.start(at: now, isContinuous: mode & 0b100 != 0)
            }
        case 0x05: calibration = word & 0xFFFE
        default: break
        }
    }

    override func word(of register: UInt8, at now: Boottime) -> UInt16 {
        switch register {
        case 0x00: return configuration
        case 0x01: return UInt16(bitPattern: shunt)
        case 0x02: return bus << 3 | (isReady ? 0b10 : 0) | (hasOverflowed ? 0b01 : 0)
        case 0x03:
            isReady = false
            return UInt16(min(abs(current) * Int(bus) / 5_000, 65_535))
        case 0x04: return UInt16(bitPattern: Int16(truncatingIfNeeded: current))
        case 0x05: return calibration
        default: return 0
        }
    }

    private var current: Int { Int(shunt) * Int(calibration) / 4_096 }
    private var hasOverflowed: Bool {
        !(-32_768...32_767).contains(current) || abs(current) * Int(bus) / 5_000 > 65_535
    }

    /// Section 8.6.2.1: 84 to 532 µs for 9 to 12 bits, then 2 to 128 samples of 12 bits.
    private static func nanoseconds(_ setting: UInt16) -> Int64 {
        if setting & 0b1000 == 0 { return [84_000, 148_000, 276_000, 532_000][Int(setting & 0b11)] }
        return 532_000 << Int64(setting & 0b111)
    }

    override func settle(_ now: Boottime) {
        let each = Self.nanoseconds(configuration >> 3 & 0b1111) + Self.nanoseconds(configuration >> 7 & 0b1111)
        guard !isHung, let end = conversions.ended(at: now, nanosecondsEach: each) else { return }
        let world = surroundings(end)
        let most = Double(4_000 << Int(configuration >> 11 & 0b11))
        if configuration & 0b001 != 0 {
            shunt = Int16(min(max((world.amperes.x * shuntOhm / 10e-6).rounded(), -most), most))
        }
        let mostBus = configuration & 0x2000 != 0 ? 8_000.0 : 4_000
        if configuration & 0b010 != 0 { bus = UInt16(min(max((world.volts.x / 4e-3).rounded(), 0), mostBus)) }
        isReady = true
    }
}
