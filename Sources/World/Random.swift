// Randomness is handed in, never taken: from the kernel in the field, from a seed in the simulator.

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough for jitter, stream numbers and simulated faults.
/// Not for keys.
public struct Random: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// True with probability `numerator / denominator`.
    public mutating func chance(_ numerator: UInt64, in denominator: UInt64) -> Bool {
        next() % denominator < numerator
    }

    /// Uniform in 0 ..< bound (bound > 0).
    public mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
}
