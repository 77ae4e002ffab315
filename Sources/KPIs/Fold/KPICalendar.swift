// The local calendar as contributions need it: in which local day a window begins, and in which part of it.

public struct KPICalendar: Equatable, Sendable {
    public var zone: ZoneRules
    /// Of the tz database in force; nil: local time is UTC and no table was asked.
    public var version: String?
    public var noise: NoisePeriods
    public var peaks: PeakPeriods

    public static let utc = KPICalendar(zone: .utc, version: nil)

    public init(
        zone: ZoneRules, version: String?, noise: NoisePeriods = .usual, peaks: PeakPeriods = .usual
    ) {
        self.zone = zone
        self.version = version
        self.noise = noise
        self.peaks = peaks
    }

    /// `2026-11-21`: the local day that the UTC second lies in.
    public func day(of second: Int64) -> String { zone.localDay(at: second).description }

    public func noisePeriod(of second: Int64) -> Period {
        switch noise.period(of: second, in: zone) {
        case .day: .day
        case .evening: .evening
        case .night: .night
        }
    }

    public func trafficPeriod(of second: Int64) -> Period {
        peaks.period(of: second, in: zone) == .peak ? .peak : .offPeak
    }
}
