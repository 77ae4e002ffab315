// The driver of described chips on its own: what it says and hears, its checks, its numbers. That it agrees with the
// drivers in Swift is tested where the descriptions are read.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x5A)

private func channel(_ name: String) -> DriverChannel {
    DriverChannel(name, unit: "Cel", scale: -3, plausible: -100_000...100_000)
}

private func field(
    _ bits: Int, _ format: RegisterMap.Format = .unsigned, byte: Int = 0, shift: Int = 0,
    _ order: RegisterMap.Order = .big
) -> RegisterMap.Field {
    RegisterMap.Field(channel("t"), byte: byte, bits: bits, shift: shift, format: format, order: order)
}

/// One read of `count` bytes from register 0x10, the first two of them a number.
private func map(
    identity: RegisterMap.Check? = nil, setup: [RegisterMap.Message] = [], verify: RegisterMap.Check? = nil,
    trigger: [RegisterMap.Message] = [], _ change: (inout RegisterMap.Read) -> Void = { _ in }
) -> RegisterMap {
    var read = RegisterMap.Read(send: [0x10], count: 2)
    change(&read)
    return RegisterMap(
        identity: identity, setup: setup, verify: verify, trigger: trigger, reads: [read], fields: [field(16)])
}

/// The whole measurement on a scripted bus; waits in order.
private func run(
    _ map: RegisterMap, _ steps: [ScriptedBus.Step], times: Int = 1
) throws -> (waits: [Duration], samples: [Sample]) {
    var bus = ScriptedBus(device, steps)
    var driver = DescribedChip(device: device, map: map)
    var waits: [Duration] = []
    var samples = Samples(capacity: 64)
    for _ in 0..<times {
        waits.append(try driver.start(on: &bus))
        while let wait = try driver.collect(from: &bus, into: &samples) { waits.append(wait) }
    }
    #expect(bus.isUsedUp, "\(bus.complaints)")
    return (waits, samples.all)
}

private let plain = RegisterMap.Read(count: 8)

@Suite("Described chips")
struct DescribedChipTests {
    @Test(
        "Numbers of every width, place, sign and order come out as the datasheet means them",
        arguments: [
            (field(16), [0x80, 0x01], 32_769.0),
            (field(16, .signed), [0x80, 0x01], -32_767),
            (field(16, .signMagnitude), [0x80, 0x01], -1),
            (field(16, .signed, .little), [0x01, 0x80], -32_767),
            // Thirteen bits below three flags, as the MCP9808 has them.
            (field(13, .signed), [0xFF, 0xFE], -2),
            (field(13, .signed), [0xE0, 0x02], 2),
            // Nine bits, left-justified, as the LM75 has them.
            (field(9, .signed, shift: 7), [0xE7, 0x00], -50),
            (field(12, .signed, shift: 4), [0x7F, 0xF0], 2_047),
            (field(12, .signed, shift: 4, .little), [0x10, 0x80], -2_047),
            (field(20, .unsigned, shift: 4), [0x7E, 0xED, 0x0F], 519_888),
            (field(24, .signed), [0xFF, 0xFF, 0xFE], -2),
            (field(32, .signed), [0x80, 0x00, 0x00, 0x00], -2_147_483_648),
            (field(32, .float), [0xC1, 0x48, 0x00, 0x00], -12.5),
            (field(32, .float, .little), [0x00, 0x00, 0x48, 0xC1], -12.5),
            (field(1, byte: 1, shift: 6), [0x00, 0x40], 1),
            (field(1, .signed, byte: 1, shift: 6), [0x00, 0x40], -1),
            (field(32, .unsigned, shift: 31), [0, 0, 0, 0x40, 0, 0, 0, 0], 128),
            (field(32, .unsigned, shift: 7), [0x7F, 0xFF, 0xFF, 0xFF, 0x80], 4_294_967_295),
        ] as [(RegisterMap.Field, [UInt8], Double)])
    func numbers(field: RegisterMap.Field, bytes: [UInt8], expected: Double) {
        let answer = Reply(bytes + [UInt8](repeating: 0, count: 8 - bytes.count))
        #expect(field.value(of: field.raw(of: answer, plain)) == expected)
    }

    @Test("A number that goes on behind a checksum skips it")
    func overChecksums() {
        let read = RegisterMap.Read(count: 6, checksum: .init(polynomial: 0x31, initial: 0xFF, span: .word))
        let answer = Reply([0xC1, 0x48, 0xAA, 0x00, 0x01, 0xBB])
        #expect(field(32).raw(of: answer, read) == 0xC148_0001)
        #expect(field(24, byte: 1).raw(of: answer, read) == 0x480001)
        #expect(field(16, byte: 3, .little).raw(of: answer, read) == 0x0100)
        #expect(read.holds(bits: 32, shift: 0, at: 0) && read.holds(bits: 16, shift: 0, at: 3))
        #expect(!read.holds(bits: 32, shift: 1, at: 0) && !read.holds(bits: 8, shift: 0, at: 2))
        #expect(!read.holds(bits: 8, shift: 0, at: 5) && !read.holds(bits: 8, shift: 0, at: 6))
        #expect(!read.holds(bits: 8, shift: 0, at: -1) && !plain.holds(bits: 16, shift: 0, at: 7))
    }

    @Test(
        "Scale and offset make the value; bits that say `none` are no value, those at the end are saturated",
        arguments: [
            (0x0000, -45.0, .saturated), (0x8000, 0, .implausible), (0x0002, -44, .good),
        ] as [(UInt16, Double, Quality)])
    func meaning(raw: UInt16, value: Double, quality: Quality) {
        let field = RegisterMap.Field(
            channel("t"), byte: 0, bits: 16, scale: 0.5, offset: -45, invalid: 0x8000, saturated: 0)
        let sample = field.sample(0, of: Reply([UInt8(raw >> 8), UInt8(raw & 0xFF)]), RegisterMap.Read(count: 2))
        #expect(sample == Sample(channel: 0, .physical(value), quality: quality))
    }

    @Test("A float that is no number is no value", arguments: [0x7FC0_0000, 0x7F80_0000, 0xFF80_0000] as [UInt32])
    func noNumber(bits: UInt32) {
        let answer = Reply((0..<4).map { UInt8(truncatingIfNeeded: bits >> (24 - 8 * $0)) })
        #expect(field(32, .float).sample(0, of: answer, RegisterMap.Read(count: 4)).quality == .implausible)
    }

    @Test("Identity, then set-up with its waits, once; before each measurement the trigger, then a read with a pause")
    func order() throws {
        let map = map(
            identity: .init(.init(send: [0x0F], count: 2), mask: 0x0FFF, expected: 0x0117),
            setup: [.init([0x01, 0x02]), .init([0x03, 0x04, 0x05], wait: .milliseconds(10))],
            trigger: [.init([0x24, 0x00], wait: .milliseconds(16))]
        ) { $0.wait = .milliseconds(1) }
        let measurement: [ScriptedBus.Step] = [
            .write(0x24, 0x00), .write(0x10), .init(write: [], reply: .success([0x01, 0x00])),
        ]
        let (waits, samples) = try run(
            map,
            [.read(0x0F, [0x31, 0x17]), .write(0x01, 0x02), .write(0x03, 0x04, 0x05)] + measurement + measurement,
            times: 2)
        let one = Duration.milliseconds(1)
        let sixteen = Duration.milliseconds(16)
        #expect(waits == [.milliseconds(10), sixteen, one, sixteen, one])
        #expect(physical(samples) == [256, 256])
    }

    @Test("Without set-up and trigger a measurement is a read, with nothing to wait for")
    func least() throws {
        let (waits, samples) = try run(map(), [.read(0x10, [0xFF, 0xFE])])
        #expect(waits == [.zero] && physical(samples) == [65_534])
        let silent = RegisterMap(reads: [.init(count: 2)], fields: [field(16)])
        #expect(physical(try run(silent, [.init(write: [], reply: .success([0, 7]))]).samples) == [7])
    }

    @Test("Another chip is told by its id before anything is written to it")
    func wrongChip() {
        let map = map(
            identity: .init(.init(send: [0x0F], count: 2), mask: 0x0FFF, expected: 0x0117), setup: [.init([1, 2])])
        #expect(throws: SensorFault.wrongChip(found: 0x0190, expected: 0x0117)) {
            _ = try run(map, [.read(0x0F, [0x01, 0x90])])
        }
    }

    @Test("A chip that is not ready, one with a fault of its own, and one that is not set as it was give no values")
    func flags() {
        let ready = map { $0.ready = .init(byte: 0, mask: 0x80, expected: 0) }
        #expect(throws: SensorFault.notReady) { _ = try run(ready, [.read(0x10, [0x81, 0])]) }
        let healthy = map { $0.healthy = .init(byte: 1, mask: 0x06, expected: 0) }
        #expect(throws: SensorFault.deviceFault(code: 4)) { _ = try run(healthy, [.read(0x10, [0, 0xF4])]) }
        let verify = map(verify: .init(.init(send: [0x02], count: 1), mask: 0xF0, expected: 0x50))
        #expect(throws: SensorFault.implausible) { _ = try run(verify, [.read(0x10, [0, 1]), .read(0x02, [0x4F])]) }
        #expect(throws: Never.self) { _ = try run(verify, [.read(0x10, [0, 1]), .read(0x02, [0x5F])]) }
    }

    @Test("A conversion that is not over answers with nothing, and is not ready, not absent")
    func converting() {
        let map = RegisterMap(trigger: [.init([1])], reads: [.init(count: 2)], fields: [field(16)])
        #expect(throws: SensorFault.notReady) { _ = try run(map, [.write(1), .fail([], .noAcknowledge)]) }
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try run(map, [.fail([1], .noAcknowledge)]) }
    }

    @Test("Checksums: Sensirion's behind every word, one over the frame, and SMBus's over the whole transfer")
    func checksums() throws {
        // SHT4x datasheet: 0xBEEF gives 0x92.
        let word = map { ($0.count, $0.checksum) = (3, .init(polynomial: 0x31, initial: 0xFF, span: .word)) }
        // One over all four bytes, by the rule that the first example has proved.
        let frame = map { ($0.count, $0.checksum) = (5, .init(polynomial: 0x31, initial: 0xFF, span: .frame)) }
        // MLX90614 datasheet, its figure of a read of RAM 0x07: 0x3AD2, PEC 0x30.
        var packet = map { ($0.count, $0.checksum) = (3, .init(polynomial: 0x07, initial: 0, span: .packet)) }
        packet.reads[0].send = [0x07]
        let crc = CRC8.sensirion.of([0xBE, 0xEF, 0x01, 0x02])
        let good: [(RegisterMap, UInt8, [UInt8])] = [
            (word, 0x10, [0xBE, 0xEF, 0x92]), (frame, 0x10, [0xBE, 0xEF, 0x01, 0x02, crc]),
            (packet, 0x07, [0xD2, 0x3A, 0x30]),
        ]
        for (map, register, bytes) in good {
            #expect(try run(map, [.read(register, bytes)]).samples.count == 1)
            for bit in 0..<(bytes.count * 8) {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: SensorFault.checksum) { _ = try run(map, [.read(register, flipped)]) }
            }
        }
    }

    @Test("After a fault the chip is identified and set up anew; set-up that failed half-way begins again")
    func again() throws {
        let map = map(
            identity: .init(.init(send: [0x0F], count: 1), mask: 0xFF, expected: 0x33),
            setup: [.init([0x01, 0x02]), .init([0x03, 0x04])])
        let setUp: [ScriptedBus.Step] = [.read(0x0F, [0x33]), .write(0x01, 0x02), .write(0x03, 0x04)]
        var bus = ScriptedBus(
            device,
            [.read(0x0F, [0x33]), .write(0x01, 0x02), .fail([0x03, 0x04], .noAcknowledge)] + setUp
                + [.read(0x10, [0, 1]), .fail([0x10], .timedOut)] + setUp + [.read(0x10, [0, 2])])
        var driver = DescribedChip(device: device, map: map)
        var samples = Samples(capacity: 4)
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try driver.start(on: &bus) }
        driver.forget()
        _ = try driver.start(on: &bus)
        _ = try driver.collect(from: &bus, into: &samples)
        _ = try driver.start(on: &bus)
        #expect(throws: SensorFault.bus(.timedOut)) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        _ = try driver.start(on: &bus)
        _ = try driver.collect(from: &bus, into: &samples)
        #expect(physical(samples.all) == [1, 2])
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("The largest description ends within the steps of one measurement")
    func largest() throws {
        let message = RegisterMap.Message([1], wait: .milliseconds(1))
        let read = RegisterMap.Read(send: [2], wait: .milliseconds(1), count: RegisterMap.Limits.bytes)
        let map = RegisterMap(
            setup: Array(repeating: message, count: 8), trigger: Array(repeating: message, count: 8),
            reads: Array(repeating: read, count: RegisterMap.Limits.reads), fields: [field(16)])
        let answer = ScriptedBus.Step(write: [], reply: .success([UInt8](repeating: 0, count: 64)))
        let steps = (0..<16).map { _ in ScriptedBus.Step.write(1) } + (0..<8).flatMap { _ in [.write(2), answer] }
        let (waits, _) = try run(map, steps)
        #expect(waits.count == 24 && waits.count < Driver.stepsPerMeasurement)
    }

    @Test("Waits as long as `every` are refused")
    func tooSlow() {
        var settings = DriverSettings.of(device: device)
        settings.values["registers"] = .registers(map(trigger: [.init([1], wait: .seconds(1))]))
        let fault = settingFault { _ = try DescribedChip.entry.channels(settings) }
        #expect(fault?.parameter == "registers" && fault?.text.split(separator: ";").count == 3)
    }

    @Test("No answer whatever makes it trap", arguments: [1, 2, 3] as [UInt64])
    func anyAnswer(seed: UInt64) {
        var random = Random(seed: seed)
        for round in 0..<5_000 {
            let bits = 1 + Int(random.below(32))
            let shift = Int(random.below(32))
            let bytes = (0..<8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            guard plain.holds(bits: bits, shift: shift, at: 0) else { continue }
            for format in RegisterMap.Format.allCases {
                let field = field(bits, format, shift: shift, random.below(2) == 0 ? .big : .little)
                let sample = field.sample(0, of: Reply(bytes), plain)
                guard case .physical(let value) = sample.measurement else { continue }
                #expect(value.isFinite, "seed \(seed), round \(round)")
            }
        }
    }
}
