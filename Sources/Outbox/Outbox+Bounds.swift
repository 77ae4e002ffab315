// The bounds of both tiers: what is over them is dropped, lane by lane, and every loss is counted and told.

import World

extension Outbox where D: ~Copyable {
    mutating func keepMemoryBound() {
        releaseMemory(to: limits.keepAcknowledgedBytes)
        while memory.bytes > limits.memoryBytesMax {
            // The flash takes nothing: the oldest readings go, and are told.
            guard
                let lane = [Lane.readings, .events, .security, .contributions].first(where: {
                    memory.first($0, from: 1) != nil
                }),
                let first = memory.first(lane, from: 1)
            else { return }
            countInMemory(lane, from: first)
            guard memory.drop(lane, on: &disk) != nil else { return }
        }
    }

    /// Tells what the oldest memory segment of the lane holds that nobody has acknowledged, before it is dropped.
    mutating func countInMemory(_ lane: Lane, from first: UInt64) {
        guard let range = memory.oldestSegment(lane) else { return }
        var counts = LossCounter()
        var lost: SequenceRange?
        for sequence in range.first...range.last {
            guard !uplink.contains(BatchID(stream: stream, lane: lane, sequence: sequence)),
                sequence > open.spilledThrough(lane), load(lane, sequence), let header = codec.header
            else { continue }
            counts.add(codec.readings, items: codec.items.count, lane: lane, table: tables[header.configHash])
            lost = SequenceRange(lost?.first ?? sequence, sequence)
        }
        guard let lost else { return }
        losses.append(
            Loss(stream: stream, lane: lane, range: lost, counts: counts.sorted, reason: "memory full, flash failing"))
        uplink.insert(lost, stream: stream, lane: lane)
        isCursorChanged = true
    }

    mutating func keepFlashBound(now: Boottime) {
        guard flash.bytes > limits.flashBytesMax, drop == nil else { return }
        let scanned = scan?.name
        let name = flash.nextToDrop { name in
            name == scanned || inFlight.contains { $0.stream == name.stream && $0.lane == name.lane && !$0.isLive }
        }
        guard let name else { return }
        if scan?.name == name { scan = nil }
        drop = DropScan(name: name, scan: SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes))
        continueDrop(now: now)
    }

    mutating func continueDrop(now: Boottime) {
        guard var current = drop else { return }
        var counts = LossCounter(current.counts)
        reading: while true {
            switch current.scan.next() {
            case .needsBytes:
                current.counts = counts.sorted
                drop = current
                queue.ask(current.scan.read, .dropRead)
                return
            case .block(let header, let at):
                let chunk = current.scan.chunk
                chunk.withUnsafeBytes { bytes in
                    let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                    if header.kind == .dictionary {
                        if let found = ChannelDictionary.decode(block, header: header) {
                            tables[found.configHash] = found.table
                        }
                    } else if codec.decode(block, header: header) {
                        for batch in codec.batches
                        where !uplink.contains(
                            BatchID(stream: header.stream, lane: header.lane, sequence: batch.sequence))
                        {
                            let readings = header.lane == .readings ? codec.readings(of: batch) : codec.readings
                            counts.add(
                                readings, items: batch.count, lane: header.lane, table: tables[header.configHash])
                            current.range = SequenceRange(current.range?.first ?? batch.sequence, batch.sequence)
                        }
                    }
                }
            case .end:
                break reading
            }
        }
        finishDrop(current, counts)
    }

    mutating func finishDrop(_ current: DropScan, _ counts: LossCounter) {
        drop = nil
        if let range = current.range {
            losses.append(
                Loss(
                    stream: current.name.stream, lane: current.name.lane, range: range, counts: counts.sorted,
                    reason: "outbox full"))
            uplink.insert(range, stream: current.name.stream, lane: current.name.lane)
            isCursorChanged = true
        }
        removeSegment(current.name)
    }

    mutating func finishDropRead(_ result: DiskCompletion.Result, now: Boottime) {
        guard var current = drop else { return }
        if case .bytes(let bytes) = result {
            current.scan.accept(bytes)
            drop = current
            continueDrop(now: now)
        } else {
            // It cannot even be read: what was in it is unknown, and that is said.
            current.range = SequenceRange(
                current.name.first,
                flash.index(of: current.name).flatMap { flash.segments[$0].last } ?? current.name.first)
            finishDrop(current, LossCounter(current.counts))
        }
    }

    mutating func removeSegment(_ name: SegmentName) {
        flash.remove(name)
        queue.ask(.remove(file: name.text), .remove)
        queue.ask(.syncDirectory, .remove)
        flash.offerAgain { $0.owesNumbers && $0.name.stream == name.stream && $0.name.lane == name.lane }
    }

    /// The cursor of a stream is forgotten when the last of its files is gone for certain, so that a crash in between
    /// does not deliver them again.
    mutating func finishRemoval(_ result: DiskCompletion.Result, now: Boottime) {
        if case .failed(let fault) = result, fault != .noSuchFile {
            diskFailed(fault, at: now)
            // It is still there: it is found again by looking, and removed then.
            listAgainAt = min(listAgainAt, diskRetryAt)
        } else {
            forgetStreamsThatAreGone()
        }
    }

    mutating func forgetStreamsThatAreGone() {
        guard recovery.isDone, listAgainAt == .distantFuture, !queue.isPending(.list), !queue.isPending(.remove) else {
            return
        }
        let before = uplink.parts.count
        let stream = stream
        let flash = flash
        uplink.keep { $0 == stream || flash.holds($0) }
        isCursorChanged = isCursorChanged || uplink.parts.count != before
    }
}

/// Counts of what is lost, by channel name.
struct LossCounter {
    private var counts: [String: UInt64] = [:]

    init(_ counts: [(name: String, count: UInt64)] = []) {
        for (name, count) in counts { self.counts[name] = count }
    }

    mutating func add(_ readings: UnsafeBufferPointer<Reading>, items: Int, lane: Lane, table: ChannelTable?) {
        guard lane == .readings else {
            counts[lane.name, default: 0] += UInt64(items)
            return
        }
        for reading in readings {
            let index = Int(reading.channel.rawValue)
            let name =
                table.map { index < $0.count ? $0.channels[index].name : "channel \(index)" } ?? "channel \(index)"
            counts[name, default: 0] += 1
        }
    }

    mutating func add(_ others: [(name: String, count: UInt64)]) {
        for (name, count) in others { counts[name, default: 0] += count }
    }

    var sorted: [(name: String, count: UInt64)] {
        counts.sorted { $0.key < $1.key }.map { (name: $0.key, count: $0.value) }
    }
}
