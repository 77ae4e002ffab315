// A Vishay VEML7700 at register level. Datasheet: document 84286; application note: document 84323.
//
// It has what a driver can get wrong: words low byte first, a shut-down bit that is set after power-on, no flag for new
// data, a data register that keeps the value of another gain until the next integration has ended, and a response that
// falls behind the light at gain 1/8, as the application note's polynomial tells.

public import World

public final class SimulatedVEML7700: SimulatedChip {
    /// What the id register says: address option 0xC4 (0x10 on 7 bits) and device 0x81.
    public var id: UInt16 = 0xC481
    /// The world around it: read at the end of each integration.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes an integration.
    public var isHung = false

    private var registers = [UInt16](repeating: 0, count: 7)
    private var pointer: UInt8 = 0
    private var begun: Boottime?

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        registers[0] = 1
    }

    /// As when its supply comes back: shut down, nothing measured.
    public func powerCycle(at now: Boottime) {
        registers = [UInt16](repeating: 0, count: 7)
        registers[0] = 1
        begun = nil
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        pointer = bytes[0]
        guard bytes.count >= 3, pointer <= 3 else { return true }
        registers[Int(pointer)] = UInt16(bytes[2]) << 8 | UInt16(bytes[1])
        if pointer == 0 { begun = registers[0] & 1 == 0 ? now : nil }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        settle(now)
        let word = pointer == 7 ? id : pointer < 7 ? registers[Int(pointer)] : 0
        for index in 0..<reply.count {
            reply[index] = index == 0 ? UInt8(word & 0xFF) : index == 1 ? UInt8(word >> 8) : 0xFF
        }
        return true
    }

    private func settle(_ now: Boottime) {
        guard let start = begun, !isHung else { return }
        let configuration = registers[0]
        let milliseconds: Int64 =
            switch configuration >> 6 & 0b1111 {
            case 0b1100: 25
            case 0b1000: 50
            case 0b0001: 200
            case 0b0010: 400
            case 0b0011: 800
            default: 100
            }
        let gain = [1.0, 2, 0.125, 0.25][Int(configuration >> 11 & 0b11)]
        let wakeUp: Int64 = 2_500_000
        let cycles = (now.nanoseconds - start.nanoseconds - wakeUp) / (milliseconds * 1_000_000)
        guard cycles > 0 else { return }
        let lux = surroundings(start + .milliseconds(cycles * milliseconds)).lux
        let seen = gain == 0.125 ? Self.seen(of: lux) : lux
        // 0.0042 lx a count at gain 2 and 800 ms.
        let counts = min((seen / 0.0042 * gain / 2 * Double(milliseconds) / 800).rounded(), 65_535)
        registers[4] = UInt16(counts)
        // The white channel sees infrared as well; nobody asks for it here.
        registers[5] = UInt16(min(counts * 1.7, 65_535))
    }

    /// What the formula of the application note makes `lux` of, found by bisection.
    private static func seen(of lux: Double) -> Double {
        var (low, high) = (0.0, 60_000.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            let square = middle * middle
            let told =
                6.0135e-13 * square * square - 9.3924e-9 * square * middle + 8.1488e-5 * square + 1.0023 * middle
            if told < lux { low = middle } else { high = middle }
        }
        return low
    }
}
