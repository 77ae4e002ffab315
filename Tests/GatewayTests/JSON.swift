// Messages as trees, read by the project's own strict reader of JSON.

import KPIs

/// Numbers stay text: what was sent is what is compared.
indirect enum JSON: Equatable, Sendable {
    case object([String: JSON])
    case array([JSON])
    case text(String)
    /// Numbers, `true`, `false`.
    case literal(String)

    init(_ bytes: [UInt8]) throws {
        var reader = JSONReader(bytes)
        self = try Self.value(&reader, bytes)
        try reader.finish()
    }

    private static func value(_ reader: inout JSONReader, _ bytes: [UInt8]) throws(ContributionFault) -> JSON {
        var place = reader.offset
        while place < bytes.count, bytes[place] <= 0x20 { place += 1 }
        switch place < bytes.count ? bytes[place] : 0 {
        case UInt8(ascii: "{"):
            var members: [String: JSON] = [:]
            try reader.object { reader, name throws(ContributionFault) in members[name] = try value(&reader, bytes) }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSON] = []
            try reader.array { reader throws(ContributionFault) in elements.append(try value(&reader, bytes)) }
            return .array(elements)
        case UInt8(ascii: "\""): return .text(try reader.string())
        default: return .literal(String(decoding: bytes[try reader.skip()], as: UTF8.self))
        }
    }

    subscript(name: String) -> JSON? {
        if case .object(let members) = self { members[name] } else { nil }
    }
    var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
    var string: String? { if case .text(let text) = self { text } else { nil } }
    /// As it stood in the message.
    var number: String? { if case .literal(let text) = self { text } else { nil } }
}
