// Atlas Scientific EZO circuits on I2C: pH, conductivity, dissolved oxygen, redox potential and temperature of water.
// Datasheets: EZO-pH version 5.9 (10/21), EZO-EC version 6.2 (9/20), EZO-DO version 4.1 (12/17), EZO-ORP and EZO-RTD;
// all speak one protocol, its pages "Sending commands", "Requesting data" and "Response codes".
//
// A command is text. Its answer is read after its processing time: a code, text, a zero. Set-up asks what the circuit
// is (`i`), and has conductivity and oxygen give nothing but themselves (`O`) and temperature in Celsius (`S`): these
// are kept by the circuit, so they are written only where they are not so already. Each measurement is one reading,
// `R`, or `RT` with the water's temperature where that is given: a circuit forgets a compensation with its supply.
//
// Calibration of the probe is the circuit's own, and done with Atlas Scientific's commands beforehand.

internal import World

struct EZO: BusDriver {
    enum Model: String, CaseIterable, Sendable {
        case ph, ec, `do`, orp, rtd
    }

    /// What the answer that comes next is to.
    private enum Step {
        case identity
        case outputs
        /// One of the outputs has been switched; they are asked for again.
        case switched
        case scale
        case scaleSet
        case reading
    }

    /// Every command but a reading (response codes' example).
    private static let shortTime = Duration.milliseconds(300)
    /// Answers "still processing" that are waited for, a third of a second each.
    private static let patience = 6

    private let device: BusDevice
    private let model: Model
    private let reading: Reply
    private let readingTime: Duration
    private var step = Step.identity
    private var isSetUp = false
    private var unready = 0

    /// `hundredthsCelsius`: of the water, for compensation.
    init(device: BusDevice, model: Model, hundredthsCelsius: Int?) {
        self.device = device
        self.model = model
        if let hundredths = hundredthsCelsius {
            reading = Self.command("RT,\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10)")
            readingTime = .milliseconds(900)
        } else {
            reading = Self.command("R")
            readingTime = .milliseconds(model == .ph || model == .orp ? 900 : 600)
        }
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        unready = 0
        return isSetUp ? try read(on: &bus) : try ask("i", as: .identity, on: &bus)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        let answer = Answer(try bus.receive(32, from: device))
        switch answer.code {
        case Answer.success: break
        case Answer.stillProcessing:
            unready += 1
            guard unready <= Self.patience else { throw .notReady }
            return Self.shortTime
        case Answer.syntaxError: throw .deviceFault(code: UInt32(answer.code))
        // Also "no data to send": the circuit never saw the command, or started anew after it.
        default: throw .implausible
        }
        switch step {
        case .identity:
            guard answer.isField(1, oneOf: model.names) else {
                throw .wrongChip(found: answer.letters(ofField: 1), expected: model.letters)
            }
            switch model {
            case .ec, .do: return try ask("O,?", as: .outputs, on: &bus)
            case .rtd: return try ask("S,?", as: .scale, on: &bus)
            case .ph, .orp: return try read(on: &bus)
            }
        case .outputs:
            guard let other = model.output(toSwitchAfter: answer) else { return try read(on: &bus) }
            return try ask(other, as: .switched, on: &bus)
        case .switched: return try ask("O,?", as: .outputs, on: &bus)
        case .scale:
            if answer.hasField("c") { return try read(on: &bus) }
            return try ask("S,c", as: .scaleSet, on: &bus)
        case .scaleSet: return try read(on: &bus)
        case .reading:
            guard let number = answer.number else { throw .implausible }
            isSetUp = true
            samples.append(model.sample(number))
            return nil
        }
    }

    mutating func forget() { isSetUp = false }

    private mutating func read(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        step = .reading
        try bus.send(reading, to: device)
        return readingTime
    }

    private mutating func ask(
        _ text: String, as step: Step, on bus: inout some Bus & ~Copyable
    ) throws(SensorFault) -> Duration {
        self.step = step
        try bus.send(Self.command(text), to: device)
        return Self.shortTime
    }

    private static func command(_ text: String) -> Reply { Reply(Array(text.utf8)) }
}

extension EZO {
    /// What a circuit answers, in the bytes that it came in.
    struct Answer {
        static let success: UInt8 = 1
        static let syntaxError: UInt8 = 2
        static let stillProcessing: UInt8 = 254
        static let noData: UInt8 = 255

        private let reply: Reply
        /// Behind the text: the first zero.
        private let end: Int

        init(_ reply: Reply) {
            self.reply = reply
            var end = 1
            while end < reply.count, reply[end] != 0 { end += 1 }
            self.end = end
        }

        var code: UInt8 { reply[0] }

        /// Bytes of a field of the text, which commas divide.
        private func field(_ index: Int) -> Range<Int>? {
            var (start, left) = (1, index)
            for position in 1..<max(end, 1) where reply[position] == UInt8(ascii: ",") {
                if left == 0 { return start..<position }
                left -= 1
                start = position + 1
            }
            return left == 0 && start <= end ? start..<end : nil
        }

        /// Whether a field is that text, capitals or not.
        private func matches(_ field: Range<Int>, _ text: String) -> Bool {
            let bytes = text.utf8
            return field.count == bytes.count && zip(field, bytes).allSatisfy { reply[$0] | 0x20 == $1 | 0x20 }
        }

        func isField(_ index: Int, oneOf texts: [String]) -> Bool {
            guard let field = field(index) else { return false }
            return texts.contains { matches(field, $0) }
        }

        /// Any field behind the first, which repeats the command.
        func hasField(_ text: String) -> Bool {
            (1...8).contains { index in field(index).map { matches($0, text) } ?? false }
        }

        /// The first four bytes of a field as a number, for "wrong chip".
        func letters(ofField index: Int) -> UInt32 {
            guard let field = field(index) else { return 0 }
            return field.prefix(4).reduce(0) { $0 << 8 | UInt32(reply[$1]) }
        }

        /// The first field as a decimal number. Nil: it is none, or has more than 15 digits.
        var number: Double? {
            guard let field = field(0) else { return nil }
            var (mantissa, digits, divisor) = (0.0, 0, 1.0)
            var (isNegative, isFraction) = (false, false)
            for position in field {
                switch reply[position] {
                case UInt8(ascii: "-") where position == field.lowerBound: isNegative = true
                case UInt8(ascii: ".") where !isFraction && digits > 0: isFraction = true
                case let byte where (0x30...0x39).contains(byte) && digits < 15:
                    mantissa = mantissa * 10 + Double(byte - 0x30)
                    digits += 1
                    if isFraction { divisor *= 10 }
                default: return nil
                }
            }
            guard digits > 0 else { return nil }
            return (isNegative ? -mantissa : mantissa) / divisor
        }
    }
}

extension EZO.Model {
    /// What the circuit calls itself (page "Device information" of each datasheet). The second forms are those of older
    /// firmware, as public drivers have met them.
    var names: [String] {
        switch self {
        case .ph: ["pH"]
        case .ec: ["EC"]
        case .do: ["D.O.", "DO"]
        case .orp: ["ORP", "OR"]
        case .rtd: ["RTD"]
        }
    }

    var letters: UInt32 { names[0].utf8.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }

    /// Page "Enable/disable parameters from output string": the wanted output, and what may be beside it.
    private var outputs: (wanted: String, others: [String]) {
        self == .ec ? ("EC", ["TDS", "S", "SG"]) : ("mg", ["%"])
    }

    /// The command that brings the outputs nearer to the wanted one alone; nil: they are so.
    func output(toSwitchAfter answer: EZO.Answer) -> String? {
        if !answer.hasField(outputs.wanted) { return "O,\(outputs.wanted),1" }
        guard let other = outputs.others.first(where: { answer.hasField($0) }) else { return nil }
        return "O,\(other),0"
    }

    /// A reading in the channel's unit.
    func sample(_ number: Double) -> Sample {
        switch self {
        case .ph: Sample(channel: 0, .physical(number))
        // µS/cm.
        case .ec: Sample(channel: 0, .physical(number / 10_000))
        // mg/L, mV.
        case .do, .orp: Sample(channel: 0, .physical(number / 1_000))
        // What the circuit says without a probe.
        case .rtd where number <= -1_023: Sample(channel: 0, .physical(0), quality: .openCircuit)
        case .rtd: Sample(channel: 0, .physical(number))
        }
    }

    /// Ranges and resolutions of the datasheets' first pages.
    var channel: DriverChannel {
        switch self {
        case .ph: DriverChannel("ph", unit: "pH", scale: -3, plausible: 0...14)
        case .ec: DriverChannel("conductivity", unit: "S/m", scale: -6, plausible: 0...50)
        case .do: DriverChannel("dissolved_oxygen", unit: "kg/m3", scale: -5, plausible: 0...0.1)
        case .orp: DriverChannel("redox", unit: "V", scale: -4, plausible: -1.0199...1.0199)
        case .rtd: DriverChannel("temperature", unit: "Cel", scale: -3, plausible: -126...1_254)
        }
    }
}

extension EZO {
    private static func model(_ settings: DriverSettings) throws(SettingFault) -> Model {
        guard let model = settings.text("model").flatMap(Model.init(rawValue:)) else {
            throw SettingFault(
                parameter: "model",
                text: "not given; expected ph, ec, do, orp or rtd; add what stands on the circuit, for example "
                    + "`model: ph`")
        }
        return model
    }

    private static func hundredthsCelsius(_ settings: DriverSettings, _ model: Model) throws(SettingFault) -> Int? {
        guard let celsius = settings.physical("water_temperature") else { return nil }
        guard model != .orp, model != .rtd, celsius >= 0, celsius <= 100 else {
            throw SettingFault(
                parameter: "water_temperature",
                text: "\(celsius) °C for `model: \(model.rawValue)`; expected 0 to 100 °C, for ph, ec or do; "
                    + "leave it out where nothing is to be compensated")
        }
        return Int((celsius * 100).rounded())
    }

    static let entry = DriverEntry(
        name: "ezo",
        about: "Atlas Scientific EZO circuit on I2C: pH, conductivity, dissolved oxygen, redox or temperature of water",
        chip: ChipFacts(
            datasheet: "Atlas Scientific EZO-pH version 5.9, EZO-EC 6.2, EZO-DO 4.1, EZO-ORP, EZO-RTD",
            measuringTime: .milliseconds(900), identity: "answers its kind to the command i"),
        // As they leave the factory: pH, DO, ORP, EC, RTD; and two more for a second of a kind.
        attachment: .bus(addresses: [0x63, 0x61, 0x62, 0x64, 0x66, 0x65, 0x67]),
        parameters: [
            Parameter(
                "model", .choice(Model.allCases.map(\.rawValue)), isRequired: true,
                about: "what stands on the circuit"),
            Parameter(
                "water_temperature", .quantity(units: ["Cel"]),
                about: "for ph, ec and do: the water's usual temperature, to compensate; without it 25 °C"),
        ],
        defaultEvery: .seconds(30),
        channels: { settings throws(SettingFault) in
            let model = try model(settings)
            _ = try hundredthsCelsius(settings, model)
            return [model.channel]
        },
        make: { settings throws(SettingFault) in
            let model = try model(settings)
            let hundredths = try hundredthsCelsius(settings, model)
            return .bus(EZO(device: try settings.requiredDevice(), model: model, hundredthsCelsius: hundredths))
        })
}
