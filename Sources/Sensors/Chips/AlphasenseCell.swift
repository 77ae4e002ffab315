// Alphasense's four-electrode gas cells: how the voltages of the working and the auxiliary electrode, corrected for
// temperature, become a concentration. Source: application note AAN 803-05, "Correcting for background currents in four
// electrode toxic gas sensors": algorithms of section 3, factors of table 3 (here as published by three users of the
// note that agree with each other), which of them the note names first for a cell.

internal import World

/// A cell by what is printed on it.
enum AlphasenseCell: String, CaseIterable, Sendable {
    case no2B43F = "no2-b43f"
    case oxB431 = "ox-b431"
    case so2B4 = "so2-b4"
    case coB4 = "co-b4"
    case no2A43F = "no2-a43f"
    case oxA431 = "ox-a431"
    case so2A4 = "so2-a4"
    case coA4 = "co-a4"

    /// The channel's name. An OX cell tells ozone and nitrogen dioxide together; to call that ozone would be wrong.
    var quantity: String {
        switch self {
        case .no2B43F, .no2A43F: "no2"
        case .oxB431, .oxA431: "ox"
        case .so2B4, .so2A4: "so2"
        case .coB4, .coA4: "co"
        }
    }

    /// The range of the cell's performance warranty (its data sheet), in ppb; below zero, what noise and the zero's
    /// drift with temperature make of clean air.
    var plausiblePPB: ClosedRange<Double> {
        switch self {
        case .no2B43F, .no2A43F, .oxB431, .oxA431: -100...20_000
        case .so2B4: -500...100_000
        case .so2A4: -500...50_000
        case .coB4: -2_000...1_000_000
        case .coA4: -2_000...500_000
        }
    }

    /// The algorithm that the note recommends first for the cell.
    var recommended: Int {
        switch self {
        case .no2B43F, .oxB431, .coB4, .no2A43F, .coA4: 1
        case .oxA431: 3
        case .so2B4, .so2A4: 4
        }
    }

    /// Where the factors stand.
    static let coldest = -30.0
    static let hottest = 50.0
    private static let spacing = 10.0

    /// From -30 to 50 °C in steps of 10: n of algorithm 1, k of 2, k' of 3, and k'' (mV) of 4.
    func factors(algorithm: Int) -> [Double] {
        switch (self, algorithm) {
        case (.no2B43F, 1): [1.3, 1.3, 1.3, 1.3, 1.0, 0.6, 0.4, 0.2, -1.5]
        case (.no2B43F, 2): [2.2, 2.2, 2.2, 2.2, 1.7, 1.0, 0.7, 0.3, -2.5]
        case (.no2B43F, 3): [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.4, -0.1, -4.0]
        case (.no2B43F, _): [7, 7, 7, 7, 4, 0, 0.5, 5, 67]
        case (.oxB431, 1): [0.9, 0.9, 1.0, 1.3, 1.5, 1.7, 2.0, 2.5, 3.7]
        case (.oxB431, 2): [0.5, 0.5, 0.6, 0.8, 0.9, 1.0, 1.2, 1.5, 2.2]
        case (.oxB431, 3): [0.5, 0.5, 0.5, 0.6, 0.6, 1.0, 2.8, 5.0, 5.3]
        case (.oxB431, _): [1, 1, 1, 1, 1, 1, 8.5, 23, 103]
        case (.so2B4, 1): [1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.9, 3.0, 5.8]
        case (.so2B4, 2): [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.2, 1.9, 3.6]
        case (.so2B4, 3): [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.5, 7.0]
        case (.so2B4, _): [-4, -4, -4, -4, -4, 0, 20, 140, 450]
        case (.coB4, 1): [0.7, 0.7, 0.7, 0.7, 1.0, 3.0, 3.5, 4.0, 4.5]
        case (.coB4, 2): [0.2, 0.2, 0.2, 0.2, 0.3, 1.0, 1.2, 1.3, 1.5]
        case (.coB4, 3): [-1.0, -0.5, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
        case (.coB4, _): [55, 55, 55, 50, 31, 0, -50, -150, -250]
        case (.no2A43F, 1): [0.8, 0.8, 1.0, 1.2, 1.6, 1.8, 1.9, 2.5, 3.6]
        case (.no2A43F, 2): [0.4, 0.4, 0.6, 0.7, 0.9, 1.0, 1.1, 1.4, 2.0]
        case (.no2A43F, 3): [0.2, 0.2, 0.2, 0.2, 0.7, 1.0, 1.3, 2.1, 3.5]
        case (.no2A43F, _): [-4, -4, -4, -4, -2, 0, 10, 35, 132]
        case (.oxA431, 1): [1.0, 1.2, 1.2, 1.6, 1.7, 2.0, 2.1, 3.4, 4.6]
        case (.oxA431, 2): [0.5, 0.6, 0.6, 0.8, 0.9, 1.0, 1.1, 1.7, 2.3]
        case (.oxA431, 3): [0.1, 0.1, 0.2, 0.3, 0.7, 1.0, 1.7, 3.0, 4.0]
        case (.oxA431, _): [-5, -5, -4, -3, 0.5, 0, 9, 42, 134]
        case (.so2A4, 1): [1.3, 1.3, 1.3, 1.2, 0.9, 0.4, 0.4, 0.4, 0.4]
        case (.so2A4, 2): [3.3, 3.3, 3.3, 3.0, 2.3, 1.0, 1.0, 1.0, 1.0]
        case (.so2A4, 3): [1.5, 1.5, 1.5, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0]
        case (.so2A4, _): [0, 0, 0, 0, 0, 0, 5, 25, 45]
        case (.coA4, 1): [1.0, 1.0, 1.0, 1.0, -0.2, -0.9, -1.5, -1.5, -1.5]
        case (.coA4, 2): [-1.1, -1.1, -1.1, -1.1, 0.2, 1.0, 1.7, 1.7, 1.7]
        case (.coA4, 3): [1.9, 2.9, 2.7, 3.9, 2.1, 1.0, -0.6, -0.3, -0.5]
        case (.coA4, _): [13, 12, 16, 11, 4, 0, -15, -18, -36]
        }
    }

    /// The factor at a temperature: a straight line between two of the table, the last one beyond its ends.
    static func factor(_ factors: [Double], at celsius: Double) -> Double {
        let place = (min(max(celsius, coldest), hottest) - coldest) / spacing
        let index = min(Int(place), factors.count - 2)
        let part = place - Double(index)
        return factors[index] * (1 - part) + factors[index + 1] * part
    }

    /// What the certificate says of one cell on its board: millivolts, and millivolts per ppb.
    struct Certificate: Sendable, Equatable {
        var workingElectronicZero: Double
        var auxiliaryElectronicZero: Double
        var workingSensorZero: Double
        var auxiliarySensorZero: Double
        var sensitivity: Double
    }

    /// Section 3 of the note: the working electrode's millivolts beyond its zero, less what the auxiliary electrode
    /// says of the background, over the sensitivity.
    static func ppb(
        working: Double, auxiliary: Double, factor: Double, algorithm: Int, certificate c: Certificate
    ) -> Double {
        let ofWorking = working - c.workingElectronicZero
        let ofAuxiliary = auxiliary - c.auxiliaryElectronicZero
        let corrected: Double
        switch algorithm {
        case 1: corrected = ofWorking - factor * ofAuxiliary
        case 2: corrected = ofWorking - factor * c.workingSensorZero / c.auxiliarySensorZero * ofAuxiliary
        case 3: corrected = ofWorking - (c.workingSensorZero - c.auxiliarySensorZero) - factor * ofAuxiliary
        default: corrected = ofWorking - c.workingSensorZero - factor
        }
        return corrected / c.sensitivity
    }
}
