// The way in which Texas Instruments' power monitors talk: a pointer, then words of 16 bits, high byte first. A read
// without a write before goes on from the pointer that was set last, and does not count it up.

public import World

public class WordRegisters: SimulatedChip {
    private var pointer: UInt8 = 0

    /// Called before anything is read or written: ends the conversions whose time is over.
    func settle(_ now: Boottime) {}
    func store(_ word: UInt16, in register: UInt8, at now: Boottime) {}
    func word(of register: UInt8, at now: Boottime) -> UInt16 { 0 }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0]
        if bytes.count >= 3 { store(UInt16(bytes[1]) << 8 | UInt16(bytes[2]), in: pointer, at: now) }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let word = word(of: pointer, at: now)
        for index in 0..<reply.count { reply[index] = UInt8(index % 2 == 0 ? word >> 8 : word & 0xFF) }
        return true
    }

    func resetPointer() { pointer = 0 }
}

/// Conversions one after the other, or one when triggered: when the last of them ended.
struct Conversions {
    private var begun: Boottime?
    private var isContinuous = false
    private var told: Int64 = 0

    mutating func start(at now: Boottime, isContinuous: Bool) {
        (begun, told, self.isContinuous) = (now, 0, isContinuous)
    }

    mutating func stop() { begun = nil }

    /// Nil when none has ended since the last call.
    mutating func ended(at now: Boottime, nanosecondsEach: Int64) -> Boottime? {
        guard let begun else { return nil }
        let count = (now.nanoseconds - begun.nanoseconds) / nanosecondsEach
        let last = isContinuous ? count : min(count, 1)
        guard last > told else { return nil }
        told = last
        return Boottime(nanoseconds: begun.nanoseconds + last * nanosecondsEach)
    }
}
