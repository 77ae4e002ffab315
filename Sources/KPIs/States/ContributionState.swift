// The states that a contribution can carry, each with its merge operator. The name travels; a consumer refuses what it
// does not know.

public enum ContributionState: Equatable, Sendable {
    case sum(SumState)
    case outages(OutageState)
    case level(LevelState)
    case sound(SoundState)
    case exposure(ExposureState)
    case compliance(ComplianceState)
    case travel(TravelState)
    case occupancy(OccupancyState)
    case presence(PresenceState)

    public static let typeNames = [
        "sum", "outages", "level", "sound", "exposure", "compliance", "travel", "occupancy", "presence",
    ]

    public var typeName: String {
        switch self {
        case .sum: "sum"
        case .outages: "outages"
        case .level: "level"
        case .sound: "sound"
        case .exposure: "exposure"
        case .compliance: "compliance"
        case .travel: "travel"
        case .occupancy: "occupancy"
        case .presence: "presence"
        }
    }

    /// The join across windows and streams of one series; nil when the types differ or a sum does not fit. What joins
    /// across nodes is declared by the indicator (`Measure.acrossNodes`).
    public func joined(with other: ContributionState) -> ContributionState? {
        switch (self, other) {
        case (.sum(let a), .sum(let b)): a.joined(with: b).map { .sum($0) }
        case (.outages(let a), .outages(let b)): a.joined(with: b).map { .outages($0) }
        case (.level(let a), .level(let b)): a.joined(with: b).map { .level($0) }
        case (.sound(let a), .sound(let b)): a.joined(with: b).map { .sound($0) }
        case (.exposure(let a), .exposure(let b)): a.joined(with: b).map { .exposure($0) }
        case (.compliance(let a), .compliance(let b)): a.joined(with: b).map { .compliance($0) }
        case (.travel(let a), .travel(let b)): a.joined(with: b).map { .travel($0) }
        case (.occupancy(let a), .occupancy(let b)): a.joined(with: b).map { .occupancy($0) }
        case (.presence(let a), .presence(let b)): a.joined(with: b).map { .presence($0) }
        default: nil
        }
    }
}
