// `noise_periods` and `peak_hours` of the node: which parts of the local day contributions are tagged with.
//
//     noise_periods: {day: 07:00, evening: 19:00, night: 23:00}     # Directive 2002/49/EC Annex I
//     peak_hours: {morning: 6-9, evening: 16-19}                    # Monday to Friday
//
// Whole hours of the local clock. A state may shorten the evening by one or two hours and give them to day or night, so
// that a day has 12 to 14 hours, an evening 2 to 4 and a night 8 to 10.

import KPIs

struct LocalPeriodsReader {
    let findings: Findings

    /// Nil when they are refused.
    func noise(_ node: inout Fields) -> NoisePeriods? {
        var fields = node.section("noise_periods")
        let isGiven = node.has("noise_periods")
        let usual = NoisePeriods.usual
        let day = begin(&fields, "day", usual.dayBegin, isGiven)
        let evening = begin(&fields, "evening", usual.eveningBegin, isGiven)
        let night = begin(&fields, "night", usual.nightBegin, isGiven)
        fields.finish()
        guard isGiven else { return usual }
        guard let day, let evening, let night else { return nil }
        let midnight = night == 0 ? 24 : night
        if (12...14).contains(evening - day), (2...4).contains(midnight - evening),
            (8...10).contains(24 - midnight + day)
        {
            return NoisePeriods(dayBegin: day, eveningBegin: evening, nightBegin: night)
        }
        findings.add(
            fields.place, "a day of \(evening - day) h, an evening of \(midnight - evening) h, then the night",
            "12 to 14 h, 2 to 4 h, and a night of 8 to 10 h that begins by midnight (2002/49/EC Annex I)",
            "write for example `noise_periods: {day: 07:00, evening: 19:00, night: 23:00}`")
        return nil
    }

    /// Nil when they are refused.
    func peaks(_ node: inout Fields) -> PeakPeriods? {
        var fields = node.section("peak_hours")
        let isGiven = node.has("peak_hours")
        let usual = PeakPeriods.usual
        let morning = range(&fields, "morning", usual.morning, isGiven)
        let evening = range(&fields, "evening", usual.evening, isGiven)
        fields.finish()
        guard isGiven else { return usual }
        guard let morning, let evening else { return nil }
        if let peaks = PeakPeriods(morning: morning, evening: evening) { return peaks }
        findings.add(
            fields.place, "an evening peak before the end of the morning peak", "one after the other",
            "write for example `peak_hours: {morning: 6-9, evening: 16-19}`")
        return nil
    }

    private func begin(_ fields: inout Fields, _ key: String, _ usual: Int, _ isGiven: Bool) -> Int? {
        let fallback = isGiven ? "\(usual < 10 ? "0" : "")\(usual):00" : nil
        guard let scalar = fields.scalar(key, default: fallback) else { return nil }
        if let hour = hour(scalar.text), hour < 24 { return hour }
        refuse(scalar, "a whole hour, 00:00 to 23:00", "\(key): \(usual < 10 ? "0" : "")\(usual):00")
        return nil
    }

    private func range(_ fields: inout Fields, _ key: String, _ usual: Range<Int>, _ isGiven: Bool) -> Range<Int>? {
        let shown = "\(usual.lowerBound)-\(usual.upperBound)"
        guard let scalar = fields.scalar(key, default: isGiven ? shown : nil) else { return nil }
        let ends = scalar.text.split(separator: "-", omittingEmptySubsequences: false).map { hour(String($0)) }
        if ends.count == 2, let from = ends[0], let to = ends[1], from < to, to <= 24 { return from..<to }
        refuse(scalar, "two whole hours, from and to", "\(key): \(shown)")
        return nil
    }

    private func refuse(_ scalar: Scalar, _ expected: String, _ example: String) {
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), expected, "write for example `\(example)`")
    }

    /// Of `7`, `07` and `07:00`.
    private func hour(_ text: String) -> Int? {
        let digits = text.hasSuffix(":00") ? text.dropLast(3) : text[...]
        guard (1...2).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let hour = Int(digits), hour <= 24
        else { return nil }
        return hour
    }
}
