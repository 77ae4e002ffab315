// The least and the greatest value, each with the earliest moment at which it was seen. Idempotent by itself.

public struct TimedExtremes: Mergeable {
    public struct Extreme: Equatable, Sendable {
        public var value: Int64
        /// UTC seconds.
        public var second: Int64
    }

    /// Both nil: nothing was seen.
    public private(set) var least: Extreme?
    public private(set) var greatest: Extreme?

    public init() {}

    public mutating func add(_ value: Int64, at second: Int64) {
        take(Extreme(value: value, second: second), Extreme(value: value, second: second))
    }

    private mutating func take(_ low: Extreme, _ high: Extreme) {
        // Of equal values the earliest moment.
        let isLower = least.map { low.value == $0.value ? low.second < $0.second : low.value < $0.value }
        let isHigher = greatest.map { high.value == $0.value ? high.second < $0.second : high.value > $0.value }
        if isLower ?? true { least = low }
        if isHigher ?? true { greatest = high }
    }

    public func joined(with other: TimedExtremes) -> TimedExtremes? {
        guard let low = other.least, let high = other.greatest else { return self }
        var joined = self
        joined.take(low, high)
        return joined
    }
}
