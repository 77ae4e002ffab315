// What the Sampler makes of hardware: a schedule, readings with value, time, quality and number, and notices of change.

import Gateway
import Sensors
import SimulatedWorld
import Testing
import World

@Suite("Sampler") struct SamplerTests {
    // MARK: Schedule

    @Test("Sensors of one period are read together on its grid since boot; slower ones join every so often")
    func grid() {
        let quick = Script([Sample(channel: 0, .physical(1))]), slow = Script([Sample(channel: 0, .physical(2))])
        let bench = SamplerBench([
            .source(quick, every: .seconds(1), first: 0), .source(slow, every: .seconds(3), first: 1),
        ])
        bench.clock.advance(by: .milliseconds(400))
        bench.run(until: .milliseconds(6_500))
        let readings = bench.takeReadings()
        // At once, then on the grid. The first one is when the program starts, wherever that is.
        #expect(
            readings.filter { $0.channel.rawValue == 0 }.map(\.acquired)
                == [.milliseconds(400)] + (1...6).map { Boottime.seconds($0) })
        #expect(
            readings.filter { $0.channel.rawValue == 1 }.map(\.acquired)
                == [.milliseconds(400), .seconds(3), .seconds(6)])
        #expect(bench.wakes == (1...6).map { Boottime.seconds($0) }, "one wake-up a second serves both")
    }

    @Test("After a long stall a sensor is read once and is back on its grid, without making up for lost time")
    func stall() {
        let bench = SamplerBench([.source(Script([Sample(channel: 0, .physical(1))]))])
        bench.run(until: .seconds(2))
        bench.clock.advance(by: .milliseconds(7_300))
        bench.run(until: .seconds(11))
        #expect(
            bench.takeReadings().map(\.acquired)
                == [.seconds(0), .seconds(1), .seconds(2), .milliseconds(9_300), .seconds(10), .seconds(11)])
    }

    @Test("Without a warm-up, what a source measured before it was asked first, or before it came back, is good")
    func earlier() {
        let script = Script([Sample(channel: 0, .physical(1), acquired: .seconds(5))])
        let bench = SamplerBench([.source(script)])
        bench.clock.advance(by: .seconds(10))
        bench.run(until: .seconds(10))
        script.fault = .noData
        bench.run(until: .seconds(11))
        script.fault = nil
        script.samples = [Sample(channel: 0, .physical(2), acquired: .milliseconds(11_400))]
        bench.run(until: .seconds(12))
        #expect(bench.takeReadings().map(\.quality) == [.good, .notAvailable, .good])
    }

    @Test("A chip is started, left alone while it measures, then collected; the reading's time is the start's")
    func twoSteps() throws {
        let bench = try SamplerBench([.bme280()])
        bench.hardware.add(chipOf: "bme280", at: InstalledSensor.air)
        bench.clock.advance(by: .seconds(1))
        let next = bench.sampler.step()
        #expect(bench.isMeasuring)
        #expect(bench.takeReadings().isEmpty, "nothing is there while the chip measures")
        #expect(next > .seconds(1) && next <= .milliseconds(1_020), "it is asked again after its measuring time")
        bench.clock.advance(to: bench.clock.virtualTime(of: next))
        _ = bench.sampler.step()
        #expect(!bench.isMeasuring)
        let readings = bench.takeReadings()
        #expect(readings.map(\.channel.rawValue) == [0, 1, 2])
        #expect(readings.allSatisfy { $0.acquired == .seconds(1) && $0.quality == .good && $0.ordinal == 1 })
    }

    // MARK: Values

    @Test(
        "Values are calibrated, then rounded once, half away from zero on both sides",
        arguments: [
            (raw: 21.375, gain: 1.0, offset: 0.0, value: Int64(2_138)), (-21.375, 1, 0, -2_138),
            (0.125, 1, 0, 13), (-0.125, 1, 0, -13), (0.375, 1, -0.25, 13), (-0.375, 1, 0.25, -13),
            (21.374, 1, 0, 2_137), (-21.374, 1, 0, -2_137), (10, 2, -0.5, 1_950), (-10, 0.5, 0, -500),
            (0.004, 1, 0, 0), (-0.004, 1, 0, 0),
        ])
    func rounding(_ raw: Double, gain: Double, offset: Double, value: Int64) {
        let bench = SamplerBench([
            .source(Script([Sample(channel: 0, .physical(raw))]), gain: gain, offset: offset)
        ])
        bench.run(until: .seconds(0))
        #expect(bench.takeReadings().map(\.value) == [value])
    }

    @Test("Exact counts are never calibrated nor rounded, not even where a Double could not hold them")
    func exact() {
        let bench = SamplerBench([
            .source(
                Script([Sample(channel: 0, .exact(9_007_199_254_740_993))]), plausible: -1e18...1e18, gain: 3, offset: 7
            )
        ])
        bench.run(until: .seconds(0))
        #expect(bench.takeReadings().map(\.value) == [9_007_199_254_740_993])
    }

    @Test(
        "A value outside the plausible range is given, but uncertain; the range itself is inside",
        arguments: [
            (-40.0, Quality.good), (85, .good), (85.01, .outOfRange), (-40.01, .outOfRange), (1e15, .outOfRange),
        ])
    func range(_ raw: Double, quality: Quality) {
        let bench = SamplerBench([
            .source(Script([Sample(channel: 0, .physical(raw))]), plausible: -40...85)
        ])
        bench.run(until: .seconds(0))
        let reading = bench.takeReadings().first
        #expect(reading?.quality == quality)
        #expect(reading?.value == Int64((raw * 100).rounded(.toNearestOrAwayFromZero)))
    }

    @Test("The range is of the calibrated value, not of the raw one")
    func rangeAfterCalibration() {
        let bench = SamplerBench([
            .source(Script([Sample(channel: 0, .physical(90))]), plausible: -40...85, offset: -10)
        ])
        bench.run(until: .seconds(0))
        #expect(bench.takeReadings().first?.quality == .good)
    }

    @Test(
        "What no integer can hold is bad, not a trap",
        arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e17])
    func impossible(_ raw: Double) {
        let bench = SamplerBench([.source(Script([Sample(channel: 0, .physical(raw))]))])
        bench.run(until: .seconds(0))
        let reading = bench.takeReadings().first
        #expect(reading?.quality == .implausible)
        #expect(reading?.value == 0)
    }

    @Test("A driver's own doubt outlives the range check, and a bad sample carries no value")
    func doubt() {
        let script = Script([
            Sample(channel: 0, .physical(1), quality: .estimated), Sample(channel: 1, .physical(1), quality: .checksum),
            Sample(channel: 2, .exact(5), quality: .implausible), Sample(channel: 3, .physical(1e11), quality: .warmUp),
        ])
        let bench = SamplerBench([.source(script, plausible: 0...1e6, channels: 4)])
        bench.run(until: .seconds(0))
        let readings = bench.takeReadings()
        #expect(readings.map(\.quality) == [.estimated, .checksum, .implausible, .warmUp])
        #expect(readings.map(\.value) == [100, 0, 0, 10_000_000_000_000])
    }

    @Test("A sensor without a warm-up is good from its first reading, whatever nanosecond it was started at")
    func noWarmUp() {
        let bench = SamplerBench([.source(Script([Sample(channel: 0, .physical(1))]))])
        bench.clock.advance(by: .nanoseconds(1_000_000_999))
        _ = bench.sampler.step()
        #expect(bench.takeReadings().map(\.quality) == [.good])
    }

    // MARK: Failure

    @Test(
        "A failed read is a bad reading on every channel, with its reason",
        arguments: [
            (SensorFault.bus(.noAcknowledge), Quality.noAcknowledge), (.bus(.heldByKernel), .busy),
            (.bus(.absent(errno: 2)), .notAvailable), (.checksum, .checksum), (.notReady, .timedOut),
            (.wrongChip(found: 0x58, expected: 0x60), .wrongChip), (.implausible, .implausible),
            (.noData, .notAvailable), (.bus(.arbitrationLost), .busFault),
        ])
    func failure(_ fault: SensorFault, quality: Quality) {
        let script = Script()
        script.fault = fault
        let bench = SamplerBench([.source(script, channels: 3)])
        bench.run(until: .seconds(1))
        let readings = bench.takeReadings()
        #expect(readings.map(\.channel.rawValue) == [0, 1, 2, 0, 1, 2])
        #expect(readings.allSatisfy { $0.quality == quality && $0.value == 0 })
        #expect(readings.map(\.ordinal) == [1, 1, 1, 2, 2, 2])
    }

    @Test("Lost and back are told once each, however long it lasts")
    func lostAndBack() throws {
        let bench = try SamplerBench([.bme280()])
        bench.hardware.add(chipOf: "bme280", at: InstalledSensor.air)
        bench.run(until: .milliseconds(1_500))
        #expect(bench.takeNotices().isEmpty)
        bench.hardware.bus.detach(InstalledSensor.air)
        bench.run(until: .milliseconds(5_500))
        bench.hardware.add(chipOf: "bme280", at: InstalledSensor.air)
        bench.run(until: .milliseconds(8_500))
        let notices = bench.takeNotices()
        #expect(notices.map(\.kind) == [.sensorLost, .sensorBack])
        #expect(notices.first?.detail == Quality.noAcknowledge.rawValue)
        #expect(notices.first?.at == .seconds(2))
        let temperatures = bench.takeReadings().filter { $0.channel.rawValue == 0 }
        #expect(temperatures.map(\.quality.grade) == [.good, .good, .bad, .bad, .bad, .bad, .good, .good, .good])
    }

    @Test("An address that a kernel driver holds is not touched")
    func held() throws {
        let bench = try SamplerBench([.bme280()])
        bench.hardware.add(chipOf: "bme280", at: InstalledSensor.air)
        bench.hardware.bus.heldByKernel = [InstalledSensor.air]
        bench.run(until: .seconds(3))
        #expect(bench.hardware.bus.transfers == 0)
        #expect(bench.takeReadings().allSatisfy { $0.quality == .busy })
        // Unbound meanwhile: it is claimed again.
        bench.hardware.bus.heldByKernel = []
        bench.run(until: .milliseconds(4_500))
        #expect(bench.takeReadings().allSatisfy { $0.quality == .good })
    }

    @Test("After a time-out the bus is left alone for longer and longer, up to a minute; readings say so meanwhile")
    func backOff() throws {
        let bench = try SamplerBench([.bme280()])
        bench.hardware.add(chipOf: "bme280", at: InstalledSensor.air)
        var attempts: [Int64] = []
        bench.hardware.bus.trouble = { _, now in
            attempts.append(now.nanoseconds / 1_000_000_000)
            return .fault(.timedOut)
        }
        bench.run(until: .milliseconds(200_500))
        // Pauses of 1, 2, 4, ... 32, 60, 60 s, each ended by the next point of the grid.
        #expect(attempts == [0, 1, 3, 7, 15, 31, 63, 123, 183])
        #expect(bench.takeReadings().count == 201 * 3, "a bad reading of each channel every second all the same")
        #expect(bench.takeNotices().map(\.kind) == [.sensorLost])

        // One good measurement, and the next time-out begins with the shortest pause.
        bench.hardware.bus.trouble = nil
        bench.run(until: .milliseconds(244_500))
        attempts = []
        bench.hardware.bus.trouble = { _, now in
            attempts.append(now.nanoseconds / 1_000_000_000)
            return .fault(.timedOut)
        }
        bench.run(until: .milliseconds(248_500))
        #expect(attempts == [245, 246, 248])
    }

    @Test("A chip that does not answer is asked again at every period: only a wedged bus is left alone")
    func absentIsNoBackOff() throws {
        let bench = try SamplerBench([.bme280()])
        bench.run(until: .milliseconds(9_500))
        #expect(bench.hardware.bus.transfers == 10)
    }

    @Test("A sensor in trouble does not keep the others from being read")
    func others() throws {
        let bench = try SamplerBench([.bme280(first: 0), .source(Script([Sample(channel: 0, .physical(1))]), first: 3)])
        bench.run(until: .milliseconds(3_500))
        #expect(bench.takeReadings().filter { $0.channel.rawValue == 3 && $0.quality == .good }.count == 4)
    }

    // MARK: Numbers

    @Test("Readings that a full ring refuses are numbered and counted too")
    func refused() {
        let bench = SamplerBench(ring: 4, [.source(Script([Sample(channel: 0, .physical(1))]))])
        bench.run(until: .seconds(9))
        #expect(bench.counts.taken == 10)
        #expect(bench.counts.refused == 6)
        #expect(bench.takeReadings().map(\.ordinal) == [1, 2, 3, 4])
        bench.run(until: .seconds(10))
        #expect(bench.takeReadings().map(\.ordinal) == [11], "the gap shows what is missing")
        bench.sampler.finish()
        #expect(bench.counts.isFinished)
        #expect(bench.counts.takenByChannel == [11])
    }

    @Test("News is told once, when something was put into a ring")
    func news() {
        let bench = SamplerBench([.source(Script([Sample(channel: 0, .physical(1))]))])
        #expect(!bench.takeNews())
        bench.run(until: .seconds(0))
        #expect(bench.takeNews())
        #expect(!bench.takeNews())
        bench.clock.advance(by: .milliseconds(10))
        _ = bench.sampler.step()
        #expect(!bench.takeNews(), "nothing was due")
    }
}
