// Times before the first reading of a stream of which something is known all the same.

import World

extension BindingFold {
    /// The node was without power: it went between `from`, the last heartbeat, and `from + period`, and came back with
    /// `until`. Of a mains line that is an outage whose begin was not seen. Of everything else, what was counted after
    /// the heartbeat may be lost: the windows in which that may have been, and the one in which the power came back,
    /// are flagged; those between have no contribution.
    mutating func noteDark(from: UTC, period: Duration, until: UTC) {
        guard floor == 0, isFresh, windows.isEmpty, from < until else { return }
        let latest = min(from.nanoseconds &+ period.nanoseconds, until.nanoseconds)
        let lastLost = gridStart(of: UTC(nanoseconds: latest).seconds, length: length)
        let firstLost = max(gridStart(of: from.seconds, length: length), lastLost - Self.maximumWindowsCovered * length)
        let back = gridStart(of: until.seconds, length: length)
        var start = firstLost
        if case .mains = source { start = lastLost }
        while start <= lastLost {
            beginDark(start, from: from, until: until)
            if start == lastLost, case .mains(let customers) = source {
                var outages = OutageState(dark: customers)
                outages.add(
                    minimum: until.nanoseconds - latest, maximum: until.nanoseconds - from.nanoseconds,
                    customers: customers, isCounted: true)
                windows[windows.count - 1].state = .outages(outages)
            }
            start += length
        }
        if back > lastLost { beginDark(back, from: from, until: until) }
    }

    private mutating func beginDark(_ start: Int64, from: UTC, until: UTC) {
        if let newest = windows.indices.last { windows[newest].isOver = true }
        append(start: start, end: start + length)
        let newest = windows.count - 1
        _ = windows[newest].add(Span(from: from.seconds, to: until.seconds, isValid: false, flag: .dark))
        touch(newest, floor)
    }

    /// Readings were taken while the clock had not settled, and had to go from the memory tier before it did: their
    /// time is known to be missing. Windows of more than a day of quarters are not said one by one.
    mutating func noteUnsettled(from: UTC, until: UTC) {
        guard floor == 0, isFresh, from < until else { return }
        let last = gridStart(of: until.seconds, length: length)
        var start = max(gridStart(of: from.seconds, length: length), last - Self.maximumWindowsCovered * length)
        while start <= last {
            let isCovered = windows.last.map { $0.end > start } ?? false
            if !isCovered {
                if let newest = windows.indices.last { windows[newest].isOver = true }
                append(start: start, end: start + length)
            }
            let newest = windows.count - 1
            _ = windows[newest].add(Span(from: from.seconds, to: until.seconds, isValid: false, flag: .unsettled))
            touch(newest, floor)
            start += length
        }
    }
}
