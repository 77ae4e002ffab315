// What sensors in drinking water are held against: Directive (EU) 2020/2184, Annex I C (pH, conductivity), and the WHO
// Guidelines for drinking-water quality (free chlorine, turbidity). From memory of both: check them before a legal
// claim. EN: EN: WS: 1C itself counts households under an audited water safety plan; these counts only support it. A
// node holds its samples against the range of its own configuration; this table is for the platform's own programs.

public enum DrinkingWater: String, Hashable, Sendable, CaseIterable {
    case ph
    /// µS/cm at 20 °C.
    case conductivity
    /// mg/L.
    case freeChlorine = "free_chlorine"
    /// NTU.
    case turbidity

    public static let table = "eu-2020-2184+who-gdwq"

    /// What complies, both ends included, in thousandths of the parameter's unit.
    public var compliantThousandths: ClosedRange<Int64> {
        switch self {
        case .ph: 6_500...9_500
        case .conductivity: 0...2_500_000
        case .freeChlorine: 200...5_000
        case .turbidity: 0...1_000
        }
    }

    /// Whether a sample complies, in thousandths of the parameter's unit; not rounded first.
    public func isCompliant(thousandths sample: Int64) -> Bool { compliantThousandths.contains(sample) }

    /// Complying samples of all, per cent; nil without samples.
    public static func compliantPercent(compliant: Int128, samples: Int128) -> Double? {
        samples > 0 ? Double(compliant) * 100 / Double(samples) : nil
    }
}
