// Where the fold of an unfinished window goes on after a power cut: written with every contribution that is not final,
// and taken up from it.
//
// Beside the last reading and the open outage a mark has `v`, the last usable value of a level in the contribution's
// unit (sound: tenths of a decibel; exposure: mV/m), and `tail`, of which zeros at the end are left out:
//
//     [quality of the last reading (`Quality`), seconds that are covered beyond the last reading,
//      exposure: the averaging block's start (UTC), Σ E² t of it, seconds of it;
//      changes that are counted: age of the last usable value (µs before the last reading); of emptyings also what
//      the level may have fallen from (`BinEmptying.numbers`)]

import World

extension BindingFold {
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
            if source.isHeld { reading.value = last.isKnown ? last.value : course.newest?.value }
            mark.last = reading
            mark.tail = tail(window, last)
        }
        if let open = tracker.open, open.window == window.start {
            mark.open = FoldMark.OpenOutage(
                earliestMicroseconds: (open.earliest &+ openOffset) / 1_000,
                latestMicroseconds: (open.latest &+ openOffset) / 1_000)
        }
        return mark == FoldMark() ? nil : mark
    }

    private func tail(_ window: Window, _ last: LastReading) -> [Int64] {
        var tail = [source.isHeld ? Int64(last.quality.rawValue) : 0, max(0, coveredThrough &- last.second)]
        if case .exposure = source { tail += [window.block.start, window.block.square, window.block.seconds] }
        if source.countsChanges, let newest = course.newest {
            tail.append((last.nanoseconds &- newest.nanoseconds) / 1_000)
            if source.countsEmptyings { tail += course.emptying.numbers(at: newest.nanoseconds) }
        }
        while tail.last == 0 { tail.removeLast() }
        return tail
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
        awaitsAnchor = true
        if let open = contribution.mark?.open {
            var isCounted = false
            if case .outages(let outages) = contribution.state { isCounted = outages.open > 0 }
            tracker.open = OutageTracker.Open(
                earliest: open.earliestMicroseconds &* 1_000, latest: open.latestMicroseconds &* 1_000,
                window: window.start, isCounted: isCounted)
        }
        if let reading = contribution.mark?.last {
            goOn(from: reading, contribution.mark?.tail ?? [], &window, contribution.revision)
        }
        windows.insert(window, at: windows.firstIndex { $0.start > window.start } ?? windows.count)
    }

    private mutating func goOn(
        from reading: FoldMark.LastReading, _ tail: [Int64], _ window: inout Window, _ revision: UInt64
    ) {
        func word(_ index: Int) -> Int64 { index < tail.count ? tail[index] : 0 }
        var quality = Quality(rawValue: UInt8(clamping: word(0))) ?? .notAvailable
        if case .mains = source, reading.isPresent == nil || reading.lineMicroseconds != nil { quality = .notAvailable }
        // A level without its value cannot hold.
        if source.isHeld, reading.value == nil, Self.isUsable(quality) { quality = .notAvailable }
        let mark = LastReading(
            nanoseconds: reading.atMicroseconds &* 1_000, offset: 0, ordinal: reading.ordinal, quality: quality,
            value: allowed(reading.value ?? 0))
        last = mark
        coveredThrough = sum(mark.second, min(max(word(1), 0), length)) ?? mark.second
        if let isPresent = reading.isPresent {
            tracker.restore(
                isPresent: isPresent, at: reading.lineMicroseconds.map { $0 &* 1_000 } ?? mark.nanoseconds)
        }
        if case .exposure(let measure) = source, (1...measure.averagingSeconds).contains(word(4)), word(3) >= 0 {
            // Only a part of the window's sum, so that it fits as long as that does.
            if case .exposure(let exposure) = window.state, word(3) <= exposure.square {
                window.block = AveragingBlock(start: word(2), square: word(3), seconds: word(4))
            }
        }
        if source.countsChanges, let value = reading.value {
            let age = min(max(word(2), 0), 1 << 40)
            let newest = Course.Point(
                value: allowed(value), nanoseconds: mark.nanoseconds &- age &* 1_000, seq: revision + 1)
            course.restore(newest: newest, emptying: tail.dropFirst(3))
        }
    }

    /// A mark is a stranger's word: no value that the fold could not have written.
    private func allowed(_ value: Int64) -> Int64 {
        switch source {
        case .sound: min(max(value, LevelEnergy.levels.lowerBound), LevelEnergy.levels.upperBound)
        case .exposure: min(max(value, 0), Source.largestMillivolts)
        default: min(max(value, -Source.largest), Source.largest)
        }
    }

    /// Moves moments that came from a contribution to the boot's own clock, now that an anchor is known.
    mutating func settle(_ anchor: Anchor) {
        awaitsAnchor = false
        if let open = tracker.open, tracker.line == .unknown { tracker.restore(isPresent: false, at: open.latest) }
        tracker.shift(by: anchor.offsetNanoseconds)
        course.shift(by: anchor.offsetNanoseconds)
        openOffset = anchor.offsetNanoseconds
        last?.nanoseconds &-= anchor.offsetNanoseconds
        last?.offset = anchor.offsetNanoseconds
    }
}
