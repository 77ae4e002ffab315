// How complete, how certain and by whom: what every figure has to say besides its number. Pure sums over the
// contributions that went into it, in the order of their sources and windows, so that equal sets give equal bits.

struct Accounting: Sendable {
    private(set) var nodes: Set<String> = []
    private(set) var contributions = 0
    private(set) var provisional = 0
    /// Seconds that the contributions say they should know.
    private(set) var toldSeconds: Int128 = 0
    private(set) var validSeconds: Int128 = 0
    private(set) var overlaps: [Overlap] = []
    private(set) var flags: [String: Int128] = [:]
    private(set) var tables: [String: Set<String>] = [:]
    private(set) var classes: Set<InstrumentClass> = []
    private(set) var quality: DataQuality?
    private(set) var sources = 0
    private var isUncertaintyKnown = true
    private var randomSquares = 0.0
    private var weights = 0.0
    private var systematicPpm: Int64 = 0

    init() {}

    init(_ sources: some Sequence<SourceWindows>) {
        for source in sources { add(source) }
    }

    mutating func add(_ source: SourceWindows) {
        nodes.insert(source.source.node)
        sources += 1
        var knownThrough = Int64.min
        var told: Int128 = 0
        var valid: Int128 = 0
        for item in source.items {
            let contribution = item.contribution
            contributions += 1
            if !contribution.isFinal { provisional += 1 }
            classes.insert(contribution.instrument)
            quality = Self.worse(quality, contribution.quality)
            for (table, version) in contribution.tables { tables[table, default: []].insert(version) }
            for flag in contribution.coverage.flags { flags[flag.name, default: 0] += Int128(flag.seconds) }
            valid += Int128(contribution.coverage.validSeconds)
            let end = contribution.windowStart + contribution.coverage.expectedSeconds
            told += Int128(max(0, end - max(contribution.windowStart, knownThrough)))
            knownThrough = max(knownThrough, end)
            note(contribution)
        }
        overlaps += source.overlaps
        toldSeconds += told
        validSeconds += min(valid, told)
    }

    /// The classes of the Verification Manual stand in order, the best one first.
    private static func worse(_ a: DataQuality?, _ b: DataQuality) -> DataQuality {
        guard let a else { return b }
        let order = DataQuality.allCases
        return (order.firstIndex(of: a) ?? 0) >= (order.firstIndex(of: b) ?? 0) ? a : b
    }

    /// The random part of each window is taken for independent of the others' (which of its readings is not known: on
    /// the safe side), the systematic part for common to all.
    private mutating func note(_ contribution: Contribution) {
        let weight = contribution.state.magnitude
        guard weight > 0 else { return }
        guard let uncertainty = contribution.uncertainty else {
            isUncertaintyKnown = false
            return
        }
        let part = weight * Double(uncertainty.randomPpm)
        randomSquares += part * part
        weights += weight
        systematicPpm = max(systematicPpm, uncertainty.systematicPpm)
    }

    /// √(Σ(w·u)² / (Σw)² + u_sys²), in millionths; nil when a contribution says nothing of its own.
    var uncertaintyPpm: Double? {
        guard isUncertaintyKnown, weights > 0 else { return nil }
        let systematic = Double(systematicPpm)
        return (randomSquares / (weights * weights) + systematic * systematic).squareRoot()
    }

    /// Fills in what the figure says besides its number. What is expected of a source is the whole period: a node that
    /// was not there for half of it has known half.
    func complete(_ figure: inout Figure, periodSeconds: Int64, parameters: [NamedNumber] = []) {
        figure.classes = classes.sorted { $0.rawValue < $1.rawValue }
        figure.tables = tables.mapValues { $0.sorted() }
        figure.coverage = CoverageShare(
            expectedSeconds: max(Int128(periodSeconds) * Int128(sources), validSeconds), validSeconds: validSeconds)
        figure.flags = flags
        figure.uncertaintyPpm = uncertaintyPpm
        figure.quality = quality
        figure.nodes = nodes.count
        figure.contributions = contributions
        figure.provisional = provisional
        figure.parameters = parameters
        for (table, versions) in tables.sorted(by: { $0.key < $1.key }) where versions.count > 1 {
            figure.notes.append("\(versions.count) versions of \(table): \(versions.sorted().joined(separator: ", "))")
        }
    }
}

extension ContributionState {
    /// How much a contribution weighs among others of its kind.
    var magnitude: Double {
        switch self {
        case .sum(let state): Double(state.amount.magnitude)
        case .level(let state): Double(state.integral.magnitude)
        case .sound(let state): Double(state.energy.magnitude)
        case .exposure(let state): Double(state.square.magnitude)
        case .compliance(let state): Double(state.samples)
        case .travel(let state): Double(state.millisecondsPerKilometre)
        case .occupancy(let state): Double(state.occupiedSeconds)
        case .outages, .presence: 0
        }
    }
}
