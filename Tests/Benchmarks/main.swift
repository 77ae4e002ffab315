// The figures that the gateway is held to, measured and printed beside their goals:
//
//     swift build -c release --static-swift-stdlib --product cityedge-bench
//     .build/release/cityedge-bench [WHAT...] [--seconds N] [--readings N] [--data FILE.csv]...
//
// WHAT: ring, buses, codec, kpi-fold, kpi-merge, l16, load, start, latency, size, outbox, drain, backlog, or all
// (the default). `--data`: real measurements for `outbox`, instead of those of config/air-quality.csv. Needs mosquitto,
// openssl and strip. Whatever else the machine does meanwhile is in the figures too.

import Glibc

private let known = [
    "ring", "buses", "codec", "kpi-fold", "kpi-merge", "l16", "load", "start", "latency", "size", "outbox", "drain",
    "backlog",
]
private let usage =
    "usage: cityedge-bench [\(known.joined(separator: "|"))|all]... [--seconds N] [--readings N] [--data FILE]..."

private func benchmark() throws {
    var wanted: [String] = []
    var seconds: Int64 = 60
    var arguments = CommandLine.arguments.dropFirst()
    var readings: Int?
    var files: [String] = []
    while let argument = arguments.popFirst() {
        if argument == "--seconds" {
            guard let text = arguments.popFirst(), let number = Int64(text), number > 0 else { throw BenchFault(usage) }
            seconds = number
        } else if argument == "--readings" {
            guard let text = arguments.popFirst(), let number = Int(text), number > 0 else { throw BenchFault(usage) }
            // Whole rounds of 16 channels.
            readings = (number + 15) / 16 * 16
        } else if argument == "--data" {
            guard let file = arguments.popFirst() else { throw BenchFault(usage) }
            files.append(file)
        } else if argument == "all" {
            wanted = known
        } else if known.contains(argument) {
            wanted.append(argument)
        } else {
            throw BenchFault(usage)
        }
    }
    // A broker that goes away is an error here, not the end.
    signal(SIGPIPE, SIG_IGN)
    let data = try RealData(files.isEmpty ? [RealData.shipped] : files)
    print(tableHead)
    for name in wanted.isEmpty ? known : wanted {
        let figures: [Figure] =
            switch name {
            case "ring": try ringFigures() + samplerFigures()
            case "buses": try busFigures(seconds: min(seconds, 30))
            case "codec": try codecFigures()
            case "kpi-fold": foldFigures()
            case "l16": try l16Figures(seconds: seconds, withTLS: false) + l16Figures(seconds: seconds, withTLS: true)
            case "load": try loadFigures(seconds: seconds)
            case "start": try startFigures()
            case "latency": try latencyFigures(seconds: seconds)
            case "size": try sizeFigures()
            case "outbox": try outboxFigures(data)
            case "drain": try drainFigures(data, readings: readings ?? 2_000_000)
            case "kpi-merge": try mergeFigures()
            default: try backlogFigures(data, readings: readings ?? 10_000_000)
            }
        for figure in figures { print(figure.row) }
        // A run takes minutes, and a pipe keeps what it gets.
        fflush(nil)
    }
}

do { try benchmark() } catch {
    print("cityedge-bench: \(error)")
    exit(1)
}
