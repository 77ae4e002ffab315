// Chips described in the configuration against the drivers in Swift, on the same simulated chip.

import Sensors
import SimulatedWorld
import SiteConfig
import Testing
import World

/// A chip that is given both ways, and what it can measure.
private struct Twin: Sendable, CustomTestStringConvertible {
    var driver: String
    var range: ClosedRange<Double>
    /// Changes the world by a number within the range.
    var set: @Sendable (Double, inout Surroundings) -> Void
    var testDescription: String { driver }

    static let all = [
        Twin(driver: "mcp9808", range: -40...125) { $1.celsius = $0 },
        Twin(driver: "mlx90614", range: -30...110) { ($1.celsius, $1.objectCelsius) = ($0, 80 - $0) },
        Twin(driver: "sht3x", range: -39...124) { ($1.celsius, $1.percent) = ($0, ($0 + 40) / 1.7) },
        Twin(driver: "tmp117", range: -55...150) { $1.celsius = $0 },
    ]
}

private final class Outside {
    var moment = Boottime(nanoseconds: 1_000_000_000_000)
    var air = Surroundings()
}

/// One measurement, every step with the time that it asks for.
private func measure(
    _ driver: any BusDriver, _ bus: SimulatedBus, _ world: Outside
) throws(SensorFault) -> (samples: [Sample], driver: any BusDriver) {
    func opened<D: BusDriver>(_ driver: D) throws(SensorFault) -> (samples: [Sample], driver: any BusDriver) {
        var (driver, bus) = (driver, bus)
        var samples = Samples(capacity: 16)
        world.moment = world.moment + (try driver.start(on: &bus))
        while let wait = try driver.collect(from: &bus, into: &samples) { world.moment = world.moment + wait }
        return ((0..<samples.count).map { samples[$0] }, driver)
    }
    return try opened(driver)
}

private struct Pair {
    let world = Outside()
    let bus: SimulatedBus
    let chip: any SimulatedChip
    var described: any BusDriver
    var native: any BusDriver
    let channels: (described: [DriverChannel], native: [DriverChannel])

    init(_ twin: Twin) throws {
        let drivers = try [("registers-" + twin.driver, "i2c-registers"), (twin.driver, twin.driver)].map {
            file, name in
            let loaded = try Configuration.load(
                main: SourceText(name: "c.yaml", bytes: Array(head.utf8)),
                dropIns: [Files.read("config/drivers/\(file).yaml")], boards: Files.boards(),
                compatible: ["raspberrypi,4-model-b"], fileExists: { _ in true })
            let sensor = try #require(loaded.site.sensors.first { $0.driver == name })
            let entry = try #require(Catalogue.entry(named: name))
            var settings = sensor.settings
            // What no description in registers can do.
            settings.values["emissivity"] = nil
            guard case .bus(let driver) = try entry.make(settings) else { throw SensorFault.noData }
            return (driver, try entry.channels(sensor.settings), try #require(sensor.settings.device))
        }
        let world = world
        chip = try #require(SimulatedChips.make(twin.driver) { _ in world.air })
        bus = SimulatedBus { world.moment }
        for (_, _, device) in drivers { bus.attach(chip, at: BusDevice(bus: 0, address: device.address)) }
        #expect(drivers[0].2 == drivers[1].2)
        (described, native) = (drivers[0].0, drivers[1].0)
        channels = (drivers[0].1, drivers[1].1)
    }
}

@Suite struct DescribedChips {
    @Test("A described chip has the channels that its driver in Swift has", arguments: Twin.all)
    fileprivate func sameChannels(twin: Twin) throws {
        let pair = try Pair(twin)
        #expect(pair.channels.described == pair.channels.native)
    }

    @Test("A described chip gives the values of its driver in Swift, over the whole range", arguments: Twin.all)
    fileprivate func sameValues(twin: Twin) throws {
        var pair = try Pair(twin)
        for step in 0...60 {
            let share = Double(step) / 60
            twin.set(
                twin.range.lowerBound + share * (twin.range.upperBound - twin.range.lowerBound), &pair.world.air)
            // Chips that convert all the time have the new world only then.
            pair.world.moment = pair.world.moment + .seconds(10)
            let described = try measure(pair.described, pair.bus, pair.world)
            let native = try measure(pair.native, pair.bus, pair.world)
            (pair.described, pair.native) = (described.driver, native.driver)
            #expect(described.samples.count == native.samples.count)
            for (ours, theirs) in zip(described.samples, native.samples) {
                guard case (.physical(let a), .physical(let b)) = (ours.measurement, theirs.measurement) else {
                    Issue.record("\(ours.measurement), \(theirs.measurement)")
                    continue
                }
                #expect(abs(a - b) < 1e-9 && ours.channel == theirs.channel && ours.quality == theirs.quality)
            }
        }
    }

    @Test("Every flipped bit of an answer with checksums is refused by both", arguments: Twin.all)
    fileprivate func checksums(twin: Twin) throws {
        guard ["sht3x", "mlx90614"].contains(twin.driver) else { return }
        let pair = try Pair(twin)
        for driver in [pair.described, pair.native] {
            let ready = try measure(driver, pair.bus, pair.world).driver
            for bit in 0..<48 {
                pair.bus.trouble = { _, _ in .flippedBit(byte: bit / 8, bit: bit % 8) }
                #expect(throws: SensorFault.checksum) { _ = try measure(ready, pair.bus, pair.world) }
            }
            pair.bus.trouble = nil
        }
    }

    @Test(
        "A supply lost at any moment of a measurement never gives a wrong value, and the next measurement is right",
        arguments: ["mcp9808", "sht3x", "tmp117"])
    func brownOut(name: String) throws {
        for transfer in 0..<6 {
            let pair = try Pair(try #require(Twin.all.first { $0.driver == name }))
            var driver = try measure(pair.described, pair.bus, pair.world).driver
            pair.world.moment = pair.world.moment + .seconds(10)
            pair.world.air.celsius = -7.5
            let begin = pair.bus.transfers
            pair.bus.trouble = { _, moment in
                guard pair.bus.transfers == begin + 1 + transfer else { return nil }
                (pair.chip as? SimulatedMCP9808)?.powerCycle(at: moment)
                (pair.chip as? SimulatedSHT3x)?.powerCycle(at: moment)
                (pair.chip as? SimulatedTMP117)?.powerCycle(at: moment)
                return nil
            }
            var values: [Double] = []
            for _ in 0..<2 {
                do throws(SensorFault) {
                    let (samples, next) = try measure(driver, pair.bus, pair.world)
                    driver = next
                    if case .physical(let value) = samples[0].measurement { values.append(value) }
                } catch { driver.forget() }
                pair.world.moment = pair.world.moment + .seconds(10)
            }
            #expect(!values.isEmpty && values.allSatisfy { abs($0 + 7.5) < 0.07 }, "transfer \(transfer): \(values)")
        }
    }

    @Test("Another chip at the address is told by its id")
    func wrongChip() throws {
        let pair = try Pair(try #require(Twin.all.first { $0.driver == "tmp117" }))
        pair.bus.attach(SimulatedMCP9808(), at: BusDevice(bus: 0, address: 0x48))
        do throws(SensorFault) {
            _ = try measure(pair.described, pair.bus, pair.world)
            Issue.record("a value")
        } catch { #expect(error.quality == .wrongChip) }
    }
}
