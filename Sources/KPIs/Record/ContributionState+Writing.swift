// States as canonical JSON; the names are those that `Contribution.swift` documents.

extension ContributionState {
    /// The state alone: equal states are equal bytes.
    public var canonicalBytes: [UInt8] {
        var writer = CanonicalWriter()
        writer.object { write(into: &$0) }
        return writer.bytes
    }

    func write(into object: inout CanonicalWriter) { write(into: &object, type: typeName, validSeconds: nil) }

    /// Without the type, and without what is usual in a window of so many valid seconds.
    func writeUnusual(_ validSeconds: Int64, into object: inout CanonicalWriter) {
        write(into: &object, type: nil, validSeconds: validSeconds)
    }

    private func write(into object: inout CanonicalWriter, type: String?, validSeconds: Int64?) {
        let isWhole = validSeconds == nil
        switch self {
        case .sum(let sum):
            object.integer("amount", sum.amount)
            object.text("type", ifPresent: type)
        case .outages(let outages):
            object.integer("dark", outages.dark)
            object.tally("gt5", outages.over5)
            object.tally("le3", outages.upTo3)
            object.tally("le5", outages.upTo5)
            object.integer("open", outages.open)
            object.text("type", ifPresent: type)
            object.tally("unclear", outages.unclear)
        case .level(let level):
            if isWhole || level.beyondFirst != 0 || level.beyondSecond != 0 {
                object.integers("above", [level.beyondFirst, level.beyondSecond])
            }
            if isWhole || level.events != 0 { object.integer("events", level.events) }
            object.extremes(level.extremes)
            if level.seconds != validSeconds { object.integer("n_s", level.seconds) }
            object.integer("sum", level.integral)
            object.text("type", ifPresent: type)
        case .sound(let sound):
            object.integer("e", sound.energy)
            object.histogram(sound.histogram)
            object.extremes(sound.extremes)
            if sound.seconds != validSeconds { object.integer("n_s", sound.seconds) }
            object.text("type", ifPresent: type)
        case .exposure(let exposure):
            object.integer("above", exposure.blocksAbove)
            object.integer("blocks", exposure.blocks)
            object.integer("e2", exposure.square)
            object.integer("n_s", exposure.seconds)
            object.text("type", ifPresent: type)
            object.integer("worst_ppm", exposure.worstQuotientPpm)
        case .compliance(let compliance):
            object.extremes(compliance.extremes)
            object.integer("n", compliance.samples)
            object.integer("ok", compliance.compliant)
            object.text("type", ifPresent: type)
        case .travel(let travel):
            object.histogram(travel.speeds)
            object.integer("n", travel.vehicles)
            object.integer("tt_ms", travel.millisecondsPerKilometre)
            object.text("type", ifPresent: type)
        case .occupancy(let occupancy):
            object.integer("arrivals", occupancy.arrivals)
            object.integer("occupied_s", occupancy.occupiedSeconds)
            object.text("type", ifPresent: type)
        case .presence(let presence):
            object.integer("live_s", presence.liveSeconds)
            object.integer("n", presence.readings)
            object.text("type", ifPresent: type)
        }
    }
}

extension CanonicalWriter {
    fileprivate mutating func text(_ name: String, ifPresent value: String?) {
        if let value { text(name, value) }
    }

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
