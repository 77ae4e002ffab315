// From a set of contributions to the city's figures: time is merged first, by node; then space, by what the indicator's
// measure says (`Measure.acrossNodes`); ratios come last, with the denominators that only the city knows.
//
// What must not be added is reported apart: figures of different instrument classes (unless the options ask for them
// to be merged), of different thresholds, of different units. Different versions of a table in one figure are said.

public struct Evaluation: Sendable {
    public let city: City
    public let options: EvaluationOptions
    /// UTC seconds; empty when there is nothing in the set and no period was asked for.
    public let from: Int64
    public let until: Int64
    /// Local midnights that the contributions show.
    let midnights: LocalMidnights
    private let items: [String: [SourceWindows.Item]]
    private let conflicts: [String: [ContributionSet.Key]]

    public init(_ set: ContributionSet, city: City = City(), options: EvaluationOptions = EvaluationOptions()) {
        self.city = city
        self.options = options
        var items: [String: [SourceWindows.Item]] = [:]
        var conflicts: [String: [ContributionSet.Key]] = [:]
        var midnights = LocalMidnights()
        var first = Int64.max, last = Int64.min
        for (key, entry) in set.entries {
            guard key.windowStart >= options.from ?? .min, key.windowStart < options.until ?? .max else { continue }
            first = min(first, key.windowStart)
            last = max(last, entry.contribution.windowEnd)
            if entry.isConflicting {
                conflicts[key.slug, default: []].append(key)
            } else {
                midnights.note(entry.contribution)
                items[key.slug, default: []].append(
                    SourceWindows.Item(key: key, contribution: entry.contribution))
            }
        }
        self.items = items
        self.conflicts = conflicts
        self.midnights = midnights
        from = options.from ?? (first <= last ? first : 0)
        until = max(options.until ?? (first <= last ? last : 0), from)
    }

    public var periodSeconds: Int64 { until - from }
    var periodDays: Double { Double(periodSeconds) / 86_400 }
    /// A year, leap or not, as an annual figure needs.
    var isYear: Bool { periodSeconds == 365 * 86_400 || periodSeconds == 366 * 86_400 }

    /// All 91 indicators of the U4SSC in the order of the catalogue, then the supporting metrics that something was
    /// contributed to. What no node contributes to is there and not reported.
    public var reports: [IndicatorReport] {
        let official = U4SSC.entries.map { entry in
            Indicator.named(entry.slug).map(report)
                ?? IndicatorReport(code: entry.code, slug: entry.slug, name: entry.name, from: from, until: until)
        }
        return official + Indicator.all.filter { !$0.isU4SSC && items[$0.slug] != nil }.map(report)
    }

    public func report(_ indicator: Indicator) -> IndicatorReport {
        var report = IndicatorReport(
            code: indicator.code, slug: indicator.slug, name: indicator.name, from: from, until: until)
        report.conflicts = (conflicts[report.slug] ?? []).sorted(by: Self.isBefore)
        let strata = strata(indicator)
        for stratum in strata {
            report.overlaps += Accounting(stratum.sources).overlaps
            report.figures += figures(indicator, stratum)
        }
        if Set(strata.map(\.unit)).count > 1 { report.notes.append("different units: reported apart") }
        if Set(strata.map(\.parameterText)).count > 1 { report.notes.append("different thresholds: reported apart") }
        if Set(strata.map(\.classText)).count > 1 {
            report.notes.append("different instrument classes: reported apart; --classes merges those that it names")
        }
        for index in report.figures.indices { score(&report.figures[index], indicator) }
        return report
    }

    // MARK: What may stand together

    /// Sources whose states join: one class (or merged ones), one set of thresholds, one unit.
    struct Stratum: Sendable {
        var sources: [SourceWindows]
        var unit: String
        var parameters: [NamedNumber]
        fileprivate var classText: String

        fileprivate var parameterText: String { Stratum.text(parameters) }

        fileprivate static func text(_ parameters: [NamedNumber]) -> String {
            parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        }
    }

    func strata(_ indicator: Indicator) -> [Stratum] {
        struct Group: Hashable {
            var classText: String
            var unit: String
            var parameterText: String
        }
        var groups: [Group: [ContributionSet.Source: [SourceWindows.Item]]] = [:]
        for item in items[indicator.slug] ?? [] {
            let contribution = item.contribution
            let isMerged = options.mergedClasses.contains(contribution.instrument)
            let group = Group(
                classText: isMerged ? "" : contribution.instrument.rawValue,
                // Carriers of energy are converted; the units of gas and of the others are both in one building.
                unit: indicator.measure == .carrier ? "" : contribution.unit,
                parameterText: Stratum.text(contribution.parameters))
            groups[group, default: [:]][ContributionSet.Source(item.key), default: []].append(item)
        }
        let ordered = groups.sorted {
            ($0.key.classText, $0.key.unit, $0.key.parameterText)
                < ($1.key.classText, $1.key.unit, $1.key.parameterText)
        }
        return ordered.map { group, found in
            let sources = found.sorted { $0.key < $1.key }.map { source, items in
                SourceWindows(source: source, items: items.sorted { Self.isBefore($0.key, $1.key) })
            }
            return Stratum(
                sources: sources, unit: group.unit,
                parameters: sources.first?.items.first?.contribution.parameters ?? [], classText: group.classText)
        }
    }

    private static func isBefore(_ a: ContributionSet.Key, _ b: ContributionSet.Key) -> Bool {
        if a.windowStart != b.windowStart { return a.windowStart < b.windowStart }
        if a.windowSeconds != b.windowSeconds { return a.windowSeconds < b.windowSeconds }
        if a.stream != b.stream { return a.stream < b.stream }
        return (a.node, a.sensor, a.series) < (b.node, b.sensor, b.series)
    }

    private func figures(_ indicator: Indicator, _ stratum: Stratum) -> [Figure] {
        switch indicator.measure {
        case .pollutant: air(stratum)
        case .sound: noise(stratum)
        case .exposure: exposure(stratum, indicator)
        case .volume: water(stratum, indicator)
        case .outages: outages(stratum, indicator)
        case .energy: energy(stratum, indicator)
        case .heat: heat(stratum)
        case .carrier: buildings(stratum)
        case .presence(let metres): coverage(stratum, indicator, isInMetres: metres)
        case .travel: travel(stratum, indicator)
        case .level: levels(stratum)
        case .occupancy: occupancy(stratum, indicator)
        case .compliance: compliance(stratum)
        case .count: counts(stratum, indicator)
        }
    }

    /// The accounting of some sources, written into the figure.
    func complete(_ figure: inout Figure, _ sources: some Sequence<SourceWindows>, _ stratum: Stratum) {
        Accounting(sources).complete(&figure, periodSeconds: periodSeconds, parameters: stratum.parameters)
    }

    // MARK: Targets

    private func score(_ figure: inout Figure, _ indicator: Indicator) {
        guard figure.isHeadline, let target = city.target(indicator.slug, figure.point) else { return }
        figure.target = target.target
        guard let value = figure.value else { return }
        var percent: Double?
        if let baseline = target.baseline {
            percent = Score.percent(value: value, baseline: baseline, target: target.target)
        } else if indicator.isBetterHigh {
            percent = Score.percent(value: value, target: target.target)
        } else {
            figure.notes.append("no score: what should be low needs a baseline beside its target")
        }
        figure.score = percent.flatMap(Score.points)
    }
}

extension Indicator {
    var isBetterHigh: Bool { U4SSC.named(slug)?.better == .higher }
}
