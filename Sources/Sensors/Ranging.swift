// Which of a light converter's ranges to use: from starlight to sunshine are eight decades, and no converter has more
// than five in one range.
//
// Each measurement begins in the range that the last one ended in, and moves towards one side only, so it ends after at
// most as many steps as there are ranges, whatever the light does meanwhile.

struct Ranging: Sendable {
    /// 0: for the brightest light.
    private(set) var range: Int
    private let most: Int
    private var direction = 0

    init(count: Int, first: Int) {
        (range, most) = (first, count - 1)
    }

    /// A new measurement.
    mutating func begin() { direction = 0 }

    /// Moves to a range for brighter light; false: there is none, or this measurement came from there.
    mutating func moveToBrighter() -> Bool { move(-1) }

    /// Moves to a range for darker places; false: there is none, or this measurement came from there.
    mutating func moveToDarker() -> Bool { move(1) }

    private mutating func move(_ step: Int) -> Bool {
        guard direction != -step, (0...most).contains(range + step) else { return false }
        direction = step
        range += step
        return true
    }
}
