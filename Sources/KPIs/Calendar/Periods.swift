// Which part of the day a moment belongs to, by the clock on the wall: day, evening and night for noise, peak and
// off-peak for traffic. The tags that contributions carry.

/// Day, evening and night of Directive 2002/49/EC Annex I: 07-19, 19-23 and 23-07 local time, unless the state chose
/// other hours. Legal time, summer time included: a night on which the clocks change has an hour more or less.
public struct NoisePeriods: Hashable, Sendable {
    public enum Period: String, Sendable, CaseIterable {
        case day = "d"
        case evening = "e"
        case night = "n"
    }

    /// Hours (0 to 23) at which each begins; the next one ends it.
    public let dayBegin: Int
    public let eveningBegin: Int
    public let nightBegin: Int

    public static let usual = NoisePeriods(uncheckedDay: 7, evening: 19, night: 23)

    /// Nil when the three do not follow each other once around the clock, each at least an hour long.
    public init?(dayBegin: Int, eveningBegin: Int, nightBegin: Int) {
        guard [dayBegin, eveningBegin, nightBegin].allSatisfy((0...23).contains) else { return nil }
        let lengths = [
            (eveningBegin - dayBegin + 24) % 24, (nightBegin - eveningBegin + 24) % 24,
            (dayBegin - nightBegin + 24) % 24,
        ]
        guard !lengths.contains(0), lengths.reduce(0, +) == 24 else { return nil }
        self.init(uncheckedDay: dayBegin, evening: eveningBegin, night: nightBegin)
    }

    private init(uncheckedDay day: Int, evening: Int, night: Int) {
        dayBegin = day
        eveningBegin = evening
        nightBegin = night
    }

    /// As a node's inventory tells them; none when they are the usual ones.
    public var toldHours: [Int64] {
        self == .usual ? [] : [Int64(dayBegin), Int64(eveningBegin), Int64(nightBegin)]
    }

    /// Nil when `toldHours` of no periods are so.
    public init?(toldHours hours: [Int64]) {
        guard hours.count == 3, hours.allSatisfy({ (0...23).contains($0) }) else { return nil }
        self.init(dayBegin: Int(hours[0]), eveningBegin: Int(hours[1]), nightBegin: Int(hours[2]))
    }

    /// Hours of each on a day of 24: the weights of Lden.
    public func hours(of period: Period) -> Int {
        switch period {
        case .day: (eveningBegin - dayBegin + 24) % 24
        case .evening: (nightBegin - eveningBegin + 24) % 24
        case .night: (dayBegin - nightBegin + 24) % 24
        }
    }

    public func period(of utcSecond: Int64, in zone: ZoneRules) -> Period {
        period(ofHour: Int(zone.localSecondOfDay(at: utcSecond) / 3_600))
    }

    private func period(ofHour hour: Int) -> Period {
        let sinceDay = (hour - dayBegin + 24) % 24
        if sinceDay < hours(of: .day) { return .day }
        return sinceDay < hours(of: .day) + hours(of: .evening) ? .evening : .night
    }

    /// Seconds of each within a local day, clock changes included.
    public func seconds(of day: LocalDay, in zone: ZoneRules) -> (day: Int64, evening: Int64, night: Int64) {
        var result: (day: Int64, evening: Int64, night: Int64) = (0, 0, 0)
        let midnight = day.daysSince1970 * 86_400
        zone.forEachPiece(of: day) { piece, offset in
            let local = piece.lowerBound + offset - midnight..<piece.upperBound + offset - midnight
            for hour in Int64(0)..<24 {
                let part = local.clamped(to: hour * 3_600..<(hour + 1) * 3_600)
                let seconds = part.upperBound - part.lowerBound
                switch period(ofHour: Int(hour)) {
                case .day: result.day += seconds
                case .evening: result.evening += seconds
                case .night: result.night += seconds
                }
            }
        }
        return result
    }
}

/// The peaks of road traffic: weekdays 06-09 and 16-19 local time, as the Urban Congestion Report of the US Federal
/// Highway Administration has them. Public holidays are not known here and count as the weekday they fall on.
public struct PeakPeriods: Hashable, Sendable {
    public enum Period: String, Sendable, CaseIterable {
        case peak = "p"
        case offPeak = "o"
    }

    /// Local hours, first to behind the last.
    public let morning: Range<Int>
    public let evening: Range<Int>

    public static let usual = PeakPeriods(unchecked: 6..<9, 16..<19)

    /// Nil when they leave the day, are empty, or are not one after the other.
    public init?(morning: Range<Int>, evening: Range<Int>) {
        guard morning.lowerBound >= 0, !morning.isEmpty, morning.upperBound <= evening.lowerBound, !evening.isEmpty,
            evening.upperBound <= 24
        else { return nil }
        self.init(unchecked: morning, evening)
    }

    private init(unchecked morning: Range<Int>, _ evening: Range<Int>) {
        self.morning = morning
        self.evening = evening
    }

    /// As a node's inventory tells them; none when they are the usual ones.
    public var toldHours: [Int64] {
        let hours = [morning.lowerBound, morning.upperBound, evening.lowerBound, evening.upperBound]
        return self == .usual ? [] : hours.map(Int64.init)
    }

    /// Nil when `toldHours` of no periods are so.
    public init?(toldHours hours: [Int64]) {
        guard hours.count == 4, hours.allSatisfy({ (0...24).contains($0) }), hours[0] <= hours[1],
            hours[2] <= hours[3]
        else {
            return nil
        }
        self.init(morning: Int(hours[0])..<Int(hours[1]), evening: Int(hours[2])..<Int(hours[3]))
    }

    public func period(of utcSecond: Int64, in zone: ZoneRules) -> Period {
        guard !zone.localDay(at: utcSecond).isWeekend else { return .offPeak }
        let hour = Int(zone.localSecondOfDay(at: utcSecond) / 3_600)
        return morning.contains(hour) || evening.contains(hour) ? .peak : .offPeak
    }
}
