// Amounts from a meter that only tells its total: what was used is the sum of what each of its lives counted.
//
// A total below the one before is a meter that began again at zero, a life (epoch) of its own; or, where its width is
// declared, one that wrapped: only a fall from the top tenth of the register is a wrap, anything else a replacement.

/// The step from total to total.
public struct RegisterMeter: Sendable {
    private var last: Int64?
    /// The value at which the register begins again at 0, for example 65536; nil: not known.
    private let modulus: Int64?

    public init(modulus: Int64? = nil) { self.modulus = modulus }

    /// What was used between the previous total and this one; 0 for the first.
    public mutating func increment(to total: Int64) -> Int64 {
        defer { last = total }
        return last.map { Self.step(from: $0, to: total, modulus: modulus).increment } ?? 0
    }

    static func step(from last: Int64, to total: Int64, modulus: Int64?) -> (increment: Int64, isNewEpoch: Bool) {
        if total >= last { return (total - last, false) }
        if let modulus, last > modulus / 10 * 9 { return (modulus - last + total, false) }
        return (total, true)
    }
}

/// All that was seen of one meter. Idempotent by itself: epochs are united by their starts, and of one epoch the
/// longest span that was seen counts.
public struct MonotoneCounter: Mergeable {
    public struct Epoch: Equatable, Sendable {
        /// UTC seconds of its first total.
        public var start: Int64
        public var first: Int64
        /// Goes on above the register's width when it wraps.
        public var last: Int64
    }

    /// In order of their starts.
    public private(set) var epochs: [Epoch] = []

    public init() {}

    /// A further total, later than those before; not negative. False when the count does not fit.
    public mutating func observe(_ total: Int64, at second: Int64, modulus: Int64? = nil) -> Bool {
        guard var epoch = epochs.last else {
            epochs = [Epoch(start: second, first: total, last: total)]
            return true
        }
        let shown = modulus.map { epoch.last % $0 } ?? epoch.last
        let step = RegisterMeter.step(from: shown, to: total, modulus: modulus)
        if step.isNewEpoch {
            epochs.append(Epoch(start: second, first: 0, last: total))
            return true
        }
        guard let last = sum(epoch.last, step.increment) else { return false }
        epoch.last = last
        epochs[epochs.count - 1] = epoch
        return true
    }

    public func joined(with other: MonotoneCounter) -> MonotoneCounter? {
        var joined = self
        for epoch in other.epochs {
            let place = joined.epochs.firstIndex { $0.start >= epoch.start } ?? joined.epochs.count
            if place < joined.epochs.count, joined.epochs[place].start == epoch.start {
                joined.epochs[place].first = min(joined.epochs[place].first, epoch.first)
                joined.epochs[place].last = max(joined.epochs[place].last, epoch.last)
            } else {
                joined.epochs.insert(epoch, at: place)
            }
        }
        return joined
    }

    /// What was used; nil when the sum does not fit.
    public var used: Int64? {
        var used: Int64 = 0
        for epoch in epochs {
            let (span, isTooLarge) = epoch.last.subtractingReportingOverflow(epoch.first)
            guard !isTooLarge, let next = sum(used, span) else { return nil }
            used = next
        }
        return used
    }
}
