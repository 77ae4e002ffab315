// The technician's one-shot commands: validate, config show, drivers.

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

/// Prints the catalogue.
public func listDrivers(isJSON: Bool) {
    if isJSON {
        let drivers = Catalogue.entries.map { entry in
            "{\"name\":\(quoted(entry.name)),\"about\":\(quoted(entry.about)),"
                + "\"attachment\":\(quoted(attachment(entry))),"
                + "\"addresses\":[\(addresses(entry).map(String.init).joined(separator: ","))],\"parameters\":["
                + entry.parameters.map {
                    "{\"name\":\(quoted($0.name)),\"required\":\($0.isRequired),\"about\":\(quoted($0.about))}"
                }
                .joined(separator: ",") + "],\"channels\":["
                + usualChannels(entry).map {
                    "{\"name\":\(quoted($0.quantity)),\"unit\":\(quoted($0.unit)),\"scale\":\($0.scale)}"
                }
                .joined(separator: ",") + "]}"
        }
        printLine("[" + drivers.joined(separator: ",\n ") + "]")
        return
    }
    for entry in Catalogue.entries {
        printLine("\(entry.name): \(entry.about)")
        let isAny = addresses(entry) == DriverEntry.anyAddress
        let places = isAny ? ["any"] : addresses(entry).map { "0x" + String($0, radix: 16) }
        printLine(
            "  attached by: \(attachment(entry))"
                + (places.isEmpty ? "" : ", address \(places.joined(separator: " or "))"))
        let channels = usualChannels(entry).map { "\($0.quantity) (\($0.unit))" }
        if !channels.isEmpty { printLine("  channels: \(channels.joined(separator: ", "))") }
        for parameter in entry.parameters {
            printLine("  \(parameter.name)\(parameter.isRequired ? " (required)" : ""): \(parameter.about)")
        }
    }
}

private func attachment(_ entry: DriverEntry) -> String {
    switch entry.attachment {
    case .bus: "bus"
    case .line: "line"
    case .attribute: "kernel driver"
    case .source: "none"
    }
}

private func addresses(_ entry: DriverEntry) -> [UInt8] {
    if case .bus(let addresses) = entry.attachment { return addresses }
    return []
}

/// The channels of a sensor with the usual settings; those that depend on settings that must be given are left out.
private func usualChannels(_ entry: DriverEntry) -> [DriverChannel] {
    var settings = DriverSettings(sensorID: "sensor", every: entry.defaultEvery)
    for parameter in entry.parameters {
        if let fallback = parameter.fallback { settings.values[parameter.name] = fallback }
    }
    return (try? entry.channels(settings)) ?? []
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
