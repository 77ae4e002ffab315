// Where local days begin, as the contributions themselves say it: each window names the local day in which it begins,
// by the tz database that its node had. So the platform needs no time zones, and a day is the node's own day, of 23, 24
// or 25 hours. A midnight is known when a window of the day before ends where one of the day begins, whosever they are.

struct LocalMidnights: Sendable {
    private var earliest: [String: Int64] = [:]
    private var latestEnd: [String: Int64] = [:]

    mutating func note(_ contribution: Contribution) {
        guard let day = contribution.localDay, LocalDay(text: day) != nil else { return }
        earliest[day] = min(earliest[day] ?? .max, contribution.windowStart)
        latestEnd[day] = max(latestEnd[day] ?? .min, contribution.windowEnd)
    }

    /// UTC seconds of the begin of each local day that is certain, in order.
    var known: [(day: String, start: Int64)] {
        var result: [(day: String, start: Int64)] = []
        for (day, start) in earliest.sorted(by: { $0.key < $1.key }) {
            guard let date = LocalDay(text: day), latestEnd[date.advanced(byDays: -1).description] == start else {
                continue
            }
            result.append((day, start))
        }
        return result
    }
}

extension LocalDay {
    /// From its text, `2026-11-21`; nil for anything else.
    init?(text: String) {
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
        self.init(year: fields[0], month: Int(fields[1]), day: Int(fields[2]))
    }
}
