// States as canonical JSON; the names are those that `Contribution.swift` documents.

extension ContributionState {
    func write(into object: inout CanonicalWriter) {
        switch self {
        case .sum(let sum):
            object.integer("amount", sum.amount)
            object.text("type", typeName)
        case .outages(let outages):
            object.integer("dark", outages.dark)
            object.tally("gt5", outages.over5)
            object.tally("le3", outages.upTo3)
            object.tally("le5", outages.upTo5)
            object.integer("open", outages.open)
            object.text("type", typeName)
            object.tally("unclear", outages.unclear)
        case .level(let level):
            object.integers("above", [level.beyondFirst, level.beyondSecond])
            object.integer("events", level.events)
            object.extremes(level.extremes)
            object.integer("n_s", level.seconds)
            object.integer("sum", level.integral)
            object.text("type", typeName)
        case .sound(let sound):
            object.integer("e", sound.energy)
            object.histogram(sound.histogram)
            object.extremes(sound.extremes)
            object.integer("n_s", sound.seconds)
            object.text("type", typeName)
        case .exposure(let exposure):
            object.integer("above", exposure.blocksAbove)
            object.integer("blocks", exposure.blocks)
            object.integer("e2", exposure.square)
            object.integer("n_s", exposure.seconds)
            object.text("type", typeName)
            object.integer("worst_ppm", exposure.worstQuotientPpm)
        case .compliance(let compliance):
            object.extremes(compliance.extremes)
            object.integer("n", compliance.samples)
            object.integer("ok", compliance.compliant)
            object.text("type", typeName)
        case .travel(let travel):
            object.histogram(travel.speeds)
            object.integer("n", travel.vehicles)
            object.integer("tt_ms", travel.millisecondsPerKilometre)
            object.text("type", typeName)
        case .occupancy(let occupancy):
            object.integer("arrivals", occupancy.arrivals)
            object.integer("occupied_s", occupancy.occupiedSeconds)
            object.text("type", typeName)
        case .presence(let presence):
            object.integer("live_s", presence.liveSeconds)
            object.integer("n", presence.readings)
            object.text("type", typeName)
        }
    }
}

extension CanonicalWriter {
    fileprivate mutating func tally(_ name: String, _ tally: OutageTally) {
        integers(name, [tally.interruptions, tally.minimum, tally.maximum])
    }

    fileprivate mutating func extremes(_ extremes: Extremes) {
        guard let least = extremes.least, let greatest = extremes.greatest else { return }
        integer("max", greatest)
        integer("min", least)
    }

    /// Bins in the order of their names' bytes, as all names.
    fileprivate mutating func histogram(_ histogram: Histogram) {
        let bins = histogram.occupied.map { (name: String($0.bin), count: $0.count) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        object("hist") { object in
            for bin in bins { object.integer(bin.name, bin.count) }
        }
    }
}
