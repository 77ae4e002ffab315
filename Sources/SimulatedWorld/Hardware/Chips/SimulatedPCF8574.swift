// An NXP PCF8574 at byte level. Datasheet: NXP PCF8574/PCF8574A revision 5.
//
// A pin reads high while its latch is high and nobody pulls it low. Latches are high after power-on.

public import World

public final class SimulatedPCF8574: SimulatedChip {
    public var surroundings: (Boottime) -> Surroundings
    private var latches: UInt8 = 0xFF

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) { latches = 0xFF }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        latches = bytes[bytes.count - 1]
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        let levels = UInt8(surroundings(now).inputs & 0xFF)
        for index in 0..<reply.count { reply[index] = latches & levels }
        return true
    }
}
