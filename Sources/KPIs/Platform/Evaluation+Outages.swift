// Interruptions of supply. What was not seen to begin or to end makes a range, not a guess.

extension Evaluation {
    func outages(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        let (sources, twice) = owners(stratum.sources)
        var total = Total(indicator: indicator)
        for source in sources { total.add(source) }
        let represented = sources.reduce(Int64(0)) { $0 + ($1.weight?.value ?? 0) }
        let served = city.customers ?? represented
        let isFrequency = indicator.slug == "ec-i-es-1c"
        var notes = twice
        if city.customers == nil { notes.append("of the customers that the nodes stand for") }
        if total.open > 0 { notes.append("\(total.open) customer interruptions not ended") }
        let profile = options.reliability == .ieee1366 ? "ieee1366" : "en50160"
        func figure(
            _ point: String, _ unit: String, _ range: ClosedRange<Double>?, _ numerator: ClosedRange<Int128>,
            _ numeratorUnit: String, _ denominator: ExactAmount, isHeadline: Bool
        ) -> Figure {
            var figure = Figure(point, unit: unit, method: "\(profile)/1", isHeadline: isHeadline)
            figure.numerator = ExactAmount(numerator.lowerBound, unit: numeratorUnit)
            figure.denominator = denominator
            figure.value = range?.lowerBound
            if let range, range.lowerBound < range.upperBound { figure.range = range }
            figure.notes = notes
            complete(&figure, sources, stratum)
            return figure
        }
        guard let indices = total.reliability(options.reliability, customersServed: served) else {
            var none = Figure(isFrequency ? "saifi" : "caidi", unit: isFrequency ? "1" : "min", method: "\(profile)/1")
            none.notes = notes + ["needs `customers` of the city"]
            complete(&none, sources, stratum)
            return [none]
        }
        let customers = ExactAmount(Int128(served), unit: "customers")
        let saifi = figure(
            "saifi", "interruptions/customer" + perPeriod, indices.saifi, indices.interruptions,
            "customer interruptions", customers, isHeadline: isFrequency)
        let caidi = figure(
            "caidi", "min", indices.caidiMinutes, indices.customerSeconds, "customer-seconds",
            ExactAmount(indices.interruptions.upperBound, unit: "customer interruptions"), isHeadline: !isFrequency)
        let saidi = figure(
            "saidi", "min/customer" + perPeriod, indices.saidiMinutes, indices.customerSeconds, "customer-seconds",
            customers, isHeadline: false)
        let maifi = figure(
            "maifi", "interruptions/customer" + perPeriod, indices.maifi, indices.momentary, "customer interruptions",
            customers, isHeadline: false)
        return isFrequency ? [saifi, maifi] : [caidi, saidi]
    }

    /// A set of customers belongs to one node. Where two say that it is theirs, the one that knows more of the period
    /// is counted (of equal ones the first by name), and the other is said.
    private func owners(_ sources: [SourceWindows]) -> (sources: [SourceWindows], notes: [String]) {
        var best: [String: (index: Int, valid: Int128)] = [:]
        var claims: [String: Int] = [:]
        for (index, source) in sources.enumerated() {
            guard let set = source.labels[.customerSet] else { continue }
            claims[set, default: 0] += 1
            let valid = Accounting([source]).validSeconds
            if let known = best[set], known.valid >= valid { continue }
            best[set] = (index, valid)
        }
        let counted = sources.enumerated().filter { index, source in
            source.labels[.customerSet].map { best[$0]?.index == index } ?? true
        }
        let notes = claims.sorted { $0.key < $1.key }.filter { $0.value > 1 }.map { set, count in
            let owner = best[set].map { sources[$0.index].source.node } ?? ""
            return "customer set \(set) is claimed by \(count) meters: counted once, as \(owner) has it"
        }
        return (counted.map(\.element), notes)
    }
}
