// A Sensirion SPS30 at register level. Datasheet: "SPS30", version 2.0; sections are its.
//
// It has what a driver can get wrong: two formats of numbers, results once a second and each only once ready, a start
// that is refused while it measures, an error of the fan that stays until it is cleared and comes back while the cause
// is there (section 4.4), a cleaning of the fan without results, a status and a product type only since firmware 2.2.

public import World

public final class SimulatedSPS30: SimulatedChip {
    /// The world around it: read every second.
    public var surroundings: (Boottime) -> Surroundings
    public var productType = "00080000"
    /// Major and minor.
    public var firmware: UInt16 = 0x0202
    /// What is wrong: bit 4 fan, bit 5 laser, bit 21 fan speed. Seen 4 s after the start.
    public var defects: UInt32 = 0
    /// Never has a result.
    public var isHung = false
    /// In flash.
    public private(set) var cleaningSeconds: UInt32 = 604_800

    private var status: UInt32 = 0
    private var wire = SensirionWire()
    private var isFloating = true
    private var startedAt: Boottime?
    private var nextAt: Boottime?
    private var values: [Float]?
    private var busyUntil = Boottime(nanoseconds: .min)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// The cleaning interval outlives it, its clock does not.
    public func powerCycle(at now: Boottime) {
        (startedAt, nextAt, values, status) = (nil, nil, nil, 0)
        wire.clear()
        busyUntil = now + .milliseconds(90)
    }

    public func setCleaningSeconds(_ seconds: UInt32) { cleaningSeconds = seconds }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= busyUntil, let command = SensirionWire.command(bytes),
            let words = SensirionWire.arguments(bytes)
        else { return false }
        wire.clear()
        switch command {
        case 0x0010:
            guard startedAt == nil, words.count == 1, words[0] == 0x0300 || words[0] == 0x0500 else { return false }
            isFloating = words[0] == 0x0300
            startedAt = now
            nextAt = now + .milliseconds(980)
        case 0x0104: (startedAt, nextAt, values) = (nil, nil, nil)
        case 0x0202: wire.put([values != nil ? 1 : 0])
        case 0x0300: return putValues()
        case 0x5607:
            guard startedAt != nil else { return false }
            (nextAt, values) = (now + .seconds(11), nil)
        case 0x8004:
            if words.count == 2 {
                cleaningSeconds = UInt32(words[0]) << 16 | UInt32(words[1])
                busyUntil = now + .milliseconds(15)
            } else {
                wire.put(SensirionWire.words(cleaningSeconds))
            }
        case 0xD002 where firmware >= 0x0202: wire.put(SensirionWire.text(productType, words: 4))
        case 0xD033: wire.put(SensirionWire.text("0000000010101010", words: 16))
        case 0xD100: wire.put([firmware])
        case 0xD206 where firmware >= 0x0202: wire.put(SensirionWire.words(status))
        case 0xD210 where firmware >= 0x0202: status = 0
        case 0xD304: powerCycle(at: now)
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        return now >= busyUntil && wire.take(into: reply)
    }

    private func putValues() -> Bool {
        guard let values else { return true }  // the read that follows is not acknowledged
        self.values = nil
        if isFloating {
            wire.put(values.flatMap { SensirionWire.words($0.bitPattern) })
        } else {
            wire.put(values.map { UInt16($0.rounded()) })
        }
        return true
    }

    private func settle(_ now: Boottime) {
        guard var end = nextAt, now >= end, !isHung, let startedAt else { return }
        while end + .milliseconds(980) <= now { end = end + .milliseconds(980) }
        if end.nanoseconds - startedAt.nanoseconds >= 4_000_000_000 {
            // The fan's error stays; laser and speed follow what is.
            status = status & 0x10 | defects
        }
        let air = surroundings(end)
        // Counts as some cities' dust has them; nobody here asks for them.
        let count = Float(air.pm2_5 * 6.9)
        values =
            [air.pm1, air.pm2_5, air.pm4, air.pm10].map { Float($0) }
            + [count * 0.86, count, count * 1.01, count * 1.02, count * 1.02, 0.55]
        nextAt = end + .milliseconds(980)
    }
}
