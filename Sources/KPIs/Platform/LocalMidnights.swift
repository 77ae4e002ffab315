// Where local days begin, as the contributions themselves say it: each window names the local day in which it begins,
// by the tz database that its node had. So the platform needs no time zones, and a day is the node's own day, of 23, 24
// or 25 hours. A midnight is known when a window of the day before ends where one of the day begins, whosever they are.

struct LocalMidnights: Sendable {
    private var earliest: [String: Int64] = [:]
    private var latestEnd: [String: Int64] = [:]

    mutating func note(_ contribution: Contribution) {
        guard let day = contribution.localDay, CivilDay(day) != nil else { return }
        earliest[day] = min(earliest[day] ?? .max, contribution.windowStart)
        latestEnd[day] = max(latestEnd[day] ?? .min, contribution.windowEnd)
    }

    /// UTC seconds of the begin of each local day that is certain, in order.
    var known: [(day: String, start: Int64)] {
        var result: [(day: String, start: Int64)] = []
        for (day, start) in earliest.sorted(by: { $0.key < $1.key }) {
            guard let civil = CivilDay(day), latestEnd[civil.before.text] == start else { continue }
            result.append((day, start))
        }
        return result
    }
}

/// A day of the calendar, from its text: `2026-11-21`.
struct CivilDay: Hashable {
    let daysSince1970: Int64
    let year: Int64
    /// 1 ... 12.
    let month: Int
    private let day: Int64

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == 0x2D, bytes[7] == 0x2D else { return nil }
        var fields: [Int64] = []
        for range in [0..<4, 5..<7, 8..<10] {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            fields.append(value)
        }
        guard (1...12).contains(fields[1]), (1...31).contains(fields[2]) else { return nil }
        // days_from_civil (H. Hinnant, chrono-Compatible Low-Level Date Algorithms).
        let shiftedYear = fields[1] <= 2 ? fields[0] - 1 : fields[0]
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let shiftedMonth = fields[1] > 2 ? fields[1] - 3 : fields[1] + 9
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + fields[2] - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        self.init(daysSince1970: days)
        // The thirty-first of a month that has thirty days.
        guard self.text == text else { return nil }
    }

    init(daysSince1970 days: Int64) {
        daysSince1970 = days
        // civil_from_days.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var before: CivilDay { CivilDay(daysSince1970: daysSince1970 - 1) }

    /// 1 (Monday) ... 7. 1970-01-01 was a Thursday.
    var weekday: Int {
        let shifted = (daysSince1970 + 3) % 7
        return Int(shifted < 0 ? shifted + 8 : shifted + 1)
    }

    var text: String {
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let digits = String(year)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits + "-\(two(Int64(month)))-\(two(day))"
    }
}
