import SimulatedWorld
import Testing
import World

@testable import Sensors

private let gas = BusDevice(bus: 0, address: 0x59)
private let converter = BusDevice(bus: 0, address: 0x68)

@Suite("SGP40")
struct SGP40Tests {
    private func driver(_ percent: Double = 50, _ celsius: Double = 25) -> SGP40 {
        SGP40(device: gas, percent: percent, celsius: celsius)
    }

    @Test("The data sheet's ticks: 50 %RH and 25 degrees are 0x8000 and 0x6666, cold and dry is 0")
    func ticks() {
        let vectors: [(Double, Double, UInt16, UInt16)] = [
            (50, 25, 0x8000, 0x6666), (0, -45, 0, 0), (100, 130, 0xFFFF, 0xFFFF), (100, -10, 0xFFFF, 0x3333),
        ]
        for (percent, celsius, humidity, temperature) in vectors {
            #expect(SGP40.ticks(percent: percent, celsius: celsius) == (humidity, temperature))
        }
    }

    @Test("The first measurement asks who it is and tests it, each one after only measures; 0x8A5C is 35420")
    func script() throws {
        let measured: [ScriptedBus.Step] = [
            .write(0x26, 0x0F, 0x80, 0x00, 0xA2, 0x66, 0x66, 0x93),
            ScriptedBus.Step(write: [], reply: .success([0x8A, 0x5C, 0x4F])),
        ]
        let script =
            [
                ScriptedBus.Step.write(0x36, 0x82),
                ScriptedBus.Step(write: [], reply: .success([0xF8, 0x96, 0x31, 0x9F, 0x07, 0xC2, 0x3B, 0xBE, 0x89])),
                .write(0x28, 0x0E), ScriptedBus.Step(write: [], reply: .success([0xD4, 0x00, 0xC6])),
            ] + measured + measured
        var bus = ScriptedBus(gas, script)
        var driver = driver()
        for _ in 0..<2 {
            var samples = Samples(capacity: 1)
            _ = try driver.start(on: &bus)
            while try driver.collect(from: &bus, into: &samples) != nil {}
            #expect(samples.all == [Sample(channel: 0, .exact(35_420))])
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("A failed self-test is a device fault with the chip's code; no serial number is implausible")
    func faults() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSGP40()
        bus.attach(chip, at: gas)
        chip.selfTest = 0x4B00
        var driver = driver()
        #expect(throws: SensorFault.deviceFault(code: 0x4B00)) { _ = try measure(&driver, on: &bus, clock) }
        chip.selfTest = 0xD400
        #expect(try measure(&driver, on: &bus, clock).count == 1)
        chip.isHung = true
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try measure(&driver, on: &bus, clock) }
        chip.powerCycle(at: clock.moment)
        chip.isHung = false
        chip.serialNumber = 0
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A bit that flips in the signal is refused", arguments: [0, 1, 2])
    func flipped(byte: Int) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedSGP40(), at: gas)
        var driver = driver()
        _ = try measure(&driver, on: &bus, clock)
        var asked = 0
        bus.trouble = { _, _ in
            asked += 1
            return asked == 2 ? .flippedBit(byte: byte, bit: 6) : nil
        }
        #expect(throws: SensorFault.checksum) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("The signal is the chip's, corrected by what was configured, and heats again after a lost supply")
    func agreement() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSGP40(surroundings: { _ in Surroundings { ($0.gasOhm, $0.percent) = (100_000, 80) } })
        bus.attach(chip, at: gas)
        var right = driver(80)
        #expect(try measure(&right, on: &bus, clock) == [Sample(channel: 0, .exact(30_000))])
        var wrong = driver(50)
        #expect(try measure(&wrong, on: &bus, clock) == [Sample(channel: 0, .exact(29_400))])
        chip.powerCycle(at: clock.moment)
        #expect(try measure(&right, on: &bus, clock) == [Sample(channel: 0, .exact(30_000))])
        #expect(chip.isHeating)
        chip.surroundings = { _ in Surroundings { $0.gasOhm = 1_000_000 } }
        #expect(try measure(&right, on: &bus, clock)[0].quality == .saturated)
    }
}

@Suite("MCP3421")
struct MCP3421Tests {
    @Test(
        "The data sheet's codes of 18 bits, with their sign",
        arguments: [
            ([0x01, 0xFF, 0xFF, 0x0C], 131_071), ([0x00, 0x00, 0x01, 0x0C], 1), ([0x00, 0x00, 0x00, 0x0C], 0),
            ([0xFF, 0xFF, 0xFF, 0x0C], -1), ([0xFE, 0x00, 0x00, 0x0C], -131_072),
        ] as [([UInt8], Int32)])
    func codes(bytes: [UInt8], code: Int32) {
        #expect(MCP3421.code(Reply(bytes)) == code)
        #expect(MCP3421.volts(code: code, gain: 1) == Double(code) * 0.000_015_625)
        #expect(MCP3421.volts(code: code, gain: 8) == Double(code) * 0.000_015_625 / 8)
    }

    @Test("A sign that the first bits do not repeat is no number", arguments: [0x02, 0xFD, 0x80, 0x7E] as [UInt8])
    func noNumber(first: UInt8) { #expect(MCP3421.code(Reply([first, 0, 0, 0x0C])) == nil) }

    @Test("Over its range, at every gain, the voltage comes out to half a step", arguments: [0, 1, 2, 3] as [UInt8])
    func agreement(gainCode: UInt8) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP3421(volts: { _ in 0 })
        chip.slowness = 1.46
        bus.attach(chip, at: converter)
        var driver = MCP3421(device: converter, gainCode: gainCode)
        let full = 2.048 / Double(1 << gainCode)
        for part in stride(from: -0.999, through: 0.999, by: 0.037) {
            chip.volts = { _ in part * full }
            let samples = try measure(&driver, on: &bus, clock)
            #expect(abs(physical(samples)[0] - part * full) <= full / 262_144 * 1.001 && samples[0].quality == .good)
        }
        chip.volts = { _ in 1.01 * full }
        #expect(try measure(&driver, on: &bus, clock)[0].quality == .saturated)
        chip.volts = { _ in -1.01 * full }
        #expect(try measure(&driver, on: &bus, clock)[0].quality == .saturated)
    }

    @Test("What a lost supply leaves in it is not ready, and the next measurement is right")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP3421(volts: { _ in 0.5 })
        bus.attach(chip, at: converter)
        var driver = MCP3421(device: converter, gainCode: 0)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 1)
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 0.5) < 0.000_02)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test(
        "The channel keeps as many decimals as the chip resolves",
        arguments: [("1", -5), ("8", -6)] as [(String, Int8)])
    func scale(gain: String, scale: Int8) throws {
        #expect(try MCP3421.entry.channels(.of(["gain": .text(gain)]))[0].scale == scale)
        #expect(DriverChannel.scale(below: 0.1) == -1 && DriverChannel.scale(below: 5) == 0)
        #expect(DriverChannel.scale(below: 1e-12) == -9)
    }
}
