// Names of what is stored: lanes, streams, batches.


/// Four independent sequences of batches; each is numbered on its own within a stream. Raw values are stored.
public enum Lane: UInt8, Sendable, CaseIterable {
    case readings = 0
    case contributions = 1
    case events = 2
    case security = 3

    public var name: String {
        switch self {
        case .readings: "readings"
        case .contributions: "contributions"
        case .events: "events"
        case .security: "security"
        }
    }
}

/// A random 64-bit number, new for every start that does not find a runtime directory of its own boot. 16 hex digits in
/// text.
public struct StreamID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public var description: String { Hex.text(rawValue) }
}

/// What a batch is recognised by, together with the node's id; numbers begin at 1.
public struct BatchID: Hashable, Sendable {
    public var stream: StreamID
    public var lane: Lane
    public var sequence: UInt64
    public init(stream: StreamID, lane: Lane, sequence: UInt64) {
        self.stream = stream
        self.lane = lane
        self.sequence = sequence
    }
}

/// Consecutive numbers, both ends included.
public struct SequenceRange: Hashable, Sendable {
    public var first: UInt64
    public var last: UInt64
    public init(_ first: UInt64, _ last: UInt64) {
        self.first = first
        self.last = last
    }
}

public enum Hex {
    /// 16 lower-case digits.
    public static func text(_ value: UInt64) -> String { text(value, digits: 16) }

    public static func text(_ value: UInt64, digits: Int) -> String {
        let alphabet = Array("0123456789abcdef".utf8)
        var text = [UInt8](repeating: 0x30, count: digits)
        for place in 0..<digits { text[digits - 1 - place] = alphabet[Int((value >> (4 * UInt64(place))) & 0xF)] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Exactly 16 lower-case digits, or nil.
    public static func value(_ text: some StringProtocol) -> UInt64? {
        guard text.utf8.count == 16 else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
