// A meter's pulse output on a GPIO line: water, energy, anything that closes a contact per amount.
//
// Counts are integers from the contact to the city. The channels' scale is chosen so that one pulse is a whole number
// of steps; each reading is the exact amount since the one before, and the amounts sum to the difference of the totals.
//
// A gap in the line's sequence numbers is edges that the kernel saw and its buffer had no room for. Only one direction
// is asked for, so each of them is a pulse: they are counted, and the reading stays good. What nobody can know are
// pulses while the line was not held (a fault, a power cut): the reading after it is `estimated`.

internal import World

struct PulseCounter: LineDriver {
    let request: LineRequest
    /// Steps of the channels' scale that one pulse, and the meter's reading at the start of the count, are.
    private let stepsPerPulse: Int64
    private let initialSteps: Int64
    /// Pulses up to the last reading, and since it.
    private var reported: Int64 = 0
    private var pending: Int64 = 0
    private var lastSequence: UInt32 = 0
    private var hasBegun = false
    private var isEstimated = false

    /// 27,000 years at 10 Hz; keeps totals and checkpoints inside Int64 whatever a checkpoint says.
    private static let maximumPulses: Int64 = (1 << 43) - 1
    private static let totalBits: Int64 = 43
    private static let maximumPending: Int64 = (1 << 20) - 1
    private static let maximumStepsPerPulse: Int64 = 1_000_000
    private static let maximumInitialSteps: Int64 = 1_000_000_000_000_000

    init(request: LineRequest, countsToActive: Bool, stepsPerPulse: Int64, initialSteps: Int64) {
        var request = request
        request.edges = countsToActive ? .toActive : .toInactive
        self.request = request
        self.stepsPerPulse = stepsPerPulse
        self.initialSteps = initialSteps
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        if hasBegun { isEstimated = true }
        hasBegun = true
        lastSequence = 0
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let lost = edge.sequence &- lastSequence &- 1
        lastSequence = edge.sequence
        if lost > UInt32.max / 2 {
            // The numbers went back: the line was requested anew behind our back.
            isEstimated = true
        } else {
            pending += Int64(lost)
        }
        if edge.isActive == (request.edges == .toActive) { pending += 1 }
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        let quality: Quality = isEstimated ? .estimated : .good
        isEstimated = false
        reported = min(reported + pending, Self.maximumPulses)
        samples.append(
            Sample(channel: 0, .exact(pending * stepsPerPulse), quality: quality, acquired: now))
        samples.append(
            Sample(channel: 1, .exact(initialSteps + reported * stepsPerPulse), quality: quality, acquired: now))
        pending = 0
    }

    /// Two counts in one number: the pulses up to the last reading in the low 43 bits, those since it above. So a
    /// process that is killed between two readings goes on exactly, and the amounts still sum to the difference of the
    /// totals.
    var checkpoint: Int64? { min(pending, Self.maximumPending) << Self.totalBits | reported }

    var total: Int64? { initialSteps + (reported + pending) * stepsPerPulse }

    mutating func resume(from checkpoint: Int64, isExact: Bool) {
        let kept = max(checkpoint, 0)
        reported = kept & Self.maximumPulses
        pending = kept >> Self.totalBits
        if !isExact {
            // From flash after a power cut: what was pending then has long been reported, and may have been delivered.
            reported = min(reported + pending, Self.maximumPulses)
            pending = 0
            isEstimated = true
        }
    }
}

extension PulseCounter {
    /// How the settings turn pulses into the channels' integers.
    struct Measure {
        var quantity: String
        var unit: String
        var scale: Int
        var stepsPerPulse: Int64
        var initialSteps: Int64

        init(_ settings: DriverSettings) throws(SettingFault) {
            guard let perPulse = settings.quantity("per_pulse") else {
                throw SettingFault(
                    parameter: "per_pulse",
                    text: "not given; expected the amount of one pulse with its unit, as printed on the meter; add for "
                        + "example `per_pulse: 10 L`")
            }
            let initial = settings.quantity("initial") ?? (.zero, perPulse.unit)
            guard initial.unit == perPulse.unit else {
                throw SettingFault(
                    parameter: "initial",
                    text: "in \(initial.unit); expected \(perPulse.unit) as `per_pulse`; give both in one unit")
            }
            unit = perPulse.unit
            scale = min(0, Int(perPulse.number.exponent), Int(initial.number.exponent))
            guard scale >= -9, let steps = perPulse.number.integer(scale: scale),
                (1...maximumStepsPerPulse).contains(steps)
            else {
                throw SettingFault(
                    parameter: "per_pulse",
                    text: "\(perPulse.number) \(perPulse.unit); expected more than 0, at most a million of the "
                        + "smallest decimal steps that it or `initial` has, none below 1e-9; look at the meter")
            }
            guard let start = initial.number.integer(scale: scale), (0...maximumInitialSteps).contains(start) else {
                throw SettingFault(
                    parameter: "initial",
                    text: "\(initial.number) \(initial.unit); expected 0 or more, at most 10^15 of the smallest "
                        + "decimal steps; give what the meter shows")
            }
            stepsPerPulse = steps
            initialSteps = start
            quantity = settings.text("quantity") ?? (unit == "m3" ? "volume" : unit == "Wh" ? "energy" : "count")
            guard isQuantityName(quantity), quantity != "total" else {
                throw SettingFault(
                    parameter: "quantity",
                    text: "\"\(quantity)\"; expected a lower-case name of letters, digits and _, other than total; "
                        + "leave it out to get the unit's usual name")
            }
        }
    }

    static let entry = DriverEntry(
        name: "pulse-counter",
        about: "A meter's pulse output on a GPIO line: the amount since the last reading, and the total",
        attachment: .line,
        parameters: [
            Parameter(
                "per_pulse", .quantity(units: ["m3", "Wh", "count", "/"]), isRequired: true,
                about: "the amount of one pulse: 10 L, 1 Wh, or 1 count"),
            Parameter(
                "initial", .quantity(units: ["m3", "Wh", "count", "/"]),
                about: "what the meter showed when the count began; 0 unless given"),
            Parameter(
                "quantity", .text,
                about: "the amount's channel name; volume for m3, energy for Wh, else count unless given"),
            Parameter(
                "edge", .choice(["to-active", "to-inactive"]), fallback: .text("to-active"),
                about: "which change of the line is the pulse"),
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            let measure = try Measure(settings)
            let step = DecimalStep(measure.scale).value
            let pulse = Double(measure.stepsPerPulse) * step
            return [
                // A billion pulses between two readings are no meter's.
                DriverChannel(
                    measure.quantity, unit: measure.unit, scale: Int8(measure.scale), plausible: 0...pulse * 1e9,
                    isCalibratable: false),
                DriverChannel(
                    "total", unit: measure.unit, scale: Int8(measure.scale),
                    plausible: 0...Double(measure.initialSteps) * step + pulse * Double(maximumPulses),
                    isCalibratable: false),
            ]
        },
        make: { settings throws(SettingFault) in
            let measure = try Measure(settings)
            return .line(
                PulseCounter(
                    request: try settings.requiredLine(), countsToActive: settings.text("edge") != "to-inactive",
                    stepsPerPulse: measure.stepsPerPulse, initialSteps: measure.initialSteps))
        })
}
