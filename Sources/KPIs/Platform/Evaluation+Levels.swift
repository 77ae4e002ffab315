// Levels over time, spills, parking, samples: the metrics that support a city's own work.

extension Evaluation {
    /// The mean level of the nodes, each over its own time; how long it stood beyond the thresholds, and what happened.
    func levels(_ stratum: Stratum) -> [Figure] {
        let unit = stratum.unit.hasSuffix("_s") ? String(stratum.unit.dropLast(2)) : stratum.unit
        return Dictionary(grouping: stratum.sources) { $0.source.series }.sorted { $0.key < $1.key }
            .flatMap { series, sources -> [Figure] in
                var means: Int128 = 0, nodes: Int128 = 0
                var first: Int128 = 0, second: Int128 = 0, events: Int128 = 0, seconds: Int128 = 0
                for source in sources {
                    var integral: Int128 = 0, time: Int128 = 0
                    for item in source.items {
                        guard case .level(let level) = item.contribution.state else { continue }
                        integral += Int128(level.integral) * Amount.power(of: item.contribution.scale)
                        time += Int128(level.seconds)
                        first += Int128(level.beyondFirst)
                        second += Int128(level.beyondSecond)
                        events += Int128(level.events)
                    }
                    seconds += time
                    guard time > 0 else { continue }
                    means += Rounding.nearest(integral, time)
                    nodes += 1
                }
                func figure(
                    _ point: String, _ unit: String, _ amount: ExactAmount, by denominator: ExactAmount
                ) -> Figure {
                    var figure = Figure(
                        "\(series) \(point)", unit: unit, method: "time-integral/1", isHeadline: point == "mean")
                    figure.divide(amount, by: denominator)
                    complete(&figure, sources, stratum)
                    return figure
                }
                let time = ExactAmount(seconds, unit: "s")
                return [
                    figure(
                        "mean", unit, ExactAmount(means, exponent: -9, unit: unit),
                        by: ExactAmount(nodes, unit: "nodes")),
                    figure("beyond first threshold", "share of time", ExactAmount(first, unit: "s"), by: time),
                    figure("beyond second threshold", "share of time", ExactAmount(second, unit: "s"), by: time),
                    figure(
                        "events", "events/node", ExactAmount(events, unit: "events"),
                        by: ExactAmount(nodes, unit: "nodes")),
                ]
            }
    }

    func occupancy(_ stratum: Stratum, _ indicator: Indicator) -> [Figure] {
        indicator.slug == "x-spill" ? spills(stratum) : parking(stratum)
    }

    /// Spills by the 12/24 hour count, of each site, added. A window in which anything was spilled counts from its
    /// begin to its end: the count can be one too many where a block ends within a window, never one too few.
    private func spills(_ stratum: Stratum) -> [Figure] {
        var spills: Int128 = 0, occupied: Int128 = 0
        let sites = Dictionary(grouping: stratum.sources) { source in
            source.labels[.site] ?? "\(source.source.node) \(source.source.sensor)"
        }
        for (_, sources) in sites {
            var windows: [(from: Int64, to: Int64)] = []
            for source in sources {
                for item in source.items {
                    guard case .occupancy(let state) = item.contribution.state, state.occupiedSeconds > 0 else {
                        continue
                    }
                    occupied += Int128(state.occupiedSeconds)
                    windows.append((item.contribution.windowStart, item.contribution.windowEnd))
                }
            }
            var count = SpillCount()
            for window in windows.sorted(by: { $0 < $1 }) { _ = count.add(from: window.from, to: window.to) }
            spills += Int128(count.spills)
        }
        var number = Figure("spills", unit: "spills", method: "ea-12-24/1")
        number.numerator = ExactAmount(spills, unit: "spills")
        number.denominator = ExactAmount(Int128(sites.count), unit: "sites")
        number.value = Double(spills)
        complete(&number, stratum.sources, stratum)
        var hours = Figure("duration", unit: "h", method: "sum/1", isHeadline: false)
        hours.divide(ExactAmount(occupied, unit: "s"), by: ExactAmount(3_600, unit: "s/h"))
        complete(&hours, stratum.sources, stratum)
        return [number, hours]
    }

    /// Occupied time of all the time of all spots, and arrivals for each of them.
    private func parking(_ stratum: Stratum) -> [Figure] {
        var occupied: Int128 = 0, offered: Int128 = 0, arrivals: Int128 = 0, spots: Int128 = 0
        for source in stratum.sources {
            let own = Int128(source.weight?.value ?? 1)
            spots += own
            for item in source.items {
                guard case .occupancy(let state) = item.contribution.state else { continue }
                occupied += Int128(state.occupiedSeconds)
                arrivals += Int128(state.arrivals)
                offered += own * Int128(item.contribution.coverage.validSeconds)
            }
        }
        var share = Figure("occupancy", unit: "1", method: "occupied-time/1")
        share.divide(
            ExactAmount(occupied, unit: "spot-seconds"), by: ExactAmount(offered, unit: "spot-seconds"),
            giving: Occupancy.share(occupiedSeconds: occupied, spotSeconds: offered))
        complete(&share, stratum.sources, stratum)
        var turnover = Figure("turnover", unit: "arrivals/spot", method: "arrivals/1", isHeadline: false)
        turnover.divide(
            ExactAmount(arrivals, unit: "arrivals"), by: ExactAmount(spots, unit: "spots"),
            giving: Occupancy.turnover(arrivals: arrivals, spots: spots))
        complete(&turnover, stratum.sources, stratum)
        return [share, turnover]
    }

    /// Samples within what is allowed, parameter by parameter.
    func compliance(_ stratum: Stratum) -> [Figure] {
        Dictionary(grouping: stratum.sources) { $0.source.series }.sorted { $0.key < $1.key }.map { series, sources in
            var samples: Int128 = 0, compliant: Int128 = 0
            for source in sources {
                for item in source.items {
                    guard case .compliance(let state) = item.contribution.state else { continue }
                    samples += Int128(state.samples)
                    compliant += Int128(state.compliant)
                }
            }
            var figure = Figure(series, unit: "%", method: "compliant-samples/1", isHeadline: false)
            figure.divide(
                ExactAmount(compliant, unit: "samples"), by: ExactAmount(samples, unit: "samples"),
                giving: DrinkingWater.compliantPercent(compliant: compliant, samples: samples))
            figure.notes.append("supporting: the indicator itself counts households with an audited water safety plan")
            complete(&figure, sources, stratum)
            return figure
        }
    }
}
