// Bosch BMP280: temperature and pressure on I2C. Datasheet: BST-BMP280-DS001, revision 1.14. It is a BME280 without
// humidity, register for register: BME280.swift drives both.

internal import World

enum BMP280 {
    static let entry = DriverEntry(
        name: "bmp280",
        about: "Bosch BMP280 on I2C: temperature, pressure",
        chip: ChipFacts(
            datasheet: "Bosch BST-BMP280-DS001 revision 1.14", measuringTime: BME280.Model.bmp280.measuringTime,
            identity: "register 0xD0 is 0x58 (samples: 0x56, 0x57)"),
        attachment: .bus(addresses: [0x76, 0x77]),
        defaultEvery: .seconds(10),
        // Ranges of section 1, table 2; scales below the noise of oversampling ×1.
        channels: { _ throws(SettingFault) in
            [
                DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...85),
                DriverChannel("pressure", unit: "Pa", scale: 0, plausible: 30_000...110_000),
            ]
        },
        make: { settings throws(SettingFault) in
            .bus(BME280(device: try settings.requiredDevice(), model: .bmp280))
        })
}
