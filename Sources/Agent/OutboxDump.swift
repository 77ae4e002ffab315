// `cityedge outbox dump`: every record as a line of JSON, readings with their values, items as they are published. It
// is for whoever stands at the node: readings that are withheld from the broker are in it.

import LinuxWorld
import Outbox
import World

public func outboxDump(_ place: OutboxPlace) throws(Failure) {
    let stored = try StoredOutbox(place)
    if stored.isNothing { throw Failure(.usage, stored.nothingText) }
    var walk = SegmentWalk()
    var tables: [UInt32: ChannelTable] = [:]
    // What is in both tiers is printed once.
    var printed: [BatchLane: NumberSet] = [:]
    for segment in stored.segments {
        let known = stored.anchor(of: segment.name.stream)
        let lane = BatchLane(stream: segment.name.stream, lane: segment.name.lane)
        do throws(SystemError) {
            _ = try walk.walk(segment.path, segment.name) { header, _, block, codec in
                if case .dictionary(let dictionary) = block { tables[dictionary.configHash] = dictionary.table }
                guard case .batches = block else { return }
                let head = "{\"stream\":\"\(header.stream)\",\"lane\":\"\(header.lane.name)\",\"seq\":"
                let anchor = codec.anchor ?? known
                let names = tables[header.configHash].map { header.isThinned ? $0.thinned : $0 }
                var seen = printed[lane] ?? NumberSet()
                for batch in codec.batches where seen.insert(batch.sequence) {
                    let start = head + "\(batch.sequence),"
                    guard header.lane != .readings else {
                        for reading in codec.readings(of: batch) {
                            printLine(start + fields(reading, anchor, names))
                        }
                        continue
                    }
                    for item in codec.items[batch.start..<batch.start + batch.count] {
                        let body = String(decoding: item.body, as: UTF8.self)
                        printLine(start + time(item.time, anchor) + ",\"item\":{\(body)}}")
                    }
                }
                printed[lane] = seen
            }
        } catch { throw Failure(.usage, "\(error); try again with sudo") }
    }
}

private struct BatchLane: Hashable {
    var stream: StreamID
    var lane: Lane
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
