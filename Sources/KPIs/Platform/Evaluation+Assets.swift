// Unions: what two nodes watch counts once. Coverage by sensors, and antenna sites.

extension Evaluation {
    /// Assets that were live for long enough, of all that the city has.
    func coverage(_ stratum: Stratum, _ indicator: Indicator, isInMetres: Bool) -> [Figure] {
        var counted = stratum.sources
        var notes: [String] = []
        if indicator.slug == "ec-ict-t-2c" {
            // Major streets only (Verification Manual, page 49).
            counted = counted.filter { ["arterial", "highway"].contains($0.labels[.roadClass] ?? "") }
            if counted.count < stratum.sources.count { notes.append("residential streets do not count") }
        }
        let label = indicator.requiredLabels.first { Label.assets.contains($0) } ?? .segment
        var live: Int128 = 0
        var dead = 0, disagreeing = 0
        let assets = Dictionary(grouping: counted) { $0.labels[label] ?? "-" }
        for (_, sources) in assets {
            let metres = isInMetres ? sources.compactMap { $0.weight?.value } : [1]
            if Set(metres).count > 1 { disagreeing += 1 }
            if sources.contains(where: isLive) { live += Int128(metres.max() ?? 0) } else { dead += 1 }
        }
        if dead > 0 {
            notes.append("\(dead) assets were live for less than \(options.liveSharePercent) % of their time")
        }
        if disagreeing > 0 { notes.append("\(disagreeing) assets have several lengths: the longest counts") }
        var figure = Figure("total", unit: "%", method: "asset-union/1")
        let unit = isInMetres ? "m" : label.rawValue + "s"
        let monitored = ExactAmount(live, unit: unit)
        figure.numerator = monitored
        if let total = city.totals[indicator.slug], total > 0 {
            figure.divide(monitored, by: ExactAmount(Int128(total), unit: unit), times: 100)
        } else {
            notes.append("needs `totals: \(indicator.slug)` of the city")
        }
        figure.notes = notes
        complete(&figure, counted, stratum)
        return [figure]
    }

    /// From its first window to the end of the period is the time that the asset was known to this source.
    private func isLive(_ source: SourceWindows) -> Bool {
        var live: Int128 = 0
        for item in source.items {
            if case .presence(let presence) = item.contribution.state { live += Int128(presence.liveSeconds) }
        }
        let known = Int128(until - source.first)
        return live > 0 && live * 100 >= known * Int128(options.liveSharePercent)
    }

    /// Antenna sites that comply, of those that can be judged. Bands of a site (its several series) add up: their worst
    /// quotients, although those may have been at different times, which is on the safe side.
    func exposure(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        var complying: Int128 = 0, judged: Int128 = 0
        var unjudged = 0
        var worst: Int64 = 0
        var hasBands = false
        for (_, sources) in Dictionary(grouping: stratum.sources, by: { $0.labels[.site] ?? "-" }) {
            let bands = Dictionary(grouping: sources) { $0.source.series }
            hasBands = hasBands || bands.count > 1
            var quotient: Int64 = 0
            var leastKnown = Int128.max
            for (_, sources) in bands {
                var worstOfBand: Int64 = 0
                var known: Int128 = 0
                for source in sources {
                    var seconds: Int128 = 0
                    for item in source.items {
                        guard case .exposure(let exposure) = item.contribution.state else { continue }
                        worstOfBand = max(worstOfBand, exposure.worstQuotientPpm)
                        if exposure.blocksAbove > 0 { worstOfBand = max(worstOfBand, 1_000_001) }
                        seconds += Int128(exposure.seconds)
                    }
                    known = max(known, seconds)
                }
                quotient = quotient.addingReportingOverflow(worstOfBand).overflow ? .max : quotient + worstOfBand
                leastKnown = min(leastKnown, known)
            }
            worst = max(worst, quotient)
            let compliance = SiteCompliance(
                worstQuotientMillionths: quotient, windows: Int64(clamping: leastKnown), of: periodSeconds,
                minimumPercent: options.exposureCoveragePercent)
            switch compliance {
            case .complies:
                complying += 1
                judged += 1
            case .exceeds: judged += 1
            case .notEnoughMeasured: unjudged += 1
            }
        }
        var figure = Figure("total", unit: "%", method: "u4ssc-eq-1c/1")
        if judged > 0 {
            figure.divide(ExactAmount(complying, unit: "sites"), by: ExactAmount(judged, unit: "sites"), times: 100)
        }
        if unjudged > 0 {
            figure.notes.append(
                "\(unjudged) sites were measured for less than \(options.exposureCoveragePercent) % of the period")
        }
        if hasBands { figure.notes.append("bands of a site: their worst quotients added, on the safe side") }
        if let sites = city.totals[indicator.slug] { figure.notes.append("the city has \(sites) sites") }
        complete(&figure, stratum.sources, stratum)
        var quotient = Figure("worst quotient", unit: "1", method: "icnirp-quotient/1", isHeadline: false)
        quotient.value = Double(worst) / 1e6
        complete(&quotient, stratum.sources, stratum)
        return [figure, quotient]
    }
}
