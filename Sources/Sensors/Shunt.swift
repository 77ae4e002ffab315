// The resistor whose voltage tells a current, as its installer gives it, and what follows for the channels of a power
// monitor.

internal import World

struct Shunt: Sendable, Equatable {
    let ohm: Double
    /// The largest current that is to be measured, either way.
    let mostAmpere: Double

    /// `fullScaleVolt` is the most that the monitor measures across the shunt.
    init(_ settings: DriverSettings, _ name: String = "shunt", fullScaleVolt: Double) throws(SettingFault) {
        guard let ohm = settings.physical(name) ?? settings.physical("shunt") else {
            throw SettingFault(
                parameter: name,
                text: "not given; expected the shunt's resistance, R100 on it is 100 mOhm; add for example "
                    + "`\(name): 100 mOhm`")
        }
        guard ohm >= 1e-6, ohm <= 1_000 else {
            throw SettingFault(
                parameter: name,
                text: "\(ohm) Ohm; expected 0.001 mOhm to 1000 Ohm; read it off the resistor: 75 mV at 50 A is "
                    + "1.5 mOhm")
        }
        let possible = fullScaleVolt / ohm
        let most = settings.physical("max_current") ?? possible
        // A thousandth beyond the scale is what rounding the resistor's value makes.
        guard most > 0, most <= possible * 1.001 else {
            throw SettingFault(
                parameter: "max_current",
                text: "\(most) A; expected more than 0 and at most \(possible) A, where \(fullScaleVolt) V are across "
                    + "\(ohm) Ohm; give less, or fit a smaller shunt")
        }
        self.ohm = ohm
        mostAmpere = most
    }

    static func parameter(_ name: String = "shunt", about: String) -> Parameter {
        Parameter(name, .quantity(units: ["Ohm"]), isRequired: name == "shunt", about: about)
    }

    static let maxCurrent = Parameter(
        "max_current", .quantity(units: ["A"]),
        about: "the largest current to be measured, either way; without it, the most that the shunt allows")

    /// Voltage, current and power behind the shunt. `voltPerCount`: the monitor's steps across the shunt.
    func channels(
        suffix: String = "", voltPerCount: Double, voltage: ClosedRange<Double>
    ) -> [DriverChannel] {
        var scale: Int8 = 0
        var step = 1.0
        while step > voltPerCount / ohm * 1.001, scale > -9 {
            scale -= 1
            step /= 10
        }
        let mostWatt = mostAmpere * voltage.upperBound
        return [
            DriverChannel("voltage\(suffix)", unit: "V", scale: -3, plausible: voltage),
            DriverChannel("current\(suffix)", unit: "A", scale: scale, plausible: -mostAmpere...mostAmpere),
            DriverChannel("power\(suffix)", unit: "W", scale: scale, plausible: -mostWatt...mostWatt),
        ]
    }

    /// Samples of those channels, the first of which is `first`. Power is their product: the chips' own power registers
    /// have no sign, and a battery is charged and discharged.
    func append(
        volt: Double, isVoltageFull: Bool, shuntVolt: Double, isCurrentFull: Bool, first: UInt8,
        to samples: inout Samples
    ) {
        let ampere = shuntVolt / ohm
        samples.append(Sample(channel: first, .physical(volt), quality: isVoltageFull ? .saturated : .good))
        samples.append(Sample(channel: first + 1, .physical(ampere), quality: isCurrentFull ? .saturated : .good))
        samples.append(
            Sample(
                channel: first + 2, .physical(volt * ampere),
                quality: isVoltageFull || isCurrentFull ? .saturated : .good))
    }
}
