// Plain I2C transfers by way of SMBus calls, for adapters that know nothing else (the kernel's i2c-stub, many PC
// chipsets).
//
// On the wire each equivalent is the very transfer that was asked for, with one exception: a read longer than 32 bytes
// becomes several, each beginning at the register where the one before ended. That is the same for every chip that
// counts its register number on by itself, which is what the drivers' register reads rely on anyway.

import CLinux
import World

struct SMBusEquivalent {
    let bus: Int32
    let functions: UInt64

    private func offers(_ function: Int) -> Bool {
        functions & UInt64(function) == UInt64(function)
    }

    /// 0 or the negative errno; nil when no SMBus call amounts to the transfer.
    func transfer(write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer) -> Int32? {
        switch (bytes.count, reply.count) {
        case (0, 1): readByte(reply)
        case (1, 1...): read(from: bytes[0], reply)
        case (1..., 0): write(bytes)
        default: nil
        }
    }

    private func readByte(_ reply: UnsafeMutableRawBufferPointer) -> Int32? {
        guard offers(CLINUX_SMBUS_READ_BYTE) else { return nil }
        return clinux_smbus_read_byte(bus, reply.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }

    private func read(from register: UInt8, _ reply: UnsafeMutableRawBufferPointer) -> Int32? {
        // SMBus commands are one byte: a read past register 255 has no equivalent.
        guard Int(register) + reply.count <= 256, let target = reply.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return nil }
        let isBlock = offers(CLINUX_SMBUS_READ_BLOCK)
        guard isBlock || offers(CLINUX_SMBUS_READ_BYTE_DATA) else { return nil }
        let longest = isBlock ? CLINUX_SMBUS_BLOCK_LIMIT : 1
        var done = 0
        while done < reply.count {
            let count = min(longest, reply.count - done)
            let command = register + UInt8(done)
            let result =
                isBlock
                ? clinux_smbus_read_block(bus, command, target + done, UInt8(count))
                : clinux_smbus_read_byte_data(bus, command, target + done)
            if result < 0 { return result }
            done += count
        }
        return 0
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> Int32? {
        switch bytes.count {
        case 1 where offers(CLINUX_SMBUS_WRITE_BYTE): return clinux_smbus_write_byte(bus, bytes[0])
        case 2 where offers(CLINUX_SMBUS_WRITE_BYTE_DATA): return clinux_smbus_write_byte_data(bus, bytes[0], bytes[1])
        case 3 where offers(CLINUX_SMBUS_WRITE_WORD_DATA):
            return clinux_smbus_write_word_data(bus, bytes[0], bytes[1], bytes[2])
        case 2...CLINUX_SMBUS_BLOCK_LIMIT + 1 where offers(CLINUX_SMBUS_WRITE_BLOCK):
            let values = bytes.baseAddress?.advanced(by: 1).assumingMemoryBound(to: UInt8.self)
            return clinux_smbus_write_block(bus, bytes[0], values, UInt8(bytes.count - 1))
        default: return nil
        }
    }
}
