// A Sensirion SHT3x at register level. Datasheet: SHT3x-DIS, version 7; sections are its. The alert limits and their
// values after a reset are from Sensirion's note "Alert Mode of SHT3x-DIS", version 1: Linux reads them before it takes
// the chip.
//
// It has what a driver can get wrong: it refuses to be read while it converts, an answer can be read once, a periodic
// measurement goes on until it is stopped and takes no other command, the heater warms what it measures.

public import World

public final class SimulatedSHT3x: SimulatedChip {
    private static let startUpTime = Duration.milliseconds(1)  // section 2.2, table 4
    private static let measuringTime = Duration.milliseconds(14)  // a little less than the longest
    /// What the heater adds (section 4.10: some degrees).
    private static let heating = 3.0

    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false

    private var isHeating = false
    private var wasReset = true
    private var commandFailed = false
    /// Of the running periodic measurement.
    private var period: Duration?
    private var answer: [UInt8]?
    private var convertingUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)
    /// By the command that reads them.
    private var limits: [UInt16: UInt16] = [:]

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        reset()
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        reset()
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp, bytes.count >= 2 else { return false }
        let command = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        if period != nil, command != 0xE000, command != 0x3093, command != 0xF32D { return false }
        if period == nil, convertingUntil != nil { return false }
        if command != 0xE000 { answer = nil }
        commandFailed = !obey(command, Array(bytes.dropFirst(2)), at: now)
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp, period != nil || convertingUntil == nil, let bytes = answer else { return false }
        answer = nil
        for index in 0..<reply.count { reply[index] = index < bytes.count ? bytes[index] : 0xFF }
        return true
    }

    /// False for a command that it does not know.
    private func obey(_ command: UInt16, _ data: [UInt8], at now: Boottime) -> Bool {
        switch command {
        // Single shot of each repeatability, without and with clock stretching: the latter answers at once here.
        case 0x2400, 0x240B, 0x2416: convertingUntil = now + Self.measuringTime
        case 0x2C06, 0x2C0D, 0x2C10: answer = measured(now)
        case 0x2032, 0x2024, 0x202F: begin(period: .seconds(2), at: now)
        case 0x2130, 0x2126, 0x212D: begin(period: .seconds(1), at: now)
        case 0x2236, 0x2220, 0x222B: begin(period: .milliseconds(500), at: now)
        case 0x2334, 0x2322, 0x2329: begin(period: .milliseconds(250), at: now)
        case 0x2737, 0x2721, 0x272A: begin(period: .milliseconds(100), at: now)
        case 0xE000: break
        case 0x3093: (period, convertingUntil) = (nil, nil)
        case 0x30A2: powerCycle(at: now)
        case 0x306D: isHeating = true
        case 0x3066: isHeating = false
        case 0x3041: wasReset = false
        case 0xF32D: answer = sensirionWordBytes(status)
        case 0xE11F, 0xE114, 0xE109, 0xE102: answer = sensirionWordBytes(limits[command] ?? 0)
        case 0x611D, 0x6116, 0x610B, 0x6100:
            let reading: [UInt16: UInt16] = [0x611D: 0xE11F, 0x6116: 0xE114, 0x610B: 0xE109, 0x6100: 0xE102]
            guard data.count == 3, let limit = reading[command] else { return false }
            let word = UInt16(data[0]) << 8 | UInt16(data[1])
            guard sensirionWordBytes(word) == data else { return false }
            limits[limit] = word
        default: return false
        }
        return true
    }

    /// Section 4.11, table 18.
    private var status: UInt16 {
        (wasReset ? 0x8010 : 0) | (isHeating ? 0x2000 : 0) | (commandFailed ? 0x0002 : 0)
    }

    private func begin(period: Duration, at now: Boottime) {
        self.period = period
        convertingUntil = now + Self.measuringTime
    }

    private func settle(_ now: Boottime) {
        while let end = convertingUntil, now >= end, !isHung {
            answer = measured(end)
            convertingUntil = period.map { end + $0 }
        }
    }

    private func measured(_ moment: Boottime) -> [UInt8] {
        let air = surroundings(moment)
        let temperature = quantised((air.celsius + (isHeating ? Self.heating : 0) + 45) * 65_535 / 175)
        let humidity = quantised(air.percent * 65_535 / 100)
        return sensirionWordBytes(UInt16(temperature)) + sensirionWordBytes(UInt16(humidity))
    }

    private func reset() {
        (isHeating, wasReset, commandFailed) = (false, true, false)
        (period, answer, convertingUntil) = (nil, nil, nil)
        // Set and clear high: 80 %RH and 60 degrees, 79 and 58; clear and set low: 22 and -9, 20 and -10.
        limits = [0xE11F: 0xCD33, 0xE114: 0xC92D, 0xE109: 0x3869, 0xE102: 0x3466]
    }
}
