import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x53)

@Suite("LTR-390UV-01")
struct LTR390Tests {
    private let clock = StillClock()
    private let chip = SimulatedLTR390()

    private func bus(lux: Double, uvIndex: Double = 3.2) -> SimulatedBus {
        chip.surroundings = { _ in Surroundings { ($0.lux, $0.uvIndex) = (lux, uvIndex) } }
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("Golden vectors: 2300 counts are one unit of the index, and the highest of the 20 bits is no sign")
    func golden() {
        #expect(LTR390.ultravioletIndex(2_300) == 1)
        #expect(abs(LTR390.ultravioletIndex(0x8_0000) - 227.951) < 0.001)
        #expect(LTR390.lux(0x8_0000, gain: 1) == 78_643.2)
        #expect(LTR390.lux(0xF_FFFF, gain: 1) == 157_286.25)
        #expect(abs(LTR390.lux(1, gain: 18) - 0.008_333) < 1e-6)
    }

    @Test("Light and UV are two conversions, each set up whole, and then the chip stands by")
    func script() throws {
        var bus = ScriptedBus(
            device,
            [
                .read(0x06, [0xB2]), .write(0x00, 0x00), .write(0x04, 0x04), .write(0x05, 0x00), .read(0x07, [0x20]),
                .write(0x00, 0x02), .read(0x07, [0x08]), .read(0x0D, [0x20, 0x4E, 0x00]), .write(0x00, 0x00),
                .write(0x04, 0x04), .write(0x05, 0x04), .read(0x07, [0x00]), .write(0x00, 0x0A), .read(0x07, [0x08]),
                .read(0x10, [0xF8, 0x11, 0x00]), .write(0x00, 0x00),
            ])
        var driver = LTR390(device: device)
        var samples = Samples(capacity: 2)
        #expect(try driver.start(on: &bus) == .milliseconds(450))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(450))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(physical(samples.all) == [3_000, 2])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("From night to sunshine it measures what falls on it, to a count of the range")
    func range() throws {
        var driver = LTR390(device: device)
        let places: [(lux: Double, uvIndex: Double)] = [
            (0, 0), (0.3, 0), (10, 0.01), (540, 0.4), (8_000, 3.2), (120_000, 12.5), (600, 0.1),
        ]
        for (lux, uvIndex) in places {
            var bus = bus(lux: lux, uvIndex: uvIndex)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.map(\.channel) == [0, 1] && samples.allSatisfy { $0.quality == .good })
            #expect(abs(physical(samples)[0] - lux) <= (lux < 700 ? 0.0043 : 0.08), "\(lux) lx")
            #expect(abs(physical(samples)[1] - uvIndex) <= 0.5 / 2_300)
        }
    }

    @Test("At the end of the converter the light is told to be saturated, the UV index is not")
    func saturated() throws {
        var bus = bus(lux: 200_000)
        var driver = LTR390(device: device)
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.saturated, .good])
    }

    @Test("Another part is told by its id; another revision of this one serves")
    func wrongChip() throws {
        var bus = bus(lux: 540)
        var driver = LTR390(device: device)
        chip.id = 0xB5
        _ = try measure(&driver, on: &bus, clock)
        driver.forget()
        chip.id = 0xC2
        #expect(throws: SensorFault.wrongChip(found: 0xC2, expected: 0xB2)) { _ = try driver.start(on: &bus) }
    }

    @Test("A supply that failed in either step is noticed, and the next measurement is right", arguments: [0, 1])
    func brownOut(step: Int) throws {
        var bus = bus(lux: 5_400)
        var driver = LTR390(device: device)
        var samples = Samples(capacity: 2)
        clock.pass(try driver.start(on: &bus))
        for _ in 0..<step { clock.pass(try driver.collect(from: &bus, into: &samples) ?? .zero) }
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 0)
        driver.forget()
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 5_400) < 0.1)
    }

    @Test("A chip that never finishes is not ready, never an old value")
    func hung() throws {
        var bus = bus(lux: 540)
        var driver = LTR390(device: device)
        _ = try measure(&driver, on: &bus, clock)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }
}
