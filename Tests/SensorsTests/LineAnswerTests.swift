// A one-wire answer, an output, and what a second line makes of a counter.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private let label = "pinctrl-bcm2711"

private func line(_ offset: UInt32, low: Bool = false) -> LineRequest {
    LineRequest(chipLabel: label, offset: offset, name: "GPIO\(offset)", isActiveLow: low)
}

private func exact(_ samples: [Sample]) -> [Int64] {
    samples.map { if case .exact(let value) = $0.measurement { value } else { .min } }
}

@Suite("DHT22")
struct DHT22Tests {
    /// The answer as falling edges: bits from the highest on, by AM2302's typical times.
    private func falls(_ bytes: [UInt8], preamble: Bool = true) -> [Boottime] {
        var moment: Int64 = 5_000_000
        var falls = preamble ? [Boottime(nanoseconds: moment - 160_000)] : []
        falls.append(Boottime(nanoseconds: moment))
        for byte in bytes {
            for bit in 0..<8 {
                moment += byte >> (7 - bit) & 1 == 1 ? 120_000 : 76_000
                falls.append(Boottime(nanoseconds: moment))
            }
        }
        return falls
    }

    @Test("The manual's example is 65.2 %RH and 35.1 °C; below zero is sign and magnitude, -10.1 °C")
    func golden() throws {
        // AM2302 manual, section 7: 0000 0010 1000 1100 0000 0001 0101 1111 1110 1110, and 1000 0000 0110 0101.
        let example: [UInt8] = [0b0000_0010, 0b1000_1100, 0b0000_0001, 0b0101_1111, 0b1110_1110]
        #expect(try DHT22.decode(example, .dht22) == (35.1, 65.2))
        let cold: [UInt8] = [0b0000_0010, 0b1000_1100, 0b1000_0000, 0b0110_0101, 0x73]
        #expect(try DHT22.decode(cold, .dht22).celsius == -10.1)
        #expect(DHT22.bytes(falls(example)) == example)
        #expect(DHT22.bytes(falls(cold, preamble: false)) == cold, "the answer's own first edge may be missed")
    }

    @Test("DHT11: the manual's example is 53 %RH and 24.4 °C; its sign stands at the tenths")
    func dht11() throws {
        #expect(try DHT22.decode([0x35, 0x00, 0x18, 0x04, 0x51], .dht11) == (24.4, 53))
        #expect(try DHT22.decode([0x35, 0x00, 0x0A, 0x81, 0xC0], .dht11).celsius == -10.1)
    }

    @Test("A wrong sum, a line held down, a missing bit and a bit of no length are refused")
    func refused() throws {
        #expect(throws: SensorFault.checksum) { _ = try DHT22.decode([2, 0x8C, 1, 0x5F, 0xEF], .dht22) }
        #expect(throws: SensorFault.implausible) { _ = try DHT22.decode([0, 0, 0, 0, 0], .dht22) }
        var short = falls([2, 0x8C, 1, 0x5F, 0xEE], preamble: false)
        short.removeFirst()
        #expect(DHT22.bytes(short) == nil)
        var late = falls([2, 0x8C, 1, 0x5F, 0xEE])
        late[20] = late[19] + .microseconds(20)
        #expect(DHT22.bytes(late) == nil)
    }

    private struct Wire {
        let clock = StillClock()
        let lines: SimulatedLines
        var driver: DHT22
        let held: HeldLines

        init(isDHT11: Bool, celsius: Double, percent: Double, turnedBits: UInt64? = 0) throws {
            let clock = clock
            lines = SimulatedLines(chips: [label: 54]) { clock.moment }
            lines.drive(label, 4, high: true, at: clock.moment)
            var twin = DHTTwin(offset: 4, isDHT11: isDHT11) { _ in
                Surroundings {
                    $0.celsius = celsius
                    $0.percent = percent
                }
            }
            if let turnedBits {
                twin.turnedBits = turnedBits
                lines.connect(twin, to: label, 4)
            }
            driver = DHT22(request: line(4), model: isDHT11 ? .dht11 : .dht22)
            held = HeldLines(line: try lines.request(driver.request))
            var samples = Samples(capacity: 2)
            driver.begin(at: clock.moment, isActive: true, into: &samples)
        }

        mutating func measure() throws(SensorFault) -> [Double] {
            var samples = Samples(capacity: 2)
            var lines = lines
            while let wait = try driver.advance(at: clock.moment, on: &lines, held) {
                clock.pass(wait)
                while let edge = lines.nextEdge() { driver.edge(edge, into: &samples) }
            }
            try driver.collect(at: clock.moment, isActive: true, into: &samples)
            return physical(samples.all)
        }
    }

    @Test("Over the simulated wire each model gives what the air is, again and again", arguments: [false, true])
    func wire(isDHT11: Bool) throws {
        for celsius in [-12.5, -0.1, 0, 21.4, 55] {
            var wire = try Wire(isDHT11: isDHT11, celsius: celsius, percent: 48)
            for _ in 0..<3 {
                #expect(try wire.measure() == [celsius, 48])
                wire.clock.pass(.seconds(2))
            }
        }
    }

    @Test("Any one turned bit is a wrong sum, and a wire without a sensor an answer that does not come")
    func noise() throws {
        for bit in 0..<40 {
            var wire = try Wire(isDHT11: false, celsius: 21.4, percent: 48, turnedBits: 1 << UInt64(bit))
            #expect(throws: SensorFault.checksum, "bit \(bit)") { _ = try wire.measure() }
        }
        var bare = try Wire(isDHT11: false, celsius: 0, percent: 0, turnedBits: nil)
        #expect(throws: SensorFault.notReady) { _ = try bare.measure() }
    }

    @Test("Asked more often than every 2 s it is refused by name")
    func often() {
        var settings = DriverSettings.of(line: line(4))
        settings.every = .milliseconds(1_999)
        #expect(settingFault { _ = try DHT22.entry.channels(settings) }?.parameter == "every")
    }
}

@Suite("Digital output")
struct DigitalOutputTests {
    private let clock = StillClock()

    private func output(_ values: [String: String]) throws -> DigitalOutput {
        var settings = DriverSettings.of(values.mapValues(Setting.text), line: line(22, low: true))
        settings.every = .seconds(10)
        guard case .line(let made) = try DigitalOutput.entry.make(settings), let output = made as? DigitalOutput else {
            throw SettingFault(parameter: "driver", text: "no output")
        }
        return output
    }

    private func isOn(_ lines: SimulatedLines) -> Bool { !lines.isHigh(label, 22) }

    @Test("Its level is the configured one at the start, while it runs and at the stop; off where nothing is said")
    func levels() throws {
        for (values, levels) in [
            ([:], [false, false, false]),
            (["at_start": "on"], [true, false, false]),
            (["while_running": "on"], [false, true, false]),
            (["at_start": "on", "while_running": "on", "at_stop": "on"], [true, true, true]),
        ] as [([String: String], [Bool])] {
            let clock = clock
            var lines = SimulatedLines(chips: [label: 54]) { clock.moment }
            var output = try output(values)
            let held = HeldLines(line: try lines.request(output.request))
            var samples = Samples(capacity: 4)
            output.begin(at: clock.moment, isActive: try lines.isActive(held.line), into: &samples)
            #expect(try output.advance(at: clock.moment, on: &lines, held) == nil)
            var found = [isOn(lines)]
            clock.pass(.seconds(10))
            #expect(try output.advance(at: clock.moment, on: &lines, held) == nil)
            output.collect(at: clock.moment, isActive: try lines.isActive(held.line), into: &samples)
            found.append(isOn(lines))
            output.finish(on: &lines, held)
            found.append(isOn(lines))
            #expect(found == levels, "\(values)")
            #expect(exact(samples.all) == levels.dropLast().map { $0 ? 1 : 0 }, "\(values)")
        }
    }

    @Test("It blinks at its period from reading to reading, on while it is read, and never without end")
    func blinks() throws {
        let clock = clock
        var lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        var output = try output(["while_running": "blink"])
        let held = HeldLines(line: try lines.request(output.request))
        var samples = Samples(capacity: 4)
        output.begin(at: clock.moment, isActive: false, into: &samples)
        #expect(try output.advance(at: clock.moment, on: &lines, held) == nil)
        var levels: [Bool] = []
        while let wait = try output.advance(at: clock.moment, on: &lines, held) {
            levels.append(isOn(lines))
            #expect(wait == .milliseconds(500))
            clock.pass(wait)
        }
        #expect(levels.count == 20 && isOn(lines))
        #expect(levels == (0..<20).map { $0 % 2 == 0 })
    }
}

@Suite("Pulse counter, second line")
struct SecondLineTests {
    private func counter(_ key: String, _ values: [String: Setting] = [:]) throws -> PulseCounter {
        var settings = DriverSettings.of(values, line: line(17))
        settings.values["per_pulse"] = settings.values["per_pulse"] ?? .quantity(mantissa: 1, exponent: -2, unit: "m3")
        if !key.isEmpty { settings.lines[key] = line(27) }
        guard case .line(let made) = try PulseCounter.entry.make(settings), let counter = made as? PulseCounter else {
            throw SettingFault(parameter: "driver", text: "no counter")
        }
        return counter
    }

    private func edge(_ sequence: UInt32, active: Bool = true) -> Edge {
        Edge(line: LineHandle(index: 0), isActive: active, at: .seconds(Int64(sequence)), sequence: sequence)
    }

    private func read(_ counter: inout PulseCounter) -> [Sample] {
        var samples = Samples(capacity: 4)
        counter.collect(at: .seconds(100), isActive: false, into: &samples)
        return samples.all
    }

    @Test(
        "What ran back is owed before anything counts again, and told on its own", arguments: ["direction", "reverse"])
    func backwards(key: String) throws {
        var counter = try counter(key)
        var none = Samples(capacity: 4)
        counter.beginSecond(at: .seconds(0), isActive: false)
        counter.begin(at: .seconds(0), isActive: false, into: &none)
        for number in 1...10 { counter.edge(edge(UInt32(number)), into: &none) }
        #expect(exact(read(&counter)) == [10, 10, 0])
        // Four back, three forward, in one interval and across a restart.
        var sequence: UInt32 = 10
        func run(_ count: Int, back: Bool, turns: UInt32) {
            if key == "direction" { counter.secondEdge(edge(turns, active: back), into: &none) }
            for _ in 0..<count {
                if key == "direction" || !back {
                    sequence += 1
                    counter.edge(edge(sequence), into: &none)
                }
            }
            if key == "reverse", back {
                for number in 1...count { counter.secondEdge(edge(UInt32(number)), into: &none) }
            }
        }
        run(4, back: true, turns: 1)
        run(3, back: false, turns: 2)
        #expect(exact(read(&counter)) == [0, 10, 4])
        let checkpoint = try #require(counter.checkpoint)
        counter = try self.counter(key)
        counter.resume(from: checkpoint, isExact: true)
        #expect(counter.checkpoint == checkpoint && counter.total == 10)
        counter.beginSecond(at: .seconds(0), isActive: false)
        counter.begin(at: .seconds(0), isActive: false, into: &none)
        for number in 1...3 { counter.edge(edge(UInt32(number)), into: &none) }
        #expect(exact(read(&counter)) == [2, 12, 0], "one was still owed")
        #expect(try PulseCounter.entry.channels(settings(key)).map(\.quantity) == ["volume", "total", "reverse"])
    }

    private func settings(_ key: String) -> DriverSettings {
        var settings = DriverSettings.of(
            ["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3")], line: line(17))
        settings.lines[key] = line(27)
        return settings
    }

    @Test("Pulses lost around a turn of the direction are counted and the reading is estimated")
    func lostAtTurn() throws {
        var counter = try counter("direction")
        var none = Samples(capacity: 4)
        counter.beginSecond(at: .seconds(0), isActive: false)
        counter.begin(at: .seconds(0), isActive: false, into: &none)
        counter.edge(edge(3), into: &none)
        #expect(read(&counter).map(\.quality) == [.good, .good, .good])
        counter.secondEdge(edge(1, active: true), into: &none)
        counter.secondEdge(edge(2, active: false), into: &none)
        counter.edge(edge(6), into: &none)
        let reading = read(&counter)
        #expect(exact(reading) == [3, 6, 0] && reading.allSatisfy { $0.quality == .estimated })
    }

    @Test("Both a direction and a reverse line are refused")
    func both() {
        var settings = settings("direction")
        settings.lines["reverse"] = line(5)
        #expect(settingFault { _ = try PulseCounter.entry.channels(settings) }?.parameter == "reverse")
    }

    @Test("800 pulses are a kilowatt-hour exactly, however they fall into readings")
    func several() throws {
        var values: [String: Setting] = [
            "per_pulse": .quantity(mantissa: 1, exponent: 3, unit: "Wh"), "pulses": .integer(800),
        ]
        var counter = try counter("", values)
        let channel = try PulseCounter.entry.channels(.of(values))[1]
        var none = Samples(capacity: 4)
        counter.begin(at: .seconds(0), isActive: false, into: &none)
        var random = Random(seed: 7)
        var amounts: Int64 = 0
        var number: UInt32 = 0
        while number < 8_000 {
            for _ in 0..<min(random.below(13), UInt64(8_000 - number)) {
                number += 1
                counter.edge(edge(number), into: &none)
            }
            amounts += exact(read(&counter))[0]
        }
        let power = DecimalStep(Int(channel.scale)).value
        #expect((Double(amounts) * power).rounded() == 10_000 && amounts == counter.total)
        values["edge"] = .text("both")
        #expect(try self.counter("", values).request.edges == .both)
    }

    @Test("A meter is set to the nearest pulse; below where the count began it cannot be")
    func set() throws {
        var counter = try counter("", ["initial": .quantity(mantissa: 100, exponent: 0, unit: "m3")])
        var none = Samples(capacity: 4)
        counter.begin(at: .seconds(0), isActive: false, into: &none)
        counter.edge(edge(1), into: &none)
        _ = read(&counter)
        let isBelow = counter.setTotal(9_999)
        #expect(!isBelow && counter.total == 10_001)
        let isSet = counter.setTotal(1_257_653)
        #expect(isSet && counter.total == 1_257_653)
        counter.edge(edge(2), into: &none)
        #expect(exact(read(&counter)) == [1, 1_257_654], "the step is in no amount")
    }

    @Test("Presets wire the line as their output wants it")
    func presets() {
        let names = PulseCounter.entry.wirings.map(\.preset)
        #expect(names == ["", "s0", "reed", "open-collector"])
        // S0 pulses and pauses last 30 ms at least.
        #expect(PulseCounter.entry.wirings.allSatisfy { $0.debounce < .milliseconds(30) })
        #expect(PulseCounter.entry.wirings.dropFirst().allSatisfy { $0.bias == .pullUp && $0.isActiveLow })
    }

    @Test("A reed that bounces for milliseconds is one pulse, by the debounce of its preset")
    func reed() throws {
        let clock = StillClock()
        let lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        var request = line(17, low: true)
        let reed = try #require(PulseCounter.entry.wirings.first { $0.preset == "reed" })
        request.bias = reed.bias
        request.debounce = reed.debounce
        request.edges = .toActive
        _ = try lines.request(request)
        var random = Random(seed: 3)
        for _ in 0..<50 {
            for isClosing in [true, false] {
                for _ in 0..<6 {
                    lines.drive(label, 17, high: !isClosing, at: clock.moment)
                    clock.pass(.microseconds(Int64(200 + random.below(1_500))))
                    lines.drive(label, 17, high: isClosing, at: clock.moment)
                    clock.pass(.microseconds(Int64(100 + random.below(900))))
                }
                lines.drive(label, 17, high: !isClosing, at: clock.moment)
                clock.pass(.milliseconds(200))
            }
        }
        var pulses = 0
        while lines.nextEdge() != nil { pulses += 1 }
        #expect(pulses == 50)
    }

    @Test("A rain gauge tells the rain of its tips in millimetres")
    func rain() throws {
        let values: [String: Setting] = ["per_tip": .quantity(mantissa: 2_794, exponent: -4, unit: "mm")]
        #expect(try RainGauge.entry.channels(.of(values)).map(\.quantity) == ["rain", "total"])
        guard case .line(let made) = try RainGauge.entry.make(.of(values, line: line(17))),
            var gauge = made as? PulseCounter
        else { throw SettingFault(parameter: "driver", text: "no gauge") }
        var none = Samples(capacity: 4)
        gauge.begin(at: .seconds(0), isActive: false, into: &none)
        for number in 1...3 { gauge.edge(edge(UInt32(number)), into: &none) }
        #expect(exact(read(&gauge)) == [8_382, 8_382])
    }
}
