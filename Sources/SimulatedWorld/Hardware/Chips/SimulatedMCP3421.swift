// A Microchip MCP3421 at register level. Datasheet: DS22003E.
//
// It has what a driver can get wrong: results of 12 to 18 bits in two or three bytes with the configuration behind them
// again and again, a ready bit that is clear only once for each result, continuous conversion after power-on (12 bits).

public import World

public final class SimulatedMCP3421: SimulatedChip {
    /// The voltage between its inputs.
    public var volts: (Boottime) -> Double
    /// How much longer a conversion takes; the slowest chips need 1.46 times as long.
    public var slowness = 1.0
    /// Never finishes a conversion.
    public var isHung = false

    /// Bits 6 to 0; 7 is told apart.
    private var configuration: UInt8 = 0x10
    private var isFresh = false
    private var code: Int32 = 0
    private var convertingUntil: Boottime?

    public init(volts: @escaping (Boottime) -> Double) { self.volts = volts }

    public convenience init(surroundings: @escaping (Boottime) -> Surroundings) {
        self.init(volts: { surroundings($0).volts[0] })
    }

    public func powerCycle(at now: Boottime) {
        (configuration, code, isFresh) = (0x10, 0, false)
        convertingUntil = now + conversionTime
    }

    /// One byte; bit 7 starts a conversion in one-shot mode (bit 4 clear).
    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        configuration = bytes[0] & 0x7F
        if configuration & 0x10 != 0 || bytes[0] & 0x80 != 0 {
            isFresh = false
            convertingUntil = now + conversionTime
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let byteCount = configuration >> 2 & 0b11 == 0b11 ? 3 : 2
        let status = configuration | (isFresh ? 0 : 0x80)
        for index in 0..<reply.count {
            reply[index] =
                index < byteCount ? UInt8(truncatingIfNeeded: code >> Int32(8 * (byteCount - 1 - index))) : status
        }
        if reply.count > byteCount { isFresh = false }
        return true
    }

    private var bits: Int { 12 + 2 * Int(configuration >> 2 & 0b11) }

    /// Rates of 240, 60, 15 and 3.75 a second, or a little more: the kernel's driver waits no longer.
    private var conversionTime: Duration {
        let microseconds = [3_900.0, 15_600, 62_000, 249_000][Int(configuration >> 2 & 0b11)]
        return .microseconds(Int64(microseconds * slowness))
    }

    private func settle(_ now: Boottime) {
        guard let end = convertingUntil, now >= end, !isHung else { return }
        let full = Double(1 << (bits - 1))
        let gain = Double(1 << Int(configuration & 0b11))
        code = Int32(min(max((volts(end) * gain / 2.048 * full).rounded(), -full), full - 1))
        isFresh = true
        convertingUntil = configuration & 0x10 != 0 ? now + conversionTime : nil
    }
}
