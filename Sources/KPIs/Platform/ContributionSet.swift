// The platform's join: all contributions that ever arrived, in any order and as often as they like, give one and the
// same set.
//
// A set is a map from key to the content of the highest revision. Two contents with one key and one revision are an
// error of somebody's: the key stays out of all totals until a higher revision comes.

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
        /// A higher revision of something known.
        case newer
        case duplicate
        /// A lower revision: nothing changed.
        case older
        /// The same revision with other content.
        case conflict
    }

    public struct Entry: Equatable, Sendable {
        public var contribution: Contribution
        public var isConflicting: Bool
    }

    public private(set) var entries: [Key: Entry] = [:]

    public init() {}

    @discardableResult
    public mutating func add(_ contribution: Contribution, node: String, stream: UInt64) -> Outcome {
        let key = Key(
            node: node, stream: stream, sensor: contribution.sensor, slug: contribution.indicator.slug,
            series: contribution.series, windowStart: contribution.windowStart,
            windowSeconds: contribution.windowSeconds)
        guard let known = entries[key] else {
            entries[key] = Entry(contribution: contribution, isConflicting: false)
            return .new
        }
        if contribution.revision > known.contribution.revision {
            entries[key] = Entry(contribution: contribution, isConflicting: false)
            return .newer
        }
        if contribution.revision < known.contribution.revision { return .older }
        if contribution == known.contribution { return .duplicate }
        // Whichever came first, the same one stays.
        let kept = min(known.contribution.contentHash, contribution.contentHash)
        entries[key] = Entry(
            contribution: known.contribution.contentHash == kept ? known.contribution : contribution,
            isConflicting: true)
        return .conflict
    }

    public mutating func add(_ batch: ContributionBatch) {
        for contribution in batch.contributions {
            add(contribution, node: batch.node, stream: contribution.ofStream ?? batch.stream)
        }
    }

    /// Takes over all of another set.
    public mutating func join(_ other: ContributionSet) {
        for (key, entry) in other.entries {
            add(entry.contribution, node: key.node, stream: key.stream)
            if entry.isConflicting, entries[key]?.contribution.revision == entry.contribution.revision {
                entries[key]?.isConflicting = true
            }
        }
    }

    /// Everything of one indicator added up.
    public func total(_ indicator: Indicator) -> Total {
        var total = Total(indicator: indicator)
        let slug = indicator.slug
        var sources: [Source: [SourceWindows.Item]] = [:]
        for (key, entry) in entries where key.slug == slug {
            if entry.isConflicting {
                total.conflicts.append(key)
            } else {
                sources[Source(key), default: []].append(
                    SourceWindows.Item(key: key, contribution: entry.contribution))
            }
        }
        total.nodes = Set(sources.keys.map(\.node)).count
        for (source, found) in sources.sorted(by: { $0.key < $1.key }) {
            total.add(SourceWindows(source: source, items: found.sorted { Self.isBefore($0.key, $1.key) }))
        }
        total.conflicts.sort(by: Self.isBefore)
        return total
    }

    private static func isBefore(_ a: Key, _ b: Key) -> Bool {
        (a.node, a.sensor, a.series, a.windowStart, a.windowSeconds, a.stream)
            < (b.node, b.sensor, b.series, b.windowStart, b.windowSeconds, b.stream)
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

        public static func < (a: Source, b: Source) -> Bool {
            (a.node, a.sensor, a.series) < (b.node, b.sensor, b.series)
        }
    }
}
