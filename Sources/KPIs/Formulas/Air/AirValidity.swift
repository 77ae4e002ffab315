// From hours to days and years: which means are valid, and what they are (Directive 2008/50/EC, Annexes VII A and XI;
// Directive (EU) 2024/2881, Annex V). Everything longer than an hour is made of valid hourly means, each with the same
// weight, however many samples the hour had. Values are integers in the unit of the contribution (ng/m³, 0.001 ppb);
// nil is an hour without a valid mean. A day of air is 24 hours of local standard time, summer or not. `peakSeasonMean`
// is for the platform's own programs (product KPIs), which hold it against the WHO's guideline for ozone.

public enum AirValidity {
    /// Whether an hour has a mean: at least 75 % of it was measured.
    public static func hourIsValid(validSeconds: Int64) -> Bool { validSeconds * 4 >= 3_600 * 3 }

    /// The 24 h mean: at least 18 hourly means. Nil when not valid. `hours` are those of one day, at most 24.
    public static func dayMean(_ hours: [Int64?]) -> ExactMean? {
        guard hours.count <= 24 else { return nil }
        return mean(hours, atLeast: 18)
    }

    /// The running 8 h mean that ends with each hour from the eighth on: at least 6 hourly means, else nil. Of n hours
    /// there are n - 7.
    public static func runningEightHourMeans(_ hours: [Int64?]) -> [ExactMean?] {
        guard hours.count >= 8 else { return [] }
        return (8...hours.count).map { end in mean(Array(hours[(end - 8)..<end]), atLeast: 6) }
    }

    /// The highest running 8 h mean of a day.
    public struct DailyMaximum: Hashable, Sendable {
        public var mean: ExactMean
        /// The hour it ends with, 1 ... 24: the first of equal ones.
        public var endingHour: Int
        /// Running means of the day that are valid, 18 ... 24.
        public var validMeans: Int
    }

    /// The highest running 8 h mean of a day: the mean that ends with hour 1 began at 17 h of the day before. At least
    /// 18 of the 24 must be valid, else nil. `hours` are the last 7 of the day before and the day's 24.
    public static func dailyMaximumEightHourMean(_ hours: [Int64?]) -> DailyMaximum? {
        guard hours.count == 31 else { return nil }
        var best: DailyMaximum?
        var valid = 0
        for (index, mean) in runningEightHourMeans(hours).enumerated() {
            guard let mean else { continue }
            valid += 1
            if let found = best, !found.mean.isBelow(mean) { continue }
            best = DailyMaximum(mean: mean, endingHour: index + 1, validMeans: 0)
        }
        guard valid >= 18 else { return nil }
        best?.validMeans = valid
        return best
    }

    /// Hours of a year of the Gregorian calendar.
    public static func hours(inYear year: Int) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return isLeap ? 8_784 : 8_760
    }

    /// How many hourly means a year needs for an annual mean: 90 % by Directive 2008/50/EC, 85 % by Directive (EU)
    /// 2024/2881; rounded up.
    public static func hoursRequired(inYear year: Int, capturePercent percent: Int64) -> Int64 {
        (hours(inYear: year) * percent + 99) / 100
    }

    /// The annual mean from the sum and the count of valid hourly means; nil when too few.
    public static func annualMean(
        sum: Int64, validHours: Int64, year: Int, capturePercent percent: Int64
    ) -> ExactMean? {
        guard validHours >= hoursRequired(inYear: year, capturePercent: percent) else { return nil }
        return ExactMean(sum: sum, count: validHours)
    }

    /// The mean of ozone's peak season (WHO 2021): of all six months in a row, the highest mean. `months` have the sum
    /// and the count of the daily highest 8 h means, in order; nil is a month with too little. Nil when no six months
    /// in a row are known.
    public static func peakSeasonMean(_ months: [ExactMean?]) -> ExactMean? {
        guard months.count >= 6 else { return nil }
        var best: ExactMean?
        for start in 0...(months.count - 6) {
            let season = months[start..<(start + 6)].compactMap { $0 }
            guard season.count == 6, let sum = ExactMean(of: season.map(\.sum))?.sum,
                let days = ExactMean(of: season.map(\.count))?.sum, let mean = ExactMean(sum: sum, count: days)
            else { continue }
            if best.map({ $0.isBelow(mean) }) ?? true { best = mean }
        }
        return best
    }

    private static func mean(_ hours: [Int64?], atLeast least: Int) -> ExactMean? {
        let valid = hours.compactMap { $0 }
        guard valid.count >= least else { return nil }
        return ExactMean(of: valid)
    }
}
