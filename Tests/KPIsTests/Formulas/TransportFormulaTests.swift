import KPIs
import Testing
import World

@Suite("Transport and waste")
struct TransportFormulaTests {
    private static func travelTimes(_ kilometresPerHour: [Int64]) -> [Int64] {
        kilometresPerHour.compactMap { Speed.millisecondsPerKilometre(tenthsOfKilometrePerHour: $0 * 10) }
    }

    @Test("V-TR-1: the mean of speeds at a point is 40, the speed of the road 32.7")
    func means() {
        let sum = Self.travelTimes([20, 40, 60]).reduce(0, +)
        #expect(Speed.timeMean(tenthsSum: 200 + 400 + 600, vehicles: 3) == 40)
        #expect(isClose(Speed.spaceMean(millisecondsPerKilometreSum: sum, vehicles: 3), 32.727273, within: 5e-7))
        #expect(Speed.spaceMean(millisecondsPerKilometreSum: 0, vehicles: 0) == nil)
        #expect(Speed.timeMean(tenthsSum: 0, vehicles: 0) == nil)
    }

    @Test("V-TR-2: travel times are whole milliseconds, and add")
    func travelTime() {
        let times = Self.travelTimes([30, 50, 50, 45])
        #expect(times == [120_000, 72_000, 72_000, 80_000])
        let sum = times.reduce(0, +)
        #expect(sum == 344_000)
        #expect(isClose(Speed.spaceMean(millisecondsPerKilometreSum: sum, vehicles: 4), 41.860465, within: 5e-7))
        #expect(Speed.millisecondsPerKilometre(tenthsOfKilometrePerHour: 10) == 3_600_000)
        #expect(Speed.millisecondsPerKilometre(tenthsOfKilometrePerHour: 9) == nil)
        #expect(Speed.freeFlow(offPeak: (1...20).map { $0 * 10 }) == 170)
    }

    @Test("V-TR-3: the travel time index of a link, and of a city by the distance travelled")
    func travelTimeIndex() {
        let link = LinkTravelTime(peakMilliseconds: 312_000, freeFlowMilliseconds: 240_000, vehicleKilometres: 1_000)
        #expect(link.indexMillionths == 1_300_000)
        let links = [
            link, LinkTravelTime(peakMilliseconds: 110, freeFlowMilliseconds: 100, vehicleKilometres: 3_000),
            LinkTravelTime(peakMilliseconds: 200, freeFlowMilliseconds: 100, vehicleKilometres: 500),
        ]
        #expect(isClose(TravelTimeIndex.value(links), 1.244444, within: 5e-7))
        #expect(TravelTimeIndex.millionths(links.reversed()) == TravelTimeIndex.millionths(links))
        let unknown = LinkTravelTime(peakMilliseconds: 9, freeFlowMilliseconds: 0, vehicleKilometres: 9)
        #expect(TravelTimeIndex.millionths(links + [unknown]) == TravelTimeIndex.millionths(links))
        #expect(TravelTimeIndex.millionths([unknown]) == nil)
        #expect(TravelTimeIndex.Rating(indexMillionths: 1_500_000) == .good)
        #expect(TravelTimeIndex.Rating(indexMillionths: 2_500_000) == .potentiallyAcceptable)
        #expect(TravelTimeIndex.Rating(indexMillionths: 2_500_001) == .lessDesirable)
    }

    @Test("Peak hours are those of working days, 6 to 9 and 16 to 19")
    func peakHours() {
        for weekday in 1...7 {
            for hour in 0..<24 {
                let period = TravelTimeIndex.Period(weekday: weekday, hour: hour)
                let isMorning = weekday <= 5 && [6, 7, 8].contains(hour)
                let isEvening = weekday <= 5 && [16, 17, 18].contains(hour)
                #expect(period == (isMorning ? .morningPeak : isEvening ? .eveningPeak : .offPeak))
            }
        }
    }

    @Test("V-TR-4: daily traffic is the mean of weekdays' means; the plain mean is another number")
    func volume() {
        let days: [[Int64]] = [
            [1_000, 1_010, 990, 1_020], [1_100, 1_120], [1_200], [1_180, 1_190], [1_300], [800, 820], [600, 610],
        ]
        var volume = TrafficVolume()
        for (weekday, totals) in days.enumerated() {
            for total in totals {
                let isAdded = volume.add(vehicles: total, month: 3, weekday: weekday + 1)
                #expect(isAdded)
            }
        }
        #expect(isClose(volume.annualAverage?.vehiclesPerDay, 1_030.714286, within: 5e-7))
        #expect(volume.annualAverage?.months == 1)
        let all = days.flatMap { $0 }
        #expect(isClose(Double(all.reduce(0, +)) / Double(all.count), 995.714286, within: 5e-7), "what it must not be")
        // A month without a Sunday does not count.
        for weekday in 1...6 {
            let isAdded = volume.add(vehicles: 9_999, month: 4, weekday: weekday)
            #expect(isAdded)
        }
        #expect(volume.annualAverage?.months == 1)
        let refused = [
            volume.add(vehicles: 1, month: 0, weekday: 1), volume.add(vehicles: 1, month: 1, weekday: 8),
            volume.add(vehicles: -1, month: 1, weekday: 1), volume.add(vehicles: .max, month: 3, weekday: 1),
        ]
        #expect(refused == [false, false, false, false] && TrafficVolume().annualAverage == nil)
    }

    @Test("V-TR-5: four parking spots in one hour")
    func occupancy() {
        #expect(Occupancy.share(occupiedSeconds: 2 * 3_600 + 1_800, spots: 4, seconds: 3_600) == 0.625)
        #expect(Occupancy.share(occupiedSeconds: 1, spots: 0, seconds: 3_600) == nil)
        #expect(Occupancy.share(presenceMilliseconds: 150, windowMilliseconds: 1_000) == 0.15)
        #expect(Occupancy.turnover(arrivals: 9, spots: 4) == 2.25 && Occupancy.turnover(arrivals: 9, spots: 0) == nil)
    }
}
