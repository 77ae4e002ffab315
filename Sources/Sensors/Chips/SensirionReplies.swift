// What Sensirion's answers are made of, beyond single words (Checksums.swift): numbers and serial numbers.

extension Reply {
    /// Number `index` of numbers of 32 bits, in two words each.
    func sensirionNumber(_ index: Int) throws(SensorFault) -> UInt32 {
        let (high, low) = (try sensirionWord(2 * index), try sensirionWord(2 * index + 1))
        return UInt32(high) << 16 | UInt32(low)
    }

    /// Number `index` of IEEE 754 numbers of single precision, in two words each.
    func sensirionFloat(_ index: Int) throws(SensorFault) -> Double {
        Double(Float(bitPattern: try sensirionNumber(index)))
    }

    /// Three words that can be a serial number: no chip has none or all ones.
    func isSensirionSerialNumber() throws(SensorFault) -> Bool {
        let words = (try sensirionWord(0), try sensirionWord(1), try sensirionWord(2))
        return words != (0, 0, 0) && words != (0xFFFF, 0xFFFF, 0xFFFF)
    }
}
