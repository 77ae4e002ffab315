import SimulatedWorld
import Testing
import World

@testable import Sensors

private let device = BusDevice(bus: 0, address: 0x77)

private func registers(_ trimming: SimulatedBME680.Trimming) -> [UInt8] {
    var registers = [UInt8](repeating: 0, count: 256)
    trimming.store(in: &registers)
    return registers
}

private func calibration(_ registers: [UInt8]) -> BME680.Calibration? {
    BME680.Calibration(
        low: Reply(registers[0x8A...0xA0]), high: Reply(registers[0xE1...0xEE]), heater: Reply(registers[0...4]))
}

/// The integer formulas that the kernel's bme680 driver (Linux 6.1) has after Bosch's: the judge of the Doubles.
private struct IntegerFormulas {
    let c: SimulatedBME680.Trimming

    func fine(_ adc: UInt32) -> Int64 {
        let first = Int64(adc >> 3) - Int64(c.t1) << 1
        let second = ((first >> 1) * (first >> 1)) >> 12
        return (first * Int64(c.t2)) >> 11 + (second * Int64(c.t3) << 4) >> 14
    }

    func celsius(_ fine: Int64) -> Double { Double((fine * 5 + 128) >> 8) / 100 }

    func pascal(_ adc: UInt32, _ fine: Int64) -> Double {
        let t = fine >> 1 - 64_000
        let square = (t >> 2) * (t >> 2)
        var offset = ((square >> 11) * Int64(c.p6)) >> 2
        offset += (t * Int64(c.p5)) << 1
        offset = offset >> 2 + Int64(c.p4) << 16
        var slope = ((square >> 13) * (Int64(c.p3) << 5)) >> 3
        slope += (Int64(c.p2) * t) >> 1
        slope = ((32_768 + slope >> 18) * Int64(c.p1)) >> 15
        var p = (1_048_576 - Int64(adc) - offset >> 12) * 3_125
        p = p >= 0x4000_0000 ? (p / slope) << 1 : (p << 1) / slope
        let first = (Int64(c.p9) * (((p >> 3) * (p >> 3)) >> 13)) >> 12
        let second = ((p >> 2) * Int64(c.p8)) >> 13
        let third = ((p >> 8) * (p >> 8) * (p >> 8) * Int64(c.p10)) >> 17
        return Double(p + (first + second + third + Int64(c.p7) << 7) >> 4)
    }

    func percent(_ adc: UInt32, _ fine: Int64) -> Double {
        let t = (fine * 5 + 128) >> 8
        let first = Int64(adc) - Int64(c.h1) * 16 - ((t * Int64(c.h3)) / 100) >> 1
        let bend = ((t * ((t * Int64(c.h5)) / 100)) >> 6) / 100
        let slope = (Int64(c.h2) * ((t * Int64(c.h4)) / 100 + bend + 1 << 14)) >> 10
        let linear = first * slope
        let factor = (Int64(c.h6) << 7 + (t * Int64(c.h7)) / 100) >> 4
        let square = ((linear >> 14) * (linear >> 14)) >> 10
        let result = (((linear + (factor * square) >> 1) >> 10) * 1_000) >> 12
        return Double(min(max(result, 0), 100_000)) / 1_000
    }

    func ohm(_ adc: UInt16, _ range: Int) -> Double {
        let table: [Int64] = [
            2_147_483_647, 2_147_483_647, 2_147_483_647, 2_147_483_647, 2_147_483_647, 2_126_008_810, 2_147_483_647,
            2_130_303_777, 2_147_483_647, 2_147_483_647, 2_143_188_679, 2_136_746_228, 2_147_483_647, 2_126_008_810,
            2_147_483_647, 2_147_483_647,
        ]
        let first = ((1_340 + 5 * Int64(c.rangeError)) * table[range]) >> 16
        let second = Int64(adc) << 15 - 16_777_216 + first
        return Double(((125_000 << Int64(15 - range)) * first >> 9 + second >> 1) / second)
    }

    func heater(_ celsius: Int64) -> Int64 {
        let base = ((25 * Int64(c.g3)) / 1_000) * 256
        let slope = ((Int64(c.g2) + 154_009) * celsius * 5) / 100 + 3_276_800
        let whole = (base + (Int64(c.g1) + 784) * (slope / 10) / 2) / (Int64(c.heaterRange) + 4)
        return ((whole / (131 * Int64(c.heaterValue) + 65_536) - 250) * 34 + 50) / 100
    }
}

@Suite("BME680")
struct BME680Tests {
    private func attached(
        _ chip: SimulatedBME680, _ clock: StillClock
    ) -> (bus: SimulatedBus, driver: BME680) {
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        return (bus, BME680(device: device))
    }

    @Test("Calibration bytes become numbers with their signs, the split 12-bit ones and the swapped pair included")
    func signs() throws {
        let usual = try #require(calibration(registers(.usual)))
        #expect([usual.t1, usual.t2, usual.t3] == [26_203, 26_519, 3])
        #expect([usual.p1, usual.p2, usual.p3] == [35_008, -10_284, 88])
        #expect([usual.p4, usual.p5, usual.p6, usual.p7, usual.p8] == [9_692, -202, 30, 24, -516])
        #expect([usual.p9, usual.p10, usual.h1, usual.h2, usual.h3] == [-3_469, 30, 794, 1_007, 0])
        #expect([usual.h4, usual.h5, usual.h6, usual.h7] == [45, 20, 120, -100])
        #expect([usual.g1, usual.g2, usual.g3] == [-30, -5_969, 18])
        #expect([usual.heaterRange, usual.heaterValue, usual.rangeError] == [1, 50, -2])
        var highest = SimulatedBME680.Trimming.negative
        highest.p10 = 200
        let negative = try #require(calibration(registers(highest)))
        #expect([negative.p10, negative.h3, negative.h6, negative.heaterValue] == [200, -2, 200, -50])
        #expect([negative.heaterRange, negative.rangeError] == [2, 5])
    }

    @Test("All that is written and read for one measurement, below zero")
    func golden() throws {
        let all = registers(.usual)
        let read: [ScriptedBus.Step] = [
            .read(0x8A, Array(all[0x8A...0xA0])), .read(0xE1, Array(all[0xE1...0xEE])), .read(0x00, Array(all[0...4])),
        ]
        let setUp: [ScriptedBus.Step] = [.read(0xD0, [0x61]), .read(0xF0, [0x00]), .write(0x74, 0)]
        let trigger: [ScriptedBus.Step] = [
            .write(0x72, 1), .write(0x75, 0), .write(0x5A, 0x74), .write(0x64, 0x65), .write(0x70, 0),
            .write(0x71, 0x10), .write(0x74, 0x55),
        ]
        let data: [UInt8] = [
            0x80, 0x00, 0x61, 0xA8, 0x00, 0x5D, 0xC0, 0x00, 0x61, 0xA8, 0x00, 0x00, 0x00, 0x96, 0x35, 0x00, 0x00,
        ]
        var bus = ScriptedBus(device, setUp + read + read + trigger + [.read(0x1D, data)])
        var driver = BME680(device: device)
        let samples = try measure(&driver, on: &bus, StillClock())
        let values = physical(samples)
        #expect(bus.isUsedUp, "\(bus.complaints)")
        #expect(samples.map(\.channel) == [0, 1, 2, 3])
        #expect(samples.allSatisfy { $0.quality == .good })
        #expect(abs(values[0] - goldenValues[0]) < 0.001)
        #expect(abs(values[1] - goldenValues[1]) < 0.01)
        #expect(abs(values[2] - goldenValues[2]) < 0.001)
        #expect(abs(values[3] - goldenValues[3]) < 0.1)
    }
    /// Worked out apart, by the formulas of sections 3.3.1 to 3.4.1 in another language.
    private let goldenValues = [-11.1423, 82_767.8993, 62.4504, 232_709.3275]

    @Test(
        "Over its whole range it agrees with the integer formulas of the kernel: 0.02 degrees, 8 Pa, 0.1 %RH",
        arguments: [false, true])
    func agreesWithTheKernel(isNegative: Bool) throws {
        let trimming = isNegative ? SimulatedBME680.Trimming.negative : .usual
        let judge = IntegerFormulas(c: trimming)
        let c = try #require(calibration(registers(trimming)))
        var worst = (0.0, 0.0, 0.0)
        for celsius in stride(from: -40.0, through: 85, by: 2.5) {
            for pascal in stride(from: 30_000.0, through: 110_000, by: 4_000) {
                for percent in stride(from: 5.0, through: 95, by: 10) {
                    let weather = Surroundings { ($0.celsius, $0.pascal, $0.percent) = (celsius, pascal, percent) }
                    let raw = trimming.raw(of: weather)
                    let ours = try #require(
                        BME680.Raw(pressure: raw.pressure, temperature: raw.temperature, humidity: raw.humidity)
                            .compensated(by: c))
                    let fine = judge.fine(raw.temperature)
                    worst.0 = max(worst.0, abs(ours.celsius - judge.celsius(fine)))
                    worst.1 = max(worst.1, abs(ours.pascal - judge.pascal(raw.pressure, fine)))
                    worst.2 = max(worst.2, abs(ours.percent - judge.percent(raw.humidity, fine)))
                }
            }
        }
        #expect(worst.0 <= 0.02 && worst.1 <= 8 && worst.2 <= 0.1, "\(worst)")
    }

    @Test(
        "Gas resistance agrees with the kernel's in every range, and the heater's code with its, to two steps",
        arguments: [false, true])
    func gasAgreesWithTheKernel(isNegative: Bool) throws {
        let trimming = isNegative ? SimulatedBME680.Trimming.negative : .usual
        let judge = IntegerFormulas(c: trimming)
        let c = try #require(calibration(registers(trimming)))
        // The kernel leaves out the second table's departures from powers of two, in percent.
        let leftOut: [Int: Double] = [4: 0.1, 5: 0.7, 7: -0.8, 8: -0.1]
        for range in 0...15 {
            var worst = 0.0
            for number in stride(from: UInt16(1), through: 1_022, by: 17) {
                let ours = BME680.Gas(number: number, range: UInt8(range), isBME688: false).ohm(c)
                let theirs = judge.ohm(number, range) / (1 + (leftOut[range] ?? 0) / 100)
                worst = max(worst, (abs(ours - theirs) - 1) / theirs)
            }
            #expect(worst <= 0.000_05, "range \(range)")
        }
        for celsius in stride(from: 200, through: 400, by: 20) {
            let ours = Int64(c.heaterResistance(celsius: Double(celsius), surroundings: 25))
            // Its share of the surroundings is a whole number.
            #expect(abs(ours - judge.heater(Int64(celsius))) <= 2, "\(celsius)")
        }
    }

    @Test("A BME688's gas: the number 512 of range 4 is 4 MOhm, and of range 0 64 MOhm")
    func bme688() throws {
        let c = try #require(calibration(registers(.usual)))
        #expect(BME680.Gas(number: 512, range: 4, isBME688: true).ohm(c) == 4_000_000)
        #expect(BME680.Gas(number: 512, range: 0, isBME688: true).ohm(c) == 64_000_000)
        #expect(abs(BME680.Gas(number: 1_000, range: 10, isBME688: true).ohm(c) - 46_043.2) < 0.1)
    }

    @Test(
        "What the simulated chip is set to is what the driver measures, over the whole range",
        arguments: [(false, false), (false, true), (true, false)])
    func roundTrip(isNegative: Bool, isBME688: Bool) throws {
        let clock = StillClock()
        let chip = SimulatedBME680(trimming: isNegative ? .negative : .usual, isBME688: isBME688)
        var (bus, driver) = attached(chip, clock)
        var ohm = 1_500.0
        var worst = (0.0, 0.0, 0.0, 0.0)
        for celsius in stride(from: -40.0, through: 85, by: 12.5) {
            for pascal in stride(from: 30_000.0, through: 110_000, by: 20_000) {
                for percent in stride(from: 5.0, through: 95, by: 15) {
                    let air = Surroundings {
                        ($0.celsius, $0.pascal, $0.percent, $0.gasOhm) = (celsius, pascal, percent, ohm)
                    }
                    chip.surroundings = { _ in air }
                    let samples = try measure(&driver, on: &bus, clock)
                    let values = physical(samples)
                    worst.0 = max(worst.0, abs(values[0] - celsius))
                    worst.1 = max(worst.1, abs(values[1] - pascal))
                    worst.2 = max(worst.2, abs(values[2] - percent))
                    worst.3 = max(worst.3, samples[3].quality == .good ? abs(values[3] / ohm - 1) : 1)
                    clock.pass(.seconds(30))
                    ohm = ohm > 5_000_000 ? 1_500 : ohm * 1.031
                }
            }
        }
        #expect(worst.0 < 0.01 && worst.1 < 1 && worst.2 < 0.02 && worst.3 < 0.001, "\(worst)")
    }

    @Test("The plate is heated as hot as configured, from what the air is like", arguments: [200.0, 320, 400])
    func heater(celsius: Double) throws {
        let clock = StillClock()
        let chip = SimulatedBME680()
        let bus = SimulatedBus { clock.moment }
        bus.attach(chip, at: device)
        var lent = bus
        var driver = BME680(device: device, heaterCelsius: celsius)
        for air in [-30.0, 45] {
            let around = Surroundings { $0.celsius = air }
            chip.surroundings = { _ in around }
            for _ in 0..<2 { _ = try measure(&driver, on: &lent, clock) }
            #expect(abs(chip.heatedTo - celsius) < 3.5)
        }
    }

    @Test(
        "The heater's time in six bits and a factor",
        arguments: [(1, 0x01), (63, 0x3F), (64, 0x50), (150, 0x65), (1_000, 0xBE), (4_032, 0xFF), (5_000, 0xFF)]
            as [(Int, UInt8)])
    func heaterTime(milliseconds: Int, code: UInt8) {
        #expect(BME680.heaterTimeCode(.milliseconds(milliseconds)) == code)
    }

    @Test("A cold plate spoils the gas channel alone, and a converter at its end is saturated")
    func gasQuality() throws {
        let clock = StillClock()
        let chip = SimulatedBME680()
        var (bus, driver) = attached(chip, clock)
        chip.isHeaterBroken = true
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.good, .good, .good, .deviceFault])
        chip.isHeaterBroken = false
        var short = BME680(device: device, heaterTime: .milliseconds(10))
        #expect(try measure(&short, on: &bus, clock)[3].quality == .deviceFault)
        let foul = Surroundings { $0.gasOhm = 50 }
        chip.surroundings = { _ in foul }
        #expect(try measure(&driver, on: &bus, clock)[3].quality == .saturated)
        #expect(BME680.Gas(number: 500, range: 3, isValid: false, isBME688: false).quality == .notAvailable)
    }

    @Test("A plate too cold or too hot is refused in the configuration")
    func settings() {
        for celsius in [Int64(199), 401] {
            let settings = DriverSettings.of(
                ["heater_temperature": .quantity(mantissa: celsius, exponent: 0, unit: "Cel")], device: device)
            #expect(settingFault { _ = try BME680.entry.make(settings) }?.parameter == "heater_temperature")
            #expect(settingFault { _ = try BME680.entry.channels(settings) }?.text.contains("200 °C") == true)
        }
    }

    @Test("Another chip is told by its id, and a bit that flips while calibration is read is noticed")
    func setUpFaults() throws {
        let clock = StillClock()
        let chip = SimulatedBME680()
        var (bus, driver) = attached(chip, clock)
        chip.id = 0x60
        #expect(throws: SensorFault.wrongChip(found: 0x60, expected: 0x61)) { _ = try driver.start(on: &bus) }
        chip.id = 0x61
        var transfers = 0
        // The second read of the calibration's first part: after id, variant, sleep and three reads.
        bus.trouble = { _, _ in
            transfers += 1
            return transfers == 7 ? .flippedBit(byte: 4, bit: 3) : nil
        }
        #expect(throws: SensorFault.checksum) { _ = try driver.start(on: &bus) }
    }

    @Test("A chip that lost its supply, or never finishes, gives no value, never an old one; then all is right")
    func brownOut() throws {
        let clock = StillClock()
        let chip = SimulatedBME680()
        var (bus, driver) = attached(chip, clock)
        _ = try measure(&driver, on: &bus, clock)
        var samples = Samples(capacity: 4)
        _ = try driver.start(on: &bus)
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(250))
        #expect(throws: SensorFault.notReady) { _ = try driver.collect(from: &bus, into: &samples) }
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 4)
        chip.powerCycle(at: clock.moment)
        clock.pass(.milliseconds(2))
        #expect(try measure(&driver, on: &bus, clock).count == 4)
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
    }

    @Test("Skipped values, and calibration of zeros or ones, are implausible")
    func implausible() throws {
        #expect(calibration([UInt8](repeating: 0, count: 256)) == nil)
        #expect(calibration([UInt8](repeating: 0xFF, count: 256)) == nil)
        let c = try #require(calibration(registers(.usual)))
        #expect(BME680.Raw(pressure: 0x80000, temperature: 400_000, humidity: 25_000).compensated(by: c) == nil)
        #expect(BME680.Raw(pressure: 400_000, temperature: 0x80000, humidity: 25_000).compensated(by: c) == nil)
        #expect(BME680.Raw(pressure: 400_000, temperature: 400_000, humidity: 0x8000).compensated(by: c) == nil)
    }

    @Test("No registers whatever make it trap or give something that is no number", arguments: [1, 2, 3] as [UInt64])
    func anyRegisters(seed: UInt64) {
        var random = Random(seed: seed)
        for round in 0..<3_000 {
            let all = (0..<256).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            guard let c = calibration(all) else { continue }
            let reply = Reply(all[0x1D...0x2D])
            let ohm = BME680.Gas(reply, isBME688: round % 2 == 0).ohm(c)
            _ = c.heaterResistance(celsius: 320, surroundings: 25)
            #expect(ohm.isFinite && ohm >= 0, "seed \(seed), round \(round)")
            guard let result = BME680.Raw(reply).compensated(by: c) else { continue }
            #expect(
                result.celsius.isFinite && result.pascal.isFinite && (0...100).contains(result.percent),
                "seed \(seed), round \(round)")
        }
    }
}
