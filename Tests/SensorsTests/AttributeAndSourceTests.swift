import SimulatedWorld
import Testing
import World

@testable import Sensors

private func iio(_ values: [String: Setting]) throws -> any AttributeDriver {
    guard case .attribute(let driver) = try IIO.entry.make(.of(values)) else {
        throw SettingFault(parameter: "driver", text: "not an attribute driver")
    }
    return driver
}

private func measure(
    _ driver: inout any AttributeDriver, _ attributes: inout SimulatedAttributes
) throws(SensorFault) -> [Double] {
    var samples = Samples(capacity: 8)
    _ = try driver.start(on: &attributes)
    try driver.collect(from: &attributes, into: &samples)
    return samples.all.map { if case .physical(let value) = $0.measurement { value } else { .nan } }
}

@Suite("IIO")
struct IIOTests {
    private let bme280 = [
        "in_temp_input": "-12300", "in_pressure_input": "101.324531250", "in_humidityrelative_input": "47999",
    ]

    @Test("Kernel units become ours: milli degrees, kilopascals, milli percent")
    func units() throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "something-else", files: ["in_temp_input": "1"])
        attributes.setIIO(3, name: "bme280", files: bme280)
        var driver = try iio(["device": .text("bme280")])
        let values = try measure(&driver, &attributes)
        #expect(abs(values[0] + 12.3) < 1e-9)
        #expect(abs(values[1] - 101_324.53125) < 1e-6)
        #expect(abs(values[2] - 47.999) < 1e-9)
        let channels = try IIO.entry.channels(.of(["device": .text("bme280")]))
        #expect(channels.map(\.quantity) == ["temperature", "pressure", "humidity"])
        #expect(channels.map(\.unit) == ["Cel", "Pa", "%RH"])
    }

    @Test("Raw files are (raw + offset) × scale, with the type's shared scale where the channel has none")
    func raw() throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(
            1, name: "ads1015",
            files: [
                "in_voltage0_raw": "1000", "in_voltage0_scale": "3.0", "in_voltage1_raw": "-500",
                "in_voltage_scale": "2", "in_voltage1_offset": "100", "in_temp_raw": "200", "in_temp_scale": "62.5",
            ])
        var driver = try iio(["device": .text("ads1015"), "measures": .text("voltage0, voltage1 temperature")])
        let values = try measure(&driver, &attributes)
        #expect(abs(values[0] - 3.0) < 1e-9)
        #expect(abs(values[1] + 0.8) < 1e-9)
        #expect(abs(values[2] - 12.5) < 1e-9)
    }

    @Test("A device is found by its label too, and again under another number after it went away")
    func foundAgain() throws {
        var attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "bme280", files: bme280)
        attributes.set("/sys/bus/iio/devices/iio:device0/label", "roof")
        var driver = try iio(["device": .text("roof"), "measures": .text("temperature")])
        #expect(try measure(&driver, &attributes).count == 1)
        attributes.removeIIO(0)
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try measure(&driver, &attributes) }
        attributes.setIIO(2, name: "bme280", files: ["in_temp_input": "5000"])
        attributes.set("/sys/bus/iio/devices/iio:device2/label", "roof")
        #expect(try measure(&driver, &attributes) == [5])
    }

    @Test("No such device, no such file and a value that is no number are each their own fault")
    func faults() throws {
        var attributes = SimulatedAttributes()
        var driver = try iio(["device": .text("bme280")])
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try measure(&driver, &attributes) }
        attributes.setIIO(0, name: "bmp280", files: bme280)
        #expect(throws: SensorFault.noData) { _ = try measure(&driver, &attributes) }
        attributes.setIIO(0, name: "bme280", files: ["in_temp_input": "hot"])
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, &attributes) }
        attributes.setIIO(0, name: "bme280", files: ["in_temp_input": "20000"])
        attributes.faults["/sys/bus/iio/devices/iio:device0/in_temp_input"] = .failed(errno: 5)
        #expect(throws: SensorFault.attribute(.failed(errno: 5))) { _ = try measure(&driver, &attributes) }
        attributes.faults = [:]
        #expect(try measure(&driver, &attributes)[0] == 20)
    }

    @Test("What an unknown device measures must be said, and said right")
    func refused() throws {
        for (values, parameter) in [
            ([:], "device"), (["device": .text("mystery")], "measures"),
            (["device": .text("bme280"), "measures": .text("temperature warmth")], "measures"),
            (["device": .text("bme280"), "measures": .text("humidity humidity")], "measures"),
            (["device": .text("bme280"), "measures": .text(" , ")], "measures"),
        ] as [([String: Setting], String)] {
            let fault = try #require(settingFault { _ = try IIO.entry.channels(.of(values)) })
            #expect(fault.parameter == parameter)
        }
    }

    @Test(
        "Decimal text: what is a number, and what is none",
        arguments: [
            ("21400", 21400), ("-0.5\n", -0.5), ("101.324531250", 101.32453125), ("+7", 7), (" 3 ", 3), (".5", 0.5),
            ("1e3", 1000), ("1.5E-3", 0.0015), ("0.1", 0.1), ("123456789012345678901234567890", 1.2345678901234568e29),
            ("0.000000000000000000000000000001", 1e-30), ("", nil), ("-", nil), ("1.2.3", nil), ("1e", nil),
            ("1e ", nil), ("1e+", nil), ("nan", nil), ("0x10", nil), ("1,5", nil), ("1 2", nil), ("1e999", nil),
        ] as [(String, Double?)])
    func decimalText(text: String, value: Double?) {
        let parsed = DecimalText.parse(Array(text.utf8))
        if let value, let parsed {
            #expect(abs(parsed - value) <= abs(value) * 1e-15)
        } else {
            #expect(parsed == value)
        }
    }
}

@Suite("Simulated sensor")
struct SimulatedTests {
    private func sensor(_ quantity: String, seed: Int64?, id: String = "test") throws -> Simulated {
        var values: [String: Setting] = ["quantity": .text(quantity)]
        values["seed"] = seed.map(Setting.integer)
        var settings = DriverSettings.of(values)
        settings.sensorID = id
        guard case .source(let driver) = try Simulated.entry.make(settings), let simulated = driver as? Simulated else {
            throw SettingFault(parameter: "driver", text: "not a simulated sensor")
        }
        return simulated
    }

    @Test("The same seed and time give the same value, wherever one begins; another seed gives another")
    func deterministic() throws {
        let (a, b, c) = (
            try sensor("temperature", seed: 7), try sensor("temperature", seed: 7), try sensor("temperature", seed: 8)
        )
        let moments = (0..<500).map { Boottime(nanoseconds: $0 * 777_777_777_777) }
        let forward = moments.map { a.value(at: $0) }
        let backward = moments.reversed().map { b.value(at: $0) }
        #expect(forward == backward.reversed())
        #expect(forward != moments.map { c.value(at: $0) })
        let unseeded = try ["a", "b"].map { try sensor("noise", seed: nil, id: $0).value(at: .seconds(5)) }
        #expect(unseeded[0] != unseeded[1])
    }

    @Test("Golden values: any machine, any compiler, the same bytes")
    func golden() throws {
        let sensor = try sensor("temperature", seed: 42)
        let values = [0, 3_600, 86_400, 1_000_000].map { (sensor.value(at: .seconds($0)) * 1e6).rounded() / 1e6 }
        #expect(values == [11.596143, 11.702485, 13.730004, 19.035455])
    }

    @Test("A month of every quantity stays plausible, and moves", arguments: Simulated.profiles.map(\.quantity))
    func plausible(quantity: String) throws {
        let profile = try #require(Simulated.profiles.first { $0.quantity == quantity })
        let sensor = try sensor(quantity, seed: 3)
        var seen: (low: Double, high: Double) = (.infinity, -.infinity)
        for minute in 0..<(30 * 24 * 60) {
            let value = sensor.value(at: .seconds(Int64(minute) * 60))
            seen = (min(seen.low, value), max(seen.high, value))
        }
        #expect(profile.plausible.contains(seen.low) && profile.plausible.contains(seen.high))
        #expect(seen.high - seen.low >= abs(profile.swing))
    }

    @Test("The cosine without a mathematics library is right to 0.002")
    func cosine() {
        for (turns, value) in [
            (0, 1), (0.125, 0.70710678), (0.25, 0), (1.0 / 3, -0.5), (0.5, -1), (0.75, 0), (1, 1), (-0.125, 0.70710678),
            (7.0 / 6, 0.5), (-3.5, -1),
        ] as [(Double, Double)] {
            #expect(abs(Simulated.cosineOfTurns(turns) - value) < 0.002, "\(turns)")
        }
    }
}
