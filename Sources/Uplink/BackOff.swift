// How long to wait before trying again: full jitter, so that a thousand nodes that lost their broker together do not
// come back together.

public import World

/// The n-th delay is uniform in 0 ... min(cap, base × 2^n), n from 0.
public struct BackOff: Sendable {
    public let base: Duration
    public let cap: Duration
    /// Delays taken since the last success.
    public private(set) var attempts = 0

    public init(base: Duration, cap: Duration) {
        invariant(base > .zero && cap >= base, "back-off from \(base) to \(cap)")
        self.base = base
        self.cap = cap
    }

    /// The longest that the next delay can be.
    public var longestNext: Duration {
        let base = base.nanoseconds
        let cap = cap.nanoseconds
        // Doubling stops where it would pass the cap, so it cannot overflow however long a broker stays away.
        guard attempts < 62, base <= cap >> Int64(attempts) else { return .nanoseconds(cap) }
        return .nanoseconds(base << Int64(attempts))
    }

    public mutating func next(_ random: inout Random) -> Duration {
        let longest = UInt64(longestNext.nanoseconds)
        attempts += 1
        return .nanoseconds(Int64(random.below(longest + 1)))
    }

    public mutating func reset() { attempts = 0 }
}
