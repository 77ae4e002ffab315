// The bytes of one message, in memory that is used again for the next one.
//
// Grows to the largest message ever made and stays there: in steady state nothing is allocated. Text is written as JSON
// (RFC 8259): everything that needs escaping is escaped, UTF-8 goes through as it is.

public struct PayloadBuffer: Sendable {
    /// Longer than `count`: the rest is room. Never shrinks.
    private var storage: [UInt8]
    public private(set) var count = 0

    public init(capacity: Int = 4_096) {
        storage = [UInt8](repeating: 0, count: Swift.max(capacity, 64))
    }

    public var isEmpty: Bool { count == 0 }

    /// A copy of what has been written.
    public var bytes: [UInt8] { Array(storage[..<count]) }

    public mutating func removeAll() { count = 0 }

    /// Forgets everything behind the first `count` bytes.
    public mutating func truncate(to count: Int) {
        if count < self.count { self.count = Swift.max(count, 0) }
    }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    // MARK: Raw

    public mutating func append(_ text: StaticString) {
        write(atMost: text.utf8CodeUnitCount) { $0.text(text) }
    }

    public mutating func append(_ byte: UInt8) {
        write(atMost: 1) { $0.byte(byte) }
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        write(atMost: bytes.count) { $0.bytes(start.assumingMemoryBound(to: UInt8.self), count: bytes.count) }
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    // MARK: Numbers

    public mutating func append(signed value: Int64) {
        write(atMost: ByteCursor.integerBytes) { $0.signed(value) }
    }

    public mutating func append(unsigned value: UInt64) {
        write(atMost: ByteCursor.integerBytes) { $0.unsigned(value) }
    }

    /// `value × 10^scale`, exactly: 2140 × 10^-2 is `21.4`.
    public mutating func append(decimal value: Int64, scale: Int8) {
        write(atMost: ByteCursor.decimalBytes + Int(scale.magnitude)) { $0.decimal(value, scale: scale) }
    }

    /// Microseconds as seconds, with up to six decimals.
    public mutating func append(secondsOfMicroseconds value: Int64) {
        write(atMost: ByteCursor.secondsBytes) { $0.seconds(microseconds: value) }
    }

    /// 16 hexadecimal digits, as streams are written.
    public mutating func append(hexadecimal value: UInt64) {
        write(atMost: 16) { $0.hexadecimal(value) }
    }

    // MARK: Text

    /// A JSON string: in quotation marks, escaped.
    public mutating func append(quoted text: String) {
        append(UInt8(ascii: "\""))
        append(escaped: text)
        append(UInt8(ascii: "\""))
    }

    /// The inside of a JSON string. Quotation mark, backslash and control characters must be escaped (RFC 8259 section
    /// 7); U+007F is legal there and still escaped, because terminals obey it.
    public mutating func append(escaped text: String) {
        // The longest escape is `\u0000`, six bytes for one.
        write(atMost: text.utf8.count * 6) { cursor in
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "\""): cursor.text("\\\"")
                case UInt8(ascii: "\\"): cursor.text("\\\\")
                case 0x0A: cursor.text("\\n")
                case 0x0D: cursor.text("\\r")
                case 0x09: cursor.text("\\t")
                case 0..<0x20, 0x7F:
                    cursor.text("\\u00")
                    cursor.byte(UInt8(ascii: "0") + (byte >> 4))
                    let low = byte & 0xF
                    cursor.byte(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") - 10 + low)
                default: cursor.byte(byte)
                }
            }
        }
    }

    // MARK: Room

    /// Lends a cursor with room for `atMost` bytes, and keeps what was written.
    @inline(__always)
    mutating func write(atMost room: Int, _ body: (inout ByteCursor) -> Void) {
        if storage.count - count < room { grow(by: room) }
        let start = count
        count = storage.withUnsafeMutableBufferPointer { buffer in
            // A buffer is never empty: `init` sees to it.
            let base = buffer.baseAddress!
            var cursor = ByteCursor(position: base + start)
            body(&cursor)
            return cursor.position - base
        }
    }

    /// Doubles, so that a message of n bytes is copied at most twice over while it grows.
    @inline(never)
    private mutating func grow(by room: Int) {
        let wanted = Swift.max(storage.count * 2, count + room)
        storage.append(contentsOf: repeatElement(0, count: wanted - storage.count))
    }
}
