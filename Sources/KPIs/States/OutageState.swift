// Interruptions of supply, by duration class.

/// Customer interruptions of one duration class, and how long they lasted: between `minimum` and `maximum`
/// customer-seconds. The two are equal unless the begin or the end of an outage was not seen.
public struct OutageTally: Mergeable {
    public var interruptions: Int64
    public var minimum: Int64
    public var maximum: Int64

    public init() { self.init(interruptions: 0) }

    public init(interruptions: Int64 = 0, minimum: Int64 = 0, maximum: Int64 = 0) {
        self.interruptions = interruptions
        self.minimum = minimum
        self.maximum = maximum
    }

    public func joined(with other: OutageTally) -> OutageTally? {
        let interruptions = interruptions.addingReportingOverflow(other.interruptions)
        let minimum = minimum.addingReportingOverflow(other.minimum)
        let maximum = maximum.addingReportingOverflow(other.maximum)
        guard !interruptions.overflow, !minimum.overflow, !maximum.overflow else { return nil }
        return OutageTally(
            interruptions: interruptions.partialValue, minimum: minimum.partialValue, maximum: maximum.partialValue)
    }
}

/// Outages that began in a window, by duration class. The classes are split at 3 and at 5 minutes so that both
/// profiles can be computed from them: IEEE 1366 (sustained: longer than 5 min) and EN 50160 (long: longer than 3
/// min).
public struct OutageState: Mergeable {
    /// At most 3 minutes.
    public var upTo3: OutageTally
    /// Longer than 3, at most 5 minutes.
    public var upTo5: OutageTally
    /// Longer than 5 minutes.
    public var over5: OutageTally
    /// Censored so widely that the class is not certain.
    public var unclear: OutageTally
    /// Customer interruptions that have begun and not ended: they count as interruptions and have no duration yet.
    public var open: Int64
    /// Of all interruptions above, those during which the node itself was without power.
    public var dark: Int64

    public init() { self.init(upTo3: OutageTally()) }

    public init(
        upTo3: OutageTally = OutageTally(), upTo5: OutageTally = OutageTally(), over5: OutageTally = OutageTally(),
        unclear: OutageTally = OutageTally(), open: Int64 = 0, dark: Int64 = 0
    ) {
        self.upTo3 = upTo3
        self.upTo5 = upTo5
        self.over5 = over5
        self.unclear = unclear
        self.open = open
        self.dark = dark
    }

    public func joined(with other: OutageState) -> OutageState? {
        let open = open.addingReportingOverflow(other.open)
        let dark = dark.addingReportingOverflow(other.dark)
        guard let upTo3 = upTo3.joined(with: other.upTo3), let upTo5 = upTo5.joined(with: other.upTo5),
            let over5 = over5.joined(with: other.over5), let unclear = unclear.joined(with: other.unclear),
            !open.overflow, !dark.overflow
        else { return nil }
        return OutageState(
            upTo3: upTo3, upTo5: upTo5, over5: over5, unclear: unclear, open: open.partialValue,
            dark: dark.partialValue)
    }

    /// Adds one outage that lasted between the two durations (nanoseconds) for `customers`. `isCounted` false: its
    /// begin is counted elsewhere, so only its time is added.
    mutating func add(minimum: Int64, maximum: Int64, customers: Int64, isCounted: Bool) {
        let isExact = minimum == maximum
        let tally = OutageTally(
            interruptions: isCounted ? customers : 0,
            minimum: customers * (isExact ? nearestSecond(minimum) : minimum / 1_000_000_000),
            maximum: customers * (isExact ? nearestSecond(maximum) : (maximum + 999_999_999) / 1_000_000_000))
        var sum = OutageState()
        switch (Self.durationClass(minimum), Self.durationClass(maximum)) {
        case (0, 0): sum.upTo3 = tally
        case (1, 1): sum.upTo5 = tally
        case (2, 2): sum.over5 = tally
        default: sum.unclear = tally
        }
        // Customers are at most 10^9 and the outages of one line follow each other, so 292 years fit.
        if let joined = joined(with: sum) { self = joined }
    }

    private static func durationClass(_ nanoseconds: Int64) -> Int {
        nanoseconds <= 180_000_000_000 ? 0 : nanoseconds <= 300_000_000_000 ? 1 : 2
    }
}

/// Rounded to the nearest whole second, halves up.
private func nearestSecond(_ nanoseconds: Int64) -> Int64 { (nanoseconds + 500_000_000) / 1_000_000_000 }
