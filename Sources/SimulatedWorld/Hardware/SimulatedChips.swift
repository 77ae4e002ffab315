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
        "bme280": { surroundings, _ in SimulatedBME280(surroundings: surroundings) },
        "bmp280": { surroundings, _ in SimulatedBME280(hasHumidity: false, surroundings: surroundings) },
        "bmp388": { surroundings, _ in SimulatedBMP388(surroundings: surroundings) },
        "bme680": { surroundings, _ in SimulatedBME680(surroundings: surroundings) },
        "sht3x": { surroundings, _ in SimulatedSHT3x(surroundings: surroundings) },
        "sht4x": { surroundings, _ in SimulatedSHT4x(surroundings: surroundings) },
        "aht20": { surroundings, _ in SimulatedAHT20(surroundings: surroundings) },
        "si7021": { surroundings, _ in SimulatedSi7021(surroundings: surroundings) },
        "tmp117": { surroundings, _ in SimulatedTMP117(surroundings: surroundings) },
        "mcp9808": { surroundings, _ in SimulatedMCP9808(surroundings: surroundings) },
        "lm75": { surroundings, _ in SimulatedLM75(surroundings: surroundings) },
        "mlx90614": { surroundings, _ in SimulatedMLX90614(surroundings: surroundings) },
    ]
    private static let airQuality: [String: Maker] = [
        "ads1115": { surroundings, _ in SimulatedADS1115(surroundings: surroundings) },
        "electrochemical": { surroundings, _ in SimulatedGasCell().converter(surroundings) },
        "mcp3421": { surroundings, _ in SimulatedMCP3421(surroundings: surroundings) },
        "pmsa003i": { surroundings, _ in SimulatedPMSA003I(surroundings: surroundings) },
        "scd30": { surroundings, _ in SimulatedSCD30(surroundings: surroundings) },
        "scd4x": { surroundings, _ in SimulatedSCD4x(surroundings: surroundings) },
        "sen5x": { surroundings, _ in SimulatedSEN5x(surroundings: surroundings) },
        "sgp40": { surroundings, _ in SimulatedSGP40(surroundings: surroundings) },
        "sps30": { surroundings, _ in SimulatedSPS30(surroundings: surroundings) },
    ]
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
        "decibel-i2c": { surroundings, _ in SimulatedDecibelMeter(surroundings: surroundings) },
        "lis3dh": { surroundings, _ in SimulatedLIS3DH(surroundings: surroundings) },
        "maxsonar-i2c": { surroundings, _ in SimulatedMaxSonar(surroundings: surroundings) },
        "mcp23017": { surroundings, _ in SimulatedMCP23017(surroundings: surroundings) },
        "pcf8574": { surroundings, _ in SimulatedPCF8574(surroundings: surroundings) },
        "seesaw-soil": { surroundings, _ in SimulatedSeesawSoil(surroundings: surroundings) },
    ]
}
