// Walking through what is stored of an earlier stream, block by block, for a consumer that reads the flash at its own
// pace.

public import World

/// A walk through the segments of one stream and lane, oldest first.
public struct StoredWalk {
    public let stream: StreamID
    public let lane: Lane
    var remaining: [SegmentName]
    var scan: SegmentScan?
    /// The read that is under way.
    var awaiting: UInt64?
}

public enum WalkStep: Equatable, Sendable {
    /// `codec` holds the next block.
    case block
    /// The flash is being read: ask again after a completion.
    case wait
    case end
}

extension Outbox where D: ~Copyable {
    /// Streams other than the present one of which the flash holds readings, oldest first.
    public var earlierStreams: [StreamID] {
        var found: [StreamID] = []
        for segment in flash.segments where segment.name.lane == .readings && segment.name.stream != stream {
            if !found.contains(segment.name.stream) { found.append(segment.name.stream) }
        }
        return found
    }

    /// Until it is let go, segments of the stream's readings are kept though they are acknowledged.
    public mutating func hold(_ streams: [StreamID]) { heldStreams = streams }
    public mutating func release(_ stream: StreamID) { heldStreams.removeAll { $0 == stream } }

    public mutating func beginWalk(_ stream: StreamID, _ lane: Lane) {
        walk = StoredWalk(
            stream: stream, lane: lane,
            remaining: flash.segments.filter { $0.name.stream == stream && $0.name.lane == lane }.map(\.name))
    }

    /// The next block of the walk that was begun.
    public mutating func nextOfWalk() -> WalkStep {
        while walk != nil {
            if walk!.awaiting != nil { return .wait }
            guard walk!.scan != nil else {
                guard !walk!.remaining.isEmpty else { break }
                let name = walk!.remaining.removeFirst()
                walk!.scan = SegmentScan(file: name.text, chunkBytes: limits.readChunkBytes)
                continue
            }
            switch walk!.scan!.next() {
            case .needsBytes:
                walk!.awaiting = queue.ask(walk!.scan!.read, .walkRead)
                queue.submit(to: &disk)
                return .wait
            case .end: walk!.scan = nil
            case .block(let header, let at):
                let chunk = walk!.scan!.chunk
                let isUsable = chunk.withUnsafeBytes { bytes in
                    let block = UnsafeRawBufferPointer(rebasing: bytes[at..<at + header.length])
                    if header.kind == .dictionary {
                        if let found = ChannelDictionary.decode(block, header: header) {
                            tables[found.configHash] = found.table
                            boots[header.stream] = found.boot
                        }
                        return false
                    }
                    return header.stream == walk!.stream && header.lane == walk!.lane
                        && codec.decode(block, header: header)
                }
                if isUsable {
                    let anchor = header.isThinned ? nil : codec.anchor
                    learnTime(of: header.stream, by: anchor)
                    return .block
                }
            }
        }
        walk = nil
        return .end
    }

    mutating func finishWalkRead(_ token: UInt64, _ result: DiskCompletion.Result) {
        guard walk != nil, walk!.awaiting == token else { return }
        walk!.awaiting = nil
        // What cannot be read is passed over: its readings are missing covered time.
        if case .bytes(let bytes) = result { walk!.scan?.accept(bytes) } else { walk!.scan = nil }
    }
}
