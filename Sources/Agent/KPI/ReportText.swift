// Reports as a table for people, as JSON, and as CSV for the verifier. Not reported is said as such, never 0.

import KPIs
import World

enum ReportText {
    // MARK: Table

    /// `isWhole`: supporting figures and indicators without figures too.
    static func table(_ reports: [IndicatorReport], isWhole: Bool) -> String {
        var rows: [[String]] = [
            ["indicator", "data point", "value", "unit", "coverage", "u", "class", "nodes", "score"]
        ]
        var notes: [String] = []
        for report in reports {
            let figures = report.figures.filter { isWhole || $0.isHeadline }
            if figures.isEmpty, isWhole { rows.append([report.slug, "", "not reported"]) }
            for figure in figures {
                var row: [String] = [report.slug, figure.point, valueText(figure), figure.unit]
                row.append(percent(figure.coverage.share))
                row.append(figure.uncertaintyPpm.map { "\u{B1}" + percent($0 / 1e6) } ?? "-")
                row += [classes(figure), String(figure.nodes), figure.score.map { String($0) } ?? "-"]
                rows.append(row)
                notes += figure.notes.map { "\(report.slug) \(figure.point): \($0)" }
            }
            notes += report.notes.map { "\(report.slug): \($0)" }
            if !report.conflicts.isEmpty {
                let count = report.conflicts.count
                notes.append("\(report.slug): \(count) windows left out: two contents for one revision")
            }
            if !report.overlaps.isEmpty {
                let nodes = Set(report.overlaps.map(\.source.node)).sorted().prefix(5).joined(separator: ", ")
                notes.append("\(report.slug): two boards at work at once; where both measured, one counts: \(nodes)")
            }
        }
        var widths = rows[0].map(\.count)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var text = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 2 || column == 4 ? padding + cell : cell + padding) + "  "
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text + notes.map { "note: \($0)\n" }.joined()
    }

    static func valueText(_ figure: Figure) -> String {
        guard let value = figure.value else { return "not reported" }
        let text = number(value)
        guard let range = figure.range else { return text }
        return "\(text) (\(number(range.lowerBound)) to \(number(range.upperBound)))"
    }

    private static func classes(_ figure: Figure) -> String {
        figure.classes.map(\.rawValue).joined(separator: "+")
    }

    private static func percent(_ share: Double?) -> String {
        share.map { number($0 * 100, decimals: 1) + " %" } ?? "-"
    }

    /// Plain decimals, no exponent.
    static func number(_ value: Double, decimals: Int = 6) -> String { decimalText(value, decimals: decimals) }

    // MARK: JSON

    static func json(_ reports: [IndicatorReport], _ intake: ContributionIntake) -> String {
        let refused = intake.refused.sorted { $0.key < $1.key }
            .map { "{\"reason\":\(quoted($0.key)),\"count\":\($0.value.count),\"first\":\(quoted($0.value.first))}" }
        return "{\"v\":1,\"messages\":\(intake.messages),\"other_messages\":\(intake.otherMessages),"
            + "\"waiting\":\(intake.set.waiting),\"refused\":["
            + refused.joined(separator: ",") + "],\n \"indicators\":[\n  "
            + reports.map(object).joined(separator: ",\n  ") + "]}"
    }

    private static func object(_ report: IndicatorReport) -> String {
        let overlaps = report.overlaps.map { overlap in
            "{\"node\":\(quoted(overlap.source.node)),\"sensor\":\(quoted(overlap.source.sensor)),\"series\":"
                + "\(quoted(overlap.source.series)),\"from\":\(overlap.from),\"until\":\(overlap.to)}"
        }
        let conflicts = report.conflicts.map { key in
            "{\"node\":\(quoted(key.node)),\"sensor\":\(quoted(key.sensor)),\"series\":\(quoted(key.series)),"
                + "\"start\":\(key.windowStart),\"len\":\(key.windowSeconds)}"
        }
        return "{\"code\":\(quoted(report.code)),\"slug\":\(quoted(report.slug)),\"name\":\(quoted(report.name)),"
            + "\"from\":\(report.period.map { "\($0.from)" } ?? "null"),"
            + "\"until\":\(report.period.map { "\($0.until)" } ?? "null"),\"reported\":\(report.isReported),"
            + "\"figures\":[\(report.figures.map(object).joined(separator: ","))],"
            + "\"conflicts\":[\(conflicts.joined(separator: ","))],\"overlaps\":[\(overlaps.joined(separator: ","))],"
            + "\"notes\":\(list(report.notes))}"
    }

    private static func object(_ figure: Figure) -> String {
        var members: [String] = ["\"point\":\(quoted(figure.point))", "\"headline\":\(figure.isHeadline)"]
        members.append("\"value\":\(figure.value.map { number($0) } ?? "null")")
        if let range = figure.range {
            members.append("\"range\":[\(number(range.lowerBound)),\(number(range.upperBound))]")
        }
        members.append("\"unit\":\(quoted(figure.unit))")
        members.append("\"numerator\":\(amount(figure.numerator))")
        members.append("\"denominator\":\(amount(figure.denominator))")
        members.append("\"method\":\(quoted(figure.method))")
        let tables = figure.tables.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(list($0.value))" }
        members.append("\"tables\":{\(tables.joined(separator: ","))}")
        members.append(
            "\"coverage\":{\"exp_s\":\(figure.coverage.expectedSeconds),\"valid_s\":\(figure.coverage.validSeconds),"
                + "\"share\":\(figure.coverage.share.map { number($0) } ?? "null")}")
        let flags = figure.flags.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\($0.value)" }
        members.append("\"flags\":{\(flags.joined(separator: ","))}")
        members.append("\"uncertainty_ppm\":\(figure.uncertaintyPpm.map { number($0, decimals: 1) } ?? "null")")
        members.append("\"instruments\":\(list(figure.classes.map(\.rawValue)))")
        members.append("\"quality\":\(figure.quality.map { quoted($0.rawValue) } ?? "null")")
        members.append(
            "\"nodes\":\(figure.nodes),\"contributions\":\(figure.contributions),\"provisional\":\(figure.provisional)")
        let parameters = figure.parameters.map { "\(quoted($0.name)):\($0.value)" }
        members.append("\"params\":{\(parameters.joined(separator: ","))}")
        members.append("\"target\":\(figure.target.map { number($0) } ?? "null")")
        members.append("\"score\":\(figure.score.map(String.init) ?? "null")")
        members.append("\"notes\":\(list(figure.notes))")
        return "{" + members.joined(separator: ",") + "}"
    }

    private static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ",") + "]" }

    /// Exact, so a text: JSON's numbers lose digits behind 2^53.
    private static func amount(_ amount: ExactAmount?) -> String {
        amount.map { "{\"n\":\(quoted($0.text)),\"unit\":\(quoted($0.unit))}" } ?? "null"
    }

    // MARK: CSV

    static let columns = [
        "code", "name", "data_point", "headline", "status", "value", "least", "greatest", "unit", "numerator",
        "numerator_unit", "denominator", "denominator_unit", "from", "until", "method", "tables", "parameters",
        "coverage_expected_s", "coverage_valid_s", "coverage_share", "uncertainty_ppm", "instruments", "quality",
        "nodes", "contributions", "provisional", "conflicts", "overlaps", "target", "score", "notes",
    ]

    /// RFC 4180, a line for each figure, and one for each indicator that has none.
    static func csv(_ reports: [IndicatorReport]) -> String {
        var text = columns.joined(separator: ",") + "\r\n"
        for report in reports {
            let head = [report.code, report.name]
            let period = report.period.map { [utcText(UTC(seconds: $0.from)), utcText(UTC(seconds: $0.until))] }
                ?? ["", ""]
            let problems = ["\(report.conflicts.count)", "\(report.overlaps.count)"]
            if report.figures.isEmpty {
                var row = head + ["", "true", "not reported"] + [String](repeating: "", count: 8) + period
                row += [String](repeating: "", count: columns.count - row.count)
                text += line(row)
            }
            for figure in report.figures {
                let notes = (figure.notes + report.notes).joined(separator: "; ")
                let tables = figure.tables.sorted { $0.key < $1.key }
                    .map { "\($0.key)=\($0.value.joined(separator: "|"))" }.joined(separator: " ")
                let parameters = figure.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                var row: [String] = head
                row.append(figure.point)
                row.append(figure.isHeadline ? "true" : "false")
                row.append(figure.value == nil ? "not reported" : "reported")
                row += [cell(figure.value), cell(figure.range?.lowerBound), cell(figure.range?.upperBound), figure.unit]
                row += [figure.numerator?.text ?? "", figure.numerator?.unit ?? ""]
                row += [figure.denominator?.text ?? "", figure.denominator?.unit ?? ""]
                row += period
                row += [figure.method, tables, parameters]
                row += [String(figure.coverage.expectedSeconds), String(figure.coverage.validSeconds)]
                row += [cell(figure.coverage.share), cell(figure.uncertaintyPpm, decimals: 1), classes(figure)]
                row += [figure.quality?.rawValue ?? "", String(figure.nodes), String(figure.contributions)]
                row.append(String(figure.provisional))
                row += problems
                row += [cell(figure.target), figure.score.map { String($0) } ?? "", notes]
                text += line(row)
            }
        }
        return text
    }

    private static func line(_ cells: [String]) -> String {
        invariant(cells.count == columns.count, "\(cells.count) cells in a line of \(columns.count)")
        return cells.map(escaped).joined(separator: ",") + "\r\n"
    }

    private static func cell(_ value: Double?, decimals: Int = 6) -> String {
        value.map { number($0, decimals: decimals) } ?? ""
    }

    private static func escaped(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
        guard needsQuotes else { return text }
        return "\"" + text.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
    }
}

extension IndicatorReport {
    /// Nil when nothing was there to take it from, and it was not asked for whole.
    var period: (from: Int64, until: Int64)? { from < until ? (from, until) : nil }
}
