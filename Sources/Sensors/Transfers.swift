// What chip drivers say to a bus: a few bytes out, a few bytes in, nothing allocated.
//
// A driver's words are `send` (a write), `receive` (a read, or a write and a read with a repeated start in between) and
// the numbers in a `Reply`. Whatever goes wrong on the wires comes as `SensorFault.bus`.

internal import World

/// The bytes of an answer, in the caller's own memory.
struct Reply: Sendable {
    static let longest = 64
    private typealias Storage = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    private var storage: Storage = (0, 0, 0, 0, 0, 0, 0, 0)
    let count: Int

    /// All zero.
    init(count: Int) {
        invariant((1...Self.longest).contains(count), "a reply of \(count) bytes; at most \(Self.longest)")
        self.count = count
    }

    init(_ bytes: some Collection<UInt8>) {
        self.init(count: bytes.count)
        withBytes { target in for (index, byte) in bytes.enumerated() { target[index] = byte } }
    }

    subscript(index: Int) -> UInt8 {
        invariant((0..<count).contains(index), "byte \(index) of a reply of \(count)")
        return withUnsafeBytes(of: storage) { $0[index] }
    }

    func bigEndian16(_ index: Int) -> UInt16 { UInt16(self[index]) << 8 | UInt16(self[index + 1]) }
    func littleEndian16(_ index: Int) -> UInt16 { UInt16(self[index + 1]) << 8 | UInt16(self[index]) }
    func bigEndian24(_ index: Int) -> UInt32 { UInt32(bigEndian16(index)) << 8 | UInt32(self[index + 2]) }
    func littleEndian24(_ index: Int) -> UInt32 { UInt32(self[index + 2]) << 16 | UInt32(littleEndian16(index)) }
    func bigEndian32(_ index: Int) -> UInt32 { UInt32(bigEndian16(index)) << 16 | UInt32(bigEndian16(index + 2)) }
    func signedBigEndian16(_ index: Int) -> Int16 { Int16(bitPattern: bigEndian16(index)) }
    func signedLittleEndian16(_ index: Int) -> Int16 { Int16(bitPattern: littleEndian16(index)) }

    /// The first `count` bytes.
    func reading<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes(of: storage) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    mutating func withBytes<R>(_ body: (UnsafeMutableRawBufferPointer) -> R) -> R {
        let count = count
        return withUnsafeMutableBytes(of: &storage) { body(UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
    }
}

extension Bus where Self: ~Copyable {
    /// Writes one byte: a command, or a register number.
    mutating func send(_ a: UInt8, to device: BusDevice) throws(SensorFault) { try send(bytes: a, to: device) }

    /// Writes two bytes: a register and its value, or a command of 16 bits.
    mutating func send(_ a: UInt8, _ b: UInt8, to device: BusDevice) throws(SensorFault) {
        try send(bytes: (a, b), to: device)
    }

    /// Writes three bytes: a register and a value of 16 bits.
    mutating func send(_ a: UInt8, _ b: UInt8, _ c: UInt8, to device: BusDevice) throws(SensorFault) {
        try send(bytes: (a, b, c), to: device)
    }

    /// Writes a command of 16 bits, high byte first.
    mutating func send(command: UInt16, to device: BusDevice) throws(SensorFault) {
        try send(UInt8(command >> 8), UInt8(command & 0xFF), to: device)
    }

    /// Writes a register's number and its value of 16 bits, high byte first.
    mutating func send(register: UInt8, word: UInt16, to device: BusDevice) throws(SensorFault) {
        try send(register, UInt8(word >> 8), UInt8(word & 0xFF), to: device)
    }

    /// Writes a longer message.
    mutating func send(_ message: Reply, to device: BusDevice) throws(SensorFault) {
        var fault: BusFault?
        message.reading { bytes in
            do throws(BusFault) { try transfer(device, write: bytes, read: .none) } catch { fault = error }
        }
        if let fault { throw .bus(fault) }
    }

    /// Reads, without writing anything before.
    mutating func receive(_ count: Int, from device: BusDevice) throws(SensorFault) -> Reply {
        try receive(count, writing: UnsafeRawBufferPointer(start: nil, count: 0), from: device)
    }

    /// Writes a register's number, then reads from there on.
    mutating func receive(_ count: Int, register: UInt8, of device: BusDevice) throws(SensorFault) -> Reply {
        try withReply(of: register, count, device)
    }

    /// Writes a command of 16 bits, high byte first, then reads after a repeated start.
    mutating func receive(_ count: Int, command: UInt16, of device: BusDevice) throws(SensorFault) -> Reply {
        try withReply(of: command.bigEndian, count, device)
    }

    /// Writes a message, then reads after a repeated start.
    mutating func receive(_ count: Int, after message: Reply, from device: BusDevice) throws(SensorFault) -> Reply {
        var reply = Reply(count: count)
        var fault: BusFault?
        message.reading { bytes in
            reply.withBytes { target in
                do throws(BusFault) { try transfer(device, write: bytes, read: target) } catch { fault = error }
            }
        }
        if let fault { throw .bus(fault) }
        return reply
    }

    private mutating func withReply(
        of value: some BitwiseCopyable, _ count: Int, _ device: BusDevice
    ) throws(SensorFault) -> Reply {
        var reply = Reply(count: count)
        var fault: BusFault?
        withUnsafeBytes(of: value) { bytes in
            reply.withBytes { target in
                do throws(BusFault) { try transfer(device, write: bytes, read: target) } catch { fault = error }
            }
        }
        if let fault { throw .bus(fault) }
        return reply
    }

    private mutating func receive(
        _ count: Int, writing bytes: UnsafeRawBufferPointer, from device: BusDevice
    ) throws(SensorFault) -> Reply {
        var reply = Reply(count: count)
        var fault: BusFault?
        reply.withBytes { target in
            do throws(BusFault) { try transfer(device, write: bytes, read: target) } catch { fault = error }
        }
        if let fault { throw .bus(fault) }
        return reply
    }

    private mutating func send(bytes: some BitwiseCopyable, to device: BusDevice) throws(SensorFault) {
        var fault: BusFault?
        withUnsafeBytes(of: bytes) { buffer in
            do throws(BusFault) { try transfer(device, write: buffer, read: .none) } catch { fault = error }
        }
        if let fault { throw .bus(fault) }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Nothing to read.
    fileprivate static var none: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: nil, count: 0) }
}
