// Counts of people and vehicles: a cell in which fewer than a minimum were counted tells of somebody, so it does not
// leave the node. It is not lost, either: it is merged upward until it is large enough.
//
// - When all quarters of an hour reach the minimum, they go out. Otherwise the hour goes out as one (`len` 3600).
// - An hour below the minimum is carried into its day (UTC, `len` 86400), given when the day is over; a day below it
//   into its week (from Monday, `len` 604800); a week below it into the next, `len` then being that of all of them.
// - A cell is given once, when its time is over, and is final: nothing provisional could be taken back when a quarter
//   after it turns out too small. Until then nothing of it is anywhere but in this node's memory.
// - The sum of all that is given is exact, at every time, but for what is carried. Coverage moves along: `exp_s`,
//   `valid_s` and flags of a day's cell are those of the hours in it, and not of the day; `from_s` and `to_s` are
//   places in the cell.
// - Time that comes a second time, after a step back of the clock, is carried up: its cells have been given.
//
// What is decided depends on the windows and their order alone, so that a fold made again decides the same.

struct Withholding: Sendable {
    struct Cell: Equatable, Sendable {
        var start: Int64
        var end: Int64
        var state: ContributionState
        var coverage: Coverage
        var revision: UInt64
        /// As `Window.precededBy`.
        var precededBy: UInt64
    }

    static let hour: Int64 = 3_600
    static let day: Int64 = 86_400
    static let week: Int64 = 604_800

    /// Counts below that are withheld, in the state's unit.
    let minimum: Int64
    /// Cells of the hour at hand.
    var pending: [Cell] = []
    /// What is carried: hours of a day, and days.
    var ofDay: Cell?
    var ofWeek: Cell?
    /// Hours, days and weeks that begin before these seconds have been decided.
    var hoursThrough = Int64.min
    var daysThrough = Int64.min
    var weeksThrough = Int64.min
    /// After a restart: what the batches up to this number made is here already.
    var restoredThrough: UInt64 = 0

    init(minimum: Int64) { self.minimum = minimum }

    /// The first day of the week that holds the second: 1970-01-05 was a Monday.
    static func monday(of second: Int64) -> Int64 { gridStart(of: second - 4 * day, length: week) + 4 * day }

    /// A window that is over, in the order in which windows were begun.
    mutating func take(_ cell: Cell, give: (Cell) -> Void) {
        advance(to: cell.start, give: give)
        if gridStart(of: cell.start, length: Self.hour) >= hoursThrough {
            pending.append(cell)
        } else if cell.revision > restoredThrough {
            carryIntoDay(cell, give: give)
        }
    }

    /// It is that late: nothing more comes for what is over.
    mutating func advance(to second: Int64, give: (Cell) -> Void) {
        let hourStart = gridStart(of: second, length: Self.hour)
        if let first = pending.first, gridStart(of: first.start, length: Self.hour) != hourStart { closeHour(give) }
        if let cell = ofDay, second >= cell.end {
            ofDay = nil
            daysThrough = max(daysThrough, cell.end)
            if isEnough(cell.state) { give(cell) } else { carryIntoWeek(cell, give: give) }
        }
        if let cell = ofWeek, second >= cell.end {
            if isEnough(cell.state) {
                ofWeek = nil
                weeksThrough = max(weeksThrough, cell.end)
                give(cell)
            } else {
                ofWeek?.end = Self.monday(of: second) + Self.week
            }
        }
        hoursThrough = max(hoursThrough, hourStart)
        daysThrough = max(daysThrough, gridStart(of: second, length: Self.day))
        weeksThrough = max(weeksThrough, Self.monday(of: second))
    }

    private mutating func closeHour(_ give: (Cell) -> Void) {
        let cells = pending
        pending = []
        guard let first = cells.first else { return }
        let start = gridStart(of: first.start, length: Self.hour)
        hoursThrough = max(hoursThrough, start + Self.hour)
        if cells.allSatisfy({ isEnough($0.state) }) {
            for cell in cells { give(cell) }
            return
        }
        // An hour of which another configuration had a part begins where that ended.
        let isAligned = first.start % 900 == 0
        var whole = Cell(of: first, start: isAligned ? start : first.start, end: start + Self.hour)
        for cell in cells.dropFirst() where !whole.join(cell) { give(cell) }
        // As of every window, a quarter without a reading included.
        whole.coverage.expectedSeconds = whole.end - whole.start
        if isEnough(whole.state) { give(whole) } else { carryIntoDay(whole, give: give) }
    }

    mutating func carryIntoDay(_ cell: Cell, give: (Cell) -> Void) {
        let start = gridStart(of: cell.start, length: Self.day)
        guard start >= daysThrough, ofDay == nil || ofDay?.start == start else {
            carryIntoWeek(cell, give: give)
            return
        }
        if ofDay == nil {
            ofDay = Cell(of: cell, start: start, end: start + Self.day)
        } else if ofDay?.join(cell) == false {
            give(cell)
        }
    }

    mutating func carryIntoWeek(_ cell: Cell, give: (Cell) -> Void) {
        let start = max(Self.monday(of: cell.start), weeksThrough)
        if ofWeek == nil {
            ofWeek = Cell(of: cell, start: start, end: start + Self.week)
        } else if ofWeek?.join(cell) == false {
            give(cell)
        }
    }

    private func isEnough(_ state: ContributionState) -> Bool {
        switch state {
        case .sum(let count): count.amount >= minimum
        case .travel(let travel): travel.vehicles >= minimum
        default: true
        }
    }

    /// Batches up to here need not be folded again: of the hour at hand all are needed.
    func passedThrough(_ passed: UInt64) -> UInt64 {
        guard let first = pending.map(\.precededBy).min() else { return passed }
        return min(passed, first > 0 ? first - 1 : 0)
    }
}

extension Withholding.Cell {
    /// The same in a longer cell's place.
    init(of cell: Withholding.Cell, start: Int64, end: Int64) {
        self = cell
        self.start = start
        self.end = end
        coverage = Coverage(
            expectedSeconds: 0, validSeconds: 0, fromSecond: end - start, toSecond: 0)
        add(cell)
    }

    /// False, and nothing has changed, when the counts do not fit: then neither is small.
    mutating func join(_ cell: Withholding.Cell) -> Bool {
        guard let joined = state.joined(with: cell.state) else { return false }
        state = joined
        revision = max(revision, cell.revision)
        precededBy = min(precededBy, cell.precededBy)
        add(cell)
        return true
    }

    private mutating func add(_ cell: Withholding.Cell) {
        let other = cell.coverage
        var flags = coverage.flags
        for flag in other.flags {
            if let index = flags.firstIndex(where: { $0.name == flag.name }) {
                flags[index].seconds += flag.seconds
            } else {
                flags.append(flag)
            }
        }
        flags.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        // Time that came twice, or that a step of the clock moved, is told as far as the cell has room for it.
        let length = end - start
        var from = coverage.validSeconds > 0 ? coverage.fromSecond : length
        var to = coverage.validSeconds > 0 ? coverage.toSecond : 0
        if other.validSeconds > 0 {
            from = min(from, max(cell.start + other.fromSecond - start, 0))
            to = max(to, min(cell.start + other.toSecond - start, length))
        }
        let expected = min(coverage.expectedSeconds + other.expectedSeconds, length)
        // `exp_s` counts hours in the cell, while `to_s` is a place in it.
        let valid = max(0, min(coverage.validSeconds + other.validSeconds, expected, to - from))
        coverage = Coverage(
            expectedSeconds: expected, validSeconds: valid, fromSecond: valid > 0 ? from : 0,
            toSecond: valid > 0 ? to : 0, flags: flags)
    }
}
