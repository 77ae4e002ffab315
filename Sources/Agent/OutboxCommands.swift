// `cityedge outbox`: what an outbox holds, live or dead, read from its files alone. Nothing is changed; a live agent
// may go on writing meanwhile, and what it has not finished writing counts as a torn tail.

import LinuxWorld
import Outbox
import World

/// Blocks of all segments of one folder, in the order of their names.
private struct StoredFolder {
    let path: String
    private(set) var names: [(SegmentName, String)] = []

    init(_ path: String) throws(Failure) {
        self.path = path
        do throws(SystemError) {
            for name in try listDirectory(path).sorted() {
                if let segment = SegmentName(name) { names.append((segment, name)) }
            }
        } catch {
            throw Failure(.disk, "\(path): \(error.reason); expected the folder of an outbox; give --state FOLDER")
        }
    }

    /// Visits every sound block; answers how many bytes belong to none.
    func visit(
        _ name: String, _ codec: inout BatchCodec, _ block: (BlockHeader, inout BatchCodec, ChannelDictionary?) -> Void
    ) throws(Failure) -> (bytes: Int, damaged: Int) {
        let content: [UInt8]
        do throws(SystemError) { content = try readFile(path + "/" + name, limit: 64 << 20) } catch {
            throw Failure(.disk, "\(path)/\(name): \(error.reason)")
        }
        var scan = SegmentScan(file: name, chunkBytes: max(content.count, 1) + 1)
        scan.accept(content)
        while true {
            switch scan.next() {
            case .needsBytes, .end: return (content.count, scan.damagedBytes)
            case .block(let header, let at):
                content.withUnsafeBytes { bytes in
                    let slice = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                    if header.kind == .dictionary {
                        block(header, &codec, ChannelDictionary(slice, header: header))
                    } else if codec.decode(slice, header: header) {
                        block(header, &codec, nil)
                    }
                }
            }
        }
    }
}

private func makeCodec() -> BatchCodec { BatchCodec(recordsMax: 65_535, channelsMax: 1_024) }

private struct LaneSummary {
    var segments = 0
    var bytes = 0
    var damaged = 0
    var batches = 0
    var records = 0
    var first = UInt64.max
    var last: UInt64 = 0
}

/// Prints a line for each stream and lane. With `isVerifying` it fails when anything is damaged.
public func outboxStats(state: String, isVerifying: Bool) throws(Failure) {
    let folder = try StoredFolder(state)
    var codec = makeCodec()
    var summaries: [(key: String, summary: LaneSummary)] = []
    var damaged = 0
    for (name, file) in folder.names {
        let key = "\(name.stream) \(name.lane.name)"
        if summaries.last?.key != key { summaries.append((key, LaneSummary())) }
        var summary = summaries[summaries.count - 1].summary
        let (bytes, lost) = try folder.visit(file, &codec) { header, codec, dictionary in
            guard dictionary == nil else { return }
            summary.batches += header.count
            summary.records += header.lane == .readings ? codec.readings.count : codec.items.count
            summary.first = min(summary.first, header.first)
            summary.last = max(summary.last, header.last)
        }
        summary.segments += 1
        summary.bytes += bytes
        summary.damaged += lost
        damaged += lost
        if isVerifying, lost > 0 { printLine("\(file): \(lost) of \(bytes) bytes are damaged; the rest is sound") }
        summaries[summaries.count - 1].summary = summary
    }
    for (key, summary) in summaries {
        let numbers = summary.batches > 0 ? "\(summary.first)-\(summary.last)" : "none"
        printLine(
            "stream \(key): \(summary.segments) segments, \(summary.bytes) bytes, "
                + "\(summary.batches) batches (\(numbers)), "
                + "\(summary.records) records, \(summary.damaged) bytes damaged")
    }
    if let checkpoint = readCheckpoint(state) {
        printLine(
            "checkpoint: generation \(checkpoint.generation), stream \(checkpoint.stream), "
                + (checkpoint.isOrderly ? "orderly stop" : "in service") + ", \(checkpoint.counters.count) counters")
    }
    if summaries.isEmpty { printLine("\(state): holds no batches") }
    guard !isVerifying || damaged == 0 else {
        throw Failure(.disk, "\(damaged) bytes are damaged; the agent starts all the same and delivers the rest")
    }
}

private func readCheckpoint(_ state: String) -> Checkpoint? {
    guard let bytes = try? readFile(state + "/" + StateFile.checkpoint, limit: 2 * Checkpoint.slotBytes) else {
        return nil
    }
    return bytes.withUnsafeBytes { Checkpoint.newest(in: $0) }
}

/// Prints every record as a line of JSON: readings with their values, items as they are published.
public func outboxDump(state: String) throws(Failure) {
    let folder = try StoredFolder(state)
    var codec = makeCodec()
    for (_, file) in folder.names {
        var table: ChannelTable?
        _ = try folder.visit(file, &codec) { header, codec, dictionary in
            if let dictionary { table = dictionary.table }
            guard dictionary == nil else { return }
            let head = "{\"stream\":\"\(header.stream)\",\"lane\":\"\(header.lane.name)\",\"seq\":"
            for batch in codec.batches where header.lane == .readings {
                for reading in codec.readings(of: batch) {
                    printLine(head + "\(batch.sequence)," + fields(reading, codec.anchor, table))
                }
            }
            for item in codec.items {
                let body = String(decoding: item.body, as: UTF8.self)
                printLine(head + "\(header.first)," + time(item.time, codec.anchor) + ",\"item\":{\(body)}}")
            }
        }
    }
}

private func fields(_ reading: Reading, _ anchor: Anchor?, _ table: ChannelTable?) -> String {
    let index = Int(reading.channel.rawValue)
    let channel = table.flatMap { index < $0.count ? $0.channels[index] : nil }
    let name = quoted(channel?.name ?? "channel-\(index)")
    var text = time(reading.acquired, anchor) + ",\"n\":\(name)"
    if let channel { text += ",\"u\":\(quoted(channel.unit))" }
    if reading.quality.grade == .bad {
        text += ",\"bad\":\(quoted(reading.quality.reason))"
    } else {
        text += ",\"v\":\(decimal(reading.value, scale: channel?.scale ?? 0))"
        if reading.quality != .good { text += ",\"uncertain\":\(quoted(reading.quality.reason))" }
    }
    return text + "}"
}

/// UTC seconds when the batch was settled, else nanoseconds since its boot.
private func time(_ moment: Boottime, _ anchor: Anchor?) -> String {
    guard let anchor else { return "\"boot_ns\":\"\(moment.nanoseconds)\"" }
    let micros = anchor.utc(moment).nanoseconds / 1_000
    return "\"utc\":\(decimal(micros, scale: -6))"
}
