// How full parking spaces, loops and vehicles are: occupied time over all the time there was.

public enum Occupancy {
    /// The share of spot-time (the sum over the spots of the time that each was there) that was occupied, 0 ... 1; nil
    /// without any.
    public static func share(occupiedSeconds: Int128, spotSeconds: Int128) -> Double? {
        spotSeconds > 0 ? Double(occupiedSeconds) / Double(spotSeconds) : nil
    }

    /// The same of spots that were all there for one time; nil without spots or time.
    public static func share(occupiedSeconds: Int64, spots: Int64, seconds: Int64) -> Double? {
        guard spots > 0, seconds > 0 else { return nil }
        return share(occupiedSeconds: Int128(occupiedSeconds), spotSeconds: Int128(spots) * Int128(seconds))
    }

    /// The share of a window that a detector was covered, 0 ... 1; nil without a window.
    public static func share(presenceMilliseconds: Int64, windowMilliseconds: Int64) -> Double? {
        windowMilliseconds > 0 ? Double(presenceMilliseconds) / Double(windowMilliseconds) : nil
    }

    /// Arrivals for each spot in the period; nil without spots.
    public static func turnover(arrivals: Int128, spots: Int128) -> Double? {
        spots > 0 ? Double(arrivals) / Double(spots) : nil
    }
}
