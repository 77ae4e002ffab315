// The platform's join: all contributions that ever arrived, in any order and as often as they like, give one and the
// same set.
//
// A set is a map from key to one content. In one stream a higher revision beats a lower one; a correction beats all
// revisions, and a correction of a higher number one of a lower. Errors of somebody's keep a key out of all totals and
// are told as conflicts:
// - two contents with one revision, until a higher one comes (or two corrections of one number);
// - something with a higher revision after what was final: only a correction may follow, and heals it.
// Every decision is a maximum or minimum over all that arrived, which is why the order does not matter.
//
// 100,000 nodes of 24 hours are 2.4 million rows (`ContributionRows`); the sets of several readers `join`.

public struct ContributionSet: Sendable {
    public struct Key: Hashable, Sendable {
        public var node: String
        public var stream: UInt64
        public var sensor: String
        public var slug: String
        public var series: String
        public var windowStart: Int64
        public var windowSeconds: Int64
    }

    public enum Outcome: Equatable, Sendable {
        case new
        /// A higher revision of something known, or a correction.
        case newer
        case duplicate
        /// A lower revision: nothing changed.
        case older
        /// Of the same rank with other content, or a revision beside the one that was final.
        case conflict
    }

    public struct Entry: Equatable, Sendable {
        public var contribution: Contribution
        public var isConflicting: Bool
    }

    private var content = ContributionRows()
    /// The series of the contribution before: what comes together is mostly of one.
    private var latest: (key: SeriesKey, number: UInt32)?
    private var book = BindingBook()
    /// Items that were refused, by reason.
    public private(set) var refused: [String: Int] = [:]

    public init() {}

    /// Contributions that wait for a binding that has not been said.
    public var waiting: Int { book.waitingCount }

    public var entries: Entries { Entries(content: content) }

    @discardableResult
    public mutating func add(_ contribution: Contribution, node: String, stream: UInt64) -> Outcome {
        add(contribution, number(of: contribution, node: node, stream: stream))
    }

    /// Returns why contributions were refused that this message completed, or that cannot wait any more: faults that
    /// the batch itself does not have.
    @discardableResult
    public mutating func add(_ batch: ContributionBatch) -> [ContributionFault] {
        for contribution in batch.contributions {
            add(contribution, node: batch.node, stream: contribution.ofStream ?? batch.stream)
        }
        for fault in batch.refused { refused[fault.reason, default: 0] += 1 }
        guard !batch.bindings.isEmpty || !batch.unbound.isEmpty else { return [] }
        let completed = book.take(batch)
        add(completed)
        return completed.refused
    }

    private mutating func add(_ completed: BindingBook.Completed) {
        for item in completed.contributions { add(item.contribution, node: item.node, stream: item.stream) }
        for fault in completed.refused { refused[fault.reason, default: 0] += 1 }
    }

    private mutating func number(of contribution: Contribution, node: String, stream: UInt64) -> UInt32 {
        if let latest, latest.key.stream == stream, latest.key.node == node,
            latest.key.sensor == contribution.sensor, latest.key.series == contribution.series,
            latest.key.code == contribution.indicator.code
        {
            return latest.number
        }
        let key = SeriesKey(
            node: node, stream: stream, sensor: contribution.sensor, code: contribution.indicator.code,
            series: contribution.series)
        let number = content.number(of: key)
        latest = (key, number)
        return number
    }

    @discardableResult
    private mutating func add(_ contribution: Contribution, _ series: UInt32) -> Outcome {
        let isOrdinary = contribution.correction == nil
        guard
            let row = content.find(series, contribution.windowStart, Int32(clamping: contribution.windowSeconds))
        else {
            content.append(contribution, series: series)
            if isOrdinary, contribution.isFinal { content.noteFinal(contribution.revision, at: content.rows.count - 1) }
            return .new
        }
        if isOrdinary, contribution.isFinal { content.noteFinal(contribution.revision, at: row) }
        let known = content.rows[row]
        // A correction's own revision decides nothing.
        let rank = (contribution.correction ?? 0, isOrdinary ? contribution.revision : 0)
        let knownCorrection = content.correction(of: known)
        let knownRank = (knownCorrection, knownCorrection == 0 ? known.revision : 0)
        if rank > knownRank {
            content.store(contribution, at: row)
            content.contest(false, at: row)
            return content.isConflicting(content.rows[row]) ? .conflict : .newer
        }
        if rank < knownRank {
            return content.isConflicting(content.rows[row]) && !known.isContested ? .conflict : .older
        }
        var stored = content.contribution(of: known)
        stored.ofStream = contribution.ofStream
        if contribution == stored { return .duplicate }
        // Whichever came first, the same one stays.
        if contribution.contentHash < stored.contentHash { content.store(contribution, at: row) }
        content.contest(true, at: row)
        return .conflict
    }

    /// Takes over all of another set.
    public mutating func join(_ other: ContributionSet) {
        for row in other.content.rows {
            let key = other.content.series[Int(row.series)]
            let contribution = other.content.contribution(of: row)
            let series = number(of: contribution, node: key.node, stream: key.stream)
            add(contribution, series)
            guard let place = content.find(series, row.windowStart, row.windowSeconds) else { continue }
            content.noteFinal(row.firstFinal, at: place)
            let joined = content.rows[place]
            let isSameRank = content.correction(of: joined) == (contribution.correction ?? 0)
                && (contribution.correction != nil || joined.revision == row.revision)
            if row.isContested, isSameRank { content.contest(true, at: place) }
        }
        for (reason, count) in other.refused { refused[reason, default: 0] += count }
        add(book.take(other.book))
    }

    /// Everything of one indicator added up.
    public func total(_ indicator: Indicator) -> Total {
        var total = Total(indicator: indicator)
        var nodes: Set<String> = []
        let slug = indicator.slug
        forEachSource(ofCode: indicator.code) { source, places in
            var good: [SourceWindows.Item] = []
            good.reserveCapacity(places.count)
            for place in places {
                let row = content.rows[Int(place)]
                let key = content.key(of: row, slug: slug)
                if content.isConflicting(row) {
                    total.conflicts.append(key)
                } else {
                    good.append(SourceWindows.Item(key: key, contribution: content.contribution(of: row)))
                }
            }
            guard !good.isEmpty else { return }
            nodes.insert(source.node)
            total.add(SourceWindows(source: source, items: good))
        }
        total.nodes = nodes.count
        return total
    }

    /// All entries of an indicator, source by source, in order of their names; within a source in order of windows and
    /// then of streams.
    public func forEachSource(of indicator: Indicator, _ body: (Source, [(key: Key, entry: Entry)]) -> Void) {
        let slug = indicator.slug
        forEachSource(ofCode: indicator.code) { source, places in
            body(source, places.map { entries.element(content.rows[Int($0)], slug: slug) })
        }
    }

    private func forEachSource(ofCode code: String, _ body: (Source, [UInt32]) -> Void) {
        // Series of one source are its streams.
        let series = content.series.indices.filter { content.series[$0].code == code }
            .map { (number: $0, source: Source(content.series[$0])) }
            .sorted { $0.source < $1.source }
        var sources: [Source] = []
        var sourceOfSeries = [Int](repeating: -1, count: content.series.count)
        for item in series {
            if sources.last != item.source { sources.append(item.source) }
            sourceOfSeries[item.number] = sources.count - 1
        }
        // Rows by source: counted first, then put in place.
        var begins = [Int](repeating: 0, count: sources.count + 1)
        for row in content.rows where sourceOfSeries[Int(row.series)] >= 0 {
            begins[sourceOfSeries[Int(row.series)] + 1] += 1
        }
        for index in sources.indices { begins[index + 1] += begins[index] }
        var next = begins
        var order = [UInt32](repeating: 0, count: begins[sources.count])
        for (place, row) in content.rows.enumerated() where sourceOfSeries[Int(row.series)] >= 0 {
            let source = sourceOfSeries[Int(row.series)]
            order[next[source]] = UInt32(place)
            next[source] += 1
        }
        for (index, source) in sources.enumerated() {
            let places = order[begins[index]..<begins[index + 1]].sorted { a, b in
                let (a, b) = (content.rows[Int(a)], content.rows[Int(b)])
                return (a.windowStart, a.windowSeconds, content.series[Int(a.series)].stream)
                    < (b.windowStart, b.windowSeconds, content.series[Int(b.series)].stream)
            }
            if !places.isEmpty { body(source, places) }
        }
    }

    /// One series of one sensor of one node, whichever streams it came in.
    public struct Source: Hashable, Comparable, Sendable {
        public var node: String
        public var sensor: String
        public var series: String

        init(_ key: Key) {
            node = key.node
            sensor = key.sensor
            series = key.series
        }

        init(_ key: SeriesKey) {
            node = key.node
            sensor = key.sensor
            series = key.series
        }

        public static func < (a: Source, b: Source) -> Bool {
            (a.node, a.sensor, a.series) < (b.node, b.sensor, b.series)
        }
    }
}
