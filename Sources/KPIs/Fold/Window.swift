// One window of one binding while it is being filled. Nothing here allocates, but for the histogram of a new window.

struct Window {
    /// UTC seconds. Start and nominal end are the key and never change.
    let start: Int64
    let end: Int64
    /// Where the window stops taking: `end`, or earlier when it was closed early because its state was full.
    private(set) var cut: Int64
    var state: ContributionState
    /// The number of the last batch that changed anything that is published of this window.
    var revision: UInt64 = 0
    /// The batch from which a fold must begin to build this window again: the one with the reading before it. 0: the
    /// first.
    let precededBy: UInt64
    private(set) var validSeconds: Int64 = 0
    private var validFrom: Int64 = .max
    private var validTo: Int64 = .min
    private(set) var flags = FlagSeconds()
    /// A reading after its end has been folded: nothing more will come, but for the end of an outage.
    var isOver = false
    /// Only there to give the next window its beginning: it was given out before, complete, and what is here is a
    /// part of it.
    var isContext = false
    var isChanged = true
    /// Exposure: the averaging block that is not complete.
    var block = AveragingBlock()

    init(start: Int64, end: Int64, state: ContributionState, precededBy: UInt64) {
        self.start = start
        self.end = end
        cut = end
        self.state = state
        self.precededBy = precededBy
    }

    /// Adds the part of the span that lies in the window to what is known of it. Returns whether there is one.
    mutating func add(_ span: Span) -> Bool {
        guard let (from, to) = part(of: span) else { return false }
        if span.isValid {
            validSeconds += to - from
            validFrom = min(validFrom, from)
            validTo = max(validTo, to)
        }
        if let flag = span.flag { flags[flag] += to - from }
        return true
    }

    /// The part of the span that lies in the window; nil: none.
    func part(of span: Span) -> (from: Int64, to: Int64)? {
        let from = max(span.from, start)
        let to = min(span.to, cut)
        return from < to ? (from, to) : nil
    }

    /// The window takes nothing more; what it was to know of ends here too.
    mutating func closeEarly(at second: Int64) {
        cut = second
        isOver = true
        // The reading that fills the window up covers the time before it, so nothing valid lies behind the cut,
        // except when several readings of one second do so.
        validTo = min(validTo, cut)
        validSeconds = min(validSeconds, cut - start)
    }

    var coverage: Coverage {
        Coverage(
            expectedSeconds: cut - start, validSeconds: validSeconds,
            fromSecond: validSeconds == 0 ? 0 : validFrom - start, toSecond: validSeconds == 0 ? 0 : validTo - start,
            flags: flags.published)
    }

    /// Takes over what a contribution says (after a power cut).
    mutating func restore(_ coverage: Coverage) {
        cut = start + coverage.expectedSeconds
        validSeconds = coverage.validSeconds
        if validSeconds > 0 {
            validFrom = start + coverage.fromSecond
            validTo = start + coverage.toSecond
        }
        for flagged in coverage.flags {
            if let flag = Flag.named(flagged.name) { flags[flag] = flagged.seconds }
        }
    }
}

/// Some time between two readings, and what is known of it. UTC seconds, half open.
struct Span {
    var from: Int64
    var to: Int64
    var isValid: Bool
    var flag: Flag?
}

/// The start of the grid window that holds the second: windows are aligned to UTC.
func gridStart(of second: Int64, length: Int64) -> Int64 {
    let remainder = second % length
    return second - (remainder < 0 ? remainder + length : remainder)
}
