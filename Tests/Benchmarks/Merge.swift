// The platform's merge: 100,000 nodes × one day of hourly contributions of one indicator, and the sizes of what they
// send.

import Glibc
import KPIs
import World

private func volume(hour: Int64, amount: Int64) -> Contribution {
    var contribution = Contribution(
        indicator: waterConsumption(), sensor: "water", series: "volume",
        windowStart: 1_795_219_200 + hour * 3_600, windowSeconds: 3_600, revision: UInt64(3_600 * hour + 3_600),
        isFinal: true, unit: "ml", scale: 0, state: .sum(SumState(amount: amount)),
        coverage: Coverage(expectedSeconds: 3_600, validSeconds: 3_600, fromSecond: 0, toSecond: 3_600),
        labels: [.zone: "dma-7"])
    contribution.localDay = "2026-11-21"
    contribution.tables = ["tz": "2025b"]
    return contribution
}

private func waterConsumption() -> Indicator {
    guard let water = Indicator.named("en-en-ws-2c") else { invariantFailed("the catalogue has no water") }
    return water
}

private func usage() -> rusage {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage
}

/// Highest resident memory of this process so far, in MiB.
private func peakMebibytes() -> Double { Double(usage().ru_maxrss) / 1_024 }

/// What this process has computed: seconds of one core, whatever else the machine does.
private func coreSeconds() -> Double {
    let usage = usage()
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

func mergeFigures() throws -> [Figure] {
    let nodes = 100_000
    let hours: [Contribution] = (0..<24).map { volume(hour: $0, amount: 120_000 + $0) }
    let names = (0..<nodes).map { "lamppost-\($0)" }
    let before = peakMebibytes()
    var begin = coreSeconds()
    func seconds() -> Double {
        defer { begin = coreSeconds() }
        return coreSeconds() - begin
    }
    var set = ContributionSet()
    // Hour by hour, as they arrive: neighbours are of different nodes.
    for hour in hours {
        for (index, node) in names.enumerated() { set.add(hour, node: node, stream: UInt64(index)) }
    }
    let merging = seconds()
    let total = set.total(waterConsumption())
    let totalling = seconds()
    let sum = (0..<24).reduce(Int128(0)) { $0 + 120_000 + Int128($1) } * Int128(nodes)
    guard total.millilitres == sum, total.nodes == nodes, total.contributions == 24 * nodes, total.conflicts.isEmpty
    else { throw BenchFault("the merge gave \(total.millilitres) ml of \(total.nodes) nodes") }
    let peak = peakMebibytes() - before
    // The same from the wire: messages of a day each.
    let bodies = encoded(hours)
    let text = message(bodies, node: "lamppost-1")
    _ = seconds()
    var received = ContributionSet()
    for _ in 0..<1_000 { received.add(try ContributionBatch.parse(text)) }
    let parsing = seconds()
    guard received.entries.count == 24 else { throw BenchFault("a message gave \(received.entries.count) windows") }
    return [
        Figure(
            "merge: 100,000 nodes × 24 hours, added and totalled", merging + totalling, "s of a core", .atMost(5),
            decimals: 2),
        Figure("  of it, adding", merging, "s of a core", decimals: 2),
        Figure("  of it, one indicator's total", totalling, "s of a core", decimals: 2),
        Figure("  memory at its peak", peak, "MiB", decimals: 0),
        Figure("  reading a contribution from a message", parsing / 24_000 * 1e6, "µs", decimals: 1),
    ] + contributionSizes()
}

private func encoded(_ contributions: [Contribution]) -> [[UInt8]] {
    var encoder = ContributionBatchEncoder()
    for contribution in contributions { encoder.append(contribution) }
    return encoder.batches().first ?? []
}

private func message(_ bodies: [[UInt8]], node: String) -> [UInt8] {
    var text = Array(
        #"{"v":1,"node":"\#(node)","stream":"7f3a91c2d04be815","lane":"contributions","seq":1,"items":["#.utf8)
    for (index, body) in bodies.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        text += Array(#"{"t":0,"#.utf8) + body + [UInt8(ascii: "}")]
    }
    return text + Array("]}".utf8)
}

/// What a contribution takes in a message, alone and where its constants are said once.
func contributionSizes() -> [Figure] {
    var level = volume(hour: 0, amount: 0)
    level.indicator = Indicator.named("en-en-aq-1c") ?? level.indicator
    level.unit = "ng_s/m3"
    level.state = .level(
        LevelState(integral: 442_800_000, seconds: 3_600, extremes: Extremes(least: 98_000, greatest: 151_000)))
    var later = level
    later.windowStart += 3_600
    let around = #"{"t":0,},"#.utf8.count
    let sum = volume(hour: 0, amount: 123_456_789)
    let sums = encoded([sum, volume(hour: 1, amount: 123_456_789)])
    let levels = encoded([level, later])
    let sizes: [(name: String, body: [UInt8], goal: Figure.Goal)] = [
        ("a sum alone", encoded([sum])[0], .atMost(600)), ("a sum in a batch", sums[1], .atMost(200)),
        ("a level alone", encoded([level])[0], .atMost(600)), ("a level in a batch", levels[1], .atMost(200)),
        ("its binding, once a batch", sums[0], .none),
    ]
    return sizes.map {
        Figure("contribution: \($0.name)", Double(around + $0.body.count), "bytes", $0.goal, decimals: 0)
    }
}
