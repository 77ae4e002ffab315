// From pulses to the channels' integers: which decimal scale makes a pulse a whole number of steps, and where a unit
// has several pulses, how pulses round into steps.

internal import World

struct PulseMeasure {
    var quantity: String
    var unit: String
    var scale: Int
    /// So many pulses are so many steps of the scale.
    private var steps: Int64
    private var divisor: Int64
    /// What the meter showed when the count began, in steps.
    var initialSteps: Int64

    private static let maximumSteps: Int64 = 1_000_000
    static let maximumDivisor: Int64 = 1_000_000
    private static let maximumInitialSteps: Int64 = 1_000_000_000_000_000

    /// `amount`: the parameter that tells what one pulse is. `name`: of the amount's channel, where the unit's usual
    /// one is not meant.
    init(_ settings: DriverSettings, amount: String, name: String? = nil) throws(SettingFault) {
        guard let perPulse = settings.quantity(amount) else {
            throw SettingFault(
                parameter: amount,
                text: "not given; expected the amount of one pulse with its unit, as printed on the meter; add for "
                    + "example `\(amount): 10 L`")
        }
        let initial = settings.quantity("initial") ?? (.zero, perPulse.unit)
        guard initial.unit == perPulse.unit else {
            throw SettingFault(
                parameter: "initial",
                text: "in \(initial.unit); expected \(perPulse.unit) as `\(amount)`; give both in one unit")
        }
        unit = perPulse.unit
        divisor = settings.integer("pulses") ?? 1
        scale = min(0, Int(perPulse.number.exponent), Int(initial.number.exponent))
        // As many more decimals as the part of one pulse has.
        var rest = divisor
        while rest > 1, scale > -9, (perPulse.number.integer(scale: scale - 1) ?? .max) <= Self.maximumSteps {
            scale -= 1
            rest /= 10
        }
        guard scale >= -9, let steps = perPulse.number.integer(scale: scale), (1...Self.maximumSteps).contains(steps)
        else {
            throw SettingFault(
                parameter: amount,
                text: "\(perPulse.number) \(perPulse.unit); expected more than 0, at most a million of the "
                    + "smallest decimal steps that it or `initial` has, none below 1e-9; look at the meter")
        }
        guard let start = initial.number.integer(scale: scale), (0...Self.maximumInitialSteps).contains(start) else {
            throw SettingFault(
                parameter: "initial",
                text: "\(initial.number) \(initial.unit); expected 0 or more, at most 10^15 of the smallest "
                    + "decimal steps; give what the meter shows")
        }
        self.steps = steps
        initialSteps = start
        quantity =
            name ?? settings.text("quantity") ?? (unit == "m3" ? "volume" : unit == "Wh" ? "energy" : "count")
        guard isQuantityName(quantity), quantity != "total", quantity != "reverse" else {
            throw SettingFault(
                parameter: "quantity",
                text: "\"\(quantity)\"; expected a lower-case name of letters, digits and _, other than total and "
                    + "reverse; leave it out to get the unit's usual name")
        }
    }

    /// Below 2^63: at most 2^43 pulses of a million steps.
    func steps(_ pulses: Int64) -> Int64 { pulses * steps / divisor }

    /// How many pulses make the total, to the nearest; nil when it lies below the start of the count.
    func pulses(_ total: Int64) -> Int64? {
        guard total >= initialSteps else { return nil }
        let product = UInt64(total - initialSteps).multipliedFullWidth(by: UInt64(divisor))
        guard product.high < UInt64(steps) else { return nil }
        let (quotient, remainder) = UInt64(steps).dividingFullWidth(product)
        return Int64(exactly: remainder * 2 >= UInt64(steps) ? quotient &+ 1 : quotient)
    }

    var channels: [DriverChannel] {
        // A billion pulses between two readings are no meter's.
        [channel(quantity, upTo: 1e9), channel("total", upTo: Double(PulseCounter.maximumPulses))]
    }

    func channel(_ name: String, upTo pulses: Double) -> DriverChannel {
        let step = DecimalStep(scale).value
        let start = name == "total" ? Double(initialSteps) * step : 0
        return DriverChannel(
            name, unit: unit, scale: Int8(scale),
            plausible: 0...start + Double(steps) / Double(divisor) * step * pulses, isCalibratable: false)
    }
}
