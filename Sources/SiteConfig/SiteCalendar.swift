// The site's local calendar, as the folding of contributions needs it.

public import KPIs

extension Site {
    /// By the rules of the node's time zone and its own parts of the day; nil when the zone's rules are not at hand.
    public var calendar: KPICalendar? {
        guard let zone else { return nil }
        return KPICalendar(zone: zone.rules, version: zone.version, noise: noisePeriods, peaks: peakPeriods)
    }
}
