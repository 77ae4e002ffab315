import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x29)

@Suite("TSL2591")
struct TSL2591Tests {
    private let clock = StillClock()
    private let chip = SimulatedTSL2591()

    private func bus(lux: Double) -> SimulatedBus {
        chip.surroundings = { _ in Surroundings { $0.lux = lux } }
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test(
        "Golden vectors by the examples' sum; the highest bit is no sign",
        arguments: [
            (0, 0x8000, 0x2000, 75_202.56), (1, 0x2DF0, 0x0B7C, 539.784), (1, 0xC000, 0x4000, 1_782.579),
            (2, 0x0011, 0x0004, 0.0254), (2, 0x0000, 0x0000, 0), (2, 0x0002, 0x0003, 0), (2, 0x0003, 0x0003, 0),
        ] as [(Int, UInt16, UInt16, Double)])
    func golden(range: Int, all: UInt16, infrared: UInt16, lux: Double) {
        #expect(abs(TSL2591.Range.all[range].lux(all: all, infrared: infrared) - lux) < 0.01)
    }

    @Test("Id, stop, gain and time, start; then the flag, one burst, and to sleep")
    func script() throws {
        var bus = ScriptedBus(
            device,
            [
                .read(0xB2, [0x50]), .write(0xA0, 0x01), .write(0xA1, 0x11), .write(0xA0, 0x03), .read(0xB3, [0x01]),
                .read(0xB4, [0xF0, 0x2D, 0x7C, 0x0B]), .write(0xA0, 0x00),
            ])
        var driver = TSL2591(device: device)
        var samples = Samples(capacity: 1)
        #expect(try driver.start(on: &bus) == .milliseconds(215))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[0] - 539.784) < 0.001)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("From dusk to sunshine, under daylight and lamps, it measures what falls on it", arguments: [0.1, 0.25, 0.5])
    func range(infrared: Double) throws {
        chip.infraredShare = infrared
        var driver = TSL2591(device: device)
        for lux in [0.0, 0.05, 1, 30, 100, 540, 2_000, 20_000, 36_000, 500, 0.3] {
            var bus = bus(lux: lux)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.map(\.quality) == [.good])
            // Two counts of the coarsest range that serves the value.
            let count = lux > 500 ? 408.0 / 100 : lux > 10 ? 408.0 / 5_000 : 408.0 / 160_000
            #expect(abs(physical(samples)[0] - lux) <= 2 * count, "\(lux) lx")
        }
    }

    @Test("When either diode's converter is full in the brightest range the value is told to be saturated")
    func saturated() throws {
        var driver = TSL2591(device: device)
        var bus = bus(lux: 100_000)
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.saturated])
    }

    @Test("Another chip is told by its id")
    func wrongChip() throws {
        var bus = bus(lux: 540)
        chip.id = 0x44
        var driver = TSL2591(device: device)
        #expect(throws: SensorFault.wrongChip(found: 0x44, expected: 0x50)) {
            _ = try driver.start(on: &bus)
        }
    }

    @Test("A supply that failed during the integration is told as not ready, and the next measurement is right")
    func brownOut() throws {
        var bus = bus(lux: 540)
        var driver = TSL2591(device: device)
        _ = try measure(&driver, on: &bus, clock)
        let wait = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(wait)
        var samples = Samples(capacity: 1)
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 540) < 0.2)
    }

    @Test("A chip that never finishes is not ready, never an old value")
    func hung() throws {
        var bus = bus(lux: 540)
        var driver = TSL2591(device: device)
        _ = try measure(&driver, on: &bus, clock)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}
