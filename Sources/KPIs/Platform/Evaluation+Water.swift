// Water: consumption by inhabitant, freshwater by source, losses by zone, and how much still flows in when a zone
// sleeps.

extension Evaluation {
    func water(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        switch indicator.slug {
        case "en-en-ws-2c": waterConsumption(stratum)
        case "en-en-ws-3c":
            sources(
                stratum, wanted: ["fresh", "groundwater", "surface"], named: "freshwater",
                share: WaterUse.sharePercent)
        default: waterLoss(stratum)
        }
    }

    private func waterConsumption(_ stratum: Stratum) -> [Figure] {
        var figure = Figure("total", unit: "L/inhabitant/day", method: "u4ssc-ws-2c/1")
        let amount = Amount(stratum.sources)
        figure.numerator = amount.exact(in: "mL")
        if let inhabitants = city.inhabitants, inhabitants > 0, periodSeconds > 0 {
            figure.denominator = ExactAmount(Int128(inhabitants), unit: "inhabitants")
            figure.value = WaterUse.litresPerCapitaDay(
                millilitres: amount.value, inhabitants: inhabitants, days: periodDays)
        } else {
            figure.notes.append("needs `inhabitants` of the city")
        }
        complete(&figure, stratum.sources, stratum)
        return [figure]
    }

    /// The share that some sources have in all, per cent; and each source's share beside it.
    func sources(
        _ stratum: Stratum, wanted: Set<String>, named name: String, share: (_ part: Int128, _ whole: Int128) -> Double?
    ) -> [Figure] {
        let unit = stratum.unit == "ml" ? "mL" : stratum.unit
        let all = Amount(stratum.sources)
        let bySource = Dictionary(grouping: stratum.sources) { $0.labels[.source] ?? "-" }
        func figure(_ point: String, _ part: Amount, isHeadline: Bool) -> Figure {
            var figure = Figure(point, unit: "%", method: "share-of-sources/1", isHeadline: isHeadline)
            figure.divide(
                part.exact(in: unit), by: all.exact(in: unit), giving: share(part.billionths, all.billionths))
            complete(&figure, stratum.sources, stratum)
            return figure
        }
        let part = Amount(bySource.filter { wanted.contains($0.key) }.flatMap(\.value))
        return [figure(name, part, isHeadline: true)]
            + bySource.sorted { $0.key < $1.key }.map {
                figure("source \($0.key)", Amount($0.value), isHeadline: false)
            }
    }

    private func waterLoss(_ stratum: Stratum) -> [Figure] {
        var figures: [Figure] = []
        var supplied = Amount(), used = Amount()
        var counted: [SourceWindows] = []
        var lacking: [String] = []
        let zones = Dictionary(grouping: stratum.sources) { $0.labels[.zone] ?? "-" }.sorted { $0.key < $1.key }
        for (zone, sources) in zones {
            let byRole = Dictionary(grouping: sources) { $0.labels[.role] ?? "-" }
            var figure = Figure("zone \(zone)", unit: "%", method: "iwa-water-loss/1", isHeadline: false)
            let input = Amount(byRole["inlet"] ?? []).less(Amount(byRole["outlet"] ?? []))
            let consumption = Amount(byRole["consumption"] ?? [])
            if byRole["inlet"] != nil, byRole["consumption"] != nil {
                figure.divide(
                    input.less(consumption).exact(in: "mL"), by: input.exact(in: "mL"),
                    giving: WaterUse.lossPercent(supplied: input.billionths, billed: consumption.billionths))
                supplied = supplied.plus(input)
                used = used.plus(consumption)
                counted += sources
            } else {
                lacking.append(zone)
                figure.notes.append("needs the zone's inlets and its consumption")
            }
            complete(&figure, sources, stratum)
            figures.append(figure)
            if let flow = nightFlow(zone, byRole["inlet"] ?? [], byRole["outlet"] ?? [], stratum) {
                figures.append(flow)
            }
        }
        var total = Figure("total", unit: "%", method: "iwa-water-loss/1")
        if !counted.isEmpty {
            total.divide(
                supplied.less(used).exact(in: "mL"), by: supplied.exact(in: "mL"),
                giving: WaterUse.lossPercent(supplied: supplied.billionths, billed: used.billionths))
        }
        if !lacking.isEmpty { total.notes.append("without \(lacking.count) zones that lack inlets or consumption") }
        complete(&total, counted, stratum)
        return [total] + figures
    }

    /// The lowest hour between 2 and 4 o'clock, from quarters of all inlets added one by one; of the last seven nights
    /// the 20th percentile. Hours are counted from local midnight, also in the nights when the clocks change.
    private func nightFlow(
        _ zone: String, _ inlets: [SourceWindows], _ outlets: [SourceWindows], _ stratum: Stratum
    ) -> Figure? {
        guard !inlets.isEmpty, !midnights.known.isEmpty else { return nil }
        let flows = inlets.map { quarters($0, sign: 1) } + outlets.map { quarters($0, sign: -1) }
        guard flows.contains(where: { !$0.isEmpty }) else { return nil }
        var minima: [Int64] = []
        for night in midnights.known {
            let starts = (0..<8).map { night.start + 7_200 + Int64($0) * 900 }
            if let minimum = NightFlow.minimum(ofInlets: flows.map { flow in starts.map { flow[$0] } }) {
                minima.append(minimum.millilitresPerHour)
            }
        }
        guard !minima.isEmpty else { return nil }
        var figure = Figure(
            "night flow of zone \(zone)", unit: "m3/h", method: "ukwir-99-wm-08-21/1", isHeadline: false)
        figure.value = NightFlow.ofLastNights(minima).map { Double($0) / 1e6 }
        figure.range = minima.min().flatMap { least in minima.max().map { Double(least) / 1e6...Double($0) / 1e6 } }
        figure.notes.append("\(minima.count) nights")
        complete(&figure, inlets + outlets, stratum)
        return figure
    }

    /// Millilitres by the start of their quarter: those of which at least 75 % were measured, as of an hour of air.
    private func quarters(_ source: SourceWindows, sign: Int64) -> [Int64: Int64] {
        var found: [Int64: (amount: Int128, valid: Int64)] = [:]
        for item in source.items where item.contribution.windowEnd <= item.contribution.windowStart / 900 * 900 + 900 {
            guard case .sum(let sum) = item.contribution.state else { continue }
            let start = item.contribution.windowStart / 900 * 900
            found[start, default: (0, 0)].amount += Int128(sum.amount) * Amount.power(of: item.contribution.scale)
            found[start, default: (0, 0)].valid += item.contribution.coverage.validSeconds
        }
        return found.compactMapValues { quarter in
            guard quarter.valid >= 675 else { return nil }
            return Int64(exactly: Rounding.nearest(quarter.amount, Amount.one)).map { $0 * sign }
        }
    }
}

/// A sum of amounts, exact: in 10^-9 of the unit, the finest scale that is accepted. 10^10 of the largest fit.
struct Amount: Sendable {
    static let one: Int128 = 1_000_000_000
    private(set) var billionths: Int128 = 0

    init() {}

    init(_ sources: [SourceWindows]) {
        for source in sources {
            for item in source.items { add(item.contribution) }
        }
    }

    private mutating func add(_ contribution: Contribution) {
        guard case .sum(let sum) = contribution.state else { return }
        billionths += Int128(sum.amount) * Self.power(of: contribution.scale)
    }

    /// What one of a contribution's numbers is in billionths.
    static func power(of scale: Int8) -> Int128 { Decimals.wholePower(9 + Int(scale)) }

    func plus(_ other: Amount) -> Amount {
        var sum = self
        sum.billionths += other.billionths
        return sum
    }

    func less(_ other: Amount) -> Amount {
        var rest = self
        rest.billionths -= other.billionths
        return rest
    }

    var value: Double { Double(billionths) / 1e9 }

    func exact(in unit: String) -> ExactAmount { ExactAmount(billionths, exponent: -9, unit: unit) }
}
