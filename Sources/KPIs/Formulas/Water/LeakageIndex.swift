// How well a network is kept: its real losses against the losses that cannot be avoided (IWA, Lambert et al. 1999).
// From memory of the formula. The network's figures and a customer's quarters are the waterworks' own, so both are for
// the platform's own programs (product KPIs); no node contributes to them.

/// A pipe network, as the unavoidable losses see it.
public struct PipeNetwork: Hashable, Sendable {
    /// Length of the mains, km.
    public var mainsKilometres: Double
    public var connections: Double
    /// Length of all service pipes from the street's edge to the meters, km.
    public var servicePipesKilometres: Double
    /// Mean pressure, metres of water.
    public var pressureMetres: Double

    public init(
        mainsKilometres: Double, connections: Double, servicePipesKilometres: Double, pressureMetres: Double
    ) {
        self.mainsKilometres = mainsKilometres
        self.connections = connections
        self.servicePipesKilometres = servicePipesKilometres
        self.pressureMetres = pressureMetres
    }

    /// UARL, L/day: (18 Lm + 0.8 Nc + 25 Lp) · P.
    public var unavoidableLitresPerDay: Double {
        (18 * mainsKilometres + 0.8 * connections + 25 * servicePipesKilometres) * pressureMetres
    }

    /// UARL, m³ in a year of 365 days.
    public var unavoidableCubicMetresPerYear: Double { unavoidableLitresPerDay * 365 / 1_000 }

    /// The infrastructure leakage index: current annual real losses (CARL, m³/a) over the unavoidable ones. Nil for a
    /// network without any.
    public func leakageIndex(realLossesCubicMetresPerYear losses: Double) -> Double? {
        unavoidableCubicMetresPerYear > 0 ? losses / unavoidableCubicMetresPerYear : nil
    }
}

public enum LeakAlarm {
    /// Whether a customer's water has not stood still for 24 h: none of the last 96 intervals of 15 minutes is without
    /// flow. An interval that is not known proves nothing, and there is no alarm. `intervals` are amounts, oldest
    /// first.
    public static func isLeaking(_ intervals: [Int64?]) -> Bool {
        intervals.count >= 96 && intervals.suffix(96).allSatisfy { ($0 ?? 0) > 0 }
    }
}
