// Conversions of a Texas Instruments ADS1115 or ADS1015, one input after the other: what `ads1115` and
// `electrochemical` share. Datasheets: ADS111x SBAS444D, sections and tables below are its; ADS101x SBAS473E has the
// same registers.
//
// Every conversion is single-shot with the whole configuration written anew, so the chip sleeps in between and one that
// lost its supply is right again with the next conversion. Before a result is read, the configuration is read back: the
// ready bit must be set, and the rest must be what was written. If it is not, the chip was reset, or another sensor of
// the same converter has had its turn; the conversion is then made again. So several sensors may share one converter.

internal import World

struct ADS1115Conversions: Sendable {
    /// Table 8, bits 14:12: what the positive and the negative input are.
    struct Input: Sendable, Equatable {
        let multiplexer: UInt16
        /// `0`, or `0_1` for a difference.
        let suffix: String

        static let byName: [(name: String, input: Input)] = [
            ("ain0", Input(multiplexer: 0b100, suffix: "0")), ("ain1", Input(multiplexer: 0b101, suffix: "1")),
            ("ain2", Input(multiplexer: 0b110, suffix: "2")), ("ain3", Input(multiplexer: 0b111, suffix: "3")),
            ("ain0-ain1", Input(multiplexer: 0b000, suffix: "0_1")),
            ("ain0-ain3", Input(multiplexer: 0b001, suffix: "0_3")),
            ("ain1-ain3", Input(multiplexer: 0b010, suffix: "1_3")),
            ("ain2-ain3", Input(multiplexer: 0b011, suffix: "2_3")),
        ]

        static func named(_ name: some StringProtocol) -> Input? { byName.first { $0.name == name }?.input }
    }

    /// Table 8, bits 11:9: full scales in volts, by their code.
    static let fullScales: [Double] = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256]

    enum Rate: Sendable {
        /// 128 samples a second: the chip's own default, the lowest noise that a measurement of four inputs in under
        /// 40 ms allows. An ADS1015 makes 1600 a second of the same bits.
        case slow
        /// 860 (3300 on an ADS1015).
        case fast

        /// Table 8, bits 7:5.
        var code: UInt16 { self == .slow ? 0b100 : 0b111 }
        /// The oscillator may be 10 % slow (section 7.5, "data rate variation"); TI's support adds 110 µs to wake up.
        var conversionTime: Duration { self == .slow ? .microseconds(8_800) : .microseconds(1_450) }
    }

    private enum Register {
        static let conversion: UInt8 = 0
        static let configuration: UInt8 = 1
    }
    /// Written: start one conversion; read: none is going on.
    private static let ready: UInt16 = 1 << 15
    private static let singleShot: UInt16 = 1 << 8
    /// The comparator is off (bits 1:0). Its latching bit, which then does nothing, is our mark: no configuration of
    /// ours is what the chip comes up with (0x8583), so a reset always shows.
    private static let comparatorOffMarked: UInt16 = 0b0_0111
    /// Turns to wait for, when other sensors share the converter, and conversions that may take longer.
    private static let attempts = 12

    static let inputsMost = 4

    let device: BusDevice
    let fullScaleVolts: Double
    private let rate: Rate
    private let count: Int
    private var words = SIMD4<UInt16>()
    private(set) var codes = SIMD4<Int16>()
    private var position = 0
    private var attempt = 0
    private var isTriggered = false

    /// `inputs`: one to four. `scale`: index into `fullScales`.
    init(device: BusDevice, inputs: [Input], scale: Int, rate: Rate) {
        invariant((1...Self.inputsMost).contains(inputs.count), "\(inputs.count) inputs of a converter that has four")
        self.device = device
        self.rate = rate
        count = inputs.count
        fullScaleVolts = Self.fullScales[scale]
        for (index, input) in inputs.enumerated() {
            words[index] =
                Self.ready | input.multiplexer << 12 | UInt16(scale) << 9 | Self.singleShot | rate.code << 5
                | Self.comparatorOffMarked
        }
    }

    mutating func begin(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        (position, attempt) = (0, 0)
        return try trigger(on: &bus)
    }

    /// Nil: `codes` has all inputs.
    mutating func advance(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration? {
        guard isTriggered else { return try trigger(on: &bus) }
        let configuration = try bus.receive(2, register: Register.configuration, of: device).bigEndian16(0)
        guard configuration & ~Self.ready == words[position] & ~Self.ready else { return try trigger(on: &bus) }
        guard configuration & Self.ready != 0 else {
            attempt += 1
            guard attempt <= Self.attempts else { throw .notReady }
            return rate.conversionTime
        }
        codes[position] = try bus.receive(2, register: Register.conversion, of: device).signedBigEndian16(0)
        position += 1
        attempt = 0
        return position < count ? try trigger(on: &bus) : nil
    }

    private mutating func trigger(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        // Another sensor's conversion is left to end: this one's turn comes after it. In continuous mode, as another
        // program may have left it, no conversion is the last: the mode is ended first, and its result is not ours.
        let configuration = try bus.receive(2, register: Register.configuration, of: device).bigEndian16(0)
        let isSingle = configuration & Self.singleShot != 0
        isTriggered = isSingle && configuration & Self.ready != 0
        attempt += 1
        // Never ours in so many turns: what answers keeps no configuration, so it is no such converter.
        guard attempt <= Self.attempts else { throw isSingle && !isTriggered ? .notReady : .implausible }
        if isTriggered || !isSingle {
            try bus.send(register: Register.configuration, word: words[position], to: device)
        }
        return rate.conversionTime
    }

    /// Section 9.5.4, table 5: the full scale is 2^15 steps.
    static func volts(code: Int16, fullScale: Double) -> Double { Double(code) * fullScale / 32_768 }

    func volts(_ index: Int) -> Double { Self.volts(code: codes[index], fullScale: fullScaleVolts) }

    /// At either end the code is clipped: the voltage lies beyond. An ADS1015's highest code is 0x7FF0, so the last
    /// 0.05 % of the range counts as beyond it on both.
    func isSaturated(_ index: Int) -> Bool { codes[index] >= 0x7FF0 || codes[index] == .min }
}
