// Which outcomes a change can have, and what each makes of a file's content.

import World

extension FlashChange {
    var isOfDirectory: Bool {
        switch self {
        case .create, .remove: true
        case .write, .truncate: false
        }
    }

    /// Every outcome that a power cut can choose for this change (garbage once), for short traces to be tried in full.
    public var outcomes: [FlashOutcome] {
        guard case .write(_, _, let bytes) = self, !bytes.isEmpty else { return [.applied, .dropped] }
        return [.applied, .dropped] + edges.flatMap { [.tornBefore($0), .tornAfter($0)] } + [
            .zeroed, .garbage(seed: 1),
        ]
    }

    /// One of the outcomes, chosen by the generator.
    func outcome(using random: inout Random) -> FlashOutcome {
        let draw = random.below(100)
        let detail = random.next()
        guard case .write(_, _, let bytes) = self, !bytes.isEmpty else { return draw < 50 ? .applied : .dropped }
        switch draw {
        case ..<35: return .applied
        case ..<60: return .dropped
        case ..<90:
            let edges = edges
            guard !edges.isEmpty else { return draw < 75 ? .applied : .dropped }
            let edge = edges.lowerEdge + Int(detail >> 1) % edges.count * Flash.sectorBytes
            return detail & 1 == 0 ? .tornBefore(edge) : .tornAfter(edge)
        case ..<95: return .zeroed
        default: return .garbage(seed: detail)
        }
    }

    /// The offsets at which a write can be torn.
    private var edges: SectorEdges {
        guard case .write(_, let offset, let bytes) = self else { return SectorEdges(first: 0, end: 0) }
        return SectorEdges(first: (offset / Flash.sectorBytes + 1) * Flash.sectorBytes, end: offset + bytes.count)
    }

    func apply(_ outcome: FlashOutcome, to content: inout [UInt8]) {
        switch self {
        case .create, .remove: invariantFailed("a change of the directory is not one of content")
        case .truncate(_, let bytes):
            guard outcome != .dropped else { return }
            if bytes < content.count {
                content.removeLast(content.count - bytes)
            } else {
                content.append(contentsOf: repeatElement(0, count: bytes - content.count))
            }
        case .write(_, let offset, let bytes):
            switch outcome {
            case .dropped: return
            case .applied: Self.put(bytes[...], at: offset, in: &content)
            case .tornBefore(let edge): Self.put(bytes[..<(edge - offset)], at: offset, in: &content)
            case .tornAfter(let edge): Self.put(bytes[(edge - offset)...], at: edge, in: &content)
            case .zeroed: Self.put(ArraySlice(repeating: 0, count: bytes.count), at: offset, in: &content)
            case .garbage(let seed):
                var random = Random(seed: seed)
                let garbage = bytes.map { _ in UInt8(truncatingIfNeeded: random.next()) }
                Self.put(garbage[...], at: offset, in: &content)
            }
        }
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, in content: inout [UInt8]) {
        let end = offset + bytes.count
        if content.count < end { content.append(contentsOf: repeatElement(0, count: end - content.count)) }
        content.replaceSubrange(offset..<end, with: bytes)
    }
}

/// The multiples of a sector strictly inside a range.
private struct SectorEdges: Sequence {
    let lowerEdge: Int
    let count: Int

    init(first: Int, end: Int) {
        lowerEdge = first
        count = first < end ? (end - first - 1) / Flash.sectorBytes + 1 : 0
    }

    var isEmpty: Bool { count == 0 }

    func makeIterator() -> StrideTo<Int>.Iterator {
        stride(from: lowerEdge, to: lowerEdge + count * Flash.sectorBytes, by: Flash.sectorBytes).makeIterator()
    }
}
