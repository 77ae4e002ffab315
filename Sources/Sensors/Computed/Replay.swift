// Recorded data as a sensor: one column of a CSV file, at any speed.
//
// The recording begins with the first measurement; each measurement gives the newest row that is due, held until the
// next row. After the last row (held for one more interval) there is no data, or the recording begins again (`loop`).
// The table is read once, when the driver is made: see `Recording` for what it takes.

internal import World

struct Replay: SourceDriver {
    private let recording: Recording
    private let speed: Double
    private let loops: Bool
    private var origin: Boottime?
    /// The row that was due last: rows are in order, so the next one is at or after it.
    private var row = 0

    init(recording: Recording, speed: Double, loops: Bool) {
        self.recording = recording
        self.speed = speed
        self.loops = loops
    }

    mutating func collect(at now: Boottime, into samples: inout Samples) throws(SensorFault) {
        let origin = origin ?? now
        self.origin = origin
        var elapsed = Double(now.nanoseconds - origin.nanoseconds) * speed / 1e6
        let length = Double(recording.length)
        if elapsed >= length {
            guard loops else { throw .noData }
            elapsed = elapsed.truncatingRemainder(dividingBy: length)
        }
        let due = Int64(elapsed)
        if recording.milliseconds[row] > due { row = 0 }
        row = recording.lastRow(atOrBefore: due, from: row)
        let value = recording.values[row]
        if value.isNaN {
            samples.append(Sample(channel: 0, .exact(0), quality: .notAvailable, acquired: now))
        } else {
            samples.append(Sample(channel: 0, .physical(value), acquired: now))
        }
    }
}

extension Replay {
    /// What a channel of this unit can plausibly be, in a city.
    private static func plausible(_ unit: String) -> ClosedRange<Double> {
        switch unit {
        case "Cel": -90...90
        case "%RH", "%": 0...100
        case "Pa": 30_000...110_000
        case "ug/m3", "ppb", "ppm": 0...100_000
        case "lx": 0...200_000
        default: -1e12...1e12
        }
    }

    private static func missing(_ settings: DriverSettings, _ parameter: String, _ example: String) -> SettingFault {
        SettingFault(parameter: parameter, text: "not given; expected it; add for example `\(example)`")
    }

    static let entry = DriverEntry(
        name: "replay",
        about: "Recorded data as a sensor: one column of a CSV file, at any speed",
        attachment: .source,
        parameters: [
            Parameter("file", .file, isRequired: true, about: "the CSV file; its first row names the columns"),
            Parameter("column", .text, isRequired: true, about: "the column's name in the first row"),
            Parameter("unit", .unit, isRequired: true, about: "the unit of its numbers"),
            Parameter("quantity", .text, isRequired: true, about: "the channel's name: temperature, no2, ..."),
            Parameter("missing", .number(-1e15...1e15), about: "the number that stands for no measurement, as -200"),
            Parameter(
                "speed", .number(0.001...1_000_000), fallback: .number(1), about: "times faster than recorded"),
            Parameter(
                "loop", .flag, fallback: .flag(false), about: "begin again at the end; else there is no data after it"),
            Parameter("decimals", .integer(0...6), fallback: .integer(2), about: "decimal places to keep"),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            guard let quantity = settings.text("quantity") else {
                throw missing(settings, "quantity", "quantity: temperature")
            }
            guard isQuantityName(quantity) else {
                throw SettingFault(
                    parameter: "quantity",
                    text: "\"\(quantity)\"; expected a lower-case name of letters, digits and _; name what is measured")
            }
            guard let unit = settings.text("unit") else { throw missing(settings, "unit", "unit: ug/m3") }
            let decimals = settings.integer("decimals") ?? 2
            return [DriverChannel(quantity, unit: unit, scale: Int8(-decimals), plausible: plausible(unit))]
        },
        make: { settings throws(SettingFault) in
            guard let column = settings.text("column") else { throw missing(settings, "column", "column: T") }
            guard let bytes = settings.files["file"] else { throw missing(settings, "file", "file: recorded.csv") }
            let recording = try Recording(csv: bytes, column: column, missing: settings.number("missing"))
            return .source(
                Replay(
                    recording: recording, speed: settings.number("speed") ?? 1, loops: settings.flag("loop") ?? false))
        })
}
