// What only the city knows: how many inhabitants, how long its networks are, what it aims at. And how it wants the
// figures made, where the standard leaves that open.

public struct City: Equatable, Sendable {
    public var inhabitants: Int64?
    public var households: Int64?
    public var customers: Int64?
    /// By the indicator's slug: what a coverage is a share of. Metres of network, meters installed, stops,
    /// intersections, public buildings.
    public var totals: [String: Int64] = [:]
    /// By the indicator's slug, or by slug and data point (`en-en-aq-1c/pm_2.5`).
    public var targets: [String: Target] = [:]
    /// Seconds that local standard time is ahead of UTC: days of air quality begin by it.
    public var standardTimeOffset: Int64 = 0
    /// The calorific value of the city's gas, in kJ/m³.
    public var gasKilojoulesPerCubicMetre: Int64?

    public struct Target: Equatable, Sendable {
        public var target: Double
        /// Where the city began; what should be low has no score without it.
        public var baseline: Double?

        public init(_ target: Double, baseline: Double? = nil) {
            self.target = target
            self.baseline = baseline
        }
    }

    public init() {}

    func target(_ slug: String, _ point: String) -> Target? { targets[slug + "/" + point] ?? targets[slug] }
}

public struct EvaluationOptions: Equatable, Sendable {
    /// UTC seconds. Windows that begin in it count; nil: from the first window of the set to the end of the last.
    public var from: Int64?
    public var until: Int64?
    /// Classes that may stand in one figure. All others are reported apart.
    public var mergedClasses: Set<InstrumentClass> = []
    /// Hours of the period that an annual mean needs: 90 % by Directive 2008/50/EC, 85 % by (EU) 2024/2881.
    public var annualCapturePercent: Int64 = 90
    public var gasConversion = GasConversion.u4ssc
    public var airLimits: [AirLimitTable] = AirLimitTable.all
    /// The first one makes the indicator's figure.
    public var noiseThresholds: [NoiseThreshold] = [
        .europeanDayEveningNight, .europeanNight, .iso37120Night,
    ]
    public var reliability = Reliability.Profile.ieee1366
    /// An asset counts as monitored when it was live for this share of the time since it became known.
    public var liveSharePercent: Int64 = 50
    /// An antenna site complies only if so much of the period was measured.
    public var exposureCoveragePercent: Int64 = 75

    public init() {}
}
