import KPIs
import Testing
import World

@Suite("Sketches")
struct SketchTests {
    @Test("V-SK-1: keys of single values")
    func keys() {
        let expected: [(Double, Int32)] = [
            (0.5, -34), (1, 0), (2, 35), (10, 116), (35.4, 179), (42, 187), (100, 231), (1_000, 346),
        ]
        for (value, key) in expected { #expect(DDSketch.key(value) == key, "\(value)") }
    }

    private static let quantiles: [(permille: Int, value: Double)] = [
        (500, 49.902961), (900, 89.130329), (950, 94.642030), (990, 98.504576),
    ]

    @Test("V-SK-1: quantiles of 1 ... 100, whole and merged from odd and even halves, to the same bits")
    func quantiles() {
        var whole = DDSketch()
        var odd = DDSketch()
        var even = DDSketch()
        for value in 1...100 {
            let isAdded = whole.add(Double(value))
            let isInHalf = value % 2 == 1 ? odd.add(Double(value)) : even.add(Double(value))
            #expect(isAdded && isInHalf)
        }
        for (permille, value) in Self.quantiles {
            #expect(isClose(whole.quantile(permille: permille), value, within: 5e-7), "\(permille)")
        }
        let isMerged = even.merge(odd)
        #expect(isMerged && even == whole && even.positiveBins == whole.positiveBins)
    }

    /// Of both signs and many magnitudes, some zero.
    private static func values(_ random: inout Random, count: Int) -> [Double] {
        (0..<count).map { _ in
            let part = Double(random.next() >> 11) * 0x1p-53
            guard !random.chance(1, in: 10) else { return 0 }
            let magnitude = (1 + part) * Double(sign: .plus, exponent: Int(random.below(40)) - 20, significand: 1)
            return random.chance(1, in: 4) ? -magnitude : magnitude
        }
    }

    @Test("Any partition and order of values merge into the same sketch, and every quantile is within 1 %")
    func sketchProperties() {
        for seed in UInt64(0)..<300 {
            var random = Random(seed: seed)
            let values = Self.values(&random, count: 200)
            var whole = DDSketch()
            var parts = [DDSketch](repeating: DDSketch(), count: 5)
            for value in values {
                let isAdded = whole.add(value)
                let isAddedToPart = parts[Int(random.below(5))].add(value)
                #expect(isAdded && isAddedToPart, "seed \(seed)")
            }
            parts.shuffle(using: &random)
            var merged = DDSketch()
            for part in parts {
                let isMerged = merged.merge(part)
                #expect(isMerged)
            }
            #expect(merged == whole && merged.count == 200, "seed \(seed)")
            let sorted = values.sorted()
            for permille in stride(from: 0, through: 1_000, by: 50) {
                let exact = sorted[permille * 199 / 1_000]
                let found = whole.quantile(permille: permille) ?? .nan
                #expect((found - exact).magnitude <= 0.010_000_1 * exact.magnitude, "seed \(seed) \(permille)")
            }
            let again = DDSketch(
                zeros: whole.zeros, positiveBins: whole.positiveBins, negativeBins: whole.negativeBins)
            #expect(again == whole, "seed \(seed)")
        }
    }

    @Test("A sketch refuses what is not a number, what is too large, and counts that do not fit")
    func sketchEnds() {
        var sketch = DDSketch()
        let refused = [
            sketch.add(.nan), sketch.add(.infinity), sketch.add(1.1e15), sketch.add(1, count: 0),
            sketch.add(1, count: -1),
        ]
        #expect(refused == [false, false, false, false, false] && sketch == DDSketch())
        #expect(sketch.quantile(permille: 500) == nil)
        let added = [sketch.add(1e-10), sketch.add(5, count: .max - 1)]
        #expect(added == [true, true] && sketch.zeros == 1)
        let overflowing = sketch.add(5)
        var copy = sketch
        let isMerged = copy.merge(sketch)
        #expect(!overflowing && !isMerged && copy == sketch)
        #expect(sketch.quantile(permille: 1_001) == nil && sketch.quantile(permille: 0) == 0)
        let bin = DDSketch.Bin(key: 3, count: 1)
        #expect(DDSketch(zeros: 0, positiveBins: [bin, bin], negativeBins: []) == nil)
        #expect(DDSketch(zeros: -1, positiveBins: [], negativeBins: []) == nil)
        #expect(DDSketch(zeros: 0, positiveBins: [DDSketch.Bin(key: 9_999, count: 1)], negativeBins: []) == nil)
        #expect(DDSketch(zeros: 0, positiveBins: [], negativeBins: [DDSketch.Bin(key: 1, count: 0)]) == nil)
    }

    @Test("V-SK-2: indices at scales 0, 3 and 5, and Prometheus' one more")
    func indices() {
        let expected: [(scale: Int, [(Double, Int32)])] = [
            (0, [(1, -1), (2, 0), (4, 1), (10, 3), (42, 5), (100, 6), (1_000, 9)]),
            (3, [(1, -1), (2, 7), (4, 15), (10, 26), (35.4, 41), (42, 43), (100, 53), (1_000, 79)]),
            (5, [(2, 31), (10, 106), (42, 172), (100, 212), (1_000, 318)]),
        ]
        for (scale, values) in expected {
            for (value, index) in values {
                #expect(ExponentialHistogram.index(value, scale: scale) == index, "\(scale) \(value)")
            }
        }
        #expect(ExponentialHistogram.prometheusIndex(-1) == 0)
    }

    @Test("V-SK-2: an index of a coarser scale is the finer one shifted, for 20 000 random values and all scales")
    func shifts() {
        var random = Random(seed: 3)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: random.below(0x7FEF_FFFF_FFFF_FFFF) + 1)
            let finest = ExponentialHistogram.index(value, scale: 20)
            let wrong = [-10, -4, -1, 0, 1, 2, 3, 8, 19].filter { scale in
                ExponentialHistogram.index(value, scale: scale) != finest >> Int32(20 - scale)
            }
            #expect(wrong == [], "scales of \(value)")
            // The bin holds the value; the bound is a Double, so by a part in 10^14.
            let index = ExponentialHistogram.index(value, scale: 8)
            #expect(value <= ExponentialHistogram.upperBound(index: index, scale: 8) * (1 + 1e-14))
            #expect(value >= ExponentialHistogram.upperBound(index: index - 1, scale: 8) * (1 - 1e-14))
        }
    }

    @Test("Powers of two belong to the bin that they end, at every scale, subnormal ones included")
    func powers() {
        for exponent in -1_074...1_023 {
            let value = Double(sign: .plus, exponent: exponent, significand: 1)
            let wrong = (0...20).filter { scale in
                ExponentialHistogram.index(value, scale: scale) != Int32(exponent << scale) - 1
            }
            #expect(wrong == [], "scales of 2^\(exponent)")
            #expect(ExponentialHistogram.index(value, scale: -1) == Int32((exponent - 1) >> 1))
        }
    }

    /// FNV-1a over the bit patterns of the smallest doubles of the bins.
    private static func digest(of indices: some Sequence<Int>, scale: Int) -> UInt64 {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in indices {
            var value = ExponentialHistogram.upperBound(index: Int32(index) - 1, scale: scale)
            while ExponentialHistogram.index(value, scale: scale) >= Int32(index) { value = value.nextDown }
            while ExponentialHistogram.index(value, scale: scale) < Int32(index) { value = value.nextUp }
            for byte in UInt64(0)..<8 {
                digest = (digest ^ (value.bitPattern >> (8 * byte) & 255)) &* 0x100_0000_01B3
            }
        }
        return digest
    }

    @Test("The borders of bins are exact to the last bit of a double, at scale 8 all and at scale 20 a thousand")
    func borders() {
        // Digests of the borders found with 80 decimal digits (mpmath).
        #expect(Self.digest(of: 1..<256, scale: 8) == 0x2FF4_A60C_1C1F_FB85)
        #expect(Self.digest(of: stride(from: 1, to: 1 << 20, by: 997), scale: 20) == 0x8F41_9820_B606_496C)
    }

    @Test("A histogram is as coarse as the range of its values demands, whatever their order and partition")
    func histogramProperties() throws {
        for seed in UInt64(0)..<300 {
            var random = Random(seed: seed)
            let values = Self.values(&random, count: 200).map(\.magnitude)
            let empty = try #require(ExponentialHistogram(scale: 8, maximumBins: 40))
            var whole = empty
            var parts = [ExponentialHistogram](repeating: empty, count: 5)
            for value in values {
                let isAdded = whole.add(value)
                let isAddedToPart = parts[Int(random.below(5))].add(value)
                #expect(isAdded && isAddedToPart, "seed \(seed)")
            }
            var merged = empty
            for part in parts.shuffled(using: &random) {
                let isMerged = merged.merge(part)
                #expect(isMerged)
            }
            #expect(merged == whole && merged.count == 200, "seed \(seed)")
            var direct: [Int32: Int64] = [:]
            for value in values where value > 0 {
                direct[ExponentialHistogram.index(value, scale: whole.scale), default: 0] += 1
            }
            #expect(whole.bins == direct.keys.sorted().map { .init(index: $0, count: direct[$0] ?? 0) }, "seed \(seed)")
            // One scale finer would not fit.
            let finer = values.filter { $0 > 0 }.map { ExponentialHistogram.index($0, scale: whole.scale + 1) }
            #expect(whole.scale == 8 || finer.max()! - finer.min()! >= 40, "seed \(seed)")
            let again = ExponentialHistogram(
                scale: whole.scale, maximumBins: 40, zeros: whole.zeros, bins: whole.bins)
            #expect(again == whole, "seed \(seed)")
        }
    }

    @Test("A histogram refuses negative values, what is not finite, and counts that do not fit")
    func histogramEnds() throws {
        var histogram = try #require(ExponentialHistogram(scale: 5))
        let refused = [
            histogram.add(-1), histogram.add(.nan), histogram.add(.infinity), histogram.add(1, count: 0),
        ]
        #expect(refused == [false, false, false, false] && histogram.count == 0 && histogram.maximumBins == 160)
        let added = [
            histogram.add(.leastNonzeroMagnitude), histogram.add(.greatestFiniteMagnitude),
            histogram.add(0, count: .max - 2),
        ]
        #expect(added == [true, true, true] && histogram.bins.count == 2 && histogram.scale == -4)
        let isAdded = histogram.add(1)
        #expect(!isAdded && histogram.zeros == .max - 2)
        #expect(ExponentialHistogram(scale: 21) == nil && ExponentialHistogram(scale: 0, maximumBins: 3) == nil)
        let narrow = try #require(ExponentialHistogram(scale: 5, maximumBins: 20))
        let isMerged = histogram.merge(narrow)
        #expect(!isMerged)
        let bin = ExponentialHistogram.Bin(index: 3, count: 1)
        #expect(ExponentialHistogram(scale: 5, maximumBins: 160, zeros: 0, bins: [bin, bin]) == nil)
        #expect(ExponentialHistogram(scale: 5, maximumBins: 160, zeros: -1, bins: [bin]) == nil)
        let far = [bin, ExponentialHistogram.Bin(index: 163, count: 1)]
        #expect(ExponentialHistogram(scale: 5, maximumBins: 160, zeros: 0, bins: far) == nil)
    }
}
