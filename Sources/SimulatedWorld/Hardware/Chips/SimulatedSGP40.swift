// A Sensirion SGP40 at register level. Datasheet: "SGP40", version 1.2.
//
// It has what a driver can get wrong: it acknowledges no read before a measurement or its self-test is over, takes
// humidity and temperature with checksums, and gives a signal that is wrong when they are not the air's.

public import World

public final class SimulatedSGP40: SimulatedChip {
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// 0x4B00: failed.
    public var selfTest: UInt16 = 0xD400
    public var serialNumber: UInt64 = 0x0000_0157_C4B2
    /// Never finishes.
    public var isHung = false
    public private(set) var isHeating = false

    private var wire = SensirionWire()
    private var pending: (at: Boottime, words: (Surroundings) -> [UInt16])?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) {
        pending = nil
        isHeating = false
        wire.clear()
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard pending == nil, let command = SensirionWire.command(bytes), let words = SensirionWire.arguments(bytes)
        else {
            return false
        }
        wire.clear()
        switch command {
        case 0x260F:
            guard words.count == 2 else { return false }
            isHeating = true
            pending = (
                now + .milliseconds(29), { air in [Self.signal(air, humidity: words[0], temperature: words[1])] }
            )
        case 0x280E:
            isHeating = true
            let result = selfTest
            pending = (now + .milliseconds(319), { _ in [result] })
        case 0x3615: isHeating = false
        case 0x3682: wire.put([32, 16, 0].map { UInt16(truncatingIfNeeded: serialNumber >> UInt64($0)) })
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        return pending == nil && wire.take(into: reply)
    }

    /// The logarithm of the oxide's resistance, here a straight line; 20 ticks for each %RH that it was not told of.
    private static func signal(_ air: Surroundings, humidity: UInt16, temperature: UInt16) -> UInt16 {
        let told = Double(humidity) / 65_535 * 100
        let signal = 20_000 + air.gasOhm / 10 + (told - air.percent) * 20
        return UInt16(min(max(signal.rounded(), 0), 65_535))
    }

    private func settle(_ now: Boottime) {
        guard let (end, words) = pending, now >= end, !isHung else { return }
        pending = nil
        wire.put(words(surroundings(end)))
    }
}
