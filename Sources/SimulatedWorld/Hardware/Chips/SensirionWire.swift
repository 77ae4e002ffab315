// How Sensirion's chips speak: commands of 16 bits, words of 16 bits with a checksum behind each.

struct SensirionWire {
    /// What the next read gives; nil: the read is not acknowledged.
    private var answer: [UInt8]?

    /// x^8 + x^5 + x^4 + 1 from 0xFF, highest bit first (SHT4x datasheet, table 9).
    static func checksum(_ high: UInt8, _ low: UInt8) -> UInt8 {
        var register: UInt16 = 0xFF
        for byte in [high, low] {
            register ^= UInt16(byte)
            for _ in 0..<8 {
                register <<= 1
                if register & 0x100 != 0 { register ^= 0x131 }
            }
        }
        return UInt8(register & 0xFF)
    }

    static func bytes(_ words: [UInt16]) -> [UInt8] {
        words.flatMap { word -> [UInt8] in
            let (high, low) = (UInt8(word >> 8), UInt8(word & 0xFF))
            return [high, low, checksum(high, low)]
        }
    }

    static func command(_ bytes: UnsafeRawBufferPointer) -> UInt16? {
        bytes.count >= 2 ? UInt16(bytes[0]) << 8 | UInt16(bytes[1]) : nil
    }

    /// The words behind a command; nil: one has a wrong checksum, and a real chip does not acknowledge it.
    static func arguments(_ bytes: UnsafeRawBufferPointer) -> [UInt16]? {
        guard bytes.count >= 2, (bytes.count - 2) % 3 == 0 else { return nil }
        var words: [UInt16] = []
        for index in stride(from: 2, to: bytes.count, by: 3) {
            guard checksum(bytes[index], bytes[index + 1]) == bytes[index + 2] else { return nil }
            words.append(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]))
        }
        return words
    }

    /// Text as the chips give it: two characters a word, zeros behind.
    static func text(_ text: String, words: Int) -> [UInt16] {
        var bytes = Array(text.utf8.prefix(words * 2))
        bytes += [UInt8](repeating: 0, count: words * 2 - bytes.count)
        return (0..<words).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
    }

    /// The upper and the lower word of a number.
    static func words(_ value: UInt32) -> [UInt16] { [UInt16(value >> 16), UInt16(value & 0xFFFF)] }

    mutating func put(_ words: [UInt16]) { answer = Self.bytes(words) }
    mutating func clear() { answer = nil }

    /// Takes the answer; bytes beyond it read as all ones.
    mutating func take(into reply: UnsafeMutableRawBufferPointer) -> Bool {
        guard let bytes = answer else { return false }
        for index in 0..<reply.count { reply[index] = index < bytes.count ? bytes[index] : 0xFF }
        answer = nil
        return true
    }
}
