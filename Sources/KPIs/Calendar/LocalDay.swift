// A day of the civil calendar: what a wall calendar shows, without clock and without zone.

/// A date of the proleptic Gregorian calendar.
public struct LocalDay: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1970-01-01, negative before.
    public let daysSince1970: Int64
    public let year: Int64
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    public init(daysSince1970 days: Int64) {
        let days = min(max(days, -Self.limit), Self.limit)
        daysSince1970 = days
        // Years begin in March here, so that the leap day is the last one of its year; 400 of them are 146,097 days
        // (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Nil for a date that there is not.
    public init?(year: Int64, month: Int, day: Int) {
        guard (-999_999...999_999).contains(year), (1...12).contains(month),
            day >= 1, day <= Self.daysInMonth(month, of: year)
        else { return nil }
        self.init(daysSince1970: Self.days(year: year, month: month, day: day))
    }

    /// About a million years either way: all arithmetic on seconds stays far from overflow.
    static let limit: Int64 = 400_000_000

    /// 1 Monday to 7 Sunday (ISO 8601).
    public var weekday: Int {
        // 1970-01-01 was a Thursday.
        let shifted = (daysSince1970 + 3) % 7
        return Int(shifted < 0 ? shifted + 8 : shifted + 1)
    }

    public var isWeekend: Bool { weekday >= 6 }

    public func advanced(byDays count: Int64) -> LocalDay {
        let (sum, overflow) = daysSince1970.addingReportingOverflow(count)
        return LocalDay(daysSince1970: overflow ? (count < 0 ? -Self.limit : Self.limit) : sum)
    }

    public static func < (a: LocalDay, b: LocalDay) -> Bool { a.daysSince1970 < b.daysSince1970 }
    public static func == (a: LocalDay, b: LocalDay) -> Bool { a.daysSince1970 == b.daysSince1970 }
    public func hash(into hasher: inout Hasher) { hasher.combine(daysSince1970) }

    /// `2025-03-30`
    public var description: String {
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        return (year < 0 ? "-" : "") + padded(year.magnitude, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
    }

    static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    static func daysInMonth(_ month: Int, of year: Int64) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The inverse of the first initialiser (days_from_civil).
    static func days(year: Int64, month: Int, day: Int) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * Int64(month > 2 ? month - 3 : month + 9) + 2) / 5 + Int64(day) - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Rounded down, unlike `/`.
func floorDivision(_ value: Int64, by divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}
