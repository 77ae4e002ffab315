// `kpis:` which channel counts towards which indicator, for whom, and how.
//
// Every indicator of the catalogue takes `indicator`, `from` and `window`; which labels, which weight and which keys of
// its method it takes besides, and which it must have, the catalogue says (`Indicator`, `MethodKey`). What it does not
// take is refused: it would look as if it counted.

import KPIs
import World

struct KPILoader {
    private let sensors: [SensorSettings]
    /// Sensors with problems of their own: their channels are not known, and not missing either.
    private let unfinished: Set<String>
    let zone: SiteZone?
    /// The `node` that has no `timezone`; nil: it has one, or there is no node.
    private let placeWithoutTimezone: Place?
    let findings: Findings

    private(set) var bindings: [KPIBinding] = []
    /// Channels whose raw readings stay on the node.
    private(set) var withheldChannels: Set<ChannelID> = []
    /// Sensors of which a binding says that single readings may leave the node, and where it does.
    private var openSensors: [String: Place] = [:]
    /// What each binding alone may own, with the place of the first that does.
    private var owners: [String: Place] = [:]

    init(sensors: SensorLoader, zone: SiteZone?, placeWithoutTimezone: Place?, _ findings: Findings) {
        self.sensors = sensors.sensors
        unfinished = sensors.unfinished
        self.zone = zone
        self.placeWithoutTimezone = placeWithoutTimezone
        self.findings = findings
    }

    mutating func read(_ top: inout Fields) {
        let nodes = top.list("kpis", of: "bindings")
        if nodes.count > Configuration.Limits.kpis {
            findings.add(
                top.place(of: "kpis"), "\(nodes.count) bindings", "at most \(Configuration.Limits.kpis)",
                "divide the sensors among several nodes")
        }
        for node in nodes { binding(top.item(node, name: "a kpi")) }
        tellOfStricterBindings()
    }

    // MARK: One binding

    private mutating func binding(_ item: Fields) {
        var fields = item
        let indicator = fields.required(
            "indicator", "a code or slug (\(Indicator.all.map(\.slug).joined(separator: ", ")))",
            example: "indicator: en-en-ws-2c"
        ).flatMap(indicator)
        if let indicator { fields.name = "kpi \(indicator.slug)" }
        let from = fields.required("from", "the channel it counts", example: "from: water.volume")
        let bound = from.flatMap { self.bound($0) }
        guard let indicator else {
            // Without an indicator its keys cannot be judged.
            for key in KPIKey.all { fields.pass(over: key) }
            fields.pass(over: "window")
            fields.finish(Hint.kpi)
            return
        }
        let before = findings.problems.count
        let reader = BindingKeys(indicator: indicator, findings: findings)
        reader.refuseOthers(&fields)
        let labels = reader.labels(&fields)
        let weight = reader.weight(&fields)
        let window = windowSeconds(&fields, indicator, labels)
        var method: KPIBinding.Method?
        var series: String?
        if let bound, let from, isFitting(bound, from, indicator) {
            let keys = MethodReader(indicator: indicator, bound: bound, windowSeconds: window, findings: findings)
            (method, series) = keys.read(&fields)
            refuseSecondOwner(indicator, bound, from, series, labels, fields)
            if let window { refuseUnread(indicator, bound, from, window) }
            withhold(bound, indicator, openedAt: keys.publishesRaw(&fields))
        } else {
            for key in MethodKey.allCases { fields.pass(over: key.rawValue) }
        }
        fields.finish(Hint.kpi)
        refuseWithoutTimezone(indicator)
        guard findings.problems.count == before, let bound, let window, let method else { return }
        let channel = bound.channel.channel
        let certificate = bound.channel.instrument.certificate
        bindings.append(
            KPIBinding(
                indicator: indicator, channel: bound.channel.id, channelName: channel.name, unit: channel.unit,
                scale: channel.scale, series: series, labels: labels, weight: weight, windowSeconds: window,
                method: method, instrument: bound.channel.instrument.grade,
                certificateValidUntil: certificate?.validUntil, uncertainty: certificate?.uncertainty))
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

    private func bound(_ from: Scalar) -> BoundChannel? {
        for sensor in sensors {
            guard let channel = sensor.channels.first(where: { $0.channel.name == from.text }) else { continue }
            return BoundChannel(sensor: sensor, channel: channel)
        }
        let sensor = String(from.text.prefix { $0 != "." })
        if unfinished.contains(sensor) { return nil }
        let names = sensors.flatMap(\.channels).map(\.channel.name)
        let ofSensor = names.filter { $0.hasPrefix(sensor + ".") }
        let nearest = Nearest.name(to: from.text, among: names) ?? ofSensor.first
        findings.addMissing(
            from.place, "the unknown channel \(quoted(from.text))",
            ofSensor.isEmpty ? "a channel, written sensor.quantity" : oneOf(ofSensor),
            nearest.map { "write `from: \($0)`" } ?? "add a sensor that has it")
        return nil
    }

    /// Reported, if it does not fit.
    private func isFitting(_ bound: BoundChannel, _ from: Scalar, _ indicator: Indicator) -> Bool {
        guard let misfit = bound.misfit(for: indicator) else { return true }
        var others: [String] = []
        for sensor in sensors {
            for channel in sensor.channels {
                let other = BoundChannel(sensor: sensor, channel: channel)
                if other.misfit(for: indicator) == nil { others.append(channel.channel.name) }
            }
        }
        // What hangs on the same sensor was probably meant.
        let own = others.first { $0.hasPrefix(bound.sensor.id + ".") }
        findings.add(
            from.place, misfit.found, misfit.expected,
            (own ?? others.first).map { "write `from: \($0)`" } ?? misfit.remedy)
        return false
    }

    // MARK: Windows and the local day

    /// Nil when it is refused.
    private func windowSeconds(_ fields: inout Fields, _ indicator: Indicator, _ labels: [Label: String]) -> Int64? {
        let isQuartered = zone?.rules.hasQuarterOffsets(after: UTC.earliest.seconds) ?? false
        // Fields are averaged over six minutes or thirty, which divide an hour only.
        let isHourly = indicator.measure == .exposure
        let isNightFlow = labels[.role] == "inlet"
        let fallback = !isHourly && (isQuartered || isNightFlow) ? "15min" : "1h"
        guard let scalar = fields.scalar("window", default: fallback),
            let window = findings.duration(scalar, in: .seconds(900)...Duration.seconds(3600), likely: "min")
        else { return nil }
        let seconds = window.nanoseconds / 1_000_000_000
        if window != .seconds(900), window != .seconds(3600) {
            findings.add(
                scalar.place, "a window of \(window.shown)", "15min or 1h", "write `window: 15min` or `window: 1h`")
        } else if isHourly, seconds == 900 {
            findings.add(
                scalar.place, "a window of 15min for \(indicator.slug)", "1h, which 6 and 30 minutes divide",
                "write `window: 1h`")
        } else if isQuartered, !isHourly, seconds == 3_600 {
            findings.add(
                scalar.place, "a window of 1h in \(zone?.name ?? "the node's time zone")",
                "15min: local days and hours do not begin on an hour of UTC there", "write `window: 15min`")
        } else {
            return seconds
        }
        return nil
    }

    /// An asset is watched in the windows in which its sensor was read.
    private func refuseUnread(_ indicator: Indicator, _ bound: BoundChannel, _ from: Scalar, _ window: Int64) {
        guard indicator.measure.stateType == "presence", bound.every > .seconds(window) else { return }
        let window = Duration.seconds(window).shown
        findings.add(
            from.place, "the channel \(quoted(from.text)), which is read every \(bound.every.shown)",
            "a sensor that is read in every window of \(window)",
            "write `every: \(window)` or less in sensor \(quoted(bound.sensor.id))")
    }

    private func refuseWithoutTimezone(_ indicator: Indicator) {
        guard let place = placeWithoutTimezone, indicator.measure == .sound || indicator.measure == .travel else {
            return
        }
        let parts = indicator.measure == .sound ? "day, evening and night" : "peak hours"
        findings.addMissing(
            place, "no `timezone` in `node`, with kpi \(indicator.slug)",
            "the local time: \(parts) are by the local clock", "add `timezone: Europe/Madrid`, or what it is there")
    }

    // MARK: Owners

    /// One channel counts once for an indicator, and what it stands for has one owner in the node.
    private mutating func refuseSecondOwner(
        _ indicator: Indicator, _ bound: BoundChannel, _ from: Scalar, _ series: String?, _ labels: [Label: String],
        _ fields: Fields
    ) {
        let slug = indicator.slug
        func isFirst(_ what: String, _ found: String, _ expected: String) -> Bool {
            guard let first = owners["\(slug) \(what)"] else {
                owners["\(slug) \(what)"] = fields.place
                return true
            }
            findings.add(
                fields.place, "\(found) for \(slug) a second time", expected, "remove this one or the one at \(first)")
            return false
        }
        guard isFirst("from \(from.text)", quoted(from.text), "each channel once for an indicator") else { return }
        // Sensor and series are the key of a contribution.
        if let series,
            !isFirst("\(bound.sensor.id) \(series)", "\(series) of \(bound.sensor.id)", "each pollutant once")
        {
            return
        }
        guard let label = indicator.ownedLabel, let name = labels[label] else { return }
        _ = isFirst(
            "\(label.rawValue) \(name)", quoted("\(label.rawValue): \(name)"),
            "one binding for each, or it counts twice")
    }

    // MARK: Privacy

    /// Of a sensor that counts people or vehicles, every channel that could tell one of them stays on the node. Where
    /// one binding of a sensor says that it may leave and another does not, the strict one holds.
    private mutating func withhold(_ bound: BoundChannel, _ indicator: Indicator, openedAt place: Place?) {
        guard indicator.isAboutIndividuals else { return }
        if let place {
            openSensors[bound.sensor.id] = place
            return
        }
        for channel in bound.sensor.channels where channel.tellsIndividuals { withheldChannels.insert(channel.id) }
    }

    private func tellOfStricterBindings() {
        for sensor in sensors {
            guard let place = openSensors[sensor.id],
                sensor.channels.contains(where: { withheldChannels.contains($0.id) })
            else { continue }
            findings.note(
                place, "`publish_raw` is without effect: another kpi of sensor \(quoted(sensor.id)) does not have it")
        }
    }
}
