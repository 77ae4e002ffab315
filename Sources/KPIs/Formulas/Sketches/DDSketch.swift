// A histogram with logarithmic bins: any quantile within 1 % of its value, whatever the distribution (Masson, Rim, Lee,
// PVLDB 12, 2019). The accuracy is fixed and nothing is ever collapsed, so that merging is adding counts: associative,
// commutative, and the same bins for every order and partition, on every processor.
//
// For the platform's own programs (product KPIs): what a node contributes has fixed bins, because its range is known.

public struct DDSketch: Hashable, Sendable {
    /// α: a quantile's estimate is within this share of the true value.
    public static let relativeAccuracy = 0.01
    /// The id of the parameters, for contributions.
    public static let parameters = "ddsketch-a1"
    /// Magnitudes told apart; smaller ones count as zero, larger ones are refused. They make at most 2765 bins of each
    /// sign.
    public static let magnitudes = 1e-9...1e15

    public struct Bin: Hashable, Sendable {
        public var key: Int32
        public var count: Int64

        public init(key: Int32, count: Int64) {
            self.key = key
            self.count = count
        }
    }

    private var positive: [Int32: Int64] = [:]
    private var negative: [Int32: Int64] = [:]
    public private(set) var zeros: Int64 = 0
    /// Values added.
    public private(set) var count: Int64 = 0

    public init() {}

    /// Adds a value so many times. False, and nothing added, for what is not finite or beyond the magnitudes, for a
    /// count below 1, and when the count does not fit.
    public mutating func add(_ value: Double, count more: Int64 = 1) -> Bool {
        guard value.magnitude <= Self.magnitudes.upperBound, more > 0 else { return false }
        let (sum, overflow) = count.addingReportingOverflow(more)
        guard !overflow else { return false }
        count = sum
        if value.magnitude < Self.magnitudes.lowerBound {
            zeros += more
        } else if value > 0 {
            positive[Self.key(value), default: 0] += more
        } else {
            negative[Self.key(-value), default: 0] += more
        }
        return true
    }

    /// Adds what another has counted. False, and nothing added, when the count does not fit.
    public mutating func merge(_ other: DDSketch) -> Bool {
        let (sum, overflow) = count.addingReportingOverflow(other.count)
        guard !overflow else { return false }
        count = sum
        zeros += other.zeros
        positive.merge(other.positive) { $0 + $1 }
        negative.merge(other.negative) { $0 + $1 }
        return true
    }

    /// Canonical: in order of their keys, none empty. A key k holds γ^(k-1) < |value| ≤ γ^k.
    public var positiveBins: [Bin] { Self.sorted(positive) }
    public var negativeBins: [Bin] { Self.sorted(negative) }

    /// A sketch from its bins, as they were contributed. Nil when bins are empty, repeated or out of order, keys beyond
    /// the magnitudes, or counts that do not fit.
    public init?(zeros: Int64, positiveBins: [Bin], negativeBins: [Bin]) {
        guard zeros >= 0 else { return nil }
        let keys = Self.key(Self.magnitudes.lowerBound)...Self.key(Self.magnitudes.upperBound)
        self.zeros = zeros
        count = zeros
        for (isNegative, bins) in [(false, positiveBins), (true, negativeBins)] {
            var last = Int32.min
            for bin in bins {
                let (sum, overflow) = count.addingReportingOverflow(bin.count)
                guard bin.count > 0, bin.key > last, keys.contains(bin.key), !overflow else { return nil }
                last = bin.key
                count = sum
                if isNegative { negative[bin.key] = bin.count } else { positive[bin.key] = bin.count }
            }
        }
    }

    /// The value below which so many thousandths of all lie, 0 ... 1000: the bin of rank q · (n - 1). Nil when empty.
    public func quantile(permille: Int) -> Double? {
        guard (0...1_000).contains(permille), count > 0 else { return nil }
        let rank = Int128(permille) * Int128(count - 1)
        var below: Int128 = 0
        // From the lowest: the negative ones of greatest magnitude first.
        for bin in negativeBins.reversed() {
            below += Int128(bin.count)
            if below * 1_000 > rank { return -Self.estimate(bin.key) }
        }
        below += Int128(zeros)
        if below * 1_000 > rank { return 0 }
        for bin in positiveBins {
            below += Int128(bin.count)
            if below * 1_000 > rank { return Self.estimate(bin.key) }
        }
        return nil
    }

    /// ⌈log_γ v⌉ for a positive value, γ = (1 + α) / (1 - α).
    public static func key(_ value: Double) -> Int32 {
        Int32((Logarithm.ln(value) / logarithmOfGamma).rounded(.up))
    }

    /// The value within α of all values of a key: 2 γ^key / (γ + 1).
    public static func estimate(_ key: Int32) -> Double {
        Exponential.exp(Double(key) * logarithmOfGamma) * 2 / (gamma + 1)
    }

    private static let gamma = (1 + relativeAccuracy) / (1 - relativeAccuracy)
    private static let logarithmOfGamma = Logarithm.ln(gamma)

    private static func sorted(_ bins: [Int32: Int64]) -> [Bin] {
        bins.map { Bin(key: $0.key, count: $0.value) }.sorted { $0.key < $1.key }
    }
}
