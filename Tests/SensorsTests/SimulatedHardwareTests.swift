import Glibc
import SimulatedWorld
import Testing
import World

@testable import Sensors

private let label = "pinctrl-bcm2711"

extension SimulatedLines {
    fileprivate func drain() -> [Edge] {
        var edges: [Edge] = []
        while let edge = nextEdge() { edges.append(edge) }
        return edges
    }
}

@Suite("Simulated hardware")
struct SimulatedHardwareTests {
    private func line(
        _ offset: UInt32, _ edges: EdgeSelection = .both, bias: Bias = .asIs, low: Bool = false,
        debounce: Duration = .zero
    ) -> LineRequest {
        LineRequest(
            chipLabel: label, offset: offset, name: "GPIO\(offset)", bias: bias, isActiveLow: low, edges: edges,
            debounce: debounce)
    }

    @Test("A line has one owner; unknown chips and lines are refused")
    func owners() throws {
        let lines = SimulatedLines(chips: [label: 54]) { .seconds(1) }
        _ = try lines.request(line(17))
        #expect(throws: LineFault.taken(by: "GPIO17")) { _ = try lines.request(line(17)) }
        #expect(throws: LineFault.noSuchLine) { _ = try lines.request(line(54)) }
        lines.hold(label, 4, by: "w1")
        #expect(throws: LineFault.taken(by: "w1")) { _ = try lines.request(line(4)) }
        lines.hold(label, 4, by: nil)
        _ = try lines.request(line(4))
        var other = line(5)
        other.chipLabel = "pinctrl-rp1"
        #expect(throws: LineFault.noSuchChip) { _ = try lines.request(other) }
    }

    @Test("A full buffer drops the oldest edges, and the gap shows at the next one read")
    func overflow() throws {
        let clock = StillClock()
        let lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        let handle = try lines.request(line(17))
        for number in 0..<68 {
            clock.pass(.milliseconds(1))
            lines.drive(label, 17, high: number % 2 == 0, at: clock.moment)
        }
        let edges = lines.drain()
        #expect(edges.map(\.sequence) == Array(5...68))
        #expect(edges.last?.at == clock.moment)
        #expect(try lines.isActive(handle) == false)
        clock.pass(.milliseconds(1))
        lines.drive(label, 17, high: true, at: clock.moment)
        #expect(lines.drain().map(\.sequence) == [69])
    }

    @Test("Edges of several lines come in the order of time, of one direction only where asked, active low applied")
    func order() throws {
        let clock = StillClock()
        let lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        let water = try lines.request(line(17, .toActive, bias: .pullUp, low: true))
        let mains = try lines.request(line(27))
        #expect(try lines.isActive(water) == false)
        lines.drive(label, 27, high: true, at: .seconds(1_001))
        lines.drive(label, 17, high: false, at: .seconds(1_000))
        lines.drive(label, 17, high: true, at: .seconds(1_002))
        lines.drive(label, 17, high: false, at: .seconds(1_003))
        clock.pass(.seconds(3))
        let edges = lines.drain()
        #expect(edges.map(\.line) == [water, mains, water])
        #expect(edges.map(\.sequence) == [1, 1, 2])
        #expect(edges.map(\.isActive) == [true, true, true])
        #expect(try lines.isActive(water))
    }

    @Test("Debounce reports a level that has lasted, and swallows a bounce")
    func debounce() throws {
        let clock = StillClock()
        let lines = SimulatedLines(chips: [label: 54]) { clock.moment }
        let handle = try lines.request(line(17, debounce: .milliseconds(30)))
        let start = clock.moment
        for (after, isHigh) in [(0, true), (5, false), (8, true), (100, false), (110, true)] as [(Int, Bool)] {
            lines.drive(label, 17, high: isHigh, at: start + .milliseconds(after))
        }
        #expect(lines.nextChange() == .distantFuture)
        clock.pass(.milliseconds(200))
        let edges = lines.drain()
        #expect(edges.map(\.at) == [start + .milliseconds(38)])
        #expect(try lines.isActive(handle))
        lines.drive(label, 17, high: false, at: clock.moment)
        #expect(lines.nextChange() == clock.moment + .milliseconds(30))
        #expect(try lines.isActive(handle))
    }

    @Test("Jumping from change to change misses no edge of a signal, and looking seldom gives the same ones")
    func jumping() throws {
        func edges(jumping: Bool) throws -> [Edge] {
            let clock = StillClock()
            let site = SimulatedSite(seed: 11, chips: [label: 54]) { clock.moment }
            let request = line(17)
            site.addMeter(request, slot: .seconds(10))
            _ = try site.lines.request(request)
            var edges: [Edge] = []
            while clock.moment < .seconds(1_100) {
                clock.moment = jumping ? site.lines.nextChange() : clock.moment + .seconds(7)
                edges += site.lines.drain()
            }
            return edges.filter { $0.at < .seconds(1_100) }
        }
        let jumped = try edges(jumping: true)
        #expect(jumped.count > 8)
        #expect(try edges(jumping: false) == jumped)
    }

    @Test("A signal's pulses never touch, and can be asked from any time on", arguments: [1, 2, 3] as [UInt64])
    func signal(seed: UInt64) throws {
        let signal = LineSignal.meter(seed: seed, slot: .milliseconds(400), pulseIsHigh: false)
        var moment = Boottime.seconds(0)
        var count = 0
        while let pulse = signal.pulse(endingAfter: moment), pulse.start < .seconds(600) {
            #expect(pulse.start > moment && pulse.end > pulse.start, "seed \(seed)")
            #expect(signal.pulse(endingAfter: pulse.start) == pulse)
            #expect(signal.pulse(endingAfter: pulse.end)?.start ?? .distantFuture > pulse.end)
            moment = pulse.end
            count += 1
        }
        #expect(count == signal.pulses(from: .seconds(0), to: .seconds(600)))
        #expect((900...1_200).contains(count), "seed \(seed)")
    }

    @Test("Faults of the bus come in the order they were asked for, then all is well again")
    func busFaults() throws {
        let clock = StillClock()
        let device = BusDevice(bus: 0, address: 0x77)
        let bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedBME280(), at: device)
        bus.fail(device, with: .fault(.timedOut))
        bus.fail(device, with: .flippedBit(byte: 0, bit: 3))
        func chipID() throws(BusFault) -> UInt8 {
            var lent = bus
            var id: UInt8 = 0
            var fault: BusFault?
            withUnsafeMutableBytes(of: &id) { buffer in
                do throws(BusFault) { try lent.read(register: 0xD0, of: device, into: buffer) } catch { fault = error }
            }
            if let fault { throw fault }
            return id
        }
        #expect(throws: BusFault.timedOut) { _ = try chipID() }
        #expect(try chipID() == 0x68)
        #expect(try chipID() == 0x60)
        bus.trouble = { _, _ in .fault(.stuck) }
        #expect(throws: BusFault.stuck) { _ = try chipID() }
        bus.trouble = nil
        bus.detach(device)
        #expect(throws: BusFault.noAcknowledge) { _ = try chipID() }
        #expect(bus.transfers == 5)
    }

    @Test("Any trouble from a seed gives faults or values, never a trap", arguments: [1, 2, 3, 4] as [UInt64])
    func trouble(seed: UInt64) throws {
        let clock = StillClock()
        let device = BusDevice(bus: 0, address: 0x76)
        let site = SimulatedSite(seed: seed, chips: [:]) { clock.moment }
        site.add(chipOf: "bme280", at: device)
        let chip = try #require(site.bus.chip(at: device) as? SimulatedBME280)
        var random = Random(seed: seed)
        site.bus.trouble = { _, _ in
            switch random.below(12) {
            case 0: .fault(.noAcknowledge)
            case 1: .fault(.timedOut)
            case 2: .flippedBit(byte: Int(random.below(32)), bit: Int(random.below(8)))
            case 3: .lostWrite
            default: nil
            }
        }
        var bus = site.bus
        var driver = BME280(device: device)
        var samples = Samples(capacity: 4)
        var (good, failed) = (0, 0)
        for round in 0..<2_000 {
            samples.removeAll()
            do throws(SensorFault) {
                clock.pass(try driver.start(on: &bus))
                _ = try driver.collect(from: &bus, into: &samples)
                #expect(samples.count == 3, "seed \(seed), round \(round)")
                good += 1
            } catch {
                #expect(samples.count == 0, "seed \(seed), round \(round)")
                driver.forget()
                failed += 1
            }
            if round % 100 == 0 { chip.powerCycle(at: clock.moment) }
            clock.pass(.seconds(10))
        }
        #expect(good > 100 && failed > 100, "seed \(seed): \(good) good, \(failed) failed")
        // When the trouble ends, at most one measurement is still spoilt, and the values are right.
        site.bus.trouble = nil
        chip.set(celsius: -7.5, pascal: 98_000, percent: 81)
        for _ in 0..<2 {
            samples.removeAll()
            clock.pass(.seconds(1))
            do throws(SensorFault) {
                clock.pass(try driver.start(on: &bus))
                _ = try driver.collect(from: &bus, into: &samples)
            } catch { samples.removeAll() }
        }
        let values = samples.all.map { if case .physical(let value) = $0.measurement { value } else { Double.nan } }
        try #require(values.count == 3)
        #expect(abs(values[0] + 7.5) < 0.01 && abs(values[1] - 98_000) < 1, "seed \(seed)")
        #expect(abs(values[2] - 81) < 0.02, "seed \(seed)")
    }

    @Test("The recording that is shipped replays in all its columns")
    func shipped() throws {
        let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let file = try #require(fopen("/\(folder)/config/air-quality.csv", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        let columns = [("CO(GT)", 8), ("NOx(GT)", 15), ("NO2(GT)", 15), ("C6H6(GT)", 0), ("T", 0), ("RH", 0)]
        for (column, missing) in columns {
            let recording = try Recording(csv: bytes, column: column, missing: -200)
            #expect(recording.values.count == 336)
            #expect(recording.values.filter(\.isNaN).count == missing)
            #expect(recording.length == 336 * 3_600_000)
        }
    }
}
