// A Lite-On LTR-390UV-01 at register level. Datasheet: DS86-2015-0004, version 1.1.
//
// It has what a driver can get wrong: one converter for two diodes, each with its own data registers that keep their
// last value, a status register whose flags fall when it is read, a power-on flag, data low byte first, and a software
// reset that is not acknowledged (as the kernel's ltr390 driver has it; the datasheet does not say).

public import World

public final class SimulatedLTR390: SimulatedChip {
    /// What the part id register says: part 0xB, revision 2.
    public var id: UInt8 = 0xB2
    /// The world around it: read at the end of each conversion.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a conversion.
    public var isHung = false

    private var registers = [UInt8](repeating: 0, count: 0x27)
    private var pointer: UInt8 = 0
    private var begun: Boottime?
    private var told: Int64 = 0

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        reset()
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) { reset() }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0]
        for value in bytes.dropFirst() {
            guard store(value, at: now) else { return false }
            pointer &+= 1
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            reply[index] = pointer == 0x06 ? id : Int(pointer) < registers.count ? registers[Int(pointer)] : 0
            if pointer == 0x07 { registers[0x07] &= ~0b0010_1000 }
            pointer &+= 1
        }
        return true
    }

    private func store(_ value: UInt8, at now: Boottime) -> Bool {
        switch pointer {
        case 0x00 where value & 0b1_0000 != 0:
            reset()
            return false
        case 0x00:
            let isOther = (registers[0x00] ^ value) & 0b1010 != 0
            registers[0x00] = value & 0b1010
            if isOther { restart(at: now) }
        case 0x04:
            registers[0x04] = value & 0b0111_0111
            restart(at: now)
        case 0x05:
            registers[0x05] = value & 0b111
            restart(at: now)
        case 0x19...0x1A, 0x21...0x26: registers[Int(pointer)] = value
        default: break
        }
        return true
    }

    private func restart(at now: Boottime) {
        begun = registers[0x00] & 0b0010 != 0 ? now : nil
        told = 0
    }

    private func reset() {
        registers = [UInt8](repeating: 0, count: 0x27)
        registers[0x04] = 0x22  // 18 bits, every 100 ms
        registers[0x05] = 0x01  // gain 3
        registers[0x07] = 0b0010_0000
        registers[0x19] = 0x10
        begun = nil
    }

    /// Integration of 400, 200, 100, 50, 25 or 12.5 ms for 20, 19, 18, 17, 16 or 13 bits, repeated at the rate or as
    /// fast as it goes; the first is over after one integration.
    private func settle(_ now: Boottime) {
        guard let start = begun, !isHung else { return }
        let resolution = min(Int(registers[0x04] >> 4), 5)
        let integration: Int64 = 400_000_000 >> Int64(resolution)
        let rates: [Int64] = [25, 50, 100, 200, 500, 1_000, 2_000, 2_000]
        let period = max(integration, rates[Int(registers[0x04] & 0b111)] * 1_000_000)
        let elapsed = now.nanoseconds - start.nanoseconds
        guard elapsed >= integration else { return }
        let cycle = (elapsed - integration) / period
        guard cycle >= told else { return }
        told = cycle + 1
        let air = surroundings(Boottime(nanoseconds: start.nanoseconds + cycle * period + integration))
        let gain = [1.0, 3, 6, 9, 18, 18, 18, 18][Int(registers[0x05])]
        let share = Double(integration) / 400_000_000
        let isUltraviolet = registers[0x00] & 0b1000 != 0
        let counts = isUltraviolet ? air.uvIndex * 2_300 * gain / 18 * share : air.lux / 0.6 * 4 * gain * share
        let bits = [20, 19, 18, 17, 16, 13][resolution]
        let value = UInt32(min(max(counts, 0).rounded(), Double(UInt32(1) << UInt32(bits) - 1)))
        let register = isUltraviolet ? 0x10 : 0x0D
        registers[register] = UInt8(value & 0xFF)
        registers[register + 1] = UInt8(value >> 8 & 0xFF)
        registers[register + 2] = UInt8(value >> 16)
        registers[0x07] |= 0b0000_1000
    }
}
