// The memory of a `ContributionSet`: millions of windows in rows of 72 bytes, found by their keys. Names are kept once
// per series, constants once per binding; what few windows have stands apart.

/// One series of one sensor in one stream: a key without its window.
struct SeriesKey: Hashable, Sendable {
    var node: String
    var stream: UInt64
    var sensor: String
    var code: String
    var series: String
}

struct ContributionRows: Sendable {
    struct Row: Equatable, Sendable {
        var windowStart: Int64
        var revision: UInt64
        /// The lowest revision that was final, corrections aside; none: `.max`.
        var firstFinal = UInt64.max
        /// The amount of a sum; of other states their place in `states`.
        var state: Int64 = 0
        var series: UInt32
        var windowSeconds: Int32
        var binding: UInt32 = 0
        /// Place in `extras`; -1: nothing out of the ordinary.
        var extra: Int32 = -1
        var expectedSeconds: Int32 = 0
        var validSeconds: Int32 = 0
        var fromSecond: Int32 = 0
        var toSecond: Int32 = 0
        /// `PackedDay`; 0: none, or one that stands in `extras`.
        var localDay: Int32 = 0
        var period = Period.none
        var isFinal = false
        var isSum = false
        /// Two contents for its rank.
        var isContested = false
    }

    struct Extra: Equatable, Sendable {
        var correction: UInt64?
        var mark: FoldMark?
        var flags: [FlaggedSeconds]
        var localDay: String?

        var isEmpty: Bool { correction == nil && mark == nil && flags.isEmpty && localDay == nil }
    }

    private(set) var rows: [Row] = []
    private(set) var series: [SeriesKey] = []
    private var numbers: [SeriesKey: UInt32] = [:]
    /// The binding that each series used last: nearly always its only one.
    private var bindingOfSeries: [UInt32] = []
    private var bindings: [ContributionBinding] = []
    private var bindingNumbers: [UInt64: [UInt32]] = [:]
    private var states: [ContributionState] = []
    private var extras: [Extra] = []
    private var freeExtras: [Int32] = []
    /// Row numbers by the hash of their keys, open addressing; `.max`: free.
    private var table: [UInt32] = Array(repeating: .max, count: 1_024)

    init() {}

    // MARK: Keys

    mutating func number(of key: SeriesKey) -> UInt32 {
        if let number = numbers[key] { return number }
        let number = UInt32(series.count)
        series.append(key)
        bindingOfSeries.append(.max)
        numbers[key] = number
        return number
    }

    func knownNumber(of key: SeriesKey) -> UInt32? { numbers[key] }

    private static func hash(_ series: UInt32, _ start: Int64, _ seconds: Int32) -> UInt64 {
        // The finaliser of SplitMix64 (Steele, Lea, Flood 2014); a stranger chooses none of the series' numbers.
        var z = UInt64(bitPattern: start) &+ UInt64(series) &* 0x9E37_79B9_7F4A_7C15
        z ^= UInt64(UInt32(bitPattern: seconds)) << 40
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    func find(_ series: UInt32, _ start: Int64, _ seconds: Int32) -> Int? {
        let mask = table.count - 1
        var place = Int(truncatingIfNeeded: Self.hash(series, start, seconds)) & mask
        while table[place] != .max {
            let row = Int(table[place])
            if rows[row].series == series && rows[row].windowStart == start && rows[row].windowSeconds == seconds {
                return row
            }
            place = (place + 1) & mask
        }
        return nil
    }

    private mutating func index(_ row: Int) {
        let mask = table.count - 1
        var place =
            Int(truncatingIfNeeded: Self.hash(rows[row].series, rows[row].windowStart, rows[row].windowSeconds)) & mask
        while table[place] != .max { place = (place + 1) & mask }
        table[place] = UInt32(row)
    }

    // MARK: Contents

    /// A row for a key that is not there yet.
    mutating func append(_ contribution: Contribution, series: UInt32) {
        let row = rows.count
        rows.append(
            Row(
                windowStart: contribution.windowStart, revision: contribution.revision, series: series,
                windowSeconds: Int32(clamping: contribution.windowSeconds)))
        store(contribution, at: row, isNew: true)
        if rows.count * 4 > table.count * 3 {
            table = Array(repeating: .max, count: table.count * 2)
            for row in rows.indices { index(row) }
        } else {
            index(row)
        }
    }

    /// Puts the contribution in place of what the row holds; what the row knows of others stays.
    mutating func store(_ contribution: Contribution, at row: Int, isNew: Bool = false) {
        rows[row].revision = contribution.revision
        rows[row].isFinal = contribution.isFinal
        rows[row].period = contribution.period
        rows[row].expectedSeconds = Int32(clamping: contribution.coverage.expectedSeconds)
        rows[row].validSeconds = Int32(clamping: contribution.coverage.validSeconds)
        rows[row].fromSecond = Int32(clamping: contribution.coverage.fromSecond)
        rows[row].toSecond = Int32(clamping: contribution.coverage.toSecond)
        let wasSum = rows[row].isSum
        rows[row].binding = number(ofBindingOf: contribution, series: rows[row].series)
        if case .sum(let sum) = contribution.state {
            rows[row].isSum = true
            rows[row].state = sum.amount
        } else if isNew || wasSum {
            rows[row].isSum = false
            rows[row].state = Int64(states.count)
            states.append(contribution.state)
        } else {
            states[Int(rows[row].state)] = contribution.state
        }
        let day = contribution.localDay.flatMap { PackedDay($0)?.number }
        rows[row].localDay = day ?? 0
        let extra = Extra(
            correction: contribution.correction, mark: contribution.mark, flags: contribution.coverage.flags,
            localDay: day == nil ? contribution.localDay : nil)
        store(extra, at: row)
    }

    private mutating func store(_ extra: Extra, at row: Int) {
        if extra.isEmpty {
            guard rows[row].extra >= 0 else { return }
            extras[Int(rows[row].extra)] = extra
            freeExtras.append(rows[row].extra)
            rows[row].extra = -1
        } else if rows[row].extra >= 0 {
            extras[Int(rows[row].extra)] = extra
        } else if let place = freeExtras.popLast() {
            extras[Int(place)] = extra
            rows[row].extra = place
        } else {
            rows[row].extra = Int32(extras.count)
            extras.append(extra)
        }
    }

    private mutating func number(ofBindingOf contribution: Contribution, series: UInt32) -> UInt32 {
        let usual = bindingOfSeries[Int(series)]
        if usual != .max, bindings[Int(usual)].isBinding(of: contribution) { return usual }
        let binding = ContributionBinding(of: contribution)
        let id = binding.id
        var number = bindingNumbers[id]?.first { bindings[Int($0)] == binding }
        if number == nil {
            number = UInt32(bindings.count)
            bindings.append(binding)
            bindingNumbers[id, default: []].append(UInt32(bindings.count - 1))
        }
        bindingOfSeries[Int(series)] = number ?? 0
        return number ?? 0
    }

    // MARK: Marks of the join

    mutating func noteFinal(_ revision: UInt64, at row: Int) {
        rows[row].firstFinal = min(rows[row].firstFinal, revision)
    }

    mutating func contest(_ isContested: Bool, at row: Int) { rows[row].isContested = isContested }

    func correction(of row: Row) -> UInt64 { row.extra < 0 ? 0 : extras[Int(row.extra)].correction ?? 0 }

    /// Contents of one rank, or something after what was final: the key stays out of all totals.
    func isConflicting(_ row: Row) -> Bool {
        row.isContested || (correction(of: row) == 0 && row.revision > row.firstFinal)
    }

    func indicator(of row: Row) -> Indicator { bindings[Int(row.binding)].indicator }

    /// What the row holds, as it came; of no stream but its key's.
    func contribution(of row: Row) -> Contribution {
        let binding = bindings[Int(row.binding)]
        let extra = row.extra < 0 ? nil : extras[Int(row.extra)]
        var contribution = Contribution(
            indicator: binding.indicator, sensor: binding.sensor, series: binding.series,
            windowStart: row.windowStart, windowSeconds: Int64(row.windowSeconds), revision: row.revision,
            isFinal: row.isFinal, unit: binding.unit, scale: binding.scale,
            state: row.isSum ? .sum(SumState(amount: row.state)) : states[Int(row.state)],
            coverage: Coverage(
                expectedSeconds: Int64(row.expectedSeconds), validSeconds: Int64(row.validSeconds),
                fromSecond: Int64(row.fromSecond), toSecond: Int64(row.toSecond), flags: extra?.flags ?? []),
            labels: binding.labels, weight: binding.weight, mark: extra?.mark)
        contribution.period = row.period
        contribution.localDay = row.localDay == 0 ? extra?.localDay : PackedDay.text(row.localDay)
        contribution.instrument = binding.instrument
        contribution.quality = binding.quality
        contribution.uncertainty = binding.uncertainty
        contribution.parameters = binding.parameters
        contribution.tables = binding.tables
        contribution.correction = extra?.correction
        return contribution
    }
}
