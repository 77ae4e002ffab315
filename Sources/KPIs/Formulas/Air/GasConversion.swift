// From parts per billion to µg/m³. The factor depends on temperature and pressure of reference, and authorities differ,
// so gases are contributed in ppb and converted when somebody reads them, with the id of the conversion beside the
// number. It is linear: sums and means convert like single values.

public struct GasConversion: Hashable, Sendable {
    public let id: String
    /// Litres per mole; nil: factors fixed by the verifier's manual.
    let litresPerMole: Double?

    /// 293 K and 101.3 kPa (Directive 2008/50/EC, Annex VI C; Directive (EU) 2024/2881). Particles: ambient conditions.
    public static let european = GasConversion(
        id: "eu-293k", litresPerMole: molarVolume(kelvin: 293, kilopascal: 101.3))
    /// 20 °C and 101.325 kPa.
    public static let celsius20 = GasConversion(
        id: "20c-101325pa", litresPerMole: molarVolume(kelvin: 293.15, kilopascal: 101.325))
    /// 25 °C and 101.325 kPa (WHO Air quality guidelines; US EPA).
    public static let celsius25 = GasConversion(
        id: "25c-101325pa", litresPerMole: molarVolume(kelvin: 298.15, kilopascal: 101.325))
    /// U4SSC KPIs Verification Manual (2022), page 95: NO2 1.9, O3 1.96, SO2 2.62; nothing else.
    public static let u4ssc = GasConversion(id: "u4ssc-vm", litresPerMole: nil)

    public static let all = [european, celsius20, celsius25, u4ssc]

    public static func named(_ id: String) -> GasConversion? { all.first { $0.id == id } }

    /// µg/m³ per ppb, which is mg/m³ per ppm, and ng/m³ per 0.001 ppb. Nil where the table has no factor for the gas.
    public func factor(_ gas: Gas) -> Double? {
        if let litresPerMole { return gas.gramsPerMole / litresPerMole }
        switch gas {
        case .no2: return 1.9
        case .o3: return 1.96
        case .so2: return 2.62
        case .co, .no: return nil
        }
    }

    /// µg/m³ from ppb, or mg/m³ from ppm.
    public func microgramsPerCubicMetre(ppb: Double, of gas: Gas) -> Double? { factor(gas).map { ppb * $0 } }

    /// ppb from µg/m³, or ppm from mg/m³.
    public func ppb(microgramsPerCubicMetre mass: Double, of gas: Gas) -> Double? { factor(gas).map { mass / $0 } }

    /// Whole ng/m³ from thousandths of a ppb (or µg/m³ from thousandths of a ppm), halves away from zero: for limits
    /// and bands, which compare integers. Nil also above 10^15.
    public func nanogramsPerCubicMetre(thousandthsOfPPB amount: Int64, of gas: Gas) -> Int64? {
        guard let factor = factor(gas), amount.magnitude <= 1_000_000_000_000_000 else { return nil }
        return Int64((Double(amount) * factor).rounded())
    }

    /// Vm = R · T / p, in litres, with R = 8.314462618 J/(mol K) (CODATA 2018).
    private static func molarVolume(kelvin: Double, kilopascal: Double) -> Double {
        8.314_462_618 * kelvin / kilopascal
    }
}
