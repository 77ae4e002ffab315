// `cityedge drivers`: the catalogue, for people and as JSON.

import LinuxWorld
import Sensors
import SiteConfig
import World

/// Prints the catalogue.
public func listDrivers(isJSON: Bool) {
    let listed = Catalogue.entries.map { (entry: $0, channels: usualChannels($0)) }
    if isJSON {
        var drivers: [String] = []
        for (entry, channels) in listed { drivers.append(object(entry, channels)) }
        printLine("[" + drivers.joined(separator: ",\n ") + "]")
        return
    }
    for (entry, channels) in listed {
        printLine("\(entry.name): \(entry.about)")
        let isAny = addresses(entry) == DriverEntry.anyAddress
        let places = isAny ? ["any"] : addresses(entry).map { "0x" + String($0, radix: 16) }
        printLine(
            "  attached by: \(attachment(entry))"
                + (places.isEmpty ? "" : ", address \(places.joined(separator: " or "))"))
        if let chip = entry.chip {
            printLine(
                "  after: \(chip.datasheet); measures in \(milliseconds(chip.measuringTime)) ms at most; "
                    + (chip.identity.map { "told by \($0)" } ?? "has nothing to be told by"))
        }
        let names = channels.map { "\($0.quantity) (\($0.unit))" }
        if !names.isEmpty { printLine("  channels: \(names.joined(separator: ", "))") }
        for parameter in entry.parameters {
            printLine("  \(parameter.name)\(parameter.isRequired ? " (required)" : ""): \(parameter.about)")
        }
    }
}

private func object(_ entry: DriverEntry, _ channels: [DriverChannel]) -> String {
    var text = "{"
    text += facts(entry).joined(separator: ",")
    text += ",\"parameters\":["
    for (index, parameter) in entry.parameters.enumerated() {
        text += index == 0 ? "{" : ",{"
        text += "\"name\":\(quoted(parameter.name)),\"required\":\(parameter.isRequired),"
        text += "\"about\":\(quoted(parameter.about))}"
    }
    text += "],\"channels\":["
    for (index, channel) in channels.enumerated() {
        text += index == 0 ? "{" : ",{"
        text += "\"name\":\(quoted(channel.quantity)),\"unit\":\(quoted(channel.unit)),"
        text += "\"scale\":\(channel.scale),"
        text += "\"plausible\":[\(channel.plausible.lowerBound),\(channel.plausible.upperBound)]}"
    }
    return text + "]}"
}

private func milliseconds(_ duration: Duration) -> String { Estimate.places(Double(duration.nanoseconds) / 1e6) }

/// Members of a driver's object that are neither parameters nor channels.
private func facts(_ entry: DriverEntry) -> [String] {
    var members = [
        "\"name\":\(quoted(entry.name))", "\"about\":\(quoted(entry.about))",
        "\"attachment\":\(quoted(attachment(entry)))",
        "\"addresses\":[\(addresses(entry).map(String.init).joined(separator: ","))]",
        "\"every_s\":\(Estimate.places(Double(entry.defaultEvery.nanoseconds) / 1e9))",
        "\"warm_up_s\":\(Estimate.places(Double(entry.warmUp.nanoseconds) / 1e9))",
    ]
    if let chip = entry.chip {
        members.append("\"datasheet\":\(quoted(chip.datasheet))")
        members.append("\"measuring_ms\":\(milliseconds(chip.measuringTime))")
        if let identity = chip.identity { members.append("\"identity\":\(quoted(identity))") }
    }
    return members
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

/// The channels of a sensor with the usual settings, or, when they depend on settings that must be given, of the
/// shipped example.
private func usualChannels(_ entry: DriverEntry) -> [DriverChannel] {
    var settings = DriverSettings(sensorID: "sensor", every: entry.defaultEvery)
    for parameter in entry.parameters {
        if let fallback = parameter.fallback { settings.values[parameter.name] = fallback }
    }
    if let channels = try? entry.channels(settings) { return channels }
    guard let folder = Folders.shipped("config"), let names = try? listDirectory(folder + "/drivers") else { return [] }
    let kind = entry.name == "i2c-registers" ? "registers" : entry.name
    let name = names.sorted().first { $0 == kind + ".yaml" || ($0.hasPrefix(kind + "-") && $0.hasSuffix(".yaml")) }
    guard let name, let text = try? readFile(folder + "/drivers/" + name, limit: 1 << 16) else { return [] }
    let main = SourceText(name: "", bytes: Array("node: {id: n, city: c}\nbroker: {url: mqtt://b}\n".utf8))
    let loaded = try? Configuration.load(
        main: main, dropIns: [SourceText(name: name, bytes: text)], boards: exampleBoard(),
        compatible: ["raspberrypi,5-model-b"], fileExists: { _ in true })
    let sensor = loaded?.site.sensors.first { $0.driver == entry.name }
    return (sensor?.channels ?? []).map { settings in
        let channel = settings.channel
        let quantity = String(channel.name.drop { $0 != "." }.dropFirst())
        return DriverChannel(
            quantity, unit: channel.unit, scale: channel.scale, plausible: channel.plausible)
    }
}

/// Any board that has what the examples name.
private func exampleBoard() -> [SourceText] {
    guard let folder = Folders.shipped("boards"),
        let text = try? readFile(folder + "/raspberry-pi-5.yaml", limit: 1 << 16)
    else { return [] }
    return [SourceText(name: "example", bytes: text)]
}
