// One message of the `contributions` lane, as the platform receives it:
//
//     {"v":1,"node":"lamppost-0042","stream":"7f3a91c2d04be815","lane":"contributions","seq":12, …,
//      "items":[{"t":0, …}, …]}
//
// Members of the message that are not known are ignored; an unknown `v` is refused. An item that is refused does not
// take its neighbours with it: it is counted with its reason. A contribution that cites a binding which the message
// does not say before it is handed on as it is (`BindingBook`).

public struct ContributionBatch: Equatable, Sendable {
    /// Longest message, bytes.
    public static let longest = 4 << 20

    public var node: String
    public var stream: UInt64
    public var seq: UInt64
    public var contributions: [Contribution]
    /// The bindings that it says, in order.
    public var bindings: [ContributionBinding]
    /// Contributions whose binding it does not say.
    public var unbound: [UnboundContribution]
    /// Contributions and bindings that were refused, and why.
    public var refused: [ContributionFault]
    /// Items of other kinds (day sheets, tombstones).
    public var otherItems: Int

    public static func parse(_ bytes: [UInt8]) throws(ContributionFault) -> ContributionBatch {
        guard bytes.count <= longest else { throw .tooLong(bytes: bytes.count, limit: longest) }
        var version: Int64?
        var node: String?
        var stream: UInt64?
        var lane: String?
        var seq: UInt64?
        var items: [Range<Int>]?
        var reader = JSONReader(bytes)
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "v": version = try reader.integer()
            case "node": node = try reader.string()
            case "stream": stream = try reader.hexadecimal("stream")
            case "lane": lane = try reader.string()
            case "seq": seq = try reader.unsigned()
            case "items":
                var places: [Range<Int>] = []
                try reader.array { reader throws(ContributionFault) in places.append(try reader.skip()) }
                items = places
            default: try reader.skip()
            }
        }
        try reader.finish()
        guard let version else { throw .missing("v") }
        guard version == 1 else { throw .unknownVersion(version) }
        guard let lane else { throw .missing("lane") }
        guard lane == "contributions" else { throw .otherLane(lane) }
        guard let node else { throw .missing("node") }
        guard let stream else { throw .missing("stream") }
        guard let seq else { throw .missing("seq") }
        guard let items else { throw .missing("items") }
        var batch = ContributionBatch(
            node: node, stream: stream, seq: seq, contributions: [], bindings: [], unbound: [], refused: [],
            otherItems: 0)
        var known: [UInt64: ContributionBinding] = [:]
        for place in items { try batch.take(bytes, in: place, &known) }
        return batch
    }

    private mutating func take(
        _ bytes: [UInt8], in place: Range<Int>, _ known: inout [UInt64: ContributionBinding]
    ) throws(ContributionFault) {
        let fault: ContributionFault
        do throws(ContributionFault) {
            switch try ContributionItem.parse(bytes, in: place, known: known) {
            case .contribution(let contribution): contributions.append(contribution)
            case .binding(let binding):
                known[binding.id] = binding
                bindings.append(binding)
            }
            return
        } catch {
            fault = error
        }
        switch fault {
        case .unknownBinding(let id):
            unbound.append(UnboundContribution(binding: id, bytes: Array(bytes[place])))
        default:
            switch try Self.kind(bytes, in: place) {
            case "contribution", "correction", "binding": refused.append(fault)
            default: otherItems += 1
            }
        }
    }

    /// The `kind` of an item, whatever else it is made of; nil when it has none.
    private static func kind(_ bytes: [UInt8], in place: Range<Int>) throws(ContributionFault) -> String? {
        guard bytes[place.lowerBound] == UInt8(ascii: "{") else { return nil }
        var kind: String?
        var reader = JSONReader(bytes, in: place)
        try reader.object { reader, name throws(ContributionFault) in
            let value = try reader.skip()
            guard name == "kind", bytes[value.lowerBound] == UInt8(ascii: "\"") else { return }
            var inner = JSONReader(bytes, in: value)
            kind = try inner.string()
        }
        return kind
    }
}
