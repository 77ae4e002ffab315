// A year of NO2 as it was recorded, and what a node that replays it must say of it: a computation of its own, straight
// from the rows, that shares no code with the agent or the platform.

import Glibc
import Testing
import World

/// Hourly values in µg/m³, from 2004-03-10 18:00 on, told as if they were of twenty years later: no node believes
/// that it is 2004.
struct RecordedYear: Sendable {
    /// By the hour; nil: not measured.
    let values: [Int64?]
    /// 2024-03-10T18:00:00Z.
    static let start: Int64 = 1_710_093_600
    static let hours: Int64 = 8_760
    static var end: Int64 { start + hours * 3_600 }

    init() throws {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let file = try #require(fopen(path + "/Data/air-quality-no2.csv", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        var values: [Int64?] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            let fields = line.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 3, let value = Int64(fields[2]) else { continue }
            // The rows are an hour apart, all year.
            #expect(fields[1] == "\((values.count + 18) % 24 < 10 ? "0" : "")\((values.count + 18) % 24):00:00")
            values.append(value == -200 ? nil : value)
        }
        self.values = values
    }

    /// The recording from a moment on, as a file for the driver `replay`: it begins at once with the value of the hour.
    func csv(from moment: UTC, through hour: Int64) -> [UInt8] {
        let now = (moment.seconds - Self.start) / 3_600
        var text = "timestamp,no2\n\(moment.seconds).5,\(text(now))\n"
        for next in (now + 1)...(hour + 2) { text += "\(Self.start + next * 3_600),\(self.text(next))\n" }
        return Array(text.utf8)
    }

    private func text(_ hour: Int64) -> String { values[Int(hour)].map { "\($0)" } ?? "-200" }
}

/// What is known of an hour, or of a part of it.
struct HourOfAir: Equatable, Sendable {
    /// Σ ng/m³ × s.
    var integral: Int64 = 0
    var seconds: Int64 = 0
    /// Seconds of UTC between which something is known.
    var from = Int64.max
    var to = Int64.min

    /// Thousandths of ng/m³, rounded half away from zero; nil: less than 45 minutes.
    var mean: Int64? { seconds >= 2_700 ? (integral * 1_000 * 2 + seconds) / (2 * seconds) : nil }
}

/// The readings of one stream, in order: what each says holds until the next, half an hour at most.
struct HeldReadings: Sendable {
    var readings: [(second: Int64, value: Int64?)] = []
    static let holdSeconds: Int64 = 1_800

    /// By the hour's begin. Only readings up to and with `last` were seen.
    func hours(last: Int64 = .max) -> [Int64: HourOfAir] {
        var hours: [Int64: HourOfAir] = [:]
        for (reading, next) in zip(readings, readings.dropFirst()) where next.second <= last {
            guard let value = reading.value else { continue }
            let end = min(next.second, reading.second + Self.holdSeconds)
            var from = reading.second
            while from < end {
                let hour = from / 3_600 * 3_600
                let to = min(end, hour + 3_600)
                var known = hours[hour] ?? HourOfAir()
                known.integral += value * 1_000 * (to - from)
                known.seconds += to - from
                known.from = min(known.from, from)
                known.to = max(known.to, to)
                hours[hour] = known
                from = to
            }
        }
        return hours
    }
}
