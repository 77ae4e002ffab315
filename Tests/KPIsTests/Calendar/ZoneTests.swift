import KPIs
import Testing

@Suite("Local time")
struct ZoneTests {
    /// Whole hours, halves and quarters; summer times of an hour, of half an hour, over midnight, in winter (Ireland,
    /// Morocco), none, given up; a skipped day; rules of every form.
    static let zones = [
        "Europe/Madrid", "Europe/Dublin", "Europe/London", "Europe/Moscow", "Africa/Casablanca", "Africa/El_Aaiun",
        "Africa/Cairo", "Africa/Monrovia", "America/New_York", "America/Sao_Paulo", "America/St_Johns",
        "America/Nuuk", "America/Havana", "America/Santiago", "America/Caracas", "Asia/Kolkata", "Asia/Kathmandu",
        "Asia/Tehran", "Asia/Gaza", "Asia/Jerusalem", "Australia/Lord_Howe", "Australia/Adelaide", "Australia/Eucla",
        "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Antarctica/Troll", "Etc/UTC",
    ]

    @Test("28,000 random moments of 28 zones, from 1850 to 2500, have the local time that Python gives them")
    func oracle() throws {
        // Half of them near our time, where the rules are; a quarter next to a change.
        let script = """
            import random
            from datetime import datetime, timedelta, timezone
            from zoneinfo import ZoneInfo
            for name in "\(Self.zones.joined(separator: " "))".split():
                zone, chance, changes = ZoneInfo(name), random.Random(name), []
                at = lambda t: datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=t)
                offset = lambda t: int(at(t).astimezone(zone).utcoffset().total_seconds())
                for year in range(1970, 2100):
                    low = int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp())
                    for begin in range(low, low + 366 * 86400, 30 * 86400):
                        a, b = begin, begin + 30 * 86400
                        if offset(a) != offset(b):
                            while b - a > 1:
                                middle = (a + b) // 2
                                if offset(middle) == offset(a): a = middle
                                else: b = middle
                            changes.append(b)
                for number in range(1000):
                    t = chance.randrange(-3786912000, 16725225600) if number % 4 == 0 else \
            chance.randrange(946684800, 4102444800) if number % 4 < 3 or not changes else \
            chance.choice(changes) + chance.randrange(-2, 2)
                    there = at(t).astimezone(zone)
                    print(name, t, offset(t), there.year, there.month, there.day, there.isoweekday(),
                        there.hour * 3600 + there.minute * 60 + there.second)
            """
        let lines = try Zoneinfo.python(script)
        #expect(lines.count == 28_000)
        var zone = "", rules = ZoneRules.utc, wrong = 0
        for line in lines {
            let words = line.split(separator: " ")
            if words[0] != zone {
                zone = String(words[0])
                rules = try Zoneinfo.rules(zone)
            }
            let expected = words.dropFirst().map { Int64($0)! }
            let moment = expected[0], day = rules.localDay(at: moment)
            let found = [
                moment, rules.offsetSeconds(at: moment), day.year, Int64(day.month), Int64(day.day),
                Int64(day.weekday), rules.localSecondOfDay(at: moment),
            ]
            if found != expected {
                wrong += 1
                if wrong <= 10 { Issue.record("\(zone): \(found), Python has \(expected)") }
            }
        }
        #expect(wrong == 0)
    }

    @Test("Every zone of the machine's database is read, but for those with leap seconds, which are refused as such")
    func everyFile() throws {
        let names = Zoneinfo.names()
        #expect(names.count > 300)
        for name in names {
            let bytes = try Zoneinfo.bytes(name)
            if name.hasPrefix("right/") {
                #expect(refusal(bytes)?.found == "a table of leap seconds", "\(name)")
            } else {
                #expect(refusal(bytes) == nil, "\(name)")
            }
        }
    }

    @Test(
        "The day on which the clocks change has 23 or 25 hours, half an hour where the zone has half an hour, else 24",
        arguments: [
            ("Europe/Madrid", [(2_025, 3, 30, 82_800), (2_025, 10, 26, 90_000), (2_025, 10, 27, 86_400)]),
            ("Europe/Dublin", [(2_025, 3, 30, 82_800), (2_025, 10, 26, 90_000)]),
            ("Australia/Lord_Howe", [(2_025, 4, 6, 88_200), (2_025, 10, 5, 84_600), (2_025, 10, 6, 86_400)]),
            ("Asia/Kolkata", [(2_025, 3, 30, 86_400)]), ("Asia/Kathmandu", [(2_025, 10, 26, 86_400)]),
            // Summer time is the usual time there; the clocks go back for Ramadan.
            ("Africa/Casablanca", [(2_025, 2, 23, 90_000), (2_025, 4, 6, 82_800)]),
            // The clocks went on, and back, at midnight.
            ("America/Sao_Paulo", [(2_018, 11, 4, 82_800), (2_019, 2, 16, 90_000), (2_019, 2, 17, 86_400)]),
            // At one minute past midnight: the second 23rd hour belongs to the day before.
            ("America/St_Johns", [(2_010, 11, 6, 86_400 + 3_540), (2_010, 11, 7, 86_400 + 60)]),
            // The 30th of December 2011 did not happen.
            ("Pacific/Apia", [(2_011, 12, 29, 86_400), (2_011, 12, 30, 0), (2_011, 12, 31, 86_400)]),
            // From the rule alone.
            ("Europe/Madrid", [(2_150, 3, 29, 82_800), (2_150, 10, 25, 90_000), (2_400, 2, 29, 86_400)]),
        ] as [(String, [(Int64, Int, Int, Int64)])])
    func lengths(zone: String, days: [(Int64, Int, Int, Int64)]) throws {
        let rules = try Zoneinfo.rules(zone)
        for (year, month, number, seconds) in days {
            let day = day(year, month, number)
            #expect(rules.secondsOfLocalDay(day) == seconds, "\(zone) \(day)")
        }
    }

    @Test("Local days follow each other without gap or overlap, but where a clock went back over midnight")
    func intervals() throws {
        for zone in Self.zones {
            let rules = try Zoneinfo.rules(zone)
            var end: Int64?, seconds: Int64 = 0
            let first = day(2_000, 1, 1), last = day(2_045, 1, 1)
            for days in first.daysSince1970..<last.daysSince1970 {
                let day = LocalDay(daysSince1970: days)
                let interval = rules.interval(of: day)
                let length = rules.secondsOfLocalDay(day)
                seconds += length
                if let end, zone != "America/St_Johns", zone != "Asia/Gaza" {
                    #expect(interval.lowerBound == end, "\(zone) \(day)")
                    #expect(Int64(interval.count) == length, "\(zone) \(day)")
                }
                end = interval.upperBound
                guard !interval.isEmpty else { continue }
                #expect(rules.localDay(at: interval.lowerBound) == day, "\(zone) \(day)")
                #expect(rules.localDay(at: interval.upperBound - 1) == day, "\(zone) \(day)")
                #expect(rules.localDay(at: interval.lowerBound - 1) < day, "\(zone) \(day)")
                #expect(rules.localDay(at: interval.upperBound) > day, "\(zone) \(day)")
            }
            let begin = rules.interval(of: first).lowerBound
            #expect(seconds == rules.interval(of: last).lowerBound - begin, "\(zone): seconds lost or counted twice")
        }
    }

    @Test("Zones with half and quarter hours are known, from the moment asked about on")
    func quarters() throws {
        let now = utc(2_026, 1, 1)
        for (zone, isQuarter) in [
            ("Europe/Madrid", false), ("Asia/Kolkata", true), ("Asia/Kathmandu", true), ("Australia/Lord_Howe", true),
            ("Africa/Casablanca", false), ("Pacific/Chatham", true), ("America/St_Johns", true), ("Etc/UTC", false),
        ] {
            #expect(try Zoneinfo.rules(zone).hasQuarterOffsets(after: now) == isQuarter, "\(zone)")
        }
        // Half an hour from December 2007 to May 2016.
        let caracas = try Zoneinfo.rules("America/Caracas")
        #expect(caracas.hasQuarterOffsets(after: utc(2_016, 4, 30)))
        #expect(!caracas.hasQuarterOffsets(after: utc(2_016, 5, 2)))
        #expect(!ZoneRules.utc.hasQuarterOffsets(after: 0))
    }

    @Test("Universal time needs no file and is the file's; the ends of time do not trap")
    func universal() throws {
        let file = try Zoneinfo.rules("Etc/UTC")
        for moment in [Int64.min, -1, 0, 1_742_000_000, Int64.max] {
            for rules in [file, ZoneRules.utc, try Zoneinfo.rules("Europe/Madrid")] {
                let day = rules.localDay(at: moment)
                #expect((0..<86_400).contains(rules.localSecondOfDay(at: moment)))
                #expect(rules.secondsOfLocalDay(day) >= 0)
                _ = rules.interval(of: day)
                _ = rules.hasQuarterOffsets(after: moment)
            }
            #expect(file.localDay(at: moment) == ZoneRules.utc.localDay(at: moment))
        }
        #expect(ZoneRules.utc.secondsOfLocalDay(day(2_025, 3, 30)) == 86_400)
    }
}
