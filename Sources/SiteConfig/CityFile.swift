// What the city says of itself, for the platform's commands: denominators, targets, and what its figures are made with.
//
//     inhabitants: 412000
//     households: 160000
//     customers: 150000            # of the electricity network
//     standard_time: +01:00        # days of air quality begin by it
//     gas_calorific_value: 39.5    # MJ/m3
//     totals:                      # what coverages are shares of: lengths with their unit, else numbers
//       ec-ict-ws-2a: 1200 km
//       ec-ict-ws-1c: 150000
//     targets:
//       en-en-ws-2c: 130
//       en-en-aq-1c/pm_2.5: 5      # of one data point
//     baselines:                   # where the city began: what should be low has no score without
//       en-en-ws-2c: 250

public import KPIs
import World

public enum CityFile {
    /// Every problem of the file at once, each with file, line and column.
    public static func read(_ text: SourceText) throws(ConfigurationProblems) -> City {
        let findings = Findings()
        let start = Place(file: text.name, line: 1, column: 1)
        var fields = Fields(YAMLReader.read(text, findings), name: "the city", at: start, depth: 0, findings)
        var city = City()
        let people: ClosedRange<Int64> = 1...1_000_000_000
        city.inhabitants = fields.scalar("inhabitants").flatMap { findings.integer($0, in: people) }
        city.households = fields.scalar("households").flatMap { findings.integer($0, in: people) }
        city.customers = fields.scalar("customers").flatMap { findings.integer($0, in: people) }
        if let scalar = fields.scalar("standard_time") { city.standardTimeOffset = offset(scalar, findings) ?? 0 }
        if let scalar = fields.scalar("gas_calorific_value"),
            let megajoules = findings.number(scalar, in: 1...1_000)
        {
            city.gasKilojoulesPerCubicMetre = Int64((megajoules * 1_000).rounded())
        }
        city.totals = totals(fields.section("totals"), findings)
        let targets = numbers(fields.section("targets"), findings)
        let baselines = numbers(fields.section("baselines"), findings)
        for (name, target) in targets {
            city.targets[name] = City.Target(target.value, baseline: baselines[name]?.value)
        }
        for (name, baseline) in baselines.sorted(by: { $0.key < $1.key }) where targets[name] == nil {
            findings.add(
                baseline.place, "a baseline for \(quoted(name)) without a target", "a target beside it",
                "add it to `targets`, or remove the baseline")
        }
        fields.finish()
        if let problems = findings.verdict(files: [text.name], limit: Configuration.Limits.problems) { throw problems }
        return city
    }

    private static func totals(_ section: Fields, _ findings: Findings) -> [String: Int64] {
        var section = section
        var totals: [String: Int64] = [:]
        for (key, place) in section.keys {
            guard let scalar = section.scalar(key) else { continue }
            guard let indicator = Indicator.named(key), indicator.measure.acrossNodes == .union else {
                let unions = Indicator.all.filter { $0.measure.acrossNodes == .union }.map(\.slug)
                refuse(key, place, among: unions, "an indicator that is a share of the city's assets", findings)
                continue
            }
            let total = indicator.weight == .metres
                ? findings.metres(scalar) : findings.integer(scalar, in: 1...1_000_000_000)
            totals[indicator.slug] = total
        }
        section.finish()
        return totals
    }

    private static func numbers(_ section: Fields, _ findings: Findings) -> [String: (value: Double, place: Place)] {
        var section = section
        var numbers: [String: (value: Double, place: Place)] = [:]
        for (key, place) in section.keys {
            guard let scalar = section.scalar(key) else { continue }
            let parts = key.split(separator: "/" as Character, maxSplits: 1)
            guard let slug = U4SSC.named(String(parts.first ?? ""))?.slug else {
                refuse(key, place, among: U4SSC.entries.map(\.slug), "a U4SSC indicator", findings)
                continue
            }
            let name = parts.count > 1 ? slug + "/" + parts[1] : slug
            if let number = findings.number(scalar, in: -1e12...1e12) { numbers[name] = (number, scalar.place) }
        }
        section.finish()
        return numbers
    }

    private static func refuse(
        _ key: String, _ place: Place, among names: [String], _ expected: String, _ findings: Findings
    ) {
        findings.add(
            place, "the unknown indicator \(quoted(key))", expected,
            Nearest.name(to: key, among: names).map { "write `\($0):`" } ?? "see `cityedge kpi list`")
    }

    /// `+01:00`, `-03:30`, in seconds.
    private static func offset(_ scalar: Scalar, _ findings: Findings) -> Int64? {
        let bytes = Array(scalar.text.utf8)
        if bytes.count == 6, [0x2B, 0x2D].contains(bytes[0]), bytes[3] == UInt8(ascii: ":"),
            let hours = Int64(String(decoding: bytes[1..<3], as: UTF8.self)),
            let minutes = Int64(String(decoding: bytes[4..<6], as: UTF8.self)), hours <= 14, minutes < 60
        {
            return (hours * 3_600 + minutes * 60) * (bytes[0] == UInt8(ascii: "-") ? -1 : 1)
        }
        findings.add(
            scalar.place, quoted("standard_time: \(scalar.text)"), "how far standard time is ahead of UTC",
            "write for example `standard_time: +01:00`")
        return nil
    }
}

extension Findings {
    /// A length in whole metres.
    fileprivate func metres(_ scalar: Scalar) -> Int64? {
        guard let metre = Unit.named("m"), let length = quantity(scalar, in: [metre], example: "1200 km") else {
            return nil
        }
        if let metres = length.number.integer(scale: 0), (1...1_000_000_000).contains(metres) { return metres }
        add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), "a length of whole metres, at most 1000000 km",
            "write it in metres")
        return nil
    }
}
