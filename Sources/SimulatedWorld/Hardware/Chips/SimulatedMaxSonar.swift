// A MaxBotix I2CXL-MaxSonar-EZ at byte level. Datasheet: PD11848k; pages are its.
//
// While it ranges it does not listen; the last distance is reported as often as asked; after power-up two bytes that
// tell its kind are, until the first ranging. What those bytes are the datasheet does not say: these are no distance.

public import World

public final class SimulatedMaxSonar: SimulatedChip {
    public var surroundings: (Boottime) -> Surroundings
    /// Answers all ones, as a sensor with a broken transducer line.
    public var isBroken = false
    /// Nil: by the distance. A master that asks before is not listened to; Linux's mb1232 without an interrupt line
    /// asks after 15 ms.
    public var rangingTime: Duration?

    private static let partInformation: UInt16 = 0x4D42
    private var lastCentimetres: UInt16?
    private var busyUntil: Boottime?
    private var waiting: UInt16 = 0

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) {
        lastCentimetres = nil
        busyUntil = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        guard !isRanging(now) else { return false }
        guard bytes.count == 1, bytes[0] == 0x51 else { return true }
        let metres = surroundings(now).distanceMetres
        // Close objects come as the nearest distance, nothing at all as the farthest (page 1).
        waiting = UInt16(min(max((metres * 100).rounded(), 20), 765))
        // Up to 40 readings a second for near objects, 15 for the whole range (page 1).
        busyUntil = now + (rangingTime ?? .microseconds(Int64(24_000 + 41_000 * Double(waiting) / 765)))
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        guard !isRanging(now) else { return false }
        let value = isBroken ? 0xFFFF : lastCentimetres ?? Self.partInformation
        for index in 0..<reply.count { reply[index] = UInt8(index % 2 == 0 ? value >> 8 : value & 0xFF) }
        return true
    }

    private func isRanging(_ now: Boottime) -> Bool {
        guard let end = busyUntil else { return false }
        if now < end { return true }
        busyUntil = nil
        lastCentimetres = waiting
        return false
    }
}
