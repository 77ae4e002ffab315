// TMP117, MCP9808, LM75 and MLX90614: temperature in registers.

import SimulatedWorld
import Testing
import World

@testable import Sensors

/// Measures every 7.3 °C of the range; the worst difference.
private func worst<D: BusDriver>(
    _ driver: D, _ device: BusDevice, _ range: ClosedRange<Double>, _ chip: any SimulatedChip,
    _ set: (@escaping (Boottime) -> Surroundings) -> Void
) throws -> Double {
    let clock = StillClock()
    var bus = SimulatedBus { clock.moment }
    bus.attach(chip, at: device)
    var driver = driver
    var worst = 0.0
    for celsius in stride(from: range.lowerBound, through: range.upperBound, by: 7.3) {
        let air = Surroundings { $0.celsius = celsius }
        set { _ in air }
        clock.pass(.seconds(1))
        worst = max(worst, abs(physical(try measure(&driver, on: &bus, clock))[0] - celsius))
    }
    return worst
}

@Suite("TMP117")
struct TMP117Tests {
    private let device = BusDevice(bus: 0, address: 0x48)

    @Test(
        "The datasheet's table of temperatures, above and below zero",
        arguments: [
            ([0xF3, 0x80], -25), ([0xFF, 0xF0], -0.125), ([0xFF, 0xFF], -0.0078125), ([0x00, 0x00], 0),
            ([0x00, 0x01], 0.0078125), ([0x00, 0x80], 1), ([0x0C, 0x80], 25), ([0x32, 0x00], 100),
        ] as [([UInt8], Double)])
    func golden(reply: [UInt8], celsius: Double) throws {
        let script: [ScriptedBus.Step] = [
            .read(0x0F, [0x11, 0x17]), .write(0x01, 0x0C, 0x20), .read(0x01, [0x24, 0x20]), .read(0x00, reply),
        ]
        var bus = ScriptedBus(device, script)
        var driver = TMP117(device: device)
        #expect(physical(try measure(&driver, on: &bus, StillClock())) == [celsius])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("What the simulated chip is set to is what the driver measures, to half a step")
    func roundTrip() throws {
        let chip = SimulatedTMP117()
        let worst = try worst(TMP117(device: device), device, -55...150, chip) { chip.surroundings = $0 }
        #expect(worst <= 0.0040)
    }

    @Test("Another chip is told by its id")
    func wrongChip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedTMP117()
        chip.id = 0x1116
        bus.attach(chip, at: device)
        var driver = TMP117(device: device)
        #expect(throws: SensorFault.wrongChip(found: 0x116, expected: 0x117)) { _ = try driver.start(on: &bus) }
    }

    @Test("A chip that lost its supply is noticed, whether it has measured since or not, and one that hangs")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedTMP117()
        bus.attach(chip, at: device)
        var driver = TMP117(device: device)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 1)
        let waits: [(Duration, SensorFault)] = [(.milliseconds(10), .notReady), (.milliseconds(200), .implausible)]
        for (wait, fault) in waits {
            _ = try driver.start(on: &bus)
            chip.powerCycle(at: clock.moment)
            clock.pass(wait)
            #expect(throws: fault) { _ = try driver.collect(from: &bus, into: &samples) }
            driver.forget()
        }
        #expect(try measure(&driver, on: &bus, clock).count == 1)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}

@Suite("MCP9808")
struct MCP9808Tests {
    private let device = BusDevice(bus: 0, address: 0x18)

    @Test(
        "Thirteen bits under three flags, above and below zero",
        arguments: [
            ([0xC1, 0x56], 21.375), ([0x01, 0x94], 25.25), ([0x3F, 0x3B], -12.3125), ([0x3F, 0xFF], -0.0625),
            ([0x00, 0x00], 0), ([0x07, 0xD0], 125), ([0x3D, 0x80], -40),
        ] as [([UInt8], Double)])
    func golden(reply: [UInt8], celsius: Double) { #expect(MCP9808.celsius(Reply(reply)) == celsius) }

    @Test("Set up once: ids, converting, finest resolution, the mark; then three reads a measurement")
    func transfers() throws {
        let measurement: [ScriptedBus.Step] = [
            .read(0x05, [0xC1, 0x56]), .read(0x01, [0, 0]), .read(0x02, [0x07, 0xD0]),
        ]
        let setUp: [ScriptedBus.Step] = [
            .read(0x06, [0x00, 0x54]), .read(0x07, [0x04, 0x01]), .write(0x01, 0, 0), .write(0x08, 3),
            .write(0x02, 0x07, 0xD0),
        ]
        var bus = ScriptedBus(device, setUp + measurement + measurement)
        var driver = MCP9808(device: device)
        for _ in 0..<2 { #expect(physical(try measure(&driver, on: &bus, StillClock())) == [21.375]) }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("What the simulated chip is set to is what the driver measures, to half a step")
    func roundTrip() throws {
        let chip = SimulatedMCP9808()
        let worst = try worst(MCP9808(device: device), device, -40...125, chip) { chip.surroundings = $0 }
        #expect(worst <= 0.03125)
    }

    @Test("Another maker and another chip of the same maker are told by their ids")
    func wrongChip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP9808()
        bus.attach(chip, at: device)
        var driver = MCP9808(device: device)
        chip.deviceID = 0x0201
        #expect(throws: SensorFault.wrongChip(found: 0x0201, expected: 0x0400)) { _ = try driver.start(on: &bus) }
        chip.manufacturerID = 0x104A
        #expect(throws: SensorFault.wrongChip(found: 0x104A, expected: 0x0054)) { _ = try driver.start(on: &bus) }
    }

    @Test("After a loss of supply the 0 °C of the reset is never told, nor any value until the chip is set up again")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP9808()
        bus.attach(chip, at: device)
        var driver = MCP9808(device: device)
        _ = try measure(&driver, on: &bus, clock)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        #expect(physical(try measure(&driver, on: &bus, clock)) == [21.375])
    }
}

@Suite("LM75")
struct LM75Tests {
    private let device = BusDevice(bus: 0, address: 0x48)

    @Test(
        "The datasheets' tables at each resolution, below zero too; undefined bits do not count",
        arguments: [
            ([0x7D, 0x00], 9, 125), ([0x19, 0x7F], 9, 25), ([0x00, 0x80], 9, 0.5), ([0xFF, 0xFF], 9, -0.5),
            ([0xE7, 0x00], 9, -25), ([0xC9, 0x7F], 9, -55), ([0x7E, 0xC0], 11, 126.75), ([0xFF, 0xE0], 11, -0.125),
            ([0xE6, 0xE0], 11, -25.125), ([0x7F, 0xF0], 12, 127.9375), ([0x00, 0x40], 12, 0.25),
            ([0xFF, 0xC0], 12, -0.25), ([0xE7, 0x00], 12, -25), ([0xF3, 0xB0], 10, -12.5),
        ] as [([UInt8], Int, Double)])
    func golden(reply: [UInt8], bits: Int, celsius: Double) {
        #expect(LM75.celsius(Reply(reply), bits: bits) == celsius)
    }

    @Test(
        "What the simulated chip is set to is what the driver measures, to half a step of each kind",
        arguments: [(SimulatedLM75.Kind.lm75, 9), (.nxpLM75B, 11), (.tmp75, 9), (.tmp75, 10), (.tmp75, 12)])
    func roundTrip(kind: SimulatedLM75.Kind, resolution: Int) throws {
        let chip = SimulatedLM75(kind)
        let worst = try worst(LM75(device: device, resolution: resolution), device, -55...125, chip) {
            chip.surroundings = $0
        }
        #expect(worst <= 0.5 / Double(1 << (resolution - 8)))
    }

    @Test("The resolution sets the channel's scale, and no other than 9 to 12 bits is taken")
    func scale() throws {
        let scales = try [9, 10, 11, 12].map { try LM75.entry.channels(.of(["resolution": .integer($0)]))[0].scale }
        #expect(scales == [-1, -2, -2, -2])
        guard case .integer(let range) = LM75.entry.parameters[0].kind else {
            Issue.record("resolution is no integer")
            return
        }
        #expect(range == 9...12)
    }

    @Test("A chip with control bits that do not hold what was written is no TMP75")
    func notThatKind() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedLM75(.lm75), at: device)
        var driver = LM75(device: device, resolution: 12)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("After a loss of supply the 0 °C of the reset is never told, nor any value until the chip is set up again")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedLM75()
        bus.attach(chip, at: device)
        var driver = LM75(device: device, resolution: 9)
        _ = try measure(&driver, on: &bus, clock)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        #expect(physical(try measure(&driver, on: &bus, clock)) == [21.5])
    }
}

@Suite("MLX90614")
struct MLX90614Tests {
    private let device = BusDevice(bus: 0, address: 0x5A)
    private let setUp: [ScriptedBus.Step] = [.read(0x24, [0xFF, 0xFF, 0xD6])]

    @Test("The datasheet's example, D2 3A with packet error code 30, is 28.01 °C")
    func datasheetExample() throws {
        let word = try MLX90614.word(Reply([0xD2, 0x3A, 0x30]), to: 0x07, at: 0x5A)
        #expect(word == 0x3AD2)
        #expect(abs(MLX90614.kelvin(word) - 301.16) < 1e-9)
    }

    @Test("Both temperatures, the object's below zero")
    func golden() throws {
        let script: [ScriptedBus.Step] = [.read(0x06, [0xC0, 0x39, 0x52]), .read(0x07, [0x10, 0x2F, 0x9C])]
        var bus = ScriptedBus(device, setUp + script)
        var driver = MLX90614(device: device, emissivity: nil)
        let values = physical(try measure(&driver, on: &bus, StillClock()))
        #expect(abs(values[0] - -32.19) < 1e-9)
        #expect(abs(values[1] - 22.53) < 1e-9)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Any flipped bit, another command and another address are refused by the packet error code")
    func checksum() {
        for bit in 0..<24 {
            var reply: [UInt8] = [0xD2, 0x3A, 0x30]
            reply[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SensorFault.checksum) { _ = try MLX90614.word(Reply(reply), to: 0x07, at: 0x5A) }
        }
        let reply = Reply([0xD2, 0x3A, 0x30])
        #expect(throws: SensorFault.checksum) { _ = try MLX90614.word(reply, to: 0x06, at: 0x5A) }
        #expect(throws: SensorFault.checksum) { _ = try MLX90614.word(reply, to: 0x07, at: 0x5B) }
    }

    @Test("What the simulated chip is set to is what the driver measures, to half a step")
    func roundTrip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMLX90614()
        bus.attach(chip, at: device)
        var driver = MLX90614(device: device, emissivity: nil)
        for celsius in stride(from: -40.0, through: 85, by: 12.7) {
            for object in stride(from: -70.0, through: 380, by: 29.3) {
                let around = Surroundings { ($0.celsius, $0.objectCelsius) = (celsius, object) }
                chip.surroundings = { _ in around }
                let values = physical(try measure(&driver, on: &bus, clock))
                #expect(abs(values[0] - object) <= 0.0101)
                #expect(abs(values[1] - celsius) <= 0.0101)
            }
        }
    }

    @Test("A chip that reckons with another emissivity than the object has is put right", arguments: [1, 0.95, 0.7])
    func emissivity(stored: Double) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMLX90614()
        chip.emissivity = stored
        bus.attach(chip, at: device)
        // The simulated chip looks at a black body.
        var driver = MLX90614(device: device, emissivity: 1)
        let values = physical(try measure(&driver, on: &bus, clock))
        #expect(abs(values[0] - 37.2) < 0.02)
        var uncorrected = MLX90614(device: device, emissivity: nil)
        let raw = physical(try measure(&uncorrected, on: &bus, clock))[0]
        #expect(stored == 1 ? abs(raw - 37.2) < 0.02 : raw > 37.5)
    }

    @Test("A surface of emissivity 0.9 at 10 °C that seems 11 °C under a chip at 20 °C is worked out")
    func correction() throws {
        // (284.15^4 - 293.15^4) / 0.9 + 293.15^4 is 283.0956^4.
        let corrected = try #require(MLX90614.corrected(object: 284.15, ambient: 293.15, by: 1 / 0.9))
        #expect(abs(corrected - 283.0956) < 0.0001)
        #expect(MLX90614.corrected(object: 100, ambient: 293.15, by: 10) == nil)
    }

    @Test("Values that the chip marks, and those of a chip that is starting, are not told; its own start is waited for")
    func faults() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMLX90614()
        bus.attach(chip, at: device)
        var driver = MLX90614(device: device, emissivity: nil)
        chip.isFailing = true
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        chip.isFailing = false
        _ = try measure(&driver, on: &bus, clock)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        #expect(try measure(&driver, on: &bus, clock).count == 2)
    }
}
