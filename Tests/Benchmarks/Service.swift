// Figures of the daemon in service: memory, CPU, switches, latency, start, size.

import Glibc
import LinuxWorld
import World

private let warmUp = Duration.seconds(10)

/// Load L16: 16 channels, all due on one grid of a second.
func l16Figures(seconds: Int64, withTLS: Bool) throws -> [Figure] {
    // Pages of a program just built count as dirty until they are written.
    sync()
    let mosquitto = try Mosquitto(withTLS: withTLS)
    let listener = try Listener(to: mosquitto)
    let daemon = try Daemon(channels: 16, every: "1s", to: mosquitto)
    let clock = LinuxClock()
    var messages = 0
    let count = { (message: BrokerMessage) -> Bool in
        if message.topic.hasSuffix("/readings") { messages += 1 }
        return false
    }
    try listener.listen(until: clock.now() + warmUp, count)
    try daemon.checkRunning()
    let before = try ProcessFigures(of: daemon.processID)
    let begin = clock.now()
    messages = 0
    try listener.listen(until: begin + .seconds(seconds), count)
    let after = try ProcessFigures(of: daemon.processID)
    let took = Double((clock.now() - begin).nanoseconds) / 1e9
    let memory = try MemoryFigures(of: daemon.processID)
    guard messages > 0 else { throw BenchFault("no readings arrived") }
    try daemon.stop()
    let cpu = (after.cpu - before.cpu) / 1e9 / took
    let name = withTLS ? "L16, mqtts" : "L16, mqtt"
    return [
        Figure("\(name): PSS", memory.pss, "MB", .atMost(withTLS ? 12 : 8), decimals: 2),
        Figure("\(name): private dirty", memory.privateDirty, "MB", .atMost(4), decimals: 2),
        Figure("\(name): RSS", memory.rss, "MB", decimals: 2),
        Figure("\(name): CPU", cpu * 100, "% of a core", .atMost(0.1), decimals: 3),
        Figure("\(name): CPU", cpu * 60, "s a minute", decimals: 4),
        Figure("\(name): context switches", (after.switches - before.switches) / took, "1/s", .atMost(20)),
        Figure("\(name): messages of readings", Double(messages) / took, "1/s", decimals: 2),
    ]
}

/// 1,000 readings a second: 100 channels every 100 ms.
func loadFigures(seconds: Int64) throws -> [Figure] {
    let mosquitto = try Mosquitto()
    let listener = try Listener(to: mosquitto)
    let daemon = try Daemon(channels: 100, every: "100ms", to: mosquitto)
    let clock = LinuxClock()
    var readings = 0
    let count = { (message: BrokerMessage) -> Bool in
        if message.topic.hasSuffix("/readings") { readings += arrivals(message.payload).count }
        return false
    }
    try listener.listen(until: clock.now() + warmUp, count)
    try daemon.checkRunning()
    let before = try ProcessFigures(of: daemon.processID)
    let begin = clock.now()
    readings = 0
    try listener.listen(until: begin + .seconds(seconds), count)
    let after = try ProcessFigures(of: daemon.processID)
    let took = Double((clock.now() - begin).nanoseconds) / 1e9
    let memory = try MemoryFigures(of: daemon.processID)
    try daemon.stop()
    guard readings > 0 else { throw BenchFault("no readings arrived") }
    return [
        Figure("load: readings arrived", Double(readings) / took, "1/s"),
        Figure(
            "load: CPU, pin to socket", (after.cpu - before.cpu) / 1e3 / Double(readings), "µs a reading", .atMost(2),
            decimals: 2),
        Figure("load: PSS", memory.pss, "MB", decimals: 2),
        Figure("load: context switches", (after.switches - before.switches) / took, "1/s"),
    ]
}

/// From the start of the process to the first `status` at a subscriber.
func startFigures() throws -> [Figure] {
    let mosquitto = try Mosquitto()
    let listener = try Listener(to: mosquitto)
    let clock = LinuxClock()
    var times: [Double] = []
    for _ in 0..<10 {
        let begin = clock.now()
        let daemon = try Daemon(channels: 16, every: "1s", to: mosquitto)
        let isThere = try listener.listen(until: begin + .seconds(10)) { message in
            guard message.topic.hasSuffix("/status") else { return false }
            return String(decoding: message.payload, as: UTF8.self).contains("\"online\"")
        }
        let took = clock.now() - begin
        try daemon.checkRunning()
        guard isThere else { throw BenchFault("no status in 10 s") }
        times.append(Double(took.nanoseconds) / 1e6)
        try daemon.stop()
        // What the ended one still said.
        try listener.listen(until: clock.now() + .milliseconds(200)) { _ in false }
    }
    return [
        Figure("start: exec to the first `status`, median of 10", median(times), "ms", .atMost(100)),
        Figure("start: slowest of 10", times.max() ?? .nan, "ms"),
    ]
}

/// Acquisition to arrival, as the platform can compute it: `bt` + `t` against the subscriber's clock, which is the
/// node's.
func latencyFigures(seconds: Int64) throws -> [Figure] {
    var figures: [Figure] = []
    for (name, channels, every) in [("16 each 1 s", 16, "1s"), ("100 each 100 ms", 100, "100ms")] {
        let mosquitto = try Mosquitto()
        let listener = try Listener(to: mosquitto)
        let daemon = try Daemon(channels: channels, every: every, to: mosquitto)
        let clock = LinuxClock()
        var milliseconds: [Double] = []
        let take = { (message: BrokerMessage) -> Bool in
            guard message.topic.hasSuffix("/readings") else { return false }
            let now = Double(clock.wall().utc.nanoseconds) / 1e9
            for moment in arrivals(message.payload) { milliseconds.append((now - moment) * 1e3) }
            return false
        }
        try listener.listen(until: clock.now() + .seconds(3), take)
        try daemon.checkRunning()
        milliseconds.removeAll(keepingCapacity: true)
        try listener.listen(until: clock.now() + .seconds(seconds), take)
        try daemon.stop()
        figures += [
            Figure("latency, \(name): p50", percentile(0.5, of: milliseconds), "ms (batch age 1,000)"),
            Figure("latency, \(name): p99", percentile(0.99, of: milliseconds), "ms (batch age + 50)", .atMost(1_050)),
            Figure("latency, \(name): largest", milliseconds.max() ?? .nan, "ms"),
        ]
    }
    return figures
}

/// The daemon as it is packaged: stripped.
func sizeFigures() throws -> [Figure] {
    let folder = try Folder(under: "/tmp")
    let stripped = folder.path + "/cityedged"
    try run("strip", ["-o", stripped, Daemon.program])
    var status = stat()
    guard stat(stripped, &status) == 0 else { throw BenchFault("\(stripped): \(systemReason(errno))") }
    return [Figure("size: cityedged, stripped", Double(status.st_size) / 1e6, "MB", .atMost(10), decimals: 2)]
}

/// The moments (UTC seconds) of a message's readings. SenML as `readings` has it: `bt` holds until it is said again,
/// `t` is left out when it is 0; `"bt":` and `"t":` cannot stand inside its texts, where quotes are escaped.
func arrivals(_ payload: [UInt8]) -> [Double] {
    var moments: [Double] = []
    var base = 0.0, offset = 0.0
    var index = 0
    func number(after key: StaticString) -> Double? {
        let length = key.utf8CodeUnitCount
        guard index + length <= payload.count else { return nil }
        for place in 0..<length where payload[index + place] != key.utf8Start[place] { return nil }
        let digits = payload[(index + length)...].prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "}") }
        return Double(String(decoding: digits, as: UTF8.self))
    }
    while index < payload.count {
        switch payload[index] {
        case UInt8(ascii: "{"): offset = 0
        case UInt8(ascii: "}"): moments.append(base + offset)
        case UInt8(ascii: "\""):
            if let told = number(after: "\"bt\":") { base = told }
            if let told = number(after: "\"t\":") { offset = told }
        default: break
        }
        index += 1
    }
    return moments
}
