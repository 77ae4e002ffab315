// From the levels of a mains-sense line to outages. Knows nothing of windows; all times are boottime nanoseconds, so
// a step of the wall clock cannot lengthen or shorten an outage.
//
// Between two readings that follow each other without a gap every change of the line is known, for the driver makes a
// reading of every edge. Anywhere else a change is known only to lie between two moments: the outage is
// interval-censored, and has a shortest and a longest possible duration.

struct OutageTracker {
    enum Line { case unknown, present, out }

    struct Open: Equatable {
        /// The outage began after `earliest` and not after `latest`; equal when it was seen to begin.
        var earliest: Int64
        var latest: Int64
        /// The window that it belongs to.
        var window: Int64
        /// False when it was in progress at the first reading: whoever saw it begin counts it, here only its time is
        /// added.
        var isCounted: Bool
    }

    enum Change: Equatable {
        case none
        case began(earliest: Int64, latest: Int64, isCounted: Bool)
        case ended(Open, minimum: Int64, maximum: Int64)
    }

    private(set) var line = Line.unknown
    private(set) var lastKnown: Int64 = 0
    var open: Open?

    /// A believable level. `isContinuous`: nothing can have happened since the previous one that is not in a reading.
    mutating func observe(isPresent: Bool, at moment: Int64, isContinuous: Bool) -> Change {
        defer {
            line = isPresent ? .present : .out
            lastKnown = moment
        }
        switch (line, isPresent) {
        case (.unknown, false):
            return .began(earliest: moment, latest: moment, isCounted: false)
        case (.present, false):
            return .began(earliest: isContinuous ? moment : lastKnown, latest: moment, isCounted: true)
        case (.out, true):
            guard let ended = open else { return .none }
            open = nil
            let endedAfter = isContinuous ? moment : lastKnown
            return .ended(
                ended, minimum: max(0, endedAfter - ended.latest), maximum: max(0, moment - ended.earliest))
        case (.unknown, true), (.present, true), (.out, false):
            return .none
        }
    }

    /// Goes on from a contribution.
    mutating func restore(isPresent: Bool, at moment: Int64) {
        line = isPresent ? .present : .out
        lastKnown = moment
    }

    /// Counts all moments from a zero that lies `nanoseconds` later.
    mutating func shift(by nanoseconds: Int64) {
        lastKnown &-= nanoseconds
        open?.earliest &-= nanoseconds
        open?.latest &-= nanoseconds
    }
}
