// Fields of any number of bits, one behind the other, as the columns of a block keep them.

/// Packs numbers of a fixed width, low bit first.
struct BitPacker {
    private var pending: UInt64 = 0
    private var count = 0

    mutating func put(_ value: UInt64, width: Int, into writer: inout ByteWriter) {
        var value = value
        var width = width
        while width > 0 {
            let taken = min(8 - count, width)
            pending |= (value & (1 << UInt64(taken) - 1)) << UInt64(count)
            value = taken == 64 ? 0 : value >> UInt64(taken)
            count += taken
            width -= taken
            if count == 8 { flush(into: &writer) }
        }
    }

    mutating func flush(into writer: inout ByteWriter) {
        guard count > 0 else { return }
        writer.put(UInt8(truncatingIfNeeded: pending))
        pending = 0
        count = 0
    }
}

struct BitUnpacker {
    let width: Int
    private var pending: UInt8 = 0
    private var count = 0

    init(width: Int) { self.width = width }

    mutating func take(from reader: inout ByteReader) -> UInt64? {
        var value: UInt64 = 0
        var have = 0
        while have < width {
            if count == 0 {
                guard let byte = reader.take(UInt8.self) else { return nil }
                pending = byte
                count = 8
            }
            let taken = min(count, width - have)
            value |= UInt64(pending & UInt8((1 << UInt16(taken)) - 1)) << UInt64(have)
            pending = taken == 8 ? 0 : pending >> UInt8(taken)
            count -= taken
            have += taken
        }
        return value
    }
}
