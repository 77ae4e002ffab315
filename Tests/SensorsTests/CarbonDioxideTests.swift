// SCD30 and SCD4x: the same world, other words.

import SimulatedWorld
import Testing
import World

@testable import Sensors

private let scd30 = BusDevice(bus: 0, address: 0x61)
private let scd4x = BusDevice(bus: 0, address: 0x62)

private func metres(_ value: Int64) -> Setting { .quantity(mantissa: value, exponent: 0, unit: "m") }

/// Air from -12.3 to 48 °C, dry to wet.
private let airs: [Surroundings] = [
    Surroundings { ($0.carbonDioxidePPM, $0.celsius, $0.percent) = (417, -9.3, 93) },
    Surroundings { ($0.carbonDioxidePPM, $0.celsius, $0.percent) = (1_834, 48.02, 11) },
    Surroundings { ($0.carbonDioxidePPM, $0.celsius, $0.percent) = (4_999, 0, 100) },
]

@Suite("SCD30")
struct SCD30Tests {
    @Test("The interface description's example: 439.09 ppm, 27.24 degrees, 48.8 %RH")
    func example() throws {
        let reply = Reply([
            0x43, 0xDB, 0xCB, 0x8C, 0x2E, 0x8F, 0x41, 0xD9, 0x70, 0xE7, 0xFF, 0xF5, 0x42, 0x43, 0xBF, 0x3A, 0x1B, 0x74,
        ])
        let result = try SCD30.decode(reply)
        #expect(abs(result.ppm - 439.095_14) < 0.000_1)
        #expect(abs(result.celsius - 27.238_28) < 0.000_1)
        #expect(abs(result.percent - 48.806_74) < 0.000_1)
    }

    @Test("A sign bit is a sign: 0xC144CCCD is -12.3 degrees")
    func negative() throws {
        let reply = Reply([
            0x43, 0xDB, 0xCB, 0x8C, 0x2E, 0x8F, 0xC1, 0x44, 0x26, 0xCC, 0xCD, 0x94, 0x42, 0x43, 0xBF, 0x3A, 0x1B, 0x74,
        ])
        #expect(abs(try SCD30.decode(reply).celsius - -12.3) < 0.000_01)
    }

    @Test("A flipped bit anywhere is refused", arguments: 0..<18)
    func flipped(byte: Int) {
        var bytes: [UInt8] = [
            0x43, 0xDB, 0xCB, 0x8C, 0x2E, 0x8F, 0x41, 0xD9, 0x70, 0xE7, 0xFF, 0xF5, 0x42, 0x43, 0xBF, 0x3A, 0x1B, 0x74,
        ]
        bytes[byte] ^= 0x04
        #expect(throws: SensorFault.checksum) { _ = try SCD30.decode(Reply(bytes)) }
    }

    private func driver(altitude: UInt16 = 0) -> SCD30 {
        SCD30(device: scd30, intervalSeconds: 2, altitudeMetres: altitude, calibratesItself: true)
    }

    @Test("What the air is comes out, to the last bit of single precision")
    func agreement() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD30()
        bus.attach(chip, at: scd30)
        var driver = driver()
        for air in airs {
            chip.surroundings = { _ in air }
            clock.pass(.seconds(2))
            let values = physical(try measure(&driver, on: &bus, clock))
            #expect(values.map { Float($0) } == [air.carbonDioxidePPM, air.celsius, air.percent].map { Float($0) })
        }
    }

    @Test("Flash is written only where it differs, not at every start")
    func flash() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD30()
        bus.attach(chip, at: scd30)
        var driver = driver(altitude: 640)
        _ = try measure(&driver, on: &bus, clock)
        #expect(chip.altitude == 640 && chip.calibratesItself == 1 && chip.interval == 2 && chip.flashWrites == 2)
        for _ in 0..<5 {
            driver.forget()
            _ = try measure(&driver, on: &bus, clock)
        }
        #expect(chip.flashWrites == 2 && chip.starts == 1)
        // One that does not measure is started.
        bus.attach(SimulatedSCD30(), at: scd30)
        driver.forget()
        #expect(try measure(&driver, on: &bus, clock).count == 3)
    }

    @Test("A chip that lost its supply measures on, right, as soon as it has started")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD30(surroundings: { _ in airs[0] })
        bus.attach(chip, at: scd30)
        var driver = driver()
        _ = try measure(&driver, on: &bus, clock)
        chip.powerCycle(at: clock.moment)
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try measure(&driver, on: &bus, clock) }
        clock.pass(.seconds(2))
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 417) < 0.01)
    }

    @Test("No result for some intervals is not ready; no version is implausible; 0 ppm is no value")
    func faults() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD30()
        bus.attach(chip, at: scd30)
        chip.isHung = true
        var driver = driver()
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        chip.isHung = false
        chip.firmware = 0
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        chip.firmware = 0x0342
        chip.surroundings = { _ in Surroundings { $0.carbonDioxidePPM = 0 } }
        clock.pass(.seconds(5))
        #expect(try measure(&driver, on: &bus, clock).map(\.quality) == [.implausible, .good, .good])
    }
}

@Suite("SCD4x")
struct SCD4xTests {
    @Test("The data sheet's examples: 500 ppm, 25 degrees, 37 %RH; a serial number; not ready")
    func examples() throws {
        let result = try SCD4x.decode(Reply([0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C]))
        #expect(result.ppm == 500 && abs(result.celsius - 25) < 0.004 && abs(result.percent - 37) < 0.002)
        #expect(try Reply([0xF8, 0x96, 0x31, 0x9F, 0x07, 0xC2, 0x3B, 0xBE, 0x89]).isSensirionSerialNumber())
        #expect(try !SCD4x.isReady(Reply([0x80, 0x00, 0xA2])))
    }

    @Test("The lowest word is -45 degrees and 0 %RH, the highest 130 and 100")
    func ends() throws {
        let low = try SCD4x.decode(Reply([0, 0, 0x81, 0, 0, 0x81, 0, 0, 0x81]))
        #expect(low.celsius == -45 && low.percent == 0 && low.ppm == 0)
        let high = try SCD4x.decode(Reply([0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC, 0xFF, 0xFF, 0xAC]))
        #expect(high.celsius == 130 && high.percent == 100)
    }

    @Test("A flipped bit anywhere is refused", arguments: 0..<9)
    func flipped(byte: Int) {
        var bytes: [UInt8] = [0x01, 0xF4, 0x33, 0x66, 0x67, 0xA2, 0x5E, 0xB9, 0x3C]
        bytes[byte] ^= 0x80
        #expect(throws: SensorFault.checksum) { _ = try SCD4x.decode(Reply(bytes)) }
    }

    private func driver(_ mode: SCD4x.Mode, altitude: UInt16 = 0) -> SCD4x {
        SCD4x(device: scd4x, mode: mode, altitudeMetres: altitude, calibratesItself: true)
    }

    @Test(
        "What the air is comes out to the chip's steps, in every mode",
        arguments: [SCD4x.Mode.periodic, .lowPower, .singleShot])
    func agreement(mode: SCD4x.Mode) throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD4x()
        bus.attach(chip, at: scd4x)
        var driver = driver(mode)
        for air in airs {
            chip.surroundings = { _ in air }
            clock.pass(.seconds(60))
            let values = physical(try measure(&driver, on: &bus, clock))
            #expect(abs(values[0] - air.carbonDioxidePPM) <= 0.5)
            #expect(abs(values[1] - air.celsius) <= 0.001_4 && abs(values[2] - air.percent) <= 0.000_8)
        }
    }

    @Test("It is told its altitude and its self-calibration, also after it lost its supply, which is noticed")
    func brownOut() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD4x(surroundings: { _ in Surroundings { $0.carbonDioxidePPM = 1_000 } })
        chip.trueAltitude = 1_500
        bus.attach(chip, at: scd4x)
        var driver = SCD4x(device: scd4x, mode: .periodic, altitudeMetres: 1_500, calibratesItself: false)
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 1_000) < 1)
        #expect(chip.altitude == 1_500 && !chip.calibratesItself)
        chip.powerCycle(at: clock.moment)
        #expect(chip.altitude == 0)
        clock.pass(.seconds(5))
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        #expect(abs(physical(try measure(&driver, on: &bus, clock))[0] - 1_000) < 1)
        #expect(chip.altitude == 1_500 && !chip.calibratesItself)
    }

    @Test("Readings a second apart each wait for a result of their own")
    func fast() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        var driver = driver(.periodic)
        bus.attach(
            SimulatedSCD4x(surroundings: { now in
                Surroundings { $0.carbonDioxidePPM = Double(now.nanoseconds / 1_000_000_000) }
            }), at: scd4x)
        var last = 0.0
        for _ in 0..<10 {
            let value = physical(try measure(&driver, on: &bus, clock))[0]
            #expect(value > last)
            last = value
            clock.pass(.seconds(1))
        }
    }

    @Test("No serial number is implausible, no result is not ready, and an SCD40 knows no single shot")
    func faults() throws {
        let clock = StillClock()
        var bus = SimulatedBus { clock.moment }
        let chip = SimulatedSCD4x()
        bus.attach(chip, at: scd4x)
        chip.serialNumber = 0
        var driver = driver(.periodic)
        #expect(throws: SensorFault.implausible) { _ = try measure(&driver, on: &bus, clock) }
        chip.serialNumber = 77
        chip.isHung = true
        #expect(throws: SensorFault.notReady) { _ = try measure(&driver, on: &bus, clock) }
        chip.isHung = false
        chip.knowsSingleShot = false
        var single = SCD4x(device: scd4x, mode: .singleShot, altitudeMetres: 0, calibratesItself: true)
        #expect(throws: SensorFault.bus(.noAcknowledge)) { _ = try measure(&single, on: &bus, clock) }
    }

    @Test("An altitude that the chips do not take is refused", arguments: ["scd30", "scd4x"], [-1, 3_001] as [Int64])
    func altitude(name: String, value: Int64) throws {
        let entry = try #require(Catalogue.entry(named: name))
        let fault = settingFault { _ = try entry.make(.of(["altitude": metres(value)], device: scd4x)) }
        #expect(fault?.parameter == "altitude")
    }
}
