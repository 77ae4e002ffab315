// An ams TSL2591 at register level. Datasheet: TSL2591, DS000338, v2-04.
//
// It has what a driver can get wrong: the command byte in front of every access, special functions of one byte, two
// converters that end at 36863 after 100 ms and at 65535 after longer, a valid flag that a new start clears, and
// registers that stay 0 until there has been an integration.

public import World

public final class SimulatedTSL2591: SimulatedChip {
    /// What the id register says; another makes it the wrong chip.
    public var id: UInt8 = 0x50
    /// The world around it: read at the end of each integration.
    public var surroundings: (Boottime) -> Surroundings
    /// How much of what the first diode sees the second does: about a quarter in daylight, more under filament lamps.
    public var infraredShare = 0.25
    /// Never finishes an integration.
    public var isHung = false

    private var registers = [UInt8](repeating: 0, count: 32)
    private var pointer: UInt8 = 0
    private var begun: Boottime?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// As when its supply comes back: all registers 0.
    public func powerCycle(at now: Boottime) {
        registers = [UInt8](repeating: 0, count: 32)
        pointer = 0
        begun = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        // COMMAND: bit 7 set; bits 6 and 5: 01 normal operation, 11 special function.
        guard bytes[0] & 0x80 != 0 else { return true }
        guard bytes[0] & 0x60 == 0x20 else {
            switch bytes[0] & 0x1F {
            case 0b0_0100: registers[0x13] |= 0x10
            case 0b0_0110, 0b0_0111: registers[0x13] &= ~0x30
            case 0b0_1010: registers[0x13] &= ~0x20
            default: break
            }
            return true
        }
        pointer = bytes[0] & 0x1F
        for value in bytes.dropFirst() {
            store(value, at: now)
            pointer = (pointer + 1) & 0x1F
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            reply[index] = pointer == 0x12 ? id : registers[Int(pointer)]
            pointer = (pointer + 1) & 0x1F
        }
        return true
    }

    private func store(_ value: UInt8, at now: Boottime) {
        switch pointer {
        case 0x00:
            let wasOn = registers[0x00] & 0b11 == 0b11
            registers[0x00] = value & 0b1101_0011
            let isOn = value & 0b11 == 0b11
            if isOn && !wasOn { begun = now }
            if !isOn {
                begun = nil
                registers[0x13] &= ~0x01
            }
        case 0x01 where value & 0x80 != 0: powerCycle(at: now)
        case 0x01:
            registers[0x01] = value & 0b0011_0111
            if begun != nil { begun = now }
        case 0x04...0x0C: registers[Int(pointer)] = value
        default: break
        }
    }

    /// Typical values of the operating characteristics: gain 1, 25, 400, and 9200 or 9900 by channel; 100 ms a step.
    private func settle(_ now: Boottime) {
        guard let start = begun, !isHung else { return }
        let steps = Int64(registers[0x01] & 0b111) + 1
        let cycles = (now.nanoseconds - start.nanoseconds) / (steps * 100_000_000)
        guard cycles > 0 else { return }
        let end = Boottime(nanoseconds: start.nanoseconds + cycles * steps * 100_000_000)
        let gains: (Double, Double) =
            switch registers[0x01] >> 4 & 0b11 {
            case 0: (1, 1)
            case 1: (25, 25)
            case 2: (400, 400)
            default: (9_200, 9_900)
            }
        // lux = (C0 - C1) × (1 - C1 / C0) × 408 / (ms × gain), so C0 follows from a given share of infrared.
        let bright = surroundings(end).lux * Double(steps) * 100 / 408 / ((1 - infraredShare) * (1 - infraredShare))
        let most = steps == 1 ? 36_863.0 : 65_535
        put(min(bright * gains.0, most), at: 0x14)
        put(min(bright * infraredShare * gains.1, most), at: 0x16)
        registers[0x13] |= 0x01
    }

    private func put(_ counts: Double, at register: Int) {
        let value = UInt16(counts.rounded())
        registers[register] = UInt8(value & 0xFF)
        registers[register + 1] = UInt8(value >> 8)
    }
}
