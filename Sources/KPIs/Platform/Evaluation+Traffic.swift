// Traffic: travel times at peak against free flow, speeds, counts.

extension Evaluation {
    func travel(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        indicator.slug == "ec-i-t-5a" ? travelTimeIndex(stratum) : speeds(stratum)
    }

    /// What passed a link at one time of the day.
    private struct Passage {
        var vehicles: Int64 = 0
        var millisecondsPerKilometre: Int64 = 0
        var speeds = Histogram()

        /// False when it does not fit, and nothing is added.
        mutating func add(_ state: TravelState) -> Bool {
            let now = TravelState(
                vehicles: vehicles, millisecondsPerKilometre: millisecondsPerKilometre, speeds: speeds)
            guard let joined = now.joined(with: state) else { return false }
            vehicles = joined.vehicles
            millisecondsPerKilometre = joined.millisecondsPerKilometre
            speeds = joined.speeds
            return true
        }

        /// The speed, km/h, that so many tenths of a per cent of the vehicles do not exceed.
        func percentile(tenthsOfPercent p: Int) -> Int64? {
            guard let total = speeds.total, let rank = RankPercentile.rank(tenthsOfPercent: p, count: total) else {
                return nil
            }
            var seen: Int64 = 0
            for (bin, count) in speeds.occupied {
                seen += count
                if seen >= rank { return Int64(bin) }
            }
            return nil
        }
    }

    private func passages(_ sources: [SourceWindows]) -> [Period: Passage] {
        var found: [Period: Passage] = [:]
        for source in sources {
            for item in source.items {
                guard case .travel(let travel) = item.contribution.state else { continue }
                _ = found[item.contribution.period, default: Passage()].add(travel)
            }
        }
        return found
    }

    /// Per link the mean travel time at peak over that in free flow (at the 85th percentile of the off-peak speeds);
    /// the city's is weighted by the distance that vehicles travelled at peak.
    private func travelTimeIndex(_ stratum: Stratum) -> [Figure] {
        var links: [LinkTravelTime] = []
        var figures: [Figure] = []
        var counted: [SourceWindows] = []
        var lacking = 0
        let segments = Dictionary(grouping: stratum.sources) { $0.labels[.segment] ?? "-" }
        for (segment, sources) in segments.sorted(by: { $0.key < $1.key }) {
            let passages = passages(sources)
            var figure = Figure("segment \(segment)", unit: "1", method: "fhwa-ucr/1", isHeadline: false)
            if let peak = passages[.peak], peak.vehicles > 0,
                let freeFlow = passages[.offPeak]?.percentile(tenthsOfPercent: 850), freeFlow > 0,
                let metres = sources.compactMap({ $0.weight?.value }).max()
            {
                // Metres instead of kilometres travelled: the ratio is the same, and nothing is rounded.
                let link = LinkTravelTime(
                    peakMilliseconds: Rounding.nearest(peak.millisecondsPerKilometre, peak.vehicles),
                    freeFlowMilliseconds: Rounding.nearest(3_600_000, freeFlow),
                    vehicleKilometres: Int64(clamping: Int128(peak.vehicles) * Int128(metres)))
                links.append(link)
                counted += sources
                figure.value = link.indexMillionths.map { Double($0) / 1e6 }
                figure.numerator = ExactAmount(Int128(link.peakMilliseconds), unit: "ms/km")
                figure.denominator = ExactAmount(Int128(link.freeFlowMilliseconds), unit: "ms/km")
            } else {
                lacking += 1
                figure.notes.append("needs vehicles at peak and off peak")
            }
            complete(&figure, sources, stratum)
            figures.append(figure)
        }
        var total = Figure("total", unit: "1", method: "fhwa-ucr/1")
        total.value = TravelTimeIndex.value(links)
        let weight = links.reduce(Int128(0)) { $0 + Int128($1.vehicleKilometres) }
        let sum = links.reduce(Int128(0)) { $0 + Int128($1.vehicleKilometres) * Int128($1.indexMillionths ?? 0) }
        if weight > 0 {
            total.numerator = ExactAmount(sum, exponent: -6, unit: "vehicle-metres")
            total.denominator = ExactAmount(weight, unit: "vehicle-metres")
            if let value = TravelTimeIndex.millionths(links) {
                total.notes.append(TravelTimeIndex.Rating(indexMillionths: value).rawValue)
            }
        }
        if lacking > 0 { total.notes.append("without \(lacking) segments that lack vehicles at peak or off peak") }
        complete(&total, counted, stratum)
        return [total] + figures
    }

    /// Space-mean speed (vehicles over their travel time), and the 85th percentile.
    private func speeds(_ stratum: Stratum) -> [Figure] {
        var all = Passage()
        var isWhole = true
        for passage in passages(stratum.sources).values {
            let state = TravelState(
                vehicles: passage.vehicles, millisecondsPerKilometre: passage.millisecondsPerKilometre,
                speeds: passage.speeds)
            if !all.add(state) { isWhole = false }
        }
        var mean = Figure("space-mean speed", unit: "km/h", method: "space-mean-speed/1")
        if isWhole {
            mean.value = Speed.spaceMean(
                millisecondsPerKilometreSum: all.millisecondsPerKilometre, vehicles: all.vehicles)
            mean.numerator = ExactAmount(Int128(all.vehicles) * 3_600_000, unit: "vehicle ms/h")
            mean.denominator = ExactAmount(Int128(all.millisecondsPerKilometre), unit: "vehicle ms/km")
        }
        complete(&mean, stratum.sources, stratum)
        var upper = Figure("85th percentile", unit: "km/h", method: "rank-percentile/1", isHeadline: false)
        upper.value = all.percentile(tenthsOfPercent: 850).map(Double.init)
        complete(&upper, stratum.sources, stratum)
        return [mean, upper]
    }

    // MARK: Counts

    /// What passed in the period; of vehicles also the annual average daily traffic of a place, from days that were
    /// watched for at least 23 hours.
    func counts(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        let amount = Amount(stratum.sources)
        var total = Figure("total", unit: "count", method: "sum/1")
        total.numerator = amount.exact(in: "count")
        total.value = amount.value
        complete(&total, stratum.sources, stratum)
        guard indicator.slug == "x-vehicles" else { return [total] }
        var averages: [Double] = []
        for source in stratum.sources {
            if let average = annualAverage(source) { averages.append(average) }
        }
        var average = Figure("aadt", unit: "vehicles/day", method: "aashto-aadt/1", isHeadline: false)
        if !averages.isEmpty { average.value = averages.reduce(0, +) / Double(averages.count) }
        average.notes.append("mean of \(averages.count) places with whole weeks in at least one month")
        complete(&average, stratum.sources, stratum)
        return [total, average]
    }

    private func annualAverage(_ source: SourceWindows) -> Double? {
        var days: [String: (vehicles: Int128, valid: Int64)] = [:]
        for item in source.items {
            guard let day = item.contribution.localDay, case .sum(let sum) = item.contribution.state else { continue }
            days[day, default: (0, 0)].vehicles += Int128(sum.amount)
            days[day, default: (0, 0)].valid += item.contribution.coverage.validSeconds
        }
        var volume = TrafficVolume()
        for (day, found) in days where found.valid >= 23 * 3_600 {
            guard let date = LocalDay(text: day), let vehicles = Int64(exactly: found.vehicles) else { continue }
            _ = volume.add(vehicles: vehicles, month: date.month, weekday: date.weekday)
        }
        return volume.annualAverage?.vehiclesPerDay
    }
}
