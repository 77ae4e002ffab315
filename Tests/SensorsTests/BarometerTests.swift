// BMP280 and BMP388: temperature and pressure by Bosch's calibrated registers.

import SimulatedWorld
import Testing
import World

@testable import Sensors

@Suite("BMP280")
struct BMP280Tests {
    private let device = BusDevice(bus: 0, address: 0x76)
    /// The datasheet's worked example (section 3.12) in registers 0x88 to 0xA1.
    private let calibration: [UInt8] = [
        0x70, 0x6B, 0x43, 0x67, 0x18, 0xFC, 0x7D, 0x8E, 0x43, 0xD6, 0xD0, 0x0B, 0x27, 0x0B, 0x8C, 0x00, 0xF9, 0xFF,
        0x8C, 0x3C, 0xF8, 0xC6, 0x70, 0x17, 0x00, 0x00,
    ]

    private func script(id: UInt8, data: [UInt8]) -> [ScriptedBus.Step] {
        [
            .read(0xD0, [id]), .read(0xF3, [0]), .write(0xF4, 0), .write(0xF5, 0), .read(0x88, calibration),
            .read(0x88, calibration), .write(0xF4, 0x25), .read(0xF3, [0]), .read(0xF7, data),
        ]
    }

    @Test(
        "The datasheet's worked example, with each of the chip's ids; humidity's registers are not touched",
        arguments: [0x56, 0x57, 0x58] as [UInt8])
    func workedExample(id: UInt8) throws {
        // 415148 and 519888, 20 bits from the highest down.
        let data: [UInt8] = [0x65, 0x5A, 0xC0, 0x7E, 0xED, 0x00]
        var bus = ScriptedBus(device, script(id: id, data: data))
        var driver = BME280(device: device, model: .bmp280)
        let values = physical(try measure(&driver, on: &bus, StillClock()))
        #expect(values.count == 2)
        #expect(abs(values[0] - 25.08) < 0.005)
        #expect(abs(values[1] - 100_653.27) < 0.01)
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Below zero")
    func golden() throws {
        var bus = ScriptedBus(device, script(id: 0x58, data: [0x5F, 0xBD, 0x40, 0x61, 0xEC, 0x40]))
        var driver = BME280(device: device, model: .bmp280)
        let values = physical(try measure(&driver, on: &bus, StillClock()))
        #expect(abs(values[0] - -12.299) < 0.001)
        #expect(abs(values[1] - 98_699.5) < 0.1)
    }

    @Test("A BME280 in its place is told by its id, and the other way round")
    func wrongChip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        bus.attach(SimulatedBME280(), at: device)
        var driver = BME280(device: device, model: .bmp280)
        #expect(throws: SensorFault.wrongChip(found: 0x60, expected: 0x58)) { _ = try driver.start(on: &bus) }
        bus.attach(SimulatedBME280(hasHumidity: false), at: device)
        var other = BME280(device: device)
        #expect(throws: SensorFault.wrongChip(found: 0x58, expected: 0x60)) { _ = try other.start(on: &bus) }
    }

    @Test("What the simulated chip is set to is what the driver measures; after a loss of supply too")
    func roundTrip() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBME280(hasHumidity: false)
        bus.attach(chip, at: device)
        var driver = BME280(device: device, model: .bmp280)
        for celsius in stride(from: -40.0, through: 85, by: 12.5) {
            for pascal in stride(from: 30_000.0, through: 110_000, by: 10_000) {
                chip.set(celsius: celsius, pascal: pascal, percent: 50)
                let values = physical(try measure(&driver, on: &bus, clock))
                #expect(abs(values[0] - celsius) < 0.01)
                #expect(abs(values[1] - pascal) < 1)
                chip.powerCycle(at: clock.moment)
                clock.pass(.milliseconds(2))
            }
        }
    }
}

/// The integer formulas that the kernel's bmp280 driver (Linux 6.1) has for the BMP380 family, after Bosch's BMP3
/// driver: the judge of the Doubles.
private struct IntegerFormulas {
    let c: SimulatedBMP388.Trimming

    /// What Bosch calls t_fine: 65,536 steps to a degree.
    func fine(_ adc: UInt32) -> Int64 {
        let first = Int64(adc) - Int64(c.t1) << 8
        let second = (first * Int64(c.t2)) << 18 + first * first * Int64(c.t3)
        return second >> 32
    }

    func celsius(_ fine: Int64) -> Double { Double((fine * 25) >> 14) / 100 }

    func pascal(_ adc: UInt32, _ t: Int64) -> Double {
        let raw = Int64(adc)
        let square = t * t
        let cube = ((square >> 6) * t) >> 8
        var offset = Int64(c.p5) << 47
        offset += (Int64(c.p8) * cube) >> 5
        offset += (Int64(c.p7) * square) << 4
        offset += (Int64(c.p6) * t) << 22
        var slope = (Int64(c.p1) - 16_384) << 46
        slope += (Int64(c.p4) * cube) >> 5
        slope += (Int64(c.p3) * square) << 2
        slope += (Int64(c.p2) - 16_384) * (t << 21)
        let linear = (slope >> 24) * raw
        let bend = ((Int64(c.p10) * t + Int64(c.p9) << 16) * raw) >> 13
        let second = ((raw * (bend / 10)) >> 9) * 10
        let third = (((Int64(c.p11) * raw * raw) >> 16) * raw) >> 7
        let sum = offset >> 2 + linear + second + third
        return Double((UInt64(bitPattern: sum) * 25) >> 40) / 100
    }
}

@Suite("BMP388")
struct BMP388Tests {
    private let device = BusDevice(bus: 0, address: 0x77)
    /// Coefficients of a chip on the market; nine of the fourteen are negative or have their highest bit set.
    private let calibration: [UInt8] = [
        0x23, 0x6B, 0x58, 0x49, 0xF6, 0x5C, 0xFF, 0xCE, 0xF4, 0x23, 0x00, 0xEA, 0x63, 0x6E, 0x79, 0xF3, 0xF6, 0xAA,
        0x43, 0x12, 0xC4,
    ]
    private var setUp: [ScriptedBus.Step] {
        [
            .read(0x00, [0x50]), .write(0x1B, 0), .read(0x04, [0, 0, 0x80, 0, 0, 0x80]), .read(0x31, calibration),
            .read(0x31, calibration),
        ]
    }
    private let trigger: [ScriptedBus.Step] = [.write(0x1C, 0), .write(0x1F, 0), .write(0x1B, 0x13)]

    @Test("Raw numbers that a chip gave are 30.4993 °C and 100876.006 Pa, as another's driver has them")
    func golden() throws {
        let data: [UInt8] = [0x97, 0x9F, 0x6D, 0x73, 0xD8, 0x85]
        let measurement: [ScriptedBus.Step] = trigger + [.read(0x02, [0x00, 0x70]), .read(0x04, data)]
        var bus = ScriptedBus(device, setUp + measurement + measurement)
        var driver = BMP388(device: device)
        for _ in 0..<2 {
            let values = physical(try measure(&driver, on: &bus, StillClock()))
            #expect(abs(values[0] - 30.499_314) < 0.000_001)
            #expect(abs(values[1] - 100_876.006_347) < 0.000_001)
        }
        #expect(bus.isUsedUp, "\(bus.complaints)")
    }

    @Test("Over its whole range it agrees with the integer formulas of the kernel: 0.01 degrees, 0.5 Pa")
    func agreesWithTheKernel() throws {
        let trimming = SimulatedBMP388.Trimming.usual
        #expect(trimming.bytes == calibration)
        let judge = IntegerFormulas(c: trimming)
        let c = try #require(BMP388.Calibration(Reply(calibration)))
        var worst = (0.0, 0.0)
        for celsius in stride(from: -40.0, through: 85, by: 2.5) {
            for pascal in stride(from: 30_000.0, through: 125_000, by: 2_500) {
                let raw = trimming.raw(of: Surroundings { ($0.celsius, $0.pascal) = (celsius, pascal) })
                let ours = try #require(
                    BMP388.Raw(pressure: raw.pressure, temperature: raw.temperature).compensated(by: c))
                let fine = judge.fine(raw.temperature)
                worst.0 = max(worst.0, abs(ours.celsius - judge.celsius(fine)))
                worst.1 = max(worst.1, abs(ours.pascal - judge.pascal(raw.pressure, fine)))
            }
        }
        #expect(worst.0 <= 0.01 && worst.1 <= 0.5, "\(worst)")
    }

    @Test("What the simulated chip is set to is what the driver measures", arguments: [0x50, 0x60] as [UInt8])
    func roundTrip(id: UInt8) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBMP388()
        chip.id = id
        bus.attach(chip, at: device)
        var driver = BMP388(device: device)
        for celsius in stride(from: -40.0, through: 85, by: 12.5) {
            for pascal in stride(from: 30_000.0, through: 125_000, by: 9_500) {
                let air = Surroundings { ($0.celsius, $0.pascal) = (celsius, pascal) }
                chip.surroundings = { _ in air }
                let values = physical(try measure(&driver, on: &bus, clock))
                #expect(abs(values[0] - celsius) < 0.001)
                #expect(abs(values[1] - pascal) < 0.1)
            }
        }
    }

    @Test("Another chip is told by its id, a chip's own fault by its error register")
    func faults() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBMP388()
        bus.attach(chip, at: device)
        var driver = BMP388(device: device)
        chip.id = 0x58
        #expect(throws: SensorFault.wrongChip(found: 0x58, expected: 0x50)) { _ = try driver.start(on: &bus) }
        chip.id = 0x50
        chip.errors = 1
        #expect(throws: SensorFault.deviceFault(code: 1)) { _ = try measure(&driver, on: &bus, clock) }
        chip.errors = 4
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("A chip that lost its supply or never finishes gives no value, never an old one; then all is right")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedBMP388()
        bus.attach(chip, at: device)
        var driver = BMP388(device: device)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 2)
        _ = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(BMP388.measuringTime)
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(2))
        #expect(try measure(&driver, on: &bus, clock).count == 2)
        chip.isHung = true
        for _ in 0..<2 { #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) } }
    }

    @Test("Coefficients of zeros or ones, values never measured and a flipped bit in the calibration are refused")
    func implausible() throws {
        #expect(BMP388.Calibration(Reply([UInt8](repeating: 0, count: 21))) == nil)
        #expect(BMP388.Calibration(Reply([UInt8](repeating: 0xFF, count: 21))) == nil)
        let c = try #require(BMP388.Calibration(Reply(calibration)))
        #expect(BMP388.Raw(pressure: 0x80_0000, temperature: 8_771_699).compensated(by: c) == nil)
        #expect(BMP388.Raw(pressure: 7_184_279, temperature: 0x80_0000).compensated(by: c) == nil)
        var flipped = calibration
        flipped[12] ^= 0x10
        var bus = ScriptedBus(device, setUp.dropLast() + [.read(0x31, flipped)])
        var driver = BMP388(device: device)
        #expect(throws: SensorFault.checksum) { _ = try driver.start(on: &bus) }
    }

    @Test("No registers whatever make it trap or give something that is no number", arguments: [1, 2, 3] as [UInt64])
    func anyRegisters(seed: UInt64) {
        var random = Random(seed: seed)
        for round in 0..<5_000 {
            let registers = (0..<21).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let data = (0..<6).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            guard let c = BMP388.Calibration(Reply(registers)) else { continue }
            guard let result = BMP388.Raw(Reply(data)).compensated(by: c) else { continue }
            #expect(result.celsius.isFinite && result.pascal.isFinite, "seed \(seed), round \(round)")
        }
    }
}
