// The fold of one binding: readings of one channel into windows of one indicator.
//
// What comes out depends on the readings, their order, their batches' numbers and anchors, and on nothing else: not
// on when they were folded or asked for. So a fold that is made again gives the same bytes.
//
// - An amount belongs, whole, to the window in which its reading was acquired; on the border, to the later one. The
//   time that it covers runs back to the reading before and is cut at the borders, so it may reach into earlier
//   windows.
// - A mains line's level holds from one reading to the next. An outage belongs to the window in which it was seen to
//   begin.
// - Whether readings are missing between two is told by their ordinals. After a restart of the agent, time up to the
//   first reading is not covered: nobody watched.
// - A window is over when a reading after its end has been folded; it is final when also no outage of it is open.
// - The wall clock only chooses the window. A step back by up to a minute stays in the newest window. A larger one
//   begins windows with starts of their own (`lap`), because those on the grid have been given out.

import World

struct BindingFold {
    enum Source: Equatable {
        /// Each value, times `multiplier`, is an amount in the contribution's unit.
        case amounts(multiplier: Int64)
        /// Each value is the level of a mains-sense line; 0: out.
        case mains(customers: Int64)
    }

    private struct LastReading {
        /// Boottime, and UTC less boottime as its batch's anchor has it.
        var nanoseconds: Int64
        var offset: Int64
        var ordinal: UInt64
        /// Its value could be used.
        var isKnown: Bool
        var second: Int64 { UTC(nanoseconds: nanoseconds &+ offset).seconds }
    }

    /// The time between the reading before and this one: first what is not covered, then what is.
    private struct Passage {
        var unknown: Span
        var known: Span
        var isContinuous: Bool
    }

    private static let toleratedStepBack: Int64 = 60
    /// Windows that one reading may cover beyond its own: a day of quarters.
    static let maximumWindowsCovered: Int64 = 96

    let source: Source
    let length: Int64
    /// Batches up to this number are not needed again, whatever has been folded.
    private(set) var floor: UInt64
    /// In the order in which they were begun; the last one takes the readings.
    var windows: [Window] = []
    private var tracker = OutageTracker()
    /// The anchor's offset when the open outage began: what is published of it must not move with later anchors.
    private var openOffset: Int64 = 0
    private var last: LastReading?
    /// No reading has been folded yet.
    var isFresh: Bool { last == nil }
    /// The batch of the reading that gives the next window its beginning; 0: none yet.
    private var contextSeq: UInt64 = 0
    private var coveredThrough = Int64.min
    private var highestEnd = Int64.min
    private var lap: Int64 = 0
    /// The first window begins here and not on the grid.
    private let ownStart: Int64?
    private var firstIsContext: Bool
    /// After `resume`: batches up to here are in the windows already, of the next one only what lies after
    /// `closedBefore`.
    private var resumedThrough: UInt64 = 0
    private var closedBefore = Int64.min
    /// Moments taken from a contribution are UTC until the first anchor is seen.
    private var awaitsAnchor = false

    init(source: Source, windowSeconds: Int64, after: UInt64, from: Int64?) {
        self.source = source
        length = windowSeconds
        floor = after
        ownStart = from
        firstIsContext = after > 0 && from == nil
        windows.reserveCapacity(4)
    }

    private var zero: ContributionState {
        switch source {
        case .amounts: .sum(SumState())
        case .mains: .outages(OutageState())
        }
    }

    // MARK: Folding

    mutating func fold(_ reading: Reading, seq: UInt64, anchor: Anchor) {
        guard seq > resumedThrough else { return }
        if awaitsAnchor { settle(anchor) }
        let second = anchor.utc(reading.acquired).seconds
        let isUsable = Self.isUsable(reading.quality)
        if second < closedBefore, seq == resumedThrough + 1 {
            // Already in a window that was given out; only what the next reading needs to know of it.
            if isUsable, case .mains = source, tracker.open == nil {
                _ = tracker.observe(
                    isPresent: reading.value != 0, at: reading.acquired.nanoseconds, isContinuous: true)
            }
            remember(reading, isUsable: isUsable, seq: seq, anchor: anchor, second: second)
            return
        }

        var isStepBack = false
        if let newest = windows.last, second < newest.start - Self.toleratedStepBack {
            isStepBack = true
            lap += 1
            coveredThrough = .min
        }
        let passage = passage(to: reading, second: second, isUsable: isUsable, anchor: anchor)
        var touched = max(windows.count - 1, 0)
        if windows.isEmpty || isStepBack || second >= windows[windows.count - 1].cut {
            if begin(at: second, coveredFrom: passage.known, isStepBack: isStepBack, seq: seq) { touched = 0 }
        }
        while touched < windows.count {
            let isCovered = windows[touched].add(passage.known)
            let isFlagged = windows[touched].add(passage.unknown)
            if isCovered || isFlagged { touch(touched, seq) }
            touched += 1
        }
        touch(windows.count - 1, seq)
        if isUsable {
            switch source {
            case .amounts(let multiplier):
                add(reading.value, times: multiplier, second: second, seq: seq)
            case .mains(let customers):
                observe(reading, isContinuous: passage.isContinuous, customers: customers, seq: seq, anchor: anchor)
            }
        }
        remember(reading, isUsable: isUsable, seq: seq, anchor: anchor, second: second)
    }

    /// Values whose time has expired calibration, or of which a part was not seen, are used and flagged; other
    /// uncertain ones only counted.
    private static func isUsable(_ quality: Quality) -> Bool {
        quality == .good || quality == .estimated || quality == .calibrationExpired
    }

    mutating func touch(_ index: Int, _ seq: UInt64) {
        windows[index].revision = seq
        windows[index].isChanged = true
    }

    private mutating func remember(
        _ reading: Reading, isUsable: Bool, seq: UInt64, anchor: Anchor, second: Int64
    ) {
        last = LastReading(
            nanoseconds: reading.acquired.nanoseconds, offset: anchor.offsetNanoseconds, ordinal: reading.ordinal,
            isKnown: isUsable)
        coveredThrough = max(coveredThrough, second)
        // An outage's earliest possible begin is the last believable level, so that is where its window's story starts.
        if case .mains = source, !isUsable, tracker.line != .unknown { return }
        contextSeq = seq
    }

    private func passage(to reading: Reading, second: Int64, isUsable: Bool, anchor: Anchor) -> Passage {
        var passage = Passage(
            unknown: Span(from: second, to: second, isValid: false, flag: nil),
            known: Span(from: second, to: second, isValid: true, flag: nil), isContinuous: false)
        guard let last else { return passage }
        let isStepped = (anchor.offsetNanoseconds &- last.offset).magnitude >= 1_000_000_000
        let elapsed = max(0, reading.acquired.nanoseconds &- last.nanoseconds)
        let begin = min(max(isStepped ? second - elapsed / 1_000_000_000 : last.second, coveredThrough), second)
        passage.unknown.from = begin

        let isNext = reading.ordinal == last.ordinal &+ 1
        let isGap = !isNext && reading.ordinal > last.ordinal
        passage.unknown.flag = Flag(reading.quality) ?? (isGap ? .lost : .missing)
        guard isUsable else { return passage }
        passage.known.flag = Flag(reading.quality) ?? (isStepped ? .clockStep : nil)
        if !isNext { passage.unknown.flag = isGap ? .lost : .missing }
        switch source {
        case .amounts where isNext:
            passage.known.from = begin
        case .amounts where isGap:
            // The amount is that since the reading before, which is one of those lost: they came at equal distances.
            passage.known.from = second - (second - begin) / Int64(clamping: reading.ordinal - last.ordinal)
        case .mains where isNext && last.isKnown:
            passage.known.from = begin
            passage.isContinuous = reading.quality != .estimated
        case .mains where isNext:
            passage.unknown.flag = .missing
        case .amounts, .mains:
            break
        }
        passage.unknown.to = passage.known.from
        return passage
    }

    /// Ends the newest window and begins the one that holds the second, and those between that are covered. Returns
    /// whether the window before was there for context only and is gone.
    private mutating func begin(at second: Int64, coveredFrom known: Span, isStepBack: Bool, seq: UInt64) -> Bool {
        var isContextGone = false
        let grid = gridStart(of: second, length: length)
        if let newest = windows.indices.last {
            windows[newest].isOver = true
            touch(newest, seq)
            if windows[newest].isContext {
                windows.removeLast()
                isContextGone = true
            }
            if !isStepBack, known.from < known.to {
                var covered = max(gridStart(of: known.from, length: length), highestEnd)
                covered = max(covered, grid - Self.maximumWindowsCovered * length)
                while covered < grid {
                    append(start: covered, end: covered + length)
                    windows[windows.count - 1].isOver = true
                    touch(windows.count - 1, seq)
                    covered += length
                }
            }
        }
        var start = grid
        if highestEnd == .min, let ownStart, ownStart > grid, ownStart < grid + length {
            start = ownStart
        } else if grid < highestEnd {
            start = grid + min(max(lap, 1), length - 1)
        }
        append(start: start, end: grid + length)
        if firstIsContext {
            windows[windows.count - 1].isContext = true
            firstIsContext = false
        }
        return isContextGone
    }

    mutating func append(start: Int64, end: Int64) {
        windows.append(Window(start: start, end: end, state: zero, precededBy: contextSeq))
        highestEnd = max(highestEnd, end)
    }

    private mutating func add(_ value: Int64, times multiplier: Int64, second: Int64, seq: UInt64) {
        let newest = windows.count - 1
        let (amount, isTooLarge) = value.multipliedReportingOverflow(by: multiplier)
        guard !isTooLarge, case .sum(let sum) = windows[newest].state else { return }
        if let joined = sum.joined(with: SumState(amount: amount)) {
            windows[newest].state = .sum(joined)
            return
        }
        // Full: the window is closed early, and the rest of its time is a window of its own.
        let cut = max(second, windows[newest].start + 1)
        guard cut < windows[newest].end else { return }
        let end = windows[newest].end
        windows[newest].closeEarly(at: cut)
        append(start: cut, end: end)
        windows[newest + 1].state = .sum(SumState(amount: amount))
        touch(newest + 1, seq)
    }

    private mutating func observe(
        _ reading: Reading, isContinuous: Bool, customers: Int64, seq: UInt64, anchor: Anchor
    ) {
        let newest = windows.count - 1
        switch tracker.observe(
            isPresent: reading.value != 0, at: reading.acquired.nanoseconds, isContinuous: isContinuous)
        {
        case .none: break
        case .began(let earliest, let latest, let isCounted):
            tracker.open = OutageTracker.Open(
                earliest: earliest, latest: latest, window: windows[newest].start, isCounted: isCounted)
            openOffset = anchor.offsetNanoseconds
            if isCounted, case .outages(var outages) = windows[newest].state {
                outages.open += customers
                windows[newest].state = .outages(outages)
            }
        case .ended(let open, let minimum, let maximum):
            guard let index = windows.lastIndex(where: { $0.start == open.window }),
                case .outages(var outages) = windows[index].state
            else { return }
            if open.isCounted { outages.open -= customers }
            outages.add(minimum: minimum, maximum: maximum, customers: customers, isCounted: open.isCounted)
            windows[index].state = .outages(outages)
            touch(index, seq)
        }
    }
}

// MARK: What it gives

extension BindingFold {
    func isFinal(_ window: Window) -> Bool { window.isOver && tracker.open?.window != window.start }

    mutating func markGiven(_ index: Int) { windows[index].isChanged = false }

    mutating func dropFinal() {
        windows.removeAll { $0.isOver && tracker.open?.window != $0.start }
    }

    /// Batches up to here need not be folded again to build what is still to be given.
    var passedThrough: UInt64 {
        let needed = windows.first { !$0.isContext }?.precededBy ?? contextSeq
        return max(floor, needed > 0 ? needed - 1 : 0)
    }

    func mark(_ index: Int) -> FoldMark? {
        let window = windows[index]
        var mark = FoldMark()
        if let last, !window.isOver, index == windows.count - 1 {
            var reading = FoldMark.LastReading(
                atMicroseconds: (last.nanoseconds &+ last.offset) / 1_000, ordinal: last.ordinal)
            if case .mains = source, tracker.line != .unknown {
                reading.isPresent = tracker.line == .present
                if !last.isKnown { reading.lineMicroseconds = (tracker.lastKnown &+ last.offset) / 1_000 }
            }
            mark.last = reading
        }
        if let open = tracker.open, open.window == window.start {
            mark.open = FoldMark.OpenOutage(
                earliestMicroseconds: (open.earliest &+ openOffset) / 1_000,
                latestMicroseconds: (open.latest &+ openOffset) / 1_000)
        }
        return mark == FoldMark() ? nil : mark
    }
}

// MARK: After a power cut

extension BindingFold {
    /// Goes on from a contribution of this binding. All that were given out together may be handed in, in any order,
    /// before the first batch is folded.
    mutating func resume(_ contribution: Contribution) {
        firstIsContext = false
        highestEnd = max(highestEnd, contribution.windowEnd)
        // The batch that ended a window also began the next: of a window that was over, that batch is folded once more.
        let isOver = contribution.mark?.last == nil
        let through = isOver && contribution.revision > 0 ? contribution.revision - 1 : contribution.revision
        if through >= resumedThrough { resumedThrough = through }
        floor = max(floor, resumedThrough)
        if isOver { closedBefore = max(closedBefore, contribution.windowEnd) }
        guard !contribution.isFinal else { return }
        var window = Window(
            start: contribution.windowStart, end: contribution.windowEnd, state: contribution.state,
            precededBy: contribution.revision + 1)
        window.restore(contribution.coverage)
        window.revision = contribution.revision
        window.isOver = isOver
        windows.insert(window, at: windows.firstIndex { $0.start > window.start } ?? windows.count)
        awaitsAnchor = true
        if let open = contribution.mark?.open {
            var isCounted = false
            if case .outages(let outages) = contribution.state { isCounted = outages.open > 0 }
            tracker.open = OutageTracker.Open(
                earliest: open.earliestMicroseconds &* 1_000, latest: open.latestMicroseconds &* 1_000,
                window: window.start, isCounted: isCounted)
        }
        if let reading = contribution.mark?.last {
            var isKnown = true
            if case .mains = source { isKnown = reading.isPresent != nil && reading.lineMicroseconds == nil }
            let mark = LastReading(
                nanoseconds: reading.atMicroseconds &* 1_000, offset: 0, ordinal: reading.ordinal, isKnown: isKnown)
            last = mark
            coveredThrough = mark.second
            if let isPresent = reading.isPresent {
                tracker.restore(
                    isPresent: isPresent, at: reading.lineMicroseconds.map { $0 &* 1_000 } ?? mark.nanoseconds)
            }
        }
    }

    /// Moves moments that came from a contribution to the boot's own clock, now that an anchor is known.
    private mutating func settle(_ anchor: Anchor) {
        awaitsAnchor = false
        if let open = tracker.open, tracker.line == .unknown { tracker.restore(isPresent: false, at: open.latest) }
        tracker.shift(by: anchor.offsetNanoseconds)
        openOffset = anchor.offsetNanoseconds
        last?.nanoseconds &-= anchor.offsetNanoseconds
        last?.offset = anchor.offsetNanoseconds
    }
}
