// CRC-8 as chips make it: a shift register that the bits go through, highest first. Written on its own, so that drivers
// and simulated chips do not share a mistake.

/// `polynomial` without its highest bit; `initial` is what the register holds before the first bit.
func shiftRegisterCRC8(_ bytes: [UInt8], polynomial: UInt16, initial: UInt8) -> UInt8 {
    var register = UInt16(initial) << 8
    for byte in bytes {
        register ^= UInt16(byte) << 8
        for _ in 0..<8 {
            let carry = register & 0x8000 != 0
            register <<= 1
            if carry { register ^= polynomial << 8 }
        }
    }
    return UInt8(register >> 8)
}

/// A 16-bit word, high byte first, with Sensirion's checksum behind it (SHT3x-DIS datasheet version 7, table 20).
func sensirionWordBytes(_ word: UInt16) -> [UInt8] {
    let bytes = [UInt8(word >> 8), UInt8(word & 0xFF)]
    return bytes + [shiftRegisterCRC8(bytes, polynomial: 0x31, initial: 0xFF)]
}

/// The raw number whose value comes nearest, held inside the converter's range.
func quantised(_ value: Double, bits: Int = 16) -> UInt32 {
    UInt32(min(max(value.rounded(), 0), Double(UInt32(1) << UInt32(bits) - 1)))
}
