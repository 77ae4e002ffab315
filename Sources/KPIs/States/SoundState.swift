// Sound: energies add, levels do not. One day at 140 dB is 8.64 × 10^18, which fits into 63 bits; days are added in
// 128.

public struct SoundState: Mergeable {
    /// Σ round(10^(L/10)) × seconds, in units of p0² s (p0 = 20 µPa).
    public var energy: Int64
    public var seconds: Int64
    /// Seconds by tenths of a decibel, for L10, L50 and L90.
    public var histogram: Histogram
    /// Tenths of a decibel.
    public var extremes: Extremes

    public init() { self.init(energy: 0, seconds: 0) }

    public init(energy: Int64, seconds: Int64, histogram: Histogram = Histogram(), extremes: Extremes = Extremes()) {
        self.energy = energy
        self.seconds = seconds
        self.histogram = histogram
        self.extremes = extremes
    }

    public func joined(with other: SoundState) -> SoundState? {
        guard let energy = sum(energy, other.energy), let seconds = sum(seconds, other.seconds),
            let histogram = histogram.joined(with: other.histogram),
            let extremes = extremes.joined(with: other.extremes)
        else { return nil }
        return SoundState(energy: energy, seconds: seconds, histogram: histogram, extremes: extremes)
    }
}
