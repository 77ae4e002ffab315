// The technician's one-shot commands: validate, config show.

import Sensors
import SiteConfig
import World

/// Whole seconds of a duration with its unit (`90s`, `2min`); nil for anything else.
public func wholeSeconds(_ text: String) -> Int64? {
    guard let quantity = try? Quantity.parse(text), let second = Unit.named("s") else { return nil }
    return quantity.converted(to: second)?.number.integer(scale: 0)
}

/// Tells every problem of a configuration, or what it amounts to.
public func validate(_ path: String) throws(Failure) {
    let loaded = try loadSite(path, judgesCertificates: true)
    // Drivers are made too: files are read and parsed, so that `run` meets no surprise.
    _ = try Assembly(site: loaded.site, boot: BootID(high: 0, low: 0)).installedSensors()
    let site = loaded.site
    for notice in loaded.notices { printLine(notice) }
    printLine(
        "\(path): ok: node \(site.node.id) on board \(site.board.name), \(site.sensors.count) sensors with "
            + "\(site.channels.count) channels, \(site.kpis.count) KPI bindings, broker \(site.broker.address.host):"
            + "\(site.broker.address.port), config \(site.channels.configHash)")
    printLine(Estimate(site).text)
}

public func showConfiguration(_ path: String) throws(Failure) {
    let loaded = try loadSite(path)
    for notice in loaded.notices { printError(notice) }
    writeAll(loaded.effective, to: 1)
}

/// A JSON string.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case _ where scalar.value < 0x20:
            result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
