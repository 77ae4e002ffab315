// Something is there or it is not: a parking space, a spilling overflow. How long, and how often it began.

public struct OccupancyState: Mergeable {
    /// Seconds occupied, of the window's valid seconds.
    public var occupiedSeconds: Int64
    /// How often it began.
    public var arrivals: Int64

    public init() { self.init(occupiedSeconds: 0, arrivals: 0) }

    public init(occupiedSeconds: Int64, arrivals: Int64) {
        self.occupiedSeconds = occupiedSeconds
        self.arrivals = arrivals
    }

    public func joined(with other: OccupancyState) -> OccupancyState? {
        guard let occupied = sum(occupiedSeconds, other.occupiedSeconds), let arrivals = sum(arrivals, other.arrivals)
        else { return nil }
        return OccupancyState(occupiedSeconds: occupied, arrivals: arrivals)
    }
}
