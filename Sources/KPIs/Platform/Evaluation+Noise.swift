// Noise: energies of the period by day, evening and night → levels of each node → the share of inhabitants beyond a
// threshold. Sources (road, rail, air) are never added, because the same people hear them: each is a data point.

extension Evaluation {
    /// The levels of the period that the figures were made of: of each source of noise, instrument class and node, in
    /// their order, as far as a node has a day, an evening and a night.
    public func noiseSites() -> [NoiseSite] {
        guard let indicator = Indicator.named("en-en-eq-2a") else { return [] }
        return strata(indicator).flatMap { bySource($0).flatMap { noiseSites($0.sources).sites } }
    }

    private func bySource(_ stratum: Stratum) -> [(kind: String, sources: [SourceWindows])] {
        Dictionary(grouping: stratum.sources) { $0.labels[.source] ?? "" }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
    }

    func noise(_ stratum: Stratum) -> [Figure] {
        bySource(stratum).flatMap { kind, sources -> [Figure] in
            let suffix = kind.isEmpty ? "" : " \(kind)"
            let (sites, lacking) = noiseSites(sources)
            return options.noiseThresholds.enumerated().map { index, threshold in
                var figure = Figure(
                    threshold.id + suffix, unit: "%", method: "u4ssc-eq-2a/1", isHeadline: index == 0)
                let (exposed, all) = threshold.exposed(at: sites)
                if all > 0 {
                    figure.divide(
                        ExactAmount(exposed, unit: "inhabitants"), by: ExactAmount(all, unit: "inhabitants"),
                        giving: threshold.exposedPercent(at: sites))
                }
                if lacking > 0 {
                    figure.notes.append("without \(lacking) nodes that lack a day, an evening or a night")
                }
                complete(&figure, sources, stratum)
                return figure
            }
        }
    }

    /// The levels of the period at each node: energies first, over all its sensors, then dB. A node's inhabitants are
    /// the most that one of its sensors stands for.
    func noiseSites(_ sources: [SourceWindows]) -> (sites: [NoiseSite], lacking: Int) {
        var sites: [NoiseSite] = []
        var lacking = 0
        for (_, sources) in Dictionary(grouping: sources, by: { $0.source.node }).sorted(by: { $0.key < $1.key }) {
            var energies: [Period: Int128] = [:]
            var seconds: [Period: Int64] = [:]
            for source in sources {
                for item in source.items {
                    guard case .sound(let sound) = item.contribution.state else { continue }
                    energies[item.contribution.period, default: 0] += Int128(sound.energy)
                    seconds[item.contribution.period, default: 0] &+= sound.seconds
                }
            }
            func level(_ period: Period) -> Double? {
                SoundLevel.equivalent(energy: energies[period] ?? 0, seconds: seconds[period] ?? 0)
            }
            guard let day = level(.day), let evening = level(.evening), let night = level(.night),
                let inhabitants = sources.compactMap({ $0.weight?.value }).max()
            else {
                lacking += 1
                continue
            }
            sites.append(
                NoiseSite(
                    inhabitants: inhabitants,
                    dayEveningNightLevel: NoiseHours.standard.dayEveningNightLevel(
                        day: day, evening: evening, night: night), nightLevel: night))
        }
        return (sites, lacking)
    }
}
