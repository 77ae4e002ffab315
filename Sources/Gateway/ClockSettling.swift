// When the wall clock deserves trust, and what ties the boot clock to it.

public import World

/// Follows the wall clock. The anchor stays the same while the two clocks run together, so that batches share it.
public struct ClockSettling: Sendable {
    public enum Change: Equatable, Sendable {
        case none
        /// Trusted for the first time in this run, or again after a step.
        case settled(Anchor)
        case stepped(Anchor, by: Duration)
    }

    private let trustsSystem: Bool
    public private(set) var anchor: Anchor?
    private var nextLook = Boottime(nanoseconds: 0)

    public init(trustsSystem: Bool) { self.trustsSystem = trustsSystem }

    /// Looks at most once a second.
    public mutating func look(at now: Boottime, _ wall: () -> WallReading) -> Change {
        guard now >= nextLook else { return .none }
        nextLook = now + Limits.clockLookEvery
        let reading = wall()
        guard trustsSystem || reading.isSynchronised else { return .none }
        let fresh = Anchor(
            offsetNanoseconds: reading.utc.nanoseconds &- reading.boottime.nanoseconds,
            boundNanoseconds: reading.maximumErrorNanoseconds)
        // Whoever trusts it: such a clock was never set.
        guard UTC(nanoseconds: fresh.offsetNanoseconds) >= .earliest else { return .none }
        guard let old = anchor else {
            anchor = fresh
            return .settled(fresh)
        }
        let moved = Duration.nanoseconds(fresh.offsetNanoseconds &- old.offsetNanoseconds)
        guard moved.magnitude > Limits.anchorTolerance else { return .none }
        anchor = fresh
        return moved.magnitude > Limits.clockStep ? .stepped(fresh, by: moved) : .none
    }
}

extension Duration {
    var magnitude: Duration { self < .zero ? .zero - self : self }
}
