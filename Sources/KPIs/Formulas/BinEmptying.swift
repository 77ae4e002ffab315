// When a waste bin was emptied, from its fill level: a fall of at least 30 points within 10 minutes that ends at 20 %
// or below. A lid that opens, a bag that slumps and an echo that misses for a moment are none. The rule is ours.

public struct BinEmptying: Hashable, Sendable {
    public private(set) var emptyings: Int64 = 0
    /// What the level may have fallen from: samples of the last 10 minutes, each lower than the one before (a sample
    /// below a later one can never be the higher end). At most one for each tenth of a per cent from 30 % up.
    private var highs: [Sample] = []

    private struct Sample: Hashable, Sendable {
        var seconds: Int64
        var tenths: Int
    }

    private static let windowSeconds: Int64 = 600
    private static let fall = 300
    private static let emptyTenths = 200

    public init() {}

    /// Adds a level in tenths of a per cent at a second of any steady clock, in order. True when this sample shows that
    /// the bin was emptied. Levels outside 0 ... 100 % are taken as the nearest end.
    public mutating func add(tenthsOfPercent level: Int, atSecond seconds: Int64) -> Bool {
        let level = min(max(level, 0), 1_000)
        highs.removeAll { seconds - $0.seconds > Self.windowSeconds || $0.tenths <= level }
        if level <= Self.emptyTenths, let highest = highs.first, highest.tenths - level >= Self.fall {
            emptyings += 1
            highs.removeAll(keepingCapacity: true)
            return true
        }
        // Lower ones cannot fall by 30 points.
        if level >= Self.fall { highs.append(Sample(seconds: seconds, tenths: level)) }
        return false
    }
}
