// How one scan of an IIO buffer lies in memory. Kernel: Documentation/ABI/testing/sysfs-bus-iio (scan_elements, _type,
// _index), Documentation/driver-api/iio/buffers.rst; how elements are aligned is said by iio_compute_scan_bytes of
// drivers/iio/industrialio-buffer.c: each to its own size, the whole to the largest.

/// One enabled element: `le:s12/16>>4` is 12 bits, signed, in 16 little-endian bits, 4 from the right.
struct ScanElement: Sendable, Equatable {
    var isBigEndian: Bool
    var isSigned: Bool
    var bits: UInt8
    var storageBytes: Int
    var shift: UInt8

    /// Nil where the text is no type, or one of elements that repeat (quaternions), which no channel here has.
    init?(_ text: String) {
        var isBigEndian = false
        var numbers: [UInt64] = []
        var isSigned: Bool?
        var separators: [UInt8] = []
        let bytes = Array(text.utf8)
        guard bytes.count > 3, bytes[2] == 0x3A, bytes[1] == 0x65 else { return nil }  // "e:"
        switch bytes[0] {
        case 0x62: isBigEndian = true
        case 0x6C: isBigEndian = false
        default: return nil
        }
        switch bytes[3] {
        case 0x73, 0x53: isSigned = true
        case 0x75, 0x55: isSigned = false
        default: return nil
        }
        var number: UInt64?
        for byte in bytes[4...] {
            if (0x30...0x39).contains(byte) {
                number = (number ?? 0) * 10 + UInt64(byte - 0x30)
                guard number! <= 64 else { return nil }
            } else {
                separators.append(byte)
                if let known = number { numbers.append(known) }
                number = nil
            }
        }
        if let known = number { numbers.append(known) }
        guard numbers.count == 3, separators == [0x2F, 0x3E, 0x3E], let isSigned else { return nil }
        guard [8, 16, 32, 64].contains(numbers[1]), numbers[0] > 0, numbers[0] + numbers[2] <= numbers[1] else {
            return nil
        }
        self.isBigEndian = isBigEndian
        self.isSigned = isSigned
        bits = UInt8(numbers[0])
        storageBytes = Int(numbers[1] / 8)
        shift = UInt8(numbers[2])
    }

    func value(of scan: UnsafeRawBufferPointer, at offset: Int) -> Int64 {
        var word: UInt64 = 0
        for place in 0..<storageBytes {
            let byte = scan[offset + (isBigEndian ? place : storageBytes - 1 - place)]
            word = (word << 8) | UInt64(byte)
        }
        // The value to the top, what is not its own falls off; then down again with its sign.
        let spare = 64 - UInt64(bits)
        word = (word >> UInt64(shift)) << spare
        return isSigned ? Int64(bitPattern: word) >> Int64(spare) : Int64(bitPattern: word >> spare)
    }
}

/// The enabled elements in the order of their indices, with their places.
struct ScanLayout: Sendable, Equatable {
    /// By place in the list that it was made of.
    private(set) var offsets: [Int]
    private(set) var bytes = 0

    init(_ elements: [(index: Int, element: ScanElement)]) {
        offsets = [Int](repeating: 0, count: elements.count)
        var largest = 1
        for place in elements.indices.sorted(by: { elements[$0].index < elements[$1].index }) {
            let size = elements[place].element.storageBytes
            bytes = Self.aligned(bytes, to: size)
            offsets[place] = bytes
            bytes += size
            largest = max(largest, size)
        }
        bytes = Self.aligned(bytes, to: largest)
    }

    private static func aligned(_ count: Int, to size: Int) -> Int { (count + size - 1) / size * size }
}
