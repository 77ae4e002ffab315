import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x63)

private func answer(_ code: UInt8, _ text: String) -> EZO.Answer {
    EZO.Answer(Reply([code] + Array(text.utf8) + [UInt8](repeating: 0, count: 31 - text.utf8.count)))
}

@Suite("EZO circuits")
struct EZOTests {
    private let clock = StillClock()

    private func bus(_ chip: SimulatedEZO) -> SimulatedBus {
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    private static let models: [(EZO.Model, SimulatedEZO.Model)] = [
        (.ph, .ph), (.ec, .ec), (.do, .dissolvedOxygen), (.orp, .orp), (.rtd, .rtd),
    ]

    @Test(
        "Answers of the datasheets become numbers, signs and decimals exact",
        arguments: [
            ("9.560", 9.56), ("-112.4", -112.4), ("1413", 1_413), ("0.00", 0), ("25.104", 25.104),
            ("-1023.000", -1_023), ("8.31,98.7", 8.31), ("-0.05", -0.05),
        ] as [(String, Double)])
    func numbers(text: String, number: Double) {
        #expect(answer(1, text).number == number)
    }

    @Test(
        "What is no number is none",
        arguments: ["", "-", ".", ".5", "1.2.3", "12-3", "*ER", "1234567890123456", "nan"])
    func noNumbers(text: String) {
        #expect(answer(1, text).number == nil)
    }

    @Test("A text that fills the answer to its end is taken whole")
    func noZero() {
        let full = EZO.Answer(Reply([1] + Array("7.42".utf8)))
        #expect(full.number == 7.42 && full.code == 1)
        #expect(EZO.Answer(Reply([1])).number == nil)
    }

    @Test("The outputs are understood as old and as new circuits list them, and as none")
    func outputLists() {
        for list in ["?O,%,mg", "?,O,%,mg"] {
            #expect(EZO.Model.do.output(toSwitchAfter: answer(1, list)) == "O,%,0")
        }
        #expect(EZO.Model.do.output(toSwitchAfter: answer(1, "?,O,mg")) == nil)
        #expect(EZO.Model.ec.output(toSwitchAfter: answer(1, "?O,no output")) == "O,EC,1")
        #expect(EZO.Model.ec.output(toSwitchAfter: answer(1, "?O,EC,SG")) == "O,SG,0")
        #expect(EZO.Model.ec.output(toSwitchAfter: answer(1, "?O,ec")) == nil)
    }

    @Test("i, then R: each a text, each answer after its time")
    func script() throws {
        func read(_ text: String, code: UInt8 = 1) -> ScriptedBus.Step {
            let bytes = [code] + Array(text.utf8)
            return ScriptedBus.Step(
                write: [], reply: .success(bytes + [UInt8](repeating: 0, count: 32 - bytes.count)))
        }
        var bus = ScriptedBus(
            device,
            [
                ScriptedBus.Step(write: [0x69], reply: .success([])), read("?i,pH,1.98"),
                ScriptedBus.Step(write: [0x52], reply: .success([])), read("", code: 254), read("9.560"),
            ])
        var driver = EZO(device: device, model: .ph, hundredthsCelsius: nil)
        var samples = Samples(capacity: 1)
        #expect(try driver.start(on: &bus) == .milliseconds(300))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(900))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(300))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(samples.all == [Sample(channel: 0, .physical(9.56))])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Every kind measures the water that it is in, to its own resolution, twice", arguments: models.indices)
    func agrees(index: Int) throws {
        let (model, simulated) = Self.models[index]
        let chip = SimulatedEZO(simulated)
        var bus = bus(chip)
        var driver = EZO(device: device, model: model, hundredthsCelsius: nil)
        for share in [0.01, 0.2, 0.5, 0.9] {
            let water = Surroundings {
                ($0.acidityPH, $0.microsiemensPerCentimetre) = (14 * share, 500_000 * share * share * share)
                ($0.dissolvedOxygenMilligramsPerLitre, $0.redoxMillivolts) = (20 * share, 2_000 * share - 1_000)
                $0.waterCelsius = 60 * share - 10
            }
            chip.surroundings = { _ in water }
            for _ in 0..<2 {
                let value = physical(try measure(&driver, on: &bus, clock))[0]
                switch model {
                case .ph: #expect(abs(value - water.acidityPH) <= 0.000_51)
                case .ec: #expect(abs(value - water.microsiemensPerCentimetre * 1e-4) <= max(value * 0.000_51, 6e-7))
                case .do: #expect(abs(value - water.dissolvedOxygenMilligramsPerLitre * 1e-3) <= 5.1e-6)
                case .orp: #expect(abs(value - water.redoxMillivolts * 1e-3) <= 5.1e-5)
                case .rtd: #expect(abs(value - water.waterCelsius) <= 0.000_51)
                }
                #expect(model.channel.plausible.contains(value))
            }
        }
        #expect(chip.changes == 0, "what the circuit keeps is not written where it is right")
    }

    @Test("Outputs beside the wanted one are switched off once, and the wanted one on", arguments: [0, 1, 2, 3])
    func outputs(index: Int) throws {
        let cases: [(EZO.Model, SimulatedEZO.Model, [String], [String], Int)] = [
            (.ec, .ec, ["EC", "TDS", "S", "SG"], ["EC"], 3), (.ec, .ec, ["TDS"], ["EC"], 2),
            (.do, .dissolvedOxygen, ["%"], ["mg"], 2), (.do, .dissolvedOxygen, [], ["mg"], 1),
        ]
        let (model, simulated, before, after, changes) = cases[index]
        let chip = SimulatedEZO(simulated)
        chip.outputs = before
        var bus = bus(chip)
        var driver = EZO(device: device, model: model, hundredthsCelsius: nil)
        let value = physical(try measure(&driver, on: &bus, clock))[0]
        #expect(value == (model == .ec ? 0.1413 : 0.008_31))
        #expect(chip.outputs == after && chip.changes == changes)
    }

    @Test("A thermometer that was set to Fahrenheit is set to Celsius; one without a probe is an open circuit")
    func thermometer() throws {
        let chip = SimulatedEZO(.rtd)
        chip.scale = "f"
        var bus = bus(chip)
        var driver = EZO(device: device, model: .rtd, hundredthsCelsius: nil)
        #expect(physical(try measure(&driver, on: &bus, clock)) == [12.3])
        #expect(chip.scale == "c")
        chip.hasProbe = false
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.openCircuit])
    }

    @Test("The water's temperature goes with every reading, so that a power cut does not lose it")
    func compensation() throws {
        let chip = SimulatedEZO(.ec)
        var bus = bus(chip)
        let settings = DriverSettings.of(
            ["model": .text("ec"), "water_temperature": .quantity(mantissa: 1205, exponent: -2, unit: "Cel")],
            device: device)
        guard case .bus(let made) = try EZO.entry.make(settings), var driver = made as? EZO else {
            Issue.record("no EZO")
            return
        }
        _ = try measure(&driver, on: &bus, clock)
        #expect(chip.compensation == 12.05)
        chip.powerCycle(at: clock.moment)
        _ = try measure(&driver, on: &bus, clock)
        #expect(chip.compensation == 12.05)
        chip.isOld = true
        #expect(throws: SensorFault.deviceFault(code: 2)) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Another circuit is told by its own name")
    func wrongChip() throws {
        var bus = bus(SimulatedEZO(.ec))
        var driver = EZO(device: device, model: .ph, hundredthsCelsius: nil)
        let fault = SensorFault.wrongChip(found: 0x4543, expected: 0x7048)
        #expect(throws: fault) { _ = try measure(&driver, on: &bus, clock) }
        #expect(fault.text.hasPrefix("chip id 0x4543 (\"EC\") answers; expected 0x7048 (\"pH\");"))
    }

    @Test("Circuits of older firmware call themselves otherwise, and serve", arguments: ["DO", "D.O.", "d.o."])
    func olderNames(name: String) throws {
        let chip = SimulatedEZO(.dissolvedOxygen)
        chip.name = name
        var bus = bus(chip)
        var driver = EZO(device: device, model: .do, hundredthsCelsius: nil)
        #expect(physical(try measure(&driver, on: &bus, clock)) == [0.008_31])
        #expect(answer(1, "?I,OR,1.0").isField(1, oneOf: EZO.Model.orp.names))
    }

    @Test("A supply that failed while it measured is noticed, and the next measurement is right")
    func brownOut() throws {
        let chip = SimulatedEZO(.ph)
        var bus = bus(chip)
        var driver = EZO(device: device, model: .ph, hundredthsCelsius: nil)
        _ = try measure(&driver, on: &bus, clock)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        var samples = Samples(capacity: 1)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(physical(try measure(&driver, on: &bus, clock)) == [7.42])
    }

    @Test("A circuit that never finishes is not ready, after as many tries as the driver is patient")
    func hung() throws {
        let chip = SimulatedEZO(.ph)
        var bus = bus(chip)
        var driver = EZO(device: device, model: .ph, hundredthsCelsius: nil)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A model that is none, and a temperature that has no use, are refused with what to do")
    func settings() {
        let warm: Setting = .quantity(mantissa: 12, exponent: 0, unit: "Cel")
        let ice: Setting = .quantity(mantissa: -1, exponent: 0, unit: "Cel")
        let cases: [[String: Setting]] = [
            [:], ["model": .text("orp"), "water_temperature": warm],
            ["model": .text("rtd"), "water_temperature": warm], ["model": .text("ph"), "water_temperature": ice],
        ]
        for values in cases {
            let fault = settingFault { _ = try EZO.entry.make(.of(values, device: device)) }
            #expect(fault?.text.split(separator: ";").count == 3, "\(values)")
        }
    }
}
