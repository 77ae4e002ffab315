// The labels and the weight of a binding: which its indicator takes, and what their values may be.

import KPIs
import World

/// All keys that some indicator takes.
enum KPIKey {
    static let all =
        Label.allCases.map(\.rawValue) + Weight.Kind.allCases.map(\.key) + MethodKey.allCases.map(\.rawValue)
}

struct BindingKeys {
    let indicator: Indicator
    let findings: Findings

    /// Every key that others take and this indicator does not.
    func refuseOthers(_ fields: inout Fields) {
        let taken = indicator.keys
        for key in KPIKey.all where !taken.contains(key) {
            fields.pass(over: key)
            guard fields.has(key) else { continue }
            if key == Label.source.rawValue, !fields.has("from") {
                findings.add(fields.place(of: key), "`source` in \(fields.name)", "`from`", "write `from:`")
                continue
            }
            findings.add(
                fields.place(of: key), "`\(key)` in \(fields.name)",
                taken.isEmpty
                    ? "nothing but `indicator`, `from` and `window`: \(indicator.name) takes no more"
                    : "what \(indicator.name) takes: \(taken.map { "`\($0)`" }.joined(separator: ", "))",
                "remove it")
        }
    }

    // MARK: Labels

    func labels(_ fields: inout Fields) -> [Label: String] {
        var labels: [Label: String] = [:]
        for label in Label.allCases {
            let isRequired = indicator.requiredLabels.contains(label)
            guard isRequired || indicator.optionalLabels.contains(label) else { continue }
            let words = label.words(for: indicator)
            let scalar =
                isRequired
                ? fields.required(
                    label.rawValue, label.about + (words.map { ": " + oneOf($0) } ?? ""),
                    example: "\(label.rawValue): \(words?.first ?? label.example)")
                : fields.scalar(label.rawValue)
            guard let scalar else { continue }
            labels[label] = words.map { findings.choice(scalar, of: $0) } ?? findings.name(scalar, extra: "-_")
        }
        return labels
    }

    // MARK: Weight

    func weight(_ fields: inout Fields) -> Weight? {
        guard let kind = indicator.weight else { return nil }
        let scalar =
            indicator.isWeightRequired
            ? fields.required(kind.key, kind.about, example: kind.example) : fields.scalar(kind.key)
        guard let scalar else { return nil }
        guard let unit = kind.unit else { return findings.integer(scalar, in: kind.allowed).map { Weight(kind, $0) } }
        guard let quantity = findings.quantity(scalar, in: [unit], example: kind.exampleValue, ofMeter: false)
        else { return nil }
        if let whole = quantity.number.integer(scale: 0), kind.allowed.contains(whole) { return Weight(kind, whole) }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"),
            "a whole number of \(unit.display) between \(kind.allowed.lowerBound) and \(kind.allowed.upperBound)",
            "write for example `\(kind.example)`")
        return nil
    }
}

extension Indicator {
    /// What a binding may have beside `indicator`, `from` and `window`, in the order in which messages name it.
    var keys: [String] {
        let labels = Label.allCases.filter { requiredLabels.contains($0) || optionalLabels.contains($0) }
        return labels.map(\.rawValue) + (weight.map { [$0.key] } ?? []) + methodKeys.map(\.rawValue)
    }
}

extension Label {
    var about: String {
        switch self {
        case .building: "the building's name"
        case .carrier: "what the energy comes by"
        case .customerSet: "the name of the customers whom the line stands for"
        case .direction: "which way the energy goes"
        case .intersection: "the intersection's name"
        case .meter: "the meter's name"
        case .roadClass: "the road's class"
        case .role: "what the meter is to its zone"
        case .segment: "the name of the segment of road, pipe or cable"
        case .site: "the site's name"
        case .source: "where it comes from"
        case .stop: "the stop's name"
        case .zone: "the name of the zone"
        }
    }

    var example: String {
        switch self {
        case .building: "town-hall"
        case .customerSet: "feeder-12"
        case .intersection: "plaza-mayor-north"
        case .meter: "meter-0815"
        case .segment: "calle-larios-1"
        case .site: "mast-3"
        case .stop: "plaza-mayor-2"
        case .zone: "dma-7"
        case .carrier, .direction, .roadClass, .role, .source: "..."
        }
    }
}

extension Weight.Kind {
    /// The key in the configuration; its value carries a unit where one is.
    var key: String {
        switch self {
        case .customers, .inhabitants, .spots: rawValue
        case .metres: "length"
        case .squareMetres: "floor_area"
        }
    }

    var unit: Unit? {
        switch self {
        case .customers, .inhabitants, .spots: nil
        case .metres: Unit.named("m")
        case .squareMetres: Unit.named("m2")
        }
    }

    var about: String {
        switch self {
        case .customers: "how many customers this line stands for"
        case .inhabitants: "how many inhabitants this place stands for"
        case .metres: "how long the segment is"
        case .spots: "how many parking spots it watches"
        case .squareMetres: "the building's floor area"
        }
    }

    var exampleValue: String {
        switch self {
        case .customers, .spots: "1"
        case .inhabitants: "1200"
        case .metres: "350 m"
        case .squareMetres: "2400 m2"
        }
    }

    var example: String { "\(key): \(exampleValue)" }

    /// Beyond it something was mistyped: no node stands for so much.
    var allowed: ClosedRange<Int64> {
        switch self {
        case .customers, .inhabitants: 1...10_000_000
        case .metres: 1...1_000_000
        case .spots: 1...100_000
        case .squareMetres: 1...100_000_000
        }
    }
}
