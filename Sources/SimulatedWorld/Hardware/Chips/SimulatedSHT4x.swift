// A Sensirion SHT4x at register level. Datasheet: SHT4x, version 6.5.
//
// It has what a driver can get wrong: it acknowledges nothing while it converts, an answer can be read once, and every
// word carries a checksum.

public import World

public final class SimulatedSHT4x: SimulatedChip {
    private static let startUpTime = Duration.microseconds(900)  // the longest is 1 ms

    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false
    public let serial: UInt32

    private var answer: [UInt8]?
    private var convertingUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(
        serial: UInt32 = 0x0F1E_2D3C, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.serial = serial
        self.surroundings = surroundings
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        (answer, convertingUntil) = (nil, nil)
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        // A reset is taken at any time, also while it converts or heats.
        if bytes[0] == 0x94 {
            powerCycle(at: now)
            return true
        }
        guard isIdle(now) else { return false }
        answer = nil
        switch bytes[0] {
        // High, medium, low precision: longest times a little shortened.
        case 0xFD: convertingUntil = now + .microseconds(8_000)
        case 0xF6: convertingUntil = now + .microseconds(4_300)
        case 0xE0: convertingUntil = now + .microseconds(1_500)
        case 0x89:
            answer = sensirionWordBytes(UInt16(serial >> 16)) + sensirionWordBytes(UInt16(truncatingIfNeeded: serial))
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        guard isIdle(now), let bytes = answer else { return false }
        answer = nil
        for index in 0..<reply.count { reply[index] = index < bytes.count ? bytes[index] : 0xFF }
        return true
    }

    /// Ends the measurement whose time is over.
    private func isIdle(_ now: Boottime) -> Bool {
        guard now >= startedUp else { return false }
        guard let end = convertingUntil else { return true }
        guard now >= end, !isHung else { return false }
        convertingUntil = nil
        let air = surroundings(end)
        let temperature = quantised((air.celsius + 45) * 65_535 / 175)
        let humidity = quantised((air.percent + 6) * 65_535 / 125)
        answer = sensirionWordBytes(UInt16(temperature)) + sensirionWordBytes(UInt16(humidity))
        return true
    }
}
