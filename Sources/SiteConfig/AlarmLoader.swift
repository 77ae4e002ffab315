// `alarms:` thresholds on channels and gauges.

import World

extension SiteLoader {
    /// Alarms of one node: each is judged with every reading of its channel.
    static let alarmsMax = 64

    /// `withheld`: an alarm's event would tell what the readings of these must not.
    func alarms(_ top: inout Fields, _ loader: SensorLoader, withheld: Set<ChannelID>) -> [AlarmRule] {
        let nodes = top.list("alarms", of: "alarms")
        if nodes.count > Self.alarmsMax {
            findings.add(
                top.place(of: "alarms"), "\(nodes.count) alarms", "at most \(Self.alarmsMax)",
                "divide them among several nodes")
        }
        var ids: [String: Place] = [:]
        return nodes.compactMap { alarm(top.item($0, name: "an alarm"), &ids, loader, withheld) }
    }

    private func alarm(
        _ item: Fields, _ ids: inout [String: Place], _ loader: SensorLoader, _ withheld: Set<ChannelID>
    ) -> AlarmRule? {
        var fields = item
        let id = fields.required("id", "the alarm's name", example: "id: no2-high")
            .flatMap { findings.name($0, extra: "-_") }
        if let id {
            fields.name = "alarm \(quoted(id))"
            let place = fields.valuePlace(of: "id")
            if let first = ids[id] {
                findings.add(
                    place, "a second alarm \(quoted(id))", "each id once", "rename this one or the one at \(first)")
            } else {
                ids[id] = place
            }
        }
        let when = fields.required(
            "when", "the channel that it watches",
            example: "when: \(loader.sensors.first?.channels.first?.channel.name ?? "air.temperature")")
        let watched = when.flatMap { self.watched($0, loader) }
        if let when, case .channel(let channel)? = watched?.source, withheld.contains(channel) {
            refuseWithheld(when)
        }
        let threshold = self.threshold(&fields)
        let clear = fields.scalar("clear", default: threshold?.scalar.text)
        let hold = duration(&fields, "hold")
        let clearAfter = duration(&fields, "clear_after")
        let severity = fields.scalar("severity", default: "warning")
            .flatMap { findings.choice($0, of: AlarmRule.Severity.allCases.map(\.rawValue)) }
            .flatMap(AlarmRule.Severity.init)
        let lane = fields.scalar("lane", default: "events").flatMap { findings.choice($0, of: ["events", "security"]) }
        fields.finish(Hint.alarm)

        guard let watched, let threshold,
            let limit = findings.level(threshold.scalar, in: watched.unit, of: watched.name, watched.plausible)
        else { return nil }
        refuseUnreachable(limit, threshold, watched)
        var clearLimit: DecimalNumber? = limit
        if let clear, !clear.isDefault {
            clearLimit = findings.level(clear, in: watched.unit, of: watched.name, watched.plausible)
            if let found = clearLimit, isOnWrongSide(clear, found, threshold, limit) { return nil }
        }
        guard let id, let hold, let clearAfter, let severity, let lane, let clearLimit else { return nil }
        let rule = AlarmRule(
            id: id, source: watched.source, name: watched.name, unit: watched.unit.symbol, scale: watched.scale,
            side: threshold.side, threshold: limit, clear: clearLimit, hold: hold, clearAfter: clearAfter,
            every: watched.every, severity: severity, lane: lane == "security" ? .security : .events)
        if rule == nil {
            findings.add(
                threshold.scalar.place, quoted("\(threshold.scalar.key): \(threshold.scalar.text)"),
                "a threshold that \(watched.name) can reach", "correct it")
        }
        return rule
    }

    private func duration(_ fields: inout Fields, _ key: String) -> Duration? {
        fields.scalar(key, default: "0s").flatMap { findings.duration($0, in: .zero...Duration.seconds(86_400)) }
    }

    // MARK: What it watches

    private struct Watched {
        var source: AlarmRule.Source
        var name: String
        var unit: Unit
        var scale: Int8
        var plausible: ClosedRange<Double>
        var every: Duration
    }

    private func watched(_ when: Scalar, _ loader: SensorLoader) -> Watched? {
        for sensor in loader.sensors {
            guard let settings = sensor.channels.first(where: { $0.channel.name == when.text }) else { continue }
            let channel = settings.channel
            return Watched(
                source: .channel(settings.id), name: channel.name, unit: unit(channel.unit), scale: channel.scale,
                plausible: channel.plausible, every: sensor.period(of: settings))
        }
        let sensor = String(when.text.prefix { $0 != "." })
        if loader.unfinished.contains(sensor) { return nil }
        if sensor == "gauge", let gauge = knownGauges.first(where: { "gauge.\($0.name)" == when.text }) {
            return Watched(
                source: .gauge, name: gauge.name, unit: unit(gauge.unit), scale: gauge.scale,
                plausible: gauge.plausible, every: gauge.every)
        }
        refuseUnknown(when, sensor, loader.sensors.flatMap { $0.channels.map(\.channel.name) })
        return nil
    }

    /// Counts of people and vehicles: the event has the value in it, at the second at which somebody came or went.
    private func refuseWithheld(_ when: Scalar) {
        let sensor = String(when.text.prefix { $0 != "." })
        findings.add(
            when.place, "an alarm on \(quoted(when.text)), whose single readings are withheld",
            "a channel whose readings are published: the alarm's event would tell the value",
            "remove the alarm; or, if anybody may know, write `publish_raw: \(MethodReader.openly)` in every kpi of "
                + "sensor \(quoted(sensor))")
    }

    private func unit(_ symbol: String) -> Unit {
        guard let unit = Unit.named(symbol) else { invariantFailed("a channel with the unit \(symbol)") }
        return unit
    }

    private func refuseUnknown(_ when: Scalar, _ sensor: String, _ channels: [String]) {
        let gauges = knownGauges.map { "gauge.\($0.name)" }
        let candidates = sensor == "gauge" ? gauges : channels.filter { $0.hasPrefix(sensor + ".") }
        let nearest = Nearest.name(to: when.text, among: channels + gauges) ?? candidates.first
        let what = sensor == "gauge" ? "gauge" : "channel"
        findings.addMissing(
            when.place, "the unknown \(what) \(quoted(when.text))",
            candidates.isEmpty ? "a channel, written sensor.quantity" : oneOf(candidates),
            nearest.map { "write `when: \($0)`" } ?? "add a sensor that has it")
    }

    // MARK: Its limits

    private typealias Threshold = (side: AlarmRule.Side, scalar: Scalar)

    /// Exactly one of `above` and `below`.
    private func threshold(_ fields: inout Fields) -> Threshold? {
        let above = fields.scalar("above")
        let below = fields.scalar("below")
        if fields.has("above"), fields.has("below") {
            findings.add(
                fields.place(of: "below"), "both `above` and `below` in \(fields.name)", "one of them",
                "remove one; for a band write two alarms")
            return nil
        }
        if let above { return (.above, above) }
        if let below { return (.below, below) }
        if !fields.has("above"), !fields.has("below") {
            findings.addMissing(
                fields.place, "neither `above` nor `below` in \(fields.name)", "the threshold, with its unit",
                "add for example `above: 200 ug/m3`")
        }
        return nil
    }

    /// At the very end of the plausible range nothing lies beyond but values that are not judged.
    private func refuseUnreachable(_ limit: DecimalNumber, _ threshold: Threshold, _ watched: Watched) {
        let end = threshold.side == .above ? watched.plausible.upperBound : watched.plausible.lowerBound
        guard limit.value == end else { return }
        findings.add(
            threshold.scalar.place, quoted("\(threshold.scalar.key): \(threshold.scalar.text)"),
            "a threshold that plausible values of \(watched.name) can pass",
            "correct it: that is the end of its plausible range")
    }

    /// Reported, if so.
    private func isOnWrongSide(
        _ clear: Scalar, _ clearLimit: DecimalNumber, _ threshold: Threshold, _ limit: DecimalNumber
    ) -> Bool {
        let isAbove = threshold.side == .above
        guard isAbove ? clearLimit.value > limit.value : clearLimit.value < limit.value else { return false }
        findings.add(
            clear.place, "`clear` of \(clear.text) with \(quoted("\(threshold.scalar.key): \(threshold.scalar.text)"))",
            "a `clear` \(isAbove ? "below" : "above") the threshold, or at it",
            "write `clear: \(threshold.scalar.text)` or what lies \(isAbove ? "below" : "above")")
        return true
    }
}
