// An Adafruit STEMMA soil sensor (product 4026) at the level of seesaw's registers, by Adafruit's guides and library.
//
// It has what a driver can get wrong: a register that is asked for with a write and answers with ones before it is
// ready, a touch measurement that fails now and then and says so with a number of 16 ones, and a temperature with a
// sign and a binary point.

public import World

public final class SimulatedSeesawSoil: SimulatedChip {
    public var hardwareID: UInt8 = 0x55
    /// The world around it: read when asked for.
    public var surroundings: (Boottime) -> Surroundings
    /// So many of the next touch measurements fail.
    public var failures = 0
    /// Never answers anything but ones.
    public var isHung = false

    private var asked: (module: UInt8, function: UInt8, at: Boottime)?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
    }

    /// As when its supply comes back: nothing asked.
    public func powerCycle(at now: Boottime) { asked = nil }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        asked = bytes.count >= 2 ? (bytes[0], bytes[1], now) : nil
        if bytes.count >= 3, bytes[0] == 0x00, bytes[1] == 0x7F { powerCycle(at: now) }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        for index in 0..<reply.count { reply[index] = 0xFF }
        guard let asked, !isHung else { return true }
        let isTouch = asked.module == 0x0F
        guard now - asked.at >= (isTouch ? .milliseconds(3) : .microseconds(250)) else { return true }
        let soil = surroundings(asked.at)
        let answer: [UInt8]
        switch (asked.module, asked.function) {
        case (0x00, 0x01): answer = [hardwareID]
        // Version: product id above, date below.
        case (0x00, 0x02): answer = [0x0F, 0xBA, 0x2D, 0x71]
        case (0x00, 0x04):
            let fixed = UInt32(bitPattern: Int32((soil.soilCelsius * 65_536).rounded()))
            answer = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: fixed >> UInt32($0)) }
        case (0x0F, 0x10) where failures > 0:
            failures -= 1
            answer = [0xFF, 0xFF]
        case (0x0F, 0x10):
            // The guide: about 200 when very dry, 2000 when very wet.
            let counts = UInt16((200 + 1_800 * min(max(soil.soilMoisture, 0), 1)).rounded())
            answer = [UInt8(counts >> 8), UInt8(counts & 0xFF)]
        default: answer = []
        }
        for (index, byte) in answer.enumerated() where index < reply.count { reply[index] = byte }
        return true
    }
}
