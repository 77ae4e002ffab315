// What a set holds, entry by entry, made while it is looked at.

extension ContributionSet {
    public struct Entries: Sequence, Equatable, Sendable {
        let content: ContributionRows

        public var count: Int { content.rows.count }
        public var isEmpty: Bool { content.rows.isEmpty }
        public var keys: [Key] { map(\.key) }
        public var values: [Entry] { map(\.entry) }
        /// Keys that are kept out of all totals.
        public var conflicts: Int { content.rows.count { content.isConflicting($0) } }

        public subscript(key: Key) -> Entry? { row(key).map { element(content.rows[$0], slug: key.slug).entry } }

        private func row(_ key: Key) -> Int? {
            guard let indicator = Indicator.named(key.slug), let seconds = Int32(exactly: key.windowSeconds),
                let series = content.knownNumber(
                    of: SeriesKey(
                        node: key.node, stream: key.stream, sensor: key.sensor, code: indicator.code,
                        series: key.series))
            else { return nil }
            return content.find(series, key.windowStart, seconds)
        }

        func element(_ row: ContributionRows.Row, slug: String) -> (key: Key, entry: Entry) {
            let key = content.key(of: row, slug: slug)
            return (
                key, Entry(contribution: content.contribution(of: row), isConflicting: content.isConflicting(row))
            )
        }

        /// In the order of their first arrival.
        public func makeIterator() -> AnyIterator<(key: Key, entry: Entry)> {
            var slugs: [String: String] = [:]
            var place = 0
            return AnyIterator {
                guard place < content.rows.count else { return nil }
                let row = content.rows[place]
                place += 1
                let indicator = content.indicator(of: row)
                let slug = slugs[indicator.code] ?? indicator.slug
                slugs[indicator.code] = slug
                return element(row, slug: slug)
            }
        }

        /// The same keys with the same contents and the same conflicts, in whichever order they came.
        public static func == (a: Entries, b: Entries) -> Bool {
            guard a.count == b.count else { return false }
            for (key, entry) in a {
                guard let row = b.row(key), let own = a.row(key),
                    b.element(b.content.rows[row], slug: key.slug).entry == entry,
                    a.content.rows[own].firstFinal == b.content.rows[row].firstFinal
                else { return false }
            }
            return true
        }
    }
}

extension ContributionRows {
    func key(of row: Row, slug: String) -> ContributionSet.Key {
        let series = series[Int(row.series)]
        return ContributionSet.Key(
            node: series.node, stream: series.stream, sensor: series.sensor, slug: slug, series: series.series,
            windowStart: row.windowStart, windowSeconds: Int64(row.windowSeconds))
    }
}
