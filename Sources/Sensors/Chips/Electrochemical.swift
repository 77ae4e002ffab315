// A four-electrode gas cell (NO2, O3 with NO2, SO2 or CO) on its maker's board, read through an ADS1115: working
// electrode, auxiliary electrode, and temperature from a third input or as a fixed value. Published in ppb.
//
// What the electrodes' voltages mean is in AlphasenseCell.swift; how the converter is asked, in
// ADS1115Conversions.swift. Every cell differs: its zeros and its sensitivity stand on the certificate that comes with
// it, and without them there is no number.

internal import World

struct Electrochemical: BusDriver {
    /// An analogue temperature sensor: volts at 0 °C and per degree.
    struct Thermometer: Sendable, Equatable {
        var voltsAtZero: Double
        var voltsPerDegree: Double
        func celsius(volts: Double) -> Double { (volts - voltsAtZero) / voltsPerDegree }
    }

    /// Which temperature corrects the cell.
    enum Temperature: Sendable, Equatable {
        case fixed(celsius: Double)
        case measured(Thermometer)
    }

    /// Of the converter: 4.096 V in steps of 0.125 mV, which is 0.2 to 0.6 ppb; the cells' own noise is some 15 ppb,
    /// and the boards give up to 4 V.
    private static let scale = 1
    /// No air in a street is colder or hotter: the thermometer is broken or not connected.
    private static let credible = -50.0...90.0

    private let cell: AlphasenseCell
    private let algorithm: Int
    private let factors: [Double]
    private let certificate: AlphasenseCell.Certificate
    private let temperature: Temperature
    private var conversions: ADS1115Conversions

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        try conversions.begin(on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        if let wait = try conversions.advance(on: &bus) { return wait }
        let celsius: Double
        switch temperature {
        case .fixed(let fixed): celsius = fixed
        case .measured(let thermometer): celsius = thermometer.celsius(volts: conversions.volts(2))
        }
        let ppb = AlphasenseCell.ppb(
            working: conversions.volts(0) * 1_000, auxiliary: conversions.volts(1) * 1_000,
            factor: AlphasenseCell.factor(factors, at: celsius), algorithm: algorithm, certificate: certificate)
        samples.append(Sample(channel: 0, .physical(ppb), quality: quality(at: celsius)))
        if case .measured = temperature {
            let quality: Quality = Self.credible.contains(celsius) ? .good : .implausible
            samples.append(Sample(channel: 1, .physical(celsius), quality: quality))
        }
        return nil
    }

    mutating func forget() {}

    private func quality(at celsius: Double) -> Quality {
        guard Self.credible.contains(celsius) else { return .implausible }
        if conversions.isSaturated(0) || conversions.isSaturated(1) { return .saturated }
        // Beyond the table the correction is a guess.
        return (AlphasenseCell.coldest...AlphasenseCell.hottest).contains(celsius) ? .good : .outOfRange
    }
}

extension Electrochemical {
    private init(_ settings: DriverSettings) throws(SettingFault) {
        let device = try settings.requiredDevice()
        (cell, temperature) = (try Self.cell(settings), try Self.temperature(settings))
        certificate = try Self.certificate(settings)
        let algorithm = settings.integer("algorithm").map(Int.init) ?? cell.recommended
        if algorithm == 2, certificate.auxiliarySensorZero == 0 {
            throw SettingFault(
                parameter: "algorithm",
                text:
                    "2, which divides by `ae_sensor_zero`, and that is 0 mV; expected 1, 3 or 4 for it; leave it "
                    + "out to get the recommended one")
        }
        self.algorithm = algorithm
        factors = cell.factors(algorithm: algorithm)
        var names = [settings.text("working") ?? "ain0", settings.text("auxiliary") ?? "ain1"]
        if let name = settings.text("temperature_input") { names.append(name) }
        var inputs: [ADS1115Conversions.Input] = []
        for name in names {
            guard let input = ADS1115Conversions.Input.named(name), !inputs.contains(input) else {
                throw SettingFault(
                    parameter: names.count > 2 && names[2] == name ? "temperature_input" : "auxiliary",
                    text:
                        "\(name), which is taken already; expected one input each for `working`, `auxiliary` and "
                        + "`temperature_input`; look at the wiring")
            }
            inputs.append(input)
        }
        conversions = ADS1115Conversions(device: device, inputs: inputs, scale: Self.scale, rate: .slow)
    }

    private static func cell(_ settings: DriverSettings) throws(SettingFault) -> AlphasenseCell {
        guard let name = settings.text("cell"), let cell = AlphasenseCell(rawValue: name) else {
            throw SettingFault(
                parameter: "cell",
                text: "not given; expected what is printed on the cell; add for example `cell: no2-b43f`")
        }
        return cell
    }

    private static func certificate(_ settings: DriverSettings) throws(SettingFault) -> AlphasenseCell.Certificate {
        guard let working = settings.physical("we_electronic_zero"),
            let auxiliary = settings.physical("ae_electronic_zero"),
            let workingSensor = settings.physical("we_sensor_zero"),
            let auxiliarySensor = settings.physical("ae_sensor_zero"), let sensitivity = settings.number("sensitivity")
        else {
            throw SettingFault(
                parameter: "sensitivity",
                text: "not given, or one of the zeros; expected all five figures; copy them from the certificate that "
                    + "came with the cell")
        }
        return AlphasenseCell.Certificate(
            workingElectronicZero: working, auxiliaryElectronicZero: auxiliary, workingSensorZero: workingSensor,
            auxiliarySensorZero: auxiliarySensor, sensitivity: sensitivity)
    }

    private static func temperature(_ settings: DriverSettings) throws(SettingFault) -> Temperature {
        let fixed = settings.physical("temperature")
        guard settings.text("temperature_input") != nil else {
            guard let fixed else {
                throw SettingFault(
                    parameter: "temperature",
                    text:
                        "not given, and no `temperature_input`; expected one of them, for the cell's zero drifts with "
                        + "it; add for example `temperature_input: ain2`")
            }
            return .fixed(celsius: fixed)
        }
        guard fixed == nil else {
            throw SettingFault(
                parameter: "temperature",
                text: "given beside `temperature_input`; expected one of them; remove the one that is not wanted")
        }
        let slope = settings.number("temperature_slope") ?? 10
        guard slope != 0 else {
            throw SettingFault(
                parameter: "temperature_slope", text: "0; expected millivolts per degree; a TMP36 has 10, an LM35 10")
        }
        return .measured(
            Thermometer(
                voltsAtZero: (settings.physical("temperature_zero") ?? 500) / 1_000, voltsPerDegree: slope / 1_000))
    }

    private static func channels(_ settings: DriverSettings) throws(SettingFault) -> [DriverChannel] {
        let cell = try cell(settings)
        var channels = [DriverChannel(cell.quantity, unit: "ppb", scale: -1, plausible: cell.plausiblePPB)]
        if case .measured = try temperature(settings) {
            channels.append(DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...60))
        }
        return channels
    }

    static let entry = DriverEntry(
        name: "electrochemical",
        about: "Alphasense A4 or B4 gas cell (NO2, O3 with NO2, SO2, CO) on its board, through an ADS1115 on I2C",
        chip: ChipFacts(
            datasheet: "Alphasense AAN 803-05; TI SBAS444D (ADS1115)", measuringTime: .milliseconds(27),
            identity: "its configuration, read back with each conversion"),
        attachment: .bus(addresses: [0x48, 0x49, 0x4A, 0x4B]),
        parameters: [
            Parameter(
                "cell", .choice(AlphasenseCell.allCases.map(\.rawValue)), isRequired: true,
                about: "what is printed on the cell; an OX cell tells O3 and NO2 together"),
            Parameter("working", input, fallback: .text("ain0"), about: "the working electrode's input (OP1, WE)"),
            Parameter("auxiliary", input, fallback: .text("ain1"), about: "the auxiliary electrode's input (OP2, AE)"),
            Parameter(
                "we_electronic_zero", .quantity(units: ["mV"]), isRequired: true,
                about: "certificate: WE electronic zero"),
            Parameter(
                "ae_electronic_zero", .quantity(units: ["mV"]), isRequired: true,
                about: "certificate: AE electronic zero"),
            Parameter(
                "we_sensor_zero", .quantity(units: ["mV"]), isRequired: true, about: "certificate: WE sensor zero"),
            Parameter(
                "ae_sensor_zero", .quantity(units: ["mV"]), isRequired: true, about: "certificate: AE sensor zero"),
            Parameter("sensitivity", .number(0.001...100), isRequired: true, about: "certificate: sensitivity, mV/ppb"),
            Parameter("algorithm", .integer(1...4), about: "of AAN 803; the one recommended for the cell unless given"),
            Parameter("temperature_input", input, about: "the input of an analogue thermometer beside the cell"),
            Parameter(
                "temperature_slope", .number(-100...100), fallback: .number(10), about: "its millivolts per degree"),
            Parameter(
                "temperature_zero", .quantity(units: ["mV"]),
                fallback: .quantity(mantissa: 500, exponent: 0, unit: "mV"), about: "its voltage at 0 °C"),
            Parameter(
                "temperature", .quantity(units: ["Cel"]), about: "a fixed temperature, where there is no thermometer"),
        ],
        defaultEvery: .seconds(10),
        // No data sheet has a figure; the boards ask for hours after they were first powered, and settle in minutes
        // when the supply was away for a moment. An agent that restarts does not take it away.
        warmUp: .seconds(1_800), sharesChip: true,
        channels: { settings throws(SettingFault) in try channels(settings) },
        make: { settings throws(SettingFault) in .bus(try Electrochemical(settings)) })

    private static let input = Parameter.Kind.choice(["ain0", "ain1", "ain2", "ain3"])
}
