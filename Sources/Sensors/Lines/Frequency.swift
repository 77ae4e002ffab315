// Pulses per second on a GPIO line, from the kernel's time stamps: wind, flow, rotation.
//
// Period-exact: n pulses after the last one of the reading before took from that one to the newest, so the frequency is
// n over that time, and neither the length of the interval nor the moment of looking matters. Pulses that were lost
// are counted by their sequence numbers. While none comes the frequency cannot be more than one over the time since
// the last; after `timeout` it is 0, and the first pulse after that only begins the next measurement.

internal import World

struct Frequency: LineDriver {
    let request: LineRequest
    private let scaling: Scaling
    private let timeout: Duration
    private let tellsGusts: Bool
    private var first: Boottime?
    private var newest: Boottime?
    /// Pulses after `first`, up to `newest`.
    private var periods: Int64 = 0
    private var hertz = 0.0
    private var gust = Gust()
    private var lastSequence: UInt32 = 0
    private var isEstimated = false

    struct Scaling {
        var perHertz: Double
        var offset: Double
        /// Still is still, whatever the line of the calibration says at 0.
        func value(_ hertz: Double) -> Double { hertz > 0 ? max(hertz * perHertz + offset, 0) : 0 }
    }

    /// The fastest running mean of 3 s: what WMO-No. 8 (2018, volume I, 5.1.1) means by a gust. From pulse to pulse, so
    /// of up to a quarter of a second more: it is kept where a quarter of a second was over, and not every pulse.
    private struct Gust {
        private var marks: [(at: Boottime, count: Int64)] = []
        private var count: Int64 = 0
        var fastest = 0.0

        private static let length = Duration.seconds(3)
        private static let spacing = Duration.milliseconds(250)
        /// Those of the 3 s, the one before them, and the newest.
        private static let kept = 14

        mutating func take(_ pulses: Int64, at moment: Boottime) {
            count += pulses
            if let mark = marks.last(where: { moment - $0.at >= Self.length }) {
                fastest = max(fastest, Double(count - mark.count) * 1e9 / Double((moment - mark.at).nanoseconds))
            }
            if let last = marks.last, moment - last.at < Self.spacing { return }
            if marks.count == Self.kept { marks.removeFirst() }
            marks.append((moment, count))
        }
    }

    init(request: LineRequest, edges: EdgeSelection, scaling: Scaling, timeout: Duration, tellsGusts: Bool) {
        var request = request
        request.edges = edges
        self.request = request
        self.scaling = scaling
        self.timeout = timeout
        self.tellsGusts = tellsGusts
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        rest()
        lastSequence = 0
    }

    private mutating func rest() {
        first = nil
        newest = nil
        periods = 0
        hertz = 0
        gust = Gust()
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let lost = edge.sequence &- lastSequence &- 1
        lastSequence = edge.sequence
        if let newest, edge.at - newest > timeout { rest() }
        guard first != nil, lost <= UInt32.max / 2 else {
            first = edge.at
            newest = edge.at
            periods = 0
            gust.take(0, at: edge.at)
            return
        }
        periods += Int64(lost) + 1
        newest = edge.at
        gust.take(Int64(lost) + 1, at: edge.at)
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        if let first, let newest, newest > first {
            hertz = Double(periods) * 1e9 / Double((newest - first).nanoseconds)
            self.first = newest
            periods = 0
        }
        if let newest, now > newest {
            let quiet = now - newest
            if quiet > timeout { rest() } else { hertz = min(hertz, 1e9 / Double(quiet.nanoseconds)) }
        }
        let value = scaling.value(hertz)
        samples.append(Sample(channel: 0, .physical(value), acquired: now))
        if tellsGusts {
            samples.append(Sample(channel: 1, .physical(max(value, scaling.value(gust.fastest))), acquired: now))
            gust.fastest = 0
        }
    }
}

extension Frequency {
    private static let perHour = 1 / 3.6
    private static let perMinute = 1 / 60.0
    /// The units that a frequency can be scaled to: as settings hold it (where people's figures are exact), and the
    /// channel's.
    private static let units: [(given: String, channel: String, factor: Double, name: String, scale: Int8)] = [
        ("km/h", "m/s", perHour, "speed", -2), ("l/min", "l/s", perMinute, "flow", -4),
        ("1/min", "1/min", 1, "rate", -1),
    ]
    /// No contact or hall sensor is faster, and no board counts faster edge by edge.
    private static let highestHertz = 20_000.0

    private static func channel(_ settings: DriverSettings) throws(SettingFault) -> DriverChannel {
        guard let gain = settings.quantity("per_hertz") else {
            return DriverChannel("frequency", unit: "Hz", scale: -3, plausible: 0...highestHertz)
        }
        guard let unit = units.first(where: { $0.given == gain.unit }), gain.number.value > 0 else {
            throw SettingFault(
                parameter: "per_hertz",
                text: "\(gain.number) \(gain.unit); expected more than 0; look at the sensor's datasheet")
        }
        if let offset = settings.quantity("offset"), offset.unit != gain.unit {
            throw SettingFault(
                parameter: "offset",
                text: "in \(offset.unit); expected \(gain.unit) as `per_hertz`; give both in one unit")
        }
        let name = settings.text("quantity") ?? unit.name
        guard isQuantityName(name) else {
            throw SettingFault(
                parameter: "quantity",
                text: "\"\(name)\"; expected a lower-case name of letters, digits and _; leave it out to get "
                    + "\(unit.name)")
        }
        return DriverChannel(
            name, unit: unit.channel, scale: unit.scale,
            plausible: 0...highestHertz * gain.number.value * unit.factor)
    }

    private static func scaling(_ settings: DriverSettings) -> Scaling {
        guard let gain = settings.quantity("per_hertz"), let unit = units.first(where: { $0.given == gain.unit }) else {
            return Scaling(perHertz: 1, offset: 0)
        }
        return Scaling(
            perHertz: gain.number.value * unit.factor, offset: (settings.physical("offset") ?? 0) * unit.factor)
    }

    fileprivate static func driver(_ settings: DriverSettings, tellsGusts: Bool) throws(SettingFault) -> Driver {
        .line(
            Frequency(
                request: try settings.requiredLine(), edges: PulseCounter.edges(settings),
                scaling: scaling(settings), timeout: settings.duration("timeout") ?? .seconds(10),
                tellsGusts: tellsGusts))
    }

    fileprivate static let timeout = Parameter(
        "timeout", .duration(.milliseconds(10)...Duration.seconds(3_600)), fallback: .duration(.seconds(10)),
        about: "without a pulse for so long it stands still")

    static let entry = DriverEntry(
        name: "frequency",
        about: "Pulses per second on a GPIO line, or what they stand for: speed, flow, rotation",
        attachment: .line,
        // Turbines and hall sensors do not bounce, and a debounce would swallow their pulses.
        wirings: [LineWiring(bias: .pullUp, isActiveLow: true, debounce: .zero)],
        parameters: [
            Parameter(
                "per_hertz", .quantity(units: units.map(\.given)),
                about: "what one pulse a second stands for: 2.4 km/h, 0.1333 L/min, 60 1/min; 1 Hz unless given"),
            Parameter(
                "offset", .quantity(units: units.map(\.given)),
                about: "what is added where anything turns, as the sensor's calibration has it"),
            Parameter("quantity", .text, about: "the channel's name; speed, flow or rate by the unit unless given"),
            PulseCounter.edgeParameter,
            timeout,
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in [try channel(settings)] },
        make: { settings throws(SettingFault) in
            _ = try channel(settings)
            return try driver(settings, tellsGusts: false)
        })
}

/// A cup anemometer: a reed contact closes once or twice a turn. Wind speed and the gust between two readings.
enum Anemometer {
    private static let usual = Setting.quantity(mantissa: 24, exponent: -1, unit: "km/h")

    static let entry = DriverEntry(
        name: "anemometer",
        about: "A cup anemometer's contact on a GPIO line: the mean wind since the last reading, and the gust in it",
        attachment: .line,
        // 100 km/h at 2.4 km/h per Hz are 24 ms from pulse to pulse, half of it closed.
        wirings: [LineWiring(bias: .pullUp, isActiveLow: true, debounce: .milliseconds(2))],
        parameters: [
            Parameter(
                "per_hertz", .quantity(units: ["km/h"]), fallback: usual,
                about: "the wind of one pulse a second, as the manual has it; 2.4 km/h for the usual plastic cups"),
            Parameter(
                "offset", .quantity(units: ["km/h"]), about: "what is added where the cups turn, as calibrated"),
            PulseCounter.edgeParameter,
            Frequency.timeout,
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            if let gain = settings.physical("per_hertz"), gain <= 0 {
                throw SettingFault(
                    parameter: "per_hertz", text: "\(gain) km/h; expected more than 0; look at the manual")
            }
            // The strongest gust ever measured near the ground: 113 m/s (WMO archive, Barrow Island 1996).
            return [
                DriverChannel("wind_speed", unit: "m/s", scale: -2, plausible: 0...120),
                DriverChannel("wind_gust", unit: "m/s", scale: -2, plausible: 0...120),
            ]
        },
        make: { settings throws(SettingFault) in
            var settings = settings
            settings.values["per_hertz"] = settings.values["per_hertz"] ?? usual
            return try Frequency.driver(settings, tellsGusts: true)
        })
}
