// A four-electrode gas cell on its board, before the inputs of an ADS1115: working electrode on AIN0, auxiliary
// electrode on AIN1, a TMP36 thermometer on AIN2. Source of the model: Alphasense application note AAN 803-05.
//
// The auxiliary electrode has a background current of its own; the working electrode has the same, larger or smaller by
// a factor that follows the temperature, and the gas on top. The certificate's figures are what a laboratory would
// find.

public import World

public struct SimulatedGasCell: Sendable {
    // Millivolts, and millivolts per ppb.
    public var workingElectronicZero = 295.0
    public var auxiliaryElectronicZero = 282.0
    public var sensitivity = 0.309
    /// What the auxiliary electrode gives of itself.
    public var background = 4.0
    /// How much larger the working electrode's background is, from -30 to 50 °C by tens: an NO2-B43F.
    public var ratio = [1.3, 1.3, 1.3, 1.3, 1.0, 0.6, 0.4, 0.2, -1.5]

    public init() {}

    /// Volts at AIN0 to AIN3.
    public func volts(in air: Surroundings) -> SIMD4<Double> {
        let steps = min(max((air.celsius + 30) / 10, 0), 8)
        let below = min(Int(steps), 7)
        let now = ratio[below] + (ratio[below + 1] - ratio[below]) * (steps - Double(below))
        let auxiliary = auxiliaryElectronicZero + background
        let working = workingElectronicZero + now * background + sensitivity * air.gasPPB
        return SIMD4(working / 1_000, auxiliary / 1_000, 0.5 + air.celsius * 0.01, 0)
    }

    public func converter(_ surroundings: @escaping (Boottime) -> Surroundings) -> SimulatedADS1115 {
        let cell = self
        return SimulatedADS1115(inputs: { cell.volts(in: surroundings($0)) })
    }
}
