// A Microchip MCP23017 at register level. Datasheet: DS20001952C; sections and tables are its.
//
// Both register maps (IOCON.BANK), sequential and byte mode, input polarity, latches behind outputs. A pin that nothing
// drives (`undriven`) is high with its pull-up and low without: on a real board it would float.

public import World

public final class SimulatedMCP23017: SimulatedChip {
    public var surroundings: (Boottime) -> Surroundings
    /// Contacts that are open: nothing but a pull-up decides their level.
    public var undriven: UInt16 = 0

    private enum Kind: Int {
        case direction, polarity, interruptEnable, defaultValue, interruptControl, control, pullUp, interruptFlag
        case interruptCapture, port, latch
    }
    private static let bank: UInt8 = 0b1000_0000
    private static let byteMode: UInt8 = 0b0010_0000
    private static let kinds = 11
    /// By kind, then port.
    private var registers: [[UInt8]] = []
    private var pointer: UInt8 = 0

    public init(surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.surroundings = surroundings
        reset()
    }

    public func powerCycle(at now: Boottime) { reset() }

    private func reset() {
        registers = [[UInt8]](repeating: [0, 0], count: Self.kinds)
        registers[Kind.direction.rawValue] = [0xFF, 0xFF]
        pointer = 0
    }

    private var control: UInt8 { registers[Kind.control.rawValue][0] }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        pointer = bytes[0]
        for byte in bytes.dropFirst() {
            if let (kind, port) = place(of: pointer) { store(byte, kind, port) }
            advance()
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        for index in 0..<reply.count {
            reply[index] = place(of: pointer).map { value($0.kind, $0.port, at: now) } ?? 0
            advance()
        }
        return true
    }

    private func store(_ value: UInt8, _ kind: Kind, _ port: Int) {
        switch kind {
        // One register at two addresses (section 3.5.6); bit 0 is not implemented.
        case .control: registers[kind.rawValue] = [value & 0xFE, value & 0xFE]
        case .interruptFlag, .interruptCapture: break
        // Writing the port writes the latch (section 3.5.10).
        case .port: registers[Kind.latch.rawValue][port] = value
        default: registers[kind.rawValue][port] = value
        }
    }

    private func value(_ kind: Kind, _ port: Int, at now: Boottime) -> UInt8 {
        guard kind == .port else { return registers[kind.rawValue][port] }
        let shift = UInt16(port * 8)
        let pullUps = registers[Kind.pullUp.rawValue][port]
        let open = UInt8(truncatingIfNeeded: undriven >> shift)
        let driven = UInt8(truncatingIfNeeded: surroundings(now).inputs >> shift)
        let levels = driven & ~open | pullUps & open
        let direction = registers[Kind.direction.rawValue][port]
        return (levels ^ registers[Kind.polarity.rawValue][port]) & direction
            | registers[Kind.latch.rawValue][port] & ~direction
    }

    /// Tables 3-4 and 3-5: the ports side by side, or one after the other.
    private func place(of address: UInt8) -> (kind: Kind, port: Int)? {
        let (number, port) =
            control & Self.bank == 0 ? (Int(address >> 1), Int(address & 1)) : (Int(address & 0x0F), Int(address >> 4))
        guard let kind = Kind(rawValue: number), port < 2 else { return nil }
        return (kind, port)
    }

    /// Byte mode stays, or toggles within the pair (section 3.2.1).
    private func advance() {
        if control & Self.byteMode != 0 {
            if control & Self.bank == 0 { pointer ^= 1 }
        } else {
            pointer = pointer >= (control & Self.bank == 0 ? 0x15 : 0x1A) ? 0 : pointer + 1
        }
    }
}
