// A channel that an indicator is bound to, and what speaks against it.

import KPIs
import World

struct BoundChannel {
    struct Misfit {
        var found: String
        var expected: String
        var remedy: String
    }

    var sensor: SensorSettings
    var channel: ChannelSettings

    /// The longest time between two readings.
    var every: Duration { sensor.period(of: channel) }

    var quantity: String { KPIBinding.quantity(of: channel.channel.name) }

    /// Nil: the indicator can take it.
    func misfit(for indicator: Indicator) -> Misfit? {
        let name = channel.channel.name
        let unit = channel.channel.unit
        let title = "\(indicator.slug) (\(indicator.name))"
        let units = indicator.channelUnits
        if !units.isEmpty ? !units.contains(unit) : indicator.measure.conversion(from: unit) == nil {
            return Misfit(
                found: "the channel \(quoted(name)), whose unit is \(unit)",
                expected: "a channel with the unit \(oneOf(units)) for \(title)",
                remedy: "add a sensor that measures it")
        }
        if isTotal, indicator.takesNoTotal {
            return Misfit(
                found: "the meter's total \(quoted(name))", expected: "amounts, which the indicator can sum",
                remedy: "take the meter's amounts")
        }
        switch indicator.measure {
        case .outages where !isLineState:
            return Misfit(
                found: "the channel \(quoted(name)), which is no line's state",
                expected: "the state of a line that is active while there is power, for \(title)",
                remedy: "add a sensor with `driver: digital-input` on a line that senses the mains")
        case .occupancy where isAmount:
            return Misfit(
                found: "the amounts \(quoted(name))", expected: "a state, 0 or 1, for \(title)",
                remedy: "add a sensor that tells the state")
        case .level where isLineState:
            return Misfit(
                found: "the state \(quoted(name))", expected: "a level, for \(title)",
                remedy: "add a sensor that measures it")
        case .count where quantity == "state":
            return Misfit(
                found: "the state \(quoted(name))", expected: "counts since the reading before, for \(title)",
                remedy: "add a sensor that counts, as `driver: pulse-counter` with `per_pulse: 1 count`")
        default: break
        }
        guard isWithinScales(indicator) else {
            return Misfit(
                found: "the channel \(quoted(name)), in steps of 10^\(channel.channel.scale) \(unit)",
                expected: "steps that \(title) can carry", remedy: "take a meter with rounder numbers")
        }
        return nil
    }

    /// A meter has two channels of one unit: the amount since the last reading, and `total`. Summing the second counts
    /// everything over and over.
    private var isTotal: Bool { quantity == "total" && hasAmountAndTotal }

    private var isAmount: Bool { hasAmountAndTotal }

    private var hasAmountAndTotal: Bool {
        let alike = sensor.channels.filter { $0.channel.unit == channel.channel.unit }
        return alike.count > 1 && alike.contains { KPIBinding.quantity(of: $0.channel.name) == "total" }
    }

    /// Every change of a line is seen with its time; of anything else only what it was when it was looked at.
    private var isLineState: Bool { sensor.settings.line != nil && quantity == "state" }

    /// What the folding and the wire format can hold.
    private func isWithinScales(_ indicator: Indicator) -> Bool {
        KPIBinding.canFold(indicator, unit: channel.channel.unit, scale: channel.channel.scale)
    }
}

extension ChannelSettings {
    /// Its readings can tell of one person or one vehicle: counts, states and speeds.
    var tellsIndividuals: Bool { ["count", "/", "m/s", "km/h"].contains(channel.unit) }
}

extension Indicator {
    /// Units of channels that it takes; empty: any.
    var channelUnits: [String] {
        // How full, and how wet: shares. What else a level is measured in has no fixed full.
        LevelUse(self) == .bin || LevelUse(self) == .soil ? ["%", "/"] : measure.channelUnits
    }

    var takesNoTotal: Bool {
        switch measure {
        case .volume, .energy, .heat, .carrier, .count: true
        default: false
        }
    }

    /// The label whose name one binding of the node alone may have: the customers, or the asset.
    var ownedLabel: Label? {
        switch measure {
        case .outages: .customerSet
        case .presence: Label.assets.first { requiredLabels.contains($0) }
        case .travel: requiredLabels.contains(.segment) ? .segment : nil
        default: nil
        }
    }
}

/// What a level is of, which decides what is counted of it.
enum LevelUse {
    case drain, bin, soil

    init?(_ indicator: Indicator) {
        switch indicator.slug {
        case "x-drain-level": self = .drain
        case "x-bin-fill": self = .bin
        case "x-soil-moisture": self = .soil
        default: return nil
        }
    }
}
