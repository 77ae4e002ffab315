// Assets by their ids, each once however many nodes watch it: metres of street, pipe or cable, meters, stops. What is
// known of one asset is the greatest that anybody says. Idempotent by itself.

public struct AssetUnion: Mergeable {
    /// Metres, or 1; by the asset's id.
    public private(set) var sizes: [String: Int64] = [:]

    public init() {}

    public mutating func add(_ asset: String, size: Int64) { sizes[asset] = max(sizes[asset] ?? size, size) }

    public func joined(with other: AssetUnion) -> AssetUnion? {
        var joined = self
        for (asset, size) in other.sizes { joined.add(asset, size: size) }
        return joined
    }

    public var count: Int { sizes.count }

    public var total: Int128 { sizes.values.reduce(Int128(0)) { $0 + Int128($1) } }
}
