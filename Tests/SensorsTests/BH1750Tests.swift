import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x23)

private func lit(_ lux: Double) -> SimulatedBH1750 { SimulatedBH1750 { _ in Surroundings { $0.lux = lux } } }

@Suite("BH1750")
struct BH1750Tests {
    @Test("The datasheet's worked example comes out: 1000 0011 1001 0000 is 28067 lx in H-resolution mode")
    func workedExample() {
        let usual = BH1750.Range(isMode2: false, time: 69, darkBelow: 0)
        #expect(abs(usual.lux(0b1000_0011_1001_0000) - 28_067) < 1)
    }

    @Test(
        "Golden vectors of each range; the highest bit is no sign",
        arguments: [
            (0, 0xFFFF, 121_556.85), (0, 0x8000, 60_779.36), (1, 0x8000, 13_653.33), (1, 0x0001, 0.4167),
            (2, 0x8000, 3_708.98), (2, 0x0001, 0.1132),
        ] as [(Int, UInt16, Double)])
    func golden(range: Int, counts: UInt16, lux: Double) {
        #expect(abs(BH1750.Range.all[range].lux(counts) - lux) < lux * 0.0001)
    }

    @Test("Power on, reset, both halves of the time register, one time in mode 2: then the result is read")
    func script() throws {
        let trigger: [ScriptedBus.Step] = [
            .write(0x01), .write(0x07), .write(0x42), .write(0x65), .write(0x21),
        ]
        var bus = ScriptedBus(device, trigger + [ScriptedBus.Step(write: [], reply: .success([0x05, 0x10]))])
        var driver = BH1750(device: device)
        var samples = Samples(capacity: 1)
        #expect(try driver.start(on: &bus) == .microseconds(180_001))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(samples.all == [Sample(channel: 0, .physical(540))])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("From darkness to sunshine it measures what falls on it, to a count of the range")
    func range() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        var driver = BH1750(device: device)
        let places: [(lux: Double, count: Double)] = [
            (0, 0.12), (0.5, 0.12), (5, 0.12), (99, 0.5), (540, 0.5), (12_000, 0.5), (30_000, 1.9), (99_000, 1.9),
            (400, 0.5), (1.3, 0.12),
        ]
        for (lux, count) in places {
            bus.attach(lit(lux), at: device)
            let samples = try measure(&driver, on: &bus, clock)
            #expect(samples.count == 1 && samples[0].quality == .good)
            #expect(abs(physical(samples)[0] - lux) <= count, "\(lux) lx")
        }
    }

    @Test("At the end of the brightest range the value is told to be saturated")
    func saturated() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(lit(150_000), at: device)
        var driver = BH1750(device: device)
        let samples = try measure(&driver, on: &bus, clock)
        #expect(samples.map(\.quality) == [.saturated])
        #expect(abs(physical(samples)[0] - 121_556.85) < 0.01)
    }

    @Test(
        "A supply that failed after the trigger costs no wrong value, by day nor by night: it is measured again",
        arguments: [540.0, 12.3])
    func brownOut(lux: Double) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = lit(lux)
        bus.attach(chip, at: device)
        var driver = BH1750(device: device)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 1)
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        let wait = try #require(try driver.collect(from: &bus, into: &samples))
        clock.pass(wait)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[0] - lux) < 0.5)
    }

    @Test("A chip that never finishes gives darkness, never the value before")
    func hung() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = lit(540)
        bus.attach(chip, at: device)
        var driver = BH1750(device: device)
        _ = try measure(&driver, on: &bus, clock)
        chip.isHung = true
        #expect(physical(try measure(&driver, on: &bus, clock)) == [0])
    }
}
