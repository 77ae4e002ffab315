// Reads back a tombstone that `EventItem.tombstone` wrote: when events are given up themselves, the tombstones among
// them are merged and told again. Strict: whatever is not exactly of that form is no tombstone.

public import World

/// What a tombstone says.
public struct ToldLoss: Equatable, Sendable {
    public var stream: UInt64
    public var lane: Lane
    public var numbers: SequenceRange?
    public var channels: [(name: String, count: UInt64)]
    public var reason: String

    public static func == (a: ToldLoss, b: ToldLoss) -> Bool {
        a.stream == b.stream && a.lane == b.lane && a.numbers == b.numbers && a.reason == b.reason
            && a.channels.elementsEqual(b.channels) { $0 == $1 }
    }
}

extension EventItem {
    /// Nil when the item's body is not a tombstone's.
    public static func tombstone(in body: [UInt8]) -> ToldLoss? {
        var text = MemberText(body)
        guard text.take("\"kind\":\"tombstone\",\"stream\":"), let hex = text.string(), let stream = Hex.value(hex),
            text.take(",\"lane\":"), let name = text.string(),
            let lane = Lane.allCases.first(where: { $0.name == name })
        else { return nil }
        var numbers: SequenceRange?
        if text.take(",\"first\":") {
            guard let first = text.number(), text.take(",\"last\":"), let last = text.number(), 1 <= first,
                first <= last, last < .max
            else { return nil }
            numbers = SequenceRange(first, last)
        }
        guard text.take(",\"channels\":{") else { return nil }
        var channels: [(name: String, count: UInt64)] = []
        while !text.take("}") {
            guard channels.isEmpty || text.take(","), let name = text.string(), text.take(":"),
                let count = text.number()
            else { return nil }
            channels.append((name, count))
        }
        guard text.take(",\"reason\":"), let reason = text.string(), text.isAtEnd else { return nil }
        return ToldLoss(stream: stream, lane: lane, numbers: numbers, channels: channels, reason: reason)
    }
}

/// Members of a JSON object as `ObjectBody` writes them.
private struct MemberText {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ text: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    mutating func number() -> UInt64? {
        let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        position += digits.count
        return UInt64(String(decoding: digits, as: UTF8.self))
    }

    /// A quoted text with the escapes that `PayloadBuffer` writes (RFC 8259 section 7).
    mutating func string() -> String? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return String(validating: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard position < bytes.count else { return nil }
            let escape = bytes[position]
            position += 1
            if escape == UInt8(ascii: "u") {
                guard position + 4 <= bytes.count,
                    let code = UInt8(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
                else { return nil }
                text.append(code)
                position += 4
            } else {
                let controls: [UInt8: UInt8] = [
                    UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
                ]
                text.append(controls[escape] ?? escape)
            }
        }
        return nil
    }
}
