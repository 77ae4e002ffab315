// When a channel or a gauge is to be told as an alarm. The configuration makes rules, the gateway follows them, events
// speak of them.
//
// A rule's limits are integers in the scale of what it watches, converted once and exactly. A threshold between two
// steps of that scale loses nothing: no value lies between it and the step that stands for it. `above` 200.5 of a
// channel in whole steps is above 200, which is the same as 201 and more; `below` 200.5 is below 201.

public struct AlarmRule: Hashable, Sendable {
    public enum Severity: String, Sendable, CaseIterable { case information, warning, critical }
    /// On which side of the threshold the alarm is.
    public enum Side: String, Sendable { case above, below }
    public enum State: String, Sendable {
        /// The condition has held for `hold`.
        case raised
        /// It has been over for `clearAfter`.
        case cleared
        /// Nothing that can be judged has come for longer than `patience`.
        case unknown
    }
    public enum Source: Hashable, Sendable {
        case channel(ChannelID)
        /// A quantity that the node derives from its channels.
        case gauge
    }

    public let id: String
    public let source: Source
    /// `air.no2`; of a gauge without `gauge.`: `aqi`.
    public let name: String
    public let unit: String
    /// Of the integers that are judged.
    public let scale: Int8
    public let side: Side
    /// As configured, in `unit`.
    public let threshold: DecimalNumber
    public let clear: DecimalNumber
    public let hold: Duration
    public let clearAfter: Duration
    /// `hold` and three periods of what is watched, at least a second: so long a state stands without a value that can
    /// be judged.
    public let patience: Duration
    public let severity: Severity
    public let lane: Lane

    /// Raised by values beyond this one: greater (`above`), smaller (`below`).
    public let limit: Int64
    /// Cleared by this one and what is further from the threshold.
    public let clearLimit: Int64

    /// Nil when a limit needs more than 63 bits, or `clear` lies on the alarm's side of the threshold. `every`: the
    /// period of what is watched.
    public init?(
        id: String, source: Source, name: String, unit: String, scale: Int8, side: Side, threshold: DecimalNumber,
        clear: DecimalNumber, hold: Duration = .zero, clearAfter: Duration = .zero, every: Duration,
        severity: Severity = .warning, lane: Lane = .events
    ) {
        let isAbove = side == .above
        guard let limit = threshold.integer(scale: Int(scale), roundedUp: !isAbove),
            let clearLimit = clear.integer(scale: Int(scale), roundedUp: !isAbove),
            isAbove ? clearLimit <= limit : clearLimit >= limit
        else { return nil }
        self.id = id
        self.source = source
        self.name = name
        self.unit = unit
        self.scale = scale
        self.side = side
        self.threshold = threshold
        self.clear = clear
        self.hold = hold
        self.clearAfter = clearAfter
        patience = hold + max(every * 3, .seconds(1))
        self.severity = severity
        self.lane = lane
        self.limit = limit
        self.clearLimit = clearLimit
    }
}

/// A quantity that the node derives from its channels and that alarms may watch, as `gauge.<name>`.
public struct Gauge: Hashable, Sendable {
    public var name: String
    /// SenML symbol; `/` for an index.
    public var unit: String
    public var scale: Int8
    public var plausible: ClosedRange<Double>
    /// How often it is told at least.
    public var every: Duration

    public init(name: String, unit: String, scale: Int8, plausible: ClosedRange<Double>, every: Duration) {
        self.name = name
        self.unit = unit
        self.scale = scale
        self.plausible = plausible
        self.every = every
    }
}

extension DecimalNumber {
    /// The nearest integer in units of `10^scale` that is not greater (`roundedUp`: not smaller); nil when it is too
    /// large.
    public func integer(scale: Int, roundedUp: Bool) -> Int64? {
        guard Int(exponent) < scale else { return integer(scale: scale) }
        var whole = mantissa
        var isExact = true
        for _ in 0..<(scale - Int(exponent)) {
            isExact = isExact && whole % 10 == 0
            whole /= 10
        }
        // Division has cut towards zero.
        if isExact || (mantissa < 0) == roundedUp { return whole }
        return roundedUp ? whole + 1 : whole - 1
    }
}
