// What a batch says of itself in every encoding, and how its moments are written.

public import World

/// Whose word the times of a message are.
public enum ClockState: String, Sendable, Hashable {
    /// Times are UTC.
    case synced
    /// Times are relative to the moment of encoding.
    case unsettled
}

/// The identity of a batch is (node, stream, lane, seq).
public struct BatchHead: Sendable, Equatable {
    public var stream: UInt64
    public var seq: UInt64
    /// The hash of the configuration that gives its numbers their meaning (`ChannelTable.configHash`).
    public var config: String
    /// Whose boottime the batch's moments are on.
    public var bootID: String
    /// Ties that boot's clock to UTC; nil as long as that is not known.
    public var anchor: Anchor?
    /// Without an anchor: that boot began no earlier, and had ended no later; nil as far as that is not known.
    public var notBefore: UTC?
    public var notAfter: UTC?

    /// Its records are windows of readings that had to go.
    public var isThinned: Bool
    /// Numbers of the stream that were left out, because nothing in them is to be published.
    public var skipped: SequenceRange?

    public init(
        stream: UInt64, seq: UInt64, config: String, bootID: String, anchor: Anchor?, notBefore: UTC? = nil,
        notAfter: UTC? = nil, isThinned: Bool = false
    ) {
        self.stream = stream
        self.seq = seq
        self.config = config
        self.bootID = bootID
        self.anchor = anchor
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.isThinned = isThinned
    }
}

/// How the moments of one batch become numbers: a base, said once, and offsets from it, all in whole microseconds.
///
/// Settled, the base is UTC of the first record. Unsettled, it is the moment of encoding on the clock of the batch's
/// own boot, and no offset is above zero. Either way base + offset is the record's moment exactly, rounded down to
/// microseconds.
struct TimeBase {
    let clock: ClockState
    /// Added to a boottime before rounding.
    private let shiftNanoseconds: Int64
    /// UTC or boottime.
    let microseconds: Int64

    /// An anchor that says something before 2020 was made of a clock that was never set, and is no anchor. (SenML
    /// would even take a time below 2^28 s, July 1978, for a relative one: RFC 8428 section 4.5.3.)
    init(anchor: Anchor?, first: Boottime?, encodedAt: Boottime) {
        if let anchor {
            let base = anchor.utc(first ?? encodedAt)
            if base >= .earliest {
                clock = .synced
                shiftNanoseconds = anchor.offsetNanoseconds
                microseconds = Self.floorMicroseconds(base.nanoseconds)
                return
            }
        }
        clock = .unsettled
        shiftNanoseconds = 0
        microseconds = Self.floorMicroseconds(encodedAt.nanoseconds)
    }

    @inline(__always)
    func offset(of moment: Boottime) -> Int64 {
        let offset = Self.floorMicroseconds(moment.nanoseconds &+ shiftNanoseconds) &- microseconds
        // A relative time above zero would lie in the future (RFC 8428 section 4.5.3).
        return clock == .synced ? offset : min(offset, 0)
    }

    @inline(__always)
    fileprivate static func floorMicroseconds(_ nanoseconds: Int64) -> Int64 {
        let quotient = nanoseconds / 1_000
        return nanoseconds < 0 && quotient &* 1_000 != nanoseconds ? quotient &- 1 : quotient
    }
}

extension PayloadBuffer {
    /// `"boot":"…","boot_ns":"…"`: what an anchor event later settles an unsettled batch by. Nanoseconds pass 2^53
    /// after 104 days, more than a JSON number holds safely (RFC 8259 section 6): text. Then `,"not_before":…`,
    /// `,"not_after":…`, as far as they are known: UTC in seconds, rounded outwards.
    mutating func append(bootOf head: BatchHead, _ time: TimeBase) {
        append("\"boot\":")
        append(quoted: head.bootID)
        append(",\"boot_ns\":\"")
        append(signed: time.microseconds &* 1_000)
        append(UInt8(ascii: "\""))
        if let bound = head.notBefore, bound >= .earliest {
            append(",\"not_before\":")
            append(secondsOfMicroseconds: TimeBase.floorMicroseconds(bound.nanoseconds))
        }
        if let bound = head.notAfter, bound >= .earliest {
            append(",\"not_after\":")
            append(secondsOfMicroseconds: -TimeBase.floorMicroseconds(-bound.nanoseconds))
        }
    }
}

extension PayloadBuffer {
    /// `,"skipped":[4711,4720]`
    mutating func append(skipped numbers: SequenceRange) {
        append(",\"skipped\":[")
        append(unsigned: numbers.first)
        append(",")
        append(unsigned: numbers.last)
        append("]")
    }
}
