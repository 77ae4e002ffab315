// What a binding gives its contributions, and what it makes of its channel's values.

import World

extension KPIBinding {
    /// `water` of `water.volume`.
    var sensorID: String {
        guard let dot = channelName.lastIndex(of: ".") else { return channelName }
        return String(channelName[..<dot])
    }

    private var conversion: Measure.Conversion {
        indicator.measure.conversion(from: unit) ?? Measure.Conversion(nil, nil)
    }

    /// The unit of 1 on the wire.
    public var contributionUnit: String {
        conversion.unit ?? (indicator.measure.stateType == "level" ? unit + "_s" : unit)
    }

    /// Cubic metres become millilitres (10^6) as long as a step of the channel is not finer than one.
    private var exponent: Int { Int(scale) + conversion.exponent }

    var contributionScale: Int8 {
        switch indicator.measure {
        case .outages, .sound, .exposure, .travel, .occupancy, .presence: 0
        default: Int8(clamping: min(exponent, 0))
        }
    }

    var source: BindingFold.Source {
        // A channel's value in the contribution's unit and scale.
        let scaling = BindingFold.Scaling(factor: conversion.factor * power(max(exponent, 0)))
        switch indicator.measure {
        case .outages: return .mains(customers: weight?.value ?? 1)
        case .volume, .energy, .heat, .carrier, .count: return .amounts(scaling)
        case .pollutant, .level:
            return .level(
                BindingFold.Level(
                    scaling: scaling, first: method.first.flatMap(scaling.apply),
                    second: method.second.flatMap(scaling.apply), countsBelow: method.countsBelow,
                    event: method.event, full: full.flatMap(scaling.apply) ?? 0))
        case .sound: return .sound(BindingFold.Scaling(exponent: Int(scale) + 1))
        case .exposure:
            return .exposure(
                BindingFold.Exposure(
                    scaling: BindingFold.Scaling(exponent: Int(scale) + 3),
                    limitMillivolts: method.limitMillivolts ?? 0, averagingSeconds: method.averagingSeconds))
        case .compliance:
            return .compliance(
                BindingFold.Compliance(
                    scaling: scaling, lower: method.lower.flatMap(scaling.apply),
                    upper: method.upper.flatMap(scaling.apply)))
        case .travel: return .travel(travel)
        case .occupancy: return .occupancy
        case .presence: return .presence
        }
    }

    /// What a full bin is, in the channel's scale: 100 % or 1.
    private var full: Int64? {
        switch unit {
        case "%": scale <= 0 ? power(2 - Int(scale)) : nil
        case "/": scale <= 0 ? power(-Int(scale)) : nil
        default: nil
        }
    }

    /// 1 km/h is 3,600,000 ms a kilometre; 1 m/s 1,000,000.
    private var travel: BindingFold.Travel {
        let isMetres = unit == "m/s"
        let steps = power(max(-Int(scale), 0)), coarse = power(max(Int(scale), 0))
        return BindingFold.Travel(
            numerator: (isMetres ? 1_000_000 : 3_600_000) * steps / coarse,
            speed: isMetres
                ? BindingFold.Scaling(factor: 18 * coarse, divisor: 5 * steps)
                : BindingFold.Scaling(factor: coarse, divisor: steps))
    }

    /// The part of the fold's method that a contribution tells, in order of names. Thresholds and limits are in the
    /// contribution's unit and scale.
    public var parameters: [NamedNumber] {
        let source = source
        var numbers: [(name: String, value: Int64?)] = []
        switch source {
        case .level(let level):
            let isJudged = level.first != nil || level.second != nil
            numbers = [
                ("below", isJudged && level.countsBelow ? 1 : nil),
                ("event", level.event == .none ? nil : level.event == .crossing ? 1 : 2), ("first", level.first),
                ("hold_s", method.holdSeconds), ("second", level.second),
            ]
        case .sound, .occupancy: numbers = [("hold_s", method.holdSeconds)]
        case .exposure(let exposure):
            numbers = [
                ("averaging_s", exposure.averagingSeconds), ("hold_s", method.holdSeconds),
                ("limit_mv", exposure.limitMillivolts),
            ]
        case .compliance(let compliance): numbers = [("lower", compliance.lower), ("upper", compliance.upper)]
        case .amounts, .travel: numbers = [("k", method.minimumCount)]
        case .mains, .presence: break
        }
        return numbers.compactMap { number in number.value.map { NamedNumber(number.name, $0) } }
    }

    /// Counts of people and vehicles below this are withheld; in the state's unit. Nil: nothing is.
    var withheldBelow: Int64? {
        guard let minimum = method.minimumCount, minimum > 0 else { return nil }
        switch indicator.measure {
        case .travel: return minimum
        case .count:
            let (least, isTooLarge) = minimum.multipliedReportingOverflow(by: power(-Int(contributionScale)))
            return isTooLarge ? .max : least
        default: return nil
        }
    }

    /// Whether the folding and the wire format can hold what a channel of this decimal scale measures: one rule for
    /// configurations and for inventories.
    public static func canFold(_ indicator: Indicator, unit: String, scale: Int8) -> Bool {
        let exponent = Int(scale) + (indicator.measure.conversion(from: unit)?.exponent ?? 0)
        guard (-12...12).contains(scale), exponent <= 16 else { return false }
        switch indicator.measure {
        case .outages, .sound, .exposure, .travel, .occupancy, .presence: return true
        default: return exponent >= Int(Contribution.scales.lowerBound)
        }
    }

    /// Traps where only a mistake of ours can have let the binding through.
    func check() {
        invariant(
            Self.canFold(indicator, unit: unit, scale: scale),
            "\(channelName) has the scale \(scale); no meter is that fine or that coarse")
        invariant([900, 3_600].contains(windowSeconds), "\(channelName) has windows of \(windowSeconds) s")
        if indicator.measure == .exposure {
            invariant(
                (1...3_000_000).contains(method.limitMillivolts ?? 0) && method.averagingSeconds > 0
                    && windowSeconds % method.averagingSeconds == 0,
                "\(channelName): no limit, or averages over \(method.averagingSeconds) s in \(windowSeconds) s")
        }
    }

    /// What the contributions of a window say besides its own state and coverage.
    func contribution(
        start: Int64, end: Int64, revision: UInt64, isFinal: Bool, state: ContributionState, coverage: Coverage,
        mark: FoldMark? = nil, calendar: KPICalendar?
    ) -> Contribution {
        var contribution = Contribution(
            indicator: indicator, sensor: sensorID, series: series, windowStart: start, windowSeconds: end - start,
            revision: revision, isFinal: isFinal, unit: contributionUnit, scale: contributionScale, state: state,
            coverage: coverage, labels: labels, weight: weight, mark: mark)
        contribution.tables = tables
        if let calendar {
            contribution.localDay = calendar.day(of: start)
            if let version = calendar.version { contribution.tables["tz"] = version }
            // Longer windows have several periods in them.
            if end - start <= 3_600 {
                switch indicator.measure {
                case .sound: contribution.period = calendar.noisePeriod(of: start)
                case .travel: contribution.period = calendar.trafficPeriod(of: start)
                default: break
                }
            }
        }
        contribution.instrument = instrument
        let isCertified = certificateValidUntil.map { $0 >= UTC(seconds: end) } ?? false
        contribution.quality =
            instrument == .reference && isCertified ? .accurateMeasurement : .estimatedAssumptions
        contribution.uncertainty = uncertainty
        contribution.parameters = parameters
        return contribution
    }

    func made(_ contribution: Contribution) -> Bool {
        contribution.indicator == indicator && contribution.sensor == sensorID && contribution.series == series
            && contribution.unit == contributionUnit && contribution.scale == contributionScale
            && contribution.weight == weight && contribution.windowSeconds <= windowSeconds
            && contribution.labels == labels && contribution.instrument == instrument
            && contribution.parameters == parameters && contribution.correction == nil
            && contribution.state.typeName == indicator.measure.stateType
    }
}
