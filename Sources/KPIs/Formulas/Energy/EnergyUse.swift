// Energy of a city and its buildings, in units that carriers share.

public enum EnergyUse {
    /// kWh of gas: m³ times the volume correction to standard temperature and pressure (1.02264), times the calorific
    /// value in MJ/m³, over 3.6 (Gas (Calculation of Thermal Energy) Regulations 1996, United Kingdom; from memory).
    public static func kilowattHours(gasCubicMetres: Double, megajoulesPerCubicMetre: Double) -> Double {
        gasCubicMetres * 1.02264 * megajoulesPerCubicMetre / 3.6
    }

    /// Equivalent kWh for each square metre of floor in the period (EN: E: E: 4A), of all carriers together. Nil
    /// without floor.
    public static func kilowattHoursPerSquareMetre(_ carriers: [Double], squareMetres: Double) -> Double? {
        squareMetres > 0 ? carriers.reduce(0, +) / squareMetres : nil
    }

    /// kWh for each inhabitant (EN: E: E: 2C) from milliwatt-hours; nil without inhabitants.
    public static func kilowattHoursPerCapita(milliwattHours: Double, inhabitants: Int64) -> Double? {
        inhabitants > 0 ? milliwattHours / 1e6 / Double(inhabitants) : nil
    }

    /// GJ for each inhabitant (EN: E: E: 3C) from joules of heat; nil without inhabitants.
    public static func gigajoulesPerCapita(joules: Double, inhabitants: Int64) -> Double? {
        inhabitants > 0 ? joules / 1e9 / Double(inhabitants) : nil
    }

    /// Renewable energy in all that was used (EN: E: E: 1C), per cent; nil when nothing was. Both in one unit.
    public static func renewablePercent(_ renewable: [Int128], of total: Int128) -> Double? {
        total > 0 ? Double(renewable.reduce(0, +)) * 100 / Double(total) : nil
    }
}
