import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x70)

@Suite("MaxSonar")
struct MaxSonarTests {
    @Test(
        "Golden vectors: centimetres with the high byte first, and both ends of the range marked",
        arguments: [
            ([0x00, 0xBB], 1.87, .good), ([0x02, 0xFC], 7.64, .good), ([0x01, 0x00], 2.56, .good),
            ([0x02, 0xFD], 7.65, .saturated), ([0x00, 0x14], 0.20, .saturated), ([0x00, 0x15], 0.21, .good),
        ] as [([UInt8], Double, Quality)])
    func golden(answer: [UInt8], metres: Double, quality: Quality) throws {
        var bus = ScriptedBus(device, [.write(0x51), .init(write: [], reply: .success(answer))])
        var driver = MaxSonar(device: device)
        var samples = Samples(capacity: 1)
        #expect(try driver.start(on: &bus) == .milliseconds(100))
        let wait = try driver.collect(from: &bus, into: &samples)
        #expect(wait == nil && samples.all == [Sample(channel: 0, .physical(metres), quality: quality)])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test(
        "What no ranging can give is refused: nothing, more than the farthest, the sign bit, all ones",
        arguments: [[0, 0], [0x02, 0xFE], [0x80, 0x14], [0xFF, 0xFF]] as [[UInt8]])
    func implausible(answer: [UInt8]) {
        #expect(throws: SensorFault.implausible) { _ = try MaxSonar.sample(Reply(answer)) }
    }

    @Test("What the simulated sensor is set to is measured to the centimetre, over the whole range and beyond")
    func roundTrip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMaxSonar()
        bus.attach(chip, at: device)
        var driver = MaxSonar(device: device)
        for centimetres in stride(from: 21, through: 764, by: 7) {
            chip.surroundings = { _ in Surroundings { $0.distanceMetres = Double(centimetres) / 100 + 0.003 } }
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples == [Sample(channel: 0, .physical(Double(centimetres) / 100))])
        }
        chip.surroundings = { _ in Surroundings { $0.distanceMetres = 12 } }
        #expect(try measure(&driver, on: &bus, clock).first?.quality == .saturated)
    }

    @Test("It does not listen while it ranges; a supply lost after the command is no distance")
    func busyAndBrownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMaxSonar()
        bus.attach(chip, at: device)
        var driver = MaxSonar(device: device)
        var samples = Samples(capacity: 1)
        _ = try driver.start(on: &bus)
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try driver.collect(from: &bus, into: &samples) }
        clock.pass(.milliseconds(100))
        _ = try driver.start(on: &bus)
        clock.pass(.milliseconds(50))
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(50))
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 0)
        #expect(physical(try measure(&driver, on: &bus, clock)) == [1.87])
    }
}
