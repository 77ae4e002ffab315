// SPS30, SEN5x and PMSA003I: particles.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private let sensirion = BusDevice(bus: 0, address: 0x69)
private let plantower = BusDevice(bus: 0, address: 0x12)

private let dusty = Surroundings {
    ($0.pm1, $0.pm2_5, $0.pm4, $0.pm10) = (41.5, 77.25, 90.5, 104.75)
    ($0.celsius, $0.percent, $0.vocIndex, $0.noxIndex) = (-8.4, 91.23, 312, 7)
}

@Suite("SPS30")
struct SPS30Tests {
    /// 1.5, 2.25, 2.5, 2.625 µg/m³; counts; 0.625 µm.
    private let values: [UInt8] = [
        0x3F, 0xC0, 0xED, 0x00, 0x00, 0x81, 0x40, 0x10, 0x4B, 0x00, 0x00, 0x81, 0x40, 0x20, 0x8E, 0x00, 0x00, 0x81,
        0x40,
        0x28, 0x37, 0x00, 0x00, 0x81, 0x41, 0x18, 0x06, 0x00, 0x00, 0x81, 0x41, 0x30, 0x39, 0x00, 0x00, 0x81, 0x41,
        0x34,
        0xFD, 0x00, 0x00, 0x81, 0x41, 0x35, 0xCC, 0x00, 0x00, 0x81, 0x41, 0x38, 0x80, 0x00, 0x00, 0x81, 0x3F, 0x20,
        0x2C,
        0x00, 0x00, 0x81,
    ]

    @Test("Ten numbers in single precision: the first four are the masses")
    func decode() throws {
        #expect(try SPS30.decode(Reply(values)) == SIMD4(1.5, 2.25, 2.5, 2.625))
        var negative = values
        (negative[0], negative[1], negative[2]) = (0xBF, 0xC0, 0xCE)
        #expect(try SPS30.decode(Reply(negative))[0] == -1.5)
    }

    @Test("A flipped bit anywhere is refused, in the counts too", arguments: 0..<60)
    func flipped(byte: Int) {
        var bytes = values
        bytes[byte] ^= 0x01
        #expect(throws: SensorFault.checksum) { _ = try SPS30.decode(Reply(bytes)) }
    }

    @Test("The data sheet's product type is told from another")
    func product() throws {
        let reply = Reply([0x30, 0x30, 0xF6, 0x30, 0x38, 0x4F, 0x30, 0x30, 0xF6, 0x30, 0x30, 0xF6])
        #expect(try SPS30.product(reply) == 0x0008_0000)
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30()
        chip.productType = "00090001"
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        let fault = SensorFault.wrongChip(found: 0x0009_0001, expected: 0x0008_0000)
        #expect(throws: fault) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("What is in the air comes out, in single precision", arguments: [0x0202, 0x0201] as [UInt16])
    func agreement(firmware: UInt16) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30(surroundings: { _ in dusty })
        chip.firmware = firmware
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        for _ in 0..<3 {
            #expect(physical(try measure(&driver, on: &bus, clock)) == [41.5, 77.25, 90.5, 104.75])
            clock.pass(.seconds(10))
        }
    }

    @Test(
        "A fan or a laser in error is a device fault with the chip's code, while it lasts",
        arguments: [SPS30.Status.fan, SPS30.Status.laser])
    func error(bit: UInt32) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30()
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        _ = try measure(&driver, on: &bus, clock)
        chip.defects = bit
        clock.pass(.seconds(10))
        for _ in 0..<3 {
            #expect(throws: SensorFault.deviceFault(code: bit)) { _ = try measure(&driver, on: &bus, clock) }
            clock.pass(.seconds(10))
        }
        chip.defects = 0
        #expect(try measure(&driver, on: &bus, clock).allSatisfy { $0.quality == .good })
    }

    @Test("A fan at the wrong speed makes estimates")
    func speed() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30()
        chip.defects = SPS30.Status.fanSpeed
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        #expect(
            try measure(&driver, on: &bus, clock).map(\.quality) == [.estimated, .estimated, .estimated, .estimated])
    }

    @Test("A cleaning of the fan is waited for; a lost supply is noticed, and the sensor is started again")
    func waiting() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30(surroundings: { _ in dusty })
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        _ = try measure(&driver, on: &bus, clock)
        try bus.write([0x56, 0x07], to: sensirion)
        #expect(try measure(&driver, on: &bus, clock).count == 4)
        chip.powerCycle(at: clock.moment)
        clock.pass(.seconds(1))
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        #expect(physical(try measure(&driver, on: &bus, clock)) == [41.5, 77.25, 90.5, 104.75])
        chip.isHung = true
        clock.pass(.seconds(5))
        _ = try? measure(&driver, on: &bus, clock)
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A sensor whose weekly cleaning was switched off has it switched on")
    func cleaning() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSPS30()
        chip.setCleaningSeconds(0)
        bus.attach(chip, at: sensirion)
        var driver = SPS30(device: sensirion)
        _ = try measure(&driver, on: &bus, clock)
        #expect(chip.cleaningSeconds == 604_800)
    }
}

@Suite("SEN5x")
struct SEN5xTests {
    /// 5.2, 8.1, 9.5, 11 µg/m³; 48.34 %RH; -12.3 degrees; 100; 1.
    private let values: [UInt8] = [
        0x00, 0x34, 0x80, 0x00, 0x51, 0xCE, 0x00, 0x5F, 0xD1, 0x00, 0x6E, 0x25, 0x12, 0xE2, 0x95, 0xF6, 0x64, 0xBC,
        0x03,
        0xE8, 0xD4, 0x00, 0x0A, 0x5A,
    ]

    @Test("Words become values by their own divisors, with their signs; what is unknown has none")
    func decode() throws {
        let reply = Reply(values)
        let expected = [5.2, 8.1, 9.5, 11, 48.34, -12.3, 100, 1]
        for (index, value) in expected.enumerated() { #expect(try SEN5x.value(index, reply) == value) }
        let unknown = Reply([
            0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC, 0x7F, 0xFF, 0x8F, 0x7F, 0xFF, 0x8F,
            0x7F, 0xFF, 0x8F, 0x7F, 0xFF, 0x8F,
        ])
        for index in 0..<8 { #expect(try SEN5x.value(index, unknown) == nil) }
        // All ones everywhere is unknown everywhere; beside a humidity it is a temperature just below zero.
        let ones = Reply([UInt8](repeating: 0, count: 8).flatMap { _ in [0xFF, 0xFF, 0xAC] as [UInt8] })
        for index in 0..<8 { #expect(try SEN5x.value(index, ones) == nil) }
        var frost = values
        (frost[15], frost[16], frost[17]) = (0xFF, 0xFF, 0xAC)
        #expect(try SEN5x.value(5, Reply(frost)) == -0.005)
    }

    @Test("A flipped bit in any word is refused, of a channel that the model lacks too", arguments: [0, 8, 13, 23])
    func flipped(byte: Int) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedSEN5x(), at: sensirion)
        var driver = SEN5x(device: sensirion, model: .sen50)
        let chip = try #require(bus.chip(at: sensirion) as? SimulatedSEN5x)
        chip.productName = "SEN50"
        _ = try measure(&driver, on: &bus, clock)
        var asked = 0
        bus.trouble = { _, _ in
            asked += 1
            // The read of the values is the sixth transfer of a measurement.
            return asked == 6 ? .flippedBit(byte: byte, bit: 3) : nil
        }
        clock.pass(.seconds(10))
        #expect(throws: SensorFault.checksum) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test(
        "Each model has its channels, and another one in its place is told by its name",
        arguments: [("sen50", 4), ("sen54", 7), ("sen55", 8)])
    func models(name: String, count: Int) throws {
        let settings = DriverSettings.of(["model": .text(name)], device: sensirion)
        #expect(try SEN5x.entry.channels(settings).count == count)
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSEN5x(surroundings: { _ in dusty })
        bus.attach(chip, at: sensirion)
        guard case .bus(let made) = try SEN5x.entry.make(settings), var driver = made as? SEN5x else { return }
        chip.productName = name == "sen54" ? "SEN50" : "SEN54"
        if name != "sen54" {
            let expected: UInt32 = name == "sen50" ? 0x50 : 0x55
            #expect(throws: SensorFault.wrongChip(found: 0x54, expected: expected)) {
                _ = try measure(&driver, on: &bus, clock)
            }
        }
        chip.productName = name.uppercased()
        _ = try measure(&driver, on: &bus, clock)
        clock.pass(.seconds(10))
        let samples = try measure(&driver, on: &bus, clock)
        #expect(samples.allSatisfy { $0.quality == .good })
        let expected = [41.5, 77.3, 90.5, 104.8, 91.23, -8.4, 312, 7]
        #expect(zip(physical(samples), expected).allSatisfy { abs($0 - $1) < 0.051 } && samples.count == count)
    }

    @Test("Another maker's name is the wrong chip")
    func otherName() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSEN5x()
        chip.productName = "ABCD"
        bus.attach(chip, at: sensirion)
        var driver = SEN5x(device: sensirion, model: .sen55)
        #expect(throws: SensorFault.wrongChip(found: 0x4142_4344, expected: 0x55)) {
            _ = try measure(&driver, on: &bus, clock)
        }
    }

    @Test("NOx is not available for the first seconds, all else is")
    func early() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedSEN5x(), at: sensirion)
        var driver = SEN5x(device: sensirion, model: .sen55)
        let first = try measure(&driver, on: &bus, clock).map(\.quality)
        #expect(first == [Quality](repeating: .good, count: 7) + [.notAvailable])
        clock.pass(.seconds(10))
        #expect(try measure(&driver, on: &bus, clock).last?.quality == .good)
    }

    @Test("A fault on the wires does not stop the module, whose indices learn for hours; a lost supply starts it")
    func gentle() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSEN5x()
        bus.attach(chip, at: sensirion)
        var driver = SEN5x(device: sensirion, model: .sen55)
        for _ in 0..<5 {
            _ = try measure(&driver, on: &bus, clock)
            bus.fail(sensirion, with: .fault(.noAcknowledge))
            #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try measure(&driver, on: &bus, clock) }
            clock.pass(.seconds(10))
        }
        #expect(try measure(&driver, on: &bus, clock).count == 8)
        #expect(chip.starts == 1)
        chip.powerCycle(at: clock.moment)
        clock.pass(.seconds(1))
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        #expect(try measure(&driver, on: &bus, clock).count == 8)
        #expect(chip.starts == 2)
    }

    @Test(
        "An error of its own is a device fault with the module's code while it lasts, and does not flicker",
        arguments: [4, 5, 6, 7] as [UInt32])
    func error(bit: UInt32) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSEN5x()
        bus.attach(chip, at: sensirion)
        var driver = SEN5x(device: sensirion, model: .sen55)
        _ = try measure(&driver, on: &bus, clock)
        chip.defects = 1 << bit
        clock.pass(.seconds(10))
        for _ in 0..<4 {
            #expect(throws: SensorFault.deviceFault(code: 1 << bit)) { _ = try measure(&driver, on: &bus, clock) }
            clock.pass(.seconds(1))
        }
        chip.defects = SEN5x.Status.fanSpeed
        let qualities = try measure(&driver, on: &bus, clock).map(\.quality)
        #expect(qualities == [Quality](repeating: .estimated, count: 4) + [Quality](repeating: .good, count: 4))
    }
}

@Suite("PMSA003I")
struct PMSA003ITests {
    private func frame(_ words: [UInt16], error: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = [0x42, 0x4D, 0x00, 0x1C]
        for word in words { bytes += [UInt8(word >> 8), UInt8(word & 0xFF)] }
        bytes += [0x97, error]
        let sum = bytes.reduce(0) { $0 + Int($1) }
        return bytes + [UInt8(sum >> 8), UInt8(sum & 0xFF)]
    }
    /// Masses of "standard particles", masses in the air with the highest bit set in one, counts.
    private let words: [UInt16] = [12, 30, 40, 11, 27, 0x8001, 2_000, 700, 90, 20, 4, 1]

    @Test("The masses are those in the air, from their own words")
    func decode() throws {
        let masses = try PMSA003I.decode(Reply(frame(words)))
        #expect(masses == (11, 27, 32_769))
    }

    @Test("A flipped bit anywhere is refused", arguments: 0..<32)
    func flipped(byte: Int) {
        var bytes = frame(words)
        bytes[byte] ^= 0x10
        #expect(throws: byte < 4 ? SensorFault.implausible : .checksum) { _ = try PMSA003I.decode(Reply(bytes)) }
    }

    @Test("The error byte is a device fault; a frame without one particle is not ready")
    func faults() {
        #expect(throws: SensorFault.deviceFault(code: 0x80)) {
            _ = try PMSA003I.decode(Reply(frame(words, error: 0x80)))
        }
        #expect(throws: SensorFault.notReady) {
            _ = try PMSA003I.decode(Reply(frame([UInt16](repeating: 0, count: 12))))
        }
    }

    @Test("What is in the air comes out in whole micrograms, also after a lost supply")
    func agreement() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedPMSA003I(surroundings: { _ in dusty })
        bus.attach(chip, at: plantower)
        var driver = PMSA003I(device: plantower)
        #expect(physical(try measure(&driver, on: &bus, clock)) == [42, 77, 105])
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        clock.pass(.seconds(3))
        #expect(physical(try measure(&driver, on: &bus, clock)) == [42, 77, 105])
    }
}
