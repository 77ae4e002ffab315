// One series of one sensor of one node, in whichever streams it came, and what of it counts.
//
// A node speaks in one stream after another: every boot begins one, and a board or a card that is swapped does. Their
// windows add. Two streams that know the same time are two boards at work at once, or a clock that was wrong; what they
// measured is one and the same, so it is not summed: of windows whose covered times meet, the one that knows more
// seconds counts, of equals that of the lower stream. The others are set aside whole, because no one can tell which
// part of an amount lies in the part that they share; so a sum may miss something there, and coverage says it, but
// nothing is in it twice. Every overlap is reported.

/// Time of which two streams of one node both have readings.
public struct Overlap: Equatable, Sendable {
    public var source: ContributionSet.Source
    /// The lower one first.
    public var streams: [UInt64]
    /// Of the two, the one whose window counts; nil: neither, because a third one knows more.
    public var counted: UInt64?
    /// UTC seconds.
    public var from: Int64
    public var to: Int64
}

struct SourceWindows: Sendable {
    let source: ContributionSet.Source
    /// Those that count, in order of their windows.
    let items: [Item]
    let overlaps: [Overlap]

    struct Item: Sendable {
        var key: ContributionSet.Key
        var contribution: Contribution
    }

    /// `items`: all that there are, in order of their windows.
    init(source: ContributionSet.Source, items: [Item]) {
        self.source = source
        guard let first = items.first, items.contains(where: { $0.key.stream != first.key.stream }) else {
            self.items = items
            overlaps = []
            return
        }
        var choice = Choice(items)
        choice.choose()
        self.items = items.indices.filter { !choice.isSetAside[$0] }.map { items[$0] }
        overlaps = choice.overlaps(source)
    }

    /// Of the newest window: what the node last said of itself.
    var labels: [Label: String] { items.last?.contribution.labels ?? [:] }
    var weight: Weight? { items.last { $0.contribution.weight != nil }?.contribution.weight }
    var first: Int64 { items.first?.contribution.windowStart ?? 0 }
}

/// Which of the windows of several streams count. What comes out does not depend on the order in which they came in.
private struct Choice {
    struct Span {
        /// Covered time, UTC seconds.
        var from: Int64
        var to: Int64
        var validSeconds: Int64
        var stream: UInt64
        var item: Int
    }

    /// In order of time.
    private let spans: [Span]
    private let longest: Int64
    private var isChosen: [Bool]
    /// By item.
    private(set) var isSetAside: [Bool]

    init(_ items: [SourceWindows.Item]) {
        spans = items.enumerated().filter { $1.contribution.coverage.validSeconds > 0 }
            .map { index, item in
                let coverage = item.contribution.coverage, start = item.contribution.windowStart
                return Span(
                    from: start + coverage.fromSecond, to: start + coverage.toSecond,
                    validSeconds: coverage.validSeconds, stream: item.key.stream, item: index)
            }
            .sorted { ($0.from, $0.to, $0.stream, $0.item) < ($1.from, $1.to, $1.stream, $1.item) }
        longest = spans.map { $0.to - $0.from }.max() ?? 0
        isChosen = Array(repeating: false, count: spans.count)
        isSetAside = Array(repeating: false, count: items.count)
    }

    mutating func choose() {
        let byWorth = spans.indices.sorted { a, b in
            let (a, b) = (spans[a], spans[b])
            if a.validSeconds != b.validSeconds { return a.validSeconds > b.validSeconds }
            return (a.stream, a.from, a.to, a.item) < (b.stream, b.from, b.to, b.item)
        }
        for place in byWorth {
            let isTaken = others(of: place).contains { isChosen[$0] }
            isChosen[place] = !isTaken
            isSetAside[spans[place].item] = isTaken
        }
    }

    func overlaps(_ source: ContributionSet.Source) -> [Overlap] {
        var overlaps: [Overlap] = []
        for (place, span) in spans.enumerated() {
            for other in others(of: place) where other > place {
                let second = spans[other]
                overlaps.append(
                    Overlap(
                        source: source, streams: [min(span.stream, second.stream), max(span.stream, second.stream)],
                        counted: isChosen[place] ? span.stream : isChosen[other] ? second.stream : nil,
                        from: second.from, to: min(span.to, second.to)))
            }
        }
        return overlaps
    }

    /// Spans of other streams that share time with this one.
    private func others(of place: Int) -> [Int] {
        let span = spans[place]
        var found: [Int] = []
        var other = place - 1
        while other >= 0, spans[other].from > span.from - longest {
            if spans[other].to > span.from, spans[other].stream != span.stream { found.append(other) }
            other -= 1
        }
        other = place + 1
        while other < spans.count, spans[other].from < span.to {
            if spans[other].stream != span.stream { found.append(other) }
            other += 1
        }
        return found
    }
}
