import KPIs
import Testing

@Suite("Electromagnetic fields")
struct EMFTests {
    private static let vector = [
        BandField(megahertz: 900, field: 0.6), BandField(megahertz: 1_800, field: 0.4),
        BandField(megahertz: 2_600, field: 1.2),
    ]

    @Test("V-EM-1: limits, quotient, total field and power density of three bands (ICNIRP 1998)")
    func bands() {
        let guideline = ExposureGuideline.icnirp1998
        #expect(isClose(guideline.fieldLimit(megahertz: 900), 41.25, within: 1e-12))
        #expect(isClose(guideline.fieldLimit(megahertz: 1_800), 58.3363, within: 5e-5))
        #expect(guideline.fieldLimit(megahertz: 2_600) == 61)
        #expect(isClose(guideline.quotient(Self.vector), 6.45579e-4, within: 5e-10))
        #expect(guideline.quotientMillionths(Self.vector) == 646)
        let total = FieldStrength.total(Self.vector.map(\.field))
        #expect(isClose(total, 1.4, within: 1e-12))
        #expect(isClose(PowerDensity.wattsPerSquareMetre(field: total), 5.2027e-3, within: 5e-8))
    }

    @Test("V-EM-2: fields are averaged by their squares over time")
    func rootMeanSquare() {
        let squares: Int64 = 1_000 * 1_000 * 120 + 2_000 * 2_000 * 240
        #expect(isClose(FieldStrength.rootMeanSquare(squareSum: squares, seconds: 360), 1.7320508, within: 5e-8))
        #expect(FieldStrength.rootMeanSquare(squareSum: 1, seconds: 0) == nil)
    }

    @Test("Reference levels of both publications in every band, and none outside them")
    func levels() {
        let (old, new) = (ExposureGuideline.icnirp1998, ExposureGuideline.icnirp2020)
        #expect(old.fieldLimit(megahertz: 0.5) == 87 && old.fieldLimit(megahertz: 100) == 28)
        #expect(isClose(old.fieldLimit(megahertz: 4), 43.5, within: 1e-12))
        #expect(isClose(new.fieldLimit(megahertz: 10), 59.8579, within: 1e-4))
        #expect(new.fieldLimit(megahertz: 100) == 27.7)
        #expect(isClose(new.fieldLimit(megahertz: 900), 41.25, within: 1e-12))
        // 10 W/m² in a plane wave.
        #expect(isClose(new.fieldLimit(megahertz: 3_500), 61.378, within: 1e-3))
        for guideline in ExposureGuideline.all {
            #expect(guideline.fieldLimit(megahertz: 0.09) == nil && guideline.fieldLimit(megahertz: 300_001) == nil)
            #expect(guideline.quotient([BandField(megahertz: 0.01, field: 1)]) == nil)
            #expect(ExposureGuideline.named(guideline.id) == guideline)
        }
        #expect(old.averagingSeconds == 360 && new.averagingSeconds == 1_800)
        #expect(ExposureGuideline.named("icnirp-1888") == nil)
    }

    @Test("A probe that cannot tell bands apart is held against the strictest limit of its range")
    func wideBand() {
        let old = ExposureGuideline.icnirp1998
        #expect(old.strictestFieldLimit(megahertz: 0.1...400) == 27.5, "just above 400 MHz: 1.375 √400")
        #expect(old.strictestFieldLimit(megahertz: 11...399) == 28)
        #expect(isClose(old.strictestFieldLimit(megahertz: 0.1...399), 27.5118, within: 5e-5), "87 / √10 at 10 MHz")
        #expect(old.strictestFieldLimit(megahertz: 0.1...6_000) == 27.5)
        #expect(isClose(old.strictestFieldLimit(megahertz: 700...6_000), 1.375 * 26.457513110645905, within: 1e-12))
        #expect(old.strictestFieldLimit(megahertz: 2_100...6_000) == 61)
        #expect(isClose(old.strictestFieldLimit(megahertz: 1...4), 43.5, within: 1e-12))
        #expect(old.strictestFieldLimit(megahertz: 0.01...4) == nil)
        for guideline in ExposureGuideline.all {
            for low in [0.1, 0.7, 3, 25, 390, 450, 1_900] {
                for high in [0.9, 8, 29, 31, 399, 401, 2_100, 90_000] where high > low {
                    let strictest = guideline.strictestFieldLimit(megahertz: low...high) ?? 0
                    // No frequency of the range has a lower limit, and one is as near as the steps are.
                    let all = (0...2_000).compactMap {
                        guideline.fieldLimit(megahertz: low + (high - low) * Double($0) / 2_000)
                    }
                    let lowest = all.min() ?? 0
                    #expect(strictest <= lowest && lowest < strictest * 1.06, "\(guideline.id) \(low) \(high)")
                }
            }
        }
    }

    @Test("The contributed quotient is rounded up: a millionth above the limit does not comply")
    func millionths() {
        let guideline = ExposureGuideline.icnirp1998
        #expect(guideline.quotientMillionths([BandField(megahertz: 2_600, field: 61)]) == 1_000_000)
        #expect(guideline.quotientMillionths([BandField(megahertz: 2_600, field: 61.000_001)]) == 1_000_001)
        #expect(guideline.quotientMillionths([BandField(megahertz: 2_600, field: 1e12)]) == nil)
    }

    @Test("A site complies when every window does and enough were measured; one window above is enough to fail")
    func sites() {
        let all: (Int64, Int64) -> SiteCompliance = {
            SiteCompliance(worstQuotientMillionths: $0, windows: $1, of: 100, minimumPercent: 90)
        }
        #expect(all(1_000_000, 90) == .complies)
        #expect(all(1_000_001, 1) == .exceeds)
        #expect(all(3, 89) == .notEnoughMeasured)
        #expect(all(0, 0) == .notEnoughMeasured)
    }
}
