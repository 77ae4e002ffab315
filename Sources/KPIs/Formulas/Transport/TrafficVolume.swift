// Annual average daily traffic from totals of days, so that missing Sundays do not make a street busier: means of equal
// weekdays, of these the mean of a week, of these the mean of the year (AASHTO method, months outermost).

public struct TrafficVolume: Hashable, Sendable {
    private var sums = [Int64](repeating: 0, count: 12 * 7)
    private var days = [Int64](repeating: 0, count: 12 * 7)

    public init() {}

    /// Adds the total of one whole local day; months 1 ... 12, weekdays 1 (Monday) ... 7. False, and nothing added, for
    /// others, a negative total, or when the sum does not fit.
    public mutating func add(vehicles: Int64, month: Int, weekday: Int) -> Bool {
        guard (1...12).contains(month), (1...7).contains(weekday), vehicles >= 0 else { return false }
        let cell = (month - 1) * 7 + weekday - 1
        let (sum, overflow) = sums[cell].addingReportingOverflow(vehicles)
        guard !overflow else { return false }
        sums[cell] = sum
        days[cell] += 1
        return true
    }

    /// Vehicles a day, and how many months it rests on: those with every weekday. Nil when there is none.
    public var annualAverage: (vehiclesPerDay: Double, months: Int)? {
        var sum = 0.0
        var months = 0
        for month in 0..<12 {
            let cells = (month * 7)..<(month * 7 + 7)
            guard cells.allSatisfy({ days[$0] > 0 }) else { continue }
            sum += cells.reduce(0.0) { $0 + Double(sums[$1]) / Double(days[$1]) } / 7
            months += 1
        }
        return months > 0 ? (sum / Double(months), months) : nil
    }
}
