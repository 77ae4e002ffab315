// How often and how long limits were exceeded, limit by limit. A limit's id names its table's version with it: a new
// limit is a new id, never another meaning of an old one.

public struct Exceedances: Mergeable {
    public struct Tally: Equatable, Sendable {
        public var count: Int64
        public var seconds: Int64

        public init(count: Int64, seconds: Int64) {
            self.count = count
            self.seconds = seconds
        }
    }

    /// By the limit's id. A limit that was watched and never exceeded is there, with zeros.
    public private(set) var tallies: [String: Tally] = [:]

    public init() {}

    /// False, and nothing changed, when a sum does not fit.
    public mutating func add(_ tally: Tally, to limit: String) -> Bool {
        let before = tallies[limit] ?? Tally(count: 0, seconds: 0)
        guard let count = sum(before.count, tally.count), let seconds = sum(before.seconds, tally.seconds) else {
            return false
        }
        tallies[limit] = Tally(count: count, seconds: seconds)
        return true
    }

    public func joined(with other: Exceedances) -> Exceedances? {
        var joined = self
        for (limit, tally) in other.tallies {
            guard joined.add(tally, to: limit) else { return nil }
        }
        return joined
    }
}
