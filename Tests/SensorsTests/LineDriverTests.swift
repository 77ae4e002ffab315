import SimulatedWorld
import Testing
import World

@testable import Sensors

private let label = "pinctrl-bcm2711"
private let handle = LineHandle(index: 0)

private func counter(_ values: [String: Setting], active low: Bool = false) throws -> PulseCounter {
    let line = LineRequest(chipLabel: label, offset: 17, name: "GPIO17", isActiveLow: low)
    guard case .line(let driver) = try PulseCounter.entry.make(.of(values, line: line)),
        let counter = driver as? PulseCounter
    else { throw SettingFault(parameter: "driver", text: "not a pulse counter") }
    return counter
}

private let tenLitres: [String: Setting] = ["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3")]

private func edge(_ sequence: UInt32, active: Bool = true, at seconds: Int64 = 0) -> Edge {
    Edge(line: handle, isActive: active, at: .seconds(seconds), sequence: sequence)
}

extension LineDriver {
    fileprivate mutating func reading(at seconds: Int64) -> [Sample] {
        var samples = Samples(capacity: 4)
        try? collect(at: .seconds(seconds), isActive: false, into: &samples)
        return samples.all
    }

    fileprivate mutating func take(_ edges: Edge...) -> [Sample] {
        var samples = Samples(capacity: 16)
        for edge in edges { self.edge(edge, into: &samples) }
        return samples.all
    }

    fileprivate mutating func beginning(at seconds: Int64, active: Bool = false) -> [Sample] {
        var samples = Samples(capacity: 4)
        begin(at: .seconds(seconds), isActive: active, into: &samples)
        return samples.all
    }
}

private func exact(_ samples: [Sample]) -> [Int64] {
    samples.map { if case .exact(let value) = $0.measurement { value } else { .min } }
}

@Suite("Pulse counter")
struct PulseCounterTests {
    @Test("Amounts are exact and sum to the total; pulses alone are no readings")
    func amounts() throws {
        var counter = try counter(tenLitres)
        #expect(counter.beginning(at: 0).isEmpty)
        #expect(counter.take(edge(1), edge(2), edge(3)).isEmpty)
        let first = counter.reading(at: 60)
        #expect(exact(first) == [3, 3])
        #expect(first.map(\.acquired) == [.seconds(60), .seconds(60)])
        _ = counter.take(edge(4))
        #expect(exact(counter.reading(at: 120)) == [1, 4])
        #expect(exact(counter.reading(at: 180)) == [0, 4])
    }

    @Test("The scale makes one pulse a whole number of steps, the start of the meter included")
    func scales() throws {
        func channel(_ perPulse: Setting, _ initial: Setting? = nil) throws -> DriverChannel {
            var values = ["per_pulse": perPulse]
            values["initial"] = initial
            return try PulseCounter.entry.channels(.of(values))[0]
        }
        let water = try channel(.quantity(mantissa: 10, exponent: -3, unit: "m3"))
        #expect(water.quantity == "volume" && water.unit == "m3" && water.scale == -2 && !water.isCalibratable)
        let energy = try channel(.quantity(mantissa: 1, exponent: 3, unit: "Wh"))
        #expect(energy.quantity == "energy" && energy.scale == 0)
        let people = try channel(.quantity(mantissa: 1, exponent: 0, unit: "count"))
        #expect(people.quantity == "count" && people.unit == "count" && people.scale == 0)
        let metered: [String: Setting] = [
            "per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3"),
            "initial": .quantity(mantissa: 1_234_567, exponent: -3, unit: "m3"),
        ]
        #expect(try PulseCounter.entry.channels(.of(metered)).map(\.scale) == [-3, -3])
        var meter = try counter(metered)
        _ = meter.beginning(at: 0)
        _ = meter.take(edge(1))
        #expect(exact(meter.reading(at: 60)) == [10, 1_234_577])
    }

    @Test("A gap in the sequence is pulses that the kernel saw: counted, and still good")
    func gap() throws {
        var counter = try counter(tenLitres)
        _ = counter.beginning(at: 0)
        _ = counter.take(edge(1), edge(2), edge(7))
        let reading = counter.reading(at: 60)
        #expect(exact(reading) == [7, 7])
        #expect(reading.map(\.quality) == [.good, .good])
        // The first edges can be the lost ones.
        _ = counter.beginning(at: 61)
        _ = counter.take(edge(4))
        #expect(exact(counter.reading(at: 120)) == [4, 11])
    }

    @Test("Sequence numbers wrap without a pulse too many")
    func wrap() throws {
        var counter = try counter(tenLitres)
        _ = counter.beginning(at: 0)
        _ = counter.take(edge(2_000_000_000), edge(4_000_000_000), edge(.max), edge(0), edge(2))
        let reading = counter.reading(at: 60)
        #expect(exact(reading) == [1 << 32 + 2, 1 << 32 + 2])
        #expect(reading[0].quality == .good)
    }

    @Test("Numbers that go back are a new request: counted as they come, and estimated once")
    func backwards() throws {
        var counter = try counter(tenLitres)
        _ = counter.beginning(at: 0)
        _ = counter.take(edge(1), edge(2), edge(3), edge(1))
        let reading = counter.reading(at: 60)
        #expect(exact(reading) == [4, 4])
        #expect(reading.map(\.quality) == [.estimated, .estimated])
        #expect(counter.reading(at: 120).map(\.quality) == [.good, .good])
    }

    @Test("A line requested again after a fault: the next reading is estimated, once")
    func again() throws {
        var counter = try counter(tenLitres)
        _ = counter.beginning(at: 0)
        #expect(counter.reading(at: 60)[0].quality == .good)
        _ = counter.beginning(at: 90)
        #expect(counter.reading(at: 120)[0].quality == .estimated)
        #expect(counter.reading(at: 180)[0].quality == .good)
    }

    @Test("The counted direction is the one asked of the kernel; the other is no pulse")
    func direction() throws {
        var values = tenLitres
        #expect(try counter(values).request.edges == .toActive)
        values["edge"] = .text("to-inactive")
        var counter = try counter(values)
        #expect(counter.request.edges == .toInactive)
        _ = counter.beginning(at: 0)
        _ = counter.take(edge(1, active: false), edge(2, active: true))
        #expect(exact(counter.reading(at: 60)) == [1, 1])
    }

    @Test("A killed process goes on exactly, with the pulses that no reading had yet")
    func resumeExactly() throws {
        var before = try counter(tenLitres)
        _ = before.beginning(at: 0)
        _ = before.take(edge(1), edge(2))
        #expect(exact(before.reading(at: 60)) == [2, 2])
        _ = before.take(edge(3), edge(4), edge(5))
        let checkpoint = try #require(before.checkpoint)

        var after = try counter(tenLitres)
        after.resume(from: checkpoint, isExact: true)
        #expect(after.checkpoint == checkpoint)
        _ = after.beginning(at: 70)
        _ = after.take(edge(1))
        let reading = after.reading(at: 120)
        #expect(exact(reading) == [4, 6])
        #expect(reading.map(\.quality) == [.good, .good])
    }

    @Test("After a power cut the total goes on, nothing is amount twice, and the next reading is estimated, once")
    func resumeFromFlash() throws {
        var before = try counter(tenLitres)
        _ = before.beginning(at: 0)
        _ = before.take(edge(1), edge(2))
        _ = before.reading(at: 60)
        _ = before.take(edge(3))
        let checkpoint = try #require(before.checkpoint)

        var after = try counter(tenLitres)
        after.resume(from: checkpoint, isExact: false)
        #expect(after.checkpoint == 3, "the new epoch's event tells the total")
        _ = after.beginning(at: 0)
        _ = after.take(edge(1))
        let reading = after.reading(at: 60)
        #expect(exact(reading) == [1, 4])
        #expect(reading.map(\.quality) == [.estimated, .estimated])
        #expect(after.reading(at: 120)[0].quality == .good)
    }

    @Test("No checkpoint whatever makes it trap", arguments: [.min, -1, 0, .max, 1 << 43, (1 << 43) - 1] as [Int64])
    func anyCheckpoint(checkpoint: Int64) throws {
        for isExact in [true, false] {
            let values: [String: Setting] = [
                "per_pulse": .quantity(mantissa: 1, exponent: 6, unit: "Wh"),
                "initial": .quantity(mantissa: 1, exponent: 15, unit: "Wh"),
            ]
            var counter = try counter(values)
            counter.resume(from: checkpoint, isExact: isExact)
            _ = counter.beginning(at: 0)
            _ = counter.take(edge(1))
            #expect(exact(counter.reading(at: 60)).allSatisfy { $0 >= 0 })
            #expect((counter.checkpoint ?? -1) >= 0)
        }
    }

    @Test(
        "Settings that cannot be are refused by name",
        arguments: [
            ([:], "per_pulse"),
            (["per_pulse": .quantity(mantissa: 0, exponent: 0, unit: "m3")], "per_pulse"),
            (["per_pulse": .quantity(mantissa: -1, exponent: 0, unit: "m3")], "per_pulse"),
            (["per_pulse": .quantity(mantissa: 1, exponent: -12, unit: "m3")], "per_pulse"),
            (["per_pulse": .quantity(mantissa: 1, exponent: 9, unit: "Wh")], "per_pulse"),
            (
                [
                    "per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3"),
                    "initial": .quantity(mantissa: 5, exponent: 0, unit: "Wh"),
                ], "initial"
            ),
            (
                [
                    "per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3"),
                    "initial": .quantity(mantissa: -5, exponent: 0, unit: "m3"),
                ], "initial"
            ),
            (["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3"), "quantity": .text("Total")], "quantity"),
            (["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3"), "quantity": .text("total")], "quantity"),
        ] as [([String: Setting], String)])
    func refused(values: [String: Setting], parameter: String) throws {
        let fault = try #require(settingFault { _ = try PulseCounter.entry.channels(.of(values)) })
        #expect(fault.parameter == parameter)
        #expect(fault.text.split(separator: ";").count == 3, "\(fault.text)")
    }

    @Test(
        "A thousand simulated pulses are a thousand, however seldom the buffer is emptied",
        arguments: [1, 2, 7] as [UInt64])
    func simulated(seed: UInt64) throws {
        let clock = StillClock()
        let site = SimulatedSite(seed: seed, chips: [label: 54]) { clock.moment }
        var counter = try counter(tenLitres, active: true)
        let signal = site.addMeter(counter.request)
        let lines = site.lines
        let line = try lines.request(counter.request)
        let start = clock.moment
        _ = counter.beginning(at: 0, active: try lines.isActive(line))
        var random = Random(seed: seed)
        var sum: Int64 = 0
        for _ in 0..<200 {
            // Up to 60 s between two looks: more pulses than the 64 edges that are kept.
            clock.pass(.milliseconds(Int64(random.below(60_000))))
            while let edge = lines.nextEdge() { _ = counter.take(edge) }
            sum += exact(counter.reading(at: 0))[0]
        }
        let truth = signal.pulses(from: start, to: clock.moment)
        #expect(truth > 1_000)
        #expect(sum == Int64(truth), "seed \(seed)")
    }
}

@Suite("Digital input")
struct DigitalInputTests {
    private func input(active low: Bool = false) -> DigitalInput {
        DigitalInput(request: LineRequest(chipLabel: label, offset: 27, name: "GPIO27", isActiveLow: low))
    }

    @Test("Begin, edges and heartbeats are readings in order, edges with their own time")
    func order() {
        var input = input()
        let begin = input.beginning(at: 1, active: true)
        let edges = input.take(edge(1, active: false, at: 2), edge(2, active: true, at: 3))
        let beat = input.reading(at: 4)
        #expect(exact(begin + edges + beat) == [1, 0, 1, 0])
        #expect((begin + edges + beat).map(\.acquired) == [.seconds(1), .seconds(2), .seconds(3), .seconds(4)])
        #expect((begin + edges + beat).allSatisfy { $0.quality == .good && $0.channel == 0 })
        #expect(input.request.edges == .both)
        #expect(input.checkpoint == nil)
    }

    @Test("The reading after lost edges is estimated, and only that one")
    func lost() {
        var input = input()
        _ = input.beginning(at: 0)
        let samples = input.take(edge(1, at: 1), edge(4, active: false, at: 2), edge(5, at: 3))
        #expect(samples.map(\.quality) == [.good, .estimated, .good])
    }

    @Test("A line requested again begins with an estimated state and new numbers")
    func again() {
        var input = input()
        _ = input.beginning(at: 0)
        _ = input.take(edge(1, at: 1), edge(2, active: false, at: 2))
        #expect(input.beginning(at: 9).map(\.quality) == [.estimated])
        #expect(input.take(edge(1, at: 10)).map(\.quality) == [.good])
    }

    @Test("Mains that fail in the simulated site are seen at the very moments, active low")
    func mains() throws {
        let clock = StillClock()
        let site = SimulatedSite(seed: 5, chips: [label: 54]) { clock.moment }
        var input = input(active: true)
        let signal = site.addMains(input.request)
        let lines = site.lines
        let line = try lines.request(input.request)
        let outages = signal.pulses(from: clock.moment, to: clock.moment + .seconds(600))
        #expect(outages > 3)
        var states = exact(input.beginning(at: 0, active: try lines.isActive(line)))
        for _ in 0..<600 {
            clock.pass(.seconds(1))
            while let edge = lines.nextEdge() {
                #expect(edge.at <= clock.moment && edge.at > clock.moment - .seconds(1))
                states += exact(input.take(edge))
            }
        }
        #expect(states.first == 1)
        #expect(states.filter { $0 == 0 }.count == outages)
        #expect(zip(states, states.dropFirst()).allSatisfy { $0 != $1 })
    }
}
