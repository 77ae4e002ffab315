// A histogram with fixed bins: exact, deterministic, and mergeable in any order. Best for bounded quantities: levels
// in tenths of a decibel, speeds in km/h.

public struct Histogram: Mergeable {
    /// Bins in use at most; a bin's number times the bin's width is its lower edge.
    public static let bins = 0...4_095
    /// By bin; may be shorter than the range: what is not there is 0. No trailing zeros, so that equal histograms
    /// are equal values.
    public private(set) var counts: [Int64] = []

    public init() {}

    /// Room for bins up to `highest`, so that adding does not allocate.
    public mutating func reserve(upTo highest: Int) { counts.reserveCapacity(highest + 1) }

    /// Values outside of the range are counted in its first or last bin. False when the count does not fit.
    public mutating func add(_ amount: Int64, toBin bin: Int) -> Bool {
        guard amount != 0 else { return true }
        let bin = min(max(bin, Self.bins.lowerBound), Self.bins.upperBound)
        while counts.count <= bin { counts.append(0) }
        guard let joined = sum(counts[bin], amount) else { return false }
        counts[bin] = joined
        return true
    }

    public func joined(with other: Histogram) -> Histogram? {
        var joined = counts.count >= other.counts.count ? self : other
        let shorter = counts.count >= other.counts.count ? other : self
        for (bin, count) in shorter.counts.enumerated() where count != 0 {
            guard joined.add(count, toBin: bin) else { return nil }
        }
        return joined
    }

    /// Bins that are not empty, in order.
    public var occupied: [(bin: Int, count: Int64)] {
        counts.enumerated().compactMap { $0.element == 0 ? nil : (bin: $0.offset, count: $0.element) }
    }

    /// Nil when a sum does not fit.
    public var total: Int64? {
        var total: Int64 = 0
        for count in counts {
            guard let next = sum(total, count) else { return nil }
            total = next
        }
        return total
    }
}
