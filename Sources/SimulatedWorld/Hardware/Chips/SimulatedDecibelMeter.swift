// PCB Artists' decibel meter at register level. Reference: the maker's programming manual of 27 March 2024.
//
// Levels are computed at the end of every averaging time, lowest and highest since they were cleared; the first level
// is there a second after power-up; TAVG takes effect with its low byte.

public import World

public final class SimulatedDecibelMeter: SimulatedChip {
    /// Hardware 3, firmware 1; another makes it the wrong chip.
    public var version: UInt8 = 0x31
    public var surroundings: (Boottime) -> Surroundings

    private static let longestBacklog: Int64 = 1_000
    private var registers = [UInt8](repeating: 0, count: 256)
    private var pointer: UInt8 = 0
    private var averaging = Duration.seconds(1)
    private var validFrom = Boottime(nanoseconds: .min)
    private var nextLevel: Boottime?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        restart()
    }

    public func powerCycle(at now: Boottime) {
        restart()
        validFrom = now + .seconds(1)
        nextLevel = validFrom
    }

    private func restart() {
        registers = [UInt8](repeating: 0, count: 256)
        (registers[0x05], registers[0x06], registers[0x07], registers[0x08]) = (0xAA, 0x02, 0x03, 0xE8)
        (registers[0x0D], registers[0x0E], registers[0x0F]) = (45, 85, 18)
        averaging = .seconds(1)
        nextLevel = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0]
        for byte in bytes.dropFirst() {
            store(byte, at: now)
            pointer &+= 1
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        for index in 0..<reply.count {
            reply[index] = pointer == 0 ? version : registers[Int(pointer)]
            pointer &+= 1
        }
        return true
    }

    private func store(_ value: UInt8, at now: Boottime) {
        switch pointer {
        case 0x05, 0x06, 0x07, 0x0D, 0x0E, 0x0F: registers[Int(pointer)] = value
        case 0x08:
            registers[0x08] = value
            averaging = .milliseconds(max(1, Int64(registers[0x07]) << 8 | Int64(value)))
            nextLevel = now + averaging
        case 0x09:
            if value & 0b1000 != 0 { powerCycle(at: now) }
            if value & 0b0010 != 0 { (registers[0x0B], registers[0x0C]) = (0, 0) }
        default: break
        }
    }

    /// The levels of all averaging times that have ended; of a long silence, the last thousand.
    private func settle(_ now: Boottime) {
        var next = nextLevel ?? max(now, validFrom)
        let behind = (now - next).nanoseconds / averaging.nanoseconds - Self.longestBacklog
        if behind > 0 { next = next + .nanoseconds(behind * averaging.nanoseconds) }
        while next <= now {
            let level = UInt8(min(max(surroundings(next).soundDecibel.rounded(), 1), 255))
            registers[0x0A] = level
            registers[0x0B] = registers[0x0B] == 0 ? level : min(registers[0x0B], level)
            registers[0x0C] = max(registers[0x0C], level)
            next = next + averaging
        }
        nextLevel = next
    }
}
