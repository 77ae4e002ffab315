// A city in miniature: contributions of many nodes as the platform has them once they are parsed.

import KPIs

struct CityFixture {
    /// 2026-01-01T00:00:00Z.
    static let year: Int64 = 1_767_225_600
    private(set) var set = ContributionSet()
    var stream: UInt64 = 7

    /// One window; `at` in seconds after the year's begin.
    mutating func add(
        _ slug: String, node: String, at: Int64 = 0, seconds: Int64 = 3_600, state: ContributionState, unit: String? = nil,
        scale: Int8 = 0, sensor: String = "s", series: String = "v", labels: [Label: String] = [:],
        weight: Int64? = nil, valid: Int64? = nil, revision: UInt64 = 1, _ change: (inout Contribution) -> Void = { _ in }
    ) {
        let indicator = Fixture.indicator(slug)
        let known = valid ?? seconds
        var contribution = Contribution(
            indicator: indicator, sensor: sensor, series: series, windowStart: Self.year + at, windowSeconds: seconds,
            revision: revision, isFinal: true, unit: unit ?? indicator.measure.conversions[0].unit ?? "1", scale: scale,
            state: state,
            coverage: Coverage(expectedSeconds: seconds, validSeconds: known, fromSecond: 0, toSecond: known),
            labels: labels)
        if let weight, let kind = indicator.weight { contribution.weight = Weight(kind, weight) }
        change(&contribution)
        set.add(contribution, node: node, stream: stream)
    }

    mutating func addSum(
        _ slug: String, node: String, at: Int64 = 0, seconds: Int64 = 3_600, _ amount: Int64, labels: [Label: String] = [:],
        unit: String? = nil, sensor: String = "s", weight: Int64? = nil
    ) {
        add(
            slug, node: node, at: at, seconds: seconds, state: .sum(SumState(amount: amount)), unit: unit, sensor: sensor,
            labels: labels, weight: weight)
    }

    func evaluation(
        days: Int64? = nil, _ city: City = City(), _ change: (inout EvaluationOptions) -> Void = { _ in }
    ) -> Evaluation {
        var options = EvaluationOptions()
        if let days {
            options.from = Self.year
            options.until = Self.year + days * 86_400
        }
        change(&options)
        return Evaluation(set, city: city, options: options)
    }
}

extension Evaluation {
    func report(_ slug: String) -> IndicatorReport { report(Fixture.indicator(slug)) }
    /// The first figure with this data point.
    func figure(_ slug: String, _ point: String = "total") -> Figure? {
        report(slug).figures.first { $0.point == point }
    }
}

func city(inhabitants: Int64? = nil, customers: Int64? = nil, totals: [String: Int64] = [:]) -> City {
    var city = City()
    city.inhabitants = inhabitants
    city.customers = customers
    city.totals = totals
    return city
}
