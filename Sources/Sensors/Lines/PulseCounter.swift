// A meter's pulse output on a GPIO line: water, energy, anything that closes a contact per amount.
//
// Counts are integers from the contact to the city. Pulses become steps of the channels' decimal scale in the total
// only, so that rounding (where a unit is no whole number of steps a pulse) never adds up; each reading is the exact
// amount since the one before, and the amounts sum to the difference of the totals.
//
// A gap in the line's sequence numbers is edges that the kernel saw and its buffer had no room for. Only what is a
// pulse is asked for, so each of them is one: they are counted, and the reading stays good. What nobody can know are
// pulses while the line was not held (a fault, a power cut): the reading after it is `estimated`.
//
// With a second line the meter may run backwards: `direction` says so by its level, `reverse` by pulses of its own.
// What ran back is owed: amount and total stand still until the same has run forward again, as on the meter's face
// (a valve that trembles is no consumption), and the channel `reverse` tells how much it was.

internal import World

struct PulseCounter: LineDriver {
    /// What the second line says.
    enum Second { case nothing, activeIsBackward, activeIsForward, backwardPulses }

    let request: LineRequest
    let secondRequest: LineRequest?
    private let second: Second
    private let measure: PulseMeasure
    /// Pulses up to the last reading, and since it. Below 0: owed.
    private var reported: Int64 = 0
    private var pending: Int64 = 0
    /// Backward pulses since the start, and those of them told.
    private var backward: Int64 = 0
    private var backwardTold: Int64 = 0
    private var lastSequence: UInt32 = 0
    private var lastSecondSequence: UInt32 = 0
    private var isBackward = false
    /// The direction changed since the last pulse: lost pulses may have been of either.
    private var hasTurned = false
    private var hasBegun = false
    private var isEstimated = false

    /// 27,000 years at 10 Hz; keeps totals and checkpoints inside Int64 whatever a checkpoint says.
    static let maximumPulses: Int64 = (1 << 43) - 1
    private static let totalBits: Int64 = 43
    private static let maximumPending: Int64 = (1 << 20) - 1

    init(
        request: LineRequest, edges: EdgeSelection, measure: PulseMeasure, second: Second = .nothing,
        secondRequest: LineRequest? = nil
    ) {
        invariant((second == .nothing) == (secondRequest == nil), "a second line and what it means")
        var request = request
        request.edges = edges
        self.request = request
        var other = secondRequest
        other?.edges = second == .backwardPulses ? edges : .both
        self.secondRequest = other
        self.second = second
        self.measure = measure
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        if hasBegun { isEstimated = true }
        hasBegun = true
        lastSequence = 0
    }

    mutating func beginSecond(at now: Boottime, isActive: Bool) {
        lastSecondSequence = 0
        hasTurned = false
        turn(isActive)
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let count = pulses(edge, after: lastSequence)
        lastSequence = edge.sequence
        if count > 1, hasTurned { isEstimated = true }
        hasTurned = false
        add(count, isBackward: isBackward)
    }

    mutating func secondEdge(_ edge: Edge, into samples: inout Samples) {
        if second == .backwardPulses {
            add(pulses(edge, after: lastSecondSequence), isBackward: true)
        } else {
            hasTurned = true
            turn(edge.isActive)
        }
        lastSecondSequence = edge.sequence
    }

    private mutating func turn(_ isActive: Bool) {
        isBackward = second != .backwardPulses && isActive == (second == .activeIsBackward)
    }

    /// What the edge and those lost before it are.
    private mutating func pulses(_ edge: Edge, after last: UInt32) -> Int64 {
        let lost = edge.sequence &- last &- 1
        let isPulse = request.edges == .both || edge.isActive == (request.edges == .toActive)
        guard lost <= UInt32.max / 2 else {
            // The numbers went back: the line was requested anew behind our back.
            isEstimated = true
            return isPulse ? 1 : 0
        }
        return Int64(lost) + (isPulse ? 1 : 0)
    }

    private mutating func add(_ count: Int64, isBackward: Bool) {
        if isBackward {
            backward += count
            pending = max(pending - count, -Self.maximumPending)
        } else {
            pending += count
        }
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        let quality: Quality = isEstimated ? .estimated : .good
        isEstimated = false
        let before = measure.steps(reported)
        reported = min(reported + max(pending, 0), Self.maximumPulses)
        pending = min(pending, 0)
        let total = measure.steps(reported)
        samples.append(Sample(channel: 0, .exact(total - before), quality: quality, acquired: now))
        samples.append(Sample(channel: 1, .exact(measure.initialSteps + total), quality: quality, acquired: now))
        guard second != .nothing else { return }
        let back = measure.steps(backward) - measure.steps(backwardTold)
        backwardTold = backward
        samples.append(Sample(channel: 2, .exact(back), quality: quality, acquired: now))
    }

    /// Two counts in one number: the pulses up to the last reading in the low 43 bits, those since it above; what is
    /// owed as the complement of the same. So a process that is killed between two readings goes on exactly, and the
    /// amounts still sum to the difference of the totals.
    var checkpoint: Int64? {
        let kept = min(abs(pending), Self.maximumPending) << Self.totalBits | reported
        return pending < 0 ? ~kept : kept
    }

    var total: Int64? {
        measure.initialSteps + measure.steps(min(reported + max(pending, 0), Self.maximumPulses))
    }

    mutating func resume(from checkpoint: Int64, isExact: Bool) {
        let kept = checkpoint < 0 ? ~checkpoint : checkpoint
        reported = kept & Self.maximumPulses
        pending = kept >> Self.totalBits
        // Who has no second line any more owes nothing.
        if checkpoint < 0 { pending = second == .nothing ? 0 : -pending }
        if !isExact {
            // From flash after a power cut: what was pending then has long been reported, and may have been delivered.
            reported = min(reported + max(pending, 0), Self.maximumPulses)
            pending = min(pending, 0)
            isEstimated = true
        }
    }

    /// To the nearest pulse. What was owed is settled, because the meter has been read; what is pending is part of the
    /// total that is set and stays an amount.
    mutating func setTotal(_ total: Int64) -> Bool {
        guard let pulses = measure.pulses(total), pulses <= Self.maximumPulses, pulses >= max(pending, 0) else {
            return false
        }
        pending = max(pending, 0)
        reported = pulses - pending
        return true
    }
}

extension PulseCounter {
    /// Debounce of the presets: S0 pulses and the pauses between them last 30 ms at least (DIN 43864, IEC
    /// 62053-31:1998); a reed contact bounces for a few milliseconds and a water meter's stays closed for tenths of a
    /// second; a transistor does not bounce. All of them pull the line down.
    static let wirings = [
        LineWiring(),
        LineWiring("s0", bias: .pullUp, isActiveLow: true, debounce: .milliseconds(10)),
        LineWiring("reed", bias: .pullUp, isActiveLow: true, debounce: .milliseconds(20)),
        LineWiring("open-collector", bias: .pullUp, isActiveLow: true, debounce: .zero),
    ]

    static let edgeParameter = Parameter(
        "edge", .choice(["to-active", "to-inactive", "both"]), fallback: .text("to-active"),
        about: "which change of the line is the pulse")

    static func edges(_ settings: DriverSettings) -> EdgeSelection {
        switch settings.text("edge") {
        case "to-inactive": .toInactive
        case "both": .both
        default: .toActive
        }
    }

    static let entry = DriverEntry(
        name: "pulse-counter",
        about: "A meter's pulse output on a GPIO line: the amount since the last reading, and the total",
        attachment: .line, wirings: wirings,
        parameters: [
            Parameter(
                "per_pulse", .quantity(units: ["m3", "Wh", "count", "/"]), isRequired: true,
                about: "the amount of one pulse: 10 L, 1 Wh, or 1 count"),
            Parameter(
                "pulses", .integer(1...PulseMeasure.maximumDivisor),
                about: "how many pulses that amount has, where it is several: 800 (imp/kWh) with per_pulse: 1 kWh"),
            Parameter(
                "initial", .quantity(units: ["m3", "Wh", "count", "/"]),
                about: "what the meter showed when the count began; 0 unless given"),
            Parameter(
                "quantity", .text,
                about: "the amount's channel name; volume for m3, energy for Wh, else count unless given"),
            edgeParameter,
            Parameter(
                "preset", .choice(wirings.dropFirst().map(\.preset)),
                about: "how the output is wired: sets bias, active and debounce where they are not given"),
            Parameter("direction", .line, about: "a second line, whose level tells the direction"),
            Parameter(
                "direction_active", .choice(["backward", "forward"]),
                about: "which way the meter runs while the direction line is active; backward unless given"),
            Parameter("reverse", .line, about: "a second line, whose pulses are those of the meter running backwards"),
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            let measure = try PulseMeasure(settings, amount: "per_pulse")
            let pair = measure.channels
            return try second(settings).1 == nil ? pair : pair + [measure.channel("reverse", upTo: 1e9)]
        },
        make: { settings throws(SettingFault) in
            let (meaning, line) = try second(settings)
            return .line(
                PulseCounter(
                    request: try settings.requiredLine(), edges: edges(settings),
                    measure: try PulseMeasure(settings, amount: "per_pulse"), second: meaning, secondRequest: line))
        })

    private static func second(_ settings: DriverSettings) throws(SettingFault) -> (Second, LineRequest?) {
        guard let direction = settings.lines["direction"] else {
            let reverse = settings.lines["reverse"]
            return (reverse == nil ? .nothing : .backwardPulses, reverse)
        }
        guard settings.lines["reverse"] == nil else {
            throw SettingFault(
                parameter: "reverse", text: "beside `direction`; expected one of the two; keep the one that is wired")
        }
        return (settings.text("direction_active") == "forward" ? .activeIsForward : .activeIsBackward, direction)
    }
}
