// How one channel's values are calibrated and what is asked of them, within `channels: {<channel>: ...}`:
//
//     offset: -0.4 °C                      # value × gain + offset
//     gain: 1.02
//     polynomial: [0.2, 0.98, 1.5e-3]      # instead: c0 + c1 × value + c2 × value² ...
//     table:                               # instead: points against a reference
//       - {measured: 0.2 °C, actual: 0 °C}
//       - {measured: 49.1 °C, actual: 50 °C}
//     plausible: {from: -20 °C, to: 50 °C} # narrower than the driver's
//     rate: {change: 3 °C, within: 1min}   # faster is `changed faster than plausible`
//     stuck_after: 6h
//     median: 5
//     deadband: 0.2 °C                     # smaller changes wait for the heartbeat
//     heartbeat: 10min
//     agrees_with: {channel: air2.temperature, within: 2 °C}

import Sensors
import World

struct ConditioningReader {
    static let keys = [
        "offset", "gain", "polynomial", "table", "plausible", "rate", "stuck_after", "median", "deadband", "heartbeat",
        "agrees_with",
    ]
    let findings: Findings

    /// Where another channel is named; looked up when all are known.
    struct PartnerName {
        var name: Scalar
        var within: Double
    }

    // MARK: Calibration

    func calibration(_ fields: inout Fields, _ unit: Unit) -> Calibration {
        let offset = fields.scalar("offset")
        let gain = fields.scalar("gain")
        let coefficients = fields.list("polynomial", of: "numbers")
        let points = fields.list("table", of: "points")
        let forms = [offset != nil || gain != nil, fields.has("polynomial"), fields.has("table")]
        if forms.filter({ $0 }).count > 1 {
            findings.add(
                fields.place, "more than one calibration in \(fields.name)",
                "`offset` and `gain`, or `polynomial`, or `table`", "keep one of them")
            return .none
        }
        if fields.has("polynomial") { return polynomial(coefficients, fields) }
        if fields.has("table") { return table(points, fields, unit) }
        return .linear(
            gain: gain.flatMap { findings.number($0, in: 0.001...1000) } ?? 1,
            offset: offset.flatMap { findings.difference($0, in: unit) } ?? 0)
    }

    private func polynomial(_ nodes: [YAMLNode], _ fields: Fields) -> Calibration {
        var coefficients: [Double] = []
        for node in nodes {
            guard case .scalar(let text, _) = node.content else {
                findings.add(node.place, "\(node.kind) in `polynomial`", "a number", "write one")
                continue
            }
            let scalar = Scalar(key: "polynomial", text: text, place: node.place)
            if let number = findings.number(scalar, in: -1e12...1e12) { coefficients.append(number) }
        }
        if coefficients.count == nodes.count, (2...Calibration.coefficientsMax).contains(nodes.count) {
            return .polynomial(coefficients)
        }
        if !(2...Calibration.coefficientsMax).contains(nodes.count) {
            findings.add(
                fields.valuePlace(of: "polynomial"), "\(nodes.count) coefficients",
                "2 to \(Calibration.coefficientsMax), the constant first",
                "write for example `polynomial: [0.2, 0.98]`")
        }
        return .none
    }

    private func table(_ nodes: [YAMLNode], _ fields: Fields, _ unit: Unit) -> Calibration {
        var points: [Calibration.Point] = []
        for node in nodes {
            var point = fields.item(node, name: "a point of `table`")
            let measured = value("measured", &point, unit)
            let actual = value("actual", &point, unit)
            point.finish(["raw": .key("measured"), "reference": .key("actual"), "true": .key("actual")])
            guard let measured, let actual else { return .none }
            if let last = points.last, last.measured >= measured {
                findings.add(
                    node.place, "a measured value that is not above the one before", "points by growing measured value",
                    "sort them, each measured value once")
                return .none
            }
            points.append(Calibration.Point(measured: measured, actual: actual))
        }
        guard (2...Calibration.pointsMax).contains(points.count) else {
            findings.add(
                fields.valuePlace(of: "table"), "\(points.count) points", "2 to \(Calibration.pointsMax)",
                "measure at least at two values against a reference")
            return .none
        }
        return .table(points)
    }

    private func value(_ key: String, _ fields: inout Fields, _ unit: Unit) -> Double? {
        fields.required(key, "a value in \(unit.display)", example: "\(key): 10 \(unit.display)")
            .flatMap { findings.level($0, in: unit, of: "the channel", -1e15...1e15)?.value }
    }

    // MARK: Checks

    /// The driver's range, or a part of it.
    func plausible(_ fields: inout Fields, _ channel: DriverChannel, _ unit: Unit) -> ClosedRange<Double> {
        guard fields.has("plausible") else { return channel.plausible }
        var section = fields.section("plausible", name: "`plausible` of \(fields.name)")
        let from = section.scalar("from").flatMap {
            findings.level($0, in: unit, of: channel.quantity, channel.plausible)?.value
        }
        let to = section.scalar("to").flatMap {
            findings.level($0, in: unit, of: channel.quantity, channel.plausible)?.value
        }
        section.finish(Hint.range)
        let (low, high) = (from ?? channel.plausible.lowerBound, to ?? channel.plausible.upperBound)
        guard low < high else {
            findings.add(section.place, "a range that ends before it begins", "`from` below `to`", "correct it")
            return channel.plausible
        }
        return low...high
    }

    func conditioning(
        _ fields: inout Fields, _ unit: Unit, every: Duration
    ) -> (rules: Conditioning, partner: PartnerName?) {
        var rules = Conditioning()
        rules.changePerSecond = rate(&fields, unit)
        rules.stuckAfter = fields.scalar("stuck_after")
            .flatMap { findings.duration($0, in: .seconds(1)...Duration.seconds(30 * 86_400)) }
        if let median = fields.scalar("median"),
            let count = findings.integer(median, in: 1...Int64(Conditioning.medianMax))
        {
            if count % 2 == 1 {
                rules.medianOf = Int(count)
            } else {
                findings.add(
                    median.place, quoted("median: \(count)"), "an odd number: one value is in the middle",
                    "write `median: \(count + 1)`")
            }
        }
        deadband(&fields, unit, every, &rules)
        return (rules, partner(&fields, unit))
    }

    private func rate(_ fields: inout Fields, _ unit: Unit) -> Double? {
        guard fields.has("rate") else { return nil }
        var section = fields.section("rate", name: "`rate` of \(fields.name)")
        let change = section.required("change", "a change in \(unit.display)", example: "change: 3 \(unit.display)")
            .flatMap { findings.difference($0, in: unit).flatMap(positive(at: $0.place, "change")) }
        let within = section.required("within", "a time", example: "within: 1min")
            .flatMap { findings.duration($0, in: .milliseconds(1)...Duration.seconds(86_400)) }
        section.finish(["per": .key("within"), "max": .key("change")])
        guard let change, let within else { return nil }
        return change / (Double(within.nanoseconds) / 1e9)
    }

    private func deadband(_ fields: inout Fields, _ unit: Unit, _ every: Duration, _ rules: inout Conditioning) {
        let deadband = fields.scalar("deadband")
        let heartbeat = fields.scalar("heartbeat", default: deadband == nil ? nil : "10min")
        guard let deadband else {
            if let heartbeat {
                findings.add(
                    heartbeat.place, "`heartbeat` without `deadband`", "both: small changes wait for the heartbeat",
                    "add for example `deadband: 0.1 \(unit.display)`, or remove it")
            }
            return
        }
        rules.deadband = findings.difference(deadband, in: unit).flatMap(positive(at: deadband.place, "deadband"))
        guard let heartbeat,
            let length = findings.duration(heartbeat, in: .milliseconds(10)...Duration.seconds(86_400))
        else { return }
        if length < every {
            findings.add(
                heartbeat.place, "a heartbeat of \(heartbeat.text), with a sensor that is read every \(every.shown)",
                "at least \(every.shown)", "lengthen it")
        }
        rules.heartbeat = length
    }

    private func partner(_ fields: inout Fields, _ unit: Unit) -> PartnerName? {
        guard fields.has("agrees_with") else { return nil }
        var section = fields.section("agrees_with", name: "`agrees_with` of \(fields.name)")
        let name = section.required("channel", "a channel as `sensor.channel`", example: "channel: air2.temperature")
        let within = section.required(
            "within", "a difference in \(unit.display)", example: "within: 2 \(unit.display)"
        ).flatMap { findings.difference($0, in: unit).flatMap(positive(at: $0.place, "within")) }
        section.finish()
        guard let name, let within else { return nil }
        return PartnerName(name: name, within: within)
    }

    private func positive(at place: Place, _ key: String) -> (Double) -> Double? {
        { value in
            if value > 0 { return value }
            findings.add(place, "`\(key)` of \(value)", "more than 0", "correct it")
            return nil
        }
    }
}
