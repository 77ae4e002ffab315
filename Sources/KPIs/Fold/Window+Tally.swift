// The arithmetic of the measures: what a value does to the state of the window that it lies in, or that it holds in.
// All whole numbers. A state is taken out of its place before it is changed, so that a histogram is changed where it is
// and not copied: nothing else may hold it meanwhile, a tuple that is matched neither.

/// The time over which exposure is averaged, as far as it has been filled. Blocks lie on the grid of UTC.
struct AveragingBlock: Equatable, Sendable {
    var start: Int64 = 0
    /// Σ E² × seconds, in (mV/m)² s.
    var square: Int64 = 0
    var seconds: Int64 = 0
}

extension Window {
    /// The value held from one second to another, both in the window. False, and nothing has changed, when that does
    /// not fit.
    mutating func hold(_ value: Int64, from: Int64, to: Int64, by source: BindingFold.Source) -> Bool {
        let seconds = to - from
        switch source {
        case .level(let measure):
            guard case .level(var level) = state else { return true }
            guard let integral = sum(level.integral, value, times: seconds) else { return false }
            level.integral = integral
            level.seconds += seconds
            level.extremes.add(value)
            if measure.isBeyond(measure.first, value) { level.beyondFirst += seconds }
            if measure.isBeyond(measure.second, value) { level.beyondSecond += seconds }
            state = .level(level)
        case .sound:
            guard case .sound(var sound) = state else { return true }
            guard let energy = sum(sound.energy, LevelEnergy.table[Int(value)], times: seconds) else { return false }
            state = .sum(SumState())
            sound.energy = energy
            sound.seconds += seconds
            // Seconds of one window, so they fit.
            _ = sound.histogram.add(seconds, toBin: Int(value))
            sound.extremes.add(value)
            state = .sound(sound)
        case .exposure(let measure):
            guard case .exposure(var exposure) = state else { return true }
            guard let square = sum(exposure.square, value * value, times: seconds) else { return false }
            exposure.square = square
            exposure.seconds += seconds
            average(value * value, from: from, to: to, by: measure, into: &exposure)
            state = .exposure(exposure)
        case .occupancy:
            guard case .occupancy(var occupancy) = state else { return true }
            if value != 0 { occupancy.occupiedSeconds += seconds }
            state = .occupancy(occupancy)
        case .amounts, .mains, .compliance, .travel, .presence: break
        }
        return true
    }

    /// A reading in the window. `hasHappened`: with it, what the measure counts. False, and nothing has changed, when
    /// that does not fit.
    mutating func take(_ value: Int64, raw: Int64, hasHappened: Bool, by source: BindingFold.Source) -> Bool {
        switch source {
        case .amounts:
            guard case .sum(let amounts) = state else { return true }
            guard let joined = amounts.joined(with: SumState(amount: value)) else { return false }
            state = .sum(joined)
        case .level:
            guard case .level(var level) = state else { return true }
            level.extremes.add(value)
            if hasHappened { level.events += 1 }
            state = .level(level)
        case .sound:
            guard case .sound(var sound) = state else { return true }
            state = .sum(SumState())
            sound.extremes.add(value)
            state = .sound(sound)
        case .compliance(let measure):
            guard case .compliance(var compliance) = state else { return true }
            compliance.samples += 1
            if value >= measure.lower ?? .min, value <= measure.upper ?? .max { compliance.compliant += 1 }
            compliance.extremes.add(value)
            state = .compliance(compliance)
        case .travel(let measure):
            guard case .travel(var travel) = state else { return true }
            state = .sum(SumState())
            // At most 3,600,000 each: no window has so many vehicles that it would not fit.
            travel.vehicles += 1
            travel.millisecondsPerKilometre += value
            _ = travel.speeds.add(1, toBin: Int(clamping: measure.speed.apply(raw) ?? .max))
            state = .travel(travel)
        case .occupancy:
            guard case .occupancy(var occupancy) = state else { return true }
            if hasHappened { occupancy.arrivals += 1 }
            state = .occupancy(occupancy)
        case .presence:
            guard case .presence(var presence) = state else { return true }
            presence.readings += 1
            state = .presence(presence)
        case .mains, .exposure: break
        }
        return true
    }

    /// The state as it is published: what is over is judged, what is covered is live.
    func published(by source: BindingFold.Source) -> ContributionState {
        switch (source, state) {
        case (.exposure(let measure), .exposure(var exposure)) where isOver:
            judge(block, by: measure, into: &exposure)
            return .exposure(exposure)
        case (.presence, .presence(var presence)):
            presence.liveSeconds = validSeconds
            return .presence(presence)
        default: return state
        }
    }

    // MARK: Averaging

    /// It is that late: a block before is complete, whatever comes.
    mutating func endBlock(before second: Int64, by measure: BindingFold.Exposure) {
        guard block.seconds > 0, block.start + measure.averagingSeconds <= second,
            case .exposure(var exposure) = state
        else { return }
        judge(block, by: measure, into: &exposure)
        block = AveragingBlock()
        state = .exposure(exposure)
    }

    /// Spans come in the order of time, so a block that has been left is complete.
    private mutating func average(
        _ square: Int64, from: Int64, to: Int64, by measure: BindingFold.Exposure, into exposure: inout ExposureState
    ) {
        var from = from
        while from < to {
            let blockStart = gridStart(of: from, length: measure.averagingSeconds)
            if block.start != blockStart {
                judge(block, by: measure, into: &exposure)
                block = AveragingBlock(start: blockStart)
            }
            let end = min(to, blockStart + measure.averagingSeconds)
            // A part of the window's sum, so it fits.
            block.square += square * (end - from)
            block.seconds += end - from
            from = end
        }
    }

    /// A block of which three quarters are covered says how the exposure was: its mean square beside the limit's.
    private func judge(
        _ block: AveragingBlock, by measure: BindingFold.Exposure, into exposure: inout ExposureState
    ) {
        guard block.seconds > 0, block.seconds * 4 >= measure.averagingSeconds * 3 else { return }
        exposure.blocks += 1
        // Σ E² t beside limit² t: the quotient exactly, rounded once.
        let allowed = measure.limitMillivolts * measure.limitMillivolts * block.seconds
        if block.square > allowed { exposure.blocksAbove += 1 }
        let millionfold = block.square.magnitude.multipliedFullWidth(by: 1_000_000)
        var quotient = Int64.max
        if millionfold.high < allowed.magnitude {
            let (whole, rest) = allowed.magnitude.dividingFullWidth(millionfold)
            quotient = Int64(clamping: whole)
            if rest >= allowed.magnitude - rest, quotient < .max { quotient += 1 }
        }
        exposure.worstQuotientPpm = max(exposure.worstQuotientPpm, quotient)
    }
}

/// Nil when it does not fit.
private func sum(_ a: Int64, _ value: Int64, times seconds: Int64) -> Int64? {
    let (product, isTooLarge) = value.multipliedReportingOverflow(by: seconds)
    return isTooLarge ? nil : sum(a, product)
}

extension ContributionState {
    /// Bytes that the state has elsewhere.
    var outlyingBytes: Int {
        switch self {
        case .sound(let sound): sound.histogram.counts.capacity * MemoryLayout<Int64>.stride
        case .travel(let travel): travel.speeds.counts.capacity * MemoryLayout<Int64>.stride
        default: 0
        }
    }
}
