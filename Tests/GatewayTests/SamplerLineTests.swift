// Lines and counters under the Sampler: edges with their own time, and totals that outlive the process.

import Gateway
import SimulatedWorld
import Testing
import World

@Suite("Sampler, lines") struct SamplerLineTests {
    @Test("A change of a line is a reading with the edge's own time, however late it is looked at")
    func edges() throws {
        let bench = try SamplerBench([.mains()])
        bench.run(until: .seconds(1))
        #expect(bench.takeReadings().map(\.acquired) == [.seconds(0)], "its state at the start")
        bench.drive(27, high: true, at: .milliseconds(2_250))
        bench.drive(27, high: false, at: .milliseconds(2_260))
        bench.clock.advance(by: .milliseconds(700))
        _ = bench.sampler.step()
        let readings = bench.takeReadings()
        #expect(readings.map(\.acquired) == [.milliseconds(2_250), .milliseconds(2_260)])
        #expect(readings.map(\.value) == [1, 0])
        #expect(readings.map(\.ordinal) == [2, 3])
    }

    @Test("A line that another program holds is bad with that reason, and is taken as soon as it is free")
    func taken() throws {
        let bench = try SamplerBench([.mains(every: .seconds(5))])
        bench.hardware.lines.hold(SamplerBench.chip, 27, by: "gpio-keys")
        bench.run(until: .seconds(6))
        #expect(bench.takeReadings().map(\.quality) == [.busy, .busy])
        bench.hardware.lines.hold(SamplerBench.chip, 27, by: nil)
        bench.run(until: .seconds(11))
        #expect(bench.takeReadings().map(\.quality) == [.good])
        #expect(bench.takeNotices().map(\.kind) == [.sensorLost, .sensorBack])
    }

    /// Presses the meter's contact so often, 10 ms each, from the moment on.
    private func pulse(_ bench: SamplerBench, _ count: Int, from begin: Boottime) {
        for number in 0..<count {
            let at = begin + .milliseconds(20 * number)
            bench.drive(17, high: true, at: at)
            bench.drive(17, high: false, at: at + .milliseconds(10))
            _ = bench.sampler.step()
        }
    }

    /// Amounts and totals, in hundredths of a cubic metre: one pulse is 1.
    private func split(_ readings: [Reading]) -> (amounts: [Int64], totals: [Int64]) {
        (
            readings.filter { $0.channel.rawValue == 0 }.map(\.value),
            readings.filter { $0.channel.rawValue == 1 }.map(\.value)
        )
    }

    @Test("A counter never polls: every pulse between two readings is in the second, and the amounts sum to the total")
    func counts() throws {
        let bench = try SamplerBench([.meter()])
        bench.run(until: .seconds(1))
        pulse(bench, 7, from: .seconds(2))
        bench.run(until: .seconds(11))
        pulse(bench, 5, from: .seconds(12))
        bench.sampler.finish()
        let (amounts, totals) = split(bench.takeReadings())
        #expect(amounts == [7, 5], "the last at the orderly end")
        #expect(totals == [7, 12])
    }

    @Test("A counter goes on exactly from memory that outlived the process, also between two readings")
    func resumesExactly() throws {
        let memory = RingMemory(bytes: CounterPage.bytes)
        let first = try SamplerBench(counterMemory: memory, [.meter()])
        first.sampler.resumeCounters(exact: { _ in nil }, afterPowerCut: { _ in nil }, key: { _ in 77 })
        first.run(until: .seconds(1))
        pulse(first, 9, from: .seconds(2))
        first.run(until: .seconds(11))
        pulse(first, 4, from: .seconds(12))
        let before = split(first.takeReadings())
        // Here it is killed: no orderly end.

        let second = try SamplerBench(counterMemory: memory, [.meter()])
        let found = second.counters.found
        #expect(found.map(\.key) == [77])
        second.sampler.resumeCounters(
            exact: { _ in found.first?.checkpoint }, afterPowerCut: { _ in nil }, key: { _ in 77 })
        second.run(until: .seconds(1))
        pulse(second, 2, from: .seconds(2))
        second.run(until: .seconds(11))
        let after = split(second.takeReadings())
        #expect(after.totals.last == 15)
        #expect(
            (before.amounts + after.amounts).reduce(0, +) == 15, "no pulse between two readings is lost or told twice")
        #expect(second.takeNotices().isEmpty, "an exact continuation is no new epoch")
    }

    @Test("After a power cut a counter goes on from the checkpoint, with a notice of its total and a doubtful reading")
    func resumesAfterPowerCut() throws {
        let old = try SamplerBench([.meter()])
        old.sampler.resumeCounters(exact: { _ in nil }, afterPowerCut: { _ in nil }, key: { _ in 77 })
        old.run(until: .seconds(1))
        pulse(old, 40, from: .seconds(2))
        let kept = old.counters.found.first?.checkpoint

        let bench = try SamplerBench([.meter()])
        bench.sampler.resumeCounters(exact: { _ in nil }, afterPowerCut: { _ in kept }, key: { _ in 77 })
        bench.run(until: .seconds(1))
        pulse(bench, 2, from: .seconds(2))
        bench.run(until: .seconds(11))
        let notices = bench.takeNotices()
        #expect(notices.map(\.kind) == [.counterEpoch])
        #expect(notices.first?.value == 40)
        let readings = bench.takeReadings()
        #expect(split(readings).totals == [42])
        #expect(readings.allSatisfy { $0.quality == .estimated })
    }

    @Test("Sensors that do not count have no place in the counters' memory")
    func noCounter() throws {
        let bench = try SamplerBench([.mains()])
        bench.counters.assign(0, key: 5, checkpoint: 9)
        bench.sampler.resumeCounters(exact: { _ in nil }, afterPowerCut: { _ in nil }, key: { _ in 77 })
        #expect(bench.counters.found.isEmpty)
    }
}
