// What holds for every driver of a chip on a bus, tried on its simulated chip.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private struct OnBus: Sendable, CustomTestStringConvertible {
    let entry: DriverEntry
    let device: BusDevice
    var testDescription: String { entry.name }

    static let all: [OnBus] = Catalogue.entries.compactMap { entry in
        guard case .bus(let addresses) = entry.attachment, let first = addresses.first, hasChip(entry.name) else {
            return nil
        }
        return OnBus(entry: entry, device: BusDevice(bus: 0, address: first))
    }

    /// A chip described in the configuration can be any.
    private static func hasChip(_ name: String) -> Bool { name != "i2c-registers" }

    /// As a technician gives them: what is required, and no more.
    var settings: DriverSettings { sensible(entry) }

    func driver() throws -> any BusDriver {
        guard case .bus(let driver) = try entry.make(settings) else {
            Issue.record("\(entry.name) is no bus driver")
            throw SensorFault.noData
        }
        return driver
    }
}

private func measured(
    _ driver: any BusDriver, _ bus: inout SimulatedBus, _ clock: StillClock
) throws(SensorFault) -> (samples: [Sample], driver: any BusDriver) {
    func opened<D: BusDriver>(
        _ driver: D, _ bus: inout SimulatedBus
    ) throws(SensorFault) -> (samples: [Sample], driver: any BusDriver) {
        var driver = driver
        let samples = try measure(&driver, on: &bus, clock)
        return (samples, driver)
    }
    return try opened(driver, &bus)
}

@Suite("Every chip")
struct EveryChipTests {
    @Test("Every driver of a chip has its simulated chip, and none is without a driver")
    func twins() {
        #expect(OnBus.all.map(\.entry.name) == SimulatedChips.names)
    }

    @Test("Every chip tells its datasheet and the longest time that it measures", arguments: OnBus.all)
    fileprivate func facts(chip: OnBus) throws {
        let facts = try #require(chip.entry.chip)
        #expect(facts.datasheet.count > 8 && facts.measuringTime >= .zero && facts.measuringTime < .seconds(10))
        #expect(facts.identity != "")
    }

    @Test("Every channel comes, good and in its range", arguments: OnBus.all)
    fileprivate func everyChannel(chip: OnBus) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let simulated = try #require(SimulatedChips.make(chip.entry.name, surroundings: { _ in Surroundings() }))
        bus.attach(simulated, at: chip.device)
        var driver = try chip.driver()
        let channels = try chip.entry.channels(chip.settings)
        // Some chips give nothing before their first period is over.
        var samples: [Sample] = []
        for _ in 0..<5 {
            do throws(SensorFault) { (samples, driver) = try measured(driver, &bus, clock) } catch {
                #expect(error == .notReady, "\(error)")
            }
            clock.pass(chip.entry.defaultEvery)
        }
        #expect(Set(samples.map(\.channel)) == Set(channels.indices.map { UInt8($0) }))
        for sample in samples {
            let channel = channels[Int(sample.channel)]
            #expect(sample.quality == .good, "\(channel.quantity): \(sample.quality)")
            if case .physical(let value) = sample.measurement {
                #expect(channel.plausible.contains(value), "\(channel.quantity): \(value)")
            }
        }
    }

    @Test("Where no chip is, nobody acknowledges", arguments: OnBus.all)
    fileprivate func absent(chip: OnBus) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try measured(try chip.driver(), &bus, clock) }
    }

    @Test("Any trouble on the wires gives faults or values, never a trap, and passes", arguments: OnBus.all, [1, 2, 3])
    fileprivate func trouble(chip: OnBus, seed: UInt64) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(try #require(SimulatedChips.make(chip.entry.name, surroundings: { _ in Surroundings() })), at: chip.device)
        var random = Random(seed: seed)
        bus.trouble = { _, _ in
            switch random.below(16) {
            case 0: .fault(.noAcknowledge)
            case 1: .fault(.timedOut)
            case 2: .flippedBit(byte: Int(random.below(64)), bit: Int(random.below(8)))
            case 3: .lostWrite
            default: nil
            }
        }
        var driver = try chip.driver()
        var failed = 0
        for _ in 0..<300 {
            do throws(SensorFault) { (_, driver) = try measured(driver, &bus, clock) } catch {
                failed += 1
                driver.forget()
            }
            clock.pass(chip.entry.defaultEvery)
        }
        #expect(failed > 10, "seed \(seed)")
        bus.trouble = nil
        var samples: [Sample] = []
        for _ in 0..<5 {
            do throws(SensorFault) { (samples, driver) = try measured(driver, &bus, clock) } catch { driver.forget() }
            clock.pass(chip.entry.defaultEvery)
        }
        #expect(!samples.isEmpty && samples.allSatisfy { $0.quality.grade != .bad }, "seed \(seed)")
    }
}
