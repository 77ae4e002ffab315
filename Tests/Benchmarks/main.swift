// The figures that the gateway is held to, measured and printed beside their goals:
//
//     swift build -c release --static-swift-stdlib --product cityedge-bench
//     .build/release/cityedge-bench [WHAT...] [--seconds N]
//
// WHAT: ring, codec, l16, load, start, latency, size, or all (the default). Needs mosquitto, openssl and strip.
// Whatever else the machine does meanwhile is in the figures too.

import Glibc

private let usage = "usage: cityedge-bench [ring|codec|l16|load|start|latency|size|all]... [--seconds N]"

private func benchmark() throws {
    var wanted: [String] = []
    var seconds: Int64 = 60
    var arguments = CommandLine.arguments.dropFirst()
    let known = ["ring", "codec", "l16", "load", "start", "latency", "size"]
    while let argument = arguments.popFirst() {
        if argument == "--seconds" {
            guard let text = arguments.popFirst(), let number = Int64(text), number > 0 else { throw BenchFault(usage) }
            seconds = number
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
    print(tableHead)
    for name in wanted.isEmpty ? known : wanted {
        let figures: [Figure] =
            switch name {
            case "ring": try ringFigures() + samplerFigures()
            case "codec": try codecFigures()
            case "l16": try l16Figures(seconds: seconds, withTLS: false) + l16Figures(seconds: seconds, withTLS: true)
            case "load": try loadFigures(seconds: seconds)
            case "start": try startFigures()
            case "latency": try latencyFigures(seconds: seconds)
            default: try sizeFigures()
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
