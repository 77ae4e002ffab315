// Figures beside their goals, as a table.

struct Figure {
    enum Goal {
        case atMost(Double)
        case atLeast(Double)
        /// Shown for understanding; nothing is asked of it.
        case none
    }

    var name: String
    var value: Double
    var unit: String
    var goal: Goal
    var decimals: Int

    init(_ name: String, _ value: Double, _ unit: String, _ goal: Goal = .none, decimals: Int = 1) {
        self.name = name
        self.value = value
        self.unit = unit
        self.goal = goal
        self.decimals = decimals
    }

    private var isMet: Bool {
        switch goal {
        case .atMost(let limit): value <= limit
        case .atLeast(let limit): value >= limit
        case .none: true
        }
    }

    var row: String {
        var goalText = "", verdict = ""
        switch goal {
        case .atMost(let limit): goalText = "≤ " + fixed(limit, limit == limit.rounded() ? 0 : decimals)
        case .atLeast(let limit): goalText = "≥ " + fixed(limit, limit == limit.rounded() ? 0 : decimals)
        case .none: break
        }
        if !goalText.isEmpty { verdict = isMet ? "met" : "MISSED" }
        return padded(name, 58) + padded(fixed(value, decimals), 12, isRight: true)
            + padded(goalText, 10, isRight: true) + "  " + padded(unit, 26) + verdict
    }
}

let tableHead = padded("figure", 58) + padded("measured", 12, isRight: true) + padded("goal", 10, isRight: true)

func padded(_ text: String, _ width: Int, isRight: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return isRight ? space + text : text + space
}

func fixed(_ value: Double, _ decimals: Int) -> String {
    var factor = 1.0
    for _ in 0..<decimals { factor *= 10 }
    let scaled = (abs(value) * factor).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let filled = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return sign + filled.dropLast(decimals) + (decimals > 0 ? "." + filled.suffix(decimals) : "")
}

/// The value below which so much of the sorted numbers lies; the nearest rank.
func percentile(_ share: Double, of numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    guard !sorted.isEmpty else { return .nan }
    return sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
}

func median(_ numbers: [Double]) -> Double { percentile(0.5, of: numbers) }
