// Statistical levels L10, L50, L90: what is exceeded in so many per cent of the time (ISO 1996-1), from a histogram of
// seconds by tenths of a decibel. Exact, and the same for every order in which histograms were merged; between two
// levels nothing is interpolated. For the platform's own programs (product KPIs): no indicator asks for them, the
// histograms that the nodes contribute hold them.

/// Seconds (or samples) at a level.
public struct LevelBin: Hashable, Sendable {
    /// The lower edge of the bin, in tenths of a decibel.
    public var tenthsOfDecibel: Int
    public var seconds: Int64

    public init(tenthsOfDecibel: Int, seconds: Int64) {
        self.tenthsOfDecibel = tenthsOfDecibel
        self.seconds = seconds
    }
}

public enum LevelPercentile {
    /// L_N in tenths of a decibel: the lower edge of the highest bin at or above which the level was for at least N %
    /// of the time. `percent` is N, 1 ... 100. Nil for an empty histogram.
    public static func level(exceededPercent percent: Int, in bins: [LevelBin]) -> Int? {
        guard (1...100).contains(percent) else { return nil }
        let total = bins.reduce(Int128(0)) { $0 + Int128($1.seconds) }
        guard total > 0 else { return nil }
        var above: Int128 = 0
        for bin in bins.sorted(by: { $0.tenthsOfDecibel > $1.tenthsOfDecibel }) {
            above += Int128(bin.seconds)
            if 100 * above >= Int128(percent) * total { return bin.tenthsOfDecibel }
        }
        return nil
    }
}
