// An I2C bus made of two GPIO lines, where the board has no controller to spare: we are its only master. Bits by
// NXP UM10204 (I2C-bus specification, revision 7), standard mode; table and section numbers are its.
//
// Bounded: a chip may hold the clock for `stretchLimitNanoseconds` in all of one transfer. A chip that was interrupted
// while it was sending holds the data line: nine clocks free it (section 3.1.16); if they do not, the bus is stuck.
// Written for kernels as they are: each change of a line is one call, so the bus runs at some 20 to 60 kHz.

import CLinux
import World

/// The wires themselves: true is released (high by the pull-up), false is held low by us. Reading tells what is there.
protocol Wires {
    mutating func set(data: Bool) throws(BusFault)
    mutating func set(clock: Bool) throws(BusFault)
    mutating func levels() throws(BusFault) -> (data: Bool, clock: Bool)
    /// Waits half a clock period at least.
    func rest()
    /// Some clock that never goes back.
    func nanoseconds() -> Int64
}

struct TwoWires<W: Wires> {
    /// As the kernel adapters' time-out.
    static var stretchLimitNanoseconds: Int64 { 30_000_000 }
    private static var freeingClocks: Int { 9 }

    var wires: W
    private var deadline: Int64 = 0

    init(_ wires: W) { self.wires = wires }

    mutating func transfer(
        _ address: UInt8, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        deadline = wires.nanoseconds() + Self.stretchLimitNanoseconds
        try free()
        do throws(BusFault) {
            if !bytes.isEmpty {
                try begin()
                try acknowledged(address << 1)
                for byte in bytes { try acknowledged(byte) }
            }
            if !reply.isEmpty {
                // After a write this is a repeated start.
                try begin()
                try acknowledged(address << 1 | 1)
                for index in reply.indices {
                    // The last byte is not acknowledged: the chip then lets go of the bus (section 3.1.6).
                    reply[index] = try receive(acknowledging: index < reply.count - 1)
                }
            }
            try end()
        } catch {
            try? end()
            throw error
        }
    }

    /// Nobody holds the wires, or is made to let go.
    private mutating func free() throws(BusFault) {
        try wires.set(data: true)
        try release()
        if try wires.levels().data { return }
        for _ in 0..<Self.freeingClocks {
            try wires.set(clock: false)
            wires.rest()
            try release()
            if try wires.levels().data { break }
        }
        guard try wires.levels().data else { throw .stuck }
        try begin()
        try end()
    }

    /// START, or a repeated one (section 3.1.4).
    private mutating func begin() throws(BusFault) {
        try wires.set(data: true)
        try release()
        wires.rest()
        guard try wires.levels().data else { throw .arbitrationLost }
        try wires.set(data: false)
        wires.rest()
        try wires.set(clock: false)
        wires.rest()
    }

    /// STOP.
    private mutating func end() throws(BusFault) {
        try wires.set(clock: false)
        try wires.set(data: false)
        wires.rest()
        try release()
        wires.rest()
        try wires.set(data: true)
        wires.rest()
    }

    private mutating func acknowledged(_ byte: UInt8) throws(BusFault) {
        for bit in (0..<8).reversed() { try send(byte >> UInt8(bit) & 1 == 1) }
        if try receiveBit() { throw .noAcknowledge }
    }

    private mutating func receive(acknowledging: Bool) throws(BusFault) -> UInt8 {
        var byte: UInt8 = 0
        for _ in 0..<8 { byte = byte << 1 | (try receiveBit() ? 1 : 0) }
        try send(!acknowledging)
        return byte
    }

    private mutating func send(_ bit: Bool) throws(BusFault) {
        try wires.set(data: bit)
        wires.rest()
        try release()
        wires.rest()
        try wires.set(clock: false)
    }

    private mutating func receiveBit() throws(BusFault) -> Bool {
        try wires.set(data: true)
        wires.rest()
        try release()
        wires.rest()
        let bit = try wires.levels().data
        try wires.set(clock: false)
        return bit
    }

    /// Lets the clock rise, and waits for a chip that holds it (section 3.1.9).
    private mutating func release() throws(BusFault) {
        try wires.set(clock: true)
        while try !wires.levels().clock {
            if wires.nanoseconds() > deadline { throw .timedOut }
            wires.rest()
        }
    }
}

/// Wires of a GPIO chip.
struct GPIOWires: Wires {
    let descriptor: Int32
    /// t_LOW and t_HIGH of standard mode (table 10): 4.7 and 4.0 µs.
    private static let halfPeriodNanoseconds: Int64 = 5_000

    mutating func set(data: Bool) throws(BusFault) { try check(clinux_wires_set(descriptor, 1, data ? 1 : 0)) }

    mutating func set(clock: Bool) throws(BusFault) { try check(clinux_wires_set(descriptor, 2, clock ? 2 : 0)) }

    mutating func levels() throws(BusFault) -> (data: Bool, clock: Bool) {
        let levels = clinux_wires_get(descriptor)
        try check(levels)
        return (levels & 1 != 0, levels & 2 != 0)
    }

    /// Spins: the shortest sleep is ten times as long.
    func rest() {
        let end = clinux_monotonic() + Self.halfPeriodNanoseconds
        while clinux_monotonic() < end {}
    }

    func nanoseconds() -> Int64 { clinux_monotonic() }

    private func check(_ result: Int32) throws(BusFault) {
        if result < 0 { throw .failed(errno: -result) }
    }
}
