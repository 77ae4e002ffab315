// The limits in force, coming and recommended, as data with versions. An exceedance counted against one table says
// nothing about another: the id travels with the count. The values of the two directives are from memory of their
// annexes (CO of 2024/2881 was found in print): check them before a legal claim.

public struct AirLimitTable: Hashable, Sendable {
    public let id: String
    /// What share of a year's hours must be valid for an annual mean, per cent; nil where the table does not say.
    public let annualCapturePercent: Int64?
    public let limits: [AirLimit]

    public static let all = [who2021, european2008, european2024]

    public static func named(_ id: String) -> AirLimitTable? { all.first { $0.id == id } }

    /// In the table's order.
    public func limits(_ pollutant: Pollutant) -> [AirLimit] { limits.filter { $0.pollutant == pollutant } }

    /// The limit with this id (`who-2021/pm10/24h/guideline`) in any table.
    public static func limit(id: String) -> AirLimit? {
        for table in all {
            if let found = table.limits.first(where: { $0.id == id }) { return found }
        }
        return nil
    }

    /// WHO global air quality guidelines, 2021, with the 24 h levels as 99th percentiles (3 to 4 days a year above),
    /// the values of 2000 and 2005 that remain valid, and the interim targets.
    public static let who2021: AirLimitTable = {
        var table = Builder(id: "who-2021")
        table.add(.pm2_5, .year, .guideline, 5)
        table.add(.pm2_5, .day, .guideline, 15, allowed: 3)
        table.interim(.pm2_5, .year, [35, 25, 15, 10])
        table.interim(.pm2_5, .day, [75, 50, 37.5, 25], allowed: 3)
        table.add(.pm10, .year, .guideline, 15)
        table.add(.pm10, .day, .guideline, 45, allowed: 3)
        table.interim(.pm10, .year, [70, 50, 30, 20])
        table.interim(.pm10, .day, [150, 100, 75, 50], allowed: 3)
        table.add(.no2, .year, .guideline, 10)
        table.add(.no2, .day, .guideline, 25, allowed: 3)
        table.add(.no2, .hour, .guideline, 200)
        table.interim(.no2, .year, [40, 30, 20])
        table.interim(.no2, .day, [120, 50], allowed: 3)
        table.add(.so2, .day, .guideline, 40, allowed: 3)
        table.add(.so2, .tenMinutes, .guideline, 500)
        table.interim(.so2, .day, [125, 50], allowed: 3)
        table.add(.o3, .peakSeason, .guideline, 60)
        table.add(.o3, .eightHours, .guideline, 100, allowed: 3)
        table.interim(.o3, .peakSeason, [100, 70])
        table.interim(.o3, .eightHours, [160, 120], allowed: 3)
        table.add(.co, .day, .guideline, 4, allowed: 3)
        table.add(.co, .eightHours, .guideline, 10)
        table.add(.co, .hour, .guideline, 35)
        table.add(.co, .quarterHour, .guideline, 100)
        table.interim(.co, .day, [7], allowed: 3)
        return table.built()
    }()

    /// Directive 2008/50/EC, Annexes VII, XI, XII and XIV.
    public static let european2008: AirLimitTable = {
        var table = Builder(id: "eu-2008-50", annualCapturePercent: 90)
        table.add(.pm2_5, .year, .limit, 25)
        table.add(.pm10, .year, .limit, 40)
        table.add(.pm10, .day, .limit, 50, allowed: 35)
        table.add(.no2, .year, .limit, 40)
        table.add(.no2, .hour, .limit, 200, allowed: 18)
        table.add(.so2, .day, .limit, 125, allowed: 3)
        table.add(.so2, .hour, .limit, 350, allowed: 24)
        // On 25 days a year, as a mean over three years.
        table.add(.o3, .eightHours, .target, 120, allowed: 25)
        table.add(.o3, .hour, .information, 180)
        table.add(.o3, .hour, .alert, 240)
        table.add(.co, .eightHours, .limit, 10)
        return table.built()
    }()

    /// Directive (EU) 2024/2881, Annex I, to be met by 2030.
    public static let european2024: AirLimitTable = {
        var table = Builder(id: "eu-2024-2881", annualCapturePercent: 85)
        table.add(.pm2_5, .year, .limit, 10)
        table.add(.pm2_5, .day, .limit, 25, allowed: 18)
        table.add(.pm10, .year, .limit, 20)
        table.add(.pm10, .day, .limit, 45, allowed: 18)
        table.add(.no2, .year, .limit, 20)
        table.add(.no2, .day, .limit, 50, allowed: 18)
        table.add(.no2, .hour, .limit, 200, allowed: 3)
        table.add(.so2, .year, .limit, 20)
        table.add(.so2, .day, .limit, 50, allowed: 18)
        table.add(.so2, .hour, .limit, 350, allowed: 3)
        // On 18 days a year, as a mean over three years.
        table.add(.o3, .eightHours, .target, 120, allowed: 18)
        table.add(.co, .eightHours, .limit, 10)
        table.add(.co, .day, .limit, 4, allowed: 18)
        return table.built()
    }()

    /// Writes a table down.
    private struct Builder {
        let id: String
        var annualCapturePercent: Int64?
        var limits: [AirLimit] = []

        init(id: String, annualCapturePercent: Int64? = nil) {
            self.id = id
            self.annualCapturePercent = annualCapturePercent
        }

        mutating func add(
            _ pollutant: Pollutant, _ averaging: AirLimit.Averaging, _ kind: AirLimit.Kind, _ value: Double,
            allowed: Int? = nil
        ) {
            limits.append(
                AirLimit(
                    id, pollutant, averaging, kind, thousandths: Int64((value * 1_000).rounded()),
                    allowedPerYear: allowed))
        }

        mutating func interim(
            _ pollutant: Pollutant, _ averaging: AirLimit.Averaging, _ values: [Double], allowed: Int? = nil
        ) {
            let kinds: [AirLimit.Kind] = [.interim1, .interim2, .interim3, .interim4]
            for (kind, value) in zip(kinds, values) { add(pollutant, averaging, kind, value, allowed: allowed) }
        }

        func built() -> AirLimitTable {
            AirLimitTable(id: id, annualCapturePercent: annualCapturePercent, limits: limits)
        }
    }
}
