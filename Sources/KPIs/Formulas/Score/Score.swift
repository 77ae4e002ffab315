// Points and wheel of the U4SSC verification reports: how near a city is to its targets.

public enum Score {
    /// The four ranges of the reports. What they leave open, which range a border belongs to, is settled as half-open:
    /// [0, 33) [33, 66) [66, 95) [95, ∞).
    public enum Range: Int, Hashable, Sendable, CaseIterable {
        case below33 = 1
        case from33 = 2
        case from66 = 3
        case from95 = 4

        /// As the wheel's legend has it.
        public var name: String {
            switch self {
            case .below33: "0-33"
            case .from33: "33-66"
            case .from66: "66-95"
            case .from95: "95+"
            }
        }
    }

    /// The range of a share of the target in per cent; nil for what is not a number.
    public static func range(percent: Double) -> Range? {
        guard !percent.isNaN else { return nil }
        return percent < 33 ? .below33 : percent < 66 ? .from33 : percent < 95 ? .from66 : .from95
    }

    /// 1 ... 4 points for a share of the target in per cent.
    public static func points(percent: Double) -> Int? { range(percent: percent)?.rawValue }

    /// A group of indicators: the points of those that are reported and have a benchmark.
    public struct Group: Hashable, Sendable {
        public let points: Int
        public let indicators: Int

        /// Nil for an indicator that is not reported (NR) or has no benchmark: it is left out, not counted as 0.
        public init(_ points: [Int?]) {
            self.points = points.reduce(0) { $0 + ($1 ?? 0) }
            indicators = points.count { $0 != nil }
        }

        /// Points of four for each indicator, in per cent; nil when nothing is reported.
        public var percent: Double? { indicators > 0 ? Double(points) * 25 / Double(indicators) : nil }

        /// The group's colour.
        public var range: Range? { percent.flatMap(Score.range) }
    }

    /// The share of the target in per cent, at least 0, for an indicator that should be high. Nil for a target of 0.
    public static func percent(value: Double, target: Double) -> Double? {
        guard target > 0 else { return nil }
        return max(0, value * 100 / target)
    }

    /// The share of the way from a baseline to the target that has been gone, in per cent, at least 0: for an indicator
    /// that should be low (or high). U4SSC publishes no targets and no rule for these: this is ours. Nil when baseline
    /// and target are the same.
    public static func percent(value: Double, baseline: Double, target: Double) -> Double? {
        guard baseline != target else { return nil }
        return max(0, (baseline - value) * 100 / (baseline - target))
    }
}
