// An outbox in two folders, filled by a replay on the replay's own time: what an agent stores in an outage, without
// waiting for the outage.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import World

/// What the outbox of a configuration with default settings is bounded by; the flash has room for every backlog here.
func outboxLimits(channels: Int) -> OutboxLimits {
    OutboxLimits(
        recordsMax: Limits.batchReadings, channelsMax: max(channels, 64), lossWindow: .seconds(10),
        memoryBytesMax: 16 << 20, keepAcknowledgedBytes: 4 << 20, flashBytesMax: 4 << 30,
        memorySegmentBytes: Limits.memorySegmentBytes, flashSegmentBytes: Limits.flashSegmentBytes,
        readChunkBytes: Limits.readChunkBytes, liveAge: Limits.liveAge, historyOldestFirst: true)
}

/// Opens an outbox of this boot, or of one before: then what is in the folder is another boot's.
func openOutbox(_ table: ChannelTable, boot: BootID, runtime: String, state: String) throws -> Outbox<BoardDisk> {
    let disk = try BoardDisk(runtime: runtime, state: state, queueLimit: Limits.diskRequests)
    var random = Random(seed: boot.low)
    return try Outbox(
        disk: disk, limits: outboxLimits(channels: table.count),
        dictionary: ChannelDictionary(boot: boot, prefix: "nowhere/bench/", table: table), boot: boot, random: &random)
}

let benchAnchor = Anchor(offsetNanoseconds: 1_795_257_600_123_456_789, boundNanoseconds: 12_345_678)

/// Appends and seals every round, and spills when the outbox wants it, until so many readings are stored.
func fill(_ outbox: inout Outbox<BoardDisk>, from replay: inout Replay, readings: Int) throws {
    let descriptor = outbox.disk.descriptor
    try wait(for: descriptor, "the flash was not looked through") {
        outbox.step(now: Boottime(nanoseconds: 1), isOffering: false)
        return outbox.isRecovered
    }
    var stored = 0
    while stored < readings {
        replay.next { outbox.append($0) }
        outbox.seal(anchor: benchAnchor)
        stored += replay.channels
        let due = outbox.deadline()
        guard due <= replay.due else { continue }
        // Waited for, as the rivals wait for their syncs; the agent goes on meanwhile.
        try wait(for: descriptor, "a spill did not end") {
            outbox.step(now: due, isOffering: false)
            return outbox.isEverythingSpilled
        }
    }
    outbox.spillWhatIsDue(now: replay.due, isOffering: false, everything: true)
    try wait(for: descriptor, "the last spill did not end") {
        outbox.step(now: replay.due, isOffering: false)
        return outbox.isEverythingSpilled
    }
    guard outbox.diskState == .fine else { throw BenchFault("the flash failed: \(outbox.diskState)") }
}

private func wait(for descriptor: Int32, _ failure: String, until isDone: () -> Bool) throws {
    while !isDone() {
        var answers = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&answers, 1, 10_000) > 0 else { throw BenchFault(failure) }
    }
}

/// A state folder with a backlog of so many readings as an outage of an earlier boot leaves it: 16 channels at 1 Hz.
/// On a tmpfs, where a sync costs nothing, it is made in seconds.
func makeBacklog(_ data: RealData, readings: Int, in state: String) throws {
    let runtime = try Folder(under: memoryFolder())
    var replay = Replay(data, channels: 16, every: .seconds(1))
    var outbox = try openOutbox(
        data.table(channels: 16), boot: BootID(high: 1, low: 0xB007), runtime: runtime.path, state: state)
    try fill(&outbox, from: &replay, readings: readings)
}

/// The runtime directory is a tmpfs in service.
func memoryFolder() -> String { isDirectory("/dev/shm") ? "/dev/shm" : "/tmp" }

/// Reads every segment of the folder from front to back, as the drain does, and decodes every block.
func readBack(_ state: String) throws -> (readings: Int, bytes: Int) {
    var codec = BatchCodec(recordsMax: Limits.batchReadings, channelsMax: 1_024)
    var readings = 0, bytes = 0
    try forEachBlock(state) { block, header in
        guard header.lane == .readings, header.kind == .batches else { return }
        guard codec.decode(block, header: header) else { throw BenchFault("a stored block cannot be decoded") }
        readings += codec.readings.count
        bytes += header.length
    }
    return (readings, bytes)
}

/// `reading`: takes the time of the reads alone.
func forEachBlock(
    _ state: String, reading: Stopwatch = Stopwatch(), _ take: (UnsafeRawBufferPointer, BlockHeader) throws -> Void
) throws {
    for name in try listDirectory(state).filter({ SegmentName($0) != nil }).sorted() {
        let file = open(state + "/" + name, O_RDONLY)
        guard file >= 0 else { throw BenchFault("\(name): \(systemReason(errno))") }
        defer { close(file) }
        var scan = SegmentScan(file: name, chunkBytes: Limits.readChunkBytes)
        scanning: while true {
            switch scan.next() {
            case .end: break scanning
            case .needsBytes:
                guard case .read(_, let offset, let count) = scan.read else { return }
                let bytes = reading.time {
                    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                        filled = max(0, pread(file, buffer.baseAddress!, count, off_t(offset)))
                    }
                }
                scan.accept(bytes)
            case .block(let header, let at):
                let chunk = scan.chunk
                try chunk.withUnsafeBytes {
                    try take(UnsafeRawBufferPointer(rebasing: $0[at..<at + header.length]), header)
                }
            }
        }
    }
}
