// SHT3x, SHT4x, AHT20 and Si7021: temperature and humidity by command and checksum.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private func read(_ reply: [UInt8]) -> ScriptedBus.Step { .init(write: [], reply: .success(reply)) }
private func command(_ bytes: UInt8...) -> ScriptedBus.Step { .init(write: bytes, reply: .success([])) }

/// Measures everything between the ends of the range, each 10 °C and 10 %RH; the worst differences.
private func worst<D: BusDriver>(
    _ driver: D, _ device: BusDevice, celsius range: ClosedRange<Double>, _ chip: any SimulatedChip,
    _ set: (@escaping (Boottime) -> Surroundings) -> Void
) throws -> (celsius: Double, percent: Double) {
    let clock = StillClock()
    var bus = SimulatedBus { clock.moment }
    bus.attach(chip, at: device)
    var driver = driver
    var worst = (celsius: 0.0, percent: 0.0)
    for celsius in stride(from: range.lowerBound, through: range.upperBound, by: 9.7) {
        for percent in stride(from: 0.0, through: 100, by: 9.1) {
            let air = Surroundings { ($0.celsius, $0.percent) = (celsius, percent) }
            set { _ in air }
            let values = physical(try measure(&driver, on: &bus, clock))
            worst.celsius = max(worst.celsius, abs(values[0] - celsius))
            worst.percent = max(worst.percent, abs(values[1] - percent))
            clock.pass(.seconds(1))
        }
    }
    return worst
}

@Suite("SHT3x")
struct SHT3xTests {
    private let device = BusDevice(bus: 0, address: 0x44)
    private let setUp: [ScriptedBus.Step] = [command(0x30, 0x93), command(0x30, 0x66)]

    @Test("The datasheet's checksum example, BE EF 92, is 85.523 °C and 74.585 %RH, set up once, one command each")
    func datasheetExample() throws {
        let reply: [UInt8] = [0xBE, 0xEF, 0x92, 0xBE, 0xEF, 0x92]
        let one = [command(0x24, 0x00), read(reply)]
        var bus = ScriptedBus(device, setUp + one + one)
        var driver = SHT3x(device: device)
        for _ in 0..<2 {
            let values = physical(try measure(&driver, on: &bus, StillClock()))
            #expect(abs(values[0] - 85.523) < 0.001)
            #expect(abs(values[1] - 74.585) < 0.001)
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Below zero, and the ends of the word, where the temperature is saturated")
    func golden() throws {
        let cold = try SHT3x.Raw(Reply([0x2F, 0xD6, 0x66, 0xE8, 0xF5, 0xB7]))
        #expect(abs(cold.celsius - -12.2992) < 0.0001)
        #expect(abs(cold.percent - 91.0002) < 0.0001)
        var bus = ScriptedBus(
            device, setUp + [command(0x24, 0x00), read([0x00, 0x00, 0x81, 0xFF, 0xFF, 0xAC])])
        var driver = SHT3x(device: device)
        let samples = try measure(&driver, on: &bus, StillClock())
        #expect(samples.map(\.quality) == [.saturated, .good])
        #expect(physical(samples) == [-45, 100])
    }

    @Test("Each of the 48 bits of an answer that flips is refused as a wrong checksum", arguments: 0..<48)
    func flippedBit(bit: Int) {
        var reply: [UInt8] = [0xBE, 0xEF, 0x92, 0xBE, 0xEF, 0x92]
        reply[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: SensorFault.checksum) { _ = try SHT3x.Raw(Reply(reply)) }
    }

    @Test("What the simulated chip is set to is what the driver measures, to the chip's resolution")
    func roundTrip() throws {
        let chip = SimulatedSHT3x()
        let worst = try worst(SHT3x(device: device), device, celsius: -40...125, chip) { chip.surroundings = $0 }
        #expect(worst.celsius < 0.002 && worst.percent < 0.001)
    }

    @Test("A periodic measurement and a heater that another program left on are ended first")
    func leftOver() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSHT3x()
        bus.attach(chip, at: device)
        try bus.send(command: 0x306D, to: device)
        try bus.send(command: 0x2130, to: device)
        clock.pass(.seconds(3))
        var driver = SHT3x(device: device)
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 21.4) < 0.002)
    }

    @Test("A chip that lost its supply after the command, or never finishes, is not ready; then it is measured anew")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSHT3x()
        bus.attach(chip, at: device)
        var driver = SHT3x(device: device)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 2)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        clock.pass(.milliseconds(2))
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}

@Suite("SHT4x")
struct SHT4xTests {
    private let device = BusDevice(bus: 0, address: 0x44)

    @Test("The checksum example BE EF 92 is 85.523 °C and 87.231 %RH; reset once, then one command each")
    func datasheetExample() throws {
        let one = [command(0xFD), read([0xBE, 0xEF, 0x92, 0xBE, 0xEF, 0x92])]
        var bus = ScriptedBus(device, [command(0x94)] + one + one)
        var driver = SHT4x(device: device)
        for _ in 0..<2 {
            let values = physical(try measure(&driver, on: &bus, StillClock()))
            #expect(abs(values[0] - 85.523) < 0.001)
            #expect(abs(values[1] - 87.231) < 0.001)
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Below zero, and humidity cut at 0 and 100 where the line goes beyond")
    func golden() throws {
        let cold = try SHT4x.Raw(Reply([0x2F, 0xD6, 0x66, 0xE8, 0xF5, 0xB7]))
        #expect(abs(cold.celsius - -12.2992) < 0.0001)
        #expect(cold.percent == 100 && !cold.isAtAnEnd)
        let middle = try SHT4x.Raw(Reply([0x66, 0x66, 0x93, 0x80, 0x00, 0xA2]))
        #expect(abs(middle.celsius - 25) < 0.0001)
        #expect(abs(middle.percent - 56.501) < 0.0001)
        let low = try SHT4x.Raw(Reply([0x00, 0x00, 0x81, 0x00, 0x00, 0x81]))
        #expect(low.percent == 0 && low.isAtAnEnd)
    }

    @Test("Each of the 48 bits of an answer that flips is refused as a wrong checksum", arguments: 0..<48)
    func flippedBit(bit: Int) {
        var reply: [UInt8] = [0x2F, 0xD6, 0x66, 0xE8, 0xF5, 0xB7]
        reply[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: SensorFault.checksum) { _ = try SHT4x.Raw(Reply(reply)) }
    }

    @Test("What the simulated chip is set to is what the driver measures, to the chip's resolution")
    func roundTrip() throws {
        let chip = SimulatedSHT4x()
        let worst = try worst(SHT4x(device: device), device, celsius: -40...125, chip) { chip.surroundings = $0 }
        #expect(worst.celsius < 0.002 && worst.percent < 0.001)
    }

    @Test("A chip that lost its supply after the command, or never finishes, is not ready; then it is measured anew")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSHT4x()
        bus.attach(chip, at: device)
        var driver = SHT4x(device: device)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 2)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(1))
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}

@Suite("AHT20")
struct AHT20Tests {
    private let device = BusDevice(bus: 0, address: 0x38)

    @Test(
        "An answer that a chip gave, and one below zero with the highest bit set",
        arguments: [
            ([0x1C, 0x3B, 0x5E, 0x86, 0x88, 0xB2, 0xD2], 31.674576, 23.191071),
            ([0x1C, 0xE8, 0xF5, 0xC2, 0xFF, 0x3B, 0x25], -12.537575, 90.999985),
        ] as [([UInt8], Double, Double)])
    func golden(reply: [UInt8], celsius: Double, percent: Double) throws {
        var bus = ScriptedBus(device, [.read(0x71, [0x18]), command(0xAC, 0x33, 0x00), read(reply)])
        var driver = AHT20(device: device)
        let values = physical(try measure(&driver, on: &bus, StillClock()))
        #expect(abs(values[0] - celsius) < 0.000_01)
        #expect(abs(values[1] - percent) < 0.000_01)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("A wrong checksum is refused, in the status as in the values", arguments: 0..<56)
    func flippedBit(bit: Int) throws {
        var reply: [UInt8] = [0x1C, 0x3B, 0x5E, 0x86, 0x88, 0xB2, 0xD2]
        reply[bit / 8] ^= 1 << UInt8(bit % 8)
        if bit == 7 {
            // The busy bit: not ready, and no checksum yet.
            #expect(try AHT20.Raw(Reply(reply)) == nil)
        } else {
            #expect(throws: SensorFault.checksum) { _ = try AHT20.Raw(Reply(reply)) }
        }
    }

    @Test("What the simulated chip is set to is what the driver measures, to the chip's resolution")
    func roundTrip() throws {
        let chip = SimulatedAHT20()
        let worst = try worst(AHT20(device: device), device, celsius: -40...85, chip) { chip.surroundings = $0 }
        #expect(worst.celsius < 0.000_2 && worst.percent < 0.000_1)
    }

    @Test("A chip without its calibration is given it; one that cannot load it has a fault of its own")
    func calibration() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedAHT20()
        bus.attach(chip, at: device)
        chip.loadsItself = false
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(40))
        var driver = AHT20(device: device)
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isBroken = true
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(40))
        driver.forget()
        #expect(throws: SensorFault.deviceFault(code: 0x10)) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A slow chip is waited for once more, one that stays busy is not ready")
    func slow() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedAHT20()
        bus.attach(chip, at: device)
        chip.convertingTime = .milliseconds(95)
        var driver = AHT20(device: device)
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A chip that lost its supply after the command gives no value")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedAHT20()
        bus.attach(chip, at: device)
        var driver = AHT20(device: device)
        var samples = Samples(capacity: 2)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(40))
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 2)
    }
}

@Suite("Si7021")
struct Si7021Tests {
    private let device = BusDevice(bus: 0, address: 0x40)
    private let setUp: [ScriptedBus.Step] = [
        .init(write: [0xFC, 0xC9], reply: .success([0x15, 0xFF, 0xB5, 0xFF, 0xFF, 0xCB])), .read(0xE7, [0x3A]),
    ]

    @Test("Two conversions, each with its checksum; below zero")
    func golden() throws {
        let script = [command(0xF5), read([0x4E, 0x85, 0x6B]), command(0xF3), read([0x2C, 0x00, 0x68])]
        var bus = ScriptedBus(device, setUp + script)
        var driver = Si7021(device: device)
        let values = physical(try measure(&driver, on: &bus, StillClock()))
        #expect(abs(values[0] - -16.6481) < 0.0001)
        #expect(abs(values[1] - 32.3396) < 0.0001)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Humidity is cut at 0 and 100, and a flipped bit is refused")
    func ends() throws {
        #expect(Si7021.percent(0) == 0 && Si7021.percent(0xFFFE) == 100)
        for bit in 0..<24 {
            var reply: [UInt8] = [0x68, 0x3A, 0x7C]
            #expect(try Si7021.word(Reply(reply)) == 0x683A)
            reply[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SensorFault.checksum) { _ = try Si7021.word(Reply(reply)) }
        }
    }

    @Test("What the simulated chip is set to is what the driver measures, to 12 and 14 bits")
    func roundTrip() throws {
        let chip = SimulatedSi7021()
        let worst = try worst(Si7021(device: device), device, celsius: -40...125, chip) { chip.surroundings = $0 }
        #expect(worst.celsius < 0.011 && worst.percent < 0.031)
    }

    @Test("Another chip is told by its id, a low supply by its flag")
    func wrongChip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSi7021()
        bus.attach(chip, at: device)
        chip.id = 0x32
        var driver = Si7021(device: device)
        #expect(throws: SensorFault.wrongChip(found: 0x32, expected: 0x15)) { _ = try driver.start(on: &bus) }
        chip.id = 0x14
        chip.isSupplyLow = true
        #expect(throws: SensorFault.deviceFault(code: 0x7A)) { _ = try driver.start(on: &bus) }
        chip.isSupplyLow = false
        #expect(try measure(&driver, on: &bus, clock).count == 2)
    }

    @Test("A heater and a coarse resolution that another program left are put back")
    func leftOver() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedSi7021(), at: device)
        try bus.send(0xE6, 0xBF, to: device)
        var driver = Si7021(device: device)
        let values = physical(try measure(&driver, on: &bus, clock))
        #expect(abs(values[0] - 21.4) < 0.011)
        #expect(abs(values[1] - 48) < 0.031)
        #expect(try bus.receive(1, register: 0xE7, of: device)[0] == 0x3A)
    }

    @Test("A chip that lost its supply after a command, or never finishes, is not ready; then it is measured anew")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSi7021()
        bus.attach(chip, at: device)
        var driver = Si7021(device: device)
        var samples = Samples(capacity: 2)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(15))
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}
