// What a set of contributions says of one indicator: numerators in 128 bits, and how complete they are. Ratios are
// made here, last, with the denominators that only the city knows.

internal import World

public struct Total: Sendable {
    public let indicator: Indicator
    /// Millilitres × 10^-9, for indicators that sum amounts: the finest scale that is accepted, so that all scales
    /// add. 10^10 of the largest amounts fit.
    private var amount: Int128 = 0
    private var upTo3 = WideTally()
    private var upTo5 = WideTally()
    private var over5 = WideTally()
    private var unclear = WideTally()
    /// Customer interruptions that have not ended.
    public private(set) var open: Int128 = 0
    /// Of open ones, those whose stream ended in the dark: counted by the stream that came after.
    public private(set) var supersededOpen: Int128 = 0
    public internal(set) var nodes = 0
    public private(set) var contributions = 0
    public private(set) var provisional = 0
    /// Seconds that should be known, that are known, and that two streams know; summed over sensors.
    public private(set) var expectedSeconds: Int128 = 0
    public private(set) var validSeconds: Int128 = 0
    public private(set) var overlapSeconds: Int128 = 0
    public private(set) var overlaps: [Overlap] = []
    /// In order of their names.
    public private(set) var flags: [String: Int128] = [:]
    /// Left out: two contents for one revision.
    public internal(set) var conflicts: [ContributionSet.Key] = []

    struct WideTally: Sendable {
        var interruptions: Int128 = 0
        var minimum: Int128 = 0
        var maximum: Int128 = 0

        mutating func add(_ tally: OutageTally) {
            interruptions += Int128(tally.interruptions)
            minimum += Int128(tally.minimum)
            maximum += Int128(tally.maximum)
        }
    }

    init(indicator: Indicator) { self.indicator = indicator }

    /// All of one source.
    mutating func add(_ source: SourceWindows) {
        var expectedThrough = Int64.min
        var valid: Int128 = 0
        var expected: Int128 = 0
        for contribution in source.items.map(\.contribution) {
            contributions += 1
            if !contribution.isFinal { provisional += 1 }
            add(contribution.state, scale: contribution.scale)
            valid += Int128(contribution.coverage.validSeconds)
            for flag in contribution.coverage.flags { flags[flag.name, default: 0] += Int128(flag.seconds) }
            let end = contribution.windowStart + contribution.coverage.expectedSeconds
            expected += Int128(max(0, end - max(contribution.windowStart, expectedThrough)))
            expectedThrough = max(expectedThrough, end)
        }
        overlaps += source.overlaps
        overlapSeconds += source.overlaps.reduce(0) { $0 + Int128($1.to - $1.from) }
        expectedSeconds += expected
        validSeconds += min(valid, expected)
        supersede(source.items)
    }

    private mutating func add(_ state: ContributionState, scale: Int8) {
        switch state {
        case .sum(let sum):
            let exponent = Int(scale) - Int(Contribution.scales.lowerBound)
            invariant(Contribution.scales.contains(scale), "scale \(scale) of a contribution")
            amount += Int128(sum.amount) * (0..<exponent).reduce(Int128(1)) { power, _ in power * 10 }
        case .outages(let outages):
            upTo3.add(outages.upTo3)
            upTo5.add(outages.upTo5)
            over5.add(outages.over5)
            unclear.add(outages.unclear)
            open += Int128(outages.open)
        case .level, .sound, .exposure, .compliance, .travel, .occupancy, .presence:
            break
        }
    }

    /// A stream that ends with an outage open, and another of the same node that tells of time without power after
    /// it: that is one outage, and the later stream has counted it.
    private mutating func supersede(_ found: [SourceWindows.Item]) {
        for item in found {
            let key = item.key, contribution = item.contribution
            guard case .outages(let outages) = contribution.state, outages.open > 0 else { continue }
            let isCounted = found.contains { other in
                guard other.key.stream != key.stream, case .outages(let later) = other.contribution.state else {
                    return false
                }
                return later.dark > 0 && other.contribution.windowEnd > contribution.windowStart
            }
            if isCounted {
                open -= Int128(outages.open)
                supersededOpen += Int128(outages.open)
            }
        }
    }

    // MARK: Water

    /// Whole millilitres, rounded down.
    public var millilitres: Int128 { amount / 1_000_000_000 }

    /// EN: EN: WS: 2C: litres per inhabitant and day.
    public func litresPerCapitaDay(inhabitants: Int64, days: Int64) -> Double? {
        WaterUse.litresPerCapitaDay(
            millilitres: Double(amount) / 1e9, inhabitants: inhabitants, days: Double(days))
    }

    // MARK: Outages

    /// EC: I: ES: 1C and 2C for a number of customers served.
    public func reliability(_ profile: Reliability.Profile, customersServed: Int64) -> Reliability? {
        guard customersServed > 0, indicator.needsCustomers else { return nil }
        let sure: (sustained: [WideTally], momentary: [WideTally]) =
            profile == .ieee1366 ? ([over5], [upTo3, upTo5]) : ([upTo5, over5], [upTo3])
        let sustained = sure.sustained.reduce(open) { $0 + $1.interruptions }
        let momentary = sure.momentary.reduce(Int128(0)) { $0 + $1.interruptions }
        let least = sure.sustained.reduce(Int128(0)) { $0 + $1.minimum }
        let most = sure.sustained.reduce(unclear.maximum) { $0 + $1.maximum }
        return Reliability(
            interruptions: sustained...sustained + unclear.interruptions,
            momentary: momentary...momentary + unclear.interruptions, customerSeconds: least...most,
            customersServed: customersServed)
    }
}

/// The reliability indices of IEEE 1366. Each is a range: outages whose begin or end was not seen have one. Exact
/// when the ends are equal.
public struct Reliability: Equatable, Sendable {
    public enum Profile: Sendable {
        /// Sustained: longer than 5 minutes.
        case ieee1366
        /// Long: longer than 3 minutes.
        case en50160
    }

    public var interruptions: ClosedRange<Int128>
    public var momentary: ClosedRange<Int128>
    public var customerSeconds: ClosedRange<Int128>
    public var customersServed: Int64

    /// Interruptions per customer.
    public var saifi: ClosedRange<Double> { perCustomer(interruptions) }
    public var maifi: ClosedRange<Double> { perCustomer(momentary) }

    /// Minutes per customer.
    public var saidiMinutes: ClosedRange<Double> {
        let seconds = perCustomer(customerSeconds)
        return seconds.lowerBound / 60...seconds.upperBound / 60
    }

    /// Minutes per interruption; nil without interruptions.
    public var caidiMinutes: ClosedRange<Double>? {
        guard interruptions.lowerBound > 0 else { return nil }
        let least = Double(customerSeconds.lowerBound) / Double(interruptions.upperBound) / 60
        let most = Double(customerSeconds.upperBound) / Double(interruptions.lowerBound) / 60
        return least...most
    }

    /// The share of customer time with power.
    public func asai(days: Int64) -> ClosedRange<Double>? {
        guard days > 0 else { return nil }
        let whole = Double(days) * 1_440
        return 1 - saidiMinutes.upperBound / whole...1 - saidiMinutes.lowerBound / whole
    }

    private func perCustomer(_ range: ClosedRange<Int128>) -> ClosedRange<Double> {
        Double(range.lowerBound) / Double(customersServed)...Double(range.upperBound) / Double(customersServed)
    }
}
