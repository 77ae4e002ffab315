// The inside of a JSON object, built member by member: what items of the event lanes, contributions, status and
// inventory are made of. Commas and escapes are its affair; names are ours, so they are written as they stand.

public struct ObjectBody: Sendable {
    private var buffer: PayloadBuffer
    /// True where the next member or element needs no comma.
    private var isFirst = true

    public init() { buffer = PayloadBuffer(capacity: 256) }

    /// An item's body, beginning with its kind.
    public init(kind: StaticString) {
        self.init()
        literal("kind", kind)
    }

    /// The members, without the braces.
    public var bytes: [UInt8] { buffer.bytes }
    public var count: Int { buffer.count }

    public mutating func literal(_ name: StaticString, _ value: StaticString) {
        key(name)
        buffer.append("\"")
        buffer.append(value)
        buffer.append("\"")
    }

    public mutating func text(_ name: StaticString, _ value: String) {
        key(name)
        buffer.append(quoted: value)
    }

    /// Written only when there is something to say.
    public mutating func text(_ name: StaticString, ifPresent value: String?) {
        if let value { text(name, value) }
    }

    /// At most 2^53 either way, or readers that hold numbers as doubles get another one (RFC 8259 section 6): larger
    /// ones are for `digits`.
    public mutating func integer(_ name: StaticString, _ value: Int64) {
        key(name)
        buffer.append(signed: value)
    }

    public mutating func unsigned(_ name: StaticString, _ value: UInt64) {
        key(name)
        buffer.append(unsigned: value)
    }

    /// An integer of any size, as text.
    public mutating func digits(_ name: StaticString, _ value: Int64) {
        key(name)
        buffer.append("\"")
        buffer.append(signed: value)
        buffer.append("\"")
    }

    /// `value × 10^scale`.
    public mutating func decimal(_ name: StaticString, _ value: Int64, scale: Int8) {
        key(name)
        buffer.append(decimal: value, scale: scale)
    }

    public mutating func flag(_ name: StaticString, _ value: Bool) {
        key(name)
        if value { buffer.append("true") } else { buffer.append("false") }
    }

    /// A stream: 16 hexadecimal digits.
    public mutating func stream(_ name: StaticString, _ value: UInt64) {
        key(name)
        buffer.append("\"")
        buffer.append(hexadecimal: value)
        buffer.append("\"")
    }

    public mutating func object(_ name: StaticString, _ members: (inout ObjectBody) -> Void) {
        key(name)
        enclosed("{", "}", members)
    }

    /// An array; its elements come from `element`.
    public mutating func array(_ name: StaticString, _ elements: (inout ObjectBody) -> Void) {
        key(name)
        enclosed("[", "]", elements)
    }

    /// An object as the next element of the array that is being written.
    public mutating func element(_ members: (inout ObjectBody) -> Void) {
        separate()
        enclosed("{", "}", members)
    }

    /// A number as the next element of the array.
    public mutating func element(_ number: Int64) {
        separate()
        buffer.append(signed: number)
    }

    /// An object that is written already, braces included, as the next element of the array.
    public mutating func element(written object: [UInt8]) {
        separate()
        object.withUnsafeBytes { buffer.append($0) }
    }

    /// A member whose name is data: a channel's name, for example.
    public mutating func unsigned(named name: String, _ value: UInt64) {
        separate()
        buffer.append(quoted: name)
        buffer.append(":")
        buffer.append(unsigned: value)
    }

    private mutating func enclosed(
        _ open: StaticString, _ close: StaticString, _ content: (inout ObjectBody) -> Void
    ) {
        buffer.append(open)
        isFirst = true
        content(&self)
        buffer.append(close)
        isFirst = false
    }

    private mutating func key(_ name: StaticString) {
        separate()
        buffer.append("\"")
        buffer.append(name)
        buffer.append("\":")
    }

    private mutating func separate() {
        if !isFirst { buffer.append(",") }
        isFirst = false
    }

    /// The whole object: braces around the members.
    public var object: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(buffer.count + 2)
        bytes.append(UInt8(ascii: "{"))
        buffer.withUnsafeBytes { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
