import SimulatedWorld
import Testing
import World

@testable import Sensors

private func settings(_ inputs: String?, active: String = "high", bias: String = "pull-up") -> DriverSettings {
    var values: [String: Setting] = ["active": .text(active), "bias": .text(bias)]
    if let inputs { values["inputs"] = .text(inputs) }
    return .of(values, device: BusDevice(bus: 0, address: 0x20))
}

private let device = BusDevice(bus: 0, address: 0x20)

private func states(_ samples: [Sample]) -> [Int64] {
    samples.map { if case .exact(let value) = $0.measurement { value } else { -1 } }
}

@Suite("Port expanders")
struct ExpanderTests {
    private func expander(_ settings: DriverSettings) throws -> MCP23017 {
        let inputs = try ExpanderInputs(settings, names: MCP23017.names)
        return MCP23017(device: device, inputs: inputs, hasPullUps: settings.text("bias") != "disabled")
    }

    @Test("Inputs are named as in the datasheet, in any case, and become channels in the order given")
    func names() throws {
        let channels = try MCP23017.entry.channels(settings("A0 b3,A1"))
        #expect(channels.map(\.quantity) == ["a0", "b3", "a1"])
        #expect(channels.allSatisfy { !$0.isCalibratable && $0.unit == "/" && $0.scale == 0 })
        #expect(try MCP23017.entry.channels(settings(nil)).count == 16)
        #expect(try PCF8574.entry.channels(settings("P7")).map(\.quantity) == ["p7"])
    }

    @Test(
        "Names that the chip does not have, one twice, and none are refused with what to do",
        arguments: ["A8", "C0", "A0 A0", " ", "P0;x"])
    func wrongNames(inputs: String) {
        for entry in [MCP23017.entry, PCF8574.entry] {
            let fault = settingFault { _ = try entry.channels(settings(inputs)) }
            #expect(fault?.parameter == "inputs" && fault?.text.split(separator: ";").count == 3, "\(inputs)")
        }
    }

    @Test("PCF8574: latches high, one byte, bit by bit; golden vector with the highest bit set")
    func eight() throws {
        var bus = ScriptedBus(device, [.write(0xFF), .init(write: [], reply: .success([0b1000_0110]))])
        var driver = PCF8574(device: device, inputs: try ExpanderInputs(settings(nil), names: PCF8574.names))
        var samples = Samples(capacity: 8)
        #expect(try driver.start(on: &bus) == .milliseconds(1))
        _ = try driver.collect(from: &bus, into: &samples)
        #expect(states(samples.all) == [0, 1, 1, 0, 0, 0, 0, 1])
        #expect(samples.all.map(\.channel) == Array(0..<8))
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("PCF8574: every level of every input comes through, and a latch that somebody left low does not stay")
    func eightRoundTrip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedPCF8574()
        bus.attach(chip, at: device)
        var driver = PCF8574(
            device: device, inputs: try ExpanderInputs(settings(nil, active: "low"), names: PCF8574.names))
        for levels in 0...UInt16(255) {
            chip.surroundings = { _ in Surroundings { $0.inputs = levels } }
            _ = [UInt8(0)].withUnsafeBytes { chip.write($0, at: clock.moment) }
            let expected = (0..<8).map { Int64(1 - levels >> UInt16($0) & 1) }
            #expect(states(try measure(&driver, on: &bus, clock)) == expected)
        }
    }

    @Test("MCP23017: all controls written and read back, ports in one burst; golden vector with the highest bits set")
    func sixteen() throws {
        let controls: [UInt8] = [0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        var bus = ScriptedBus(
            device,
            [
                .write(0x05, 0), .write(0x0A, 0), .init(write: [0] + controls, reply: .success([])),
                .read(0, controls + [0, 0, 0, 0, 0b1000_0001, 0b1100_0000]),
            ])
        var driver = try expander(settings(nil))
        var samples = Samples(capacity: 16)
        #expect(try driver.start(on: &bus) == .milliseconds(2))
        _ = try driver.collect(from: &bus, into: &samples)
        #expect(states(samples.all) == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("MCP23017: every level of every input comes through; chosen ones in their order, low as 1 where asked")
    func sixteenRoundTrip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP23017()
        bus.attach(chip, at: device)
        var all = try expander(settings(nil))
        var some = try expander(settings("B7 A0", active: "low"))
        for bit in UInt16(0)..<16 {
            for levels in [1 << bit, ~(1 << bit)] as [UInt16] {
                chip.surroundings = { _ in Surroundings { $0.inputs = levels } }
                let expected = (0..<16).map { Int64(levels >> UInt16($0) & 1) }
                #expect(states(try measure(&all, on: &bus, clock)) == expected)
                #expect(states(try measure(&some, on: &bus, clock)) == [1 - expected[15], 1 - expected[0]])
            }
        }
    }

    @Test("MCP23017: an open contact is high with the pull-ups and low without")
    func pullUps() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP23017(surroundings: { _ in Surroundings { $0.inputs = 0 } })
        chip.undriven = 0x8001
        bus.attach(chip, at: device)
        var with = try expander(settings("A0 B6 B7"))
        var without = try expander(settings("A0 B6 B7", bias: "disabled"))
        #expect(states(try measure(&with, on: &bus, clock)) == [1, 0, 1])
        #expect(states(try measure(&without, on: &bus, clock)) == [0, 0, 0])
    }

    @Test(
        "MCP23017: however others left it, and after a lost supply, the next measurement is right",
        arguments: [
            [[0x0A, 0x80]], [[0x0A, 0x20]], [[0x0A, 0xA0]], [[0x00, 0, 0], [0x02, 0xFF, 0xFF]], [],
        ] as [[[UInt8]]])
    func recovers(writes: [[UInt8]]) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP23017()
        bus.attach(chip, at: device)
        var driver = try expander(settings("A0 A4 B7"))
        let expected = states(try measure(&driver, on: &bus, clock))
        #expect(expected == [1, 0, 0])
        if writes.isEmpty { chip.powerCycle(at: clock.moment) }
        for bytes in writes { _ = bytes.withUnsafeBytes { chip.write($0, at: clock.moment) } }
        #expect(states(try measure(&driver, on: &bus, clock)) == expected)
    }

    @Test("MCP23017: a supply lost between setting up and reading gives no states, nor does another chip")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedMCP23017()
        bus.attach(chip, at: device)
        var driver = try expander(settings(nil))
        var samples = Samples(capacity: 16)
        _ = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 0)
        bus.attach(SimulatedPCF8574(), at: device)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }
}
