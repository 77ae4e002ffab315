import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x18)
private let control: [UInt8] = [0x57, 0, 0, 0x88, 0x40]

/// A chip that swings: `amplitude` m/s² about (0.5, -1, 9.8) with a square wave of `hertz`, so that RMS and peak are
/// both the amplitude.
private func swinging(_ amplitude: Double, hertz: Int64) -> (Boottime) -> Surroundings {
    { moment in
        let isUp = moment.nanoseconds * hertz * 2 / 1_000_000_000 % 2 == 0
        return Surroundings { air in
            let swing = isUp ? amplitude : -amplitude
            air.acceleration = SIMD3(0.5 + swing, -1 - swing, 9.8 + swing)
        }
    }
}

private func driver(rate: Int = 0, range: Int = 0, samples: Int = 200) -> LIS3DH {
    LIS3DH(device: device, rate: LIS3DH.Rate.all[rate], range: LIS3DH.Range.all[range], windowSamples: samples)
}

@Suite("LIS3DH")
struct LIS3DHTests {
    private func onBus(_ clock: StillClock, _ chip: SimulatedLIS3DH) -> SimulatedBus {
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("Golden vector: two levels of twelve left-justified bits, low byte first, two axes negative")
    func golden() throws {
        // x 0x15E0: 350 digits, as AN3308 has 350 mg; y 0xEA20: -350; z 0x3E80 and 0x3E60: 1000 and 998.
        let levels: [UInt8] = [0xE0, 0x15, 0x20, 0xEA, 0x80, 0x3E, 0xE0, 0x15, 0x20, 0xEA, 0x60, 0x3E]
        var bus = ScriptedBus(
            device,
            [
                .read(0x0F, [0x33]), .init(write: [0xA0] + control, reply: .success([])), .read(0xA0, control),
                .write(0x2E, 0), .write(0x2E, 0x80), .read(0xAE, [0x80, 0x02]), .read(0xA8, levels),
            ])
        var driver = driver(samples: 2)
        var samples = Samples(capacity: 9)
        #expect(try driver.start(on: &bus) == .milliseconds(80))
        #expect(try driver.collect(from: &bus, into: &samples) == .milliseconds(160))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        let g = 0.00980665
        let expected = [0, 0, 1 * g, 0, 0, 1 * g, 350 * g, -350 * g, 999 * g]
        #expect(samples.all.map(\.channel) == [0, 3, 6, 1, 4, 7, 2, 5, 8])
        for sample in samples.all {
            guard case .physical(let value) = sample.measurement else { continue }
            #expect(abs(value - expected[Int(sample.channel)]) < 1e-9 && sample.quality == .good)
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Sums over the longest window of the largest numbers stay exact")
    func axis() {
        var axis = LIS3DH.Axis()
        for index in 0..<LIS3DH.longestWindow { axis.add(index % 2 == 0 ? -2_048 : 2_047) }
        #expect(axis.mean == -0.5 && axis.rms == 2_047.5 && axis.peak == 2_047.5 && axis.isSaturated)
        var still = LIS3DH.Axis()
        for _ in 0..<LIS3DH.longestWindow { still.add(-1_999) }
        #expect(still.mean == -1_999 && still.rms == 0 && still.peak == 0 && !still.isSaturated)
    }

    @Test("A vibration comes out as it is, with gravity apart, at every rate", arguments: [0, 1, 2])
    func roundTrip(rate: Int) throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH(surroundings: swinging(2.5, hertz: 5))
        var bus = onBus(clock, chip)
        // Whole periods of the 5 Hz wave, so that the mean is exact.
        var driver = driver(rate: rate, samples: LIS3DH.Rate.all[rate].hertz)
        for _ in 0..<3 {
            var values = [Double](repeating: 0, count: 9)
            for sample in try measure(&driver, on: &bus, clock) {
                guard case .physical(let value) = sample.measurement else { continue }
                values[Int(sample.channel)] = value
                #expect(sample.quality == .good)
            }
            for (value, expected) in zip(values, [2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 0.5, -1, 9.8]) {
                #expect(abs(value - expected) < 0.006, "\(value), not \(expected)")
            }
        }
    }

    @Test("Over every range what the chip is set to is the mean, to half a digit", arguments: [0, 1, 2, 3])
    func ranges(range: Int) throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH()
        var bus = onBus(clock, chip)
        var driver = driver(range: range, samples: 3)
        let most = Double(LIS3DH.Range.all[range].g) * 9.5
        for step in -10...10 {
            let value = most * Double(step) / 10
            chip.surroundings = { _ in Surroundings { $0.acceleration = SIMD3(value, -value, 0) } }
            let samples = try measure(&driver, on: &bus, clock)
            for (channel, expected) in [(UInt8(6), value), (7, -value), (8, 0)] {
                let sample = try #require(samples.first { $0.channel == channel })
                guard case .physical(let found) = sample.measurement else { continue }
                #expect(abs(found - expected) <= LIS3DH.Range.all[range].perDigit / 2 + 1e-9)
            }
        }
    }

    @Test("A step that comes too late finds the FIFO full, and the whole window is estimated")
    func overrun() throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH()
        var bus = onBus(clock, chip)
        var driver = driver(samples: 100)
        for isLate in [false, true, false] {
            var samples = Samples(capacity: 9)
            clock.pass(try driver.start(on: &bus))
            var steps = 0
            while let wait = try driver.collect(from: &bus, into: &samples) {
                steps += 1
                clock.pass(wait)
                if isLate, steps == 3 { clock.pass(.milliseconds(400)) }
            }
            #expect(samples.count == 9)
            #expect(samples.all.allSatisfy { $0.quality == (isLate ? .estimated : .good) })
        }
    }

    @Test("An axis at the end of its range is saturated, the others are not")
    func saturated() throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH(
            surroundings: { _ in Surroundings { $0.acceleration = SIMD3(-25, 3, 9.8) } })
        var bus = onBus(clock, chip)
        var driver = driver(samples: 20)
        for sample in try measure(&driver, on: &bus, clock) {
            #expect(sample.quality == (sample.channel % 3 == 0 ? .saturated : .good))
        }
    }

    @Test("The longest window ends within the steps of one measurement, even with a chip that is a tenth slow")
    func longest() throws {
        let steps = Driver.stepsPerMeasurement
        let perStep = Double(LIS3DH.levelsPerStep) / 1.1
        #expect(Double(LIS3DH.longestWindow) / perStep + 2 < Double(steps))
        let clock = StillClock()
        var bus = onBus(clock, SimulatedLIS3DH())
        var driver = driver(samples: LIS3DH.longestWindow)
        #expect(try measure(&driver, on: &bus, clock).count == 9)
    }

    @Test("Another chip is told by its id")
    func wrongChip() throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH()
        chip.id = 0x44
        var bus = onBus(clock, chip)
        var driver = driver()
        #expect(throws: SensorFault.wrongChip(found: 0x44, expected: 0x33)) {
            _ = try measure(&driver, on: &bus, clock)
        }
    }

    @Test("A supply lost within a window gives no values, and the next window is whole")
    func brownOut() throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH()
        var bus = onBus(clock, chip)
        var driver = driver(samples: 100)
        var samples = Samples(capacity: 9)
        clock.pass(try driver.start(on: &bus))
        for _ in 0..<3 { clock.pass(try #require(try driver.collect(from: &bus, into: &samples))) }
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 0)
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 9)
        // And one lost between two windows.
        chip.powerCycle(at: clock.moment)
        #expect(try measure(&driver, on: &bus, clock).allSatisfy { $0.quality == .good })
    }

    @Test("A chip whose samples stop is not ready; a control write that is lost is noticed")
    func hung() throws {
        let clock = StillClock()
        let chip = SimulatedLIS3DH()
        var bus = onBus(clock, chip)
        var driver = driver()
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        chip.isHung = false
        chip.powerCycle(at: clock.moment)
        bus.trouble = { _, _ in .lostWrite }
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A window that the rate or `every` cannot hold is refused, with what to do")
    func windows() {
        func fault(_ window: Duration, _ rate: String, every: Duration) -> SettingFault? {
            var settings = DriverSettings.of(["window": .duration(window), "rate": .text(rate)], device: device)
            settings.every = every
            return settingFault { _ = try LIS3DH.entry.channels(settings) }
        }
        #expect(fault(.seconds(8), "100 Hz", every: .seconds(60)) == nil)
        #expect(fault(.seconds(2), "400 Hz", every: .milliseconds(2_500)) == nil)
        let faults = [
            fault(.milliseconds(2_010), "400 Hz", every: .seconds(60)),
            fault(.seconds(5), "100 Hz", every: .seconds(5)),
        ]
        for fault in faults {
            #expect(fault?.parameter == "window" && fault?.text.split(separator: ";").count == 3)
        }
    }
}
