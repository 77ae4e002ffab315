import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x36)

@Suite("seesaw soil sensor")
struct SeesawSoilTests {
    private let clock = StillClock()
    private let chip = SimulatedSeesawSoil()

    private func bus() -> SimulatedBus {
        let clock = clock
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    private func driver(dry: Double = 200, wet: Double = 2_000) -> SeesawSoil {
        SeesawSoil(device: device, points: SeesawSoil.Points(dry: dry, wet: wet))
    }

    @Test("Golden vectors: temperature with 16 bits behind the point, above and below zero")
    func temperatures() {
        #expect(SeesawSoil.celsius(Reply([0x00, 0x17, 0x80, 0x00])) == 23.5)
        #expect(SeesawSoil.celsius(Reply([0xFF, 0xF3, 0x80, 0x00])) == -12.5)
        #expect(SeesawSoil.celsius(Reply([0xFF, 0xFF, 0xFF, 0xFF])) == -0.000_015_258_789_062_5)
    }

    @Test("The percentage stands between the two points")
    func points() {
        let points = SeesawSoil.Points(dry: 350, wet: 850)
        #expect(points.percent(350) == 0 && points.percent(850) == 100 && points.percent(600) == 50)
        #expect(points.percent(300) == -10)
    }

    @Test("Each register is a write and, later, a read of its own")
    func script() throws {
        func read(_ bytes: [UInt8]) -> ScriptedBus.Step { ScriptedBus.Step(write: [], reply: .success(bytes)) }
        var bus = ScriptedBus(
            device,
            [
                .write(0x00, 0x01), read([0x87]), .write(0x00, 0x04), read([0xFF, 0xF3, 0x80, 0x00]),
                .write(0x0F, 0x10), read([0x03, 0x84]), .write(0x00, 0x04),
            ])
        var driver = driver()
        var samples = Samples(capacity: 3)
        #expect(try driver.start(on: &bus) == .milliseconds(5))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(5))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(5))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(samples.all.map(\.channel) == [0, 1, 2])
        #expect(samples[2].measurement == .exact(900))
        #expect(abs(physical(samples.all)[0] - 38.889) < 0.001 && physical(samples.all)[1] == -12.5)
        #expect(try driver.start(on: &bus) == .milliseconds(5))
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("From dry to wet, below zero and above, it measures the soil that it is in")
    func agrees() throws {
        var bus = bus()
        var driver = driver()
        for share in stride(from: 0.0, through: 1, by: 0.1) {
            let celsius = 90 * share - 30
            chip.surroundings = { _ in Surroundings { ($0.soilMoisture, $0.soilCelsius) = (share, celsius) } }
            let samples = try measure(&driver, on: &bus, clock)
            #expect(abs(physical(samples)[0] - share * 100) < 0.03)
            #expect(abs(physical(samples)[1] - celsius) < 0.000_02)
        }
    }

    @Test("A touch that fails is tried again; one that always fails is implausible")
    func failures() throws {
        var bus = bus()
        var driver = driver()
        chip.failures = 3
        #expect(try measure(&driver, on: &bus, clock).count == 3)
        chip.failures = 4
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Another seesaw is told by its hardware id, and so is one that answers nothing but ones")
    func wrongChip() throws {
        var bus = bus()
        var driver = driver()
        chip.hardwareID = 0x89
        let fault = SensorFault.wrongChip(found: 0x89, expected: 0x55)
        #expect(throws: fault) { _ = try measure(&driver, on: &bus, clock) }
        // 0x55 is a BMP180's id elsewhere.
        #expect(fault.text.hasPrefix("chip id 0x89 answers; expected 0x55;"))
        chip.isHung = true
        #expect(throws: SensorFault.wrongChip(found: 0xFF, expected: 0x55)) {
            _ = try measure(&driver, on: &bus, clock)
        }
    }

    @Test("A supply that failed while it measured is noticed, and the next measurement is right")
    func brownOut() throws {
        var bus = bus()
        var driver = driver()
        _ = try measure(&driver, on: &bus, clock)
        clock.pass(try driver.start(on: &bus))
        var samples = Samples(capacity: 3)
        clock.pass(try driver.collect(from: &bus, into: &samples) ?? .zero)
        chip.powerCycle(at: clock.moment)
        // All ones: asked again, answered again.
        clock.pass(try driver.collect(from: &bus, into: &samples) ?? .zero)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(samples[2].measurement == .exact(956))
    }

    @Test("Points in the wrong order are refused with what to do")
    func settings() {
        let points: [String: Setting] = ["dry": .integer(900), "wet": .integer(900)]
        let fault = settingFault { _ = try SeesawSoil.entry.channels(.of(points)) }
        #expect(fault?.parameter == "wet" && fault?.text.split(separator: ";").count == 3)
    }
}
