// The second consumer of a stream's readings lane: folds sealed and settled batches into contributions. A pure value:
// no clock, no disk, no threads. One folder per stream and configuration.
//
// How it is used:
// - `fold` every batch of the stream's readings lane in the order of their numbers, each once; a number that is not
//   above the last is ignored. After each (or once a second) `take(.windowEnds)`.
// - `take(.provisional)` at each checkpoint, at an orderly stop and before the first spill of an outage.
// - Keep `passedThrough` as the cursor. After a restart make a folder with `after:` that number (or the number before
//   the oldest batch that still exists, when that is higher) and fold what follows: what comes out is byte for byte
//   what came out before. Numbers up to the cursor include everything that no window still needs, with one reading of
//   each binding before them for context. A binding whose channel has never been read holds the cursor back; so does
//   an outage that is not over, and, where changes of a level are counted, a channel without a usable value.
// - A change of the configuration: `take(.provisional)`, then a new folder with `from:` the moment of the change.
//   Windows that were open stay as they were last given.
// - An old stream found after a power cut: a folder of its own, `resume` from the newest contribution of each key on
//   flash, then fold the batches that were spilled, `take(.provisional)`, done.
// - The node had no power and the boot before did not end orderly: `noteDark` on the new stream's folder, before its
//   first batch, each time that stream is folded from its beginning.
// - The oldest batches were acknowledged and released before the clock had settled: `noteUnsettled`, likewise.
// Readings that were lost (ring, tombstones) need no word here: their ordinals are missing, and their time is flagged
// `lost`.
//
// Counts of people and vehicles with a minimum are given as `Withholding` says, at `windowEnds` only. For these,
// - after each `take` keep `carried` where a restart of the process finds it, before the cursor; and hand it to
//   `takeUp` before the first batch. A copy on flash lets a power cut lose less: see `adopt`.
//
// Memory is bounded by what has not been taken: per binding one window per window length, 500 bytes each; of sound 13
// KiB more, of travel 3.

public import World

public struct KPIFolder: Sendable {
    public enum Selection: Sendable {
        /// Windows that are final, or whose end is 30 s past, with something new since they were last given.
        case windowEnds
        /// All windows that are not final, too, new or not: so that the newest of each is where it will be looked for.
        case provisional
    }

    /// How long after its end a window is waited for when no later reading has come.
    public static let grace: Int64 = 30

    public let stream: UInt64
    public let bindings: [KPIBinding]
    let calendar: KPICalendar?
    /// The last batch folded in; at the beginning `after`.
    public private(set) var lastFolded: UInt64
    var folds: [BindingFold]
    /// Per binding; nil: nothing of it is withheld.
    var withholdings: [Withholding?]
    /// The last batch that `carried` has in it: while a restart folds batches again, the last one before it.
    var takenThrough: UInt64
    /// Per channel the first binding, per binding the next one of its channel; -1: none.
    private var firstOfChannel: [Int32]
    private var nextOfChannel: [Int32]

    /// `after`: batches up to this number have been folded and given out by an earlier folder, and the first window
    /// of each binding is taken for one of those. `from`: the configuration is in force since that moment, and the
    /// first windows begin there. `calendar`: nil when the node's local time is not known; then contributions tell
    /// neither the local day nor a part of it.
    public init(
        stream: UInt64, bindings: [KPIBinding], after: UInt64 = 0, from: UTC? = nil, calendar: KPICalendar? = nil
    ) {
        self.stream = stream
        self.bindings = bindings
        self.calendar = calendar
        lastFolded = after
        takenThrough = after
        for binding in bindings { binding.check() }
        folds = bindings.map {
            BindingFold(
                source: $0.source, windowSeconds: $0.windowSeconds, hold: $0.method.holdSeconds, after: after,
                from: from?.seconds)
        }
        withholdings = bindings.map { $0.withheldBelow.map { Withholding(minimum: $0) } }
        let channels = bindings.map { Int($0.channel.rawValue) + 1 }.max() ?? 0
        firstOfChannel = Array(repeating: -1, count: channels)
        nextOfChannel = Array(repeating: -1, count: bindings.count)
        for (index, binding) in bindings.enumerated().reversed() {
            nextOfChannel[index] = firstOfChannel[Int(binding.channel.rawValue)]
            firstOfChannel[Int(binding.channel.rawValue)] = Int32(index)
        }
    }

    /// One sealed and settled batch of the readings lane. `anchor` is the batch's own, the same each time it is folded.
    public mutating func fold(_ readings: UnsafeBufferPointer<Reading>, seq: UInt64, anchor: Anchor) {
        guard seq > lastFolded else { return }
        for reading in readings {
            let channel = Int(reading.channel.rawValue)
            guard channel < firstOfChannel.count else { continue }
            var index = Int(firstOfChannel[channel])
            while index >= 0 {
                folds[index].fold(reading, seq: seq, anchor: anchor)
                index = Int(nextOfChannel[index])
            }
        }
        lastFolded = seq
    }

    /// Gives what is to be published now, in order of bindings, then of windows as they were begun.
    public mutating func take(_ selection: Selection, now: UTC, into give: (Contribution) -> Void) {
        for index in folds.indices {
            if withholdings[index] != nil {
                if selection == .windowEnds { withhold(index, give) }
                continue
            }
            for place in folds[index].windows.indices {
                let window = folds[index].windows[place]
                if window.isContext { continue }
                let isDue = folds[index].isFinal(window) || window.end + Self.grace <= now.seconds
                guard selection == .provisional || (isDue && window.isChanged) else { continue }
                give(
                    bindings[index].contribution(
                        start: window.start, end: window.end, revision: window.revision,
                        isFinal: folds[index].isFinal(window), state: window.published(by: folds[index].source),
                        coverage: window.coverage, mark: folds[index].mark(place), calendar: calendar))
                folds[index].markGiven(place)
            }
            folds[index].dropFinal()
        }
        if selection == .windowEnds { takenThrough = max(takenThrough, lastFolded) }
    }

    private mutating func withhold(_ index: Int, _ give: (Contribution) -> Void) {
        guard var withholding = withholdings[index] else { return }
        func giveCell(_ cell: Withholding.Cell) {
            give(
                bindings[index].contribution(
                    start: cell.start, end: cell.end, revision: cell.revision, isFinal: true, state: cell.state,
                    coverage: cell.coverage, calendar: calendar))
        }
        for window in folds[index].windows where window.isOver && !window.isContext {
            withholding.take(Withholding.Cell(window, folds[index].source), give: giveCell)
        }
        folds[index].dropFinal()
        if let open = folds[index].windows.last { withholding.advance(to: open.start, give: giveCell) }
        withholdings[index] = withholding
    }

    /// The cursor: batches up to this number are in windows that are over and given out, or in `carried`.
    public var passedThrough: UInt64 {
        folds.indices.reduce(lastFolded) { least, index in
            let passed = folds[index].passedThrough
            return min(least, withholdings[index]?.passedThrough(passed) ?? passed)
        }
    }

    /// Bytes of what is kept, of all bindings.
    public var stateBytes: Int {
        folds.reduce(0) { bytes, fold in
            bytes + MemoryLayout<BindingFold>.stride + MemoryLayout<Withholding?>.stride
                + fold.windows.capacity * MemoryLayout<Window>.stride
                + fold.windows.reduce(0) { $0 + $1.state.outlyingBytes } + fold.course.outlyingBytes
        }
    }

    /// Windows that are kept, of all bindings.
    public var windowCount: Int { folds.reduce(0) { $0 + $1.windows.count } }

    /// Goes on with an old stream from a contribution of it. False when no binding made it: then it is to be left
    /// alone.
    @discardableResult
    public mutating func resume(from contribution: Contribution) -> Bool {
        for index in folds.indices where bindings[index].made(contribution) {
            // Of what is withheld only whole cells are given.
            if withholdings[index] == nil { folds[index].resume(contribution) }
            return true
        }
        return false
    }

    /// The node was without power: the last heartbeat of the boot before is of `from`, heartbeats came every
    /// `period`, and this boot began at `until` (UTC of its boottime 0). For each mains binding an outage whose begin
    /// was not seen; for each other one the windows that may have lost something, flagged. Ignored once there is
    /// anything else.
    public mutating func noteDark(from: UTC, period: Duration, until: UTC) {
        // What is withheld tells it by `noteWithheldLost`.
        for index in folds.indices where withholdings[index] == nil {
            folds[index].noteDark(from: from, period: period, until: until)
        }
    }

    /// Readings of the stream from `from` to `until` were released before the clock had settled: their time is said as
    /// missing, flagged `unsettled`. Ignored once anything has been folded.
    public mutating func noteUnsettled(from: UTC, until: UTC) {
        for index in folds.indices { folds[index].noteUnsettled(from: from, until: until) }
    }
}
