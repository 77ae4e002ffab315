// Real measurements, replayed as the channels of one node: the figures of the outbox are taken on them, because made-up
// values are as compressible as whoever makes them up.
//
// Every numeric column of every file is a series; channels take the series in turn, and when there are more channels
// than series, a series again from 97 rows later. A row is one round. What the file says was not measured (-200, as the
// UCI set has it) is a bad reading. Integers are of the decimals that the file has; more than four are a computer's,
// not a sensor's: then two are kept.

import Glibc
import LinuxWorld
import World

struct RealData {
    struct Series {
        var name: String
        var decimals: Int
        /// Nil: not measured.
        var values: [Int64?]
    }

    let series: [Series]

    /// The file that is shipped; it says itself where it is from.
    static let shipped = repositoryRoot() + "/config/air-quality.csv"

    init(_ paths: [String]) throws {
        var found: [Series] = []
        for path in paths { found += try Self.series(of: path) }
        guard !found.isEmpty else { throw BenchFault("no column of numbers in \(paths.joined(separator: ", "))") }
        series = found
    }

    private static func series(of path: String) throws -> [Series] {
        let content = String(decoding: try readFile(path, limit: 64 << 20), as: UTF8.self)
        let lines = content.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
        guard let head = lines.first else { return [] }
        let rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        return head.split(separator: ",").enumerated().compactMap { column, name -> Series? in
            let fields = rows.map { column < $0.count ? $0[column] : "" }
            let isNumeric = fields.filter { Double($0) != nil }.count * 10 >= fields.count * 9
            guard isNumeric, fields.count > 1 else { return nil }
            let longest = fields.map { $0.split(separator: ".").dropFirst().first?.count ?? 0 }.max() ?? 0
            let decimals = longest > 4 ? 2 : longest
            let factor = pow(10, Double(decimals))
            return Series(
                name: String(name), decimals: decimals,
                values: fields.map { field in
                    guard let value = Double(field), value != -200 else { return nil }
                    return Int64((value * factor).rounded())
                })
        }
    }

    /// Names and units as a site has them; scales as the data has them.
    func table(channels: Int) -> ChannelTable {
        let kinds = [
            ("air.co", "mg/m3"), ("air.nox", "ppb"), ("air.no2", "ug/m3"), ("air.benzene", "ug/m3"),
            ("air.temperature", "Cel"), ("air.humidity", "%RH"), ("traffic.speed", "km/h"), ("motor.temperature", "Cel"),
        ]
        return ChannelTable(
            channels: (0..<channels).map { number in
                let (name, unit) = kinds[number % kinds.count]
                return Channel(
                    name: number < kinds.count ? name : "\(name)\(number / kinds.count + 1)", unit: unit,
                    scale: Int8(-series[number % series.count].decimals), plausible: -1e9...1e9)
            }, configHash: "0000be9c")
    }
}

/// Round after round of all channels, each round acquired at one moment: when the Sampler woke, a little late each time.
struct Replay {
    /// As of a daemon on a machine that has little else to do.
    private static let latenessNanoseconds: ClosedRange<UInt64> = 50_000...250_000

    let data: RealData
    let channels: Int
    let every: Duration
    let begin: Boottime
    private(set) var round = 0
    private var random = Random(seed: 1)

    init(_ data: RealData, channels: Int, every: Duration, begin: Boottime = Boottime(nanoseconds: 100_000_000_000)) {
        self.data = data
        self.channels = channels
        self.every = every
        self.begin = begin
    }

    /// When the next round is due.
    var due: Boottime { begin + .nanoseconds(every.nanoseconds * Int64(round)) }

    mutating func next(_ take: (Reading) -> Void) {
        let lateness = Self.latenessNanoseconds
        let moment = due + .nanoseconds(Int64(lateness.lowerBound + random.below(UInt64(lateness.count))))
        for channel in 0..<channels {
            let series = data.series[channel % data.series.count]
            let value = series.values[(round + channel / data.series.count * 97) % series.values.count]
            take(
                Reading(
                    channel: ChannelID(rawValue: UInt16(channel)), acquired: moment.truncatedToMicroseconds, value: value ?? 0,
                    quality: value == nil ? .notAvailable : .good, ordinal: UInt64(round + 1)))
        }
        round += 1
    }
}

/// This file is Tests/Benchmarks/RealData.swift.
private func repositoryRoot() -> String {
    var path = #filePath[...]
    for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    return String(path)
}
