// Random contributions of every state type, as a fold could give them.

import KPIs
import World

extension Random {
    mutating func number(in range: ClosedRange<Int64>) -> Int64 {
        let width = UInt64(bitPattern: range.upperBound &- range.lowerBound)
        return range.lowerBound &+ Int64(bitPattern: width == .max ? next() : below(width + 1))
    }

    mutating func oneOf<Element>(_ items: [Element]) -> Element { items[Int(below(UInt64(items.count)))] }

    private mutating func extremes(_ range: ClosedRange<Int64>) -> Extremes {
        if chance(1, in: 4) { return Extremes() }
        let a = number(in: range)
        let b = number(in: range)
        return Extremes(least: min(a, b), greatest: max(a, b))
    }

    private mutating func tally() -> OutageTally {
        let least = number(in: 0...1 << 40)
        return OutageTally(
            interruptions: number(in: 0...1 << 40), minimum: least, maximum: least + number(in: 0...99))
    }

    /// Counts by bin whose sum is at most `most`, and the sum.
    private mutating func histogram(upTo bin: Int64, most: Int64) -> (Histogram, Int64) {
        var histogram = Histogram()
        var total: Int64 = 0
        for _ in 0..<below(6) {
            let count = number(in: 0...max(0, (most - total) / 2))
            total += count
            guard histogram.add(count, toBin: Int(number(in: 0...bin))) else { return (Histogram(), 0) }
        }
        return (histogram, total)
    }

    /// A state of a window of so many seconds. Zeros now and then.
    mutating func state(_ type: String, seconds: Int64) -> ContributionState {
        if chance(1, in: 12) { return .zero(type) }
        let span = number(in: 0...seconds)
        switch type {
        case "sum": return .sum(SumState(amount: number(in: -(1 << 60)...1 << 60)))
        case "outages":
            return .outages(
                OutageState(
                    upTo3: tally(), upTo5: tally(), over5: tally(), unclear: tally(), open: number(in: 0...1 << 40),
                    dark: number(in: 0...1 << 40)))
        case "level":
            return .level(
                LevelState(
                    integral: number(in: -(1 << 55)...1 << 55), seconds: span,
                    extremes: extremes(-1_000_000...1_000_000), beyondFirst: number(in: 0...span),
                    beyondSecond: chance(1, in: 2) ? 0 : number(in: 0...span), events: number(in: 0...9)))
        case "sound":
            let (histogram, total) = histogram(upTo: 1_400, most: span)
            return .sound(
                SoundState(
                    energy: number(in: 0...1 << 55), seconds: total, histogram: histogram,
                    extremes: extremes(0...1_400)))
        case "exposure":
            let blocks = number(in: 0...10)
            return .exposure(
                ExposureState(
                    square: number(in: 0...1 << 55), seconds: span, worstQuotientPpm: number(in: 0...3_000_000),
                    blocks: blocks, blocksAbove: number(in: 0...blocks)))
        case "compliance":
            let samples = number(in: 0...1_000)
            return .compliance(
                ComplianceState(
                    samples: samples, compliant: number(in: 0...samples), extremes: extremes(-5_000...5_000)))
        case "travel":
            let (histogram, total) = histogram(upTo: 200, most: 5_000)
            return .travel(
                TravelState(vehicles: total, millisecondsPerKilometre: number(in: 0...1 << 40), speeds: histogram))
        case "occupancy":
            return .occupancy(OccupancyState(occupiedSeconds: span, arrivals: number(in: 0...50)))
        default:
            return .presence(PresenceState(liveSeconds: span, readings: number(in: 0...5_000)))
        }
    }

    /// A contribution of an indicator at a window, with whatever it may carry besides.
    mutating func contribution(
        of indicator: Indicator? = nil, start: Int64 = Fixture.hour, revision: UInt64? = nil
    ) -> Contribution {
        let indicator = indicator ?? oneOf(Indicator.all)
        let length = oneOf([900, 3_600, number(in: 1...86_400)])
        let expected = chance(3, in: 4) ? length : number(in: 0...length)
        let from = chance(3, in: 4) ? 0 : number(in: 0...expected)
        let to = chance(3, in: 4) ? expected : number(in: from...expected)
        let valid = chance(3, in: 4) ? to - from : number(in: 0...to - from)
        let flags = ["dark", "lost", "stuck"].filter { _ in chance(1, in: 6) }
            .map { FlaggedSeconds(name: $0, seconds: number(in: 1...3_600)) }
        let unit = indicator.measure.conversions.compactMap(\.unit)
        var contribution = Contribution(
            indicator: indicator, sensor: oneOf(["water", "s 1"]), series: oneOf(["volume", "pm \"2.5\"", "ñ"]),
            windowStart: start, windowSeconds: length, revision: revision ?? below(1 << 40), isFinal: chance(1, in: 2),
            unit: unit.isEmpty ? "Cel_s" : oneOf(unit), scale: Int8(number(in: -9...0)),
            state: state(indicator.measure.stateType, seconds: length),
            coverage: Coverage(
                expectedSeconds: expected, validSeconds: valid, fromSecond: from, toSecond: to, flags: flags))
        for label in indicator.requiredLabels + indicator.optionalLabels {
            guard indicator.requiredLabels.contains(label) || chance(1, in: 2) else { continue }
            contribution.labels[label] = oneOf(label.words(for: indicator) ?? ["dma-7", "Málaga \\ 2"])
        }
        if let kind = indicator.weight, indicator.isWeightRequired || chance(1, in: 2) {
            contribution.weight = Weight(kind, number(in: Weight.allowed))
        }
        contribution.period = oneOf(Period.allCases)
        contribution.localDay = chance(1, in: 3) ? nil : oneOf(["2026-11-21", "2024-02-29", "0001-01-01"])
        contribution.instrument = oneOf(InstrumentClass.allCases)
        contribution.quality = oneOf(DataQuality.allCases)
        if chance(1, in: 3) {
            contribution.uncertainty = RelativeUncertainty(
                randomPpm: number(in: 0...10_000_000), systematicPpm: number(in: 0...10_000_000))
        }
        contribution.parameters = ["first", "hold_s", "second"].filter { _ in chance(1, in: 3) }
            .map { NamedNumber($0, number(in: Int64.min...Int64.max)) }
        if chance(1, in: 2) { contribution.tables["tz"] = oneOf(["2025b", "2026a"]) }
        if chance(1, in: 4) { contribution.tables["conv"] = "eu-20c" }
        if chance(1, in: 8) { contribution.correction = below(9) + 1 }
        if chance(1, in: 8) { contribution.ofStream = next() }
        if chance(1, in: 3) { contribution.mark = mark() }
        return contribution
    }

    private mutating func mark() -> FoldMark {
        var mark = FoldMark()
        if chance(3, in: 4) {
            mark.last = FoldMark.LastReading(
                atMicroseconds: number(in: 0...1 << 51), ordinal: next(), isPresent: chance(1, in: 2) ? nil : true)
            if mark.last?.isPresent != nil, chance(1, in: 2) { mark.last?.lineMicroseconds = number(in: 0...1 << 51) }
            if chance(1, in: 2) { mark.last?.value = number(in: Int64.min...Int64.max) }
        }
        if chance(1, in: 2) {
            let earliest = number(in: 0...1 << 51)
            mark.open = FoldMark.OpenOutage(earliestMicroseconds: earliest, latestMicroseconds: earliest + 5)
        }
        mark.tail = (0..<below(17)).map { _ in number(in: Int64.min...Int64.max) }
        return mark
    }
}

extension ContributionState {
    static func zero(_ type: String) -> ContributionState {
        switch type {
        case "sum": .sum(SumState())
        case "outages": .outages(OutageState())
        case "level": .level(LevelState())
        case "sound": .sound(SoundState())
        case "exposure": .exposure(ExposureState())
        case "compliance": .compliance(ComplianceState())
        case "travel": .travel(TravelState())
        case "occupancy": .occupancy(OccupancyState())
        default: .presence(PresenceState())
        }
    }
}
