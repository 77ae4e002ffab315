// The platform's commands: `kpi merge` and `kpi export`.

import KPIs
import LinuxWorld
import SiteConfig
import World

/// What both are asked.
public struct KPIQuestion: Sendable {
    public var sources: ContributionSources
    /// The city's own numbers.
    public var cityFile: String?
    /// `2026`, `2026-11`, `2026-11-21` or `2026-11-21T08:00:00Z`.
    public var from: String?
    public var until: String?
    /// Comma-separated instrument classes that may stand in one figure.
    public var classes: String?
    public var capturePercent: Int64
    /// `ieee1366` or `en50160`.
    public var outageProfile: String

    public init(
        sources: ContributionSources, cityFile: String? = nil, from: String? = nil, until: String? = nil,
        classes: String? = nil, capturePercent: Int64 = 90, outageProfile: String = "ieee1366"
    ) {
        self.sources = sources
        self.cityFile = cityFile
        self.from = from
        self.until = until
        self.classes = classes
        self.capturePercent = capturePercent
        self.outageProfile = outageProfile
    }

    func evaluation() throws(Failure) -> (reports: [IndicatorReport], intake: ContributionIntake) {
        let options = try options()
        let city = try cityFile.map { (path) throws(Failure) in try Self.city(path) } ?? City()
        let intake = try ContributionIntake.gather(sources)
        let evaluation = Evaluation(intake.set, city: city, options: options)
        return (evaluation.reports, intake)
    }

    private func options() throws(Failure) -> EvaluationOptions {
        var options = EvaluationOptions()
        options.from = try Self.moment(from, "--from")?.lower
        // A day or a year as an end is meant with all of it.
        options.until = try Self.moment(until, "--until")?.upper
        if let from = options.from, let until = options.until, from >= until {
            throw Failure(.usage, "--from \(self.from ?? "") --until \(self.until ?? ""): the period is empty")
        }
        guard (1...100).contains(capturePercent) else {
            throw Failure(.usage, "--capture \(capturePercent); expected 1 to 100 per cent")
        }
        options.annualCapturePercent = capturePercent
        for name in (classes ?? "").split(separator: "," as Character) {
            guard let known = InstrumentClass(rawValue: String(name)) else {
                let names = InstrumentClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "--classes: found \(name); expected of \(names); write for example "
                    + "`--classes reference,indicative`")
            }
            options.mergedClasses.insert(known)
        }
        switch outageProfile {
        case "ieee1366": options.reliability = .ieee1366
        case "en50160": options.reliability = .en50160
        default:
            throw Failure(.usage, "--outages \(outageProfile); expected ieee1366 (> 5 min) or en50160 (> 3 min)")
        }
        return options
    }

    private static func city(_ path: String) throws(Failure) -> City {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try readFile(path, limit: 1 << 20) } catch {
            throw Failure(.configuration, "\(path):1:1: \(error.reason); expected the city's file; check the path")
        }
        do throws(ConfigurationProblems) { return try CityFile.read(SourceText(name: path, bytes: bytes)) } catch {
            throw Failure(.configuration, "\(error)")
        }
    }

    /// First second, and the first one after it.
    static func moment(_ text: String?, _ option: String) throws(Failure) -> (lower: Int64, upper: Int64)? {
        guard let text else { return nil }
        if let found = moment(text) { return found }
        throw Failure(
            .usage, "\(option) \(text); expected a day, month, year or moment in UTC; write for example "
                + "`\(option) 2026`, `2026-11-21` or `2026-11-21T08:00:00Z`")
    }

    private static func moment(_ text: String) -> (lower: Int64, upper: Int64)? {
        let halves = text.utf8.split(separator: UInt8(ascii: "T"), omittingEmptySubsequences: false)
        let date = halves[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            .map { Int64(String(decoding: $0, as: UTF8.self)) ?? -1 }
        guard (1...3).contains(date.count), date[0] >= 1970, date[0] < 10_000 else { return nil }
        let year = date[0], month = date.count > 1 ? Int(date[1]) : 1, dayOfMonth = date.count > 2 ? Int(date[2]) : 1
        guard let day = LocalDay(year: year, month: month, day: dayOfMonth) else { return nil }
        let start = day.daysSince1970 * 86_400
        guard halves.count > 1 else {
            let next: LocalDay? = switch date.count {
            case 1: LocalDay(year: year + 1, month: 1, day: 1)
            case 2: LocalDay(year: month == 12 ? year + 1 : year, month: month == 12 ? 1 : month + 1, day: 1)
            default: day.advanced(byDays: 1)
            }
            return next.map { (start, $0.daysSince1970 * 86_400) }
        }
        var clock = halves[1]
        guard halves.count == 2, date.count == 3, clock.last == UInt8(ascii: "Z") else { return nil }
        clock = clock.dropLast()
        let parts = clock.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { Int64(String(decoding: $0, as: UTF8.self)) ?? -1 }
        guard (2...3).contains(parts.count), (0...23).contains(parts[0]), (0...59).contains(parts[1]),
            (0...59).contains(parts.count > 2 ? parts[2] : 0)
        else { return nil }
        let second = start + parts[0] * 3_600 + parts[1] * 60 + (parts.count > 2 ? parts[2] : 0)
        return (second, second)
    }
}

/// Merges contributions and prints what the city's indicators are.
public func mergeKPIs(_ question: KPIQuestion, isJSON: Bool, isWhole: Bool, svg: String?) throws(Failure) {
    let (reports, intake) = try question.evaluation()
    if let svg {
        let span = reports.first?.period.map { ", \(day($0.from)) to \(day($0.until - 1))" } ?? ""
        let title = "U4SSC indicators" + span
        do throws(SystemError) { try writeFile(svg, Wheel.svg(reports, title: title)) } catch {
            throw Failure(.disk, "\(error); give a file that you may write")
        }
    }
    if isJSON {
        printLine(ReportText.json(reports, intake))
        return
    }
    let span = reports.first?.period.map { "\(utcText(UTC(seconds: $0.from))) to \(utcText(UTC(seconds: $0.until)))" }
    printLine(
        "\(span ?? "no contributions in the period"): \(counted(UInt64(intake.messages), "message")), "
            + "\(intake.set.entries.count) windows"
            + (intake.refusals > 0 ? ", \(intake.refusals) refused" : "")
            + (intake.set.waiting > 0 ? ", \(intake.set.waiting) waiting for their binding" : ""))
    writeAll(ReportText.table(reports, isWhole: isWhole), to: 1)
}

/// The same for a verifier: everything that a figure was made of, for all 91 indicators.
public func exportKPIs(_ question: KPIQuestion, csv: String?, isJSON: Bool) throws(Failure) {
    guard isJSON != (csv != nil) else {
        throw Failure(.usage, "expected --csv FILE (- for standard output) or --json; give one of them")
    }
    let (reports, intake) = try question.evaluation()
    guard let csv else {
        printLine(ReportText.json(reports, intake))
        return
    }
    let text = ReportText.csv(reports)
    if csv == "-" {
        writeAll(text, to: 1)
        return
    }
    do throws(SystemError) { try writeFile(csv, text) } catch {
        throw Failure(.disk, "\(error); give a file that you may write")
    }
}

private func day(_ second: Int64) -> String { "\(LocalDay(daysSince1970: second / 86_400))" }
