// ST LIS3DH: vibration of a structure, from its FIFO. Datasheet: DocID17530 revision 2; application note AN3308 for the
// FIFO. Sections and tables are the datasheet's unless AN3308 is named.
//
// What is told of each axis: RMS and peak of the vibration over a window (the window's mean, which is gravity and the
// sensor's own offset, taken off), and that mean. One axis at a time and not the magnitude: structural standards (DIN
// 4150-3, ISO 4866) judge the largest of three orthogonal components, and a magnitude would mix vibration along
// gravity with vibration across it. The means tell a leaning column.
//
// High-resolution mode: 12 bits, noise and step four times finer than in normal mode, bandwidth a ninth of the data
// rate (table 10): 11 Hz at 100 Hz, which holds the first modes of columns, masts and footbridges. The FIFO of 32
// levels runs in stream mode and is read half full, in steps; if it was full once, samples may be missing and the whole
// window is `estimated`. Every start writes the control registers and reads them back, every step looks whether the
// FIFO still runs as set: a chip that lost its supply gives no values.
//
// Sums are whole numbers, so a long window loses nothing; reads are of at most 30 bytes, which SMBus adapters can do.

internal import World

struct LIS3DH: BusDriver {
    private enum Register {
        static let whoAmI: UInt8 = 0x0F
        static let control1: UInt8 = 0x20
        static let output: UInt8 = 0x28
        static let fifoControl: UInt8 = 0x2E
        /// Set in a register's number: go on with the next one (section 6.1.1).
        static let counting: UInt8 = 0x80
    }
    private static let identity: UInt8 = 0x33
    private static let streamMode: UInt8 = 0b1000_0000
    private static let isFull: UInt8 = 0b0100_0000
    private static let unreadMask: UInt8 = 0b0001_1111
    private static let levels = 32
    /// Levels read in one step: half of the FIFO, so that a step may be as late as it takes to fill the other half.
    static let levelsPerStep = 16
    /// Of one read: 30 bytes.
    private static let levelsPerRead = 5
    /// Fits the steps of one measurement, even if the chip's clock is a tenth slow.
    static let longestWindow = 800

    struct Rate: Sendable {
        let hertz: Int
        /// CTRL_REG1, table 31.
        let code: UInt8
        static let all = [
            Rate(hertz: 100, code: 0b0101), Rate(hertz: 200, code: 0b0110), Rate(hertz: 400, code: 0b0111),
        ]
        func time(of samples: Int) -> Duration { .nanoseconds(Int64(samples) * 1_000_000_000 / Int64(hertz)) }
    }

    struct Range: Sendable {
        let g: Int
        /// CTRL_REG4, table 34.
        let code: UInt8
        /// Table 4, high-resolution mode: 12 mg at ±16 g is no misprint.
        let milliGPerDigit: Int
        static let all = [
            Range(g: 2, code: 0b00, milliGPerDigit: 1), Range(g: 4, code: 0b01, milliGPerDigit: 2),
            Range(g: 8, code: 0b10, milliGPerDigit: 4), Range(g: 16, code: 0b11, milliGPerDigit: 12),
        ]
        /// m/s² of a digit, with standard gravity.
        var perDigit: Double { Double(milliGPerDigit) * 0.00980665 }
    }

    private let device: BusDevice
    private let rate: Rate
    private let range: Range
    private let windowSamples: Int
    /// Data rates have been on for long enough (table 11).
    private var isSettled = false
    private var isStreaming = false
    private var isComplete = true
    private var axes: (Axis, Axis, Axis) = (Axis(), Axis(), Axis())

    init(device: BusDevice, rate: Rate, range: Range, windowSamples: Int) {
        invariant((1...Self.longestWindow).contains(windowSamples), "a window of \(windowSamples) samples")
        self.device = device
        self.rate = rate
        self.range = range
        self.windowSamples = windowSamples
    }

    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration {
        if !isSettled {
            let found = try bus.receive(1, register: Register.whoAmI, of: device)[0]
            guard found == Self.identity else {
                throw .wrongChip(found: UInt32(found), expected: UInt32(Self.identity))
            }
        }
        // CTRL_REG1 to 5: rate and axes; no high-pass filter; no interrupts; block data update, range, high resolution;
        // FIFO on.
        let control = Reply([
            Register.control1 | Register.counting, rate.code << 4 | 0b0111, 0, 0, 0b1000_1000 | range.code << 4,
            0b0100_0000,
        ])
        try bus.send(control, to: device)
        let found = try bus.receive(5, register: Register.control1 | Register.counting, of: device)
        for index in 0..<5 where found[index] != control[index + 1] { throw .implausible }
        isStreaming = false
        isComplete = true
        axes = (Axis(), Axis(), Axis())
        // Seven data periods to full resolution (table 11).
        return isSettled ? .zero : rate.time(of: 8)
    }

    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration? {
        if !isStreaming {
            // Bypass empties the FIFO and clears its flags (AN3308, section on FIFO modes).
            try bus.send(Register.fifoControl, 0, to: device)
            try bus.send(Register.fifoControl, Self.streamMode, to: device)
            isStreaming = true
            isSettled = true
            return rate.time(of: Self.levelsPerStep)
        }
        let fifo = try bus.receive(2, register: Register.fifoControl | Register.counting, of: device)
        guard fifo[0] == Self.streamMode else { throw .implausible }
        let wasFull = fifo[1] & Self.isFull != 0
        if wasFull { isComplete = false }
        var unread = wasFull ? Self.levels : Int(fifo[1] & Self.unreadMask)
        if unread == 0 { throw .notReady }
        while unread > 0, axes.0.count < windowSamples {
            let count = min(unread, Self.levelsPerRead)
            take(try bus.receive(count * 6, register: Register.output | Register.counting, of: device))
            unread -= count
        }
        let missing = windowSamples - axes.0.count
        if missing > 0 { return rate.time(of: min(Self.levelsPerStep, missing + 1)) }
        append(axes.0, 0, to: &samples)
        append(axes.1, 1, to: &samples)
        append(axes.2, 2, to: &samples)
        return nil
    }

    mutating func forget() { isSettled = false }

    /// Whole levels of three words, low byte first, their twelve bits left-justified (section 3.2.1).
    private mutating func take(_ levels: Reply) {
        for index in stride(from: 0, to: levels.count, by: 6) where axes.0.count < windowSamples {
            axes.0.add(levels.signedLittleEndian16(index) >> 4)
            axes.1.add(levels.signedLittleEndian16(index + 2) >> 4)
            axes.2.add(levels.signedLittleEndian16(index + 4) >> 4)
        }
    }

    private func append(_ axis: Axis, _ number: UInt8, to samples: inout Samples) {
        let quality: Quality = axis.isSaturated ? .saturated : isComplete ? .good : .estimated
        for (offset, digits) in [(UInt8(0), axis.rms), (3, axis.peak), (6, axis.mean)] {
            samples.append(Sample(channel: number + offset, .physical(digits * range.perDigit), quality: quality))
        }
    }
}

extension LIS3DH {
    /// What is kept of one axis over a window, in digits.
    struct Axis: Equatable {
        private(set) var count = 0
        private var sum: Int64 = 0
        private var sumOfSquares: Int64 = 0
        private var lowest = Int16.max
        private var highest = Int16.min

        mutating func add(_ digits: Int16) {
            count += 1
            sum += Int64(digits)
            sumOfSquares += Int64(digits) * Int64(digits)
            lowest = min(lowest, digits)
            highest = max(highest, digits)
        }

        var mean: Double { Double(sum) / Double(count) }
        /// About the mean. The numerator is whole, and by Cauchy and Schwarz never negative.
        var rms: Double {
            Double(sumOfSquares * Int64(count) - sum * sum).squareRoot() / Double(count)
        }
        /// The larger of the two distances from the mean.
        var peak: Double { max(Double(highest) - mean, mean - Double(lowest)) }
        var isSaturated: Bool { lowest <= -2_048 || highest >= 2_047 }
    }
}

extension LIS3DH {
    static let entry = DriverEntry(
        name: "lis3dh",
        about: "ST LIS3DH on I2C: vibration of a structure, RMS, peak and mean of each axis over a window",
        chip: ChipFacts(
            datasheet: "ST DocID17530 revision 2", measuringTime: .milliseconds(8_100),
            identity: "register 0x0F is 0x33"),
        attachment: .bus(addresses: [0x18, 0x19]),
        parameters: [
            Parameter(
                "rate", .choice(Rate.all.map { "\($0.hertz) Hz" }), fallback: .text("100 Hz"),
                about: "samples a second; vibration is seen up to a ninth of it"),
            Parameter(
                "window", .duration(.milliseconds(200)...Duration.seconds(8)), fallback: .duration(.seconds(5)),
                about: "what RMS and peak are taken over; at most 8s at 100 Hz, 4s at 200 Hz, 2s at 400 Hz"),
            Parameter(
                "range", .choice(Range.all.map { "\($0.g) g" }), fallback: .text("2 g"),
                about: "the largest acceleration either way, gravity included"),
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            let (_, range, _) = try chosen(settings)
            let most = Double(range.g) * 9.80665
            let axes = ["x", "y", "z"]
            return axes.map { DriverChannel("rms_\($0)", unit: "m/s2", scale: -4, plausible: 0...most) }
                + axes.map { DriverChannel("peak_\($0)", unit: "m/s2", scale: -3, plausible: 0...(2 * most)) }
                + axes.map { DriverChannel("mean_\($0)", unit: "m/s2", scale: -4, plausible: -most...most) }
        },
        make: { settings throws(SettingFault) in
            let device = try settings.requiredDevice()
            let (rate, range, window) = try chosen(settings)
            return .bus(LIS3DH(device: device, rate: rate, range: range, windowSamples: window))
        })

    private static func chosen(_ settings: DriverSettings) throws(SettingFault) -> (Rate, Range, window: Int) {
        let rate = Rate.all.first { "\($0.hertz) Hz" == settings.text("rate") } ?? Rate.all[0]
        let range = Range.all.first { "\($0.g) g" == settings.text("range") } ?? Range.all[0]
        let window = settings.duration("window") ?? .seconds(5)
        let samples = Int(window.nanoseconds / (1_000_000_000 / Int64(rate.hertz)))
        guard samples <= longestWindow else {
            throw SettingFault(
                parameter: "window",
                text: "too long for \(rate.hertz) Hz; expected at most \(longestWindow / rate.hertz)s; shorten it, or "
                    + "choose a lower rate")
        }
        guard window + .milliseconds(500) <= settings.every else {
            throw SettingFault(
                parameter: "window",
                text: "not shorter than `every`; expected it to end half a second before the next one begins; shorten "
                    + "it, or measure less often")
        }
        return (rate, range, samples)
    }
}
