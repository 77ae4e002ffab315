// One transfer between the kernel and a simulated chip: the records of /dev/i2c-user, as ../i2c-user/i2c-user.c
// describes them.

import Glibc
import World

/// Messages of 8192 bytes at most (i2c-dev.c), 42 in one transfer.
private let longestRecord = 8 + 42 * (6 + 8_192)
nonisolated(unsafe) private let record = UnsafeMutableRawBufferPointer.allocate(byteCount: longestRecord, alignment: 8)

/// Takes the next transfer and answers it; false: there is none.
func serve(_ device: Int32, _ world: ChipWorld) -> Bool {
    let count = read(device, record.baseAddress, record.count)
    guard count > 0 else {
        guard errno == EAGAIN || errno == EINTR else { fail("read: \(String(cString: strerror(errno)))") }
        return false
    }
    var reader = Reader(bytes: UnsafeRawBufferPointer(rebasing: record[..<count]))
    let number = reader.number(UInt32.self)
    let bus = reader.number(UInt16.self)
    var messages: [Message] = []
    for _ in 0..<reader.number(UInt16.self) {
        let address = reader.number(UInt16.self)
        let isRead = reader.number(UInt16.self) & 1 != 0
        let length = Int(reader.number(UInt16.self))
        messages.append(
            Message(
                address: UInt8(truncatingIfNeeded: address), isRead: isRead,
                bytes: isRead ? [UInt8](repeating: 0, count: length) : Array(reader.bytes(length))))
    }
    // Silence is how a bus shows whose clock is held: the kernel's time-out ends the transfer.
    guard let error = world.transfer(&messages, on: UInt8(truncatingIfNeeded: bus)) else { return true }
    var answer: [UInt8] = []
    withUnsafeBytes(of: number) { answer += $0 }
    withUnsafeBytes(of: UInt32(error)) { answer += $0 }
    if error == 0 { for message in messages where message.isRead { answer += message.bytes } }
    // Too late is no fault of ours: the transfer has ended by its time-out.
    guard write(device, answer, answer.count) == answer.count || errno == ENOENT else {
        fail("write: \(String(cString: strerror(errno)))")
    }
    return true
}

/// One message of a transfer.
struct Message {
    var address: UInt8
    var isRead: Bool
    /// Written, or to be filled.
    var bytes: [UInt8]
}

/// Goes through a record.
private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func number<T: FixedWidthInteger>(_: T.Type) -> T {
        let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
        position += MemoryLayout<T>.size
        return value
    }

    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer {
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }
}
