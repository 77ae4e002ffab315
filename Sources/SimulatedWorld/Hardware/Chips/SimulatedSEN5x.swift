// A Sensirion SEN55 (or SEN54, SEN50) at register level. Datasheet: "SEN5x", version 2; sections are its.
//
// It has what a driver can get wrong: answers that are there only after their execution time, values that are unknown
// at first (particles for a second, NOx for ten), a start that is refused while it measures, errors that stay until
// they are cleared and come back while their cause is there, gas indices that begin to learn anew with every start.

public import World

public final class SimulatedSEN5x: SimulatedChip {
    /// The world around it: read every second.
    public var surroundings: (Boottime) -> Surroundings
    public var productName = "SEN55"
    /// What is wrong: bit 4 fan, 5 laser, 6 humidity, 7 gas, 21 fan speed. Seen 4 s after it is so.
    public var defects: UInt32 = 0
    /// Never has a result.
    public var isHung = false
    /// How often it was started.
    public private(set) var starts = 0

    private var status: UInt32 = 0
    private var clearedAt = Boottime(nanoseconds: 0)
    private var wire = SensirionWire()
    private var startedAt: Boottime?
    private var nextAt: Boottime?
    private var values: [UInt16]?
    private var busyUntil = Boottime(nanoseconds: .min)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) {
        (startedAt, nextAt, values, status) = (nil, nil, nil, 0)
        wire.clear()
        busyUntil = now + .milliseconds(49)
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= busyUntil, let command = SensirionWire.command(bytes), SensirionWire.arguments(bytes) != nil else {
            return false
        }
        wire.clear()
        var time = Duration.milliseconds(19)
        switch command {
        case 0x0021:
            guard startedAt == nil else { return false }
            starts += 1
            (startedAt, clearedAt) = (now, now)
            nextAt = now + .milliseconds(1_030)
            time = .milliseconds(49)
        case 0x0104:
            (startedAt, nextAt, values) = (nil, nil, nil)
            time = .milliseconds(160)
        case 0x0202: wire.put([values != nil ? 1 : 0])
        case 0x03C4:
            wire.put(values ?? unknown)
            values = nil
        case 0x5607:
            guard startedAt != nil else { return false }
            (nextAt, values) = (now + .seconds(11), nil)
        case 0xD014:
            wire.put(SensirionWire.text(productName, words: 16))
        case 0xD033:
            wire.put(SensirionWire.text("F0E1D2C3B4A59687", words: 16))
        case 0xD100: wire.put([0x0200, 0, 0x0401, 0])
        case 0xD206: wire.put(SensirionWire.words(status))
        case 0xD210: (status, clearedAt) = (0, now)
        case 0xD304: powerCycle(at: now)
        default: return false
        }
        busyUntil = max(busyUntil, now + time)
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        return now >= busyUntil && wire.take(into: reply)
    }

    private var unknown: [UInt16] { [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0x7FFF, 0x7FFF, 0x7FFF, 0x7FFF] }

    private func settle(_ now: Boottime) {
        guard var end = nextAt, now >= end, !isHung, let startedAt else { return }
        while end + .milliseconds(1_030) <= now { end = end + .milliseconds(1_030) }
        if end.nanoseconds - clearedAt.nanoseconds >= 4_000_000_000 { status = status & 0xF0 | defects }
        let air = surroundings(end)
        let age = end.nanoseconds - startedAt.nanoseconds
        func signed(_ value: Double) -> UInt16 {
            UInt16(bitPattern: Int16(min(max(value.rounded(), -32_768), 32_766)))
        }
        var words = unknown
        for (index, mass) in [air.pm1, air.pm2_5, air.pm4, air.pm10].enumerated() {
            words[index] = UInt16(min(max((mass * 10).rounded(), 0), 65_534))
        }
        if productName != "SEN50" {
            words[4] = signed(air.percent * 100)
            words[5] = signed(air.celsius * 200)
            words[6] = signed(air.vocIndex * 10)
        }
        if productName == "SEN55", age >= 10_000_000_000 { words[7] = signed(air.noxIndex * 10) }
        values = words
        nextAt = end + .milliseconds(1_030)
    }
}
