// What the iio driver can read of a device: the kernel's channel types with their units, and what well-known devices
// have. Kernel: Documentation/ABI/testing/sysfs-bus-iio; names of types and modifiers from industrialio-core.c.

internal import World

extension IIO {
    /// One channel of the kernel's: how its files are called, and how its unit becomes ours.
    struct Kind: Sendable, Equatable {
        var quantity: String
        /// `temp` in `in_temp_input`.
        var type: String
        /// `co2` in `in_concentration_co2_raw`.
        var modifier: String
        /// Which of several of a type; nil: the only one, which drivers number or not.
        var number: Int?
        var unit: String
        /// Kernel unit × factor = our unit.
        var factor: Double
        /// The factor of a raw value that has no scale file: such a one is not in the kernel's unit.
        var bare: Double
        var scale: Int8
        var plausible: ClosedRange<Double>

        init(
            _ quantity: String, _ name: String, _ unit: String, _ factor: Double, bare: Double? = nil, scale: Int8,
            _ plausible: ClosedRange<Double>
        ) {
            self.quantity = quantity
            let parts = name.split(separator: "_")
            type = String(parts[0])
            modifier = parts.count > 1 ? String(parts[1]) : ""
            self.unit = unit
            self.factor = factor
            self.bare = bare ?? factor
            self.scale = scale
            self.plausible = plausible
        }

        var channel: DriverChannel { DriverChannel(quantity, unit: unit, scale: scale, plausible: plausible) }

        /// `in_temp`, `in_voltage3`, `in_concentration_co2`: how its files begin, the likeliest first.
        var stems: [String] {
            let end = modifier.isEmpty ? "" : "_" + modifier
            if let number { return ["in_\(type)\(number)\(end)"] }
            return ["in_\(type)\(end)", "in_\(type)0\(end)"]
        }
    }

    /// Kernel units by the ABI document: milli °C, kilopascal, milli percent, lux, millivolt, milliampere, milliwatt,
    /// percent (concentrations), µg/m3, m/s2, metre, degree, radian, siemens per metre, ohm, joule.
    static let kinds: [Kind] = [
        Kind("temperature", "temp", "Cel", 1e-3, scale: -2, -90...150),
        Kind("ambient_temperature", "temp_ambient", "Cel", 1e-3, scale: -2, -70...400),
        Kind("object_temperature", "temp_object", "Cel", 1e-3, scale: -2, -70...1_000),
        Kind("pressure", "pressure", "Pa", 1e3, scale: 0, 30_000...110_000),
        Kind("humidity", "humidityrelative", "%RH", 1e-3, scale: -2, 0...100),
        Kind("illuminance", "illuminance", "lx", 1, scale: -1, 0...200_000),
        Kind("uv_index", "uvindex", "/", 1, scale: -3, 0...20),
        // Carbon dioxide without a scale is in ppm: early kernels with an scd4x.
        Kind("co2", "concentration_co2", "ppm", 1e4, bare: 1, scale: 0, 0...50_000),
        Kind("voc", "concentration_voc", "ppb", 1e7, scale: 0, 0...1e6),
        Kind("oxygen", "concentration_o2", "%", 1, scale: -2, 0...100),
        Kind("ethanol", "concentration_ethanol", "ppm", 1e4, scale: -2, 0...1e6),
        Kind("hydrogen", "concentration_h2", "ppm", 1e4, scale: -2, 0...1e6),
        Kind("pm1", "massconcentration_pm1", "ug/m3", 1, scale: -1, 0...1_000),
        Kind("pm2_5", "massconcentration_pm2p5", "ug/m3", 1, scale: -1, 0...1_000),
        Kind("pm4", "massconcentration_pm4", "ug/m3", 1, scale: -1, 0...1_000),
        Kind("pm10", "massconcentration_pm10", "ug/m3", 1, scale: -1, 0...1_000),
        Kind("ph", "ph", "pH", 1, scale: -3, 0...14),
        Kind("conductivity", "electricalconductivity", "S/m", 1, scale: -6, 0...50),
        Kind("resistance", "resistance", "Ohm", 1, scale: 0, 0...1e9),
        Kind("distance", "distance", "m", 1, scale: -3, 0...1_000),
        // No unit: the nearer the more.
        Kind("proximity", "proximity", "/", 1, scale: 0, 0...1e6),
        Kind("acceleration_x", "accel_x", "m/s2", 1, scale: -4, -200...200),
        Kind("acceleration_y", "accel_y", "m/s2", 1, scale: -4, -200...200),
        Kind("acceleration_z", "accel_z", "m/s2", 1, scale: -4, -200...200),
        Kind("inclination_x", "incli_x", "deg", 1, scale: -3, -360...360),
        Kind("inclination_y", "incli_y", "deg", 1, scale: -3, -360...360),
        Kind("angle", "angl", "rad", 1, scale: -4, -7...7),
        Kind("voltage", "voltage", "V", 1e-3, scale: -4, -1_000...1_000),
        Kind("current", "current", "A", 1e-3, scale: -4, -1_000...1_000),
        Kind("power", "power", "W", 1e-3, scale: -3, -100_000...100_000),
        Kind("energy", "energy", "J", 1, scale: 0, 0...1e15),
    ]

    /// What devices of these names measure (drivers/iio of the kernel).
    static let wellKnown: [(devices: String, measures: String)] = [
        ("bme280", "temperature pressure humidity"), ("bme680", "temperature pressure humidity resistance"),
        ("bmp180 bmp280 bmp380 bmp580 lps22hb lps25h ms5611", "temperature pressure"),
        ("si7020 hts221 hdc100x hdc1080 hdc2010 dht11 am2315", "temperature humidity"), ("tmp117", "temperature"),
        ("bh1750 tsl2563 tsl2591 tsl4531 veml6030 opt3001", "illuminance"), ("veml6070", "uv_index"),
        ("scd30 scd40 scd41", "co2 temperature humidity"), ("sunrise_co2", "co2 temperature"),
        ("sps30", "pm1 pm2_5 pm4 pm10"), ("pms7003", "pm1 pm2_5 pm10"),
        ("mlx90614", "ambient_temperature object_temperature"), ("vl53l0x srf04 srf08 mb1232", "distance"),
    ]

    /// What a word of `measures` means; nil: nothing. A number at its end is the kernel's.
    static func kind(_ word: String) -> Kind? {
        if let kind = kinds.first(where: { $0.quantity == word }) { return kind }
        guard let (stem, number) = KernelFile.numbered(word),
            var kind = kinds.first(where: { $0.quantity == stem && $0.modifier.isEmpty })
        else { return nil }
        kind.quantity = word
        kind.number = number
        return kind
    }

    /// The channels that the settings ask for, in the order of `measures`.
    static func kinds(_ settings: DriverSettings) throws(SettingFault) -> [Kind] {
        guard let device = settings.text("device") else {
            throw SettingFault(
                parameter: "device",
                text: "not given; expected the kernel device's name, as in /sys/bus/iio/devices/iio:device*/name; add "
                    + "for example `device: bme280`")
        }
        let known = wellKnown.first { $0.devices.split(separator: " ").contains { $0 == device } }?.measures
        guard let measures = settings.text("measures") ?? known else {
            throw SettingFault(
                parameter: "measures",
                text: "not given for \(device), which is none of the devices known here; expected what it measures; "
                    + "add for example `measures: temperature humidity`")
        }
        var result: [Kind] = []
        for word in try KernelFile.words(measures, of: "measures") {
            guard let kind = kind(word) else {
                let all = kinds.map(\.quantity).joined(separator: ", ")
                throw SettingFault(
                    parameter: "measures",
                    text: "\"\(word)\"; expected of \(all), numbered as the kernel does (voltage0), with spaces "
                        + "between; take those that the device has files for")
            }
            result.append(kind)
        }
        return result
    }
}
