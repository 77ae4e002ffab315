// A Texas Instruments ADS1115 at register level. Datasheet: SBAS444D; sections and tables are its.
//
// It has what a driver can get wrong: a pointer register, a ready bit that is clear while it converts, a start bit that
// does nothing during a conversion, reset values, gain and multiplexer codes, codes clipped at both ends. Oscillators
// are slow by up to 10 %: this one is. Continuous mode (the kernel's driver uses it) converts again and again.

public import World

public final class SimulatedADS1115: SimulatedChip {
    /// Volts at AIN0 to AIN3.
    public var inputs: (Boottime) -> SIMD4<Double>
    /// Never finishes a conversion.
    public var isHung = false
    /// 12 on an ADS1015, whose results are in the upper bits.
    public var bits = 16

    private var pointer: UInt8 = 0
    private var configuration: UInt16 = 0
    private var result: UInt16 = 0
    private var low: UInt16 = 0
    private var high: UInt16 = 0
    private var convertingUntil: Boottime?
    /// What the conversion that goes on was begun with: a write does not change it.
    private var begunWith: UInt16 = 0

    public init(inputs: @escaping (Boottime) -> SIMD4<Double>) {
        self.inputs = inputs
        reset()
    }

    public convenience init(surroundings: @escaping (Boottime) -> Surroundings) {
        self.init(inputs: { surroundings($0).volts })
    }

    public func powerCycle(at now: Boottime) { reset() }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0] & 0b11
        guard bytes.count >= 3 else { return true }
        let word = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        switch pointer {
        case 1: configure(word, at: now)
        case 2: low = word
        case 3: high = word
        default: break
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let isReady = configuration & 0x0100 != 0 && convertingUntil == nil
        let word = [result, configuration & 0x7FFF | (isReady ? 0x8000 : 0), low, high][Int(pointer)]
        for index in 0..<reply.count {
            reply[index] = index == 0 ? UInt8(word >> 8) : index == 1 ? UInt8(word & 0xFF) : 0xFF
        }
        return true
    }

    /// Table 8: bit 15 starts a single conversion, and only while none goes on; bit 8 clear converts continuously.
    private func configure(_ word: UInt16, at now: Boottime) {
        let isSingle = word & 0x0100 != 0
        configuration = word & 0x7FFF
        let starts = !isSingle || (word & 0x8000 != 0 && convertingUntil == nil)
        if starts {
            convertingUntil = now + Self.conversionTime(word)
            begunWith = configuration
        }
    }

    private func settle(_ now: Boottime) {
        guard let end = convertingUntil, now >= end, !isHung else { return }
        if configuration & 0x0100 != 0 {
            convertingUntil = nil
            result = convert(at: end)
        } else {
            result = convert(at: now)
            convertingUntil = now + Self.conversionTime(configuration)
            begunWith = configuration
        }
    }

    private func convert(at moment: Boottime) -> UInt16 {
        let volts = inputs(moment)
        let difference: Double
        switch begunWith >> 12 & 0b111 {
        case 0b000: difference = volts[0] - volts[1]
        case 0b001: difference = volts[0] - volts[3]
        case 0b010: difference = volts[1] - volts[3]
        case 0b011: difference = volts[2] - volts[3]
        case let single: difference = volts[Int(single - 4)]
        }
        let range: Double
        switch begunWith >> 9 & 0b111 {
        case 0: range = 6.144
        case 1: range = 4.096
        case 2: range = 2.048
        case 3: range = 1.024
        case 4: range = 0.512
        default: range = 0.256
        }
        let code = (difference / range * 32_768).rounded()
        let clipped = Int16(min(max(code, -32_768), 32_767))
        return UInt16(bitPattern: clipped) & ~(1 << UInt16(16 - bits) - 1)
    }

    /// Table 8, bits 7:5, with an oscillator 9.9 % slow; 25 µs to wake up.
    private static func conversionTime(_ configuration: UInt16) -> Duration {
        let rates: [Double] = [8, 16, 32, 64, 128, 250, 475, 860]
        return .nanoseconds(Int64(1e9 / rates[Int(configuration >> 5 & 0b111)] * 1.099) + 25_000)
    }

    private func reset() {
        (pointer, configuration, result) = (0, 0x0583, 0)
        (low, high) = (0x8000, 0x7FFF)
        convertingUntil = nil
    }
}
