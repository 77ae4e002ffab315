import Testing
import World

@testable import LinuxWorld

/// A chip seen from its two pins: it answers at one address, keeps what is written to it, and gives it back. Written
/// from the other side of UM10204: it knows only levels and their changes.
private final class PinChip {
    let address: UInt8 = 0x48
    var written: [UInt8] = []
    var memory: [UInt8] = [0x60, 0x80, 0x01, 0xFE]
    /// Holds the clock for so many looks after each acknowledge.
    var stretch = 0
    /// Was cut off in the middle of sending: holds data until it has seen so many clocks.
    var holdsForClocks = 0

    private(set) var data = true
    private(set) var clock = true
    private enum Mode { case idle, address, receiving, sending, ignoring }
    private var mode = Mode.idle
    private var bits = 0
    private var shift: UInt8 = 0
    private var next = 0
    private var looks = 0
    private var master = (data: true, clock: true)
    var log: [String] = []

    init() {}

    func levels() -> (data: Bool, clock: Bool) {
        if looks > 0 {
            looks -= 1
            if looks == 0 { clock = true }
        }
        return (master.data && data && holdsForClocks == 0, master.clock && clock)
    }

    func drive(data newData: Bool? = nil, clock newClock: Bool? = nil) {
        let before = master
        if let newData { master.data = newData }
        if let newClock { master.clock = newClock }
        if before.clock, master.clock, before.data != master.data, holdsForClocks == 0 {
            log.append(master.data ? "P" : "S")
            mode = master.data ? .idle : .address
            (bits, shift, data) = (0, 0, true)
        }
        if !before.clock, master.clock { rise() }
        if before.clock, !master.clock { fall() }
    }

    private func rise() {
        if holdsForClocks > 0 { holdsForClocks -= 1 }
        if (mode == .address || mode == .receiving), bits < 8 { shift = shift << 1 | (master.data ? 1 : 0) }
        if mode == .sending, bits == 8 { if master.data { mode = .ignoring } }
        if mode != .idle { bits += 1 }
    }

    private func fall() {
        data = true
        if bits == 9 {
            (bits, shift) = (0, 0)
            if mode == .address { mode = pending }
        }
        switch mode {
        case .address where bits == 8:
            let isOurs = shift >> 1 == address
            pending = !isOurs ? .ignoring : shift & 1 == 1 ? .sending : .receiving
            next = 0
            if isOurs { acknowledge() }
        case .receiving where bits == 8:
            written.append(shift)
            acknowledge()
        case .sending where bits < 8:
            data = memory[next % memory.count] >> UInt8(7 - bits) & 1 == 1
        case .sending where bits == 8: next += 1
        default: break
        }
    }

    private var pending = Mode.idle
    private func acknowledge() {
        data = false
        if stretch > 0 {
            clock = false
            looks = stretch
        }
    }
}

private struct PinWires: Wires {
    let chip: PinChip
    final class Time { var nanoseconds: Int64 = 0 }
    let time = Time()
    func set(data: Bool) throws(BusFault) { chip.drive(data: data) }
    func set(clock: Bool) throws(BusFault) { chip.drive(clock: clock) }
    func levels() throws(BusFault) -> (data: Bool, clock: Bool) { chip.levels() }
    func rest() { time.nanoseconds += 5_000 }
    func nanoseconds() -> Int64 { time.nanoseconds }
}

private func transfer(
    _ bus: inout TwoWires<PinWires>, _ address: UInt8, _ bytes: [UInt8], reading count: Int = 0
) throws(BusFault) -> [UInt8] {
    var reply = [UInt8](repeating: 0xEE, count: count)
    var fault: BusFault?
    bytes.withUnsafeBytes { bytes in
        reply.withUnsafeMutableBytes { reply in
            do throws(BusFault) { try bus.transfer(address, write: bytes, read: reply) } catch { fault = error }
        }
    }
    if let fault { throw fault }
    return reply
}

@Suite("I2C over two lines")
struct TwoWiresTests {
    @Test("Bytes go out and come in, with a repeated start in between")
    func transfers() throws {
        let chip = PinChip()
        var bus = TwoWires(PinWires(chip: chip))
        #expect(try transfer(&bus, 0x48, [0x01, 0xFF, 0x00]) == [])
        #expect(chip.written == [0x01, 0xFF, 0x00] && chip.log == ["S", "P"])
        chip.log = []
        #expect(try transfer(&bus, 0x48, [0x0F], reading: 4) == [0x60, 0x80, 0x01, 0xFE])
        #expect(chip.written.last == 0x0F && chip.log == ["S", "S", "P"])
        #expect(try transfer(&bus, 0x48, [], reading: 1) == [0x60])
    }

    @Test("Nobody at the address does not acknowledge, and the bus is free afterwards")
    func absent() throws {
        let chip = PinChip()
        var bus = TwoWires(PinWires(chip: chip))
        #expect(throws: BusFault.noAcknowledge) { try transfer(&bus, 0x49, [0x00]) }
        #expect(chip.log.last == "P")
        #expect(try transfer(&bus, 0x48, [], reading: 2) == [0x60, 0x80])
    }

    @Test("A chip may hold the clock for a while, but not for ever")
    func stretching() throws {
        let chip = PinChip()
        chip.stretch = 50
        var bus = TwoWires(PinWires(chip: chip))
        #expect(try transfer(&bus, 0x48, [0x01], reading: 2) == [0x60, 0x80])
        chip.stretch = .max
        let before = bus.wires.nanoseconds()
        #expect(throws: BusFault.timedOut) { try transfer(&bus, 0x48, [0x01]) }
        #expect(bus.wires.nanoseconds() - before < 70_000_000)
    }

    @Test("A chip that was cut off while it sent is freed by clocks; one that never lets go is stuck", arguments: 1...8)
    func freeing(clocks: Int) throws {
        let chip = PinChip()
        chip.holdsForClocks = clocks
        var bus = TwoWires(PinWires(chip: chip))
        #expect(try transfer(&bus, 0x48, [], reading: 2) == [0x60, 0x80])
        chip.holdsForClocks = .max
        #expect(throws: BusFault.stuck) { try transfer(&bus, 0x48, [], reading: 2) }
    }
}
