// Vehicles that passed: travel times add, speeds do not. The space-mean speed is count / Σ travel time; free flow is
// the 85th percentile of the histogram of off-peak hours.

public struct TravelState: Mergeable {
    public var vehicles: Int64
    /// Σ milliseconds per kilometre.
    public var millisecondsPerKilometre: Int64
    /// Vehicles by km/h.
    public var speeds: Histogram

    public init() { self.init(vehicles: 0, millisecondsPerKilometre: 0) }

    public init(vehicles: Int64, millisecondsPerKilometre: Int64, speeds: Histogram = Histogram()) {
        self.vehicles = vehicles
        self.millisecondsPerKilometre = millisecondsPerKilometre
        self.speeds = speeds
    }

    public func joined(with other: TravelState) -> TravelState? {
        guard let vehicles = sum(vehicles, other.vehicles),
            let time = sum(millisecondsPerKilometre, other.millisecondsPerKilometre),
            let speeds = speeds.joined(with: other.speeds)
        else { return nil }
        return TravelState(vehicles: vehicles, millisecondsPerKilometre: time, speeds: speeds)
    }
}
