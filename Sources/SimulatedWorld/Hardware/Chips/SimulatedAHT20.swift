// An Aosong AHT20 at register level. Datasheet: AHT20, version 1.1; sections are its.
//
// It has what a driver can get wrong: a status that says busy while it converts, values that are old or zero until the
// first measurement is over, a calibration that must be loaded first where `loadsItself` is false, a checksum over the
// status too.

public import World

public final class SimulatedAHT20: SimulatedChip {
    private static let startUpTime = Duration.milliseconds(40)  // section 5.4, step 1
    private static let initialisingTime = Duration.milliseconds(9)

    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false
    /// What one measurement takes; the datasheet has 80 ms and tells to look at the status.
    public var convertingTime = Duration.milliseconds(78)
    /// Whether its calibration is there after power-on, as with most parts, or only after the command.
    public var loadsItself = true
    /// Its calibration cannot be loaded: a broken chip.
    public var isBroken = false

    private var isCalibrated = true
    private var values: (humidity: UInt32, temperature: UInt32) = (0, 0)
    private var convertingUntil: Boottime?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        isCalibrated = loadsItself && !isBroken
        values = (0, 0)
        convertingUntil = nil
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        switch bytes[0] {
        case 0xAC where bytes.count == 3 && bytes[1] == 0x33 && bytes[2] == 0: convertingUntil = now + convertingTime
        // The second is the AHT10's name for it, which Linux uses for both.
        case 0xBE, 0xE1: isCalibrated = !isBroken
        case 0xBA: powerCycle(at: now)
        default: break  // 0x71: what follows is the status, as after any other
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp else { return false }
        let status: UInt8 = 0x10 | (isCalibrated ? 0x08 : 0) | (convertingUntil != nil ? 0x80 : 0)
        let (humidity, temperature) = values
        var bytes: [UInt8] = [
            status, UInt8(humidity >> 12 & 0xFF), UInt8(humidity >> 4 & 0xFF),
            UInt8((humidity & 0xF) << 4 | temperature >> 16), UInt8(temperature >> 8 & 0xFF), UInt8(temperature & 0xFF),
        ]
        bytes.append(shiftRegisterCRC8(bytes, polynomial: 0x31, initial: 0xFF))
        for index in 0..<reply.count { reply[index] = index < bytes.count ? bytes[index] : 0xFF }
        return true
    }

    private func settle(_ now: Boottime) {
        guard let end = convertingUntil, now >= end, !isHung else { return }
        convertingUntil = nil
        let air = surroundings(end)
        values.humidity = quantised(air.percent / 100 * 1_048_576, bits: 20)
        values.temperature = quantised((air.celsius + 50) / 200 * 1_048_576, bits: 20)
    }
}
