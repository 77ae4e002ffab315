// `instrument:` of a sensor or of one of its channels.
//
//     instrument:
//       class: reference                 # reference, indicative or low-cost (the default)
//       standard: EN 14211
//       serial: "4711"
//       certificate:
//         id: K-2026-0815
//         lab: Landesmessamt
//         valid_until: 2027-03-01        # the last day, UTC
//         uncertainty: 5 %               # expanded, k = 2, as certificates state it; half of it is what travels
//         sha256: 9f86d081...            # of the document
//
// What a channel says replaces the sensor's `instrument` as a whole.

import KPIs
import World

struct InstrumentReader {
    /// Certificates that have ended by then are problems. Nil: not judged.
    let now: UTC?
    let findings: Findings

    /// Nil when there is none, or it is refused.
    func read(_ owner: inout Fields) -> Instrument? {
        let isGiven = owner.has("instrument")
        var fields = owner.section("instrument", name: "`instrument` of \(owner.name)")
        let words = InstrumentClass.allCases.map(\.word)
        let grade = fields.scalar("class", default: isGiven ? InstrumentClass.lowCost.word : nil)
            .flatMap { findings.choice($0, of: words) }
            .flatMap { word in InstrumentClass.allCases.first { $0.word == word } }
        let standard = text(&fields, "standard")
        let serial = text(&fields, "serial")
        let hasCertificate = fields.has("certificate")
        let certificate = hasCertificate ? certificate(&fields) : nil
        if !hasCertificate { _ = fields.section("certificate") }
        fields.finish(Hint.instrument)
        guard isGiven, let grade else { return nil }
        if grade == .reference, !hasCertificate {
            // Taken as indicative it would pass unnoticed, and a year of data with it.
            findings.addMissing(
                fields.valuePlace(of: "class"), "`class: reference` without a `certificate`",
                "the certificate by which it is one, with `id` and `valid_until`",
                "add `certificate: {id: ..., lab: ..., valid_until: 2027-03-01}`, or write `class: indicative`")
            return nil
        }
        return Instrument(grade: grade, standard: standard, serial: serial, certificate: certificate)
    }

    private func certificate(_ instrument: inout Fields) -> Instrument.Certificate? {
        var fields = instrument.section("certificate", name: "`certificate`")
        let id = fields.required("id", "the certificate's number", example: "id: K-2026-0815").flatMap(line)
        let laboratory = text(&fields, "lab")
        let day = fields.required("valid_until", "its last day", example: "valid_until: 2027-03-01")
        let end = day.flatMap(endOfDay)
        let uncertainty = fields.scalar("uncertainty").flatMap(uncertainty)
        let sha256 = fields.scalar("sha256").flatMap(digest)
        fields.finish(Hint.certificate)
        if let now, let end, let day, end <= now {
            findings.add(
                day.place, "a certificate that ended with \(day.text)", "one that is in force",
                "have the instrument calibrated and write the new certificate's day, or write `class: indicative`")
        }
        guard let id, let day, let end else { return nil }
        return Instrument.Certificate(
            id: id, laboratory: laboratory, lastDay: day.text, validUntil: end, uncertainty: uncertainty,
            sha256: sha256)
    }

    private func text(_ fields: inout Fields, _ key: String) -> String? { fields.scalar(key).flatMap(line) }

    private func line(_ scalar: Scalar) -> String? {
        let isLine = scalar.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        if isLine, !scalar.text.isEmpty, scalar.text.utf8.count <= 100 { return scalar.text }
        findings.add(
            scalar.place, "a `\(scalar.key)` that is empty, of several lines or longer than 100 bytes",
            "a text of one line", "write one")
        return nil
    }

    /// The moment at which that day is over in UTC.
    private func endOfDay(_ scalar: Scalar) -> UTC? {
        let parts = scalar.text.split(separator: "-", omittingEmptySubsequences: false)
        let lengths = parts.map(\.utf8.count)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int64(part) : nil
        }
        if lengths == [4, 2, 2], numbers.count == 3, numbers[0] >= 2000, (1...12).contains(numbers[1]),
            (1...Self.days(inMonth: numbers[1], of: numbers[0])).contains(numbers[2])
        {
            return UTC(seconds: (Self.days(numbers[0], numbers[1], numbers[2]) + 1) * 86_400)
        }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), "a day as year-month-day",
            "write for example `valid_until: 2027-03-01`")
        return nil
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        let next = month == 12 ? (year + 1, 1) : (year, month + 1)
        return days(next.0, next.1, 1) - days(year, month, 1)
    }

    /// Days since 1970-01-01 in the Gregorian calendar; years begin with March, so that the leap day is their last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let years = month <= 2 ? year - 1 : year
        let fromMarch = (month + 9) % 12
        return years * 365 + years / 4 - years / 100 + years / 400 + (fromMarch * 153 + 2) / 5 + day - 719_469
    }

    /// A certificate states the expanded uncertainty with k = 2 (GUM 6.2.1). It is of the calibration, so that it does
    /// not fall with the number of readings: half of it is the systematic standard uncertainty.
    private func uncertainty(_ scalar: Scalar) -> RelativeUncertainty? {
        let ratio = Unit.named("/").flatMap { unit in (try? Quantity.parse(scalar.text))?.converted(to: unit) }
        // Tenths of millionths, half of which is wanted in millionths.
        let tenths = ratio?.number.integer(scale: -7)
        if let tenths, tenths > 0, tenths <= 10_000_000 {
            return RelativeUncertainty(randomPpm: 0, systematicPpm: (tenths + 10) / 20)
        }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"),
            "the expanded uncertainty (k = 2) as a share of the value, above 0 and at most 100 %",
            "write for example `uncertainty: 5 %`")
        return nil
    }

    private func digest(_ scalar: Scalar) -> String? {
        let isHexadecimal = scalar.text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || (0x41...0x46).contains($0)
        }
        if isHexadecimal, scalar.text.utf8.count == 64 { return scalar.text.lowercased() }
        findings.add(
            scalar.place, "a `sha256` of \(scalar.text.unicodeScalars.count) characters", "64 hexadecimal digits",
            "write what `sha256sum` says of the certificate's file")
        return nil
    }
}

extension InstrumentClass {
    /// As it is written in a configuration.
    var word: String { self == .lowCost ? "low-cost" : rawValue }
}
