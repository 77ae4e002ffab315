import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x76)

/// Calibration with every sign that a driver can get wrong: T3, P2, P6, P8, H4, H5, H6 negative and H3 above 127.
private let low: [UInt8] = [
    0x70, 0x6B, 0x43, 0x67, 0x18, 0xFC, 0x7D, 0x8E, 0x43, 0xD6, 0xD0, 0x0B, 0x27, 0x0B, 0x8C, 0x00, 0xF9, 0xFF, 0x8C,
    0x3C, 0xF8, 0xC6, 0x70, 0x17, 0x00, 0x4B,
]
private let high: [UInt8] = [0x6A, 0x01, 0xC8, 0xFE, 0xBC, 0xFD, 0xE7]

private let setUp: [ScriptedBus.Step] = [
    .read(0xD0, [0x60]), .read(0xF3, [0]), .write(0xF4, 0), .write(0xF5, 0), .read(0x88, low), .read(0xE1, high),
    .read(0x88, low), .read(0xE1, high),
]
private let trigger: [ScriptedBus.Step] = [.write(0xF2, 0x01), .write(0xF4, 0x25)]

/// The datasheet's integer formulas (section 4.2.3), which the kernel's bmp280 driver uses too: the judge of the
/// Doubles.
private struct IntegerFormulas {
    var t: SimulatedBME280.Trimming

    func fine(_ adc: Int32) -> Int32 {
        let var1 = (((adc >> 3) - (Int32(t.t1) << 1)) &* Int32(t.t2)) >> 11
        let distance = (adc >> 4) - Int32(t.t1)
        return var1 + ((((distance &* distance) >> 12) &* Int32(t.t3)) >> 14)
    }

    func celsius(_ fine: Int32) -> Double { Double((fine &* 5 &+ 128) >> 8) / 100 }

    func pascal(_ adc: Int32, _ fine: Int32) -> Double {
        var var1 = Int64(fine) - 128_000
        var var2 = var1 * var1 * Int64(t.p6)
        var2 += (var1 * Int64(t.p5)) << 17
        var2 += Int64(t.p4) << 35
        var1 = ((var1 * var1 * Int64(t.p3)) >> 8) + ((var1 * Int64(t.p2)) << 12)
        var1 = (((Int64(1) << 47) + var1) * Int64(t.p1)) >> 33
        var p = Int64(1_048_576) - Int64(adc)
        p = (((p << 31) - var2) * 3125) / var1
        var1 = (Int64(t.p9) * (p >> 13) * (p >> 13)) >> 25
        var2 = (Int64(t.p8) * p) >> 19
        p = ((p + var1 + var2) >> 8) + (Int64(t.p7) << 4)
        return Double(p) / 256
    }

    func percent(_ adc: Int32, _ fine: Int32) -> Double {
        var v = fine - 76_800
        let first = ((adc << 14) &- (Int32(t.h4) << 20) &- (Int32(t.h5) &* v) &+ 16_384) >> 15
        let slope = (((v &* Int32(t.h6)) >> 10) &* (((v &* Int32(t.h3)) >> 11) &+ 32_768)) >> 10
        v = first &* (((slope &+ 2_097_152) &* Int32(t.h2) &+ 8_192) >> 14)
        v = v &- (((((v >> 15) &* (v >> 15)) >> 7) &* Int32(t.h1)) >> 4)
        v = min(max(v, 0), 419_430_400)
        return Double(v >> 12) / 1024
    }
}

private func calibration(_ low: [UInt8], _ high: [UInt8]) -> BME280.Calibration? {
    BME280.Calibration(low: Reply(low), high: Reply(high))
}

@Suite("BME280")
struct BME280Tests {
    @Test("Calibration bytes become numbers with their signs, the split 12-bit ones included")
    func signs() throws {
        let c = try #require(calibration(low, high))
        #expect([c.t1, c.t2, c.t3] == [27_504, 26_435, -1_000])
        #expect([c.p1, c.p2, c.p3, c.p4, c.p5] == [36_477, -10_685, 3_024, 2_855, 140])
        #expect([c.p6, c.p7, c.p8, c.p9] == [-7, 15_500, -14_600, 6_000])
        #expect([c.h1, c.h2, c.h3, c.h4, c.h5, c.h6] == [75, 362, 200, -20, -37, -25])
        // All twelve bits in use, positive: 0x7FF and 0x7FF.
        let positive = try #require(calibration(low, [0x6A, 0x01, 0xC8, 0x7F, 0xFF, 0x7F, 0x1E]))
        #expect([positive.h4, positive.h5, positive.h6] == [2_047, 2_047, 30])
    }

    @Test("The datasheet's worked example comes out: 519888 and 415148 are 25.08 degrees and 100653.27 Pa")
    func workedExample() throws {
        let c = try #require(calibration(low, high))
        let raw = BME280.Raw(pressure: 415_148, temperature: 519_888, humidity: 30_000)
        let result = try #require(raw.compensated(by: c))
        #expect(abs(result.celsius - 25.08) < 0.005)
        #expect(abs(result.pascal - 100_653.27) < 0.01)
    }

    @Test(
        "Golden vectors, above and below zero",
        arguments: [
            ([0x63, 0x98, 0x10, 0x7C, 0x0F, 0x00, 0x1D, 0x5B], 21.4013, 101_324.53, 47.9989),
            ([0x5F, 0xBD, 0x40, 0x61, 0xEC, 0x40, 0x3B, 0x86], -12.299, 98_699.5, 91.000),
            ([0x63, 0x8A, 0x90, 0x89, 0xB6, 0x00, 0x02, 0xFC], 38.901, 104_099.6, 11.999),
        ] as [([UInt8], Double, Double, Double)])
    func golden(data: [UInt8], celsius: Double, pascal: Double, percent: Double) throws {
        var bus = ScriptedBus(device, setUp + trigger + [.read(0xF3, [0]), .read(0xF7, data)])
        var driver = BME280(device: device)
        var samples = Samples(capacity: 4)
        #expect(try driver.start(on: &bus) == .microseconds(9_300))
        _ = try driver.collect(from: &bus, into: &samples)
        let values = physical(samples.all)
        #expect(samples.all.map(\.channel) == [0, 1, 2])
        #expect(abs(values[0] - celsius) < 0.001)
        #expect(abs(values[1] - pascal) < 0.1)
        #expect(abs(values[2] - percent) < 0.001)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test(
        "Over its whole range it agrees with the integer formulas of the kernel: 0.02 degrees, 2 Pa, 0.05 %RH",
        arguments: [SimulatedBME280.Trimming.usual, .negative])
    func agreesWithTheKernel(trimming: SimulatedBME280.Trimming) throws {
        let judge = IntegerFormulas(t: trimming)
        var registers = [UInt8](repeating: 0, count: 256)
        trimming.store(in: &registers)
        let c = try #require(calibration(Array(registers[0x88...0xA1]), Array(registers[0xE1...0xE7])))
        var worst = (0.0, 0.0, 0.0)
        for celsius in stride(from: -40.0, through: 85, by: 2.5) {
            for pascal in stride(from: 30_000.0, through: 110_000, by: 4_000) {
                for percent in stride(from: 0.0, through: 100, by: 10) {
                    let weather = Surroundings { ($0.celsius, $0.pascal, $0.percent) = (celsius, pascal, percent) }
                    let raw = trimming.raw(of: weather)
                    let ours = try #require(
                        BME280.Raw(pressure: raw.pressure, temperature: raw.temperature, humidity: raw.humidity)
                            .compensated(by: c))
                    let fine = judge.fine(Int32(raw.temperature))
                    worst.0 = max(worst.0, abs(ours.celsius - judge.celsius(fine)))
                    worst.1 = max(worst.1, abs(ours.pascal - judge.pascal(Int32(raw.pressure), fine)))
                    worst.2 = max(worst.2, abs(ours.percent - judge.percent(Int32(raw.humidity), fine)))
                }
            }
        }
        #expect(worst.0 <= 0.02)
        #expect(worst.1 <= 2)
        #expect(worst.2 <= 0.05)
    }

    @Test(
        "What the simulated chip is set to is what the driver measures, over the whole range",
        arguments: [(SimulatedBME280.Trimming.usual, 0.0), (.negative, 10)])
    func roundTrip(trimming: SimulatedBME280.Trimming, driest: Double) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBME280(trimming: trimming)
        bus.attach(chip, at: device)
        var driver = BME280(device: device)
        for celsius in stride(from: -40.0, through: 85, by: 12.5) {
            for pascal in stride(from: 30_000.0, through: 110_000, by: 10_000) {
                for percent in stride(from: driest, through: 100, by: 15) {
                    chip.set(celsius: celsius, pascal: pascal, percent: percent)
                    let values = physical(try measure(&driver, on: &bus, clock))
                    #expect(abs(values[0] - celsius) < 0.01)
                    #expect(abs(values[1] - pascal) < 1)
                    #expect(abs(values[2] - percent) < 0.02)
                    clock.pass(.seconds(1))
                }
            }
        }
    }

    @Test("Calibration is read once, and once more after a fault")
    func calibrationOnce() throws {
        let data: [UInt8] = [0x63, 0x98, 0x10, 0x7C, 0x0F, 0x00, 0x1D, 0x5B]
        let measurement = trigger + [.read(0xF3, [0]), .read(0xF7, data)]
        var script = setUp + measurement + measurement
        script += [.fail([0xF2, 0x01], .noAcknowledge)] + setUp + measurement
        var bus = ScriptedBus(device, script)
        var driver = BME280(device: device)
        var samples = Samples(capacity: 4)
        for _ in 0..<2 {
            samples.removeAll()
            _ = try driver.start(on: &bus)
            _ = try driver.collect(from: &bus, into: &samples)
        }
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try driver.start(on: &bus) }
        driver.forget()
        samples.removeAll()
        _ = try driver.start(on: &bus)
        _ = try driver.collect(from: &bus, into: &samples)
        #expect(samples.count == 3)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("A bit that flips while calibration is read is noticed", arguments: [0, 7, 25])
    func flippedCalibration(byte: Int) throws {
        var flipped = low
        flipped[byte] ^= 0x10
        let script = setUp.dropLast(2) + [.read(0x88, flipped), .read(0xE1, high)]
        var bus = ScriptedBus(device, Array(script))
        var driver = BME280(device: device)
        #expect(throws: SensorFault.checksum) { _ = try driver.start(on: &bus) }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Another chip is told by its id, and a BMP280 by its name")
    func wrongChip() throws {
        var bus = ScriptedBus(device, [.read(0xD0, [0x58])])
        var driver = BME280(device: device)
        let fault = SensorFault.wrongChip(found: 0x58, expected: 0x60)
        #expect(throws: fault) { _ = try driver.start(on: &bus) }
        #expect(fault.text.contains("0x58 (BMP280"))
        #expect(fault.text.contains("0x60 (BME280)"))
        #expect(fault.quality == .wrongChip)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("An absent chip and an absent bus are two different faults")
    func absent() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        var driver = BME280(device: device)
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try driver.start(on: &bus) }
        var elsewhere = BME280(device: BusDevice(bus: 3, address: 0x76))
        #expect(throws: SensorFault.bus(.absent(errno: 2))) { _ = try elsewhere.start(on: &bus) }
    }

    @Test("A chip that lost its supply for a moment is measured right at the next try")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBME280()
        bus.attach(chip, at: device)
        var driver = BME280(device: device)
        _ = try measure(&driver, on: &bus, clock)
        // After the trigger: the measurement is gone, its registers say "skipped".
        _ = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(10))
        var samples = Samples(capacity: 4)
        #expect(throws: SensorFault.implausible) { _ = try driver.collect(from: &bus, into: &samples) }
        #expect(samples.count == 0)
        driver.forget()
        #expect(physical(try measure(&driver, on: &bus, clock)).count == 3)
    }

    @Test("Calibration that the chip has not loaded yet is not read")
    func startUp() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBME280()
        bus.attach(chip, at: device)
        chip.powerCycle(at: clock.moment)
        var driver = BME280(device: device)
        #expect(throws: SensorFault.notReady) { _ = try driver.start(on: &bus) }
        clock.pass(.milliseconds(2))
        #expect(try measure(&driver, on: &bus, clock).count == 3)
    }

    @Test("A chip that never finishes is not ready, never an old value")
    func hung() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBME280()
        bus.attach(chip, at: device)
        var driver = BME280(device: device)
        _ = try measure(&driver, on: &bus, clock)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Skipped values and calibration of zeros or ones are implausible")
    func implausible() throws {
        let c = try #require(calibration(low, high))
        #expect(BME280.Raw(pressure: 0x80000, temperature: 519_888, humidity: 30_000).compensated(by: c) == nil)
        #expect(BME280.Raw(pressure: 415_148, temperature: 0x80000, humidity: 30_000).compensated(by: c) == nil)
        #expect(BME280.Raw(pressure: 415_148, temperature: 519_888, humidity: 0x8000).compensated(by: c) == nil)
        #expect(calibration([UInt8](repeating: 0, count: 26), high) == nil)
        #expect(calibration([UInt8](repeating: 0xFF, count: 26), high) == nil)
    }

    @Test("No registers whatever make it trap or give something that is no number", arguments: [1, 2, 3] as [UInt64])
    func anyRegisters(seed: UInt64) {
        var random = Random(seed: seed)
        for round in 0..<20_000 {
            let low = (0..<26).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let high = (0..<7).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let data = (0..<8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            guard let c = calibration(low, high) else { continue }
            guard let result = BME280.Raw(Reply(data)).compensated(by: c) else { continue }
            #expect(
                result.celsius.isFinite && result.pascal.isFinite && (0...100).contains(result.percent),
                "seed \(seed), round \(round)")
        }
    }
}
