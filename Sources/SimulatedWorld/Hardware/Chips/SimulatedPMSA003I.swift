// A Plantower PMSA003I at register level. Source: "PMSA003I series data manual", version 2.6.
//
// It has what a driver can get wrong: two kinds of masses in one frame, a sum over all that goes before it, zeros until
// the fan has run for a moment, new values every 2.3 s only.

public import World

public final class SimulatedPMSA003I: SimulatedChip {
    /// The world around it: read with every new frame.
    public var surroundings: (Boottime) -> Surroundings
    public var errorCode: UInt8 = 0
    /// Never has another frame than the one of zeros.
    public var isHung = false

    private static let period = Duration.milliseconds(2_300)
    private var pointer: UInt8 = 0
    private var runningSince: Boottime?
    private var frameAt: Boottime?
    private var words = [UInt16](repeating: 0, count: 12)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) {
        (runningSince, frameAt) = (now, nil)
        words = [UInt16](repeating: 0, count: 12)
    }

    /// The registers of the frame are numbered from 0; a read begins at the one that was written.
    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        pointer = bytes[0]
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        var frame: [UInt8] = [0x42, 0x4D, 0x00, 0x1C]
        for word in words { frame += [UInt8(word >> 8), UInt8(word & 0xFF)] }
        frame += [0x97, errorCode]
        let sum = frame.reduce(0) { $0 + Int($1) }
        frame += [UInt8(sum >> 8), UInt8(sum & 0xFF)]
        for index in 0..<reply.count {
            let register = Int(pointer) + index
            reply[index] = register < frame.count ? frame[register] : 0xFF
        }
        pointer = 0
        return true
    }

    private func settle(_ now: Boottime) {
        let begin = runningSince ?? Boottime(nanoseconds: 0)
        guard !isHung, now.nanoseconds - begin.nanoseconds >= 2_300_000_000 else { return }
        if let frameAt, now < frameAt + Self.period { return }
        frameAt = now
        let air = surroundings(now)
        let mass = [air.pm1, air.pm2_5, air.pm10].map { UInt16(min(max($0.rounded(), 0), 65_535)) }
        // "Standard particle" masses are lower in dense dust; in tenths of a litre, counts above each size.
        let standard = [mass[0], mass[1] &* 9 / 10, mass[2] &* 2 / 3]
        let count = UInt16(min(air.pm2_5 * 160 + 30, 60_000))
        words = standard + mass + [count, count / 3, count / 20, count / 90, count / 400, count / 900]
    }
}
