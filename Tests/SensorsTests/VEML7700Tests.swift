import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x10)

@Suite("VEML7700")
struct VEML7700Tests {
    private let clock = StillClock()
    private let chip = SimulatedVEML7700()

    private func bus(lux: Double) -> SimulatedBus {
        chip.surroundings = { _ in Surroundings { $0.lux = lux } }
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test(
        "Golden vectors: the resolution table of the application note, and its polynomial at gain 1/8",
        arguments: [
            (0, 1, 2.1558), (0, 0x2000, 49_510.146), (1, 0x8000, 49_510.146), (1, 1_004, 563.306), (2, 0x8000, 1_101.0),
            (2, 1_000, 33.6), (3, 0x8000, 137.6256), (3, 1, 0.0042),
        ] as [(Int, UInt16, Double)])
    func golden(range: Int, counts: UInt16, lux: Double) {
        #expect(abs(VEML7700.Range.all[range].lux(counts) - lux) < max(lux * 1e-4, 1e-4))
    }

    @Test("Shut down, configured, started; the data counts only if the configuration is still there")
    func script() throws {
        let setUp: [ScriptedBus.Step] = [
            .read(0x07, [0x81, 0xC4]), .write(0x00, 0x01, 0x10), .write(0x03, 0x00, 0x00), .write(0x00, 0x00, 0x10),
        ]
        var bus = ScriptedBus(
            device, setUp + [.read(0x04, [0xB4, 0x04]), .read(0x00, [0x00, 0x10]), .write(0x00, 0x01, 0x00)])
        var driver = VEML7700(device: device)
        var samples = Samples(capacity: 1)
        #expect(try driver.start(on: &bus) == .milliseconds(203))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[0] - 680.458) < 0.01)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("From night to sunshine it measures what falls on it, to a count of the range")
    func range() throws {
        var driver = VEML7700(device: device)
        let steps: [(lux: Double, count: Double)] = [
            (0, 0.0042), (0.5, 0.0042), (20, 0.04), (90, 0.6), (540, 0.7), (5_000, 0.9), (12_000, 5), (100_000, 30),
            (139_000, 30), (600, 0.7), (0.02, 0.0042),
        ]
        for step in steps {
            var bus = bus(lux: step.lux)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.map(\.quality) == [.good])
            #expect(abs(physical(samples)[0] - step.lux) <= step.count, "\(step.lux) lx")
        }
    }

    @Test("Beyond 140 klx the value is told to be saturated")
    func saturated() throws {
        var bus = bus(lux: 160_000)
        var driver = VEML7700(device: device)
        let samples = try measure(&driver, on: &bus, clock)
        #expect(samples.map(\.quality) == [.saturated])
        #expect(abs(physical(samples)[0] - 140_008.5) < 0.1)
    }

    @Test("Another chip is told by its id")
    func wrongChip() throws {
        var bus = bus(lux: 540)
        chip.id = 0x0026
        var driver = VEML7700(device: device)
        #expect(throws: SensorFault.wrongChip(found: 0x26, expected: 0x81)) { _ = try driver.start(on: &bus) }
    }

    @Test("A supply that failed during the integration is noticed by the configuration, never an old value")
    func brownOut() throws {
        var bus = bus(lux: 540)
        var driver = VEML7700(device: device)
        _ = try measure(&driver, on: &bus, clock)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 1)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 540) < 0.7)
    }
}
