// A Texas Instruments INA3221 at register level. Datasheet: SBOS576B.
//
// It has what a driver can get wrong: values that stand above three zero bits, with a sign; channels that are switched
// on and off; conversion ready in the mask register, which falls when that is read; limits at reset that are not 0.

public import World

public final class SimulatedINA3221: WordRegisters {
    /// The world around it: read at the end of each conversion. The first three of its voltages and currents.
    public var surroundings: (Boottime) -> Surroundings
    public let shuntOhm: SIMD3<Double>
    public var manufacturer: UInt16 = 0x5449
    public var die: UInt16 = 0x3220
    /// Never finishes a conversion.
    public var isHung = false

    private var registers = [UInt16](repeating: 0, count: 0x13)
    private var isReady = false
    private var conversions = Conversions()

    public init(
        shuntOhm: SIMD3<Double> = SIMD3(repeating: 0.1),
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.shuntOhm = shuntOhm
        self.surroundings = surroundings
        super.init()
        reset()
    }

    /// As when its supply comes back: converting without end.
    public func powerCycle(at now: Boottime) {
        reset()
        resetPointer()
        conversions.start(at: now, isContinuous: true)
    }

    /// Summary of the register set: what power-on leaves.
    private func reset() {
        registers = [UInt16](repeating: 0, count: 0x13)
        registers[0x00] = 0x7127
        for limit in 0x07...0x0C { registers[limit] = 0x7FF8 }
        registers[0x0E] = 0x7FFE
        registers[0x0F] = 0x0002
        registers[0x10] = 0x2710
        registers[0x11] = 0x2328
        isReady = false
    }

    override func store(_ word: UInt16, in register: UInt8, at now: Boottime) {
        switch register {
        case 0x00 where word & 0x8000 != 0: powerCycle(at: now)
        case 0x00:
            registers[0x00] = word
            isReady = false
            if word & 0b011 == 0 || word & 0x7000 == 0 {
                conversions.stop()
            } else {
                conversions.start(at: now, isContinuous: word & 0b100 != 0)
            }
        case 0x07...0x0C, 0x10, 0x11: registers[Int(register)] = word & 0xFFF8
        case 0x0E: registers[0x0E] = word & 0xFFFE
        case 0x0F: registers[0x0F] = word & 0x7C00 | 0x0002
        default: break
        }
    }

    override func word(of register: UInt8, at now: Boottime) -> UInt16 {
        switch register {
        case 0x0F:
            defer { isReady = false }
            return registers[0x0F] | (isReady ? 1 : 0)
        case 0xFE: return manufacturer
        case 0xFF: return die
        default: return Int(register) < registers.count ? registers[Int(register)] : 0
        }
    }

    /// Configuration register: averages and conversion times.
    private static let samples: [Int64] = [1, 4, 16, 64, 128, 256, 512, 1_024]
    private static let microseconds: [Int64] = [140, 204, 332, 588, 1_100, 2_116, 4_156, 8_244]

    override func settle(_ now: Boottime) {
        let configuration = registers[0x00]
        let both =
            Self.microseconds[Int(configuration >> 6 & 0b111)] + Self.microseconds[Int(configuration >> 3 & 0b111)]
        let channels = Int64((configuration & 0x7000).nonzeroBitCount)
        let each = max(channels, 1) * Self.samples[Int(configuration >> 9 & 0b111)] * both * 1_000
        guard !isHung, let end = conversions.ended(at: now, nanosecondsEach: each) else { return }
        let world = surroundings(end)
        var sum = 0.0
        for channel in 0..<3 where configuration & (0x4000 >> UInt16(channel)) != 0 {
            let across = Self.counts(world.amperes[channel] * shuntOhm[channel] / 40e-6, -4_096)
            if configuration & 0b001 != 0 { registers[1 + 2 * channel] = across }
            if configuration & 0b010 != 0 { registers[2 + 2 * channel] = Self.counts(world.volts[channel] / 8e-3, 0) }
            // Summation channel control: bits 14 to 12 of the mask register.
            if registers[0x0F] & (0x4000 >> UInt16(channel)) != 0 {
                sum += Double(Int16(bitPattern: across) >> 3)
            }
        }
        registers[0x0D] = UInt16(bitPattern: Int16(sum) << 1)
        isReady = true
    }

    private static func counts(_ value: Double, _ least: Double) -> UInt16 {
        UInt16(bitPattern: Int16(min(max(value.rounded(), least), 4_095)) << 3)
    }
}
