// A Microchip MCP9808 at register level. Datasheet: DS25095A; registers are its. JEDEC's TSE2002 chips have the same
// registers, and Linux' jc42 takes it.
//
// It has what a driver can get wrong: 0 °C after a reset until the first conversion is over, alert flags above the
// temperature's sign, results that stay while it is shut down.

public import World

public final class SimulatedMCP9808: SimulatedChip {
    public var manufacturerID: UInt16 = 0x0054
    /// Device and revision; another makes it the wrong chip.
    public var deviceID: UInt16 = 0x0400
    /// The world around it: read at the end of each conversion.
    public var surroundings: (Boottime) -> Surroundings
    /// Converts no more; the last result stays.
    public var isHung = false

    private var configuration: UInt16 = 0
    /// Upper, lower, critical: registers 2 to 4.
    private var limits: [UInt16] = [0, 0, 0]
    private var resolution: UInt8 = 0b11
    /// In 1/16 °C.
    private var temperature = 0
    private var pointer: UInt8 = 0
    private var nextResult: Boottime?

    /// `at`: when its supply came; it converts from then on.
    public init(
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() },
        at moment: Boottime = Boottime(nanoseconds: 0)
    ) {
        self.surroundings = surroundings
        powerCycle(at: moment)
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        (configuration, limits, resolution, temperature, pointer) = (0, [0, 0, 0], 0b11, 0, 0)
        nextResult = now + conversionTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0] & 0x0F
        if bytes.count == 2, pointer == 8 { resolution = bytes[1] & 0b11 }
        guard bytes.count >= 3 else { return true }
        let word = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        switch pointer {
        case 1:
            let wasShutDown = configuration & 0x0100 != 0
            configuration = word & 0x07DF
            let isShutDown = configuration & 0x0100 != 0
            if isShutDown { nextResult = nil } else if wasShutDown { nextResult = now + conversionTime }
        case 2, 3, 4: limits[Int(pointer) - 2] = word & 0x1FFC
        default: break
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let word: UInt16
        switch pointer {
        case 0: word = 0x001D
        case 1: word = configuration
        case 2, 3, 4: word = limits[Int(pointer) - 2]
        case 5: word = flags | UInt16(truncatingIfNeeded: temperature) & 0x1FFF
        case 6: word = manufacturerID
        case 7: word = deviceID
        case 8: word = UInt16(resolution) << 8 | UInt16(resolution)
        default: word = 0
        }
        for index in 0..<reply.count { reply[index] = UInt8(truncatingIfNeeded: index % 2 == 0 ? word >> 8 : word) }
        return true
    }

    /// 0.5, 0.25, 0.125, 0.0625 °C take typically 30, 65, 130, 250 ms (register 5-7).
    private var conversionTime: Duration { .milliseconds([30, 65, 130, 250][Int(resolution)]) }

    /// At or above critical, above upper, below lower (register 5-4).
    private var flags: UInt16 {
        func steps(_ limit: UInt16) -> Int { Int(Int16(bitPattern: limit << 3) >> 3) }
        return (temperature >= steps(limits[2]) ? 0x8000 : 0) | (temperature > steps(limits[0]) ? 0x4000 : 0)
            | (temperature < steps(limits[1]) ? 0x2000 : 0)
    }

    private func settle(_ now: Boottime) {
        guard let first = nextResult, now >= first, !isHung else { return }
        let last = first + conversionTime * Int((now - first) / conversionTime)
        nextResult = last + conversionTime
        let step = 8 >> Int(resolution)
        temperature = Int((surroundings(last).celsius * 16 / Double(step)).rounded()) * step
        temperature = min(max(temperature, -4_096), 4_095)
    }
}
