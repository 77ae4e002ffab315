// The fold of one binding: readings of one channel into windows of one indicator.
//
// What comes out depends on the readings, their order, their batches' numbers and anchors, and on nothing else: not
// on when they were folded or asked for. So a fold that is made again gives the same bytes.
//
// - An amount belongs, whole, to the window in which its reading was acquired; on the border, to the later one. The
//   time that it covers runs back to the reading before and is cut at the borders, so it may reach into earlier
//   windows.
// - A level holds from its reading to the next, at most `hold` seconds, and is cut at the borders: windows that touch
//   add up exactly. With a `hold`, a level holds so long whether readings were lost or not; without, only as long as
//   the reading after it is known to be the next. A reading that cannot be used ends what held before it.
// - A mains line's level holds between two usable readings that follow each other. An outage belongs to the window in
//   which it was seen to begin.
// - Whether readings are missing between two is told by their ordinals. After a restart of the agent, time up to the
//   first reading is not covered: nobody watched.
// - A window is over when a reading after its end has been folded; it is final when also no outage of it is open.
// - The wall clock only chooses the window. A step back by up to a minute stays in the newest window. A larger one
//   begins windows with starts of their own (`lap`), because those on the grid have been given out.

import World

struct BindingFold {
    struct LastReading {
        /// Boottime, and UTC less boottime as its batch's anchor has it.
        var nanoseconds: Int64
        var offset: Int64
        var ordinal: UInt64
        var quality: Quality
        /// As the source made it of the reading's value; only when it could be used.
        var value: Int64
        var isKnown: Bool { BindingFold.isUsable(quality) }
        var second: Int64 { UTC(nanoseconds: nanoseconds &+ offset).seconds }
    }

    /// A reading, with what the source makes of its value and where it lies in time.
    private struct Sample {
        var nanoseconds: Int64
        var offset: Int64
        var second: Int64
        var ordinal: UInt64
        var quality: Quality
        var isUsable: Bool
        var raw: Int64
        var value: Int64

        init(_ reading: Reading, _ anchor: Anchor, _ source: Source) {
            nanoseconds = reading.acquired.nanoseconds
            offset = anchor.offsetNanoseconds
            second = anchor.utc(reading.acquired).seconds
            ordinal = reading.ordinal
            raw = reading.value
            quality = reading.quality
            value = 0
            if BindingFold.isUsable(quality) {
                if let prepared = source.prepared(raw) { value = prepared } else { quality = .outOfRange }
            }
            isUsable = BindingFold.isUsable(quality)
        }
    }

    /// The time between the reading before and this one: what is covered and what is not.
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
    /// Seconds that a level holds when no further reading comes; nil: until one comes.
    let hold: Int64?
    /// Batches up to this number are not needed again, whatever has been folded.
    var floor: UInt64
    /// In the order in which they were begun; the last one takes the readings.
    var windows: [Window] = []
    var tracker = OutageTracker()
    /// The anchor's offset when the open outage began: what is published of it must not move with later anchors.
    var openOffset: Int64 = 0
    var last: LastReading?
    /// How the level went, for sources that count changes of it.
    var course = Course()
    /// No reading has been folded yet.
    var isFresh: Bool { last == nil }
    /// The batch of the reading that gives the next window its beginning; 0: none yet.
    private var contextSeq: UInt64 = 0
    var coveredThrough = Int64.min
    var highestEnd = Int64.min
    private var lap: Int64 = 0
    /// The first window begins here and not on the grid.
    private let ownStart: Int64?
    private let isMadeAgain: Bool
    var firstIsContext: Bool
    /// After `resume`: batches up to here are in the windows already, of the next one only what lies after
    /// `closedBefore`.
    var resumedThrough: UInt64 = 0
    var closedBefore = Int64.min
    /// Moments taken from a contribution are UTC until the first anchor is seen.
    var awaitsAnchor = false

    init(source: Source, windowSeconds: Int64, hold: Int64? = nil, after: UInt64, from: Int64?) {
        self.source = source
        length = windowSeconds
        self.hold = hold
        floor = after
        ownStart = from
        isMadeAgain = after > 0 && from == nil
        firstIsContext = isMadeAgain
        windows.reserveCapacity(4)
    }

    // MARK: Folding

    mutating func fold(_ reading: Reading, seq: UInt64, anchor: Anchor) {
        // Resumed behind a window that was final: what goes on from there is only in the readings before.
        let isRecalled = seq <= resumedThrough
        guard !isRecalled || windows.isEmpty else { return }
        if awaitsAnchor { settle(anchor) }
        let sample = Sample(reading, anchor, source)
        let second = sample.second
        if isRecalled || (second < closedBefore && seq == resumedThrough + 1) {
            // Already in a window that was given out; only what the next reading needs to know of it.
            if sample.isUsable, case .mains = source, tracker.open == nil {
                _ = tracker.observe(isPresent: sample.value != 0, at: sample.nanoseconds, isContinuous: true)
            }
            _ = hasHappened(sample, seq: seq)
            remember(sample, seq: seq)
            return
        }

        var isStepBack = false
        let knownThrough = coveredThrough
        if let newest = windows.last, second < newest.start - Self.toleratedStepBack {
            isStepBack = true
            lap += 1
            coveredThrough = .min
            flagStep(from: knownThrough, to: newest.end)
        }
        let passage = passage(to: sample)
        var touched = max(windows.count - 1, 0)
        if windows.isEmpty || isStepBack || second >= windows[windows.count - 1].cut {
            if begin(at: second, coveredFrom: passage.known, isStepBack: isStepBack, seq: seq) { touched = 0 }
        }
        let held = source.isHeld ? last?.value : nil
        while touched < windows.count {
            if let held { hold(held, over: passage.known, in: touched, seq: seq) }
            let isCovered = windows[touched].add(passage.known)
            let isFlagged = windows[touched].add(passage.unknown)
            if isCovered || isFlagged { touch(touched, seq) }
            touched += 1
        }
        if isStepped(sample) {
            // What the wall clock passed over, or was too early for.
            let newest = windows[windows.count - 1].start
            flagStep(from: isStepBack ? newest : knownThrough, to: min(passage.unknown.from, passage.known.from))
        }
        touch(windows.count - 1, seq)
        if case .exposure(let measure) = source { windows[windows.count - 1].endBlock(before: second, by: measure) }
        if sample.isUsable {
            if case .mains(let customers) = source {
                observe(sample, isContinuous: passage.isContinuous, customers: customers, seq: seq)
            } else {
                take(sample, seq: seq)
            }
        }
        remember(sample, seq: seq)
    }

    /// Values whose time has expired calibration, or of which a part was not seen, are used and flagged; other
    /// uncertain ones only counted.
    static func isUsable(_ quality: Quality) -> Bool {
        quality == .good || quality == .estimated || quality == .calibrationExpired
    }

    mutating func touch(_ index: Int, _ seq: UInt64) {
        windows[index].revision = seq
        windows[index].isChanged = true
    }

    private mutating func hasHappened(_ sample: Sample, seq: UInt64) -> Bool {
        guard sample.isUsable, source.countsChanges else { return false }
        return course.take(
            Course.Point(value: sample.value, nanoseconds: sample.nanoseconds, seq: seq), of: source)
    }

    private mutating func remember(_ sample: Sample, seq: UInt64) {
        last = LastReading(
            nanoseconds: sample.nanoseconds, offset: sample.offset, ordinal: sample.ordinal, quality: sample.quality,
            value: sample.value)
        coveredThrough = max(coveredThrough, sample.second)
        switch source {
        // An outage's earliest possible begin is the last believable level, so that is where its window's story starts.
        case .mains: if sample.isUsable { contextSeq = seq }
        case _ where source.countsChanges: contextSeq = course.neededFrom(source)
        default: contextSeq = seq
        }
    }

    /// What happens is counted by what was before; until that is known, windows of a fold made again are those that
    /// were given out before, for the others have what they need.
    private var isCertain: Bool {
        switch source {
        case .mains: tracker.line != .unknown
        case _ where source.countsChanges: course.neededFrom(source) > 0
        default: true
        }
    }

    private func isStepped(_ sample: Sample) -> Bool {
        last.map { (sample.offset &- $0.offset).magnitude >= 1_000_000_000 } ?? false
    }

    /// Seconds of the wall clock that no moment of this stream has, in the newest two windows.
    private mutating func flagStep(from: Int64, to: Int64) {
        guard last != nil else { return }
        let span = Span(from: from, to: to, isValid: false, flag: .clockStep)
        for place in windows.indices.suffix(2) { _ = windows[place].add(span) }
    }

    private func passage(to sample: Sample) -> Passage {
        let second = sample.second
        var passage = Passage(
            unknown: Span(from: second, to: second, isValid: false, flag: nil),
            known: Span(from: second, to: second, isValid: true, flag: nil), isContinuous: false)
        guard let last else { return passage }
        let isStepped = isStepped(sample)
        let elapsed = max(0, sample.nanoseconds &- last.nanoseconds)
        let begin = min(max(isStepped ? second - elapsed / 1_000_000_000 : last.second, coveredThrough), second)
        passage.unknown.from = begin

        let isNext = sample.ordinal == last.ordinal &+ 1
        let isGap = !isNext && sample.ordinal > last.ordinal
        if source.isHeld {
            passage.unknown.flag = isNext ? (Flag(last.quality) ?? .missing) : isGap ? .lost : .missing
            guard last.isKnown else { return passage }
            passage.known.flag = Flag(last.quality) ?? (isStepped ? .clockStep : nil)
            passage.known.from = begin
            passage.known.to = begin
            // Whether a space was taken meanwhile is not known; how a level went is what `hold` says.
            if isNext || (hold != nil && source != .occupancy) {
                passage.known.to = min(second, hold.map { begin + $0 } ?? second)
            } else if isGap, source != .occupancy {
                // The readings lost came at equal distances, and this one holds to the first of them.
                passage.known.to = begin + (second - begin) / Int64(clamping: sample.ordinal - last.ordinal)
            }
            if isNext { passage.unknown.flag = .missing }
            passage.unknown.from = passage.known.to
            return passage
        }
        passage.unknown.flag = Flag(sample.quality) ?? (isGap ? .lost : .missing)
        guard sample.isUsable else { return passage }
        passage.known.flag = Flag(sample.quality) ?? (isStepped ? .clockStep : nil)
        if !isNext { passage.unknown.flag = isGap ? .lost : .missing }
        if case .mains = source {
            if isNext && last.isKnown {
                passage.known.from = begin
                passage.isContinuous = sample.quality != .estimated
            } else if isNext {
                passage.unknown.flag = .missing
            }
        } else if isNext {
            passage.known.from = begin
        } else if isGap {
            // The amount is that since the reading before, which is one of those lost: they came at equal distances.
            passage.known.from = second - (second - begin) / Int64(clamping: sample.ordinal - last.ordinal)
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
                while covered < min(grid, known.to) {
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
        if firstIsContext || (isMadeAgain && !isCertain) {
            windows[windows.count - 1].isContext = true
            firstIsContext = false
        }
        return isContextGone
    }

    mutating func append(start: Int64, end: Int64) {
        windows.append(Window(start: start, end: end, state: source.zero, precededBy: contextSeq))
        highestEnd = max(highestEnd, end)
    }

    // MARK: Values

    /// Adds what held to the part of the window that it held in.
    private mutating func hold(_ value: Int64, over known: Span, in place: Int, seq: UInt64) {
        while let part = windows[place].part(of: known),
            !windows[place].hold(value, from: part.from, to: part.to, by: source)
        {
            // Full: a part of the level's own time when it does not fit into a window by itself.
            let isAlone = part.from == windows[place].start
            // One second of any level fits into a window of its own.
            guard !isAlone || part.to - part.from > 1 else { return }
            closeEarly(place, at: isAlone ? part.from + (part.to - part.from) / 2 : part.from, seq: seq)
        }
    }

    private mutating func take(_ sample: Sample, seq: UInt64) {
        let hasHappened = hasHappened(sample, seq: seq)
        let newest = windows.count - 1
        if windows[newest].take(sample.value, raw: sample.raw, hasHappened: hasHappened, by: source) { return }
        let cut = max(sample.second, windows[newest].start + 1)
        guard cut < windows[newest].end else { return }
        closeEarly(newest, at: cut, seq: seq)
        _ = windows[newest + 1].take(sample.value, raw: sample.raw, hasHappened: hasHappened, by: source)
    }

    /// The window's state is full: it ends here, and the rest of its time is a window of its own.
    private mutating func closeEarly(_ place: Int, at cut: Int64, seq: UInt64) {
        var rest = Window(
            start: cut, end: windows[place].cut, state: source.zero, precededBy: windows[place].precededBy)
        rest.isOver = windows[place].isOver
        rest.isContext = windows[place].isContext
        windows[place].closeEarly(at: cut)
        windows.insert(rest, at: place + 1)
        touch(place, seq)
        touch(place + 1, seq)
    }

    private mutating func observe(_ sample: Sample, isContinuous: Bool, customers: Int64, seq: UInt64) {
        let newest = windows.count - 1
        switch tracker.observe(isPresent: sample.value != 0, at: sample.nanoseconds, isContinuous: isContinuous) {
        case .none: break
        case .began(let earliest, let latest, let isCounted):
            tracker.open = OutageTracker.Open(
                earliest: earliest, latest: latest, window: windows[newest].start, isCounted: isCounted)
            openOffset = sample.offset
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
}
