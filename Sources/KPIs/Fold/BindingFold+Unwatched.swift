// Times before the first reading of a stream of which something is known all the same.

import World

extension BindingFold {
    /// The node was without power: an outage that began after `from` and not after `from + period`, and ended with
    /// `until`.
    mutating func noteDark(from: UTC, period: Duration, until: UTC) {
        guard case .mains(let customers) = source, floor == 0, isFresh, windows.isEmpty, from < until else { return }
        let latest = min(from.nanoseconds &+ period.nanoseconds, until.nanoseconds)
        let start = gridStart(of: UTC(nanoseconds: latest).seconds, length: length)
        append(start: start, end: start + length)
        var outages = OutageState(dark: customers)
        outages.add(
            minimum: until.nanoseconds - latest, maximum: until.nanoseconds - from.nanoseconds, customers: customers,
            isCounted: true)
        windows[0].state = .outages(outages)
        _ = windows[0].add(Span(from: from.seconds, to: until.seconds, isValid: false, flag: .dark))
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
