// Each fault of a sensor has its own quality and its own notice, from which the events are made.

import Sensors
import SimulatedWorld
import Testing
import World

@testable import Gateway

private let place = BusDevice(bus: 0, address: 0x44)

/// A thermometer with checksums whose air a test decides.
private final class Air { var surroundings = Surroundings() }

private func bench(_ air: Air, _ rules: (inout Conditioning) -> Void = { _ in }) throws -> SamplerBench {
    var sensor = try InstalledSensor.catalogued("sht3x", id: "air", every: .seconds(1), device: place)
    for index in sensor.channels.indices { rules(&sensor.channels[index].conditioning) }
    let bench = SamplerBench([sensor])
    bench.hardware.bus.attach(
        try #require(SimulatedChips.make("sht3x", surroundings: { _ in air.surroundings })), at: place)
    return bench
}

private func temperatures(_ bench: SamplerBench) -> [Quality] {
    bench.takeReadings().filter { $0.channel.rawValue == 0 }.map(\.quality)
}

@Suite("Sampler, faults")
struct SamplerFaultTests {
    @Test(
        "Faults of the wires: each its quality, lost at the change and back at the change",
        arguments: [
            (SimulatedBus.Trouble.fault(.noAcknowledge), Quality.noAcknowledge),
            (.flippedBit(byte: 1, bit: 3), .checksum), (.fault(.timedOut), .timedOut), (.fault(.stuck), .busStuck),
            (.fault(.arbitrationLost), .busFault), (.fault(.failed(errno: 5)), .busFault),
            (.fault(.absent(errno: 2)), .notAvailable),
        ] as [(SimulatedBus.Trouble, Quality)])
    func wires(trouble: SimulatedBus.Trouble, quality: Quality) throws {
        let bench = try bench(Air())
        bench.run(until: .milliseconds(2_500))
        bench.hardware.bus.trouble = { _, _ in trouble }
        bench.run(until: .milliseconds(4_500))
        bench.hardware.bus.trouble = nil
        bench.run(until: .milliseconds(9_500))
        let qualities = temperatures(bench)
        #expect(Array(qualities.prefix(5)) == [.good, .good, .good, quality, quality], "\(qualities)")
        #expect(qualities.suffix(3).allSatisfy { $0 == .good }, "\(qualities)")
        let notices = bench.takeNotices()
        #expect(notices.map(\.kind) == [.sensorLost, .sensorBack] && notices[0].detail == quality.rawValue)
    }

    @Test("A chip that is gone and back, and another chip at its address, are two faults")
    func exchanged() throws {
        let device = BusDevice(bus: 0, address: 0x76)
        let bench = SamplerBench([
            try InstalledSensor.catalogued("bme280", id: "air", every: .seconds(1), device: device)
        ])
        func plug(_ driver: String) throws {
            bench.hardware.bus.attach(
                try #require(SimulatedChips.make(driver, surroundings: { _ in Surroundings() })), at: device)
        }
        try plug("bme280")
        bench.run(until: .milliseconds(500))
        bench.hardware.bus.detach(device)
        bench.run(until: .milliseconds(1_500))
        try plug("bmp280")
        bench.run(until: .milliseconds(2_500))
        try plug("bme280")
        bench.run(until: .milliseconds(3_500))
        #expect(temperatures(bench) == [.good, .noAcknowledge, .wrongChip, .good])
    }

    @Test("A frozen value, a spike and a drift are doubted by name, and believed again")
    func values() throws {
        let air = Air()
        let frozen = try bench(air) { $0.stuckAfter = .seconds(3) }
        frozen.run(until: .milliseconds(6_500))
        air.surroundings.celsius += 0.5
        frozen.run(until: .milliseconds(7_500))
        #expect(temperatures(frozen).suffix(3) == [.stuck, .stuck, .good])
        let doubts = frozen.takeNotices().filter { $0.value == 0 }
        #expect(doubts.map(\.kind) == [.valuesDoubted, .valuesBelieved] && doubts[0].detail == Quality.stuck.rawValue)

        air.surroundings = Surroundings()
        let spiked = try bench(air) { $0.changePerSecond = 1 }
        spiked.run(until: .milliseconds(1_500))
        air.surroundings.celsius = 60
        spiked.run(until: .milliseconds(2_500))
        air.surroundings.celsius = 21.4
        spiked.run(until: .milliseconds(3_500))
        #expect(temperatures(spiked) == [.good, .good, .rateOfChange, .good])

        var sensors = [
            try InstalledSensor.catalogued("sht3x", id: "air", every: .seconds(60), device: place),
            try InstalledSensor.catalogued(
                "tmp117", id: "other", every: .seconds(60), first: 2, device: BusDevice(bus: 0, address: 0x48)),
        ]
        sensors[0].channels[0].conditioning.partner = .init(channel: ChannelID(rawValue: 2), within: 1)
        let drifting = SamplerBench(sensors)
        let other = Air()
        for (driver, device, world) in [("sht3x", place, air), ("tmp117", BusDevice(bus: 0, address: 0x48), other)] {
            drifting.hardware.bus.attach(
                try #require(SimulatedChips.make(driver, surroundings: { _ in world.surroundings })), at: device)
        }
        for _ in 0..<60 * 24 {
            air.surroundings.celsius += 0.002
            drifting.run(until: drifting.clock.now() + .seconds(60))
        }
        let qualities = temperatures(drifting)
        #expect(qualities.first == .good && qualities.last == .drifting)
        #expect(drifting.takeNotices().contains { $0.detail == Quality.drifting.rawValue && $0.kind == .valuesDoubted })
    }

    @Test("A wedged bus costs the other one 30 ms an attempt and, once known, an attempt a minute; it is told as a bus")
    func wedgedBus() throws {
        var sensors: [InstalledSensor] = []
        var devices: [BusDevice] = []
        for bus in UInt8(0)...1 {
            for address in UInt8(0x48)...0x4F {
                devices.append(BusDevice(bus: bus, address: address))
                sensors.append(
                    try InstalledSensor.catalogued(
                        "lm75", id: "t\(bus)-\(address)", every: .seconds(1), first: UInt16(sensors.count),
                        device: devices[devices.count - 1]))
            }
        }
        let bench = SamplerBench(sensors)
        for device in devices {
            bench.hardware.bus.attach(
                try #require(SimulatedChips.make("lm75", surroundings: { _ in Surroundings() })), at: device)
        }
        bench.run(until: .milliseconds(2_500))
        _ = bench.takeReadings()
        var attempts: [Boottime] = []
        let clock = bench.clock
        bench.hardware.bus.trouble = { device, now in
            guard device.bus == 1 else { return nil }
            attempts.append(now)
            clock.advance(by: .milliseconds(30))
            return .fault(.timedOut)
        }
        bench.run(until: .milliseconds(600_500))
        let readings = bench.takeReadings()
        let well = readings.filter { $0.channel.rawValue < 8 }
        #expect(well.allSatisfy { $0.quality == .good })
        // Never later than one attempt, after the two that told the bus from the chip.
        let late = well.map { $0.acquired.nanoseconds % 1_000_000_000 / 1_000_000 }
        #expect(late.allSatisfy { $0 <= 60 } && late.filter { $0 > 30 }.count <= 8)
        let known = attempts.filter { $0 > .seconds(130) }
        #expect(known.count <= 8 && attempts.count <= 20, "\(attempts.count) attempts, \(known.count) once known")
        #expect(readings.contains { $0.channel.rawValue >= 8 && $0.quality == .busStuck })

        bench.hardware.bus.trouble = nil
        bench.run(until: .milliseconds(670_500))
        let buses = bench.takeNotices().filter { $0.kind == .busLost || $0.kind == .busBack }
        #expect(buses.map(\.kind) == [.busLost, .busBack] && buses.allSatisfy { $0.sensor == 1 })
        #expect(bench.takeReadings().suffix(16).allSatisfy { $0.quality == .good })
    }
}
