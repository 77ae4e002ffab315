// That an asset was watched: a meter read, a stretch of pipe or street measured, a display fed. Which asset, and how
// long it is, is said by the contribution's labels and weight; across nodes the assets are united (`AssetUnion`), not
// summed.

public struct PresenceState: Mergeable {
    /// Seconds with valid readings.
    public var liveSeconds: Int64
    /// Valid readings.
    public var readings: Int64

    public init() { self.init(liveSeconds: 0, readings: 0) }

    public init(liveSeconds: Int64, readings: Int64) {
        self.liveSeconds = liveSeconds
        self.readings = readings
    }

    public func joined(with other: PresenceState) -> PresenceState? {
        guard let live = sum(liveSeconds, other.liveSeconds), let readings = sum(readings, other.readings) else {
            return nil
        }
        return PresenceState(liveSeconds: live, readings: readings)
    }
}
