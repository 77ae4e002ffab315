// One line that is driven: a lamp that shows which cabinet it is and that the agent lives, or a relay that is on while
// it does. There is no remote command for it: what it does is what the configuration says.
//
// Its level is defined from the moment it is requested (`at_start`, without a glitch, until the first `every` has
// passed), then `while_running`, and at an orderly stop `at_stop`. After a crash the kernel frees the line, until the
// agent is started again and `at_start` stands. What a freed line does is the pin controller's matter: most make it an
// input, so a resistor decides; Raspberry Pi's own kernels keep driving the last level (pinctrl-bcm2835 and -rp1 with
// `persist_gpio_outputs`, which is on there and off in Linux 6.10), unless config.txt says `dtparam=strict_gpiod`. So
// what must be off when nobody is in charge wants both: that line, and a resistor that pulls it off. The same comes
// after `at_stop`, once the process has ended.
//
// The channel `state` is the level read back, not the one that was meant: a line shorted to ground reads 0.

internal import World

struct DigitalOutput: LineDriver {
    enum Running: String, CaseIterable { case off, on, blink }

    let request: LineRequest
    private let running: Running
    private let endsActive: Bool
    private let every: Duration
    private let halfPeriod: Duration
    private var isFirst = true
    private var isActive = false
    /// When the next reading is due while it blinks; nil: it has just been taken.
    private var readAt: Boottime?

    init(
        request: LineRequest, startsActive: Bool, running: Running, endsActive: Bool, every: Duration,
        period: Duration
    ) {
        var request = request
        request.direction = .output(isActive: startsActive)
        request.edges = .none
        request.debounce = .zero
        self.request = request
        self.running = running
        self.endsActive = endsActive
        self.every = every
        halfPeriod = .nanoseconds(period.nanoseconds / 2)
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        isFirst = true
        readAt = nil
        samples.append(Sample(channel: 0, .exact(isActive ? 1 : 0), acquired: now))
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {}

    mutating func advance(
        at now: Boottime, on lines: inout some Lines & ~Copyable, _ held: HeldLines
    ) throws(SensorFault) -> Duration? {
        guard !isFirst else {
            isFirst = false
            return nil
        }
        do throws(LineFault) {
            guard running == .blink else {
                try lines.drive(held.line, active: running == .on)
                return nil
            }
            // One long measurement from reading to reading, because a measurement is what has steps.
            guard let readAt else {
                self.readAt = now + every
                isActive = true
                try lines.drive(held.line, active: isActive)
                return halfPeriod
            }
            isActive.toggle()
            try lines.drive(held.line, active: isActive)
            guard now < readAt else {
                self.readAt = nil
                return nil
            }
            return halfPeriod
        } catch {
            readAt = nil
            throw .line(error)
        }
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        samples.append(Sample(channel: 0, .exact(isActive ? 1 : 0), acquired: now))
    }

    mutating func finish(on lines: inout some Lines & ~Copyable, _ held: HeldLines) {
        try? lines.drive(held.line, active: endsActive)
    }
}

extension DigitalOutput {
    static let entry = DriverEntry(
        name: "digital-output",
        about: "A line that is driven while the agent runs: an identification lamp or a relay; its level read back",
        attachment: .line,
        wirings: [LineWiring(debounce: .zero)],
        parameters: [
            Parameter(
                "at_start", .choice(["off", "on"]), fallback: .text("off"),
                about: "the level until the first `every` has passed"),
            Parameter(
                "while_running", .choice(Running.allCases.map(\.rawValue)), fallback: .text("off"),
                about: "the level after that"),
            Parameter(
                "at_stop", .choice(["off", "on"]), fallback: .text("off"),
                about: "the level at an orderly stop; after a crash a resistor decides"),
            Parameter(
                "blink", .duration(.milliseconds(100)...Duration.seconds(60)), fallback: .duration(.seconds(1)),
                about: "on and off again in this time, with `while_running: blink`"),
        ],
        defaultEvery: .seconds(60),
        channels: { _ throws(SettingFault) in
            [DriverChannel("state", unit: "/", scale: 0, plausible: 0...1, isCalibratable: false)]
        },
        make: { settings throws(SettingFault) in
            .line(
                DigitalOutput(
                    request: try settings.requiredLine(), startsActive: settings.text("at_start") == "on",
                    running: settings.text("while_running").flatMap(Running.init) ?? .off,
                    endsActive: settings.text("at_stop") == "on", every: settings.every,
                    period: settings.duration("blink") ?? .seconds(1)))
        })
}
