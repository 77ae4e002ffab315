// Any other program as a sensor: a Modbus reader, a P1 port, a vendor's tool. We start it and read its standard output,
// or it sends datagrams of one or more lines to a Unix socket of ours. Each line is
//
//     channel value [unit] [time]
//
// `power 1843.5`, `energy 12576.53 kWh`, `power 1843.5 W -2.5`. The unit may be any of the channel's kind, the
// channel's own when it is left out. The time is as in SenML (RFC 8428 section 4.5.3): below 2^28, and that is the
// usual case, seconds relative to now, so 0 or less; above, seconds since 1970. Without one it is the line's arrival.
// Empty lines and lines that begin with # are ignored.
//
// Readings are made at the next `every`, with their own times. Channels that `measures` does not name are ignored: the
// site takes what it wants of what a program gives. A line that cannot be meant, when no other came, a program that
// says nothing of ours for `silent_after`, that ended or could not be started makes the sensor bad, until the next good
// line.

internal import World

struct External: SourceDriver {
    struct Offered: Sendable, Equatable {
        var name: [UInt8]
        var unit: Unit
        /// When its newest reading was taken: older ones are not to be told after it.
        var newest = Boottime(nanoseconds: .min)
    }

    private let mailbox: Mailbox
    private var channels: [Offered]
    private let silentAfter: Duration
    private var heard: Boottime?
    /// Lines of other channels since the last of ours.
    private var others = 0
    /// What is wrong since the last reading.
    private var trouble: ProgramFault?

    /// Relative times older than this, or in the future, are a mistake of the program's clock.
    private static let oldestSeconds = 86_400.0
    private static let futureSeconds = 1.0
    /// RFC 8428 section 4.5.3: values below are relative.
    private static let absoluteFrom = 268_435_456.0

    init(mailbox: Mailbox, channels: [Offered], silentAfter: Duration) {
        self.mailbox = mailbox
        self.channels = channels
        self.silentAfter = silentAfter
    }

    /// Channels, bit by bit, whose next reading follows lines that the mailbox had no room for: `estimated`.
    private var gapped: UInt32 = 0

    mutating func collect(at now: Boottime, into samples: inout Samples) throws(SensorFault) {
        let (lines, dropped, condition) = mailbox.takeAll()
        if dropped > 0 { gapped = .max }
        var misread = 0
        for line in lines {
            switch parse(line) {
            case .reading(var sample):
                let bit = UInt32(1) << UInt32(sample.channel)
                if gapped & bit != 0 {
                    gapped &= ~bit
                    sample.quality = .estimated
                }
                samples.append(sample)
            case .nothing: break
            case .other: others = min(others + 1, 1_000_000)
            case .mistake: misread += 1
            }
        }
        if samples.count > 0 {
            heard = now
            others = 0
            trouble = nil
            return
        }
        let since = heard ?? now
        heard = since
        if misread > 0 { trouble = .notUnderstood(lines: misread) }
        switch condition {
        case .notStarted(let errno): trouble = .notStarted(errno: errno)
        case .noSocket(let errno): trouble = .noSocket(errno: errno)
        case .ended(let status, let words): trouble = .ended(status: status, words: words)
        case .open:
            // Started again is not yet mended: the fault stands until it measures.
            if trouble == nil, now - since >= silentAfter {
                trouble = others > 0 ? .notUnderstood(lines: others) : .silent
            }
        }
        if let trouble { throw .program(trouble) }
    }

    private enum Meaning {
        case reading(Sample)
        case nothing
        case other
        case mistake
    }

    private mutating func parse(_ line: Mailbox.Line) -> Meaning {
        guard line.text.count <= Mailbox.lineBytesMax else { return .mistake }
        let words = line.text.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
        guard let first = words.first, first.first != 0x23 else { return .nothing }
        guard (2...4).contains(words.count), let number = DecimalText.parse(words[1]) else { return .mistake }
        guard let place = channels.firstIndex(where: { $0.name.elementsEqual(first) }) else {
            // Only a name can be another channel's.
            return isQuantityName(String(decoding: first, as: UTF8.self)) ? .other : .mistake
        }
        let unit = channels[place].unit
        var value = number
        var rest = words.dropFirst(2)
        if let word = rest.first, let given = Unit.named(String(decoding: word, as: UTF8.self), wanted: unit) {
            guard given.dimension == unit.dimension else { return .mistake }
            value = given.converting(number, to: unit)
            rest.removeFirst()
        }
        var acquired = line.arrived.boottime
        if let word = rest.first {
            guard let time = DecimalText.parse(word), rest.count == 1,
                let moment = Self.moment(time, line.arrived)
            else { return .mistake }
            acquired = moment
        }
        guard acquired > channels[place].newest else { return .mistake }
        channels[place].newest = acquired
        return .reading(Sample(channel: UInt8(place), .physical(value), acquired: acquired))
    }

    private static func moment(_ time: Double, _ arrived: WallReading) -> Boottime? {
        let age =
            time >= absoluteFrom ? Double(arrived.utc.nanoseconds) / 1e9 - time : -time
        guard age >= -futureSeconds, age <= oldestSeconds else { return nil }
        return Boottime(nanoseconds: arrived.boottime.nanoseconds - Int64(max(age, 0) * 1e9))
    }
}

extension Unit {
    /// A value in this unit, in another of the same kind.
    func converting(_ value: Double, to other: Unit) -> Double {
        if self == other { return value }
        return (value + shift.value) * factor.value / other.factor.value - other.shift.value
    }
}

extension External {
    /// `power W 1, energy kWh 3`: name, unit and decimal places (2 unless given) of each channel.
    private static func offered(_ settings: DriverSettings) throws(SettingFault) -> [(Offered, DriverChannel)] {
        func fault(_ found: String) -> SettingFault {
            SettingFault(
                parameter: "measures",
                text: "\(found); expected name, unit and decimals of each channel, with commas between; write for "
                    + "example `measures: power W 1, energy Wh 0`")
        }
        guard let text = settings.text("measures") else { throw fault("not given") }
        var result: [(Offered, DriverChannel)] = []
        for part in text.split(separator: ",") {
            let words = part.split(separator: " ")
            guard (2...3).contains(words.count), isQuantityName(String(words[0])) else { throw fault("\"\(part)\"") }
            guard let unit = Unit.named(words[1]), unit.isPublished else {
                throw fault("\"\(words[1])\", which is no unit that can be published")
            }
            guard let decimals = words.count > 2 ? Int8(words[2]) : 2, (0...9).contains(decimals) else {
                throw fault("\"\(part)\"")
            }
            result.append(
                (
                    Offered(name: Array(words[0].utf8), unit: unit),
                    DriverChannel(
                        String(words[0]), unit: unit.symbol, scale: -decimals, plausible: -1e12...1e12)
                ))
        }
        guard (1...32).contains(result.count) else { throw fault("\(result.count) channels, where 1 to 32 can be") }
        return result
    }

    static let entry = DriverEntry(
        name: "external",
        about: "Any other program: it gives lines `channel value [unit] [time]`, on its output or a Unix socket",
        attachment: .source,
        parameters: [
            Parameter(
                "measures", .text, isRequired: true,
                about: "its channels: `power W 1, energy Wh 0` (name unit decimals)"),
            Parameter(
                "run", .text, about: "the program with its arguments, which is started and kept running: no shell"),
            Parameter(
                "socket", .text,
                about: "instead of `run`: the name of a socket in the runtime folder that the program writes to"),
            Parameter(
                "silent_after", .duration(Duration.seconds(1)...Duration.seconds(86_400)),
                fallback: .duration(.seconds(60)), about: "no line for so long: the sensor is bad"),
        ],
        defaultEvery: .seconds(1),
        channels: { settings throws(SettingFault) in
            let isStarted = settings.text("run") != nil
            guard isStarted != (settings.text("socket") != nil) else {
                throw SettingFault(
                    parameter: isStarted ? "socket" : "run",
                    text: "\(isStarted ? "both `run` and `socket`" : "neither `run` nor `socket`"); expected one of "
                        + "them; write for example `run: /usr/lib/cityedge/p1-port /dev/ttyUSB0`")
            }
            if let name = settings.text("socket"), !isQuantityName(name) {
                throw SettingFault(
                    parameter: "socket",
                    text: "\"\(name)\"; expected a lower-case name of letters, digits and _; write for example "
                        + "`socket: meter`")
            }
            return try offered(settings).map(\.1)
        },
        make: { settings throws(SettingFault) in
            let channels = try offered(settings).map(\.0)
            return .source(
                External(
                    mailbox: settings.mailbox ?? Mailbox(), channels: channels,
                    silentAfter: settings.duration("silent_after") ?? .seconds(60)))
        })
}
