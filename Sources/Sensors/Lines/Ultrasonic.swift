// Distance by an echo: HC-SR04 and its kin. A pulse on the trigger line sends eight periods of 40 kHz; the echo line is
// then high for as long as the sound is on its way there and back.
//
// From "HC-SR04 Ultrasonic Ranging Module" (Elecfreaks, no revision) and "JSN-SR04T-2.0" (no revision): trigger at
// least 10 µs; range 2 cm to 4 m, and 20 cm to 6 m (sealed); measuring cycle over 60 ms; without an obstacle the echo
// lasts 38 ms, or 60 ms (some copies hold it for 200 ms). The module answers with 5 V: the echo line of a 3.3 V board
// wants a divider.
//
// The echo's length comes from the kernel's time stamps, so what else the board does meanwhile costs nothing; what an
// interrupt is late by (tens of microseconds) does: 10 µs are 1.7 mm.

internal import World

struct Ultrasonic: LineDriver {
    struct Model: Equatable {
        var name: String
        var nearest: Double
        var farthest: Double
        static let known = [
            Model(name: "hc-sr04", nearest: 0.02, farthest: 4), Model(name: "jsn-sr04t", nearest: 0.2, farthest: 6),
        ]
    }

    private enum Phase { case resting, listening }

    let request: LineRequest
    let secondRequest: LineRequest?
    private let model: Model
    private let metresPerSecond: Double
    private var phase = Phase.resting
    private var sent = Boottime(nanoseconds: 0)
    private var rise: Boottime?
    private var echo: Duration?
    private var lastSequence: UInt32 = 0

    /// Longer than the longest echo of a good module, shorter than the hold of a bad one.
    private static let listening = Duration.milliseconds(70)
    private static let trigger = Duration.microseconds(12)
    /// Two measurements closer than this hear each other's echoes.
    static let shortestEvery = Duration.milliseconds(100)

    init(echo: LineRequest, trigger: LineRequest, model: Model, celsius: Double) {
        var request = echo
        request.edges = .both
        self.request = request
        var second = trigger
        second.direction = .output(isActive: false)
        second.edges = .none
        second.debounce = .zero
        // The trigger is driven high, whatever the echo's polarity.
        second.isActiveLow = false
        second.bias = .asIs
        secondRequest = second
        self.model = model
        metresPerSecond = Self.speedOfSound(celsius: celsius)
    }

    /// In dry air (Cramer 1993 to 0.1 % in weather: the square root of the absolute temperature): 331.3 m/s at 0 °C,
    /// 343.2 at 20.
    static func speedOfSound(celsius: Double) -> Double { 331.3 * (1 + celsius / 273.15).squareRoot() }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        lastSequence = 0
        phase = .resting
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let isNext = edge.sequence == lastSequence &+ 1
        lastSequence = edge.sequence
        guard phase == .listening, edge.at >= sent, echo == nil else { return }
        if edge.isActive {
            rise = edge.at
        } else if let rise, isNext {
            echo = edge.at - rise
        }
    }

    mutating func advance(
        at now: Boottime, on lines: inout some Lines & ~Copyable, _ held: HeldLines
    ) throws(SensorFault) -> Duration? {
        guard phase == .resting, let trigger = held.second else { return nil }
        rise = nil
        echo = nil
        sent = now
        do throws(LineFault) { try lines.pulse(trigger, for: Self.trigger) } catch { throw .line(error) }
        phase = .listening
        return Self.listening
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) throws(SensorFault) {
        phase = .resting
        // Silence: no module, no supply, or a wire. A module that hears no echo still lets its line rise.
        guard rise != nil else { throw .notReady }
        let distance = echo.map { Double($0.nanoseconds) / 1e9 * metresPerSecond / 2 } ?? .infinity
        if distance > model.farthest {
            // Nothing within range: at least so far.
            samples.append(Sample(channel: 0, .physical(model.farthest), quality: .saturated, acquired: sent))
        } else {
            // Nearer than it can hear, the length of the echo means nothing.
            let quality: Quality = distance < model.nearest ? .outOfRange : .good
            samples.append(Sample(channel: 0, .physical(distance), quality: quality, acquired: sent))
        }
    }
}

extension Ultrasonic {
    static let entry = DriverEntry(
        name: "ultrasonic",
        about: "Distance by an ultrasonic echo (HC-SR04, JSN-SR04T): `line` is the echo, `trigger` the other",
        attachment: .line,
        wirings: [LineWiring(debounce: .zero)],
        parameters: [
            Parameter("trigger", .line, isRequired: true, about: "the line that the trigger input is on"),
            Parameter(
                "model", .choice(Model.known.map(\.name)), fallback: .text("hc-sr04"), about: "decides the range"),
            Parameter(
                "temperature", .quantity(units: ["Cel"]), fallback: .quantity(mantissa: 20, exponent: 0, unit: "Cel"),
                about: "the air's, which the speed of sound goes by: 1 °C is 0.18 % of the distance"),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            _ = try celsius(settings)
            if settings.every < shortestEvery {
                throw SettingFault(
                    parameter: "every", text: "shorter than a measurement; expected 100ms or more; write `every: 1s`")
            }
            let model = model(settings)
            return [DriverChannel("distance", unit: "m", scale: -3, plausible: model.nearest...model.farthest)]
        },
        make: { settings throws(SettingFault) in
            let echo = try settings.requiredLine()
            guard let trigger = settings.lines["trigger"] else {
                throw SettingFault(
                    parameter: "trigger",
                    text: "not given; expected the trigger's line; add for example `trigger: GPIO23`")
            }
            return .line(
                Ultrasonic(echo: echo, trigger: trigger, model: model(settings), celsius: try celsius(settings)))
        })

    private static func model(_ settings: DriverSettings) -> Model {
        Model.known.first { $0.name == settings.text("model") } ?? Model.known[0]
    }

    private static func celsius(_ settings: DriverSettings) throws(SettingFault) -> Double {
        let celsius = settings.physical("temperature") ?? 20
        guard (-60...80).contains(celsius) else {
            throw SettingFault(
                parameter: "temperature",
                text: "\(celsius) °C; expected the air's, -60 to 80 °C; leave it out for 20 °C")
        }
        return celsius
    }
}
