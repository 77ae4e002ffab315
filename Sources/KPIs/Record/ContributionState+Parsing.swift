// The state of a contribution from a stranger: exactly the members of its type, each within what a window can hold.
//
// In a batch the type is the binding's, and what is usual is left out; `Contribution.swift` says what.

/// The members as they come. Checked when the window's length is known.
struct StateFields {
    private(set) var type: String?
    private var numbers: [(name: String, value: Int64)] = []
    private var lists: [(name: String, values: [Int64])] = []
    private var histogram: Histogram?

    init(from reader: inout JSONReader) throws(ContributionFault) {
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "type": type = try reader.string()
            case "hist": histogram = try Histogram(from: &reader)
            default:
                // No state has more; and no name is longer than `occupied_s`.
                guard numbers.count + lists.count < 8, name.utf8.count <= 16 else {
                    throw .unknown(member: "state.\(name)")
                }
                guard reader.nextIsArray() else { return numbers.append((name, try reader.integer())) }
                var values: [Int64] = []
                try reader.array { reader throws(ContributionFault) in
                    guard values.count < 3 else { throw .outOfRange(member: "state.\(name)") }
                    values.append(try reader.integer())
                }
                lists.append((name, values))
            }
        }
    }

    /// The state of that type in a window of so many seconds. `usualSeconds`: what is usual may have been left out,
    /// and so many seconds are valid.
    mutating func state(
        _ type: String, windowSeconds: Int64, weight: Weight?, usualSeconds: Int64?
    ) throws(ContributionFault) -> ContributionState {
        let isUsual = usualSeconds != nil
        let seconds = 0...windowSeconds
        let state: ContributionState
        switch type {
        case "sum": state = .sum(SumState(amount: try number("amount", in: Int64.min...Int64.max)))
        case "outages":
            state = .outages(
                OutageState(
                    upTo3: try tally("le3"), upTo5: try tally("le5"), over5: try tally("gt5"),
                    unclear: try tally("unclear"), open: try number("open"), dark: try number("dark")))
        case "level":
            let beyond = try list("above", usual: isUsual ? [0, 0] : nil)
            guard beyond.count == 2, beyond.allSatisfy(seconds.contains) else {
                throw .outOfRange(member: "state.above")
            }
            state = .level(
                LevelState(
                    integral: try number("sum", in: Int64.min...Int64.max),
                    seconds: try number("n_s", in: seconds, usual: usualSeconds), extremes: try extremes(),
                    beyondFirst: beyond[0], beyondSecond: beyond[1],
                    events: try number("events", usual: isUsual ? 0 : nil)))
        case "sound":
            let histogram = try bins(atMost: windowSeconds)
            state = .sound(
                SoundState(
                    energy: try number("e", in: 0...Int64.max),
                    seconds: try number("n_s", in: seconds, usual: usualSeconds), histogram: histogram,
                    extremes: try extremes()))
        case "exposure":
            let blocks = try number("blocks")
            state = .exposure(
                ExposureState(
                    square: try number("e2", in: 0...Int64.max), seconds: try number("n_s", in: seconds),
                    worstQuotientPpm: try number("worst_ppm", in: 0...Int64.max), blocks: blocks,
                    blocksAbove: try number("above", in: 0...blocks)))
        case "compliance":
            let samples = try number("n")
            state = .compliance(
                ComplianceState(
                    samples: samples, compliant: try number("ok", in: 0...samples), extremes: try extremes()))
        case "travel":
            let vehicles = try number("n")
            state = .travel(
                TravelState(
                    vehicles: vehicles, millisecondsPerKilometre: try number("tt_ms", in: 0...Int64.max),
                    speeds: try bins(atMost: vehicles)))
        case "occupancy":
            // A sensor may see several spots.
            let spots = weight?.kind == .spots ? weight?.value ?? 1 : 1
            state = .occupancy(
                OccupancyState(
                    occupiedSeconds: try number("occupied_s", in: 0...windowSeconds * spots),
                    arrivals: try number("arrivals")))
        case "presence":
            state = .presence(
                PresenceState(liveSeconds: try number("live_s", in: seconds), readings: try number("n")))
        default: throw .unknownStateType(type)
        }
        if let left = numbers.first?.name ?? lists.first?.name { throw .unknown(member: "state.\(left)") }
        guard histogram == nil else { throw .unknown(member: "state.hist") }
        return state
    }

    /// Counts: far above what one window can hold (10^9 customers), and far enough below 2^63 that a fold can go on
    /// from it.
    private static let counts: ClosedRange<Int64> = 0...1 << 61

    private mutating func number(
        _ name: String, in range: ClosedRange<Int64> = counts, usual: Int64? = nil
    ) throws(ContributionFault) -> Int64 {
        guard let value = take(name) ?? usual else { throw .missing("state.\(name)") }
        guard range.contains(value) else { throw .outOfRange(member: "state.\(name)") }
        return value
    }

    private mutating func take(_ name: String) -> Int64? {
        guard let index = numbers.firstIndex(where: { $0.name == name }) else { return nil }
        return numbers.remove(at: index).value
    }

    private mutating func list(_ name: String, usual: [Int64]? = nil) throws(ContributionFault) -> [Int64] {
        if let index = lists.firstIndex(where: { $0.name == name }) { return lists.remove(at: index).values }
        guard let usual else { throw .missing("state.\(name)") }
        return usual
    }

    private mutating func tally(_ name: String) throws(ContributionFault) -> OutageTally {
        let values = try list(name)
        guard values.count == 3, values.allSatisfy(Self.counts.contains), values[1] <= values[2] else {
            throw .outOfRange(member: "state.\(name)")
        }
        return OutageTally(interruptions: values[0], minimum: values[1], maximum: values[2])
    }

    /// Both or none.
    private mutating func extremes() throws(ContributionFault) -> Extremes {
        switch (take("min"), take("max")) {
        case (nil, nil): return Extremes()
        case (let least?, let greatest?):
            guard least <= greatest else { throw .outOfRange(member: "state.max") }
            return Extremes(least: least, greatest: greatest)
        case (nil, _): throw .missing("state.min")
        case (_, nil): throw .missing("state.max")
        }
    }

    private mutating func bins(atMost most: Int64) throws(ContributionFault) -> Histogram {
        guard let found = histogram else { throw .missing("state.hist") }
        histogram = nil
        guard let total = found.total, total <= most else { throw .outOfRange(member: "state.hist") }
        return found
    }
}

extension Histogram {
    /// `{"523": 60, …}`: each bin once, none empty, by its plain decimal number.
    fileprivate init(from reader: inout JSONReader) throws(ContributionFault) {
        self.init()
        try reader.object { reader, name throws(ContributionFault) in
            let count = try reader.integer()
            guard let bin = Int(name), Histogram.bins.contains(bin), name.utf8.elementsEqual(String(bin).utf8),
                count > 0, add(count, toBin: bin)
            else { throw .outOfRange(member: "state.hist.\(name)") }
        }
    }
}
