// Figures of the outbox: bytes a reading, readings a second, beside SQLite and JSON lines on the same readings in the
// same run.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import World

private let runs = 5
private let clock = LinuxClock()

/// Seconds that the fastest of several runs took.
private func fastest(_ body: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<runs { best = min(best, try seconds(body)) }
    return best
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let begin = clock.now()
    try body()
    return Double((clock.now() - begin).nanoseconds) / 1e9
}

func outboxFigures(_ data: RealData) throws -> [Figure] {
    print("real data: \(data.series.map(\.name).joined(separator: ", "))")
    return try sizeOnFlashFigures(data) + speedFigures(data) + rivalFigures(data)
}

// MARK: Size

/// Bytes a reading of the segments, with the dictionaries and block headers in them.
private func sizeOnFlash(_ data: RealData, channels: Int, every: Duration, readings: Int) throws -> Double {
    let runtime = try Folder(under: memoryFolder()), state = try Folder(under: memoryFolder())
    var replay = Replay(data, channels: channels, every: every)
    var outbox = try openOutbox(
        data.table(channels: channels), boot: BootID(high: 1, low: 1), runtime: runtime.path, state: state.path)
    try fill(&outbox, from: &replay, readings: readings)
    return Double(outbox.flashBytes) / Double(readings)
}

private func sizeOnFlashFigures(_ data: RealData) throws -> [Figure] {
    [
        Figure(
            "outbox: stored, 16 channels at 1 Hz, blocks of 5 s",
            try sizeOnFlash(data, channels: 16, every: .seconds(1), readings: 160_000), "bytes a reading", .atMost(2.5),
            decimals: 2),
        Figure(
            "outbox: stored, 8 channels every 60 s, a block a batch",
            try sizeOnFlash(data, channels: 8, every: .seconds(60), readings: 16_000), "bytes a reading", decimals: 2),
    ]
}

// MARK: Speed

private func speedFigures(_ data: RealData) throws -> [Figure] {
    let count = 2_000_000
    var replay = Replay(data, channels: 16, every: .seconds(1))
    var readings: [Reading] = []
    readings.reserveCapacity(count)
    while readings.count < count { replay.next { readings.append($0) } }

    /// Into the open batch and sealed into the memory tier, whose files are on a tmpfs.
    func append(batch: Int) throws -> Double {
        try fastest {
            let runtime = try Folder(under: memoryFolder()), state = try Folder(under: memoryFolder())
            var outbox = try openOutbox(
                data.table(channels: 16), boot: BootID(high: 1, low: 1), runtime: runtime.path, state: state.path)
            var left = batch
            for reading in readings {
                outbox.append(reading)
                left -= 1
                guard left == 0 else { continue }
                outbox.seal(anchor: benchAnchor)
                left = batch
            }
        }
    }
    let small = try append(batch: 16), large = try append(batch: Limits.batchReadings)

    let state = try Folder(under: memoryFolder())
    try makeBacklog(data, readings: count, in: state.path)
    let reading = try fastest {
        let found = try readBack(state.path)
        guard found.readings == count else { throw BenchFault("\(found.readings) of \(count) readings read back") }
    }
    let millions = Double(count) / 1e6
    return [
        Figure(
            "outbox: append and seal, batches of 1,000", millions / large, "million readings/s", .atLeast(2),
            decimals: 2),
        Figure(
            "outbox: append and seal, a batch of 16 each second", millions / small, "million readings/s", .atLeast(2),
            decimals: 2),
        Figure(
            "outbox: read back, blocks of 5 s, CRC checked", millions / reading, "million readings/s", .atLeast(5),
            decimals: 2),
    ]
}

// MARK: Rivals

/// What one store costs.
private struct Cost {
    var name: String
    var storedBytes = 0.0
    var appendSeconds = 0.0
    var readSeconds = 0.0
    var writtenBytes = 0.0
}

private func rivalFigures(_ data: RealData) throws -> [Figure] {
    let count = 160_000, table = data.table(channels: 16)
    // On a disk, not on a tmpfs: what is compared is what survives a power cut.
    let folder = try Folder(under: "/tmp")
    let runtime = try Folder(under: memoryFolder())
    var costs: [Cost] = []

    var ours = Cost(name: "outbox")
    let state = folder.path + "/state"
    try makeDirectory(state)
    let before = try bytesWritten()
    ours.appendSeconds = try seconds {
        var replay = Replay(data, channels: 16, every: .seconds(1))
        var outbox = try openOutbox(table, boot: BootID(high: 1, low: 1), runtime: runtime.path, state: state)
        try fill(&outbox, from: &replay, readings: count)
        ours.storedBytes = Double(outbox.flashBytes)
    }
    ours.writtenBytes = try bytesWritten() - before
    ours.readSeconds = try fastest { _ = try readBack(state) }
    costs.append(ours)

    for mode in ["FULL", "NORMAL"] {
        var cost = Cost(name: "SQLite, WAL, \(mode)")
        let path = folder.path + "/\(mode).db"
        let before = try bytesWritten()
        let store = try SQLiteStore(path, synchronous: mode)
        cost.appendSeconds = try seconds {
            try forEachFiveSeconds(data, count, { try store.append($0) }, { try store.commit() })
            try store.finish()
        }
        cost.writtenBytes = try bytesWritten() - before
        cost.storedBytes = try fileBytes(path)
        cost.readSeconds = try fastest {
            guard try store.readBack().readings == count else { throw BenchFault("SQLite lost readings") }
        }
        costs.append(cost)
    }

    var lines = Cost(name: "JSON lines")
    let path = folder.path + "/readings.jsonl"
    let linesBefore = try bytesWritten()
    let store = try JSONLinesStore(path, table)
    lines.appendSeconds = try seconds {
        try forEachFiveSeconds(data, count, { store.append($0) }, { try store.commit() })
    }
    lines.writtenBytes = try bytesWritten() - linesBefore
    lines.storedBytes = try fileBytes(path)
    lines.readSeconds = try fastest {
        guard try store.readBack().readings == count else { throw BenchFault("JSON lines lost readings") }
    }
    costs.append(lines)

    return costs.flatMap { rows(of: $0, beside: costs[0], count: Double(count)) }
}

private func rows(of cost: Cost, beside ours: Cost, count: Double) -> [Figure] {
    func ratio(_ value: Double) -> String { cost.name == ours.name ? "" : ", \(fixed(value, 1)) × outbox" }
    let name = "durable every 5 s: \(cost.name)"
    return [
        Figure(
            "\(name): stored", cost.storedBytes / count,
            "bytes a reading" + ratio(cost.storedBytes / ours.storedBytes), decimals: 2),
        Figure(
            "\(name): append", count / cost.appendSeconds / 1e6,
            "million readings/s" + ratio(ours.appendSeconds / cost.appendSeconds), decimals: 3),
        Figure(
            "\(name): read back", count / cost.readSeconds / 1e6,
            "million readings/s" + ratio(ours.readSeconds / cost.readSeconds), decimals: 2),
        Figure(
            "\(name): written to disk", cost.writtenBytes / count,
            "bytes a reading" + ratio(cost.writtenBytes / ours.writtenBytes), decimals: 1),
    ]
}

private func forEachFiveSeconds(
    _ data: RealData, _ count: Int, _ append: (Reading) throws -> Void, _ commit: () throws -> Void
) throws {
    var replay = Replay(data, channels: 16, every: .seconds(1))
    var round: [Reading] = []
    for number in 1...count / replay.channels {
        round.removeAll(keepingCapacity: true)
        replay.next { round.append($0) }
        for reading in round { try append(reading) }
        if number % 5 == 0 { try commit() }
    }
}

/// What this process has made the kernel write to disks, in whole pages (Documentation/filesystems/proc.rst: io).
private func bytesWritten() throws -> Double {
    let lines = try text("/proc/self/io").split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("write_bytes:") }),
        let number = line.split(separator: " ").last.flatMap({ Double($0) })
    else { throw BenchFault("/proc/self/io does not say what was written") }
    return number
}

private func fileBytes(_ path: String) throws -> Double {
    var status = stat()
    guard stat(path, &status) == 0 else { throw BenchFault("\(path): \(systemReason(errno))") }
    return Double(status.st_size)
}
