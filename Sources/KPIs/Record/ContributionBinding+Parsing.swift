// The constants of a contribution from a stranger, said in the item itself or in one of their own.

struct BindingFields {
    private var code: String?
    private var slug: String?
    private var series: String?
    private var sensor: String?
    private var unit: String?
    private var scale: Int64?
    private var labels: [Label: String] = [:]
    private var weight: Weight?
    private var instrument: String?
    private var quality: String?
    private var uncertainty: RelativeUncertainty?
    private var parameters: [NamedNumber] = []
    private var tables: [String: String] = [:]
    private(set) var type: String?
    /// One that was said, if any was.
    private(set) var anyMember: String?

    mutating func take(_ name: String, from reader: inout JSONReader) throws(ContributionFault) {
        switch name {
        case "kpi": code = try reader.string()
        case "slug": slug = try reader.string()
        case "series": series = try reader.name(name)
        case "sensor": sensor = try reader.name(name)
        case "unit": unit = try reader.string()
        case "scale": scale = try reader.integer()
        case "quality": quality = try reader.string()
        case "instrument": instrument = try reader.string()
        case "type": type = try reader.string()
        case "labels": try takeLabels(&reader)
        case "params": try takeParameters(&reader)
        case "tables": try takeTables(&reader)
        case "u": try takeUncertainty(&reader)
        case "weight": try takeWeight(&reader)
        default: throw .unknown(member: name)
        }
        anyMember = name
    }

    private mutating func takeLabels(_ reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            guard let label = Label(rawValue: name) else { throw .unknownLabel(name) }
            labels[label] = try reader.name("labels.\(name)")
        }
        guard !labels.isEmpty else { throw .outOfRange(member: "labels") }
    }

    private mutating func takeParameters(_ reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            guard parameters.count < 8, (1...32).contains(name.utf8.count) else { throw .outOfRange(member: "params") }
            parameters.append(NamedNumber(name, try reader.integer()))
        }
        guard !parameters.isEmpty else { throw .outOfRange(member: "params") }
        parameters.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private mutating func takeTables(_ reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            guard ContributionBinding.tableNames.contains(name) else { throw .unknownTable(name) }
            tables[name] = try reader.name("tables.\(name)")
        }
        guard !tables.isEmpty else { throw .outOfRange(member: "tables") }
    }

    private mutating func takeUncertainty(_ reader: inout JSONReader) throws(ContributionFault) {
        var random: Int64?
        var systematic: Int64?
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "random_ppm": random = try reader.integer()
            case "sys_ppm": systematic = try reader.integer()
            default: throw .unknown(member: "u.\(name)")
            }
        }
        guard let random, let systematic, (0...10_000_000).contains(random), (0...10_000_000).contains(systematic)
        else { throw .outOfRange(member: "u") }
        uncertainty = RelativeUncertainty(randomPpm: random, systematicPpm: systematic)
    }

    private mutating func takeWeight(_ reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            guard let kind = Weight.Kind(rawValue: name), weight == nil else {
                throw .unknown(member: "weight.\(name)")
            }
            weight = Weight(kind, try reader.integer())
        }
        guard let weight, Weight.allowed.contains(weight.value) else { throw .outOfRange(member: "weight") }
    }

    func binding() throws(ContributionFault) -> ContributionBinding {
        let code = try present(code, "kpi")
        guard let indicator = Indicator.all.first(where: { $0.code == code }) else { throw .unknownIndicator(code) }
        guard try present(slug, "slug") == indicator.slug else { throw .outOfRange(member: "slug") }
        let unit = try present(unit, "unit")
        guard (1...32).contains(unit.utf8.count), indicator.measure.accepts(unit: unit) else { throw .wrongUnit(unit) }
        guard weight?.kind == indicator.weight || (weight == nil && !indicator.isWeightRequired) else {
            throw .outOfRange(member: "weight")
        }
        for label in indicator.requiredLabels where labels[label] == nil { throw .missing("labels.\(label.rawValue)") }
        for (label, word) in labels {
            guard indicator.requiredLabels.contains(label) || indicator.optionalLabels.contains(label) else {
                throw .unknownLabel(label.rawValue)
            }
            guard label.words(for: indicator)?.contains(word) ?? true else {
                throw .unknownLabel("\(label.rawValue) \(word)")
            }
        }
        guard let scale = Int8(exactly: try present(scale, "scale")), Contribution.scales.contains(scale) else {
            throw .outOfRange(member: "scale")
        }
        guard let quality = DataQuality(rawValue: try present(quality, "quality")) else {
            throw .outOfRange(member: "quality")
        }
        guard let instrument = InstrumentClass(rawValue: try present(instrument, "instrument")) else {
            throw .outOfRange(member: "instrument")
        }
        return ContributionBinding(
            indicator: indicator, sensor: try present(sensor, "sensor"), series: try present(series, "series"),
            unit: unit, scale: scale, labels: labels, weight: weight, instrument: instrument, quality: quality,
            uncertainty: uncertainty, parameters: parameters, tables: tables)
    }
}
