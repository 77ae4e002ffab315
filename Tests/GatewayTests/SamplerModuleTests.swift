// Modules, outputs and meters under the Sampler: what is started is collected, what fails is asked for anew, what is
// set by hand is no amount.

import Gateway
import Sensors
import SimulatedWorld
import Testing
import World

@Suite("Sampler, modules on lines") struct SamplerModuleTests {
    private static func line(_ offset: UInt32) -> LineRequest {
        LineRequest(chipLabel: SamplerBench.chip, offset: offset, name: "GPIO\(offset)")
    }

    private func distance(every: Duration = .seconds(2)) throws -> InstalledSensor {
        try .catalogued(
            "ultrasonic", id: "level", every: every, line: Self.line(24), lines: ["trigger": Self.line(23)])
    }

    private func connect(_ bench: SamplerBench, metres: Double = 1.5) {
        let twin = EchoTwin(echo: 24) { _ in
            Surroundings {
                $0.celsius = 20
                $0.distanceMetres = metres
            }
        }
        bench.hardware.lines.connect(twin, to: SamplerBench.chip, 23)
    }

    @Test("A module is asked on its grid, from the first step on, and answers with the time that it was asked")
    func asked() throws {
        let bench = try SamplerBench([distance()])
        connect(bench)
        bench.run(until: .seconds(5))
        let readings = bench.takeReadings()
        #expect(readings.map(\.acquired) == [.seconds(0), .seconds(2), .seconds(4)])
        #expect(readings.map(\.value) == [1_500, 1_500, 1_500])
        #expect(readings.allSatisfy { $0.quality == .good })
        bench.sampler.finish()
        #expect(bench.takeReadings().isEmpty, "what would have to be started first is not, at the end")
    }

    @Test("A module that does not answer is lost with its reason, and is back as soon as it does")
    func silent() throws {
        let bench = try SamplerBench([distance()])
        bench.run(until: .seconds(3))
        #expect(bench.takeReadings().map(\.quality) == [.timedOut, .timedOut])
        connect(bench)
        bench.run(until: .seconds(5))
        #expect(bench.takeReadings().map(\.quality) == [.good])
        #expect(bench.takeNotices().map(\.kind) == [.sensorLost, .sensorBack])
    }

    @Test("A DHT22 is read through the Sampler's own waits")
    func dht() throws {
        let bench = try SamplerBench([
            .catalogued("dht22", id: "cabinet", every: .seconds(5), line: Self.line(4))
        ])
        bench.hardware.addModule(of: "dht22", isSmall: false, on: Self.line(4), trigger: nil)
        bench.run(until: .seconds(16))
        let readings = bench.takeReadings()
        #expect(readings.count == 8 && readings.allSatisfy { $0.quality == .good }, "\(readings)")
    }

    @Test("A chip that was unbound and came back: its lines are requested anew, and what was missed is estimated, once")
    func unbound() throws {
        let bench = try SamplerBench([.meter(), .mains(every: .seconds(10), first: 2)])
        bench.run(until: .seconds(1))
        bench.drive(17, high: true, at: .seconds(2))
        bench.drive(17, high: false, at: .seconds(2) + .milliseconds(50))
        bench.run(until: .seconds(11))
        #expect(bench.takeReadings().filter { $0.channel.rawValue == 1 }.map(\.value) == [1])
        bench.hardware.lines.unbind(SamplerBench.chip)
        bench.run(until: .seconds(31))
        let gone = bench.takeReadings()
        #expect(gone.count == 6 && gone.allSatisfy { $0.quality == .notAvailable })
        bench.hardware.lines.unbind(SamplerBench.chip, back: true)
        bench.run(until: .seconds(41))
        bench.drive(17, high: true, at: .seconds(42))
        bench.drive(17, high: false, at: .seconds(42) + .milliseconds(50))
        bench.run(until: .seconds(61))
        let water = bench.takeReadings().filter { $0.channel.rawValue == 1 }
        #expect(water.map(\.value) == [2, 2])
        #expect(water.map(\.quality) == [.estimated, .good])
        #expect(bench.takeNotices().map(\.kind) == [.sensorLost, .sensorLost, .sensorBack, .sensorBack])
    }

    @Test("An output is driven while the Sampler runs, read back, and left as configured at the end")
    func output() throws {
        let bench = try SamplerBench([
            .catalogued(
                "digital-output", id: "lamp", every: .seconds(10), line: Self.line(22),
                ["while_running": .text("blink"), "blink": .duration(.seconds(2)), "at_stop": .text("on")])
        ])
        var levels: [Bool] = []
        for second in 0..<40 {
            bench.run(until: .seconds(Int64(second)) + .milliseconds(500))
            levels.append(bench.hardware.lines.isHigh(SamplerBench.chip, 22))
        }
        #expect(levels[..<10].allSatisfy { !$0 }, "at_start stands until the first reading is due")
        #expect(levels[10..<40].filter { $0 }.count == 15)
        let readings = bench.takeReadings()
        #expect(readings.map(\.value).first == 0 && readings.dropFirst().allSatisfy { $0.value == 1 })
        #expect(readings.count == 3 || readings.count == 4)
        bench.sampler.finish()
        #expect(bench.hardware.lines.isHigh(SamplerBench.chip, 22))
    }

    // MARK: Meters set by hand

    private func pulse(_ bench: SamplerBench, at moment: Boottime) {
        bench.drive(17, high: true, at: moment)
        bench.drive(17, high: false, at: moment + .milliseconds(50))
    }

    @Test("A meter that is set: the total jumps, the amounts do not, and the event tells the new total")
    func set() throws {
        let memory = RingMemory(bytes: CounterPage.bytes)
        let meters = RingMemory(bytes: MeterPage.bytes)
        defer { withExtendedLifetime(meters) {} }
        let page = MeterPage(memory: meters.bytes)
        let bench = try SamplerBench(counterMemory: memory, meters: page, [.meter()])
        bench.sampler.resumeCounters(exact: { _ in nil }, afterPowerCut: { _ in nil }, key: { _ in 77 })
        bench.run(until: .seconds(1))
        #expect(bench.counters.slot(ofKey: 77) == 0)
        pulse(bench, at: .seconds(2))
        page.ask(0, total: 1_257_653, scale: -2)
        #expect(page.state(0) == .asked)
        bench.run(until: .seconds(11))
        #expect(page.state(0) == .done)
        pulse(bench, at: .seconds(12))
        bench.run(until: .seconds(21))
        let readings = bench.takeReadings()
        #expect(readings.filter { $0.channel.rawValue == 0 }.map(\.value) == [1, 1])
        #expect(readings.filter { $0.channel.rawValue == 1 }.map(\.value) == [1, 1_257_654])
        #expect(readings.allSatisfy { $0.quality == .good })
        let notices = bench.takeNotices()
        #expect(notices.map(\.kind) == [.counterSet] && notices[0].value == 1_257_653)
        #expect(bench.counters.found.first?.checkpoint == 1_257_654, "a killed process goes on from there")
    }

    @Test("Another scale and a total below the start are refused; what is withdrawn is not taken")
    func refused() throws {
        let meters = RingMemory(bytes: MeterPage.bytes)
        defer { withExtendedLifetime(meters) {} }
        let page = MeterPage(memory: meters.bytes)
        let bench = try SamplerBench(meters: page, [.meter(), .mains(every: .seconds(10), first: 2)])
        bench.run(until: .seconds(1))
        page.ask(0, total: 5, scale: -3)
        page.ask(1, total: 5, scale: 0)
        bench.run(until: .seconds(11))
        #expect(page.state(0) == .refused && page.state(1) == .refused)
        page.ask(0, total: 5, scale: -2)
        #expect(page.withdraw(0, scale: -2) && page.state(0) == .nothing)
        bench.run(until: .seconds(21))
        #expect(page.state(0) == .nothing && !page.withdraw(0, scale: -2))
        #expect(bench.takeNotices().isEmpty)
    }
}
