import SimulatedWorld
import Testing
import World

@testable import Sensors

/// Steps of one measurement, `start` not counted.
private func steps(
    _ driver: inout some BusDriver, _ bus: inout SimulatedBus, _ clock: StillClock
) throws(SensorFault) -> Int {
    var samples = Samples(capacity: 4)
    clock.pass(try driver.start(on: &bus))
    var count = 1
    while let wait = try driver.collect(from: &bus, into: &samples), count < 20 {
        clock.pass(wait)
        count += 1
    }
    return count
}

@Suite("Ranges of light")
struct RangingTests {
    @Test("A measurement moves to one side only, and begins where the last one ended")
    func oneSide() {
        var ranging = Ranging(count: 3, first: 1)
        ranging.begin()
        #expect(ranging.range == 1)
        var moved = ranging.moveToDarker()
        #expect(moved && ranging.range == 2)
        moved = ranging.moveToDarker()
        #expect(!moved)
        moved = ranging.moveToBrighter()
        #expect(!moved && ranging.range == 2)
        ranging.begin()
        moved = ranging.moveToBrighter()
        #expect(moved)
        moved = ranging.moveToBrighter()
        #expect(moved && ranging.range == 0)
        moved = ranging.moveToBrighter()
        #expect(!moved)
    }

    @Test(
        "Light that jumps between night and sunshine at every step cannot keep a measurement from its end",
        arguments: ["bh1750", "ltr390", "tsl2591", "veml7700"], [1, 2, 3] as [UInt64])
    func flicker(name: String, seed: UInt64) throws {
        let clock = StillClock()
        var random = Random(seed: seed)
        let levels: [Double] = [0, 0.3, 8, 300, 9_000, 150_000]
        var light: [Double] = []
        for _ in 0..<1_000 { light.append(levels[Int(random.below(6))]) }
        var bus = SimulatedBus { clock.moment }
        let entry = try #require(Catalogue.entry(named: name))
        let device = sensible(entry).device ?? BusDevice(bus: 0, address: 0)
        let chip = SimulatedChips.make(name) { now in
            Surroundings { $0.lux = light[Int(now.nanoseconds / 97_000_000 % 1_000)] }
        }
        bus.attach(try #require(chip), at: device)
        guard case .bus(let made) = try entry.make(sensible(entry)) else {
            Issue.record("\(name) is on no bus")
            return
        }
        var most = 0
        func run(_ driver: some BusDriver) throws {
            var driver = driver
            for _ in 0..<200 {
                most = max(most, try steps(&driver, &bus, clock))
                clock.pass(.seconds(1))
            }
        }
        try run(made)
        #expect((2...5).contains(most), "seed \(seed): \(most) steps; swift test --filter RangingTests")
    }
}
