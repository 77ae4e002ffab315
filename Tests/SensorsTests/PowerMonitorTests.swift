import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x40)

private func shuntSettings(milliohm: Int64, milliampere: Int64? = nil) -> DriverSettings {
    var values: [String: Setting] = ["shunt": .quantity(mantissa: milliohm, exponent: -3, unit: "Ohm")]
    if let milliampere { values["max_current"] = .quantity(mantissa: milliampere, exponent: -3, unit: "A") }
    return .of(values, device: device)
}

private func world(_ volt: Double, _ ampere: Double) -> (Boottime) -> Surroundings {
    let surroundings = Surroundings {
        $0.volts.x = volt
        $0.amperes.x = ampere
    }
    return { _ in surroundings }
}

@Suite("INA219")
struct INA219Tests {
    private let clock = StillClock()

    private func driver(milliohm: Int64 = 100, milliampere: Int64? = nil) throws -> INA219 {
        let settings = shuntSettings(milliohm: milliohm, milliampere: milliampere)
        return INA219(device: device, shunt: try Shunt(settings, fullScaleVolt: INA219.fullScaleVolt))
    }

    private func bus(_ chip: SimulatedINA219) -> SimulatedBus {
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("The datasheet's example comes out: 15 A over 2 mOhm calibrates to 0x5000, less what rounding takes")
    func calibration() throws {
        // Section 8.5.1 chooses 1 mA a count and finds 20480; the largest current itself gives 0.46 mA, twice as much.
        #expect(try driver(milliohm: 2, milliampere: 32_768).calibration == 0x5000)
        #expect(try driver(milliohm: 2, milliampere: 15_000).calibration == 44_738)
        #expect(try driver(milliohm: 100).calibration == 4_194)
    }

    @Test("Golden vectors: the datasheet's 11.98 V and 20 mV, and a negative shunt voltage")
    func golden() throws {
        let setUp: [ScriptedBus.Step] = [
            .write(0x00, 0x80, 0x00), .read(0x00, [0x39, 0x9F]), .write(0x05, 0xAE, 0xC2), .read(0x03, [0, 0]),
            .write(0x00, 0x27, 0xFB),
        ]
        let again = Array(setUp.dropFirst(2))
        var bus = ScriptedBus(
            device,
            setUp + [.read(0x02, [0x5D, 0x9A]), .read(0x01, [0x07, 0xD0])] + again
                + [.read(0x02, [0x5D, 0x9A]), .read(0x01, [0xF8, 0x30])] + again
                + [.read(0x02, [0x5D, 0x9B]), .read(0x01, [0x0F, 0xA0])])
        var driver = try driver(milliohm: 2, milliampere: 15_000)
        var samples = Samples(capacity: 9)
        for _ in 0..<3 {
            #expect(try driver.start(on: &bus) == .milliseconds(151))
            #expect(try driver.collect(from: &bus, into: &samples) == nil)
        }
        let values = physical(samples.all)
        // The datasheet reads 11.98 V as 0x5D98: 2995 steps of 4 mV, and the flags.
        #expect(abs(values[0] - 11.98) < 0.003 && abs(values[1] - 10) < 1e-9 && abs(values[2] - 119.8) < 0.03)
        #expect(abs(values[4] + 10) < 1e-9 && abs(values[5] + 119.8) < 0.03)
        #expect(samples.all.map(\.quality) == Array(repeating: .good, count: 7) + [.saturated, .saturated])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("What flows is what it measures, both ways and in each range, to a step", arguments: [40, 80, 160, 320])
    func agrees(millivolt: Int64) throws {
        var driver = try driver(milliampere: millivolt * 10)
        let chip = SimulatedINA219()
        var bus = bus(chip)
        for share in stride(from: -0.99, through: 0.99, by: 0.11) {
            let (volt, ampere) = (13 + 12.9 * share, Double(millivolt) / 100 * share)
            chip.surroundings = world(volt, ampere)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.allSatisfy { $0.quality == .good })
            #expect(abs(physical(samples)[0] - volt) <= 0.0021)
            #expect(abs(physical(samples)[1] - ampere) <= 0.000_051)
        }
    }

    @Test("A current beyond the largest is told to be saturated, the voltage is not")
    func overflow() throws {
        var driver = try driver(milliampere: 500)
        var bus = bus(SimulatedINA219(surroundings: world(12, 0.7)))
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.good, .saturated, .saturated])
    }

    @Test("Another chip at the address is told by its configuration after a reset")
    func wrongChip() throws {
        var driver = try driver()
        let chip = SimulatedINA219()
        chip.resetConfiguration = 0x4127
        var bus = bus(chip)
        #expect(throws: SensorFault.wrongChip(found: 0x4127, expected: 0x399F)) { _ = try driver.start(on: &bus) }
    }

    @Test("A chip that never finishes is not ready; one that lost its supply meanwhile still tells the truth")
    func brownOut() throws {
        var driver = try driver()
        let chip = SimulatedINA219(surroundings: world(12, -0.7))
        var bus = bus(chip)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 3)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[1] + 0.7) < 0.000_1)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A shunt that cannot be, and a current that it cannot show, are refused with what to do")
    func refusals() {
        let wrong: [(Int64, Int64?)] = [(0, nil), (-100, nil), (100, 0), (100, 3_300), (2_000_000, nil)]
        for (milliohm, milliampere) in wrong {
            let fault = settingFault { _ = try driver(milliohm: milliohm, milliampere: milliampere) }
            #expect(fault?.text.split(separator: ";").count == 3, "\(milliohm)")
        }
        #expect(settingFault { _ = try INA219.entry.channels(.of()) }?.parameter == "shunt")
    }

    @Test("The scale of current and power follows the shunt")
    func scales() throws {
        for (milliohm, scale) in [(100, -4), (10, -3), (1, -2), (1_000, -5)] as [(Int64, Int8)] {
            let channels = try INA219.entry.channels(shuntSettings(milliohm: milliohm))
            #expect(channels.map(\.scale) == [-3, scale, scale])
        }
    }
}

@Suite("INA226")
struct INA226Tests {
    private let clock = StillClock()

    private func driver(milliohm: Int64 = 100, milliampere: Int64? = nil) throws -> INA226 {
        let settings = shuntSettings(milliohm: milliohm, milliampere: milliampere)
        return INA226(device: device, shunt: try Shunt(settings, fullScaleVolt: INA226.fullScaleVolt))
    }

    private func bus(_ chip: SimulatedINA226) -> SimulatedBus {
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("Golden vectors: the datasheet's 11.98 V and 20 mV over 2 mOhm, and a negative shunt voltage")
    func golden() throws {
        let setUp: [ScriptedBus.Step] = [.read(0xFE, [0x54, 0x49]), .read(0xFF, [0x22, 0x60])]
        let trigger: [ScriptedBus.Step] = [
            .write(0x05, 0x15, 0xD8), .write(0x00, 0x47, 0x23), .read(0x06, [0x00, 0x08]),
        ]
        var bus = ScriptedBus(
            device,
            setUp + trigger + [.read(0x02, [0x25, 0x70]), .read(0x01, [0x1F, 0x40])] + trigger
                + [.read(0x02, [0x25, 0x70]), .read(0x01, [0xE0, 0xC0])])
        var driver = try driver(milliohm: 2, milliampere: 15_000)
        #expect(driver.calibration == 0x15D8)
        var samples = Samples(capacity: 6)
        for _ in 0..<2 {
            #expect(try driver.start(on: &bus) == .milliseconds(156))
            #expect(try driver.collect(from: &bus, into: &samples) == nil)
        }
        // The datasheet's example of the calculation: 0x2570 is 11.98 V, 0x1F40 is 20 mV, so 10 A and 119.8 W.
        let values = physical(samples.all)
        let expected = [11.98, 10, 119.8, 11.98, -10, -119.8]
        #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(values)")
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("What flows is what it measures, both ways, to a step")
    func agrees() throws {
        var driver = try driver()
        let chip = SimulatedINA226()
        var bus = bus(chip)
        for share in stride(from: -0.99, through: 0.99, by: 0.11) {
            let (volt, ampere) = (18 + 17.9 * share, 0.8192 * share)
            chip.surroundings = world(volt, ampere)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.allSatisfy { $0.quality == .good })
            #expect(abs(physical(samples)[0] - volt) <= 0.000_64)
            #expect(abs(physical(samples)[1] - ampere) <= 0.000_013)
        }
    }

    @Test(
        "Beyond the largest current, and beyond the scale, the current is told to be saturated", arguments: [500, 819])
    func overflow(milliampere: Int64) throws {
        var driver = try driver(milliampere: milliampere)
        var bus = bus(SimulatedINA226(surroundings: world(12, -0.9)))
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.good, .saturated, .saturated])
    }

    @Test("Another maker and another chip are told by their ids; another revision serves")
    func wrongChip() throws {
        var driver = try driver()
        let chip = SimulatedINA226()
        var bus = bus(chip)
        chip.die = 0x2261
        _ = try measure(&driver, on: &bus, clock)
        driver.forget()
        chip.die = 0x3220
        #expect(throws: SensorFault.wrongChip(found: 0x3220, expected: 0x2260)) { _ = try driver.start(on: &bus) }
        chip.manufacturer = 0
        #expect(throws: SensorFault.wrongChip(found: 0, expected: 0x5449)) { _ = try driver.start(on: &bus) }
    }

    @Test("A chip that never finishes is not ready; one that lost its supply meanwhile still tells the truth")
    func brownOut() throws {
        var driver = try driver()
        let chip = SimulatedINA226(surroundings: world(12, -0.7))
        var bus = bus(chip)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 3)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[1] + 0.7) < 0.000_1)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}

@Suite("INA3221")
struct INA3221Tests {
    private let clock = StillClock()

    private func driver() throws -> INA3221 {
        let shunt = try Shunt(shuntSettings(milliohm: 100), fullScaleVolt: INA3221.fullScaleVolt)
        let third = try Shunt(shuntSettings(milliohm: 50), fullScaleVolt: INA3221.fullScaleVolt)
        return INA3221(device: device, shunts: [shunt, shunt, third])
    }

    private func bus(_ chip: SimulatedINA3221) -> SimulatedBus {
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("The datasheet's example comes out: -80 mV is 0xC180; and the ends of the scale")
    func golden() {
        #expect(Double(INA3221.counts(Reply([0xC1, 0x80]))) * INA3221.shuntVoltPerCount == -0.08)
        #expect(INA3221.counts(Reply([0x7F, 0xF8])) == 4_095)
        #expect(INA3221.counts(Reply([0x80, 0x00])) == -4_096)
        #expect(INA3221.counts(Reply([0xFF, 0xF8])) == -1)
    }

    @Test("Three voltages and three currents, each over its own shunt, both ways, to a step")
    func agrees() throws {
        var driver = try driver()
        let chip = SimulatedINA3221(shuntOhm: SIMD3(0.1, 0.1, 0.05))
        var bus = bus(chip)
        for share in stride(from: -0.95, through: 0.95, by: 0.19) {
            let volts = SIMD4(13 + 12 * share, 5, 13 - 12 * share, 0)
            let amperes = SIMD4(1.6 * share, 0.4, -3.2 * share, 0)
            chip.surroundings = { _ in Surroundings { ($0.volts, $0.amperes) = (volts, amperes) } }
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.map(\.channel) == [0, 1, 2, 3, 4, 5, 6, 7, 8])
            #expect(samples.allSatisfy { $0.quality == .good })
            let values = physical(samples)
            for channel in 0..<3 {
                #expect(abs(values[3 * channel] - volts[channel]) <= 0.0041)
                #expect(abs(values[3 * channel + 1] - amperes[channel]) <= (channel == 2 ? 0.000_41 : 0.000_21))
                #expect(values[3 * channel + 2] == values[3 * channel] * values[3 * channel + 1])
            }
        }
    }

    @Test("At the end of a shunt's scale that current alone is told to be saturated")
    func saturated() throws {
        var driver = try driver()
        let chip = SimulatedINA3221()
        chip.surroundings = { _ in Surroundings { $0.amperes.y = -2 } }
        var bus = bus(chip)
        let bad = try measure(&driver, on: &bus, clock).filter { $0.quality != .good }
        #expect(bad.map(\.channel) == [4, 5] && bad.allSatisfy { $0.quality == .saturated })
    }

    @Test("Another maker and another chip are told by their ids")
    func wrongChip() throws {
        var driver = try driver()
        let chip = SimulatedINA3221()
        var bus = bus(chip)
        chip.die = 0x2260
        #expect(throws: SensorFault.wrongChip(found: 0x2260, expected: 0x3220)) { _ = try driver.start(on: &bus) }
        chip.manufacturer = 0xFFFF
        #expect(throws: SensorFault.wrongChip(found: 0xFFFF, expected: 0x5449)) { _ = try driver.start(on: &bus) }
    }

    @Test("A chip that never finishes is not ready; one that lost its supply meanwhile still tells the truth")
    func brownOut() throws {
        var driver = try driver()
        let chip = SimulatedINA3221()
        var bus = bus(chip)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 9)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[4] + 0.12) < 0.000_3)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Shunts that are not given are as the first")
    func shunts() throws {
        let channels = try INA3221.entry.channels(shuntSettings(milliohm: 10))
        #expect(channels.map(\.quantity).suffix(3) == ["voltage_3", "current_3", "power_3"])
        #expect(channels[7].plausible == channels[1].plausible && channels[7].scale == -3)
        var settings = shuntSettings(milliohm: 10)
        settings.values["shunt_3"] = .quantity(mantissa: 1, exponent: -1, unit: "Ohm")
        #expect(try INA3221.entry.channels(settings).map(\.scale) == [-3, -3, -3, -3, -3, -3, -3, -4, -4])
        settings.values["shunt_2"] = .quantity(mantissa: 0, exponent: 0, unit: "Ohm")
        #expect(settingFault { _ = try INA3221.entry.make(settings) }?.parameter == "shunt_2")
    }
}
