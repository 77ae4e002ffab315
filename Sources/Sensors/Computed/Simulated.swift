// A computed sensor for demonstrations, benchmarks and tests: a daily cycle, slow weather and noise.
//
// The value is a function of seed and time alone: there is no state, so any two runs agree wherever they begin, and a
// restart goes on as if nothing had been. The weather is value noise: random heights at the corners of a time grid,
// joined by a smooth step.

internal import World

struct Simulated: SourceDriver {
    /// How a quantity behaves in a European street, roughly.
    struct Profile: Sendable {
        var quantity: String
        var unit: String
        var scale: Int8
        var mean: Double
        /// Half of the daily swing, and the hour of its top.
        var swing: Double
        var peakHour: Double
        /// Half of what weather adds or takes.
        var weather: Double
        /// Half of the widest noise of one measurement.
        var noise: Double
        /// Nature's own bounds: values are kept inside.
        var bounds: ClosedRange<Double>
        var plausible: ClosedRange<Double>
    }

    static let profiles: [Profile] = [
        Profile(
            quantity: "temperature", unit: "Cel", scale: -2, mean: 17, swing: 5, peakHour: 15, weather: 6, noise: 0.06,
            bounds: -40...60, plausible: -40...85),
        Profile(
            quantity: "humidity", unit: "%RH", scale: -2, mean: 58, swing: -14, peakHour: 15, weather: 20, noise: 0.3,
            bounds: 2...100, plausible: 0...100),
        Profile(
            quantity: "pressure", unit: "Pa", scale: 0, mean: 101_300, swing: 80, peakHour: 10, weather: 1_600,
            noise: 3, bounds: 95_000...105_000, plausible: 30_000...110_000),
        Profile(
            quantity: "pm2_5", unit: "ug/m3", scale: -1, mean: 14, swing: 5, peakHour: 8, weather: 9, noise: 1.2,
            bounds: 0...900, plausible: 0...1_000),
        Profile(
            quantity: "pm10", unit: "ug/m3", scale: -1, mean: 24, swing: 8, peakHour: 8, weather: 14, noise: 2,
            bounds: 0...900, plausible: 0...1_000),
        Profile(
            quantity: "no2", unit: "ug/m3", scale: -1, mean: 32, swing: 14, peakHour: 18, weather: 14, noise: 1,
            bounds: 0...900, plausible: 0...1_000),
        Profile(
            quantity: "co2", unit: "ppm", scale: 0, mean: 460, swing: 40, peakHour: 6, weather: 40, noise: 4,
            bounds: 400...5_000, plausible: 300...10_000),
        Profile(
            quantity: "noise", unit: "dB", scale: -1, mean: 58, swing: 8, peakHour: 14, weather: 4, noise: 5,
            bounds: 25...110, plausible: 20...140),
        Profile(
            quantity: "illuminance", unit: "lx", scale: 0, mean: 9_000, swing: 16_000, peakHour: 13, weather: 5_000,
            noise: 60, bounds: 0...120_000, plausible: 0...200_000),
        Profile(
            quantity: "power", unit: "W", scale: -1, mean: 95, swing: -60, peakHour: 13, weather: 10, noise: 1.5,
            bounds: 0...4_000, plausible: 0...10_000),
        Profile(
            quantity: "voltage", unit: "V", scale: -1, mean: 230, swing: -2, peakHour: 19, weather: 3, noise: 0.4,
            bounds: 180...260, plausible: 0...500),
        Profile(
            quantity: "level", unit: "m", scale: -3, mean: 1.4, swing: 0.2, peakHour: 9, weather: 0.7, noise: 0.004,
            bounds: 0...4, plausible: 0...20),
        Profile(
            quantity: "o3", unit: "ug/m3", scale: -1, mean: 55, swing: 30, peakHour: 15, weather: 20, noise: 1,
            bounds: 0...400, plausible: 0...1_000),
        Profile(
            quantity: "so2", unit: "ug/m3", scale: -1, mean: 4, swing: 1, peakHour: 11, weather: 2, noise: 0.4,
            bounds: 0...500, plausible: 0...2_000),
        Profile(
            quantity: "field", unit: "V/m", scale: -2, mean: 0.9, swing: 0.3, peakHour: 20, weather: 0.2, noise: 0.1,
            bounds: 0...60, plausible: 0...200),
        Profile(
            quantity: "speed", unit: "km/h", scale: -1, mean: 38, swing: -9, peakHour: 18, weather: 4, noise: 12,
            bounds: 3...110, plausible: 0...250),
        Profile(
            quantity: "fill", unit: "%", scale: -1, mean: 52, swing: 18, peakHour: 22, weather: 25, noise: 0.5,
            bounds: 0...100, plausible: 0...110),
        Profile(
            quantity: "moisture", unit: "%", scale: -1, mean: 24, swing: -1, peakHour: 17, weather: 9, noise: 0.1,
            bounds: 4...48, plausible: 0...100),
        Profile(
            quantity: "ph", unit: "pH", scale: -2, mean: 7.6, swing: 0.1, peakHour: 14, weather: 0.3, noise: 0.02,
            bounds: 4...11, plausible: 0...14),
        Profile(
            quantity: "conductivity", unit: "S/m", scale: -4, mean: 0.052, swing: 0.002, peakHour: 14, weather: 0.01,
            noise: 0.0002, bounds: 0...1, plausible: 0...10),
        Profile(
            quantity: "turbidity", unit: "NTU", scale: -2, mean: 0.3, swing: 0.05, peakHour: 8, weather: 0.2,
            noise: 0.02, bounds: 0...40, plausible: 0...4_000),
    ]

    private let profile: Profile
    private let seed: UInt64

    init(profile: Profile, seed: UInt64) {
        self.profile = profile
        self.seed = seed
    }

    mutating func collect(at now: Boottime, into samples: inout Samples) throws(SensorFault) {
        samples.append(Sample(channel: 0, .physical(value(at: now)), acquired: now))
    }

    func value(at now: Boottime) -> Double {
        let hours = Double(now.nanoseconds) / 3_600e9
        var value = profile.mean + profile.swing * Self.cosineOfTurns((hours - profile.peakHour) / 24)
        // Weather of a day or so, and gusts of a quarter of an hour.
        value += profile.weather * (0.8 * lattice(hours / 17, octave: 1) + 0.2 * lattice(hours * 4, octave: 2))
        // The difference of two uniform numbers: a triangle, peaked at zero.
        var random = Random(seed: seed ^ UInt64(bitPattern: now.nanoseconds) &* 0xD6E8_FEB8_6659_FD93)
        value += profile.noise * (Self.unit(random.next()) - Self.unit(random.next()))
        return min(max(value, profile.bounds.lowerBound), profile.bounds.upperBound)
    }

    /// Smooth noise in -1 ... 1 over a grid of whole numbers.
    private func lattice(_ position: Double, octave: UInt64) -> Double {
        let corner = position.rounded(.down)
        func height(_ corner: Double) -> Double {
            var random = Random(seed: seed &+ octave &* 0xA076_1D64_78BD_642F ^ UInt64(bitPattern: Int64(corner)))
            return 2 * Self.unit(random.next()) - 1
        }
        let fraction = position - corner
        let blend = fraction * fraction * (3 - 2 * fraction)
        return height(corner) * (1 - blend) + height(corner + 1) * blend
    }

    /// 0 ..< 1 of the upper 53 bits.
    private static func unit(_ bits: UInt64) -> Double { Double(bits >> 11) / 9_007_199_254_740_992 }

    /// cos(2π × turns) to 0.001, Bhaskara's approximation: no mathematics library is needed for a simulated afternoon.
    static func cosineOfTurns(_ turns: Double) -> Double {
        let fraction = turns - turns.rounded(.down)
        // sin(π x) ≈ 16 x (1 - x) / (5 - 4 x (1 - x)) for x in 0 ... 1; a cosine is a sine a quarter of a turn later.
        let shifted = (fraction + 0.25).truncatingRemainder(dividingBy: 1)
        let isSecondHalf = shifted >= 0.5
        let x = (isSecondHalf ? shifted - 0.5 : shifted) * 2
        let sine = 16 * x * (1 - x) / (5 - 4 * x * (1 - x))
        return isSecondHalf ? -sine : sine
    }
}

extension Simulated {
    private static func profile(_ settings: DriverSettings) throws(SettingFault) -> Profile {
        let wanted = settings.text("quantity") ?? profiles[0].quantity
        guard let profile = profiles.first(where: { $0.quantity == wanted }) else {
            throw SettingFault(
                parameter: "quantity",
                text: "\"\(wanted)\"; expected one of \(profiles.map(\.quantity).joined(separator: ", ")); take one")
        }
        return profile
    }

    /// FNV-1a: sensors without a seed of their own differ by their names, and stay the same on every machine.
    private static func seed(of name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    static let entry = DriverEntry(
        name: "simulated",
        about: "A computed sensor, the same for the same seed and time: a daily cycle, weather and noise",
        attachment: .source,
        parameters: [
            Parameter(
                "quantity", .choice(profiles.map(\.quantity)), fallback: .text(profiles[0].quantity),
                about: "what it pretends to measure"),
            Parameter(
                "seed", .integer(0...Int64.max), about: "which of all worlds; made of the sensor's id unless given"),
        ],
        defaultEvery: .seconds(1),
        channels: { settings throws(SettingFault) in
            let profile = try profile(settings)
            return [
                DriverChannel(
                    profile.quantity, unit: profile.unit, scale: profile.scale, plausible: profile.plausible)
            ]
        },
        make: { settings throws(SettingFault) in
            let seed = settings.integer("seed").map { UInt64(bitPattern: $0) } ?? seed(of: settings.sensorID)
            return .source(Simulated(profile: try profile(settings), seed: seed))
        })
}
