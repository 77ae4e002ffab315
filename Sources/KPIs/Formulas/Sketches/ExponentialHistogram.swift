// The exponential histogram of OpenTelemetry (metrics data model): bin i holds base^i < value ≤ base^(i+1) with base =
// 2^(2^-scale). Bins of one scale are pairs of bins of the next, so two histograms merge at the coarser of their scales
// without error. A histogram is as coarse as its values' range demands and no coarser, whatever their order.
//
// For the platform's own programs (product KPIs): what a node contributes has fixed bins, because its range is known.

public struct ExponentialHistogram: Hashable, Sendable {
    /// Scales with an exact index; Prometheus' native histograms have -4 ... 8.
    public static let scales = -10...20

    public struct Bin: Hashable, Sendable {
        public var index: Int32
        public var count: Int64

        public init(index: Int32, count: Int64) {
            self.index = index
            self.count = count
        }
    }

    public private(set) var scale: Int
    /// How many bins the values' range may take; OpenTelemetry's default is 160.
    public let maximumBins: Int
    public private(set) var zeros: Int64 = 0
    /// Values added.
    public private(set) var count: Int64 = 0
    private var counts: [Int32: Int64] = [:]
    /// The lowest and the highest index of `counts`; nil when it is empty.
    private var range: ClosedRange<Int32>?

    /// A scale in -10 ... 20 to begin with, and at least 4 bins: at scale -10 all doubles lie in three, so that these
    /// can always be had. Nil otherwise.
    public init?(scale: Int, maximumBins: Int = 160) {
        guard Self.scales.contains(scale), maximumBins >= 4 else { return nil }
        self.scale = scale
        self.maximumBins = maximumBins
    }

    /// Adds a value so many times. False, and nothing added, for negative values, what is not finite, a count below 1,
    /// and when the count does not fit.
    public mutating func add(_ value: Double, count more: Int64 = 1) -> Bool {
        guard value >= 0, value < .infinity, more > 0 else { return false }
        let (sum, overflow) = count.addingReportingOverflow(more)
        guard !overflow else { return false }
        count = sum
        guard value > 0 else {
            zeros += more
            return true
        }
        let index = Self.index(value, scale: scale)
        counts[index, default: 0] += more
        cover(index...index)
        return true
    }

    /// Adds what another has counted, at the coarser scale. False, and nothing added, when the count or the number of
    /// bins do not fit each other.
    public mutating func merge(_ other: ExponentialHistogram) -> Bool {
        let (sum, overflow) = count.addingReportingOverflow(other.count)
        guard !overflow, maximumBins == other.maximumBins else { return false }
        var other = other
        let common = min(scale, other.scale)
        coarsen(by: scale - common)
        other.coarsen(by: other.scale - common)
        count = sum
        zeros += other.zeros
        counts.merge(other.counts) { $0 + $1 }
        if let added = other.range { cover(added) }
        return true
    }

    /// Canonical: in order of their indices, none empty.
    public var bins: [Bin] { counts.map { Bin(index: $0.key, count: $0.value) }.sorted { $0.index < $1.index } }

    /// A histogram from its bins, as they were contributed. Nil when bins are empty, repeated or out of order, take
    /// more than the maximum, or do not fit.
    public init?(scale: Int, maximumBins: Int, zeros: Int64, bins: [Bin]) {
        self.init(scale: scale, maximumBins: maximumBins)
        guard zeros >= 0 else { return nil }
        self.zeros = zeros
        count = zeros
        let known = Self.index(.leastNonzeroMagnitude, scale: scale)...Self.index(
            .greatestFiniteMagnitude, scale: scale)
        var last = Int32.min
        for bin in bins {
            let (sum, overflow) = count.addingReportingOverflow(bin.count)
            guard bin.count > 0, bin.index > last, known.contains(bin.index), !overflow else { return nil }
            last = bin.index
            count = sum
            counts[bin.index] = bin.count
        }
        if let first = bins.first?.index { cover(first...last) }
        guard self.scale == scale else { return nil }
    }

    /// Prometheus' native histograms hold base^(i-1) < value ≤ base^i: one more.
    public static func prometheusIndex(_ index: Int32) -> Int32 { index + 1 }

    /// The upper end of a bin, which belongs to it; infinite beyond what a Double holds.
    public static func upperBound(index: Int32, scale: Int) -> Double {
        let exponent = (Double(index) + 1) * Double(sign: .plus, exponent: -scale, significand: 1)
        let whole = exponent.rounded(.down)
        guard whole < 1_024 else { return .infinity }
        return Double(sign: .plus, exponent: Int(whole), significand: Exponential.power(2, exponent - whole))
    }

    /// The bin of a positive, finite value: ⌈log2(v) · 2^scale⌉ - 1, by integers only. A logarithm that is rounded
    /// misses the bin of a value next to a border; squaring the significand does not: each square tells one binary
    /// digit of the logarithm. 128 bits hold its error below 2^-105 after 20 squares, and no double is that near a
    /// border without being one, which only powers of two are.
    public static func index(_ value: Double, scale: Int) -> Int32 {
        let exponent = Int(value.exponent)
        let fraction = value.significand - 1
        let isPower = fraction == 0
        if scale <= 0 { return Int32((isPower ? exponent - 1 : exponent) >> -scale) }
        if isPower { return Int32(exponent << scale) - 1 }
        // The significand with 127 binary places: 1 ≤ m < 2.
        var m = UInt128(1) << 127 | UInt128(UInt64(fraction * 0x1p52)) << 75
        var digits = 0
        for _ in 0..<scale {
            // 2 ≤ m² < 4 has its highest bit set: 126 places; 1 ≤ m² < 2 has not.
            let square = m.multipliedFullWidth(by: m)
            digits <<= 1
            if square.high >> 127 == 1 {
                digits |= 1
                m = square.high
            } else {
                m = square.high << 1 | square.low >> 127
            }
        }
        return Int32(exponent << scale + digits)
    }

    /// Widens the range, and coarsens until it fits.
    private mutating func cover(_ added: ClosedRange<Int32>) {
        let low = min(range?.lowerBound ?? added.lowerBound, added.lowerBound)
        let high = max(range?.upperBound ?? added.upperBound, added.upperBound)
        range = low...high
        while let range, Int(range.upperBound) - Int(range.lowerBound) >= maximumBins { coarsen(by: 1) }
    }

    private mutating func coarsen(by steps: Int) {
        guard steps > 0 else { return }
        var coarse: [Int32: Int64] = [:]
        for (index, count) in counts { coarse[index >> Int32(steps), default: 0] += count }
        counts = coarse
        range = range.map { $0.lowerBound >> Int32(steps)...$0.upperBound >> Int32(steps) }
        scale -= steps
    }
}
