// The bound of the memory tier, removals, and the counting of what is lost. The flash's bound is `Outbox+Evict.swift`.

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
        var tombstones = Tombstones()
        for sequence in range.first...range.last {
            guard !uplink.contains(BatchID(stream: stream, lane: lane, sequence: sequence)),
                sequence > open.spilledThrough(lane), load(lane, sequence), let header = codec.header
            else { continue }
            counts.add(codec.readings, items: codec.items.count, header, tables[header.configHash])
            if lane == .events { tombstones.add(codec.items, readTombstone) }
            lost = SequenceRange(lost?.first ?? sequence, sequence)
        }
        guard let lost else { return }
        losses += tombstones.merged
        losses.append(
            Loss(stream: stream, lane: lane, range: lost, counts: counts.sorted, reason: "memory full, flash failing"))
        uplink.insert(lost, stream: stream, lane: lane)
        isCursorChanged = true
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

    var isEmpty: Bool { counts.isEmpty }

    init(_ counts: [(name: String, count: UInt64)] = []) {
        for (name, count) in counts { self.counts[name] = count }
    }

    mutating func add(
        _ readings: UnsafeBufferPointer<Reading>, items: Int, _ header: BlockHeader, _ table: ChannelTable?
    ) {
        guard header.lane == .readings else {
            counts[header.lane.name, default: 0] += UInt64(items)
            return
        }
        add(readings, of: header.isThinned ? table?.toldThinned : table)
    }

    mutating func add(_ readings: UnsafeBufferPointer<Reading>, of table: ChannelTable?) {
        // By number first: a name is looked up once for each channel, not for each reading.
        var numbers: [UInt16: UInt64] = [:]
        for reading in readings { numbers[reading.channel.rawValue, default: 0] += 1 }
        for (number, count) in numbers {
            let index = Int(number)
            let name = table.flatMap { index < $0.count ? $0.channels[index].name : nil } ?? "channel \(index)"
            counts[name, default: 0] += count
        }
    }

    mutating func add(_ others: [(name: String, count: UInt64)]) {
        for (name, count) in others { counts[name, default: 0] += count }
    }

    var sorted: [(name: String, count: UInt64)] {
        counts.sorted { $0.key < $1.key }.map { (name: $0.key, count: $0.value) }
    }
}

/// Tombstones in events that are lost themselves: merged into one a stream and lane, which are told again. Those that
/// name the same numbers stay apart: a power cut may have brought back what was told, and whoever adds them up sees by
/// the numbers what was told twice. So do those of which nobody knows how much they stand for: a sum would hide it.
struct Tombstones {
    private(set) var merged: [Loss] = []
    /// Merges those that name the same numbers too, when there is no room for both: the sum may then be too large,
    /// never too small.
    var isTight = false
    /// How many were added, and how large they were; `bytes`: with what is not told again.
    private var count = 0, told = 0, bytes = 0
    /// Beyond so many streams and lanes only counts are kept, with another stream's of the lane.
    private static var lossesMax: Int { 64 }

    mutating func add(_ items: [Item], _ read: ([UInt8]) -> Loss?) {
        for item in items {
            bytes += item.body.count
            guard let loss = read(item.body) else { continue }
            count += 1
            told += item.body.count
            add(loss)
        }
    }

    /// So many bytes beside them are given up with nothing to tell.
    mutating func addSilent(_ bytes: Int) { self.bytes += bytes }

    /// Told again, and with one more for what they stood in, they take at most three quarters of the room. (Were less
    /// enough, they would be given up and told again without end.)
    var makeRoom: Bool {
        guard count > 0 else { return true }
        return (merged.count + 1) * (told / count) <= bytes - bytes / 4
    }

    private mutating func add(_ loss: Loss) {
        let same = merged.firstIndex {
            $0.stream == loss.stream && $0.lane == loss.lane && ($0.range == nil) == (loss.range == nil)
                && $0.counts.isEmpty == loss.counts.isEmpty && (isTight || !Self.overlap($0.range, loss.range))
        }
        let stead = merged.count < Self.lossesMax ? nil : merged.firstIndex {
            $0.lane == loss.lane && $0.counts.isEmpty == loss.counts.isEmpty
        }
        guard let index = same ?? stead else {
            merged.append(loss)
            return
        }
        var counts = LossCounter(merged[index].counts)
        counts.add(loss.counts)
        merged[index].counts = counts.sorted
        if same != nil, let old = merged[index].range, let new = loss.range {
            merged[index].range = SequenceRange(min(old.first, new.first), max(old.last, new.last))
        }
        if merged[index].reason != loss.reason { merged[index].reason = "several, merged" }
    }

    private static func overlap(_ a: SequenceRange?, _ b: SequenceRange?) -> Bool {
        guard let a, let b else { return false }
        return a.first <= b.last && b.first <= a.last
    }
}
