// Line drivers that measure: by the time between edges, by asking a module, by driving a line.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private let label = "pinctrl-bcm2711"

private func line(_ offset: UInt32, low: Bool = false) -> LineRequest {
    LineRequest(chipLabel: label, offset: offset, name: "GPIO\(offset)", isActiveLow: low)
}

private func edge(_ sequence: UInt32, active: Bool = true, ms milliseconds: Int64) -> Edge {
    Edge(
        line: LineHandle(index: 0), isActive: active, at: Boottime(nanoseconds: milliseconds * 1_000_000),
        sequence: sequence)
}

private func exact(_ samples: [Sample]) -> [Int64] {
    samples.map { if case .exact(let value) = $0.measurement { value } else { .min } }
}

extension LineDriver {
    fileprivate mutating func take(_ edges: [Edge], second: Bool = false) {
        var samples = Samples(capacity: 64)
        for edge in edges { second ? secondEdge(edge, into: &samples) : self.edge(edge, into: &samples) }
    }

    fileprivate mutating func reading(ms milliseconds: Int64) throws(SensorFault) -> [Sample] {
        var samples = Samples(capacity: 8)
        try collect(at: Boottime(nanoseconds: milliseconds * 1_000_000), isActive: false, into: &samples)
        return samples.all
    }

    fileprivate mutating func beginning(ms milliseconds: Int64 = 0, active: Bool = false) -> [Sample] {
        var samples = Samples(capacity: 8)
        begin(at: Boottime(nanoseconds: milliseconds * 1_000_000), isActive: active, into: &samples)
        return samples.all
    }
}

/// A catalogue entry's driver on simulated lines, stepped as the Sampler does it.
private struct Bench<D: LineDriver> {
    let clock = StillClock()
    let lines: SimulatedLines
    var driver: D
    var held = HeldLines(line: LineHandle(index: 0))

    init(
        _ entry: DriverEntry, line: LineRequest, second: [String: LineRequest] = [:], _ values: [String: Setting] = [:]
    ) throws {
        let clock = clock
        lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        var settings = DriverSettings.of(values, line: line)
        settings.every = entry.defaultEvery
        settings.lines = second
        guard case .line(let made) = try entry.make(settings), let driver = made as? D else {
            throw SettingFault(parameter: "driver", text: "another driver")
        }
        self.driver = driver
    }

    mutating func begin() throws -> [Sample] {
        held.line = try lines.request(driver.request)
        if let second = driver.secondRequest { held.second = try lines.request(second) }
        var samples = Samples(capacity: 8)
        driver.begin(at: clock.moment, isActive: try lines.isActive(held.line), into: &samples)
        return samples.all
    }

    mutating func measure() throws(SensorFault) -> [Sample] {
        var samples = Samples(capacity: 8)
        var lines = lines
        for _ in 0..<8 {
            while let edge = lines.nextEdge() {
                if edge.line == held.line { driver.edge(edge, into: &samples) }
            }
            guard let wait = try driver.advance(at: clock.moment, on: &lines, held) else { break }
            clock.pass(wait)
        }
        let isActive: Bool
        do throws(LineFault) { isActive = try lines.isActive(held.line) } catch { throw .line(error) }
        try driver.collect(at: clock.moment, isActive: isActive, into: &samples)
        return samples.all
    }
}

@Suite("Frequency and wind")
struct FrequencyTests {
    private func driver(_ entry: DriverEntry = Frequency.entry, _ values: [String: Setting] = [:]) throws -> Frequency {
        try Bench<Frequency>(entry, line: line(17), values).driver
    }

    @Test("A frequency is periods over their own time, wherever the readings fall")
    func periods() throws {
        var driver = try driver()
        _ = driver.beginning()
        // 8 Hz from 1,030 ms on.
        driver.take((0..<20).map { edge(UInt32($0 + 1), ms: 1_030 + 125 * Int64($0)) })
        #expect(physical(try driver.reading(ms: 3_450)) == [8])
        // One pulse in the interval is enough, because the last of the interval before is known.
        driver.take([edge(21, ms: 3_530)])
        #expect(physical(try driver.reading(ms: 3_600)) == [8])
    }

    @Test("Lost edges are counted by their numbers")
    func lost() throws {
        var driver = try driver()
        _ = driver.beginning()
        driver.take([edge(1, ms: 0), edge(11, ms: 1_000)])
        #expect(physical(try driver.reading(ms: 1_000)) == [10])
    }

    @Test("While nothing comes it falls as time passes, and is 0 after the time-out")
    func timeout() throws {
        var driver = try driver(Frequency.entry, ["timeout": .duration(.seconds(5))])
        _ = driver.beginning()
        #expect(physical(try driver.reading(ms: 0)) == [0])
        driver.take([edge(1, ms: 0), edge(2, ms: 100)])
        #expect(physical(try driver.reading(ms: 150)) == [10])
        #expect(physical(try driver.reading(ms: 2_100)) == [0.5])
        #expect(physical(try driver.reading(ms: 5_101)) == [0])
        // The pause before the next pulse is no period.
        driver.take([edge(3, ms: 60_000)])
        #expect(physical(try driver.reading(ms: 60_001)) == [0])
        driver.take([edge(4, ms: 60_250)])
        #expect(physical(try driver.reading(ms: 60_251)) == [4])
    }

    @Test("It is scaled to what the sensor's datasheet says; still stays still")
    func scaled() throws {
        let flow: [String: Setting] = ["per_hertz": .quantity(mantissa: 12, exponent: -2, unit: "l/min")]
        let channel = try Frequency.entry.channels(.of(flow))[0]
        #expect(channel.quantity == "flow" && channel.unit == "l/s")
        var driver = try driver(Frequency.entry, flow)
        _ = driver.beginning()
        driver.take([edge(1, ms: 0), edge(2, ms: 100)])
        #expect(abs(physical(try driver.reading(ms: 100))[0] - 0.02) < 1e-12)
        var wind = try self.driver(Anemometer.entry, ["offset": .quantity(mantissa: 18, exponent: -1, unit: "km/h")])
        _ = wind.beginning()
        #expect(physical(try wind.reading(ms: 0)) == [0, 0])
        wind.take([edge(1, ms: 0), edge(2, ms: 500)])
        // 2 Hz of 2.4 km/h, and 1.8 km/h.
        #expect(abs(physical(try wind.reading(ms: 500))[0] - 6.6 / 3.6) < 1e-12)
    }

    @Test("A gust is the fastest three seconds of the interval, and belongs to that interval alone")
    func gust() throws {
        var driver = try driver(Anemometer.entry)
        _ = driver.beginning()
        var moment: Int64 = 0
        var edges: [Edge] = []
        for (count, period) in [(20, 500), (36, 100), (20, 500)] as [(Int, Int64)] {
            for _ in 0..<count {
                edges.append(edge(UInt32(edges.count + 1), ms: moment))
                moment += period
            }
        }
        driver.take(edges)
        let windy = physical(try driver.reading(ms: moment))
        let metresPerSecond = 2.4 / 3.6
        #expect(abs(windy[1] / metresPerSecond - 10) < 0.1)
        #expect(windy[0] < windy[1])
        driver.take((0..<20).map { edge(UInt32(edges.count + 1 + $0), ms: moment + 500 * Int64($0)) })
        let calm = physical(try driver.reading(ms: moment + 10_000))
        #expect(abs(calm[1] / metresPerSecond - 2) < 0.3)
    }
}

@Suite("Duty")
struct DutyTests {
    @Test("The share and the number are exact to the edges' own times, across readings")
    func share() throws {
        var driver = try Bench<Duty>(Duty.entry, line: line(17)).driver
        _ = driver.beginning(ms: 0)
        driver.take([edge(1, ms: 1_000), edge(2, active: false, ms: 2_500), edge(3, ms: 9_000)])
        let first = try driver.reading(ms: 10_000)
        #expect(physical(first)[0] == 25 && exact(first)[1] == 2)
        driver.take([edge(4, active: false, ms: 14_000)])
        let second = try driver.reading(ms: 20_000)
        #expect(physical(second)[0] == 40 && exact(second)[1] == 0)
        #expect((first + second).allSatisfy { $0.quality == .good })
        let rest = try driver.reading(ms: 30_000)
        #expect(physical(rest)[0] == 0)
    }

    @Test("Lost edges leave the count right and the share estimated, once")
    func lost() throws {
        var driver = try Bench<Duty>(Duty.entry, line: line(17)).driver
        _ = driver.beginning(ms: 0)
        // Up, (down, up, down, up), down.
        driver.take([edge(1, ms: 1_000), edge(6, active: false, ms: 9_000)])
        let reading = try driver.reading(ms: 10_000)
        #expect(exact(reading)[1] == 3)
        #expect(reading.map(\.quality) == [.estimated, .estimated])
        #expect(try driver.reading(ms: 20_000).map(\.quality) == [.good, .good])
    }
}

@Suite("Ultrasonic")
struct UltrasonicTests {
    private func bench(_ metres: Double, model: String = "hc-sr04", celsius: Int64 = 20) throws -> Bench<Ultrasonic> {
        var bench = try Bench<Ultrasonic>(
            Ultrasonic.entry, line: line(24), second: ["trigger": line(23)],
            ["model": .text(model), "temperature": .quantity(mantissa: celsius, exponent: 0, unit: "Cel")])
        let twin = EchoTwin(echo: 24, farthest: 8) { _ in
            Surroundings {
                $0.celsius = Double(celsius)
                $0.distanceMetres = metres
            }
        }
        bench.lines.connect(twin, to: label, 23)
        _ = try bench.begin()
        return bench
    }

    @Test(
        "The echo's length is the way there and back, at the air's temperature", arguments: [-20, 0, 20, 40] as [Int64])
    func distance(celsius: Int64) throws {
        for metres in [0.02, 0.5, 1.234, 3.99] {
            var bench = try bench(metres, celsius: celsius)
            for _ in 0..<3 {
                let samples = try bench.measure()
                #expect(abs(physical(samples)[0] - metres) < 1e-6)
                #expect(samples[0].quality == (metres < 0.021 ? samples[0].quality : .good))
                bench.clock.pass(.seconds(1))
            }
        }
    }

    @Test("The manual's own figure: 58 µs are a centimetre")
    func manual() {
        #expect(abs(Ultrasonic.speedOfSound(celsius: 20) / 2 * 58e-6 - 0.01) < 0.0001)
        #expect(abs(Ultrasonic.speedOfSound(celsius: 0) - 331.3) < 1e-9)
    }

    @Test("Beyond its range it is at least so far; nearer than it hears it means nothing; a silent module is a fault")
    func ends() throws {
        var far = try bench(5)
        let samples = try far.measure()
        #expect(physical(samples) == [4] && samples[0].quality == .saturated)
        var same = try bench(5, model: "jsn-sr04t")
        #expect(try abs(physical(same.measure())[0] - 5) < 1e-6)
        var near = try bench(0.1, model: "jsn-sr04t")
        #expect(try near.measure()[0].quality == .outOfRange)
        var absent = try Bench<Ultrasonic>(Ultrasonic.entry, line: line(24), second: ["trigger": line(23)])
        _ = try absent.begin()
        #expect(throws: SensorFault.notReady) { _ = try absent.measure() }
    }

    @Test("An echo that never ends is nothing within range")
    func held() throws {
        var bench = try Bench<Ultrasonic>(Ultrasonic.entry, line: line(24), second: ["trigger": line(23)])
        _ = try bench.begin()
        var lines = bench.lines
        let wait = try bench.driver.advance(at: bench.clock.moment, on: &lines, bench.held)
        #expect(wait == .milliseconds(70))
        bench.clock.pass(.milliseconds(1))
        bench.lines.drive(label, 24, high: true, at: bench.clock.moment)
        bench.clock.pass(.milliseconds(69))
        #expect(try bench.measure()[0].quality == .saturated)
    }
}
