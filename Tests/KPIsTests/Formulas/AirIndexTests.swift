import KPIs
import Testing

@Suite("Air: indices")
struct AirIndexTests {
    typealias AQI = USAirQualityIndex

    /// Index of concentrations in thousandths of the table's unit of measure.
    private static func check(_ series: AQI.Series, _ expected: [(Int64, Int)]) {
        for (thousandths, index) in expected {
            #expect(AQI.index(series, thousandths: thousandths)?.value == index, "\(series) \(thousandths)")
        }
    }

    @Test("V-AQ-2: PM2.5, every entry of the vector")
    func pm2_5() {
        Self.check(
            .pm2_5Day,
            [
                (0, 0), (4_500, 25), (9_000, 50), (9_040, 50), (9_090, 50), (9_100, 51), (12_000, 56), (12_100, 57),
                (20_000, 71), (35_400, 100), (35_500, 101), (35_900, 102), (55_400, 150), (55_500, 151), (100_000, 182),
                (125_400, 200), (125_500, 201), (150_400, 226), (225_400, 300), (225_500, 301), (250_000, 350),
                (325_400, 500),
            ])
        #expect(AQI.index(.pm2_5Day, thousandths: 325_400)?.isBeyond == false)
        #expect(AQI.index(.pm2_5Day, thousandths: 325_500) == AQI.Index(.pm2_5Day, 500, isBeyond: true))
        #expect(AQI.index(.pm2_5Day, thousandths: .max)?.value == 500)
        #expect(AQI.index(.pm2_5Day, thousandths: .min)?.value == 0)
    }

    @Test("V-AQ-2: PM10, CO, NO2, SO2 and O3, every entry of the vector")
    func others() {
        Self.check(
            .pm10Day,
            [
                (54_000, 50), (54_900, 50), (55_000, 51), (100_000, 73), (154_000, 100), (254_000, 150),
                (300_000, 173), (354_000, 200), (424_000, 300), (604_000, 500),
            ])
        Self.check(.coEightHours, [(4_400, 50), (8_400, 90), (9_400, 100), (12_400, 150), (50_400, 500)])
        Self.check(
            .no2Hour, [(40_000, 38), (75_000, 73), (100_000, 100), (101_000, 101), (200_000, 120), (360_000, 150)])
        Self.check(.so2Hour, [(35_000, 50), (36_000, 51), (100_000, 112), (185_000, 150)])
        Self.check(
            .o3EightHours,
            [(60_000, 67), (70_000, 100), (78_533, 126), (85_000, 150), (105_000, 200), (200_000, 300)])
    }

    @Test("V-AQ-2: halves go up in every tie of the vector")
    func ties() {
        Self.check(.coEightHours, [(1_100, 13), (3_300, 38)])
        Self.check(.no2Hour, [(77_000, 76), (505_000, 176)])
        Self.check(.so2Hour, [(245_000, 176)])
        Self.check(.o3EightHours, [(72_000, 105), (74_000, 112)])
    }

    @Test("V-AQ-2: the worked example of the technical document is 126, by ozone; equals keep the table's order")
    func overall() throws {
        let ozone = try #require(AQI.index(.o3EightHours, thousandths: 78_533))
        let particles = try #require(AQI.index(.pm2_5Day, thousandths: 35_900))
        let carbonMonoxide = try #require(AQI.index(.coEightHours, thousandths: 8_400))
        #expect(particles.value == 102 && carbonMonoxide.value == 90)
        #expect(AQI.overall([carbonMonoxide, particles, ozone]) == ozone)
        let (coarse, gas) = (AQI.Index(.pm10Day, 80), AQI.Index(.no2Hour, 80))
        #expect(AQI.overall([gas, coarse]) == coarse && AQI.overall([coarse, gas]) == coarse)
        #expect(AQI.overall([]) == nil)
        #expect(ozone.category == .unhealthyForSensitiveGroups)
    }

    /// The table as it is printed, in truncation units: index and concentration of both ends of each row.
    private static let printed: [(AQI.Series, [(Int64, Int64, Int64, Int64)])] = [
        (
            .pm2_5Day,
            [
                (0, 50, 0, 90), (51, 100, 91, 354), (101, 150, 355, 554), (151, 200, 555, 1_254),
                (201, 300, 1_255, 2_254), (301, 500, 2_255, 3_254),
            ]
        ),
        (
            .pm10Day,
            [
                (0, 50, 0, 54), (51, 100, 55, 154), (101, 150, 155, 254), (151, 200, 255, 354), (201, 300, 355, 424),
                (301, 500, 425, 604),
            ]
        ),
        (
            .o3EightHours,
            [(0, 50, 0, 54), (51, 100, 55, 70), (101, 150, 71, 85), (151, 200, 86, 105), (201, 300, 106, 200)]
        ),
        (.o3Hour, [(101, 150, 125, 164), (151, 200, 165, 204), (201, 300, 205, 404), (301, 500, 405, 604)]),
        (
            .coEightHours,
            [
                (0, 50, 0, 44), (51, 100, 45, 94), (101, 150, 95, 124), (151, 200, 125, 154), (201, 300, 155, 304),
                (301, 500, 305, 504),
            ]
        ),
        (.so2Hour, [(0, 50, 0, 35), (51, 100, 36, 75), (101, 150, 76, 185), (151, 200, 186, 304)]),
        (.so2Day, [(201, 300, 305, 604), (301, 500, 605, 1_004)]),
        (
            .no2Hour,
            [
                (0, 50, 0, 53), (51, 100, 54, 100), (101, 150, 101, 360), (151, 200, 361, 649), (201, 300, 650, 1_249),
                (301, 500, 1_250, 2_049),
            ]
        ),
    ]

    @Test("On all 8101 inputs of the table the index is the exact fraction rounded half up, and it never falls")
    func exactOnEveryInput() {
        var inputs = 0
        for (series, rows) in Self.printed {
            var last = -1
            for (indexLow, indexHigh, low, high) in rows {
                for concentration in low...high {
                    inputs += 1
                    guard let index = AQI.index(series, truncated: concentration) else {
                        Issue.record("no index for \(series) \(concentration)")
                        continue
                    }
                    // index - ½ ≤ exact < index + ½, with exact = low + (high - low) (c - Blo) / (Bhi - Blo).
                    let (span, part) = (high - low, (indexHigh - indexLow) * (concentration - low))
                    let twice = 2 * (Int64(index.value) - indexLow) * span
                    let isRounded = twice - span <= 2 * part && 2 * part < twice + span
                    #expect(isRounded && !index.isBeyond && index.value >= last, "\(series) \(concentration)")
                    last = index.value
                }
                #expect(AQI.index(series, truncated: low)?.value == Int(indexLow))
                #expect(AQI.index(series, truncated: high)?.value == Int(indexHigh))
            }
            if let top = rows.last {
                let beyond = AQI.Index(series, Int(top.1), isBeyond: true)
                #expect(AQI.index(series, truncated: top.3 + 1) == beyond, "at least the top of the series")
            }
        }
        #expect(inputs == 8_101)
        #expect(AQI.index(.o3Hour, truncated: 124) == nil && AQI.index(.so2Day, truncated: 304) == nil)
    }

    @Test("Every index has one category")
    func categories() {
        let borders: [(Int, AQI.Category)] = [
            (0, .good), (50, .good), (51, .moderate), (100, .moderate), (101, .unhealthyForSensitiveGroups),
            (151, .unhealthy), (200, .unhealthy), (201, .veryUnhealthy), (300, .veryUnhealthy), (301, .hazardous),
            (500, .hazardous),
        ]
        for (index, category) in borders { #expect(AQI.Category(index: index) == category) }
    }

    /// Hours in whole µg/m³, newest first.
    private static func hours(_ micrograms: [Int64?]) -> [Int64?] { micrograms.map { $0.map { $0 * 1_000 } } }

    @Test("V-AQ-3: NowCast of five nights: weight, value, truncated, index")
    func nowCast() {
        let vector: [(hours: [Int64?], weight: Double, raw: Int64, tenths: Int64, index: Int)] = [
            (Array(repeating: 12, count: 12), 1, 12_000, 120, 56),
            ([50, 40, 30, 20] + Array(repeating: 10, count: 8), 0.5, 40_632, 406, 114),
            ([30, 31, 29, 28, 32, 33, 30, 29, 27, 28, 30, 31], 0.818182, 29_996, 299, 90),
            ([nil, 34, 40, 38, nil, 35, 36, 30, 31, 33, nil, 32], 0.75, 35_864, 358, 102),
        ]
        for night in vector {
            let hours = Self.hours(night.hours)
            #expect(isClose(NowCast.weight(hours), night.weight, within: 5e-7))
            let value = NowCast.value(hours)
            #expect(value == night.raw)
            #expect(value.map { $0 / 100 } == night.tenths)
            #expect(AQI.index(.pm2_5Day, thousandths: value ?? -1)?.value == night.index)
        }
        #expect(NowCast.value(Self.hours([nil, nil, 40, 38, 36, 35, 36, 30, 31, 33, 30, 32])) == nil)
    }

    @Test("NowCast needs two of the newest three hours and no more than twelve, and clean air has a weight of 1")
    func nowCastEnds() {
        #expect(NowCast.value([1_000, nil, 3_000]) != nil)
        #expect(NowCast.value([1_000]) == nil && NowCast.value([]) == nil)
        #expect(NowCast.value(Array(repeating: 1, count: 13)) == nil)
        #expect(NowCast.weight([0, 0, 0]) == 1 && NowCast.value([0, 0, 0]) == 0)
        #expect(NowCast.weight([-5, 10, 10]) == 0.5)
        #expect(NowCast.value([.max, .max]) == nil)
        // Equal hours are their own mean, to the last unit.
        for value in Int64(0)..<3_000 { #expect(NowCast.value(Array(repeating: value * 7, count: 12)) == value * 7) }
    }

    @Test("V-AQ-4: the European index, version 2; a band's upper end belongs to it")
    func european() {
        let index = EuropeanAirQualityIndex(.v2)
        let levels = [
            index.level(.pm2_5, nanogramsPerCubicMetre: 12_400), index.level(.pm10, nanogramsPerCubicMetre: 31_000),
            index.level(.no2, nanogramsPerCubicMetre: 44_000), index.level(.o3, nanogramsPerCubicMetre: 71_000),
            index.level(.so2, nanogramsPerCubicMetre: 3_000),
        ]
        #expect(levels == [2, 2, 3, 2, 1])
        #expect(index.overall(levels.compactMap { $0 }) == 3 && index.overall([]) == nil)
        #expect(index.level(.pm2_5, nanogramsPerCubicMetre: 5_000) == 1)
        #expect(index.level(.pm2_5, nanogramsPerCubicMetre: 5_010) == 2)
        #expect(index.level(.o3, nanogramsPerCubicMetre: 180_000) == 5)
        #expect(index.level(.o3, nanogramsPerCubicMetre: 181_000) == 6)
        #expect(index.level(.co, nanogramsPerCubicMetre: 1) == nil)
        #expect(index.table == "eaqi-v2" && EuropeanAirQualityIndex.names.count == 6)
    }

    @Test("The two versions of the European index are apart: 44 µg/m³ of NO2 are level 2 before and 3 after")
    func europeanVersions() {
        let (old, new) = (EuropeanAirQualityIndex(.v1), EuropeanAirQualityIndex(.v2))
        #expect(old.table == "eaqi-v1")
        #expect(old.level(.no2, nanogramsPerCubicMetre: 44_000) == 2)
        #expect(new.level(.no2, nanogramsPerCubicMetre: 44_000) == 3)
        #expect(old.level(.pm2_5, nanogramsPerCubicMetre: 12_000) == 2)
        for index in [old, new] {
            for pollutant in Pollutant.allCases where pollutant != .co {
                let levels = (0...800).compactMap {
                    index.level(pollutant, nanogramsPerCubicMetre: Int64($0) * 1_000)
                }
                #expect(levels == levels.sorted() && Set(levels) == Set(1...6), "\(index.table) \(pollutant)")
            }
        }
        #expect(EuropeanAirQualityIndex.isComplete([.no2, .pm10], isTraffic: true))
        #expect(!EuropeanAirQualityIndex.isComplete([.no2, .pm10], isTraffic: false))
        #expect(EuropeanAirQualityIndex.isComplete([.no2, .pm2_5, .o3], isTraffic: false))
    }

    @Test("V-AQ-5: the common index, linear between the lines of its grid")
    func common() {
        let expected: [(Pollutant, Int64, Double)] = [
            (.pm10, 60, 56.25), (.no2, 120, 55), (.pm2_5, 20, 33.33), (.o3, 130, 54.17),
        ]
        for (pollutant, micrograms, index) in expected {
            let found = CommonAirQualityIndex.index(pollutant, nanogramsPerCubicMetre: micrograms * 1_000)
            #expect(isClose(found.value, index, within: 5e-3) && !found.isBeyond, "\(pollutant)")
        }
        #expect(CommonAirQualityIndex.index(.so2, nanogramsPerCubicMetre: 500_000).value == 100)
        let beyond = CommonAirQualityIndex.index(.so2, nanogramsPerCubicMetre: 500_001)
        #expect(beyond.value == 100 && beyond.isBeyond)
        let top = CommonAirQualityIndex.index(.co, nanogramsPerCubicMetre: 20_000_000)
        #expect(!top.isBeyond && CommonAirQualityIndex.overall([beyond, top]) == beyond)
        #expect(CommonAirQualityIndex.index(.no2, nanogramsPerCubicMetre: -1).value == 0)
    }
}

extension USAirQualityIndex.Index {
    fileprivate init(_ series: USAirQualityIndex.Series, _ value: Int, isBeyond: Bool = false) {
        self.init(series: series, value: value, isBeyond: isBeyond)
    }
}
