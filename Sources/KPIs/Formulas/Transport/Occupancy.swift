// How full parking spaces, loops and vehicles are: occupied time over all the time there was.

public enum Occupancy {
    /// The share of spot-time that was occupied, 0 ... 1; nil without spots or time.
    public static func share(occupiedSeconds: Int64, spots: Int64, seconds: Int64) -> Double? {
        guard spots > 0, seconds > 0 else { return nil }
        return Double(occupiedSeconds) / (Double(spots) * Double(seconds))
    }

    /// The share of a window that a detector was covered, 0 ... 1; nil without a window.
    public static func share(presenceMilliseconds: Int64, windowMilliseconds: Int64) -> Double? {
        windowMilliseconds > 0 ? Double(presenceMilliseconds) / Double(windowMilliseconds) : nil
    }

    /// Arrivals for each spot in the period; nil without spots.
    public static func turnover(arrivals: Int64, spots: Int64) -> Double? {
        spots > 0 ? Double(arrivals) / Double(spots) : nil
    }
}
