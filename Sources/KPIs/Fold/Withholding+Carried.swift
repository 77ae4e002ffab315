// What is withheld, as whole numbers, so that it survives the process (and the power, where a copy is on flash):
//
//     [1, batches in it (number of the last), bindings, then of each binding with a minimum:
//      identity, hours, days and weeks decided through (UTC), cells, then of each cell:
//      0 hour at hand, 1 day, 2 week; start, end, revision, first batch needed, exp_s, valid_s, from_s, to_s,
//      flags, then of each flag: number, seconds;
//      0, amount, or 1, vehicles, ms/km, bins, then of each bin: km/h, vehicles]
//
// Canonical: one sequence for one state. Nothing in it is published: it has in it what is too small to be.

public import World

extension KPIFolder {
    private static let version: Int64 = 1

    /// What is withheld as of the last `take(.windowEnds)`, and where the hour at hand stands. Empty: no binding
    /// withholds anything.
    public var carried: [Int64] {
        var words: [Int64] = []
        var count: Int64 = 0
        for (index, withholding) in withholdings.enumerated() {
            guard let withholding else { continue }
            count += 1
            words += [
                bindings[index].identity, withholding.hoursThrough, withholding.daysThrough, withholding.weeksThrough,
            ]
            var cells = withholding.pending.map { (0, $0) }
            if let open = folds[index].windows.last, !open.isContext, !open.isOver, open.revision <= takenThrough {
                cells.append((0, Withholding.Cell(open, folds[index].source)))
            }
            if let cell = withholding.ofDay { cells.append((1, cell)) }
            if let cell = withholding.ofWeek { cells.append((2, cell)) }
            words.append(Int64(cells.count))
            for (kind, cell) in cells { cell.write(kind: Int64(kind), into: &words) }
        }
        return count == 0 ? [] : [Self.version, Int64(clamping: takenThrough), count] + words
    }

    /// Goes on with what a folder of the same stream had, before the first batch: after a restart of the process, or
    /// with another configuration. Of the hour at hand the windows that will not be folded again are taken. False when
    /// it is not understood or something in it belongs to no binding; what does is taken.
    @discardableResult
    public mutating func takeUp(_ carried: [Int64]) -> Bool {
        var words = CarriedWords(words: carried)
        guard words.next() == Self.version, let through = words.next(), let count = words.count(5) else { return false }
        takenThrough = max(takenThrough, UInt64(max(through, 0)))
        var isComplete = true
        for _ in 0..<count {
            guard let found = words.binding() else { return false }
            guard let index = place(of: found.identity) else {
                isComplete = false
                continue
            }
            withholdings[index]?.hoursThrough = found.hoursThrough
            withholdings[index]?.daysThrough = found.daysThrough
            withholdings[index]?.weeksThrough = found.weeksThrough
            withholdings[index]?.restoredThrough = UInt64(max(through, 0))
            for (kind, cell) in found.cells {
                switch kind {
                case 0 where lastFolded > 0 && cell.revision <= lastFolded: withholdings[index]?.pending.append(cell)
                case 0: break
                case 1: withholdings[index]?.ofDay = cell
                default: withholdings[index]?.ofWeek = cell
                }
            }
        }
        return isComplete
    }

    /// Takes over what an earlier stream of this node had withheld: after a power cut, from a copy on flash, once. It
    /// is given with the days and weeks of this stream. False as of `takeUp`.
    @discardableResult
    public mutating func adopt(_ carried: [Int64]) -> Bool {
        var words = CarriedWords(words: carried)
        guard words.next() == Self.version, words.next() != nil, let count = words.count(5) else { return false }
        var isComplete = true
        for _ in 0..<count {
            guard let found = words.binding() else { return false }
            guard let index = place(of: found.identity) else {
                isComplete = false
                continue
            }
            for (_, cell) in found.cells {
                var cell = cell
                cell.revision = lastFolded
                cell.precededBy = 0
                // Two cells that do not fit together are each far above any minimum; none of these is.
                if cell.end - cell.start > Withholding.day {
                    withholdings[index]?.carryIntoWeek(cell) { _ in }
                } else {
                    withholdings[index]?.carryIntoDay(cell) { _ in }
                }
            }
        }
        return isComplete
    }

    /// What was withheld of this time is lost, as after a power cut without a copy on flash: said by a flag on the
    /// cell that its day or week will be.
    public mutating func noteWithheldLost(from: UTC, until: UTC) {
        let start = gridStart(of: from.seconds, length: Withholding.hour)
        let seconds = until.seconds - start
        guard (1...Withholding.week).contains(seconds) else { return }
        for index in folds.indices where withholdings[index] != nil {
            let cell = Withholding.Cell(
                start: start, end: until.seconds, state: folds[index].source.zero,
                coverage: Coverage(
                    expectedSeconds: seconds, validSeconds: 0, fromSecond: 0, toSecond: 0,
                    flags: [FlaggedSeconds(name: Flag.lost.name, seconds: seconds)]),
                revision: lastFolded, precededBy: 0)
            withholdings[index]?.carryIntoDay(cell) { _ in }
        }
    }

    private func place(of identity: Int64) -> Int? {
        bindings.indices.first { withholdings[$0] != nil && bindings[$0].identity == identity }
    }
}

extension KPIBinding {
    /// Equal for bindings whose counts may be added.
    fileprivate var identity: Int64 {
        var words = [indicator.slug, channelName, unit, "\(scale)", series]
        words += labels.sorted { $0.key < $1.key }.map { "\($0.key.rawValue)=\($0.value)" }
        if let weight { words.append("\(weight.kind.rawValue)=\(weight.value)") }
        return Int64(bitPattern: fnv1a(Array(words.joined(separator: " ").utf8)))
    }
}

extension Withholding.Cell {
    /// A window; of one that is open, as far as it has come.
    init(_ window: Window, _ source: BindingFold.Source) {
        self.init(
            start: window.start, end: window.end, state: window.published(by: source), coverage: window.coverage,
            revision: window.revision, precededBy: window.precededBy)
    }

    fileprivate func write(kind: Int64, into words: inout [Int64]) {
        words += [
            kind, start, end, Int64(clamping: revision), Int64(clamping: precededBy), coverage.expectedSeconds,
            coverage.validSeconds, coverage.fromSecond, coverage.toSecond, Int64(coverage.flags.count),
        ]
        for flag in coverage.flags { words += [Int64(Flag.named(flag.name)?.rawValue ?? -1), flag.seconds] }
        switch state {
        case .travel(let travel):
            let bins = travel.speeds.occupied
            words += [1, travel.vehicles, travel.millisecondsPerKilometre, Int64(bins.count)]
            for bin in bins { words += [Int64(bin.bin), bin.count] }
        case .sum(let count): words += [0, count.amount]
        default: words += [0, 0]
        }
    }
}

/// Reads them back, whatever they are: a file may have been cut short.
private struct CarriedWords {
    struct Binding {
        var identity: Int64
        var hoursThrough: Int64
        var daysThrough: Int64
        var weeksThrough: Int64
        var cells: [(kind: Int64, cell: Withholding.Cell)] = []
    }

    let words: [Int64]
    private var place = 0

    init(words: [Int64]) { self.words = words }

    mutating func next() -> Int64? {
        guard place < words.count else { return nil }
        place += 1
        return words[place - 1]
    }

    /// A number of things that follow, each of at least so many words.
    mutating func count(_ least: Int) -> Int? {
        guard let count = next(), (0...Int64((words.count - place) / least)).contains(count) else { return nil }
        return Int(count)
    }

    /// UTC; nothing has been decided yet: the least number.
    private mutating func moment() -> Int64? {
        guard let second = next(), second == .min || (-(1 << 40)...1 << 40).contains(second) else { return nil }
        return second
    }

    mutating func binding() -> Binding? {
        guard let identity = next(), let hours = moment(), let days = moment(), let weeks = moment(),
            let cells = count(12)
        else { return nil }
        var binding = Binding(identity: identity, hoursThrough: hours, daysThrough: days, weeksThrough: weeks)
        for _ in 0..<cells {
            guard let kind = next(), let cell = cell() else { return nil }
            binding.cells.append((kind, cell))
        }
        return binding
    }

    private mutating func cell() -> Withholding.Cell? {
        guard let start = next(), let end = next(), let revision = next(), let precededBy = next(),
            let expected = next(), let valid = next(), let from = next(), let to = next(), let flagCount = count(2),
            (-(1 << 40)...1 << 40).contains(start), end > start, end - start <= 1 << 40, revision >= 0, precededBy >= 0,
            (0...end - start).contains(to), (0...to).contains(from), (0...to - from).contains(valid),
            (0...end - start).contains(expected)
        else { return nil }
        var flags: [FlaggedSeconds] = []
        for _ in 0..<flagCount {
            guard let number = next(), let seconds = next(), let flag = Flag(rawValue: Int(clamping: number)),
                (1...Int64(Int32.max)).contains(seconds)
            else { return nil }
            flags.append(FlaggedSeconds(name: flag.name, seconds: seconds))
        }
        guard let state = state() else { return nil }
        return Withholding.Cell(
            start: start, end: end, state: state,
            coverage: Coverage(
                expectedSeconds: expected, validSeconds: valid, fromSecond: from, toSecond: to, flags: flags),
            revision: UInt64(revision), precededBy: UInt64(precededBy))
    }

    private mutating func state() -> ContributionState? {
        switch next() {
        case 0: return next().map { .sum(SumState(amount: $0)) }
        case 1:
            guard let vehicles = next(), let time = next(), let bins = count(2) else { return nil }
            var travel = TravelState(vehicles: vehicles, millisecondsPerKilometre: time)
            for _ in 0..<bins {
                guard let bin = next(), let count = next(), travel.speeds.add(count, toBin: Int(clamping: bin)) else {
                    return nil
                }
            }
            return .travel(travel)
        default: return nil
        }
    }
}
