// An ST LIS3DH at register level. Datasheet: DocID17530 revision 2; application note AN3308 for the FIFO.
//
// Samples come at the data rate while it is on, quantised as the operating mode does; the FIFO (bypass, FIFO, stream)
// fills, is read through the six output registers in a circle, and tells when it is full. Interrupts, the auxiliary
// converter and the click engine are registers without effect.

public import World

public final class SimulatedLIS3DH: SimulatedChip {
    /// What WHO_AM_I says; another makes it the wrong chip.
    public var id: UInt8 = 0x33
    public var surroundings: (Boottime) -> Surroundings
    /// Its clock stands still: no samples come.
    public var isHung = false

    private typealias Level = (UInt16, UInt16, UInt16)
    private static let depth = 32
    /// CTRL_REG1, table 31, in microseconds; low-power rates above 400 Hz are not simulated.
    private static let periods: [Int64] = [0, 1_000_000, 100_000, 40_000, 20_000, 10_000, 5_000, 2_500]
    /// Table 4: mg of a 12-bit digit.
    private static let milliG = [1.0, 2, 4, 12]

    private var registers = [UInt8](repeating: 0, count: 128)
    private var pointer: UInt8 = 0
    private var counting = false
    private var fifo: [Level] = []
    private var latest: Level = (0, 0, 0)
    private var nextSample: Boottime?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        reset()
    }

    public func powerCycle(at now: Boottime) { reset() }

    private func reset() {
        registers = [UInt8](repeating: 0, count: 128)
        // Table 17: default values.
        registers[0x20] = 0b0000_0111
        fifo = []
        latest = (0, 0, 0)
        nextSample = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0] & 0x7F
        counting = bytes[0] & 0x80 != 0
        for byte in bytes.dropFirst() {
            store(byte, at: now)
            if counting { pointer = (pointer + 1) & 0x7F }
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            reply[index] = value(of: pointer)
            guard counting else { continue }
            // With the FIFO on, the outputs are read in a circle, a level each time round (AN3308).
            if pointer == 0x2D, isFIFO {
                if !fifo.isEmpty { fifo.removeFirst() }
                pointer = 0x28
            } else {
                if pointer == 0x2D { registers[0x27] = 0 }
                pointer = (pointer + 1) & 0x7F
            }
        }
        return true
    }

    private var isFIFO: Bool { registers[0x24] & 0x40 != 0 && registers[0x2E] >> 6 != 0 }

    private func store(_ value: UInt8, at now: Boottime) {
        switch pointer {
        case 0x1E...0x26, 0x2E, 0x30, 0x32...0x34, 0x36...0x38, 0x3A...0x3F: registers[Int(pointer)] = value
        default: return
        }
        switch pointer {
        case 0x20: nextSample = period.map { now + $0 }
        // BOOT clears itself; the FIFO switched off is empty.
        case 0x24:
            registers[0x24] &= 0x7F
            if !isFIFO { fifo = [] }
        case 0x2E where value >> 6 == 0: fifo = []
        default: break
        }
    }

    private func value(of register: UInt8) -> UInt8 {
        switch register {
        case 0x0F: return id
        case 0x28...0x2D:
            let level = isFIFO ? fifo.first ?? latest : latest
            let word = register < 0x2A ? level.0 : register < 0x2C ? level.1 : level.2
            // Low byte first unless CTRL_REG4 says otherwise.
            let isHigh = (register & 1 == 1) != (registers[0x23] & 0x40 != 0)
            return UInt8(truncatingIfNeeded: isHigh ? word >> 8 : word)
        case 0x2F:
            let isFull = fifo.count == Self.depth
            let watermark = Int(registers[0x2E] & 0x1F)
            return (fifo.count > watermark ? 0x80 : 0) | (isFull ? 0x40 : 0) | (fifo.isEmpty ? 0x20 : 0)
                | UInt8(min(fifo.count, 31))
        default: return registers[Int(register)]
        }
    }

    private var period: Duration? {
        let code = Int(registers[0x20] >> 4)
        guard (1..<Self.periods.count).contains(code) else { return nil }
        return .microseconds(Self.periods[code])
    }

    /// Takes every sample that is due; of a long silence, as many as the FIFO holds and one more.
    private func settle(_ now: Boottime) {
        guard let period, var next = nextSample, !isHung else { return }
        let behind = (now - next).nanoseconds / period.nanoseconds - Int64(Self.depth)
        if behind > 0 { next = next + .nanoseconds(behind * period.nanoseconds) }
        while next <= now {
            sample(at: next)
            next = next + period
        }
        nextSample = next
    }

    private func sample(at moment: Boottime) {
        let metres = surroundings(moment).acceleration
        latest = (word(metres.x), word(metres.y), word(metres.z))
        registers[0x27] = registers[0x27] & 0x0F != 0 ? 0xFF : 0x0F
        switch registers[0x2E] >> 6 {
        case _ where !isFIFO: break
        case 0b01: if fifo.count < Self.depth { fifo.append(latest) }
        default:
            if fifo.count == Self.depth { fifo.removeFirst() }
            fifo.append(latest)
        }
    }

    /// Twelve, ten or eight bits, left-justified (section 3.2.1).
    private func word(_ metresPerSecondSquared: Double) -> UInt16 {
        let milliG = metresPerSecondSquared / 9.80665 * 1_000
        let digits = (milliG / Self.milliG[Int(registers[0x23] >> 4 & 0b11)]).rounded()
        let full = Int16(min(max(digits, -2_048), 2_047)) << 4
        let isLowPower = registers[0x20] & 0b1000 != 0
        let isHighResolution = registers[0x23] & 0b1000 != 0
        let mask: UInt16 = isLowPower ? 0xFF00 : isHighResolution ? 0xFFF0 : 0xFFC0
        return UInt16(bitPattern: full) & mask
    }
}
