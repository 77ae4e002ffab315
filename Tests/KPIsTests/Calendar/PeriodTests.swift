import KPIs
import Testing

@Suite("Parts of the day")
struct PeriodTests {
    @Test("Madrid's day, evening and night have the seconds of V-NO-6, also when the clocks change")
    func madrid() throws {
        let zone = try Zoneinfo.rules("Europe/Madrid")
        for (date, night) in [
            (day(2_025, 6, 1), 28_800), (day(2_025, 3, 30), 25_200), (day(2_025, 10, 26), 32_400),
            (day(2_024, 2, 29), 28_800), (day(2_200, 7, 1), 28_800),
        ] as [(LocalDay, Int64)] {
            let seconds = NoisePeriods.usual.seconds(of: date, in: zone)
            #expect(seconds == (43_200, 14_400, night), "\(date)")
        }
    }

    @Test(
        "Counted second by second, the periods of a day are those of its sum, in zones of every kind",
        arguments: [
            ("Europe/Madrid", day(2_025, 3, 30)), ("Europe/Madrid", day(2_025, 10, 26)),
            ("Australia/Lord_Howe", day(2_025, 4, 6)), ("Asia/Kathmandu", day(2_025, 1, 1)),
            ("America/St_Johns", day(2_010, 11, 6)), ("America/Sao_Paulo", day(2_018, 11, 4)),
        ])
    func counted(zone name: String, date: LocalDay) throws {
        let zone = try Zoneinfo.rules(name)
        for periods in [NoisePeriods.usual, NoisePeriods(dayBegin: 6, eveningBegin: 20, nightBegin: 22)!] {
            var seconds: (day: Int64, evening: Int64, night: Int64) = (0, 0, 0)
            let interval = zone.interval(of: date)
            for second in interval where zone.localDay(at: second) == date {
                switch periods.period(of: second, in: zone) {
                case .day: seconds.day += 1
                case .evening: seconds.evening += 1
                case .night: seconds.night += 1
                }
            }
            #expect(periods.seconds(of: date, in: zone) == seconds)
            #expect(seconds.day + seconds.evening + seconds.night == zone.secondsOfLocalDay(date))
        }
    }

    @Test("A second on the border belongs to the later period, by legal time")
    func borders() throws {
        let zone = try Zoneinfo.rules("Europe/Madrid")
        // Summer time, two hours ahead.
        for (hour, minute, period) in [
            (4, 59, NoisePeriods.Period.night), (5, 0, .day), (16, 59, .day), (17, 0, .evening), (20, 59, .evening),
            (21, 0, .night),
        ] as [(Int64, Int64, NoisePeriods.Period)] {
            #expect(NoisePeriods.usual.period(of: utc(2_025, 7, 1, hour, minute), in: zone) == period)
        }
        #expect(NoisePeriods.Period.allCases.map(\.rawValue) == ["d", "e", "n"])
    }

    @Test("Hours that do not go once around the clock are refused; those that do sum to 24")
    func hours() {
        for (day, evening, night) in [(7, 19, 23), (6, 18, 22), (7, 19, 0), (8, 20, 1), (7, 20, 23)] {
            let periods = NoisePeriods(dayBegin: day, eveningBegin: evening, nightBegin: night)
            #expect(NoisePeriods.Period.allCases.reduce(0) { $0 + (periods?.hours(of: $1) ?? 0) } == 24)
        }
        for (day, evening, night) in [(7, 23, 19), (7, 7, 23), (7, 19, 7), (7, 19, 19), (-1, 19, 23), (7, 19, 24)] {
            #expect(NoisePeriods(dayBegin: day, eveningBegin: evening, nightBegin: night) == nil)
        }
        #expect(NoisePeriods(dayBegin: 7, eveningBegin: 19, nightBegin: 23) == .usual)
        #expect(NoisePeriods.Period.allCases.map(NoisePeriods.usual.hours) == [12, 4, 8])
    }

    @Test("Peak is 6 to 9 and 16 to 19 on weekdays, by the clock on the wall")
    func peaks() throws {
        let zone = try Zoneinfo.rules("America/New_York")
        let usual = PeakPeriods.usual
        var hours: [Int64: Int] = [:]
        // A week of standard time, five hours behind: Monday to Sunday.
        let monday = utc(2_025, 1, 6, 5)
        for quarter in Int64(0)..<7 * 96 where usual.period(of: monday + quarter * 900, in: zone) == .peak {
            hours[quarter / 4 % 24, default: 0] += 1
        }
        #expect(hours == [6: 20, 7: 20, 8: 20, 16: 20, 17: 20, 18: 20])
        // Friday evening there is Saturday already in universal time.
        #expect(usual.period(of: utc(2_025, 1, 11, 0) - 1, in: zone) == .peak)
        #expect(usual.period(of: utc(2_025, 1, 11, 12), in: zone) == .offPeak)
        #expect(PeakPeriods(morning: 6..<9, evening: 8..<19) == nil)
        #expect(PeakPeriods(morning: 6..<6, evening: 8..<9) == nil)
        #expect(PeakPeriods(morning: 6..<9, evening: 16..<25) == nil)
        #expect(PeakPeriods(morning: 6..<9, evening: 16..<19) == usual)
        #expect(PeakPeriods.Period.allCases.map(\.rawValue) == ["p", "o"])
    }
}
