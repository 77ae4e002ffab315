// A Sensirion SCD30 at register level. Source: "Interface Description Sensirion SCD30", version 1.0; sections are its.
//
// It has what a driver can get wrong: settings that live in flash, a result only when an interval is over, a pressure
// that is forgotten with the supply, and a start-up of two seconds in which nothing is acknowledged.

public import World

public final class SimulatedSCD30: SimulatedChip {
    /// The world around it: read at the end of each interval.
    public var surroundings: (Boottime) -> Surroundings
    /// Major and minor. Zero: no chip that left the factory.
    public var firmware: UInt16 = 0x0342
    /// Never has a result.
    public var isHung = false
    /// In flash, with how often they were written.
    public private(set) var interval: UInt16 = 2
    public private(set) var altitude: UInt16 = 0
    public private(set) var calibratesItself: UInt16 = 0
    public private(set) var flashWrites = 0
    /// How often it was started.
    public private(set) var starts = 0
    /// Given with the start; 0: not known.
    public private(set) var pressure: UInt16 = 0

    private var temperatureOffset: UInt16 = 0
    private var isMeasuring = false
    private var wire = SensirionWire()
    private var nextAt: Boottime?
    private var result: [UInt16]?
    private var busyUntil = Boottime(nanoseconds: .min)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// Section 1.4.1: it measures on, if it did, but knows no pressure any more.
    public func powerCycle(at now: Boottime) {
        (pressure, result) = (0, nil)
        wire.clear()
        busyUntil = now + .milliseconds(1_990)
        nextAt = isMeasuring ? busyUntil + .seconds(Int64(interval)) : nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= busyUntil, let command = SensirionWire.command(bytes),
            let words = SensirionWire.arguments(bytes), words.count <= 1
        else { return false }
        wire.clear()
        let word = words.first
        switch command {
        case 0x0010:
            guard let word, word == 0 || (700...1_400).contains(word) else { return false }
            pressure = word
            starts += 1
            isMeasuring = true
            nextAt = now + .seconds(Int64(interval))
        case 0x0104: (isMeasuring, nextAt, result) = (false, nil, nil)
        case 0x4600: keep(word, in: \.interval, at: now)
        case 0x5102: keep(word, in: \.altitude, at: now)
        case 0x5306: keep(word, in: \.calibratesItself, at: now)
        case 0x5403: keep(word, in: \.temperatureOffset, at: now)
        case 0x0202: wire.put([result != nil ? 1 : 0])
        case 0x0300:
            wire.put(result ?? [UInt16](repeating: 0, count: 6))
            result = nil
        case 0xD100: wire.put([firmware])
        case 0xD304: powerCycle(at: now)
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        return now >= busyUntil && wire.take(into: reply)
    }

    /// Written with a word, else asked for.
    private func keep(_ word: UInt16?, in setting: ReferenceWritableKeyPath<SimulatedSCD30, UInt16>, at now: Boottime) {
        guard let word else { return wire.put([self[keyPath: setting]]) }
        self[keyPath: setting] = word
        flashWrites += 1
        if setting == \.interval, isMeasuring { nextAt = now + .seconds(Int64(word)) }
    }

    private func settle(_ now: Boottime) {
        guard let end = nextAt, now >= end, !isHung else { return }
        let air = surroundings(end)
        result = [air.carbonDioxidePPM, air.celsius, air.percent].flatMap { value in
            SensirionWire.words(Float(value).bitPattern)
        }
        nextAt = now + .seconds(Int64(max(interval, 2)))
    }
}
