// A ROHM BH1750FVI at the level of its commands. Datasheet: BH1750FVI technical note, 2011.11, revision D.
//
// It has what a driver can get wrong: a data register that keeps the last result until it is reset, a reset that is not
// accepted while powered down, a measurement time register that stays until the supply goes, one-time modes that power
// down after the measurement, and a converter that ends at 65535.

public import World

public final class SimulatedBH1750: SimulatedChip {
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false

    private var isPowered = false
    private var time: UInt8 = 69
    private var result: UInt16 = 0
    private var measurement: (mode: UInt8, begun: Boottime)?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// As when its supply comes back: powered down, usual measurement time, nothing measured.
    public func powerCycle(at now: Boottime) {
        isPowered = false
        time = 69
        result = 0
        measurement = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        // Every command is one byte, and every write of one byte ends with a stop: of longer ones only the first
        // counts.
        let command = bytes[0]
        switch command {
        case 0x00:
            isPowered = false
            measurement = nil
        case 0x01: isPowered = true
        case 0x07: if isPowered { result = 0 }
        case 0x10, 0x11, 0x13, 0x20, 0x21, 0x23:
            isPowered = true
            measurement = (command, now)
        case 0x40...0x47: time = time & 0b0001_1111 | (command & 0b111) << 5
        case 0x60...0x7F: time = time & 0b1110_0000 | command & 0b1_1111
        default: break
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            reply[index] = index == 0 ? UInt8(result >> 8) : index == 1 ? UInt8(result & 0xFF) : 0xFF
        }
        return true
    }

    /// Typical times: 120 ms in both H-resolution modes, 16 ms in L-resolution mode, in proportion to the time
    /// register.
    private func settle(_ now: Boottime) {
        guard let (mode, begun) = measurement, !isHung else { return }
        let isLow = mode & 0b11 == 0b11
        let nanoseconds = (isLow ? 16_000_000 : 120_000_000) * Int64(time) / 69
        let cycles = (now.nanoseconds - begun.nanoseconds) / nanoseconds
        guard cycles > 0 else { return }
        let end = Boottime(nanoseconds: begun.nanoseconds + cycles * nanoseconds)
        let isFine = mode & 0b11 == 0b01
        let counts = surroundings(end).lux * 1.2 * Double(time) / 69 * (isFine ? 2 : 1)
        // L-resolution: 4 lx, so the lower two bits are always 0.
        result = UInt16(min(max(counts, 0), 65_535)) & (isLow ? 0xFFFC : 0xFFFF)
        if mode & 0b0010_0000 != 0 {
            measurement = nil
            isPowered = false
        }
    }
}
