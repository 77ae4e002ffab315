// The local calendar as contributions need it: in which local day a window begins, and in which part of it. A value: who
// makes it knows the tz database, here are only whole seconds.

public struct KPICalendar: Sendable {
    /// Seconds that local time is ahead of UTC at a UTC second.
    public var offset: @Sendable (Int64) -> Int
    /// Of the tz database in force; nil: local time is UTC and no table was asked.
    public var version: String?
    /// Local hours at which day, evening and night of noise begin (2002/49/EC Annex I: 7, 19, 23; a state may shorten
    /// the evening).
    public var dayBegins = 7
    public var eveningBegins = 19
    public var nightBegins = 23
    /// Local hours of the peaks of traffic, Monday to Friday (FHWA Urban Congestion Report: 6 to 9 and 16 to 19).
    public var peaks = [6..<9, 16..<19]

    public static let utc = KPICalendar(version: nil) { _ in 0 }

    public init(version: String?, offset: @escaping @Sendable (Int64) -> Int) {
        self.version = version
        self.offset = offset
    }

    /// `2026-11-21`: the local day that the UTC second lies in.
    public func day(of second: Int64) -> String {
        let (year, month, day) = civil(days: local(second).days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    public func noisePeriod(of second: Int64) -> Period {
        let hour = local(second).hour
        if (dayBegins..<eveningBegins).contains(hour) { return .day }
        return (eveningBegins..<nightBegins).contains(hour) ? .evening : .night
    }

    public func trafficPeriod(of second: Int64) -> Period {
        let (days, hour) = local(second)
        // 1970-01-01 was a Thursday.
        let weekday = (days + 3) - gridStart(of: days + 3, length: 7)
        return weekday < 5 && peaks.contains { $0.contains(hour) } ? .peak : .offPeak
    }

    /// Days since 1970-01-01 and hour of the day.
    private func local(_ second: Int64) -> (days: Int64, hour: Int) {
        let seconds = second + Int64(offset(second))
        let midnight = gridStart(of: seconds, length: 86_400)
        return (midnight / 86_400, Int((seconds - midnight) / 3_600))
    }

    /// Howard Hinnant's days-to-civil: the year begins with March, so that the leap day is its last.
    private func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = gridStart(of: shifted, length: 146_097) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
