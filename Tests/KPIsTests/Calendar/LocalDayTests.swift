import KPIs
import Testing

@Suite("Days of the calendar")
struct LocalDayTests {
    @Test("Counting from 1899 to 2401, every day follows the one before, by the rules of the Gregorian calendar")
    func everyDay() {
        var year: Int64 = 1_899, month = 1, number = 1
        let first = day(year, month, number).daysSince1970
        for days in first..<first + 502 * 366 {
            let day = LocalDay(daysSince1970: days)
            guard day.year == year, day.month == month, day.day == number,
                LocalDay(year: year, month: month, day: number)?.daysSince1970 == days
            else {
                Issue.record("\(day) instead of \(year)-\(month)-\(number)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            number += 1
            if number > length { (month, number) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test("Dates that there are not are none, and those at the ends of all arithmetic do not trap")
    func ends() {
        #expect(LocalDay(year: 2_025, month: 2, day: 29) == nil && LocalDay(year: 2_024, month: 2, day: 29) != nil)
        #expect(LocalDay(year: 2_100, month: 2, day: 29) == nil && LocalDay(year: 2_000, month: 2, day: 29) != nil)
        #expect(LocalDay(year: 2_025, month: 0, day: 1) == nil && LocalDay(year: 2_025, month: 4, day: 31) == nil)
        #expect(LocalDay(year: 2_025, month: 13, day: 1) == nil && LocalDay(year: 2_025, month: 4, day: 0) == nil)
        for days in [Int64.min, Int64.max] {
            let day = LocalDay(daysSince1970: days)
            #expect(day.advanced(byDays: days).daysSince1970 == day.daysSince1970)
            #expect((1...12).contains(day.month) && (1...31).contains(day.day))
        }
    }

    @Test("Weekdays are those of ISO 8601, also before 1970, and dates are written as it has them")
    func weekdays() {
        #expect(day(1_970, 1, 1).weekday == 4 && day(1_969, 12, 28).weekday == 7 && day(1_969, 12, 29).weekday == 1)
        #expect(day(2_000, 2, 29).weekday == 2 && day(2_025, 3, 30).weekday == 7)
        #expect(day(2_025, 3, 29).isWeekend && !day(2_025, 3, 28).isWeekend)
        #expect(day(2_025, 3, 30).description == "2025-03-30" && day(99, 1, 2).description == "0099-01-02")
        #expect(day(2_024, 2, 28).advanced(byDays: 2) == day(2_024, 3, 1))
        #expect(day(2_024, 12, 31) < day(2_025, 1, 1))
    }
}
