// Numbers of readings batches that held withheld channels alone: they are not sent, and named in a message instead, so
// that nobody takes them for lost.

import Outbox
import World

/// Consecutive numbers of one stream.
struct SkippedRange: Equatable {
    var stream: StreamID
    var range: SequenceRange
}

/// Bounded; kept in the runtime directory, because the cursor moves before they are told.
struct SkippedNumbers {
    static let fileName = "skipped"
    static let rangesMax = 64
    private static let rangeBytes = 24

    /// To be told.
    private(set) var pending: [SkippedRange] = []
    /// In the message that is being made.
    private(set) var attached: [SkippedRange] = []
    private var inFlight: [(id: MessageID, ranges: [SkippedRange])] = []
    /// The oldest pending one waits since then.
    private(set) var since = Boottime.distantFuture
    /// A message of their own was not taken: not again before.
    var notBefore = Boottime(nanoseconds: 0)
    /// It is not as it was last kept.
    var isChanged = false

    var isEmpty: Bool { pending.isEmpty && attached.isEmpty && inFlight.isEmpty }

    /// False when there is no room: the batch is sent, empty.
    mutating func note(_ stream: StreamID, _ number: UInt64, at now: Boottime) -> Bool {
        let isNoted = (pending + attached).contains {
            $0.stream == stream && $0.range.first <= number && number <= $0.range.last
        }
        if isNoted { return true }
        if let place = pending.firstIndex(where: { $0.stream == stream && $0.range.last + 1 == number }) {
            pending[place].range.last = number
        } else {
            guard pending.count + attached.count + inFlight.reduce(0, { $0 + $1.ranges.count }) < Self.rangesMax else {
                return false
            }
            pending.append(SkippedRange(stream: stream, range: SequenceRange(number, number)))
        }
        since = min(since, now)
        isChanged = true
        return true
    }

    /// The next range to say in a message of this stream (nil: of any).
    mutating func attach(_ stream: StreamID?) -> SkippedRange? {
        guard let place = pending.firstIndex(where: { stream == nil || $0.stream == stream }) else { return nil }
        let found = pending.remove(at: place)
        attached.append(found)
        if pending.isEmpty { since = .distantFuture }
        return found
    }

    /// The message was not handed over.
    mutating func takeBack(at now: Boottime) {
        guard !attached.isEmpty else { return }
        pending = attached + pending
        attached = []
        since = min(since, now)
    }

    mutating func sent(_ id: MessageID) {
        guard !attached.isEmpty else { return }
        inFlight.append((id, attached))
        attached = []
    }

    mutating func answered(_ id: MessageID, isTaken: Bool, at now: Boottime) {
        guard let place = inFlight.firstIndex(where: { $0.id == id }) else { return }
        let ranges = inFlight.remove(at: place).ranges
        isChanged = true
        guard !isTaken else { return }
        pending = ranges + pending
        since = min(since, now)
    }

    mutating func sessionEnded(at now: Boottime) {
        guard !inFlight.isEmpty else { return }
        pending = inFlight.flatMap(\.ranges) + pending
        inFlight = []
        since = min(since, now)
    }

    // MARK: In the runtime directory

    var encoded: [UInt8] {
        let all = attached + inFlight.flatMap(\.ranges) + pending
        let words = [UInt64(all.count)] + all.flatMap { [$0.stream.rawValue, $0.range.first, $0.range.last] }
        return words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    init() {}

    init<D: Disk & ~Copyable>(of disk: inout D, at now: Boottime) {
        var bytes = [UInt8](repeating: 0, count: 8 + Self.rangesMax * Self.rangeBytes)
        let count = bytes.withUnsafeMutableBytes { buffer in
            (try? disk.runtimeRead(Self.fileName, at: 0, into: buffer)) ?? 0
        }
        func word(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        }
        guard count >= 8, word(0) <= UInt64(Self.rangesMax), count >= 8 + Int(word(0)) * Self.rangeBytes else { return }
        for place in 0..<Int(word(0)) {
            let offset = 8 + place * Self.rangeBytes
            let first = word(offset + 8), last = word(offset + 16)
            guard 1 <= first, first <= last else { continue }
            pending.append(
                SkippedRange(stream: StreamID(rawValue: word(offset)), range: SequenceRange(first, last)))
        }
        if !pending.isEmpty { since = now }
    }
}
