import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x48)

private func settings(_ values: [String: Setting]) -> DriverSettings { .of(values, device: device) }

private func ohm(_ value: Int64) -> Setting { .quantity(mantissa: value, exponent: 0, unit: "Ohm") }

/// A level transmitter of 0 to 5 m through 165 Ohm on AIN0.
private let level: [String: Setting] = [
    "inputs": .text("ain0"), "shunt": ohm(165), "at_4ma": .number(0), "at_20ma": .number(5), "unit": .text("m"),
    "quantity": .text("level"),
]

private func driver(_ values: [String: Setting]) throws -> ADS1115 {
    guard case .bus(let driver) = try ADS1115.entry.make(settings(values)), let ads = driver as? ADS1115 else {
        throw SensorFault.noData
    }
    return ads
}

/// Settings, and the name that they are refused by. Not within the macro: Swift 6.0 fails at closures there.
private let refusedSettings: [([String: Setting], String)] = [
    (["inputs": .text("ain4")], "inputs"), (["inputs": .text("ain0 ain0")], "inputs"),
    (["inputs": .text(" ")], "inputs"), (["inputs": .text("ain0 ain1 ain2 ain3 ain0-ain1")], "inputs"),
    (["full_scale": .quantity(mantissa: 5, exponent: 0, unit: "V")], "full_scale"),
    (["at_4ma": .number(0)], "at_4ma"), (["shunt": ohm(165)], "shunt"), (["shunt": ohm(0)], "shunt"),
    (level.merging(["shunt": ohm(500)]) { $1 }, "shunt"),
    (level.merging(["full_scale": .quantity(mantissa: 2_048, exponent: -3, unit: "V")]) { $1 }, "full_scale"),
    (level.merging(["quantity": .text("Level")]) { $1 }, "quantity"),
    (level.merging(["at_20ma": .number(0)]) { $1 }, "shunt"),
]

@Suite("ADS1115")
struct ADS1115Tests {
    @Test("The data sheet's codes are its voltages: 0x7FFF, 0x0001, 0, 0xFFFF, 0x8000")
    func codes() {
        let vectors: [(UInt16, Double)] = [
            (0x7FFF, 2.0479375), (0x0001, 0.0000625), (0, 0), (0xFFFF, -0.0000625), (0x8000, -2.048),
        ]
        for (code, volts) in vectors {
            #expect(ADS1115Conversions.volts(code: Int16(bitPattern: code), fullScale: 2.048) == volts)
        }
    }

    @Test("Two inputs: each is written, waited for, read back and read, and the samples come together at the end")
    func script() throws {
        // AIN0 at ±4.096 V, single-shot, 128 a second, comparator off: 0xC387; AIN1 - AIN3: 0xA387.
        let script: [ScriptedBus.Step] = [
            .read(1, [0x85, 0x83]), .write(1, 0xC3, 0x87), .read(1, [0xC3, 0x87]), .read(0, [0x25, 0x80]),
            .read(1, [0xC3, 0x87]), .write(1, 0xA3, 0x87), .read(1, [0xA3, 0x87]), .read(0, [0xF5, 0x10]),
        ]
        var bus = ScriptedBus(device, script)
        var driver = try driver(["inputs": .text("ain0 ain1-ain3")])
        var samples = Samples(capacity: 4)
        #expect(try driver.start(on: &bus) == .microseconds(8_800))
        #expect(try driver.collect(from: &bus, into: &samples) == .microseconds(8_800))
        #expect(samples.count == 0)
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(zip(physical(samples.all), [1.2, -0.35]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test(
        "Channels are named and scaled by what is asked for",
        arguments: [
            (["inputs": .text("ain2")], "voltage", -4, -4.096, 4.096),
            (
                ["inputs": .text("ain0-ain1,ain2"), "full_scale": .quantity(mantissa: 256, exponent: -3, unit: "V")],
                "voltage_0_1", -6, -0.256, 0.256
            ),
            (level, "level", -4, -0.125, 5.3125),
        ] as [([String: Setting], String, Int8, Double, Double)])
    func channels(values: [String: Setting], name: String, scale: Int8, low: Double, high: Double) throws {
        let channel = try #require(try ADS1115.entry.channels(settings(values)).first)
        #expect(channel.quantity == name && channel.scale == scale)
        #expect(abs(channel.plausible.lowerBound - low) < 1e-9 && abs(channel.plausible.upperBound - high) < 1e-9)
    }

    @Test(
        "A loop: 4 mA and 20 mA are the ends, a broken wire has no value, more than 21 mA is out of range",
        arguments: [
            (4, 0, .good), (12, 2.5, .good), (20, 5, .good), (3.61, -0.121_875, .good),
            (3.59, -0.128_125, .openCircuit), (0, -1.25, .openCircuit), (21.01, 5.315_625, .outOfRange),
        ] as [(Double, Double, Quality)])
    func loop(milliampere: Double, metres: Double, quality: Quality) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let volts = milliampere / 1_000 * 165
        bus.attach(SimulatedADS1115(inputs: { _ in SIMD4(volts, 0, 0, 0) }), at: device)
        var driver = try driver(level)
        let samples = try measure(&driver, on: &bus, clock)
        #expect(samples.map(\.quality) == [quality])
        #expect(abs(physical(samples)[0] - metres) < 0.000_3)
    }

    @Test("What the inputs are at is what comes, over every full scale, differences included")
    func agreement() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedADS1115(inputs: { _ in SIMD4(0, 0, 0, 0) })
        bus.attach(chip, at: device)
        let inputs: [(String, SIMD4<Double>)] = [
            ("ain0", SIMD4(1, 0, 0, 0)), ("ain1", SIMD4(0, 1, 0, 0)), ("ain2", SIMD4(0, 0, 1, 0)),
            ("ain3", SIMD4(0, 0, 0, 1)), ("ain0-ain1", SIMD4(1, -1, 0, 0)), ("ain0-ain3", SIMD4(1, 0, 0, -1)),
            ("ain1-ain3", SIMD4(0, 1, 0, -1)), ("ain2-ain3", SIMD4(0, 0, 1, -1)),
        ]
        for (name, weights) in inputs {
            for millivolts in [6_144, 4_096, 2_048, 1_024, 512, 256] as [Int64] {
                let fullScale = Double(millivolts) / 1_000
                for part in stride(from: -0.499, through: 0.499, by: 0.0713) {
                    let common = SIMD4<Double>(0.2, -0.1, 0.15, 0.05)
                    let volts = (common + weights * part) * fullScale
                    chip.inputs = { _ in volts }
                    var driver = try driver([
                        "inputs": .text(name), "full_scale": .quantity(mantissa: millivolts, exponent: -3, unit: "V"),
                        "rate": .text("860"),
                    ])
                    let samples = try measure(&driver, on: &bus, clock)
                    let expected = (volts * weights).sum()
                    let isInside = abs(expected) < fullScale * 0.999
                    if isInside { #expect(abs(physical(samples)[0] - expected) <= fullScale / 65_536 * 1.01) }
                    #expect(samples[0].quality == (isInside ? .good : .saturated) || abs(expected) < fullScale)
                }
            }
        }
    }

    @Test("At both ends of the range the value is saturated, on an ADS1015 too", arguments: [16, 12])
    func saturated(bits: Int) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedADS1115(inputs: { _ in SIMD4(4.2, 4.0, 0, 4.3) })
        chip.bits = bits
        bus.attach(chip, at: device)
        var driver = try driver(["inputs": .text("ain0 ain1 ain2-ain3")])
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.saturated, .good, .saturated])
    }

    @Test("A chip that loses its supply during a conversion is asked again, and no zero is taken for a voltage")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedADS1115(inputs: { _ in SIMD4(1.5, 0.3, 0, 0) })
        bus.attach(chip, at: device)
        // The configuration that is nearest to what a reset leaves: AIN0 - AIN1 at 2.048 V.
        var driver = try driver([
            "inputs": .text("ain0-ain1"), "full_scale": .quantity(mantissa: 2_048, exponent: -3, unit: "V"),
        ])
        clock.pass(try driver.start(on: &bus))
        chip.powerCycle(at: clock.moment)
        var samples = Samples(capacity: 4)
        let again = try driver.collect(from: &bus, into: &samples)
        clock.pass(try #require(again))
        #expect(try driver.collect(from: &bus, into: &samples) == nil)
        #expect(abs(physical(samples.all)[0] - 1.2) < 0.000_1)
    }

    @Test(
        "A converter that another program left in continuous mode is taken out of it, and gives no value of that mode")
    func continuous() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedADS1115(inputs: { _ in SIMD4(0.5, 1.0, 1.5, 2.0) }), at: device)
        // AIN3 at 6.144 V, 64 a second, again and again.
        try bus.write([0x01, 0x70, 0x63], to: device)
        clock.pass(.milliseconds(3))
        var driver = try driver(["inputs": .text("ain0 ain1")])
        let values = physical(try measure(&driver, on: &bus, clock))
        #expect(abs(values[0] - 0.5) < 0.001 && abs(values[1] - 1) < 0.001)
    }

    @Test("A converter that never finishes is not ready; what keeps no configuration is no converter")
    func hung() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedADS1115(inputs: { _ in SIMD4(repeating: 1) })
        bus.attach(chip, at: device)
        chip.isHung = true
        var driver = try driver([:])
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        bus.attach(ConstantChip(), at: device)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Sensors that share one converter at the same moment each get their own input", arguments: [2, 3, 4])
    func shared(count: Int) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedADS1115(inputs: { _ in SIMD4(0.5, 1.0, 1.5, 2.0) }), at: device)
        var drivers = try (0..<count).map { try driver(["inputs": .text("ain\($0)")]) }
        for _ in 0..<20 {
            var due = try drivers.indices.map { clock.moment + (try drivers[$0].start(on: &bus)) }
            var values = [Double?](repeating: nil, count: count)
            for _ in 0..<200 where values.contains(nil) {
                clock.pass(.microseconds(250))
                for index in drivers.indices where values[index] == nil && due[index] <= clock.moment {
                    var samples = Samples(capacity: 4)
                    if let wait = try drivers[index].collect(from: &bus, into: &samples) {
                        due[index] = clock.moment + wait
                    } else {
                        values[index] = physical(samples.all)[0]
                    }
                }
            }
            for index in drivers.indices {
                #expect(abs((values[index] ?? 9) - 0.5 * Double(index + 1)) < 0.001)
            }
        }
    }

    @Test(
        "Settings that cannot be are refused by their name",
        arguments: refusedSettings)
    func refused(values: [String: Setting], parameter: String) {
        let fault = settingFault { _ = try ADS1115.entry.channels(settings(values)) }
        #expect(fault?.parameter == parameter)
        #expect(fault?.text.split(separator: ";").count == 3 && fault?.text.contains("expected") == true)
    }
}

/// Answers the same to everything, as a chip of another kind may.
private final class ConstantChip: SimulatedChip {
    func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool { true }
    func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        for index in 0..<reply.count { reply[index] = 0x80 }
        return true
    }
}
