import SimulatedWorld
import Testing
import World

@testable import Sensors

func attributeDriver(_ entry: DriverEntry, _ values: [String: Setting]) throws -> any AttributeDriver {
    guard case .attribute(let driver) = try entry.make(.of(values)) else {
        throw SettingFault(parameter: "driver", text: "not an attribute driver")
    }
    return driver
}

/// One measurement as the Sampler makes it.
func sampled(
    _ driver: inout any AttributeDriver, _ attributes: inout SimulatedAttributes
) throws(SensorFault) -> [Sample] {
    var samples = Samples(capacity: 256)
    _ = try driver.start(on: &attributes)
    try driver.collect(from: &attributes, into: &samples)
    return samples.all
}

/// Its values, of whichever sort; none where the sample is bad.
func values(
    _ driver: inout any AttributeDriver, _ attributes: inout SimulatedAttributes
) throws(SensorFault) -> [Double?] {
    try sampled(&driver, &attributes).map { sample in
        guard sample.quality == .good else { return nil }
        return switch sample.measurement {
        case .physical(let value): value
        case .exact(let value): Double(value)
        }
    }
}

@Suite("IIO kinds")
struct IIOKindTests {
    @Test(
        "Kernel units of every kind become ours",
        arguments: [
            ("co2", "in_concentration_co2_input", "0.0412", 412),
            ("voc", "in_concentration_voc_input", "0.00012", 1_200),
            ("oxygen", "in_concentration_o2_input", "20.9", 20.9),
            ("pm2_5", "in_massconcentration_pm2p5_input", "7.5", 7.5),
            ("ambient_temperature", "in_temp_ambient_input", "-5500", -5.5), ("ph", "in_ph_input", "6.9", 6.9),
            ("distance", "in_distance_input", "1.25", 1.25), ("acceleration_z", "in_accel_z_input", "-9.81", -9.81),
            ("conductivity", "in_electricalconductivity_input", "0.05", 0.05),
            ("power2", "in_power2_input", "1500", 1.5),
            ("resistance", "in_resistance_input", "12345", 12_345), ("uv_index", "in_uvindex_input", "6.2", 6.2),
            ("voltage12", "in_voltage12_input", "-3300", -3.3), ("illuminance0", "in_illuminance0_input", "40", 40),
            ("current", "in_current0_input", "20", 0.02),
        ] as [(String, String, String, Double)])
    func units(quantity: String, file: String, text: String, value: Double) throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "chip", files: [file: text])
        var driver = try attributeDriver(IIO.entry, ["device": .text("chip"), "measures": .text(quantity)])
        let read = try #require(try values(&driver, &attributes).first ?? nil)
        #expect(abs(read - value) < 1e-9 * max(1, abs(value)))
        let channel = try IIO.entry.channels(.of(["device": .text("chip"), "measures": .text(quantity)]))[0]
        #expect(channel.quantity == quantity && channel.plausible.contains(value))
    }

    @Test("Carbon dioxide without a scale is in ppm already, with one in percent")
    func carbonDioxide() throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "scd41", files: ["in_concentration_co2_raw": "640"])
        attributes.setIIO(
            1, name: "scd30", files: ["in_concentration_co2_raw": "640", "in_concentration_co2_scale": "0.0001"])
        for device in ["scd41", "scd30"] {
            var driver = try attributeDriver(IIO.entry, ["device": .text(device), "measures": .text("co2")])
            let read = try #require(try values(&driver, &attributes).first ?? nil)
            #expect(abs(read - 640) < 1e-9, "\(device)")
        }
    }

    @Test("Two devices of one name are told apart by their place on the bus")
    func place() throws {
        var attributes = SimulatedAttributes()
        for (number, address, text) in [(0, "1-0076", "1000"), (1, "1-0077", "2000")] {
            attributes.setIIO(number, name: "bme280", files: ["in_temp_input": "0"])
            attributes.set("/sys/bus/i2c/devices/\(address)/iio:device\(number)/name", "bme280")
            attributes.set("/sys/bus/i2c/devices/\(address)/iio:device\(number)/in_temp_input", text)
        }
        var driver = try attributeDriver(
            IIO.entry, ["device": .text("bme280"), "measures": .text("temperature"), "at": .text("1-0077")])
        #expect(try values(&driver, &attributes) == [2])
        driver = try attributeDriver(
            IIO.entry, ["device": .text("bme280"), "measures": .text("temperature"), "at": .text("1-0040")])
        #expect(throws: SensorFault.noData) { _ = try values(&driver, &attributes) }
    }

    @Test("A chip whose driver names it after its place, and one named after its node in the device tree, are found")
    func names() throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "1-0040", files: ["in_temp_input": "1000", "../name": "si7020"])
        attributes.setIIO(1, name: "dht11@11", files: ["in_temp_input": "2000"])
        attributes.setIIO(2, name: "dht110", files: ["in_temp_input": "3000"])
        for (device, celsius) in [("si7020", 1.0), ("1-0040", 1.0), ("dht11", 2.0), ("dht110", 3.0)] {
            var driver = try attributeDriver(
                IIO.entry, ["device": .text(device), "measures": .text("temperature")])
            #expect(try values(&driver, &attributes) == [celsius], "\(device)")
        }
    }
}

@Suite("Hardware monitoring")
struct HWMonTests {
    private func device(_ number: Int, name: String, _ files: [String: String], on attributes: SimulatedAttributes) {
        attributes.set("/sys/class/hwmon/hwmon\(number)/name", name)
        for (file, text) in files { attributes.set("/sys/class/hwmon/hwmon\(number)/\(file)", text) }
    }

    @Test("Kernel units become ours, and inputs that count from one lose the one")
    func units() throws {
        var attributes = SimulatedAttributes()
        device(0, name: "other", ["temp1_input": "1"], on: attributes)
        device(
            4, name: "everything",
            [
                "temp1_input": "-12625", "temp2_input": "85000", "in0_input": "-40", "in1_input": "12048",
                "curr1_input": "-1500", "power1_input": "18072000", "energy1_input": "3600000000",
                "humidity1_input": "47300", "fan1_input": "2700",
            ], on: attributes)
        let settings: [String: Setting] = [
            "device": .text("everything"),
            "measures": .text("temp1 temp2 in0, in1 curr1 power1 energy1 humidity1 fan1"),
        ]
        var driver = try attributeDriver(HWMon.entry, settings)
        let read = try values(&driver, &attributes).map { $0 ?? .nan }
        let expected: [Double] = [-12.625, 85, -0.04, 12.048, -1.5, 18.072, 3_600, 47.3, 2_700]
        #expect(read.count == expected.count)
        for (a, b) in zip(read, expected) { #expect(abs(a - b) < 1e-9) }
        #expect(
            try HWMon.entry.channels(.of(settings)).map(\.quantity) == [
                "temperature", "temperature2", "voltage0", "voltage1", "current", "power", "energy", "humidity", "fan",
            ])
    }

    @Test("An open diode makes its own input bad and no other; an alarm is a channel and makes nothing bad")
    func faultsAndAlarms() throws {
        var attributes = SimulatedAttributes()
        device(
            0, name: "lm90",
            [
                "temp1_input": "41000", "temp2_input": "0", "temp2_fault": "1", "temp1_max_alarm": "1",
                "temp2_max_alarm": "0",
            ], on: attributes)
        var driver = try attributeDriver(
            HWMon.entry,
            ["device": .text("lm90"), "measures": .text("temp1 temp2 temp1_max_alarm temp2_max_alarm")])
        let samples = try sampled(&driver, &attributes)
        #expect(samples.map(\.quality) == [.good, .deviceFault, .good, .good])
        #expect(samples[0].measurement == .physical(41))
        #expect(samples[2].measurement == .exact(1) && samples[3].measurement == .exact(0))
        attributes.set("/sys/class/hwmon/hwmon0/temp2_fault", "0")
        attributes.set("/sys/class/hwmon/hwmon0/temp2_input", "39000")
        #expect(try values(&driver, &attributes) == [41, 39, 1, 0])
    }

    @Test("After its driver was unbound a device is found again under another number")
    func numberChanges() throws {
        var attributes = SimulatedAttributes()
        device(2, name: "lm75", ["temp1_input": "20500"], on: attributes)
        var driver = try attributeDriver(HWMon.entry, ["device": .text("lm75"), "measures": .text("temp1")])
        #expect(try values(&driver, &attributes) == [20.5])
        attributes.remove(below: "/sys/class/hwmon/hwmon2")
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&driver, &attributes) }
        device(2, name: "cpu_thermal", ["temp1_input": "60000"], on: attributes)
        device(5, name: "lm75", ["temp1_input": "-500"], on: attributes)
        #expect(try values(&driver, &attributes) == [-0.5])
        attributes.faults["/sys/class/hwmon/hwmon5/temp1_input"] = .failed(errno: 6)
        #expect(throws: SensorFault.attribute(.failed(errno: 6))) { _ = try values(&driver, &attributes) }
        attributes.faults = [:]
        #expect(try values(&driver, &attributes) == [-0.5])
    }

    @Test("A device is found by its label, and two of one name by their place on the bus")
    func place() throws {
        var attributes = SimulatedAttributes()
        device(0, name: "lm75", ["temp1_input": "1000"], on: attributes)
        device(1, name: "lm75", ["temp1_input": "2000", "label": "cabinet"], on: attributes)
        attributes.set("/sys/bus/i2c/devices/1-0049/hwmon/hwmon1/name", "lm75")
        attributes.set("/sys/bus/i2c/devices/1-0049/hwmon/hwmon1/temp1_input", "2000")
        let measures = Setting.text("temp1")
        var byLabel = try attributeDriver(HWMon.entry, ["device": .text("cabinet"), "measures": measures])
        #expect(try values(&byLabel, &attributes) == [2])
        var byPlace = try attributeDriver(
            HWMon.entry, ["device": .text("lm75"), "measures": measures, "at": .text("1-0049")])
        #expect(try values(&byPlace, &attributes) == [2])
        var nowhere = try attributeDriver(
            HWMon.entry, ["device": .text("lm75"), "measures": measures, "at": .text("1-004a")])
        #expect(throws: SensorFault.noData) { _ = try values(&nowhere, &attributes) }
        var another = try attributeDriver(HWMon.entry, ["device": .text("jc42"), "measures": measures])
        #expect(throws: SensorFault.noData) { _ = try values(&another, &attributes) }
        var missing = try attributeDriver(HWMon.entry, ["device": .text("lm75"), "measures": .text("temp2")])
        #expect(throws: SensorFault.noData) { _ = try values(&missing, &attributes) }
    }

    @Test(
        "What is no input of the kernel's is refused",
        arguments: ["", "temp", "temp0", "temp1_input", "temp111", "in", "pwm1", "temp1 temp1", "TEMP1", "x_alarm"])
    func refused(measures: String) throws {
        let settings = DriverSettings.of(["device": .text("lm75"), "measures": .text(measures)])
        #expect(settingFault { _ = try HWMon.entry.channels(settings) }?.parameter == "measures")
    }
}

@Suite("The board itself")
struct CPUTests {
    private let firmware = "/sys/bus/platform/drivers/raspberrypi-firmware"
    private let all: [String: Setting] = ["measures": .text("temperature undervoltage throttled load")]

    private func raspberryPi() -> SimulatedAttributes {
        let attributes = SimulatedAttributes()
        attributes.set("/sys/class/thermal/thermal_zone0/type", "gpu-thermal")
        attributes.set("/sys/class/thermal/thermal_zone0/temp", "10000")
        attributes.set("/sys/class/thermal/thermal_zone1/type", "cpu-thermal")
        attributes.set("/sys/class/thermal/thermal_zone1/temp", "48312")
        attributes.set("/sys/class/thermal/cooling_device0/type", "pwm-fan")
        attributes.set("/sys/class/hwmon/hwmon0/name", "cpu_thermal")
        attributes.set(firmware + "/bind", "")
        attributes.set(firmware + "/soc:firmware/get_throttled", "0")
        attributes.set("/proc/loadavg", "0.52 0.40 0.31 1/112 2345")
        return attributes
    }

    @Test("Temperature, flags and load of a Raspberry Pi; what its firmware remembers since boot is not now")
    func raspberry() throws {
        var attributes = raspberryPi()
        var driver = try attributeDriver(CPU.entry, all)
        #expect(try values(&driver, &attributes) == [48.312, 0, 0, 0.52])
        let cases: [(flags: String, now: [Double])] = [
            ("50005", [1, 1]), ("50000", [0, 0]), ("1", [1, 0]), ("2", [0, 1]), ("e0008", [0, 1]), ("10", [0, 0]),
        ]
        for (flags, now) in cases {
            attributes.set(firmware + "/soc:firmware/get_throttled", flags)
            let found = try values(&driver, &attributes).map { $0 ?? .nan }
            #expect(Array(found[1...2]) == now, "\(flags)")
        }
        attributes.set(firmware + "/soc:firmware/get_throttled", "none")
        #expect(throws: SensorFault.implausible) { _ = try values(&driver, &attributes) }
    }

    @Test("Where the kernel has rpi_volt its alarm is the undervoltage, also without the firmware's flags")
    func alarm() throws {
        var attributes = raspberryPi()
        attributes.remove(below: firmware)
        attributes.set("/sys/class/hwmon/hwmon1/name", "rpi_volt")
        attributes.set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
        var driver = try attributeDriver(CPU.entry, ["measures": .text("undervoltage")])
        #expect(try values(&driver, &attributes) == [1])
        attributes.set("/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0")
        #expect(try values(&driver, &attributes) == [0])
        var throttled = try attributeDriver(CPU.entry, ["measures": .text("throttled")])
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&throttled, &attributes) }
    }

    @Test("A Raspberry Pi 5 calls its firmware's device after the bus; boards without a known zone give their first")
    func others() throws {
        var attributes = SimulatedAttributes()
        attributes.set(firmware + "/soc@107c000000:firmware/get_throttled", "4")
        attributes.set("/sys/class/thermal/thermal_zone0/type", "acme")
        attributes.set("/sys/class/thermal/thermal_zone0/temp", "-1500")
        attributes.set("/sys/class/thermal/thermal_zone1/type", "gpu")
        attributes.set("/sys/class/thermal/thermal_zone1/temp", "0")
        var driver = try attributeDriver(CPU.entry, ["measures": .text("throttled temperature")])
        #expect(try values(&driver, &attributes) == [1, -1.5])
        attributes.remove(below: "/sys/class/thermal")
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&driver, &attributes) }
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&driver, &attributes) }
    }

    @Test("Without being told it measures the temperature; what it cannot is refused")
    func settings() throws {
        #expect(try CPU.entry.channels(.of()).map(\.quantity) == ["temperature"])
        #expect(
            try CPU.entry.channels(.of(all)).map(\.quantity) == [
                "temperature", "undervoltage", "throttled", "load",
            ])
        for text in ["", "fan", "load load"] {
            #expect(settingFault { _ = try CPU.entry.channels(.of(["measures": .text(text)])) } != nil)
        }
    }
}
