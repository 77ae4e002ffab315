// A Sampler over troubled hardware, recorded and replayed: the same readings, bit for bit, and where not, it is said.

import Agent
import Gateway
import Sensors
import SimulatedWorld
import Testing
import World

/// Time passes at every look: no two are the same, as on a board.
private final class RestlessClock: Clock {
    let clock: SimulatedClock
    private var random: Random

    init(_ clock: SimulatedClock, seed: UInt64) {
        self.clock = clock
        random = Random(seed: seed, purpose: "restless")
    }

    func now() -> Boottime {
        clock.advance(by: .nanoseconds(Int64(random.below(200_000))))
        return clock.now()
    }

    func wall() -> WallReading { clock.wall() }
}

/// One run of a site whose hardware has troubles of many kinds, from a seed.
private struct RecordedRun {
    let bytes: [UInt8]
    let readings: [Reading]
    static let air = BusDevice(bus: 0, address: 0x76)
    static let light = BusDevice(bus: 1, address: 0x23)
    static let power = BusDevice(bus: 1, address: 0x40)

    static func line(_ offset: UInt32) -> LineRequest {
        LineRequest(chipLabel: SamplerBench.chip, offset: offset, name: "GPIO\(offset)")
    }

    static func sensors(_ seed: UInt64) throws -> [InstalledSensor] {
        var random = Random(seed: seed, purpose: "sensors")
        func every() -> Duration { .milliseconds([200, 500, 1_000, 3_000][Int(random.below(4))]) }
        var sensors: [InstalledSensor] = [
            try .catalogued("bme280", id: "air", every: every(), device: air),
            try .catalogued("bh1750", id: "light", every: every(), first: 3, device: light),
            try .catalogued("ina219", id: "power", every: every(), first: 4, device: power,
                ["shunt": .quantity(mantissa: 100, exponent: -3, unit: "Ohm")]),
            try .catalogued(
                "pulse-counter", id: "water", every: every(), first: 10, line: line(17),
                ["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3")]),
            try .catalogued("digital-input", id: "mains", every: every(), first: 14, line: line(27)),
            // Nobody has such a line.
            try .catalogued("digital-input", id: "gone", every: every(), first: 15, line: line(99)),
            try .catalogued(
                "iio", id: "cabinet", every: every(), first: 20, ["device": .text("bme280")]),
            try .catalogued(
                "simulated", id: "street", every: every(), first: 30,
                ["quantity": .text("temperature"), "seed": .integer(3)]),
            try .catalogued(
                "ultrasonic", id: "level", every: every(), first: 40, line: line(24), lines: ["trigger": line(23)]),
            try .catalogued("dht22", id: "humid", every: .seconds(3), first: 44, line: line(4)),
            try .catalogued(
                "digital-output", id: "lamp", every: .seconds(1), first: 48, line: line(5),
                ["while_running": .text("blink")]),
            try .catalogued(
                "w1", id: "water-temperature", every: every(), first: 50, ["slave": .text("28-0316a2795cff")]),
        ]
        sensors.removeAll { _ in random.chance(1, in: 5) }
        // Somebody asks for the wall clock.
        for index in sensors.indices {
            for place in sensors[index].channels.indices where random.chance(1, in: 4) {
                sensors[index].channels[place].conditioning.certificateEnds = UTC(seconds: 1_767_225_600)
            }
        }
        return sensors
    }

    init(seed: UInt64, seconds: Int64 = 20) throws {
        var random = Random(seed: seed, purpose: "run")
        let time = SimulatedClock(seed: seed)
        let clock = RestlessClock(time, seed: seed)
        let site = SimulatedSite(seed: seed, buses: 2, chips: [SamplerBench.chip: 32]) { time.now() }
        site.add(chipOf: "bme280", at: Self.air)
        site.add(chipOf: "bh1750", at: Self.light)
        if random.chance(1, in: 2) { site.add(chipOf: "ina219", at: Self.power) }
        site.addMeter(Self.line(17))
        site.addMains(Self.line(27), slot: .seconds(3))
        site.addModule(of: "ultrasonic", isSmall: false, on: Self.line(24), trigger: Self.line(23))
        site.addModule(of: "dht22", isSmall: false, on: Self.line(4), trigger: nil)
        let wire = "/sys/bus/w1/devices"
        site.attributes.set("\(wire)/w1_bus_master1/therm_bulk_read", "0")
        site.attributes.set("\(wire)/w1_bus_master1/28-0316a2795cff/name", "28-0316a2795cff")
        let scratchpad = "50 05 4b 46 7f ff 0c 10 1c"
        site.attributes.set(
            "\(wire)/28-0316a2795cff/w1_slave", "\(scratchpad) : crc=1c YES\n\(scratchpad) t=85000")
        var troubles = Random(seed: seed, purpose: "troubles")
        site.bus.trouble = { _, _ in
            guard troubles.chance(1, in: 12) else { return nil }
            switch troubles.below(5) {
            case 0: return .fault(.noAcknowledge)
            case 1: return .fault(.timedOut)
            case 2: return .fault(.failed(errno: 5))
            case 3: return .lostWrite
            default: return .flippedBit(byte: Int(troubles.below(30)), bit: Int(troubles.below(8)))
            }
        }
        let recorder = SeamRecorder(Self.about)
        var sampler = LoneSampler(
            clock: RecordingClock(clock, recorder), bus: RecordingBus(site.bus, recorder),
            lines: RecordingLines(site.lines, recorder), attributes: RecordingAttributes(site.attributes, recorder),
            sensors: try Self.sensors(seed), trustsSystemClock: true)
        var readings: [Reading] = []
        let end = Boottime.seconds(seconds)
        while time.now() < end {
            if random.chance(1, in: 30) { site.attributes.removeIIO(0) }
            // The chip's driver is unbound, and comes back.
            if random.chance(1, in: 25) { site.lines.unbind(SamplerBench.chip, back: random.chance(1, in: 2)) }
            let next = min(sampler.record(recorder) { readings.append($0) }, site.lines.nextChange())
            // Now and then it is late.
            let late = random.chance(1, in: 20) ? Duration.milliseconds(Int64(random.below(1_500))) : .zero
            time.advance(to: time.virtualTime(of: min(max(next, time.now()) + late, end)))
        }
        _ = sampler.record(recorder, isLast: true) { readings.append($0) }
        recorder.finish()
        bytes = recorder.takeBytes()
        self.readings = readings
    }

    static let about = SeamRecording.About(configHash: "00000000", board: "simulated", sensors: [], version: "test")
}

/// What comes out of a recording.
private struct Replayed {
    var readings: [Reading] = []
    var differing = 0
    let end: SeamReplayer.End
    let divergence: SeamRecordingFault?

    init(_ recording: [UInt8], _ sensors: [InstalledSensor]) throws(SeamRecordingFault) {
        let replayer = try SeamReplayer(recording)
        var readings: [Reading] = []
        var differing = 0
        var plain = LoneSampler(
            clock: ReplayingClock(replayer), bus: ReplayingBus(replayer), lines: ReplayingLines(replayer),
            attributes: ReplayingAttributes(replayer), sensors: sensors, trustsSystemClock: true)
        while let mark = replayer.next() {
            let isSame = plain.replay(replayer, isLast: mark == .finish) { reading, isSame in
                if isSame { readings.append(reading) } else { differing += 1 }
            }
            if !isSame { break }
        }
        end = replayer.end
        divergence = replayer.divergence
        self.readings = readings
        self.differing = differing
    }

    /// The replay, recorded itself.
    static func recordedAgain(
        _ recording: [UInt8], _ sensors: [InstalledSensor]
    ) throws(SeamRecordingFault) -> [UInt8] {
        let again = try SeamReplayer(recording)
        let recorder = SeamRecorder(again.about)
        var recorded = LoneSampler(
            clock: RecordingClock(ReplayingClock(again), recorder), bus: RecordingBus(ReplayingBus(again), recorder),
            lines: RecordingLines(ReplayingLines(again), recorder),
            attributes: RecordingAttributes(ReplayingAttributes(again), recorder), sensors: sensors,
            trustsSystemClock: true)
        while let mark = again.next() {
            _ = recorded.record(recorder, isLast: mark == .finish) { _ = again.check($0) }
            if !again.endStep() { break }
        }
        recorder.finish()
        return recorder.takeBytes()
    }
}

@Suite("Recording and replaying") struct SamplerRecordingTests {
    static let command = "swift test --filter SamplerRecordingTests"

    @Test("A site with troubles of every kind gives the same readings again, and the same recording", arguments: 1...40)
    func same(_ number: Int) throws {
        let seed = UInt64(number)
        let run = try RecordedRun(seed: seed)
        let replayed = try Replayed(run.bytes, RecordedRun.sensors(seed))
        let about = Comment(rawValue: "seed \(seed); show it again with: \(Self.command)")
        #expect(run.readings.count > 10, about)
        #expect(replayed.end == .whole, about)
        #expect(replayed.divergence == nil, about)
        #expect(replayed.readings == run.readings, about)
        let again = try Replayed.recordedAgain(run.bytes, RecordedRun.sensors(seed))
        #expect(again == run.bytes, about)
    }

    @Test("The runs that are recorded have good and bad readings, edges and every fault that they should")
    func variety() throws {
        let texts = try (1...40).map { String(decoding: try RecordedRun(seed: UInt64($0)).bytes, as: UTF8.self) }
        let lines = Set(texts.flatMap { $0.split(separator: "\n").compactMap { $0.split(separator: " ").first } })
        let kinds = [
            "now", "wall", "claim", "bus", "request", "level", "edge", "drive", "release", "pulse", "give-up", "list",
            "open", "read", "write", "written", "reading",
        ]
        for kind in kinds { #expect(lines.contains(kind[...]), "\(kind)") }
        let all = texts.joined()
        for fault in ["no-acknowledge", "timed-out", "failed 5", "no-such-line", "no-such-file"] {
            #expect(all.contains("= ! \(fault)\n"), "\(fault)")
        }
    }

    @Test("A recording that was cut off gives the readings of its whole steps, wherever it was cut")
    func cut() throws {
        let run = try RecordedRun(seed: 7, seconds: 4)
        let sensors = try RecordedRun.sensors(7)
        var random = Random(seed: 1)
        var lengths: Set<Int> = []
        for _ in 0..<60 {
            let count = Int(random.below(UInt64(run.bytes.count)))
            guard let replayed = try? Replayed(Array(run.bytes[..<count]), sensors) else { continue }
            #expect(replayed.end == .torn, "cut to \(count) bytes")
            #expect(replayed.divergence == nil, "cut to \(count) bytes")
            #expect(run.readings.starts(with: replayed.readings), "cut to \(count) bytes")
            lengths.insert(replayed.readings.count)
        }
        #expect(lengths.count > 5, "\(lengths)")
    }

    @Test("No byte can be changed without notice: the readings up to there are the same, and the rest is not believed")
    func damaged() throws {
        let run = try RecordedRun(seed: 7, seconds: 4)
        let sensors = try RecordedRun.sensors(7)
        var random = Random(seed: 2)
        var found = 0
        for _ in 0..<120 {
            var bytes = run.bytes
            let place = Int(random.below(UInt64(bytes.count)))
            bytes[place] ^= 1 << UInt8(random.below(8))
            guard let replayed = try? Replayed(bytes, sensors) else { continue }
            found += 1
            #expect(replayed.end != .whole, "byte \(place)")
            #expect(replayed.differing == 0, "byte \(place)")
            #expect(run.readings.starts(with: replayed.readings), "byte \(place)")
        }
        #expect(found > 50)
    }

    @Test("A Sampler that asks something else is stopped there, with what it asked and what was recorded")
    func anotherWay() throws {
        let run = try RecordedRun(seed: 7, seconds: 4)
        var sensors = try RecordedRun.sensors(7)
        sensors.swapAt(0, sensors.count - 1)
        let replayed = try Replayed(run.bytes, sensors)
        let divergence = try #require(replayed.divergence)
        #expect(divergence.line > 3)
        #expect(divergence.expected.hasSuffix("which the Sampler asks for here"))
    }

    @Test("A reading that comes out differently is told with what was recorded")
    func anotherValue() throws {
        let run = try RecordedRun(seed: 7, seconds: 4)
        var sensors = try RecordedRun.sensors(7)
        for index in sensors.indices {
            for place in sensors[index].channels.indices {
                sensors[index].channels[place].calibration = .linear(gain: 1, offset: 1)
            }
        }
        let replayed = try Replayed(run.bytes, sensors)
        #expect(replayed.differing == 1)
        #expect(try #require(replayed.divergence).expected.hasSuffix("which is replayed"))
    }
}
