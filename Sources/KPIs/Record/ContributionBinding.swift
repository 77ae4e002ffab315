// What the contributions of one binding have in common: everything that is not of a window. In a batch it is said
// once (`Contribution.swift` has the form).

public struct ContributionBinding: Equatable, Sendable {
    public var indicator: Indicator
    public var sensor: String
    public var series: String
    public var unit: String
    public var scale: Int8
    public var labels: [Label: String]
    public var weight: Weight?
    public var instrument: InstrumentClass
    public var quality: DataQuality
    public var uncertainty: RelativeUncertainty?
    public var parameters: [NamedNumber]
    public var tables: [String: String]

    /// Tables whose version may travel: conversions of gases (`conv`), the tz database (`tz`).
    public static let tableNames: Set<String> = ["conv", "tz"]

    public init(
        indicator: Indicator, sensor: String, series: String, unit: String, scale: Int8, labels: [Label: String] = [:],
        weight: Weight? = nil, instrument: InstrumentClass = .lowCost, quality: DataQuality = .estimatedAssumptions,
        uncertainty: RelativeUncertainty? = nil, parameters: [NamedNumber] = [], tables: [String: String] = [:]
    ) {
        self.indicator = indicator
        self.sensor = sensor
        self.series = series
        self.unit = unit
        self.scale = scale
        self.labels = labels
        self.weight = weight
        self.instrument = instrument
        self.quality = quality
        self.uncertainty = uncertainty
        self.parameters = parameters
        self.tables = tables
    }

    public init(of contribution: Contribution) {
        indicator = contribution.indicator
        sensor = contribution.sensor
        series = contribution.series
        unit = contribution.unit
        scale = contribution.scale
        labels = contribution.labels
        weight = contribution.weight
        instrument = contribution.instrument
        quality = contribution.quality
        uncertainty = contribution.uncertainty
        parameters = contribution.parameters
        tables = contribution.tables
    }

    /// Whether it is the contribution's; without making one of it.
    public func isBinding(of contribution: Contribution) -> Bool {
        scale == contribution.scale && sensor == contribution.sensor && series == contribution.series
            && unit == contribution.unit && instrument == contribution.instrument
            && quality == contribution.quality && weight == contribution.weight
            && uncertainty == contribution.uncertainty && parameters == contribution.parameters
            && labels == contribution.labels && tables == contribution.tables
            && indicator == contribution.indicator
    }

    /// What `id` says.
    public var id: UInt64 { fnv1a(canonical) }

    private var canonical: [UInt8] {
        var writer = CanonicalWriter()
        writer.object { object in
            writeInstrument(into: &object)
            writeParameters(into: &object)
            object.text("quality", quality.rawValue)
            writeNames(into: &object)
            writeTables(into: &object)
            object.text("type", indicator.measure.stateType)
            writeUnit(into: &object)
        }
        return writer.bytes
    }

    /// Appends the item without its braces, beginning with `kind`: as an outbox lane keeps it.
    public func encodeBody(into bytes: inout [UInt8]) {
        let canonical = canonical
        bytes.append(contentsOf: #""kind":"binding","id":""#.utf8)
        appendHexadecimal(fnv1a(canonical), to: &bytes)
        bytes.append(contentsOf: #"","#.utf8)
        bytes.append(contentsOf: canonical[1..<canonical.count - 1])
    }

    // MARK: The members, in order, in the groups between which a contribution has others

    func writeInstrument(into object: inout CanonicalWriter) {
        object.text("instrument", instrument.rawValue)
        object.text("kpi", indicator.code)
        if !labels.isEmpty {
            object.object("labels") { object in
                for (label, name) in labels.sorted(by: { $0.key < $1.key }) { object.text(label.rawValue, name) }
            }
        }
    }

    func writeParameters(into object: inout CanonicalWriter) {
        guard !parameters.isEmpty else { return }
        object.object("params") { object in
            for parameter in parameters { object.integer(parameter.name, parameter.value) }
        }
    }

    func writeNames(into object: inout CanonicalWriter) {
        object.integer("scale", Int64(scale))
        object.text("sensor", sensor)
        object.text("series", series)
        object.text("slug", indicator.slug)
    }

    func writeTables(into object: inout CanonicalWriter) {
        guard !tables.isEmpty else { return }
        object.object("tables") { object in
            for (table, name) in tables.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                object.text(table, name)
            }
        }
    }

    func writeUnit(into object: inout CanonicalWriter) {
        if let uncertainty {
            object.object("u") { object in
                object.integer("random_ppm", uncertainty.randomPpm)
                object.integer("sys_ppm", uncertainty.systematicPpm)
            }
        }
        object.text("unit", unit)
        if let weight { object.object("weight") { $0.integer(weight.kind.rawValue, weight.value) } }
    }
}

extension Contribution {
    public var binding: ContributionBinding { ContributionBinding(of: self) }
}
