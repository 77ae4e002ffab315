// Simulated chips asked as Linux' own drivers ask the real ones (Linux 6.1): in modes that our drivers do not use.

import SimulatedWorld
import Testing
import World

@testable import Sensors

@Suite("Simulated weather chips")
struct SimulatedWeatherChipTests {
    private let device = BusDevice(bus: 0, address: 0x50)
    private let clock = StillClock()

    private func bus(_ chip: any SimulatedChip) -> SimulatedBus {
        let bus = SimulatedBus { [clock] in clock.moment }
        bus.attach(chip, at: device)
        return bus
    }

    @Test("bmp280: a BME280 and a BMP280 in normal mode measure one time after the other", arguments: [true, false])
    func bmp280(hasHumidity: Bool) throws {
        let chip = SimulatedBME280(hasHumidity: hasHumidity)
        var bus = bus(chip)
        let calibration = try bus.receive(26, register: 0x88, of: device)
        let c = try #require(BME280.Calibration(low: calibration, high: Reply(count: 7)))
        if hasHumidity { try bus.send(0xF2, 0x01, to: device) }
        try bus.send(0xF4, 0x27, to: device)
        for celsius in [21.5, -3.25] {
            chip.set(celsius: celsius, pascal: 100_000, percent: 50)
            clock.pass(.milliseconds(50))
            let data = try bus.receive(6, register: 0xF7, of: device)
            #expect(abs(try #require(BME280.Raw(data).compensated(by: c)).celsius - celsius) < 0.01)
        }
        #expect(try bus.receive(1, register: 0xF4, of: device)[0] == 0x27)
    }

    @Test("bmp280: a BMP388 after its reset in normal mode, with its command and error registers")
    func bmp380() throws {
        let chip = SimulatedBMP388()
        var bus = bus(chip)
        #expect(try bus.receive(1, register: 0x03, of: device)[0] & 0x10 != 0)
        try bus.send(0x7E, 0xB6, to: device)
        #expect(try bus.receive(1, register: 0x02, of: device)[0] == 0)
        let settings: [(UInt8, UInt8)] = [(0x1B, 0x03), (0x1C, 0x02), (0x1D, 0x02), (0x1F, 0x02), (0x1B, 0x33)]
        for (register, value) in settings {
            try bus.send(register, value, to: device)
        }
        let calibration = try bus.receive(21, register: 0x31, of: device)
        let c = try #require(BMP388.Calibration(calibration))
        for celsius in [21.5, -3.25] {
            let air = Surroundings { $0.celsius = celsius }
            chip.surroundings = { _ in air }
            clock.pass(.milliseconds(80))
            let data = try bus.receive(6, register: 0x04, of: device)
            #expect(abs(try #require(BMP388.Raw(data).compensated(by: c)).celsius - celsius) < 0.001)
        }
    }

    @Test("bme680: temperature alone in forced mode, and no gas without the order")
    func bme680() throws {
        var bus = bus(SimulatedBME680())
        try bus.send(0xE0, 0xB6, to: device)
        #expect(try bus.receive(1, register: 0xD0, of: device)[0] == 0x61)
        for (register, value) in [(0x72, 0x02), (0x75, 0x08), (0x74, 0x8C), (0x74, 0x8D)] as [(UInt8, UInt8)] {
            try bus.send(register, value, to: device)
        }
        #expect(try bus.receive(1, register: 0x1D, of: device)[0] & 0x20 != 0)
        clock.pass(.microseconds(14 * 1_963 + 9 * 477 + 1_000))
        #expect(try bus.receive(1, register: 0x1D, of: device)[0] == 0x80)
        #expect(try bus.receive(1, register: 0x2B, of: device)[0] == 0)
        #expect(try bus.receive(1, register: 0x74, of: device)[0] == 0x8C)
    }

    @Test("sht3x: cleared status, four limits with their checksums, a limit written and read again")
    func sht3x() throws {
        var bus = bus(SimulatedSHT3x())
        #expect(try bus.receive(3, command: 0xF32D, of: device).sensirionWord(0) == 0x8010)
        try bus.send(command: 0x3041, to: device)
        #expect(try bus.receive(3, command: 0xF32D, of: device).sensirionWord(0) == 0)
        let limits: [(UInt16, UInt16)] = [(0xE11F, 0xCD33), (0xE114, 0xC92D), (0xE109, 0x3869), (0xE102, 0x3466)]
        for (command, limit) in limits {
            #expect(try bus.receive(3, command: command, of: device).sensirionWord(0) == limit)
        }
        try bus.send(.sensirionMessage(command: 0x611D, 0xABCD), to: device)
        #expect(try bus.receive(3, command: 0xE11F, of: device).sensirionWord(0) == 0xABCD)
        try bus.send(command: 0x1234, to: device)
        #expect(try bus.receive(3, command: 0xF32D, of: device).sensirionWord(0) == 0x0002)
    }

    @Test("sht4x: a reset, and after 8.2 ms a measurement; its serial number")
    func sht4x() throws {
        var bus = bus(SimulatedSHT4x())
        try bus.send(0x94, to: device)
        clock.pass(.milliseconds(1))
        try bus.send(0xFD, to: device)
        clock.pass(.microseconds(8_200))
        #expect(abs(try SHT4x.Raw(bus.receive(6, from: device)).celsius - 21.4) < 0.002)
        let serial = try bus.receive(6, register: 0x89, of: device)
        #expect(try serial.sensirionWord(0) == 0x0F1E && serial.sensirionWord(1) == 0x2D3C)
    }

    @Test("aht10: the older chip's command to begin, and an answer without its checksum")
    func aht10() throws {
        var bus = bus(SimulatedAHT20())
        try bus.send(0xE1, 0x28, 0x00, to: device)
        #expect(try bus.receive(1, from: device)[0] == 0x18)
        try bus.send(0xAC, 0x33, 0x00, to: device)
        #expect(try bus.receive(1, from: device)[0] == 0x98)
        clock.pass(.milliseconds(80))
        let number = try bus.receive(6, from: device).bigEndian24(3) & 0xFFFFF
        let celsius = Double(number) * 200 / 1_048_576 - 50
        #expect(abs(celsius - 21.4) < 0.001)
    }

    @Test("si7020: both quantities with the bus held, as words")
    func si7020() throws {
        var bus = bus(SimulatedSi7021())
        try bus.send(0xFE, to: device)
        clock.pass(.milliseconds(15))
        let celsius = Si7021.celsius(try bus.receive(2, register: 0xE3, of: device).bigEndian16(0))
        let percent = Si7021.percent(try bus.receive(2, register: 0xE5, of: device).bigEndian16(0))
        #expect(abs(celsius - 21.4) < 0.011)
        #expect(abs(percent - 48) < 0.031)
    }

    @Test("tmp117: continuous conversion from power-on, -256 °C until the first is over, the offset added")
    func tmp117() throws {
        let chip = SimulatedTMP117()
        chip.powerCycle(at: clock.moment)
        var bus = bus(chip)
        clock.pass(.milliseconds(2))
        #expect(try bus.receive(2, register: 0x0F, of: device).bigEndian16(0) == 0x0117)
        #expect(TMP117.celsius(try bus.receive(2, register: 0x00, of: device)) == -256)
        clock.pass(.seconds(1))
        #expect(abs(TMP117.celsius(try bus.receive(2, register: 0x00, of: device)) - 21.4) < 0.004)
        try bus.send(register: 0x07, word: 0x0080, to: device)
        clock.pass(.seconds(1))
        #expect(abs(TMP117.celsius(try bus.receive(2, register: 0x00, of: device)) - 22.4) < 0.004)
    }

    @Test("jc42: capability, limits that set the flags over the temperature, shutdown that keeps it")
    func jc42() throws {
        let chip = SimulatedMCP9808()
        var bus = bus(chip)
        #expect(try bus.receive(2, register: 0x00, of: device).bigEndian16(0) & 0xFF00 == 0)
        try bus.send(register: 0x02, word: 0x0140, to: device)  // 20 °C
        try bus.send(register: 0x03, word: 0x1F60, to: device)  // -10 °C
        try bus.send(register: 0x04, word: 0x0150, to: device)  // 21 °C
        #expect(try bus.receive(2, register: 0x05, of: device).bigEndian16(0) == 0xC156)
        try bus.send(register: 0x01, word: 0x0100, to: device)
        let cold = Surroundings { $0.celsius = -12.3 }
        chip.surroundings = { _ in cold }
        clock.pass(.seconds(5))
        #expect(try bus.receive(2, register: 0x05, of: device).bigEndian16(0) == 0xC156)
        try bus.send(register: 0x01, word: 0, to: device)
        clock.pass(.milliseconds(250))
        #expect(try bus.receive(2, register: 0x05, of: device).bigEndian16(0) == 0x3F3B)
    }

    @Test("lm75: the configuration as a byte, the limits of a reset, a shutdown that is ended")
    func lm75() throws {
        let chip = SimulatedLM75(.tmp75)
        var bus = bus(chip)
        #expect(try bus.receive(1, register: 0x01, of: device)[0] == 0)
        #expect(try bus.receive(2, register: 0x02, of: device).bigEndian16(0) == 0x4B00)
        #expect(try bus.receive(2, register: 0x03, of: device).bigEndian16(0) == 0x5000)
        try bus.send(0x01, 0x61, to: device)
        try bus.send(0x01, 0x60, to: device)
        clock.pass(.milliseconds(220))
        #expect(try bus.receive(2, register: 0x00, of: device).bigEndian16(0) == 0x1560)
    }

    @Test("mlx90614: words without their code, and a cell that is erased before it is written")
    func mlx90614() throws {
        let chip = SimulatedMLX90614(address: 0x50)
        var bus = bus(chip)
        #expect(try bus.receive(2, register: 0x25, of: device).littleEndian16(0) & 0x40 == 0)
        let object = MLX90614.kelvin(try bus.receive(2, register: 0x07, of: device).littleEndian16(0))
        #expect(abs(object - 310.35) < 0.011)
        for word in [UInt16(0), 0xF333] {
            let bytes: [UInt8] = [0x24, UInt8(word & 0xFF), UInt8(word >> 8)]
            let code = CRC8.packetError.of([0xA0] + bytes)
            try bus.send(Reply(bytes + [code]), to: device)
            #expect(throws: SensorFault.bus(.noAcknowledge)) { try bus.send(Reply(bytes + [code ^ 1]), to: device) }
            clock.pass(.milliseconds(20))
        }
        #expect(abs(chip.emissivity - 0.95) < 0.000_02)
    }
}
