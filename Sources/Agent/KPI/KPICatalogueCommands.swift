// `cityedge kpi list` and `cityedge kpi explain`: the 91 U4SSC indicators, and what nodes can do for each.

import KPIs
import SiteConfig
import World

public func listIndicators(isJSON: Bool) {
    guard !isJSON else {
        printLine("[" + U4SSC.entries.map { "{\($0.json)}" }.joined(separator: ",\n ") + "]")
        return
    }
    for entry in U4SSC.entries {
        let unit = entry.unit.map { " (\($0))" } ?? ""
        printLine(
            "\(column(entry.code, 18))\(column(entry.isCore ? "core" : "advanced", 9))"
                + "\(entry.contributes ? "node  " : "      ")\(entry.name)\(unit)")
    }
    let count = U4SSC.entries.count { $0.contributes }
    printLine("\(U4SSC.entries.count) indicators; to \(count) of them, marked `node`, nodes contribute")
}

/// Tells what an indicator is and who brings what to it. Unknown codes are a mistake of usage.
public func explainIndicator(_ text: String, isJSON: Bool) throws(Failure) {
    guard let entry = U4SSC.named(text) else { throw unknown(text) }
    guard !isJSON else {
        var fields = entry.json + ",\"nodes\":"
        fields += (entry.contributes ? entry.shares.map { quoted($0.nodes) } : nil) ?? "null"
        fields += ",\"city\":" + ((entry.contributes ? entry.shares.map { quoted($0.city) } : nil) ?? "null")
        printLine("{\(fields)}")
        return
    }
    printLine("\(entry.code)  \(entry.name)  (\(entry.slug))")
    printLine("  place: \(entry.dimension) / \(entry.subDimension) / \(entry.category)")
    printLine(
        "  level: \(entry.isCore ? "core" : "advanced")" + (entry.kind.map { ", \($0.rawValue)" } ?? "")
            + ", for 12 months")
    printLine("  unit: \(told(entry.unit, entry.unitProvenance))")
    printLine("  better: \(entry.better?.rawValue ?? "neither way as such, or not known")")
    printLine("  SDG: \(told(entry.sdg, entry.sdgProvenance))")
    printLine("  name from: \(told(entry.provenance))")
    if entry.contributes {
        if let shares = entry.shares {
            printLine("  nodes bring: \(shares.nodes)")
            printLine("  the city brings: \(shares.city)")
        }
        printLine("  in a configuration: `kpis: [{indicator: \(entry.slug), from: SENSOR.QUANTITY}]`")
    } else if entry.shares == nil {
        printLine("  nodes do not contribute: \(entry.reasonWithoutNodes)")
    } else {
        printLine("  nodes do not contribute in this version")
    }
}

private func told(_ text: String?, _ provenance: CatalogueEntry.Provenance?) -> String {
    guard let text, let provenance else { return "not known" }
    return provenance == .itu ? text : "\(text) (from \(told(provenance)))"
}

private func told(_ provenance: CatalogueEntry.Provenance) -> String {
    switch provenance {
    case .itu: "an ITU publication"
    case .dashboard: "a public U4SSC dashboard"
    case .memory: "memory: check before relying on it"
    }
}

private func unknown(_ text: String) -> Failure {
    var near = text.utf8.count < 3 ? [] : U4SSC.entries.filter { $0.name.lowercased().contains(text.lowercased()) }
    if near.isEmpty {
        let slugs = U4SSC.entries.map(\.slug)
        let typed = String(text.map { $0 == ":" ? "-" : $0 }.filter { $0 != " " })
        let name = Nearest.name(to: typed, among: slugs) ?? Nearest.name(to: text, among: U4SSC.entries.map(\.name))
        near = U4SSC.entries.filter { $0.slug == name || $0.name == name }
    }
    let hint = near.prefix(5).map { "\($0.slug) (\($0.name))" }.joined(separator: ", ")
    return Failure(
        .usage,
        "found the unknown indicator `\(text)`; expected a code or slug of U4SSC, for example en-en-ws-2c; "
            + (hint.isEmpty ? "`cityedge kpi list` lists them all" : "did you mean \(hint)?"))
}

private func column(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.utf8.count))
}

extension CatalogueEntry {
    /// Members of a JSON object.
    fileprivate var json: String {
        func value(_ text: String?) -> String { text.map(quoted) ?? "null" }
        return "\"code\":\(quoted(code)),\"slug\":\(quoted(slug)),\"name\":\(quoted(name)),"
            + "\"dimension\":\(quoted(dimension)),\"sub_dimension\":\(quoted(subDimension)),"
            + "\"category\":\(quoted(category)),\"core\":\(isCore),\"type\":\(value(kind?.rawValue)),"
            + "\"unit\":\(value(unit)),\"better\":\(value(better?.rawValue)),\"sdg\":\(value(sdg)),"
            + "\"contributes\":\(contributes),\"source\":\(value(provenance.rawValue)),"
            + "\"unit_source\":\(value(unitProvenance?.rawValue)),\"sdg_source\":\(value(sdgProvenance?.rawValue))"
    }
}
