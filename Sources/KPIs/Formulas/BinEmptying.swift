// When a waste bin was emptied, from its fill level: a fall of at least 30 points within 10 minutes to at most 20 %, in
// however many values it came. A lid that opens, a bag that slumps and an echo that misses for a moment are none. The
// rule is ours; levels count in whole per cent of a full bin, rounded down.
//
// - A value is low when it is at most 20 % and one of the 10 minutes before it is at least 30 points higher.
// - The bin was emptied at a low value when none was low since the newest of those that are 30 points higher: what
//   comes after the first low value of a fall is its bottom, and no second emptying.
//
// So it depends on the values of the last 20 minutes and on nothing before, and whoever begins earlier finds the same.

public struct BinEmptying: Hashable, Sendable {
    /// What the level may have fallen from: values of the last 10 minutes, each lower than the one before it (a value
    /// below a later one can never be the higher end), so at most one for each step.
    private(set) var highs: [High] = []
    /// The last low value of the last 10 minutes.
    private(set) var lastLow: Int64?

    struct High: Hashable, Sendable {
        var percent: Int64
        var nanoseconds: Int64
    }

    /// How long a fall takes at most.
    static let longestNanoseconds: Int64 = 600_000_000_000
    /// How far back values decide.
    static let reachNanoseconds = 2 * longestNanoseconds
    private static let fall: Int64 = 30
    private static let low: Int64 = 20
    /// Lower values cannot fall by 30 points; higher ones are high enough for every low value, so they are as this.
    static let steps: ClosedRange<Int64> = fall...fall + low

    public init() {}

    /// Adds a level in whole per cent at a moment of any steady clock, in order. True when this value shows that the
    /// bin was emptied. Levels below 0 count as 0.
    public mutating func add(percent level: Int64, atNanoseconds now: Int64) -> Bool {
        let level = max(level, 0)
        let step = min(level, Self.steps.upperBound)
        highs.removeAll { now &- $0.nanoseconds > Self.longestNanoseconds || $0.percent <= step }
        if let last = lastLow, now &- last > Self.longestNanoseconds { lastLow = nil }
        let newest = level <= Self.low ? highs.last { $0.percent - level >= Self.fall } : nil
        let isEmptied = newest.map { high in lastLow.map { high.nanoseconds > $0 } ?? true } ?? false
        if newest != nil { lastLow = now }
        if Self.steps.contains(step) { highs.append(High(percent: step, nanoseconds: now)) }
        return isEmptied
    }

    mutating func shift(by nanoseconds: Int64) {
        for place in highs.indices { highs[place].nanoseconds &-= nanoseconds }
        lastLow? &-= nanoseconds
    }
}

// MARK: As whole numbers

extension BinEmptying {
    /// Ages in microseconds before `now`, the moment of the newest value: of the last low value + 1, or 0; then which
    /// steps are highs, as bits from the highest step on; then their ages, two to a number, of 30 bits each.
    func numbers(at now: Int64) -> [Int64] {
        let sinceLow: Int64 = lastLow.map { (now &- $0) / 1_000 + 1 } ?? 0
        var numbers: [Int64] = [sinceLow, 0]
        for (place, high) in highs.enumerated() {
            let bit: Int64 = 1 << (Self.steps.upperBound - high.percent)
            numbers[1] |= bit
            let age = (now &- high.nanoseconds) / 1_000
            if place % 2 == 0 { numbers.append(age) } else { numbers[numbers.count - 1] |= age << Self.ageBits }
        }
        return numbers
    }

    /// From such numbers, which may be a stranger's: nothing comes of them that `add` could not have left.
    init(numbers: some Collection<Int64>, at now: Int64) {
        let numbers = Array(numbers)
        func moment(_ microseconds: Int64) -> Int64? {
            let longest = Self.longestNanoseconds / 1_000
            return (0...longest).contains(microseconds) ? now &- microseconds * 1_000 : nil
        }
        if let low = numbers.first, low > 0 { lastLow = moment(low - 1) }
        guard numbers.count > 1 else { return }
        var place = 0
        for percent in Self.steps.reversed() where numbers[1] >> (Self.steps.upperBound - percent) & 1 == 1 {
            let word = 2 + place / 2
            let both = word < numbers.count ? numbers[word] : 0
            place += 1
            let age = both >> (place % 2 == 1 ? 0 : Self.ageBits) & (1 << Self.ageBits - 1)
            guard let found = moment(age), highs.last.map({ $0.nanoseconds < found }) ?? true else { continue }
            highs.append(High(percent: percent, nanoseconds: found))
        }
    }

    private static var ageBits: Int64 { 30 }
}
