// Checksums that chips put on their answers.

/// CRC-8 with the highest bit first and no reflection: the one form that sensors on I2C use, with two polynomials.
struct CRC8: Sendable {
    let polynomial: UInt8
    let initial: UInt8

    /// x^8 + x^5 + x^4 + 1, from 0xFF: Sensirion's and Aosong's (SHT4x datasheet version 6.5, table 9: 0xBEEF → 0x92).
    static let sensirion = CRC8(polynomial: 0x31, initial: 0xFF)
    /// x^8 + x^2 + x + 1, from 0: SMBus packet error code (SMBus 3.2, section 6.4.1).
    static let packetError = CRC8(polynomial: 0x07, initial: 0)
    /// x^8 + x^5 + x^4 + 1, from 0: Silicon Labs' (Si7021-A20 datasheet revision 1.3, section 5.1).
    static let siliconLabs = CRC8(polynomial: 0x31, initial: 0)

    func adding(_ byte: UInt8, to checksum: UInt8) -> UInt8 {
        var value = checksum ^ byte
        for _ in 0..<8 { value = value & 0x80 != 0 ? value << 1 ^ polynomial : value << 1 }
        return value
    }

    func of(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(initial) { adding($1, to: $0) } }
}

extension Reply {
    /// Number `index` of words of 16 bits, high byte first, each followed by its CRC-8: Sensirion's way of answering.
    func sensirionWord(_ index: Int) throws(SensorFault) -> UInt16 {
        let crc = CRC8.sensirion
        let (high, low) = (self[index * 3], self[index * 3 + 1])
        guard crc.adding(low, to: crc.adding(high, to: crc.initial)) == self[index * 3 + 2] else { throw .checksum }
        return UInt16(high) << 8 | UInt16(low)
    }

    /// A command of 16 bits with words behind it, each with its CRC-8: Sensirion's way of writing.
    static func sensirionMessage(command: UInt16, _ words: UInt16...) -> Reply {
        var message = Reply(count: 2 + 3 * words.count)
        message.withBytes { bytes in
            bytes[0] = UInt8(command >> 8)
            bytes[1] = UInt8(command & 0xFF)
            for (index, word) in words.enumerated() {
                let (high, low) = (UInt8(word >> 8), UInt8(word & 0xFF))
                let crc = CRC8.sensirion
                bytes[2 + 3 * index] = high
                bytes[3 + 3 * index] = low
                bytes[4 + 3 * index] = crc.adding(low, to: crc.adding(high, to: crc.initial))
            }
        }
        return message
    }
}
