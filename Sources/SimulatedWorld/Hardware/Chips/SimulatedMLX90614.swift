// A Melexis MLX90614 at register level. Datasheet: 3901090614, revision 008; sections are its.
//
// It has what a driver can get wrong: words with the low byte first, a packet error code over both address bytes, zeros
// until the first values are there, an error flag in the highest bit, writes of the memory that need an erase first and
// a right code.

public import World

public final class SimulatedMLX90614: SimulatedChip {
    private static let startUpTime = Duration.milliseconds(260)  // a little less than the datasheet's 20 ms and 0.25 s
    private static let memoryTime = Duration.milliseconds(5)

    /// The world around it: what it looks at is a black body.
    public var surroundings: (Boottime) -> Surroundings
    /// Values are marked as not computed.
    public var isFailing = false
    /// Measures no more; its values stay marked.
    public var isHung = false

    private let address: UInt8
    private var memory = [UInt16](repeating: 0, count: 32)
    private var command: UInt8 = 0
    private var memoryBusyUntil = Boottime(nanoseconds: .min)
    private var startedUp = Boottime(nanoseconds: .min)

    public init(
        address: UInt8 = 0x5A, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }
    ) {
        self.address = address
        self.surroundings = surroundings
        // Section 8.4.1 and the factory's defaults: range of the PWM output, ambient range, emissivity 1, filters for
        // one sensor, own address, identity.
        for (cell, word) in [
            (0x00, 0x9993), (0x01, 0x62E3), (0x02, 0x0201), (0x03, 0xF71C), (0x04, 0xFFFF), (0x05, 0x9FB4),
            (0x0E, 0xBE00 | Int(address)), (0x1C, 0x1234), (0x1D, 0x5678), (0x1E, 0x9ABC), (0x1F, 0xDEF0),
        ] { memory[cell] = UInt16(word) }
    }

    /// The emissivity in its memory, 0 to 1.
    public var emissivity: Double {
        get { Double(memory[4]) / 65_535 }
        set { memory[4] = UInt16((newValue * 65_535).rounded()) }
    }

    /// As when its supply comes back.
    public func powerCycle(at now: Boottime) { startedUp = now + Self.startUpTime }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        command = bytes[0]
        guard bytes.count == 4 else { return true }
        let code = shiftRegisterCRC8([address << 1] + bytes.prefix(3), polynomial: 0x07, initial: 0)
        let cell = Int(command & 0x1F)
        let word = UInt16(bytes[2]) << 8 | UInt16(bytes[1])
        // Bits can be set only in a cell that was erased by writing zeros.
        guard code == bytes[3], command & 0xE0 == 0x20, now >= memoryBusyUntil else { return false }
        memory[cell] = word == 0 ? 0 : memory[cell] | word
        memoryBusyUntil = now + Self.memoryTime
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        let word: UInt16
        switch command {
        case 0xF0:
            word = (now < memoryBusyUntil ? 0x80 : 0) | (now >= startedUp ? 0x10 : 0)
        case 0x20...0x3F: word = memory[Int(command & 0x1F)]
        case 0x06: word = linearised(surroundings(now).celsius, now)
        case 0x07, 0x08: word = linearised(seen(now), now)
        default: word = 0
        }
        let bytes = [UInt8(word & 0xFF), UInt8(word >> 8)]
        let code = shiftRegisterCRC8([address << 1, command, address << 1 | 1] + bytes, polynomial: 0x07, initial: 0)
        for index in 0..<reply.count { reply[index] = index < 2 ? bytes[index] : index == 2 ? code : 0xFF }
        return true
    }

    /// What it makes of a black body when it reckons with another emissivity: the radiation it takes for an object's is
    /// larger by as much.
    private func seen(_ now: Boottime) -> Double {
        let air = surroundings(now)
        func fourth(_ celsius: Double) -> Double {
            let square = (celsius + 273.15) * (celsius + 273.15)
            return square * square
        }
        let power = fourth(air.celsius) + (fourth(air.objectCelsius) - fourth(air.celsius)) / emissivity
        return max(power, 0).squareRoot().squareRoot() - 273.15
    }

    private func linearised(_ celsius: Double, _ now: Boottime) -> UInt16 {
        guard now >= startedUp else { return 0 }
        let number = UInt16(quantised((celsius + 273.15) * 50, bits: 15))
        return isFailing || isHung ? number | 0x8000 : number
    }
}
