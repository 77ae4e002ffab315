// DHT22 (AM2302) and DHT11: temperature and humidity over one wire of their own kind, which both sides pull down.
//
// From "AM2302 product manual" (Aosong, V1.0), section 7: the host pulls the line down for 0.8 to 20 ms and
// lets go; after 20 to 200 µs the sensor answers 80 µs low, 80 µs high, then 40 bits, each 50 µs low and 26 µs (0) or
// 70 µs (1) high, highest bit first: humidity in 0.1 %RH, temperature in 0.1 °C (sign and magnitude), and the sum of
// the four bytes. At least 2 s between readings; what is given was measured at the one before.
// From "DHT11 product manual" (Aosong, V1.3): the host's low at least 18 ms; integer and tenth bytes of each, the
// highest bit of the temperature's tenths its sign; at least 1 s between readings.
//
// Only falling edges are asked for: from one to the next is a whole bit, 76 or 120 µs, so half as many interrupts and
// no edge's delay counts twice. The kernel stamps them; but it must have the line back as an input with edges before
// the answer begins, about 200 µs after letting go. A board that is slower loses the first bits: that reading is bad.
// Where it happens often, the kernel's own driver (overlay `dht11`) with `driver: iio` reads the same sensor.

internal import World

struct DHT22: LineDriver {
    enum Model: String, CaseIterable { case dht22, dht11 }

    private enum Phase { case resting, calling, listening }

    let request: LineRequest
    private let model: Model
    private var phase = Phase.resting
    private var called = Boottime(nanoseconds: 0)
    private var falls: [Boottime] = []
    private var lastSequence: UInt32 = 0
    private var isBroken = false

    /// Falling edges: the answer's own, the first bit's, and the end of each of 40 bits but that the last is the
    /// beginning of the closing low.
    private static let fallsOfAnswer = 42
    private static let mostFalls = 64
    /// 40 bits of 120 µs and the preamble are 5.2 ms.
    private static let answering = Duration.milliseconds(12)

    init(request: LineRequest, model: Model) {
        var request = request
        request.edges = .toInactive
        request.isActiveLow = false
        request.debounce = .zero
        self.request = request
        self.model = model
        falls.reserveCapacity(Self.mostFalls)
    }

    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples) {
        phase = .resting
        lastSequence = 0
    }

    mutating func edge(_ edge: Edge, into samples: inout Samples) {
        let isNext = edge.sequence == lastSequence &+ 1
        lastSequence = edge.sequence
        guard phase == .listening, edge.at >= called else { return }
        if !isNext && !falls.isEmpty { isBroken = true }
        if falls.count < Self.mostFalls { falls.append(edge.at) } else { isBroken = true }
    }

    mutating func advance(
        at now: Boottime, on lines: inout some Lines & ~Copyable, _ held: HeldLines
    ) throws(SensorFault) -> Duration? {
        do throws(LineFault) {
            switch phase {
            case .resting:
                try lines.drive(held.line, active: false)
                phase = .calling
                return model == .dht22 ? .microseconds(1_200) : .milliseconds(20)
            case .calling:
                falls.removeAll(keepingCapacity: true)
                isBroken = false
                called = now
                phase = .listening
                try lines.release(held.line)
                return Self.answering
            case .listening: return nil
            }
        } catch {
            phase = .resting
            throw .line(error)
        }
    }

    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) throws(SensorFault) {
        phase = .resting
        if falls.isEmpty { throw .notReady }
        guard !isBroken, let bytes = Self.bytes(falls) else { throw .checksum }
        let (celsius, percent) = try Self.decode(bytes, model)
        samples.append(Sample(channel: 0, .physical(celsius), acquired: called))
        samples.append(Sample(channel: 1, .physical(percent), acquired: called))
    }

    /// The 40 bits of the newest 41 falling edges: the answer's own, before them, may have been missed. Nil when there
    /// are fewer, or one lies where no bit is (longest bit 55 + 75 µs and shortest 48 + 22, and half as much again
    /// for late interrupts).
    static func bytes(_ falls: [Boottime]) -> [UInt8]? {
        guard (fallsOfAnswer - 1...fallsOfAnswer + 1).contains(falls.count) else { return nil }
        var bytes: [UInt8] = []
        for bit in 0..<40 {
            let index = falls.count - 41 + bit
            let microseconds = (falls[index + 1] - falls[index]).nanoseconds / 1_000
            guard (35...195).contains(microseconds) else { return nil }
            if bit % 8 == 0 { bytes.append(0) }
            bytes[bytes.count - 1] = bytes[bytes.count - 1] << 1 | (microseconds > 98 ? 1 : 0)
        }
        return bytes
    }

    /// Temperature in °C and humidity in %RH.
    static func decode(_ bytes: [UInt8], _ model: Model) throws(SensorFault) -> (celsius: Double, percent: Double) {
        guard bytes.count == 5, bytes[0] &+ bytes[1] &+ bytes[2] &+ bytes[3] == bytes[4] else { throw .checksum }
        // A line that is held down gives zeros, and their sum is right.
        guard bytes.contains(where: { $0 != 0 }) else { throw .implausible }
        switch model {
        case .dht22:
            let humidity = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
            let tenths = Double(UInt16(bytes[2] & 0x7F) << 8 | UInt16(bytes[3]))
            return ((bytes[2] & 0x80 == 0 ? tenths : -tenths) / 10, Double(humidity) / 10)
        case .dht11:
            let celsius = Double(bytes[2]) + Double(bytes[3] & 0x7F) / 10
            return (bytes[3] & 0x80 == 0 ? celsius : -celsius, Double(bytes[0]) + Double(bytes[1]) / 10)
        }
    }
}

extension DHT22 {
    static let entry = DriverEntry(
        name: "dht22",
        about: "Temperature and humidity of a DHT22 (AM2302) or DHT11 on a GPIO line",
        attachment: .line,
        // The board's own pull-up is too weak for a cable: 5.1 kΩ to the supply (section 7).
        wirings: [LineWiring(bias: .pullUp, debounce: .zero)],
        parameters: [
            Parameter(
                "model", .choice(Model.allCases.map(\.rawValue)), fallback: .text("dht22"), about: "which of the two")
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            if settings.every < .seconds(2) {
                throw SettingFault(
                    parameter: "every",
                    text: "shorter than the sensor takes; expected 2s or more; write `every: 60s`")
            }
            return model(settings) == .dht22
                ? [
                    DriverChannel("temperature", unit: "Cel", scale: -1, plausible: -40...80),
                    DriverChannel("humidity", unit: "%RH", scale: -1, plausible: 0...100),
                ]
                : [
                    DriverChannel("temperature", unit: "Cel", scale: -1, plausible: -20...60),
                    DriverChannel("humidity", unit: "%RH", scale: -1, plausible: 5...95),
                ]
        },
        make: { settings throws(SettingFault) in
            .line(DHT22(request: try settings.requiredLine(), model: model(settings)))
        })

    private static func model(_ settings: DriverSettings) -> Model {
        settings.text("model").flatMap(Model.init) ?? .dht22
    }
}
