// Air pollution: windows → hourly means → annual means and exceedances of each node → the mean that people breathe.
//
// - Quarters are added to their hour. An hour counts when at least 75 % of it (2,700 s) was measured; every hour that
//   counts weighs the same, however much of it was measured.
// - An hourly mean is kept in thousandths of the wire's unit (10^-6 µg/m³), rounded once; what is longer is a sum of
//   those over a count.
// - Sensors of one node that measure the same are averaged hour by hour. A node's mean stands when enough of the
//   period's hours count (`annualCapturePercent`); else the node is left out and said.
// - The city's figure weighs nodes by the inhabitants they stand for; where one says none, all weigh the same, and that
//   is said.
// - Gases that came in parts per billion are converted last, by the table that `tables.conv` of the figure names.

extension Evaluation {
    func air(_ stratum: Stratum) -> [Figure] {
        Dictionary(grouping: stratum.sources) { $0.source.series }.sorted { $0.key < $1.key }
            .flatMap { series, sources in pollutant(series, sources, stratum) }
    }

    /// What one node knows of one pollutant.
    struct AirNode {
        var name: String
        /// Thousandths of the wire's unit, by the hour since 1970.
        var hours: [Int64: Int64]
        var weight: Int64?
    }

    private func pollutant(_ series: String, _ sources: [SourceWindows], _ stratum: Stratum) -> [Figure] {
        let needed = (periodSeconds / 3_600 * options.annualCapturePercent + 99) / 100
        let nodes = airNodes(sources)
        let factor = microgramFactor(series, unit: stratum.unit)
        var figure = Figure(series, unit: factor == nil ? "ppb" : "ug/m3", method: "u4ssc-aq-1c/1")
        let able = nodes.filter { Int64($0.hours.count) >= needed && !$0.hours.isEmpty }
        let isWeighted = able.allSatisfy { $0.weight != nil }
        // Hours instead of seconds: all of them weigh the same.
        let places = able.map { node in
            WeightedPlace(
                integral: Int64(clamping: node.hours.values.reduce(Int128(0)) { $0 + Int128($1) }),
                seconds: Int64(node.hours.count), inhabitants: isWeighted ? node.weight ?? 1 : 1)
        }
        // Each node's mean in 10^-6 of the wire's unit, times its weight: a sum that does not know an order.
        let (sum, weights) = PopulationWeightedMean.weighted(places, stepsPerUnit: 1_000)
        if weights > 0 {
            let unit = stratum.unit == "ppt_s" ? "ppb" : "ug/m3"
            figure.divide(
                ExactAmount(sum, exponent: -9, unit: "\(unit) x \(isWeighted ? "inhabitants" : "nodes")"),
                by: ExactAmount(weights, unit: isWeighted ? "inhabitants" : "nodes"), times: factor ?? 1)
        }
        let hours = places.reduce(Int64(0)) { $0 + $1.seconds }
        figure.notes.append("\(hours) valid hours of \(able.count) nodes")
        if able.count < nodes.count {
            let best = nodes.map(\.hours.count).max() ?? 0
            figure.notes.append(
                "\(nodes.count - able.count) nodes lack the \(needed) hours that \(options.annualCapturePercent) % of "
                    + "the period are" + (able.isEmpty ? " (the best has \(best))" : ""))
        }
        if !isWeighted {
            figure.notes.append("plain mean of the nodes: not all say how many inhabitants they stand for")
        }
        complete(&figure, sources, stratum)
        let isConverted = stratum.unit == "ppt_s" && factor != nil
        if isConverted { figure.tables["conv"] = [options.gasConversion.id] }
        return [figure] + exceedances(series, nodes, factor ?? 1, isComparable: factor != nil, sources, stratum)
    }

    /// µg/m³ for 1 ppb; 1 for what was contributed as mass; nil when the table has no factor for the gas.
    private func microgramFactor(_ series: String, unit: String) -> Double? {
        guard unit == "ppt_s" else { return 1 }
        guard let gas = Pollutant.named(series)?.gas else { return nil }
        return options.gasConversion.factor(gas)
    }

    private func airNodes(_ sources: [SourceWindows]) -> [AirNode] {
        Dictionary(grouping: sources) { $0.source.node }.sorted { $0.key < $1.key }.map { name, sources in
            var all: [Int64: [Int64]] = [:]
            for source in sources {
                for (hour, mean) in hourlyMeans(source) { all[hour, default: []].append(mean) }
            }
            let hours = all.mapValues { means in
                Int64(clamping: Rounding.nearest(means.reduce(Int128(0)) { $0 + Int128($1) }, Int128(means.count)))
            }
            return AirNode(name: name, hours: hours, weight: sources.compactMap { $0.weight?.value }.max())
        }
    }

    private func hourlyMeans(_ source: SourceWindows) -> [Int64: Int64] {
        var joined: [Int64: (integral: Int128, seconds: Int128)] = [:]
        for item in source.items {
            guard case .level(let level) = item.contribution.state else { continue }
            let hour = item.contribution.windowStart / 3_600
            joined[hour, default: (0, 0)].integral +=
                Int128(level.integral) * Amount.power(of: item.contribution.scale)
            joined[hour, default: (0, 0)].seconds += Int128(level.seconds)
        }
        return joined.compactMapValues { hour in
            guard hour.seconds > 0, AirValidity.hourIsValid(validSeconds: Int64(clamping: hour.seconds)) else {
                return nil
            }
            // Billionths to thousandths. What does not fit is no concentration.
            let mean = Rounding.nearest(hour.integral, hour.seconds * 1_000_000)
            return Int64(exactly: mean).flatMap { $0.magnitude <= 1_000_000_000_000_000 ? $0 : nil }
        }
    }

    // MARK: Exceedances

    /// For each limit of hours and days how often the worst node was above it, and how often it may be.
    private func exceedances(
        _ series: String, _ nodes: [AirNode], _ factor: Double, isComparable: Bool, _ sources: [SourceWindows],
        _ stratum: Stratum
    ) -> [Figure] {
        guard isComparable, let pollutant = Pollutant.named(series) else { return [] }
        var figures: [Figure] = []
        let limits = options.airLimits.flatMap { $0.limits(pollutant) }
        let days = nodes.map { airDays($0, factor) }
        for limit in limits {
            var counts: [(above: Int64, of: Int64)] = []
            for (node, days) in zip(nodes, days) {
                switch limit.averaging {
                case .hour: counts.append(Self.above(limit, node.hours.values.map { Self.mean($0, factor) }))
                case .day: counts.append(Self.above(limit, days.means))
                case .eightHours: counts.append(Self.above(limit, days.maxima))
                default: break
                }
            }
            guard let worst = counts.max(by: { ($0.above, $0.of) < ($1.above, $1.of) }), worst.of > 0 else { continue }
            var figure = Figure(
                "\(series) above \(limit.id)", unit: limit.averaging == .hour ? "hours" : "days",
                method: "air-exceedance/1", isHeadline: false)
            figure.value = Double(worst.above)
            figure.numerator = ExactAmount(Int128(worst.above), unit: figure.unit)
            figure.denominator = ExactAmount(Int128(worst.of), unit: "valid " + figure.unit)
            if let allowed = limit.allowedPerYear { figure.notes.append("\(allowed) a year are allowed") }
            figure.notes.append("of the node with the most")
            complete(&figure, sources, stratum)
            figures.append(figure)
        }
        return figures
    }

    /// A mean in thousandths of ng as a fraction in ng; CO is held against mg, whose thousandths are µg.
    private static func mean(_ thousandths: Int64, _ factor: Double) -> ExactMean? {
        let converted = factor == 1 ? thousandths : Int64((Double(thousandths) * factor).rounded())
        return ExactMean(sum: converted, count: 1_000)
    }

    private static func above(_ limit: AirLimit, _ means: [ExactMean?]) -> (above: Int64, of: Int64) {
        var result: (above: Int64, of: Int64) = (0, 0)
        for mean in means {
            guard let mean else { continue }
            let count = mean.count * (limit.pollutant == .co ? 1_000 : 1)
            guard let comparable = ExactMean(sum: mean.sum, count: count) else { continue }
            result.of += 1
            if limit.isExceeded(by: comparable) { result.above += 1 }
        }
        return result
    }

    /// 24 h means and daily highest 8 h means, by days of local standard time.
    private func airDays(_ node: AirNode, _ factor: Double) -> (means: [ExactMean?], maxima: [ExactMean?]) {
        let offset = city.standardTimeOffset / 3_600
        let days = Set(node.hours.keys.map { Self.floor(($0 + offset), 24) }).sorted()
        let hours = factor == 1 ? node.hours : node.hours.mapValues { Int64((Double($0) * factor).rounded()) }
        func inNanograms(_ mean: ExactMean?) -> ExactMean? {
            mean.flatMap { ExactMean(sum: $0.sum, count: $0.count * 1_000) }
        }
        var means: [ExactMean?] = [], maxima: [ExactMean?] = []
        for day in days {
            let first = day * 24 - offset
            means.append(inNanograms(AirValidity.dayMean((0..<24).map { hours[first + $0] })))
            let maximum = AirValidity.dailyMaximumEightHourMean((-7..<24).map { hours[first + $0] })
            maxima.append(inNanograms(maximum?.mean))
        }
        return (means, maxima)
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
}
