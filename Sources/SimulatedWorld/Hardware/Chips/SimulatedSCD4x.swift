// A Sensirion SCD41 at register level. Datasheet: "SCD4x CO2 Sensor", version 1.4; sections are its.
//
// It has what a driver can get wrong: it acknowledges nothing while it stops (500 ms) or boots (1 s), hardly anything
// while it measures, has no result before its first interval is over, gives each result once, loses its settings with
// the supply, and measures too much CO2 at a height that it was not told of.

public import World

public final class SimulatedSCD4x: SimulatedChip {
    /// The world around it: read at the end of each interval.
    public var surroundings: (Boottime) -> Surroundings
    /// 48 bits. Zero: no chip that left the factory.
    public var serialNumber: UInt64
    /// Never has a result.
    public var isHung = false
    /// An SCD40 does not know the single shot.
    public var knowsSingleShot = true
    /// How high it hangs; a chip that was told another height gives a wrong number.
    public var trueAltitude: UInt16 = 0

    public private(set) var altitude: UInt16 = 0
    public private(set) var calibratesItself = true
    private var temperatureOffset: UInt16 = 0x05DA  // 4 °C
    private var wire = SensirionWire()
    private var interval: Duration?
    private var nextAt: Boottime?
    private var result: [UInt16]?
    private var busyUntil = Boottime(nanoseconds: .min)

    public init(
        serialNumber: UInt64 = 0xF896_9F07_3BBE,
        surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.serialNumber = serialNumber
        self.surroundings = surroundings
    }

    public func powerCycle(at now: Boottime) {
        (altitude, calibratesItself, interval, nextAt, result) = (0, true, nil, nil, nil)
        wire.clear()
        busyUntil = now + .milliseconds(990)
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= busyUntil, let command = SensirionWire.command(bytes) else { return false }
        guard let words = SensirionWire.arguments(bytes) else { return false }
        wire.clear()
        switch command {
        case 0x3F86:
            (interval, nextAt, result) = (nil, nil, nil)
            busyUntil = now + .milliseconds(490)
            return true
        case 0xE4B8:
            wire.put([result != nil ? 0x8006 : 0x8000])
            return true
        case 0xEC05:
            guard let words = result else { return true }  // the read that follows is not acknowledged (section 3.5.2)
            wire.put(words)
            result = nil
            return true
        case 0xE000 where words.count == 1: return true  // ambient pressure: allowed while it measures
        default: break
        }
        // Section 3.5.1: no other command while it measures.
        guard interval == nil else { return false }
        return idle(command, words, at: now)
    }

    private func idle(_ command: UInt16, _ words: [UInt16], at now: Boottime) -> Bool {
        switch command {
        case 0x21B1: begin(every: .milliseconds(4_990), at: now)
        case 0x21AC: begin(every: .milliseconds(29_900), at: now)
        case 0x219D:
            guard knowsSingleShot else { return false }
            nextAt = now + .milliseconds(4_990)
            busyUntil = now + .milliseconds(4_990)
        case 0x3682:
            wire.put([32, 16, 0].map { UInt16(truncatingIfNeeded: serialNumber >> UInt64($0)) })
        case 0x2427 where words.count == 1: altitude = words[0]
        case 0x2322: wire.put([altitude])
        case 0x2416 where words.count == 1: calibratesItself = words[0] != 0
        case 0x2313: wire.put([calibratesItself ? 1 : 0])
        case 0x241D where words.count == 1: temperatureOffset = words[0]
        case 0x2318: wire.put([temperatureOffset])
        case 0x3646: (altitude, calibratesItself) = (0, true)
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        return now >= busyUntil && wire.take(into: reply)
    }

    private func begin(every: Duration, at now: Boottime) {
        interval = every
        nextAt = now + every
    }

    private func settle(_ now: Boottime) {
        guard let end = nextAt, now >= end, !isHung else { return }
        let air = surroundings(end)
        // A tenth of a per mille and more per metre: 0.0118 % of pressure near the ground.
        let told = 1 + 0.000_118 * (Double(altitude) - Double(trueAltitude))
        let celsius = (air.celsius + 45) / 175 * 65_535
        result = [
            UInt16(min(max((air.carbonDioxidePPM * told).rounded(), 0), 40_000)),
            UInt16(min(max(celsius.rounded(), 0), 65_535)),
            UInt16(min(max((air.percent / 100 * 65_535).rounded(), 0), 65_535)),
        ]
        nextAt = interval.map { now + $0 }
    }
}
