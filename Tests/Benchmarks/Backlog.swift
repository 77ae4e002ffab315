// The daemon's start with a backlog on its flash beside its start with none: the first live readings, and memory while
// the backlog drains.

import Glibc
import LinuxWorld
import World

func backlogFigures(_ data: RealData, readings: Int, runs: Int = 5) throws -> [Figure] {
    let made = try Folder(under: memoryFolder())
    try makeBacklog(data, readings: readings, in: made.path)
    var with = Starts(), without = Starts()
    for _ in 0..<runs {
        try without.measure(backlog: nil)
        try with.measure(backlog: made.path)
    }
    let name = "backlog of \(readings): "
    return [
        Figure(
            "\(name)exec to the first live readings, slowest of \(runs)", with.seconds.max() ?? .nan, "s", .atMost(1),
            decimals: 3),
        Figure("\(name)median", median(with.seconds), "s", decimals: 3),
        Figure("no backlog: exec to the first live readings, median", median(without.seconds), "s", decimals: 3),
        Figure(
            "\(name)PSS more than with none", median(with.pss) - median(without.pss), "MB", .atMost(2), decimals: 2),
        Figure(
            "\(name)private dirty more than with none", median(with.privateDirty) - median(without.privateDirty), "MB",
            .atMost(2), decimals: 2),
        Figure("\(name)PSS at its highest, median", median(with.pss), "MB", .atMost(8), decimals: 2),
        Figure("\(name)private dirty at its highest, median", median(with.privateDirty), "MB", .atMost(4), decimals: 2),
        Figure("no backlog: PSS at its highest, median", median(without.pss), "MB", decimals: 2),
    ]
}

private struct Starts {
    var seconds: [Double] = []
    var pss: [Double] = []
    var privateDirty: [Double] = []

    /// One start, on a copy of the backlog; memory at its highest in the ten seconds after the first live readings.
    mutating func measure(backlog: String?) throws {
        let state = try Folder(under: "/tmp")
        if let backlog { try run("cp", ["-r", backlog + "/.", state.path]) }
        sync()
        let mosquitto = try Mosquitto()
        // History has its own subscriber nowhere: what is timed is the publishing of what is live.
        let listener = try Listener(to: mosquitto, topic: "cityedge/v1/nowhere/bench/readings")
        let clock = LinuxClock()
        let begin = clock.now()
        let daemon = try Daemon(channels: 16, every: "1s", to: mosquitto, state: state.path)
        let isThere = try listener.listen(until: begin + .seconds(20)) { _ in true }
        let took = clock.now() - begin
        try daemon.checkRunning()
        guard isThere else { throw BenchFault("no readings in 20 s") }
        var highest = (pss: 0.0, dirty: 0.0)
        for _ in 0..<100 {
            try listener.listen(until: clock.now() + .milliseconds(100)) { _ in false }
            let memory = try MemoryFigures(of: daemon.processID)
            highest = (max(highest.pss, memory.pss), max(highest.dirty, memory.privateDirty))
        }
        try daemon.checkRunning()
        try daemon.stop()
        seconds.append(Double(took.nanoseconds) / 1e9)
        pss.append(highest.pss)
        privateDirty.append(highest.dirty)
    }
}
