// The site's local calendar, as the folding of contributions needs it.

public import KPIs

extension Site {
    /// By the rules of the node's time zone and its own parts of the day; nil when the zone's rules are not at hand.
    public var calendar: KPICalendar? {
        guard let zone else { return nil }
        let rules = zone.rules
        var calendar = KPICalendar(version: zone.version) { Int(rules.offsetSeconds(at: $0)) }
        calendar.dayBegins = noisePeriods.dayBegin
        calendar.eveningBegins = noisePeriods.eveningBegin
        // A night that begins at midnight begins where the evening's day ends.
        calendar.nightBegins = noisePeriods.nightBegin == 0 ? 24 : noisePeriods.nightBegin
        calendar.peaks = [peakPeriods.morning, peakPeriods.evening]
        return calendar
    }
}
