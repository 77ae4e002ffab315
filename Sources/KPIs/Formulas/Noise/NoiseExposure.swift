// Who lives with too much noise: the share of inhabitants beyond a threshold. Each node stands for the inhabitants that
// the configuration gives it; sources (road, rail, air) are never added, because the same people hear them.

/// The levels of a year at one place, and the inhabitants it stands for.
public struct NoiseSite: Hashable, Sendable {
    public var inhabitants: Int64
    /// In dB(A).
    public var dayEveningNightLevel: Double
    public var nightLevel: Double

    public init(inhabitants: Int64, dayEveningNightLevel: Double, nightLevel: Double) {
        self.inhabitants = inhabitants
        self.dayEveningNightLevel = dayEveningNightLevel
        self.nightLevel = nightLevel
    }
}

/// What counts as excessive. U4SSC leaves it to the city, so the id travels with the number.
public struct NoiseThreshold: Hashable, Sendable {
    public enum Level: Hashable, Sendable {
        case dayEveningNight
        case night
    }

    public let id: String
    public let level: Level
    /// In dB(A).
    public let decibels: Double
    /// Whether the threshold itself is excessive.
    public let isInclusive: Bool

    init(_ id: String, _ level: Level, _ decibels: Double, isInclusive: Bool) {
        self.id = id
        self.level = level
        self.decibels = decibels
        self.isInclusive = isInclusive
    }

    /// Directive 2002/49/EC, Annex VI: the lowest bands that are reported.
    public static let europeanDayEveningNight = NoiseThreshold(
        "eu-2002-49-lden", .dayEveningNight, 55, isInclusive: true)
    public static let europeanNight = NoiseThreshold("eu-2002-49-lnight", .night, 50, isInclusive: true)
    /// ISO 37120:2014: night level above 55 dB(A). From memory of the standard: check it before certifying.
    public static let iso37120Night = NoiseThreshold("iso-37120-2014-ln", .night, 55, isInclusive: false)
    /// WHO Environmental Noise Guidelines for the European Region (2018), strong recommendations: "below".
    public static let whoRoadDayEveningNight = NoiseThreshold(
        "who-2018-road-lden", .dayEveningNight, 53, isInclusive: true)
    public static let whoRoadNight = NoiseThreshold("who-2018-road-lnight", .night, 45, isInclusive: true)
    public static let whoRailDayEveningNight = NoiseThreshold(
        "who-2018-rail-lden", .dayEveningNight, 54, isInclusive: true)
    public static let whoRailNight = NoiseThreshold("who-2018-rail-lnight", .night, 44, isInclusive: true)
    public static let whoAirDayEveningNight = NoiseThreshold(
        "who-2018-air-lden", .dayEveningNight, 45, isInclusive: true)
    public static let whoAirNight = NoiseThreshold("who-2018-air-lnight", .night, 40, isInclusive: true)

    public static let all: [NoiseThreshold] = [
        europeanDayEveningNight, europeanNight, iso37120Night, whoRoadDayEveningNight, whoRoadNight,
        whoRailDayEveningNight, whoRailNight, whoAirDayEveningNight, whoAirNight,
    ]

    public func isExceeded(at site: NoiseSite) -> Bool {
        let found = level == .night ? site.nightLevel : site.dayEveningNightLevel
        return isInclusive ? found >= decibels : found > decibels
    }

    /// Inhabitants beyond the threshold, and all that the sites stand for.
    public func exposed(at sites: [NoiseSite]) -> (inhabitants: Int128, of: Int128) {
        var result: (inhabitants: Int128, of: Int128) = (0, 0)
        for site in sites {
            result.of += Int128(site.inhabitants)
            if isExceeded(at: site) { result.inhabitants += Int128(site.inhabitants) }
        }
        return result
    }

    /// EN: EN: EQ: 2A, per cent; nil without inhabitants.
    public func exposedPercent(at sites: [NoiseSite]) -> Double? {
        let found = exposed(at: sites)
        return found.of > 0 ? Double(found.inhabitants) * 100 / Double(found.of) : nil
    }
}
