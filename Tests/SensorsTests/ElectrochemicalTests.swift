import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x48)

private func millivolts(_ value: Int64) -> Setting { .quantity(mantissa: value, exponent: 0, unit: "mV") }

private func settings(_ changes: [String: Setting?] = [:]) -> DriverSettings {
    var values: [String: Setting] = [
        "cell": .text("no2-b43f"), "we_electronic_zero": millivolts(295), "ae_electronic_zero": millivolts(282),
        "we_sensor_zero": millivolts(-4), "ae_sensor_zero": millivolts(4), "sensitivity": .number(0.309),
        "temperature_input": .text("ain2"),
    ]
    for (name, value) in changes { values[name] = value }
    return .of(values, device: device)
}

private func driver(_ changes: [String: Setting?] = [:]) throws -> Electrochemical {
    guard case .bus(let driver) = try Electrochemical.entry.make(settings(changes)),
        let cell = driver as? Electrochemical
    else { throw SensorFault.noData }
    return cell
}

private let certificate = AlphasenseCell.Certificate(
    workingElectronicZero: 279, auxiliaryElectronicZero: 294, workingSensorZero: -7, auxiliarySensorZero: -2,
    sensitivity: 0.308)

@Suite("Electrochemical cells")
struct ElectrochemicalTests {
    @Test(
        "The note's four algorithms, worked by hand for one certificate",
        arguments: [
            // WE 300 mV and AE 290 mV are 21 and -4 beyond the electronic zeros; millivolts that are left for the gas:
            (1, 1.6, 27.4),  // 21 - 1.6 * -4
            (2, 0.9, 33.6),  // 21 - 0.9 * (-7 / -2) * -4
            (3, 0.7, 28.8),  // 21 - (-7 - -2) - 0.7 * -4
            (4, -2.0, 30.0),  // 21 - -7 - -2
        ] as [(Int, Double, Double)])
    func algorithms(algorithm: Int, factor: Double, millivolts: Double) {
        let result = AlphasenseCell.ppb(
            working: 300, auxiliary: 290, factor: factor, algorithm: algorithm, certificate: certificate)
        #expect(abs(result - millivolts / 0.308) < 1e-9)
    }

    @Test("Factors are the table's at its temperatures, on a line between them, and held beyond its ends")
    func factors() {
        let table = AlphasenseCell.no2B43F.factors(algorithm: 1)
        let vectors: [(Double, Double)] = [
            (-30, 1.3), (20, 0.6), (50, -1.5), (25, 0.5), (45, -0.65), (-41, 1.3), (60, -1.5), (10, 1.0),
        ]
        for (celsius, factor) in vectors {
            #expect(abs(AlphasenseCell.factor(table, at: celsius) - factor) < 1e-12, "\(celsius)")
        }
        for cell in AlphasenseCell.allCases {
            for algorithm in 1...4 { #expect(cell.factors(algorithm: algorithm).count == 9, "\(cell) \(algorithm)") }
            #expect((1...4).contains(cell.recommended))
            // At 20 °C the factors 2 and 3 are 1 and 4 is 0 by their definition; one cell's table says 1 for 4.
            #expect(cell.factors(algorithm: 2)[5] == 1 && cell.factors(algorithm: 3)[5] == 1, "\(cell)")
            #expect(cell.factors(algorithm: 4)[5] == (cell == .oxB431 ? 1 : 0), "\(cell)")
        }
    }

    @Test("What gas there is comes out, from clean to heavy, from frost to heat, within two steps of the converter")
    func agreement() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        var driver = try driver()
        for celsius in stride(from: -30.0, through: 50, by: 4) {
            for ppb in [0, 3, 40, 200, 4_000.0] {
                let air = Surroundings { ($0.celsius, $0.gasPPB) = (celsius, ppb) }
                bus.attach(SimulatedGasCell().converter { _ in air }, at: device)
                let samples = try measure(&driver, on: &bus, clock)
                #expect(samples.map(\.quality) == [.good, .good])
                #expect(abs(physical(samples)[0] - ppb) < 0.6, "\(celsius) °C, \(ppb) ppb")
                #expect(abs(physical(samples)[1] - celsius) < 0.01)
            }
        }
    }

    @Test("Clean air may come out below zero, and is given so")
    func negative() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedADS1115(inputs: { _ in SIMD4(0.294, 0.282, 0.7, 0) }), at: device)
        var driver = try driver()
        let samples = try measure(&driver, on: &bus, clock)
        #expect(abs(physical(samples)[0] - (-1 / 0.309)) < 0.3 && samples[0].quality == .good)
    }

    @Test(
        "Beyond the table's temperatures the gas is uncertain; a broken thermometer gives neither",
        arguments: [
            (52, .outOfRange, .good), (-34, .outOfRange, .good), (120, .implausible, .implausible),
            (-50.2, .implausible, .implausible),
        ] as [(Double, Quality, Quality)])
    func temperature(celsius: Double, gas: Quality, own: Quality) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedGasCell().converter { _ in Surroundings { $0.celsius = celsius } }, at: device)
        var driver = try driver()
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [gas, own])
    }

    @Test("With a fixed temperature there are two inputs and one channel; a full input is saturated")
    func fixed() throws {
        let fixed: [String: Setting?] = [
            "temperature_input": nil, "temperature": .quantity(mantissa: 20, exponent: 0, unit: "Cel"),
        ]
        #expect(try Electrochemical.entry.channels(settings(fixed)).map(\.quantity) == ["no2"])
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(
            SimulatedGasCell().converter { _ in Surroundings { ($0.celsius, $0.gasPPB) = (20, 40) } }, at: device)
        var driver = try driver(fixed)
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 40) < 0.6)
        bus.attach(SimulatedADS1115(inputs: { _ in SIMD4(4.5, 0.282, 0, 0) }), at: device)
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.saturated])
    }

    @Test("An OX cell's channel is called ox, each other's after its gas")
    func names() throws {
        for cell in AlphasenseCell.allCases {
            let channels = try Electrochemical.entry.channels(settings(["cell": .text(cell.rawValue)]))
            #expect(cell.rawValue.hasPrefix(channels[0].quantity) && channels[0].unit == "ppb")
        }
    }

    @Test(
        "Settings that cannot be are refused by their name",
        arguments: [
            (["cell": nil], "cell"), (["sensitivity": nil], "sensitivity"),
            (["ae_sensor_zero": nil], "sensitivity"), (["temperature_input": nil], "temperature"),
            (["temperature": .quantity(mantissa: 20, exponent: 0, unit: "Cel")], "temperature"),
            (["auxiliary": .text("ain0")], "auxiliary"), (["temperature_input": .text("ain1")], "temperature_input"),
            (["algorithm": .integer(2), "ae_sensor_zero": millivolts(0)], "algorithm"),
            (["temperature_slope": .number(0)], "temperature_slope"),
        ] as [([String: Setting?], String)])
    func refused(changes: [String: Setting?], parameter: String) {
        let fault = settingFault { _ = try Electrochemical.entry.make(settings(changes)) }
        #expect(fault?.parameter == parameter)
        #expect(fault?.text.split(separator: ";").count == 3 && fault?.text.contains("expected") == true)
    }
}
