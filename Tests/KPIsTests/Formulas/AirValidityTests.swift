import KPIs
import Testing

@Suite("Air: units, limits, validity")
struct AirValidityTests {
    @Test("V-AQ-1: ppb to µg/m³ at 20 °C, and with the verifier's factors")
    func conversion() {
        let celsius20 = GasConversion.celsius20
        #expect(isClose(celsius20.microgramsPerCubicMetre(ppb: 40, of: .no2), 76.5, within: 5e-2))
        #expect(isClose(celsius20.microgramsPerCubicMetre(ppb: 30, of: .o3), 59.86, within: 5e-3))
        #expect(isClose(celsius20.microgramsPerCubicMetre(ppb: 5, of: .so2), 13.32, within: 5e-3))
        #expect(isClose(celsius20.microgramsPerCubicMetre(ppb: 1.2, of: .co), 1.397, within: 5e-4))
        #expect(GasConversion.u4ssc.microgramsPerCubicMetre(ppb: 40, of: .no2) == 76)
        #expect(GasConversion.u4ssc.nanogramsPerCubicMetre(thousandthsOfPPB: 40_000, of: .no2) == 76_000)
        #expect(celsius20.nanogramsPerCubicMetre(thousandthsOfPPB: 40_000, of: .no2) == 76_500)
        #expect(celsius20.nanogramsPerCubicMetre(thousandthsOfPPB: .max, of: .no2) == nil)
    }

    @Test("Factors of each basis, and back again")
    func factors() {
        let expected: [(GasConversion, [Double])] = [
            (.european, [1.9130, 1.9959, 2.6639, 1.1647, 1.2477]),
            (.celsius20, [1.9125, 1.9953, 2.6632, 1.1644, 1.2474]),
            (.celsius25, [1.8804, 1.9619, 2.6185, 1.1449, 1.2265]),
        ]
        for (conversion, factors) in expected {
            for (gas, factor) in zip(Gas.allCases, factors) {
                #expect(isClose(conversion.factor(gas), factor, within: 5.1e-5), "\(conversion.id) \(gas)")
                let mass = conversion.microgramsPerCubicMetre(ppb: 12.5, of: gas) ?? 0
                #expect(isClose(conversion.ppb(microgramsPerCubicMetre: mass, of: gas), 12.5, within: 1e-12))
            }
            #expect(GasConversion.named(conversion.id) == conversion)
        }
        #expect(GasConversion.u4ssc.factor(.o3) == 1.96 && GasConversion.u4ssc.factor(.so2) == 2.62)
        #expect(GasConversion.u4ssc.factor(.co) == nil && GasConversion.u4ssc.factor(.no) == nil)
        #expect(GasConversion.named("stp") == nil)
    }

    @Test("A mean is rounded to the decimals of the limit before it is compared: 50.4 does not exceed 50, 50.5 does")
    func limitCompare() throws {
        let limit = try #require(AirLimitTable.limit(id: "eu-2008-50/pm10/24h/limit"))
        #expect(limit.thousandths == 50_000 && limit.allowedPerYear == 35 && limit.decimals == 0)
        #expect(!limit.isExceeded(byThousandths: 50_400))
        #expect(!limit.isExceeded(byThousandths: 50_499))
        #expect(limit.isExceeded(byThousandths: 50_500))
        let interim = try #require(AirLimitTable.limit(id: "who-2021/pm2_5/24h/interim-3"))
        #expect(interim.decimals == 1)
        #expect(!interim.isExceeded(byThousandths: 37_549))
        #expect(interim.isExceeded(byThousandths: 37_550))
        // A fraction is rounded once: 50.4995 is below the half, though it is 50.500 to three decimals.
        let mean = try #require(ExactMean(sum: 50_499 + 50_500, count: 2))
        #expect(mean.rounded == 50_500 && !limit.isExceeded(by: mean))
    }

    @Test("The tables have every limit once, and a name for each")
    func tables() throws {
        let all = AirLimitTable.all.flatMap(\.limits)
        #expect(AirLimitTable.all.map(\.limits.count) == [43, 11, 13])
        #expect(Set(all.map(\.id)).count == all.count)
        for table in AirLimitTable.all {
            #expect(AirLimitTable.named(table.id) == table)
            for limit in table.limits { #expect(AirLimitTable.limit(id: limit.id) == limit && limit.table == table.id) }
        }
        #expect(AirLimitTable.who2021.limits(.so2).first?.thousandths == 40_000)
        #expect(AirLimitTable.limit(id: "who-2021/pm10/1h/guideline") == nil)
        for pollutant in Pollutant.allCases {
            #expect(Pollutant.named(pollutant.series) == pollutant)
            #expect((pollutant.gas == nil) == (pollutant == .pm2_5 || pollutant == .pm10))
        }
        #expect(Pollutant.pm2_5.series == "pm_2.5")
    }

    /// V-AQ-6: hours ending 18 ... 24 of the day before, then 1 ... 24; in thousandths.
    private static let ozone: [Int64?] = [
        62, 60, 58, 55, 52, 50, 48, 45, 44, 42, 40, 38, 41, 50, 62, 75, 88, 99, 108, 116, 121, 124, 123, 118, 110, 98,
        86, 74, 66, 60, 55,
    ].map { $0 * 1_000 }

    private static func ozone(without hours: ClosedRange<Int>) -> [Int64?] {
        var changed = ozone
        for hour in hours { changed[6 + hour] = nil }
        return changed
    }

    @Test("V-AQ-6: the daily highest 8 h mean of ozone, whole, just valid and not valid")
    func dailyMaximum() throws {
        let whole = try #require(AirValidity.dailyMaximumEightHourMean(Self.ozone))
        #expect(whole.mean.value == 114_875 && whole.endingHour == 18 && whole.validMeans == 24)
        let gap = try #require(AirValidity.dailyMaximumEightHourMean(Self.ozone(without: 13...15)))
        #expect(gap.mean.value == 101_500 && gap.endingHour == 21 && gap.validMeans == 18)
        let means = AirValidity.runningEightHourMeans(Self.ozone(without: 10...17))
        #expect(means.count == 24 && means.count { $0 != nil } == 13)
        #expect(AirValidity.dailyMaximumEightHourMean(Self.ozone(without: 10...17)) == nil)
        #expect(AirValidity.dailyMaximumEightHourMean(Array(Self.ozone.dropFirst())) == nil)
        #expect(AirValidity.runningEightHourMeans([1, 2, 3]).isEmpty)
    }

    @Test("V-AQ-7: 18 hourly means make a day, 17 do not")
    func dayMean() {
        let hours = (0..<24).map { Int64($0) * 1_000 as Int64? }
        #expect(AirValidity.dayMean(hours)?.value == 11_500)
        #expect(AirValidity.dayMean(Array(repeating: nil, count: 6) + hours.dropFirst(6))?.count == 18)
        #expect(AirValidity.dayMean(Array(repeating: nil, count: 7) + hours.dropFirst(7)) == nil)
        #expect(AirValidity.dayMean(hours + [1]) == nil)
        #expect(AirValidity.dayMean(Array(repeating: Int64.max, count: 24)) == nil, "a sum that does not fit")
    }

    @Test("V-AQ-8: hours have equal weight, however many samples they had; an hour needs 45 minutes")
    func hours() {
        let hourA = ExactMean(of: Array(repeating: 10_000, count: 60))
        let hourB = ExactMean(of: Array(repeating: 30_000, count: 45))
        #expect(AirValidity.hourIsValid(validSeconds: 45 * 60) && !AirValidity.hourIsValid(validSeconds: 45 * 60 - 1))
        let mean = ExactMean(of: [hourA, hourB].compactMap { $0?.rounded })
        #expect(mean?.value == 20_000)
        let pooled = ExactMean(of: Array(repeating: 10_000, count: 60) + Array(repeating: 30_000, count: 45))
        #expect(isClose(pooled?.value, 18_571.429, within: 5e-4), "what it must not be")
    }

    @Test("V-AQ-9: the mean that inhabitants breathe is neither the pooled one nor the mean of places")
    func populationWeighted() {
        let places = [
            WeightedPlace(integral: 44_640_000, seconds: 3_600, inhabitants: 1_200),
            WeightedPlace(integral: 24_570_000, seconds: 2_700, inhabitants: 800),
            WeightedPlace(integral: 54_000_000, seconds: 3_600, inhabitants: 2_500),
        ]
        #expect(isClose(PopulationWeightedMean.value(places), 13.257778, within: 5e-7))
        #expect(PopulationWeightedMean.thousandths(places) == 13_257_778)
        #expect(PopulationWeightedMean.thousandths(places.reversed()) == 13_257_778)
        let pooled = Double(places.reduce(0) { $0 + $1.integral }) / Double(places.reduce(0) { $0 + $1.seconds })
        #expect(isClose(pooled, 12_445.455, within: 5e-4))
        let none = WeightedPlace(integral: 9, seconds: 0, inhabitants: 5)
        #expect(PopulationWeightedMean.thousandths(places + [none]) == 13_257_778)
        #expect(PopulationWeightedMean.thousandths([none]) == nil)
    }

    @Test("A year needs 90 or 85 % of its hours, leap years more")
    func annual() {
        #expect(AirValidity.hoursRequired(inYear: 2_026, capturePercent: 90) == 7_884)
        #expect(AirValidity.hoursRequired(inYear: 2_028, capturePercent: 90) == 7_906)
        #expect(AirValidity.hoursRequired(inYear: 2_026, capturePercent: 85) == 7_446)
        #expect(AirValidity.hoursRequired(inYear: 2_028, capturePercent: 85) == 7_467)
        #expect(AirValidity.hours(inYear: 2_100) == 8_760 && AirValidity.hours(inYear: 2_000) == 8_784)
        #expect(AirValidity.annualMean(sum: 7_884 * 9, validHours: 7_884, year: 2_026, capturePercent: 90)?.value == 9)
        #expect(AirValidity.annualMean(sum: 7_883 * 9, validHours: 7_883, year: 2_026, capturePercent: 90) == nil)
        #expect(AirLimitTable.european2008.annualCapturePercent == 90)
        #expect(AirLimitTable.european2024.annualCapturePercent == 85)
    }

    @Test("The peak season is the six months in a row with the highest mean")
    func peakSeason() {
        let means: [Int64] = [40, 42, 50, 60, 70, 75, 80, 78, 65, 50, 41, 39]
        let months = means.map { ExactMean(sum: $0 * 30, count: 30) }
        #expect(isClose(AirValidity.peakSeasonMean(months)?.value, 428.0 / 6, within: 1e-12))
        var gap = months
        gap[6] = nil
        #expect(isClose(AirValidity.peakSeasonMean(gap)?.value, 337.0 / 6, within: 1e-12))
        gap[5] = nil
        gap[7] = nil
        #expect(AirValidity.peakSeasonMean(gap) == nil)
        #expect(AirValidity.peakSeasonMean(Array(months.prefix(5))) == nil)
    }

    @Test("Percentiles are values of a rank: the 99th of 365 and of 330 days is the 4th highest")
    func percentiles() {
        #expect(RankPercentile.rank(tenthsOfPercent: 990, count: 365) == 362)
        #expect(RankPercentile.rank(tenthsOfPercent: 990, count: 330) == 327)
        #expect(RankPercentile.value(tenthsOfPercent: 990, of: (1...365).reversed().map { Int64($0) }) == 362)
        // 35 days may be above: the 36th highest is compared.
        #expect(RankPercentile.value(tenthsOfPercent: 904, of: (1...365).map { Int64($0) }) == 330)
        #expect(RankPercentile.value(tenthsOfPercent: 1, of: [7]) == 7)
        #expect(RankPercentile.value(tenthsOfPercent: 500, of: []) == nil)
        #expect(RankPercentile.value(tenthsOfPercent: 1_001, of: [7]) == nil)
        #expect(RankPercentile.rank(tenthsOfPercent: 999, count: .max) != nil)
    }

    @Test("The correction of low-cost counters in integers")
    func correction() {
        // 0.524 · 30 - 0.0862 · 60 + 5.75 = 16.298
        #expect(ParticulateCorrection.correctedNanograms(raw: 30_000, humidityHundredths: 6_000) == 16_298)
        #expect(ParticulateCorrection.correctedNanograms(raw: 0, humidityHundredths: 10_000) == 0)
        #expect(ParticulateCorrection.correctedNanograms(raw: 1, humidityHundredths: 10_001) == nil)
        #expect(ParticulateCorrection.correctedNanograms(raw: -1, humidityHundredths: 5_000) == nil)
    }
}
