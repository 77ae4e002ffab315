// Texas Instruments ADS1115 (16 bits) and ADS1015 (12 bits): four voltages against ground, or two differences; or 4-20
// mA transmitters through shunts. Datasheets: SBAS444D and SBAS473E. How it converts: ADS1115Conversions.swift.
//
// With `shunt` it is a current loop: the value is a straight line through what the transmitter means by 4 mA and by
// 20 mA. NAMUR NE 43 keeps currents from 3.6 mA down and from 21 mA up for faults: below, the wire is broken (or the
// transmitter says so) and there is no value; above, the value is given as out of range.

internal import World

struct ADS1115: BusDriver {
    /// A transmitter's straight line.
    struct Loop: Sendable, Equatable {
        var ohm: Double
        var at4mA: Double
        var at20mA: Double

        static let brokenWireAmpere = 0.003_6
        static let faultAmpere = 0.021

        func value(ampere: Double) -> Double { at4mA + (ampere - 0.004) / 0.016 * (at20mA - at4mA) }

        /// From the voltage over the shunt.
        func sample(volts: Double, channel: UInt8) -> Sample {
            let ampere = volts / ohm
            let quality: Quality =
                ampere < Self.brokenWireAmpere ? .openCircuit : ampere > Self.faultAmpere ? .outOfRange : .good
            return Sample(channel: channel, .physical(value(ampere: ampere)), quality: quality)
        }
    }

    private let count: Int
    private let loop: Loop?
    private var conversions: ADS1115Conversions

    init(device: BusDevice, inputs: [ADS1115Conversions.Input], scale: Int, rate: ADS1115Conversions.Rate, loop: Loop?)
    {
        count = inputs.count
        self.loop = loop
        conversions = ADS1115Conversions(device: device, inputs: inputs, scale: scale, rate: rate)
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try conversions.begin(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        if let wait = try conversions.advance(on: &bus) { return wait }
        for index in 0..<count {
            let volts = conversions.volts(index)
            if let loop {
                samples.append(loop.sample(volts: volts, channel: UInt8(index)))
            } else {
                samples.append(
                    Sample(
                        channel: UInt8(index), .physical(volts),
                        quality: conversions.isSaturated(index) ? .saturated : .good))
            }
        }
        return nil
    }

    /// Nothing is set up that the next conversion does not write anew.
    mutating func forget() {}
}

extension ADS1115 {
    /// What the settings ask for, checked together.
    private struct Plan {
        var inputs: [ADS1115Conversions.Input] = []
        var scale = 1
        var loop: Loop?
        var unit = "V"
        var quantity = "voltage"

        init(_ settings: DriverSettings) throws(SettingFault) {
            let names = (settings.text("inputs") ?? "ain0").split { $0 == " " || $0 == "," }
            for name in names {
                guard let input = ADS1115Conversions.Input.named(name), !inputs.contains(input) else {
                    throw SettingFault(
                        parameter: "inputs",
                        text: "\"\(name)\"; expected each once of ain0 to ain3, ain0-ain1, ain0-ain3, ain1-ain3, "
                            + "ain2-ain3; write for example `inputs: ain0 ain1`")
                }
                inputs.append(input)
            }
            guard (1...ADS1115Conversions.inputsMost).contains(inputs.count) else {
                throw SettingFault(
                    parameter: "inputs",
                    text: "\(inputs.count) inputs; expected one to four; write for example `inputs: ain0 ain1`")
            }
            loop = try Self.loop(settings)
            if loop != nil {
                unit = settings.text("unit") ?? "/"
                quantity = settings.text("quantity") ?? "value"
            } else if let name = settings.text("quantity") {
                quantity = name
            }
            guard isQuantityName(quantity), quantity.utf8.count <= 28 else {
                throw SettingFault(
                    parameter: "quantity",
                    text: "\"\(quantity)\"; expected a lower-case name of letters, digits and _, up to 28; write for "
                        + "example `quantity: level`")
            }
            scale = try Self.scale(settings, loop)
        }

        private static func loop(_ settings: DriverSettings) throws(SettingFault) -> Loop? {
            guard let ohm = settings.physical("shunt") else {
                for name in ["at_4ma", "at_20ma", "unit"] where settings.values[name] != nil {
                    throw SettingFault(
                        parameter: name,
                        text: "given without `shunt`; expected both for a 4-20 mA transmitter; add for example "
                            + "`shunt: 165 Ohm`, or remove it")
                }
                return nil
            }
            guard (1...1_000).contains(ohm) else {
                throw SettingFault(
                    parameter: "shunt",
                    text: "\(ohm) Ohm; expected 1 to 1000 Ohm; give what is printed on the resistor, such as 165 Ohm")
            }
            guard let at4mA = settings.number("at_4ma"), let at20mA = settings.number("at_20ma"), at4mA != at20mA,
                settings.text("unit") != nil
            else {
                throw SettingFault(
                    parameter: "shunt",
                    text: "without the transmitter's scale; expected two values and their unit; add for example "
                        + "`at_4ma: 0`, `at_20ma: 5`, `unit: m`, `quantity: level`")
            }
            return Loop(ohm: ohm, at4mA: at4mA, at20mA: at20mA)
        }

        /// The full scale that is asked for; else the smallest that a loop's 24 mA fits into; else 4.096 V, which a
        /// converter on 3.3 V never reaches.
        private static func scale(_ settings: DriverSettings, _ loop: Loop?) throws(SettingFault) -> Int {
            let all = ADS1115Conversions.fullScales
            if let asked = settings.physical("full_scale") {
                guard let index = all.firstIndex(where: { abs($0 - asked) < 1e-6 }) else {
                    throw SettingFault(
                        parameter: "full_scale",
                        text: "\(asked) V; expected 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256 V; write the next larger"
                    )
                }
                if let loop, loop.ohm * Loop.faultAmpere > asked {
                    throw SettingFault(
                        parameter: "full_scale",
                        text: "\(asked) V, which the loop's 21 mA exceed; expected at least "
                            + "\(loop.ohm * Loop.faultAmpere) V; leave it out to have it chosen")
                }
                return index
            }
            guard let loop else { return 1 }
            guard let index = all.lastIndex(where: { $0 >= loop.ohm * 0.024 }) else {
                throw SettingFault(
                    parameter: "shunt",
                    text: "\(loop.ohm) Ohm, which makes 24 mA more than 6.144 V; expected at most 256 Ohm; take a "
                        + "smaller resistor, such as 165 Ohm")
            }
            return index
        }

        var channels: [DriverChannel] {
            let fullScale = ADS1115Conversions.fullScales[scale]
            let step = fullScale / 32_768
            var decimal = DriverChannel.scale(below: step)
            var range = -fullScale...fullScale
            if let loop {
                let ends = (loop.value(ampere: Loop.brokenWireAmpere), loop.value(ampere: Loop.faultAmpere))
                range = min(ends.0, ends.1)...max(ends.0, ends.1)
                decimal = DriverChannel.scale(below: step / loop.ohm / 0.016 * abs(loop.at20mA - loop.at4mA))
            }
            let (unit, quantity, isSingle) = (unit, quantity, inputs.count == 1)
            return inputs.map { input in
                DriverChannel(
                    isSingle ? quantity : quantity + "_" + input.suffix, unit: unit, scale: decimal, plausible: range)
            }
        }
    }

    static let entry = DriverEntry(
        name: "ads1115",
        about: "TI ADS1115 or ADS1015 on I2C: up to four voltages, or 4-20 mA transmitters through shunts",
        chip: ChipFacts(
            datasheet: "TI SBAS444D (ADS1115), SBAS473E (ADS1015)", measuringTime: .milliseconds(36),
            identity: "its configuration, read back with each conversion"),
        attachment: .bus(addresses: [0x48, 0x49, 0x4A, 0x4B]),
        parameters: [
            Parameter(
                "inputs", .text, fallback: .text("ain0 ain1 ain2 ain3"),
                about: "what to measure: ain0 to ain3 against ground, or a difference such as ain0-ain1"),
            Parameter(
                "full_scale", .quantity(units: ["V"]),
                about: "6.144, 4.096, 2.048, 1.024, 0.512 or 0.256 V; 4.096 V, or what the shunt needs, unless given"),
            Parameter("rate", .choice(["128", "860"]), fallback: .text("128"), about: "conversions a second"),
            Parameter("shunt", .quantity(units: ["Ohm"]), about: "4-20 mA: the resistor that the current goes through"),
            Parameter("at_4ma", .number(-1e9...1e9), about: "4-20 mA: what the transmitter means by 4 mA, in `unit`"),
            Parameter("at_20ma", .number(-1e9...1e9), about: "4-20 mA: what it means by 20 mA, in `unit`"),
            Parameter("unit", .unit, about: "4-20 mA: the unit of both"),
            Parameter("quantity", .text, about: "the channel's name: level, flow; voltage or value unless given"),
        ],
        defaultEvery: .seconds(10),
        sharesChip: true,
        channels: { settings throws(SettingFault) in try Plan(settings).channels },
        make: { settings throws(SettingFault) in
            let plan = try Plan(settings)
            return .bus(
                ADS1115(
                    device: try settings.requiredDevice(), inputs: plan.inputs, scale: plan.scale,
                    rate: settings.text("rate") == "860" ? .fast : .slow, loop: plan.loop))
        })
}
