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
//   an outage that is not over.
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
// Memory is bounded by what has not been taken: per binding one window per window length, 300 bytes each.

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
    /// The last batch folded in; at the beginning `after`.
    public private(set) var lastFolded: UInt64
    private var folds: [BindingFold]
    /// Per channel the first binding, per binding the next one of its channel; -1: none.
    private var firstOfChannel: [Int32]
    private var nextOfChannel: [Int32]

    /// `after`: batches up to this number have been folded and given out by an earlier folder, and the first window
    /// of each binding is taken for one of those. `from`: the configuration is in force since that moment, and the
    /// first windows begin there.
    public init(stream: UInt64, bindings: [KPIBinding], after: UInt64 = 0, from: UTC? = nil) {
        self.stream = stream
        self.bindings = bindings
        lastFolded = after
        for binding in bindings {
            invariant(
                Contribution.scales.contains(binding.contributionScale) && binding.scale <= 12,
                "\(binding.channelName) has the scale \(binding.scale); no meter is that fine or that coarse")
        }
        folds = bindings.map {
            BindingFold(source: $0.source, windowSeconds: $0.windowSeconds, after: after, from: from?.seconds)
        }
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
            for place in folds[index].windows.indices {
                let window = folds[index].windows[place]
                if window.isContext { continue }
                let isDue = folds[index].isFinal(window) || window.end + Self.grace <= now.seconds
                guard selection == .provisional || (isDue && window.isChanged) else { continue }
                give(contribution(index, place))
                folds[index].markGiven(place)
            }
            folds[index].dropFinal()
        }
    }

    /// The cursor: batches up to this number are in windows that are over and given out.
    public var passedThrough: UInt64 { folds.reduce(lastFolded) { min($0, $1.passedThrough) } }

    /// Windows that are kept, of all bindings.
    public var windowCount: Int { folds.reduce(0) { $0 + $1.windows.count } }

    /// Goes on with an old stream from a contribution of it. False when no binding made it: then it is to be left
    /// alone.
    @discardableResult
    public mutating func resume(from contribution: Contribution) -> Bool {
        for index in folds.indices where bindings[index].made(contribution) {
            folds[index].resume(contribution)
            return true
        }
        return false
    }

    /// The node was without power: the last heartbeat of the boot before is of `from`, heartbeats came every
    /// `period`, and this boot began at `until` (UTC of its boottime 0). For each mains binding an outage whose begin
    /// was not seen. Ignored once there is anything else.
    public mutating func noteDark(from: UTC, period: Duration, until: UTC) {
        for index in folds.indices { folds[index].noteDark(from: from, period: period, until: until) }
    }

    /// Readings of the stream from `from` to `until` were released before the clock had settled: their time is said as
    /// missing, flagged `unsettled`. Ignored once anything has been folded.
    public mutating func noteUnsettled(from: UTC, until: UTC) {
        for index in folds.indices { folds[index].noteUnsettled(from: from, until: until) }
    }

    private func contribution(_ index: Int, _ place: Int) -> Contribution {
        let binding = bindings[index]
        let window = folds[index].windows[place]
        return Contribution(
            indicator: binding.indicator, sensor: binding.sensorID, series: binding.series,
            windowStart: window.start, windowSeconds: window.end - window.start, revision: window.revision,
            isFinal: folds[index].isFinal(window), unit: binding.contributionUnit,
            scale: binding.contributionScale, state: window.state, coverage: window.coverage,
            labels: binding.labels, weight: binding.weight, mark: folds[index].mark(place))
    }
}

extension KPIBinding {
    /// `water` of `water.volume`.
    var sensorID: String {
        guard let dot = channelName.lastIndex(of: ".") else { return channelName }
        return String(channelName[..<dot])
    }

    private var conversion: Measure.Conversion {
        indicator.measure.conversion(from: unit) ?? Measure.Conversion(nil, nil)
    }

    /// The unit of 1 on the wire.
    public var contributionUnit: String {
        conversion.unit ?? (indicator.measure.stateType == "level" ? unit + "_s" : unit)
    }

    /// Cubic metres become millilitres (10^6) as long as a step of the channel is not finer than one.
    private var exponent: Int { Int(scale) + conversion.exponent }

    var contributionScale: Int8 {
        switch indicator.measure {
        case .outages, .sound, .travel, .occupancy, .presence: 0
        default: Int8(clamping: min(exponent, 0))
        }
    }

    /// What a channel's value is multiplied by.
    var multiplier: Int64 { (0..<max(exponent, 0)).reduce(conversion.factor) { power, _ in power * 10 } }

    var source: BindingFold.Source {
        if indicator.measure == .outages { return .mains(customers: weight?.value ?? 1) }
        return .amounts(multiplier: multiplier)
    }

    func made(_ contribution: Contribution) -> Bool {
        contribution.indicator == indicator && contribution.sensor == sensorID && contribution.series == series
            && contribution.unit == contributionUnit && contribution.scale == contributionScale
            && contribution.weight == weight && contribution.windowSeconds <= windowSeconds
            && contribution.labels == labels && contribution.correction == nil
    }
}
