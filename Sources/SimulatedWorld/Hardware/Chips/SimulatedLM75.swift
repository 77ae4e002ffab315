// An LM75, LM75B or TMP75 at register level. Datasheets: Texas Instruments SNIS153B (LM75B/C, 9 bits), NXP LM75B
// revision 6.1 (11 bits), Texas Instruments SBOS288M (TMP75, 9 to 12 bits).
//
// It has what a driver can get wrong: 0 °C after a reset until the first conversion is over, undefined bits below the
// resolution of an LM75, resolution bits that only a TMP75 has.

public import World

public final class SimulatedLM75: SimulatedChip {
    public enum Kind: Sendable { case lm75, nxpLM75B, tmp75 }

    /// The world around it: read at the end of each conversion.
    public var surroundings: (Boottime) -> Surroundings
    /// Converts no more; the last result stays.
    public var isHung = false

    private let kind: Kind
    private var configuration: UInt8 = 0
    /// Hysteresis and threshold: registers 2 and 3.
    private var limits: [UInt16] = [0x4B00, 0x5000]
    private var result: UInt16 = 0
    private var pointer: UInt8 = 0
    private var nextResult: Boottime?

    /// `at`: when its supply came; it converts from then on.
    public init(
        _ kind: Kind = .lm75, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() },
        at moment: Boottime = Boottime(nanoseconds: 0)
    ) {
        self.kind = kind
        self.surroundings = surroundings
        powerCycle(at: moment)
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        (configuration, limits, result, pointer) = (0, [0x4B00, 0x5000], 0, 0)
        nextResult = now + conversionTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0] & 0b11
        if bytes.count >= 2, pointer == 1 {
            let wasShutDown = configuration & 1 != 0
            configuration = bytes[1] & (kind == .tmp75 ? 0x7F : 0x1F)
            // A one-shot of a TMP75 that is shut down (SBOS288M, one-shot mode).
            let isOneShot = kind == .tmp75 && bytes[1] & 0x80 != 0
            if configuration & 1 != 0 {
                nextResult = isOneShot ? now + conversionTime : nil
            } else if wasShutDown {
                nextResult = now + conversionTime
            }
        }
        if bytes.count >= 3, pointer >= 2 {
            let mask: UInt16 = kind == .tmp75 ? 0xFFF0 : 0xFF80
            limits[Int(pointer) - 2] = (UInt16(bytes[1]) << 8 | UInt16(bytes[2])) & mask
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let word: UInt16
        switch pointer {
        case 0: word = result
        case 1: word = UInt16(configuration) << 8 | UInt16(configuration)
        default: word = limits[Int(pointer) - 2]
        }
        for index in 0..<reply.count { reply[index] = UInt8(truncatingIfNeeded: index % 2 == 0 ? word >> 8 : word) }
        return true
    }

    private var bits: Int {
        switch kind {
        case .lm75: 9
        case .nxpLM75B: 11
        case .tmp75: 9 + Int(configuration >> 5 & 0b11)
        }
    }

    /// Typical times; a TMP75 takes 27.5 ms at 9 bits and twice as long for each more.
    private var conversionTime: Duration {
        kind == .tmp75 ? .microseconds(27_500) * (1 << (bits - 9)) : .milliseconds(100)
    }

    private func settle(_ now: Boottime) {
        guard let first = nextResult, now >= first, !isHung else { return }
        let last = first + conversionTime * Int((now - first) / conversionTime)
        nextResult = configuration & 1 != 0 ? nil : last + conversionTime
        let steps = (surroundings(last).celsius * Double(1 << (bits - 8))).rounded()
        let limit = Double(1 << (bits - 1))
        let number = Int16(min(max(steps, -limit), limit - 1)) << Int16(16 - bits)
        // An LM75's seven lowest bits are undefined; here they are ones.
        result = UInt16(bitPattern: number) | (kind == .lm75 ? 0x7F : 0)
    }
}
