// The least and the greatest value. Idempotent by itself.

public struct Extremes: Mergeable {
    /// Both nil: nothing was seen.
    public private(set) var least: Int64?
    public private(set) var greatest: Int64?

    public init() {}

    public init(least: Int64, greatest: Int64) {
        self.least = least
        self.greatest = greatest
    }

    public mutating func add(_ value: Int64) {
        least = min(least ?? value, value)
        greatest = max(greatest ?? value, value)
    }

    public func joined(with other: Extremes) -> Extremes? {
        var joined = self
        if let least = other.least { joined.add(least) }
        if let greatest = other.greatest { joined.add(greatest) }
        return joined
    }
}
