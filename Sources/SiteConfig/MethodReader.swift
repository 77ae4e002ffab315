// The keys that say how a binding's values are judged. Thresholds are exact in the channel's own steps, or refused:
// what is compared is what was written.

import KPIs
import World

enum MethodKey: String, CaseIterable {
    case pollutant, warn, alarm, full, refill, allowed, limit, frequency, averaging, hold
    case minimumCount = "minimum_count"
    case publishRaw = "publish_raw"
}

extension Indicator {
    var methodKeys: [MethodKey] { judgingKeys + (isAboutIndividuals ? [.publishRaw] : []) }

    private var judgingKeys: [MethodKey] {
        switch measure {
        case .pollutant: [.pollutant, .hold]
        case .level:
            switch LevelUse(self) {
            case .drain: [.warn, .alarm, .hold]
            case .bin: [.full, .hold]
            case .soil: [.refill, .hold]
            case nil: [.hold]
            }
        case .sound, .occupancy: [.hold]
        case .exposure: [.limit, .frequency, .averaging, .hold]
        case .compliance: [.allowed]
        case .count, .travel: [.minimumCount]
        case .volume, .energy, .heat, .carrier, .outages, .presence: []
        }
    }
}

struct MethodReader {
    /// Nobody types this by accident.
    static let openly = "yes-individual-counts"

    let indicator: Indicator
    let bound: BoundChannel
    /// Nil when it is refused.
    let windowSeconds: Int64?
    let findings: Findings

    /// The method, nil when something of it is refused; and the series, nil when it is the quantity.
    func read(_ fields: inout Fields) -> (method: KPIBinding.Method?, series: String?) {
        let before = findings.problems.count
        var method = KPIBinding.Method()
        var series: String?
        switch indicator.measure {
        case .pollutant: series = pollutant(&fields)
        case .level: thresholds(&fields, &method)
        case .exposure: exposure(&fields, &method)
        case .compliance: (method.lower, method.upper) = allowed(&fields)
        case .count, .travel: method.minimumCount = minimumCount(&fields)
        default: break
        }
        if indicator.methodKeys.contains(.hold) { method.holdSeconds = hold(&fields) }
        return (findings.problems.count == before ? method : nil, series)
    }

    // MARK: Air

    /// Particles are weighed, gases are weighed or counted.
    private func pollutant(_ fields: inout Fields) -> String? {
        let own = ReportedPollutant.named(bound.quantity)
        guard let scalar = fields.scalar("pollutant", default: own?.series) else {
            if !fields.has("pollutant") {
                findings.addMissing(
                    fields.place, "no `pollutant` in \(fields.name), and `\(bound.quantity)` names none",
                    oneOf(ReportedPollutant.all.map(\.series)), "add `pollutant: no2`, or what it is")
            }
            return nil
        }
        guard let pollutant = ReportedPollutant.named(scalar.text) else {
            findings.add(
                scalar.place, "the unknown pollutant \(quoted(scalar.text))",
                oneOf(ReportedPollutant.all.map(\.series)),
                Nearest.name(to: scalar.text, among: ReportedPollutant.all.map(\.series)).map {
                    "write `pollutant: \($0)`"
                } ?? "bind a channel of one of them")
            return nil
        }
        if let own, own != pollutant {
            findings.add(
                scalar.place, "`pollutant: \(scalar.text)` for the channel \(quoted(bound.channel.channel.name))",
                "\(own.series), which the channel's name says", "remove it, or bind the other channel")
        }
        let unit = bound.channel.channel.unit
        if pollutant.gas == nil, unit == "ppb" || unit == "ppm" {
            findings.add(
                scalar.isDefault ? fields.valuePlace(of: "from") : scalar.place,
                "\(pollutant.series) in \(unit)", "particles by their mass: ug/m3 or mg/m3",
                "bind a channel that tells their mass")
        }
        return pollutant.series
    }

    // MARK: Levels

    private func thresholds(_ fields: inout Fields, _ method: inout KPIBinding.Method) {
        switch LevelUse(indicator) {
        case .drain:
            let warn = fields.scalar("warn")
            let alarm = fields.scalar("alarm")
            method.first = warn.flatMap(steps)
            method.second = alarm.flatMap(steps)
            if let first = method.first, let second = method.second, first >= second, let warn, let alarm {
                findings.add(
                    alarm.place, "`alarm: \(alarm.text)` with `warn: \(warn.text)`",
                    "an alarm level above the warning's", "write the higher of the two as `alarm`")
            }
            // A spill begins where the alarm level is passed.
            if method.second != nil { method.event = .crossing }
        case .bin:
            method.first = fields.scalar("full", default: "80 %").flatMap(steps)
            let whole = Scalar(key: "full", text: "100 %", place: fields.place, isDefault: true)
            // Beyond that it overflows.
            method.second = steps(whole).flatMap { top in method.first.flatMap { $0 < top ? top : nil } }
            method.event = .emptying
        case .soil:
            method.first = fields.required(
                "refill", "below which soil moisture plants want water", example: "refill: 18 %"
            ).flatMap(steps)
            method.countsBelow = true
        case nil: break
        }
    }

    /// A threshold in the channel's decimal scale.
    private func steps(_ scalar: Scalar) -> Int64? {
        let channel = bound.channel.channel
        guard let unit = Unit.named(channel.unit) else { invariantFailed("a channel with the unit \(channel.unit)") }
        guard let number = findings.level(scalar, in: unit, of: channel.name, channel.plausible) else { return nil }
        if let steps = number.integer(scale: Int(channel.scale)) { return steps }
        let step = DecimalNumber(mantissa: 1, exponent: Int(channel.scale)).map { "\($0) \(unit.display)" } ?? "?"
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"),
            "a whole number of the steps of \(channel.name), which are \(step)", "round it to one")
        return nil
    }

    // MARK: Drinking water

    private func allowed(_ fields: inout Fields) -> (lower: Int64?, upper: Int64?) {
        let isGiven = fields.has("allowed")
        if !isGiven {
            findings.addMissing(
                fields.place, "no `allowed` in \(fields.name)", "what a sample must be to comply",
                "add for example `allowed: {from: 6.5, to: 9.5}`")
        }
        var range = fields.section("allowed")
        let from = range.scalar("from")
        let to = range.scalar("to")
        range.finish(Hint.range)
        let lower = from.flatMap(steps)
        let upper = to.flatMap(steps)
        if isGiven, from == nil, to == nil, !range.has("from"), !range.has("to") {
            findings.addMissing(range.place, "neither `from` nor `to` in `allowed`", "one of them, or both", "add it")
        }
        if let lower, let upper, lower > upper, let from, let to {
            findings.add(
                range.place, "an `allowed` from \(from.text) to \(to.text), which is upside down",
                "the lower end first", "write `allowed: {from: \(to.text), to: \(from.text)}`")
        }
        return (lower, upper)
    }

    // MARK: Radio waves

    private func exposure(_ fields: inout Fields, _ method: inout KPIBinding.Method) {
        let averaging = fields.scalar("averaging", default: "6min")
        let duration = averaging.flatMap { findings.duration($0, in: .seconds(60)...Duration.seconds(3600)) }
        // ICNIRP 1998 averages over 6 minutes, ICNIRP 2020 over 30.
        let guideline = duration.flatMap { duration in
            ExposureGuideline.all.first { .seconds($0.averagingSeconds) == duration }
        }
        if let averaging, duration != nil, guideline == nil {
            findings.add(
                averaging.place, quoted("averaging: \(averaging.text)"), "6min (ICNIRP 1998) or 30min (ICNIRP 2020)",
                "write `averaging: 6min` or `averaging: 30min`")
        }
        if let guideline { method.averagingSeconds = guideline.averagingSeconds }
        let limit = fields.scalar("limit")
        let frequency = fields.scalar("frequency")
        if fields.has("limit"), fields.has("frequency") {
            findings.add(
                fields.place(of: "frequency"), "both `limit` and `frequency` in \(fields.name)", "one of them",
                "remove `frequency`, or `limit` to have the limit that ICNIRP has for it")
        } else if !fields.has("limit"), !fields.has("frequency") {
            findings.addMissing(
                fields.place, "neither `limit` nor `frequency` in \(fields.name)",
                "the field that is allowed, or the frequency that decides it", "add for example `frequency: 900 MHz`")
        }
        if let limit { method.limitMillivolts = millivolts(limit) }
        if let frequency, let guideline { method.limitMillivolts = fieldLimit(frequency, guideline) }
    }

    private func millivolts(_ scalar: Scalar) -> Int64? {
        guard let unit = Unit.named("V/m"),
            let quantity = findings.quantity(scalar, in: [unit], example: "28 V/m", ofMeter: false)
        else { return nil }
        if let limit = quantity.number.integer(scale: -3), (1...3_000_000).contains(limit) { return limit }
        findings.add(
            scalar.place, quoted("limit: \(scalar.text)"), "a field in whole mV/m, above 0 and at most 3000 V/m",
            "write for example `limit: 28 V/m`")
        return nil
    }

    /// Rounded down to whole mV/m: towards the strict side.
    private func fieldLimit(_ scalar: Scalar, _ guideline: ExposureGuideline) -> Int64? {
        guard let unit = Unit.named("MHz"),
            let quantity = findings.quantity(scalar, in: [unit], example: "900 MHz", ofMeter: false)
        else { return nil }
        if let limit = guideline.fieldLimit(megahertz: quantity.number.value) {
            return Int64((limit * 1_000).rounded(.down))
        }
        findings.add(
            scalar.place, quoted("frequency: \(scalar.text)"), "between 100 kHz and 300000 MHz",
            "write for example `frequency: 900 MHz`")
        return nil
    }

    // MARK: Holding

    /// How long a level holds when no reading follows. Unless given: two readings may fail to come.
    private func hold(_ fields: inout Fields) -> Int64? {
        let every = bound.every
        let seconds = (every.nanoseconds + 999_999_999) / 1_000_000_000
        guard let scalar = fields.scalar("hold", default: Duration.seconds(3 * seconds).shown),
            let hold = findings.duration(scalar, in: .seconds(1)...Duration.seconds(3 * 86_400))
        else { return nil }
        if hold < every {
            findings.add(
                scalar.place, "a `hold` of \(scalar.text), with a sensor that is read every \(every.shown)",
                "at least \(every.shown): else there is a gap after each reading",
                "write `hold: \(Duration.seconds(3 * seconds).shown)`, or remove it")
            return nil
        }
        guard hold.nanoseconds % 1_000_000_000 == 0 else {
            findings.add(scalar.place, quoted("hold: \(scalar.text)"), "whole seconds", "round it up")
            return nil
        }
        return hold.nanoseconds / 1_000_000_000
    }

    // MARK: People and vehicles

    private func minimumCount(_ fields: inout Fields) -> Int64? {
        fields.scalar("minimum_count", default: "10").flatMap { findings.integer($0, in: 3...1_000) }
    }

    /// Where the configuration says, in so many words, that single readings may leave the node.
    func publishesRaw(_ fields: inout Fields) -> Place? {
        guard indicator.methodKeys.contains(.publishRaw), let scalar = fields.scalar("publish_raw") else { return nil }
        if scalar.text == Self.openly { return scalar.place }
        findings.add(
            scalar.place, quoted("publish_raw: \(scalar.text)"),
            "no such key, or `\(Self.openly)`: each single reading then tells who passed when",
            "remove it: only counts of windows leave the node then; or write `publish_raw: \(Self.openly)`")
        return nil
    }
}

/// The five pollutants of EN: EN: AQ: 1C, however they are written.
enum ReportedPollutant {
    static let all: [Pollutant] = [.pm10, .pm2_5, .no2, .so2, .o3]

    static func named(_ text: String) -> Pollutant? {
        let plain = text.lowercased().filter { $0 != "_" && $0 != "." }
        return all.first { $0.rawValue.filter { $0 != "_" } == plain }
    }
}
