import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x48)
private let asLeft: ScriptedBus.Step = .read(0x05, [0x5C, 0x02, 0x03, 0xE8])

@Suite("Decibel meter")
struct DecibelMeterTests {
    private func onBus(_ clock: StillClock, _ chip: SimulatedDecibelMeter) -> SimulatedBus {
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("Set up once: A-weighting, averaging with its low byte last, the mark; then levels, and the extremes cleared")
    func script() throws {
        let measurement: [ScriptedBus.Step] = [asLeft, .read(0x0A, [55, 41, 0x83]), .write(0x09, 0b10)]
        var bus = ScriptedBus(
            device,
            [
                .read(0x00, [0x31]), .write(0x06, 0x02), .write(0x07, 0x03), .write(0x08, 0xE8), .write(0x09, 0b10),
                .write(0x05, 0x5C), asLeft,
            ] + measurement + [asLeft] + measurement)
        var driver = DecibelMeter(device: device, averagingMilliseconds: 1_000)
        for wait in [Duration.milliseconds(2_050), .zero] {
            var samples = Samples(capacity: 3)
            #expect(try driver.start(on: &bus) == wait)
            _ = try driver.collect(from: &bus, into: &samples)
            // 0x83: a level above 127 is no negative one.
            #expect(physical(samples.all) == [55, 41, 131])
            #expect(samples.all.allSatisfy { $0.quality == .good })
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("A level of 0 is not yet measured; extremes that are none are bad, and the level still good")
    func decode() throws {
        var samples = Samples(capacity: 6)
        #expect(throws: SensorFault.notReady) { try DecibelMeter.decode(Reply([0, 41, 60]), into: &samples) }
        #expect(samples.count == 0)
        try DecibelMeter.decode(Reply([55, 0, 60]), into: &samples)
        try DecibelMeter.decode(Reply([55, 61, 60]), into: &samples)
        let qualities: [Quality] = [.good, .implausible, .implausible]
        #expect(samples.all.map(\.quality) == qualities + qualities)
    }

    @Test(
        "Both microphones are known by their version; anything else is the wrong chip", arguments: [0x31, 0x32, 0x81])
    func versions(version: UInt8) throws {
        let clock = StillClock()
        let chip = SimulatedDecibelMeter()
        var bus = onBus(clock, chip)
        var driver = DecibelMeter(device: device, averagingMilliseconds: 125)
        chip.version = version
        #expect(physical(try measure(&driver, on: &bus, clock)) == [55, 55, 55])
        chip.version = 0x60
        driver.forget()
        #expect(throws: SensorFault.wrongChip(found: 0x60, expected: 0x31)) {
            _ = try measure(&driver, on: &bus, clock)
        }
    }

    @Test("Lowest and highest are of the time since the last measurement")
    func extremes() throws {
        let clock = StillClock()
        let chip = SimulatedDecibelMeter()
        var bus = onBus(clock, chip)
        var driver = DecibelMeter(device: device, averagingMilliseconds: 1_000)
        func level(_ decibel: Double) { chip.surroundings = { _ in Surroundings { $0.soundDecibel = decibel } } }
        level(60.4)
        #expect(physical(try measure(&driver, on: &bus, clock)) == [60, 60, 60])
        for (decibel, expected) in [(41.0, [41.0, 41, 41]), (103, [103, 103, 103])] {
            level(decibel)
            clock.pass(.seconds(10))
            #expect(physical(try measure(&driver, on: &bus, clock)) == expected)
        }
        level(90)
        clock.pass(.seconds(3))
        _ = [UInt8(0)].withUnsafeBytes { chip.write($0, at: clock.moment) }
        level(47)
        clock.pass(.seconds(5))
        #expect(physical(try measure(&driver, on: &bus, clock)) == [47, 47, 90])
    }

    @Test("A module that restarted unseen gives nothing until it is set up again, with its averaging")
    func restart() throws {
        let clock = StillClock()
        let chip = SimulatedDecibelMeter()
        var bus = onBus(clock, chip)
        var driver = DecibelMeter(device: device, averagingMilliseconds: 125)
        _ = try measure(&driver, on: &bus, clock)
        // Between two measurements: the next one sets it up and waits.
        chip.powerCycle(at: clock.moment)
        clock.pass(.seconds(5))
        #expect(try driver.start(on: &bus) == .milliseconds(1_100))
        clock.pass(.milliseconds(1_100))
        var samples = Samples(capacity: 3)
        _ = try driver.collect(from: &bus, into: &samples)
        #expect(samples.count == 3)
        // Within one.
        _ = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 3)
    }

    @Test("Averaging longer than `every` is refused, with what to do")
    func averaging() {
        var settings = DriverSettings.of(["averaging": .duration(.seconds(3))], device: device)
        settings.every = .seconds(2)
        let fault = settingFault { _ = try DecibelMeter.entry.channels(settings) }
        #expect(fault?.parameter == "averaging" && fault?.text.split(separator: ";").count == 3)
        settings.every = .seconds(3)
        #expect(settingFault { _ = try DecibelMeter.entry.make(settings) } == nil)
    }
}
