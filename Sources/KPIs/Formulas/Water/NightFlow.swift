// Minimum night flow: when a zone sleeps, what still flows in is mostly leakage. A zone may have several inlets, and
// the minimum of the sum is not the sum of the minima: their flows are added interval by interval first. So intervals
// are contributed, never a node's own minimum.

public enum NightFlow {
    /// The lowest hour of a zone's night.
    public struct Minimum: Hashable, Sendable {
        /// Millilitres in that hour.
        public var millilitresPerHour: Int64
        /// The first interval of the hour, counted from 0; the earliest of equal ones.
        public var firstInterval: Int
        /// Hours of which every interval of every inlet was known, and hours there were.
        public var knownHours: Int
        public var hours: Int

        public var cubicMetresPerHour: Double { Double(millilitresPerHour) / 1e6 }
    }

    /// Adds the inlets' flows (millilitres in each interval, outflow negative) interval by interval. An interval that
    /// one of them lacks is not known. Nil when the inlets do not have the same number of intervals, or without
    /// inlets.
    public static func added(_ inlets: [[Int64?]]) -> [Int64?]? {
        guard let first = inlets.first, inlets.allSatisfy({ $0.count == first.count }) else { return nil }
        return first.indices.map { index in
            var sum: Int64 = 0
            for inlet in inlets {
                guard let flow = inlet[index] else { return nil }
                let (next, overflow) = sum.addingReportingOverflow(flow)
                guard !overflow else { return nil }
                sum = next
            }
            return sum
        }
    }

    /// The lowest rolling hour of the intervals of a night (02:00 to 04:00 local time by default practice: eight of 15
    /// minutes). Nil when no hour is wholly known.
    public static func minimum(ofInlets inlets: [[Int64?]], intervalsPerHour: Int = 4) -> Minimum? {
        guard intervalsPerHour > 0, let flow = added(inlets), flow.count >= intervalsPerHour else { return nil }
        var best: Minimum?
        var known = 0
        let hours = flow.count - intervalsPerHour + 1
        for start in 0..<hours {
            let hour = flow[start..<(start + intervalsPerHour)].compactMap { $0 }
            guard hour.count == intervalsPerHour, let sum = ExactMean(of: hour)?.sum else { continue }
            known += 1
            if let best, best.millilitresPerHour <= sum { continue }
            best = Minimum(millilitresPerHour: sum, firstInterval: start, knownHours: 0, hours: hours)
        }
        best?.knownHours = known
        return best
    }

    /// A night flow that one quiet night does not decide: the 20th percentile of the last seven nightly minima, by rank
    /// (UKWIR report 99/WM/08/21). Nil without nights.
    public static func ofLastNights(_ minima: [Int64]) -> Int64? {
        RankPercentile.value(tenthsOfPercent: 200, of: minima.suffix(7))
    }

    /// Leakage at night, m³/h: the minimum less what people use legitimately at night. `litresPerConnectionHour` is
    /// local knowledge, about 1.7 L/h in the United Kingdom (from memory of its practice).
    public static func leakage(
        cubicMetresPerHour minimum: Double, connections: Int64, litresPerConnectionHour: Double = 1.7
    ) -> Double {
        minimum - Double(connections) * litresPerConnectionHour / 1_000
    }

    /// Leakage of a day, m³/d: the night's rate times the hours of a day at night's pressure (20 to 24, by the pressure
    /// of the zone).
    public static func dailyLeakage(cubicMetresPerHour leakage: Double, hourDayFactor: Double) -> Double {
        leakage * hourDayFactor
    }
}
