// `kpis:` which channel counts towards which indicator.

import KPIs
import World

extension SiteLoader {
    func kpis(_ top: inout Fields, _ loader: SensorLoader) -> [KPIBinding] {
        let channels = loader.sensors.flatMap(\.channels)
        var owners: [String: Place] = [:]
        var result: [KPIBinding] = []
        for node in top.list("kpis", of: "bindings") {
            var fields = top.item(node, name: "a kpi")
            let indicator = fields.required(
                "indicator", "a code or slug (\(Indicator.all.map(\.slug).joined(separator: ", ")))",
                example: "indicator: en-en-ws-2c"
            ).flatMap(indicator)
            if let indicator { fields.name = "kpi \(indicator.slug)" }
            let from = fields.required("from", "the channel it counts", example: "from: water.volume")
            let zone = fields.scalar("zone").flatMap { findings.name($0, extra: "-_") }
            let customersText = fields.scalar("customers")
            let customers = customersText.flatMap { findings.integer($0, in: 1...10_000_000) }
            let window = fields.scalar("window", default: "1h")
                .flatMap { findings.duration($0, in: .seconds(900)...Duration.seconds(3600), likely: "min") }
            if let window, window != .seconds(900), window != .seconds(3600) {
                findings.add(
                    fields.valuePlace(of: "window"), "a window of \(window.shown)", "15min or 1h",
                    "write `window: 15min` or `window: 1h`")
            }
            fields.finish(Hint.kpi)
            guard let from, let channel = channel(from, channels, loader), let indicator else { continue }
            guard indicator.measure.conversion(from: channel.channel.unit) != nil else {
                refuseUnit(indicator, from, channel.channel, channels)
                continue
            }
            if let amount = amountBeside(channel, loader) {
                findings.add(
                    from.place, "the meter's total \(quoted(from.text))", "amounts, which the indicator can sum",
                    "write `from: \(amount)`")
                continue
            }
            checkCustomers(indicator, &fields, customersText)
            if let first = owners.updateValue(fields.place, forKey: "\(indicator.slug) \(from.text)") {
                findings.add(
                    fields.place, "\(quoted(from.text)) for \(indicator.slug) a second time",
                    "each channel once for an indicator", "remove this one or the one at \(first)")
            }
            guard let window else { continue }
            result.append(
                KPIBinding(
                    indicator: indicator, channel: channel.id, channelName: channel.channel.name,
                    unit: channel.channel.unit, scale: channel.channel.scale,
                    labels: zone.map { [.zone: $0] } ?? [:],
                    weight: indicator.needsCustomers ? customers.map { Weight(.customers, $0) } : nil,
                    windowSeconds: window.components.seconds))
        }
        return result
    }

    private func indicator(_ scalar: Scalar) -> Indicator? {
        if let indicator = Indicator.named(scalar.text) { return indicator }
        let slugs = Indicator.all.map(\.slug)
        let nearest = Nearest.name(to: scalar.text, among: slugs + Indicator.all.map(\.code))
        findings.add(
            scalar.place, "the unknown indicator \(quoted(scalar.text))", oneOf(slugs),
            nearest.map { "write `indicator: \($0.contains(":") ? "\"\($0)\"" : $0)`" } ?? "write one of them")
        return nil
    }

    private func channel(_ from: Scalar, _ channels: [ChannelSettings], _ loader: SensorLoader) -> ChannelSettings? {
        if let channel = channels.first(where: { $0.channel.name == from.text }) { return channel }
        let sensor = String(from.text.prefix { $0 != "." })
        if loader.unfinished.contains(sensor) { return nil }
        let names = channels.map(\.channel.name)
        let ofSensor = names.filter { $0.hasPrefix(sensor + ".") }
        let nearest = Nearest.name(to: from.text, among: names) ?? ofSensor.first
        findings.addMissing(
            from.place, "the unknown channel \(quoted(from.text))",
            ofSensor.isEmpty ? "a channel, written sensor.quantity" : oneOf(ofSensor),
            nearest.map { "write `from: \($0)`" } ?? "add a sensor that has it")
        return nil
    }

    /// A meter has two channels of one unit: the amount since the last reading, and `total`. Summing the second counts
    /// everything over and over.
    private func amountBeside(_ channel: ChannelSettings, _ loader: SensorLoader) -> String? {
        guard channel.channel.name.hasSuffix(".total") else { return nil }
        let meter = loader.sensors.first { $0.channels.contains { $0.id == channel.id } }
        return meter?.channels.map(\.channel).first {
            $0.unit == channel.channel.unit && $0.name != channel.channel.name
        }?.name
    }

    private func refuseUnit(_ indicator: Indicator, _ from: Scalar, _ channel: Channel, _ all: [ChannelSettings]) {
        let fitting = all.map(\.channel).filter { indicator.measure.conversion(from: $0.unit) != nil }.map(\.name)
        findings.add(
            from.place, "the channel \(quoted(channel.name)), whose unit is \(channel.unit)",
            "a channel with the unit \(oneOf(indicator.measure.channelUnits)) for \(indicator.slug) (\(indicator.name))",
            fitting.first.map { "write `from: \($0)`" } ?? "add a sensor that measures it")
    }

    private func checkCustomers(_ indicator: Indicator, _ fields: inout Fields, _ customers: Scalar?) {
        if indicator.needsCustomers, customers == nil, !fields.has("customers") {
            findings.addMissing(
                fields.place, "no `customers` in \(fields.name)", "how many customers this line stands for",
                "add `customers: 1`")
        } else if !indicator.needsCustomers, let customers {
            findings.add(
                customers.place, "`customers` in \(fields.name)", "none: the indicator does not count customers",
                "remove it")
        }
    }
}
