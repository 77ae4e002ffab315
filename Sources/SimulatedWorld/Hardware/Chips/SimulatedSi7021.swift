// A Silicon Labs Si7021 at register level. Datasheet: Si7021-A20, revision 1.3; sections and tables are its.
//
// It has what a driver can get wrong: it refuses to be read while it converts, resolution bits that take the lowest
// bits of a result away, a heater that warms what it measures, an electronic ID with checksums in between.

public import World

public final class SimulatedSi7021: SimulatedChip {
    /// What "no hold" means for a read: refused until then.
    private enum Conversion { case humidity, temperature }
    private static let startUpTime = Duration.milliseconds(14)  // after a reset; the longest is 15 ms
    private static let heating = 2.0

    /// What the electronic ID says; another makes it the wrong chip.
    public var id: UInt8 = 0x15
    /// The world around it: read at the end of each measurement.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a measurement.
    public var isHung = false
    /// The supply is below 1.9 V.
    public var isSupplyLow = false

    private var userRegister: UInt8 = 0x3A
    private var answer: [UInt8]?
    private var previousTemperature: UInt16 = 0
    private var converting: (Conversion, until: Boottime)?
    private var startedUp = Boottime(nanoseconds: .min)

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) {
        userRegister = 0x3A
        (answer, converting, previousTemperature) = (nil, nil, 0)
        startedUp = now + Self.startUpTime
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp, converting == nil else { return false }
        answer = nil
        switch (bytes[0], bytes.count > 1 ? bytes[1] : nil) {
        // Held bus: the master waits for the answer, which is ready at once here.
        case (0xE5, _): answer = result(.humidity, at: now)
        case (0xE3, _): answer = result(.temperature, at: now)
        // Longest times, a little shortened (table 2): 12 + 10.8 ms and 10.8 ms at the highest resolution.
        case (0xF5, _): converting = (.humidity, now + .milliseconds(22))
        case (0xF3, _): converting = (.temperature, now + .milliseconds(10))
        case (0xE0, _): answer = [UInt8(previousTemperature >> 8), UInt8(previousTemperature & 0xFF)]
        case (0xFE, _): powerCycle(at: now)
        case (0xE6, let value?): userRegister = value & 0b1000_0101 | userRegister & 0b0111_1010
        case (0xE7, _): answer = [userRegister | (isSupplyLow ? 0x40 : 0)]
        case (0xFA, 0x0F): answer = [0x12, 0x34, 0x56, 0x78].flatMap { [$0, crc([$0])] }
        case (0xFC, 0xC9): answer = [id, 0xFF, crc([id, 0xFF]), 0xFF, 0xFF, crc([id, 0xFF, 0xFF, 0xFF])]
        case (0x84, 0xB8): answer = [0x20]  // firmware 2.0
        default: return false
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        guard now >= startedUp, converting == nil, let bytes = answer else { return false }
        answer = nil
        for index in 0..<reply.count { reply[index] = index < bytes.count ? bytes[index] : 0xFF }
        return true
    }

    private func settle(_ now: Boottime) {
        guard let (kind, end) = converting, now >= end, !isHung else { return }
        converting = nil
        answer = result(kind, at: end)
    }

    private func result(_ kind: Conversion, at moment: Boottime) -> [UInt8] {
        let air = surroundings(moment)
        let celsius = air.celsius + (userRegister & 0b100 != 0 ? Self.heating : 0)
        // Bits of humidity and temperature for resolutions 00, 01, 10, 11 (section 6.1).
        let bits = [(12, 14), (8, 12), (10, 13), (11, 11)][Int(userRegister >> 6 & 0b10 | userRegister & 1)]
        previousTemperature = Self.cut(quantised((celsius + 46.85) / 175.72 * 65_536), to: bits.1)
        let word: UInt16
        switch kind {
        // The two lowest bits of a humidity are 10, of a temperature 00 (section 5.1).
        case .humidity: word = Self.cut(quantised((air.percent + 6) / 125 * 65_536), to: bits.0) | 0b10
        case .temperature: word = previousTemperature
        }
        let bytes = [UInt8(word >> 8), UInt8(word & 0xFF)]
        return bytes + [crc(bytes)]
    }

    private static func cut(_ number: UInt32, to bits: Int) -> UInt16 { UInt16(number) & ~(1 << UInt16(16 - bits) - 1) }

    private func crc(_ bytes: [UInt8]) -> UInt8 { shiftRegisterCRC8(bytes, polynomial: 0x31, initial: 0) }
}
