// The register-level twin of every chip that has a driver, by the driver's name: for unit tests, the demo, simulations
// and the virtual board.

public import World

public enum SimulatedChips {
    /// Makes a chip that measures the surroundings. `seed` is for what differs from chip to chip: calibration, serial
    /// numbers.
    public typealias Maker = @Sendable (
        _ surroundings: @escaping (Boottime) -> Surroundings, _ seed: UInt64
    ) -> any SimulatedChip

    /// Nil for a driver without a chip of its own.
    public static func make(
        _ driver: String, seed: UInt64 = 0, surroundings: @escaping (Boottime) -> Surroundings
    ) -> (any SimulatedChip)? {
        makers[driver].map { $0(surroundings, seed) }
    }

    /// Names of drivers, sorted.
    public static var names: [String] { makers.keys.sorted() }

    private static let makers: [String: Maker] = [weather, airQuality, lightAndPower, waterAndGround]
        .reduce(into: [:]) { all, group in all.merge(group) { _, second in second } }

    private static let weather: [String: Maker] = [
        "bme280": { surroundings, _ in SimulatedBME280(surroundings: surroundings) }
    ]
    private static let airQuality: [String: Maker] = [:]
    private static let lightAndPower: [String: Maker] = [
        "bh1750": { surroundings, _ in SimulatedBH1750(surroundings: surroundings) },
        "ina219": { surroundings, _ in SimulatedINA219(surroundings: surroundings) },
        "ina226": { surroundings, _ in SimulatedINA226(surroundings: surroundings) },
        "ina3221": { surroundings, _ in SimulatedINA3221(surroundings: surroundings) },
        "ltr390": { surroundings, _ in SimulatedLTR390(surroundings: surroundings) },
        "tsl2591": { surroundings, _ in SimulatedTSL2591(surroundings: surroundings) },
        "veml7700": { surroundings, _ in SimulatedVEML7700(surroundings: surroundings) },
    ]
    private static let waterAndGround: [String: Maker] = [
        "ezo": { surroundings, _ in SimulatedEZO(.ph, surroundings: surroundings) },
        "seesaw-soil": { surroundings, _ in SimulatedSeesawSoil(surroundings: surroundings) },
    ]
}
