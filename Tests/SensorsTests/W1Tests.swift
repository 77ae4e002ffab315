import SimulatedWorld
import Testing
import World

@testable import Sensors

/// A 1-wire master with thermometers, as w1_therm shows them: a bulk conversion leaves each a result that its next read
/// takes; a read without one converts.
private final class Wire {
    let attributes = SimulatedAttributes()
    let clock = StillClock()
    private let master = "/sys/bus/w1/devices/w1_bus_master1"
    /// Celsius by slave.
    var temperatures: [String: Double]
    private(set) var triggers = 0

    init(_ temperatures: [String: Double], canBulk: Bool = true) {
        self.temperatures = temperatures
        attributes.now = { [clock] in clock.moment }
        attributes.set("/sys/bus/w1/devices/w1_bus_master2/w1_master_slave_count", "0")
        if canBulk { attributes.set(master + "/therm_bulk_read", "0") }
        for slave in temperatures.keys { attributes.set("\(master)/\(slave)/name", slave) }
        measure()
        attributes.reaction = { [unowned self] path, text in
            guard path == master + "/therm_bulk_read", text.utf8.count == 8 else { return }
            clock.pass(.milliseconds(750))
            triggers += 1
            measure()
        }
    }

    private func measure() {
        for (slave, celsius) in temperatures { show(slave, Wire.text(celsius)) }
    }

    func show(_ slave: String, _ text: String) { attributes.set("/sys/bus/w1/devices/\(slave)/w1_slave", text) }

    /// Both lines for a DS18B20 of 12 bits (data sheet, table 1 and figure 9).
    static func text(_ celsius: Double) -> String {
        let raw = UInt16(bitPattern: Int16(celsius * 16))
        var bytes: [UInt8] = [UInt8(raw & 0xFF), UInt8(raw >> 8), 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10]
        // CRC x^8 + x^5 + x^4 + 1, lowest bit first (data sheet, "CRC generation").
        var crc: UInt8 = 0
        for byte in bytes {
            crc ^= byte
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x8C : crc >> 1 }
        }
        bytes.append(crc)
        func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        let words = bytes.map { hexadecimal($0) + " " }.joined()
        return "\(words): crc=\(hexadecimal(crc)) YES\n\(words)t=\(Int(celsius * 1_000))"
    }
}

@Suite("1-wire thermometers")
struct W1Tests {
    private let a = "28-0316a2795cff", b = "28-0000055f1020", c = "10-000802b4635f"

    private func sensor(_ slave: String) throws -> any AttributeDriver {
        try attributeDriver(W1.entry, ["slave": .text(slave)])
    }

    /// Each in turn, as the Sampler measures those that are due.
    private func round(_ drivers: inout [any AttributeDriver], on wire: Wire) throws -> [Double?] {
        var attributes = wire.attributes
        return try drivers.indices.map { try values(&drivers[$0], &attributes)[0] }
    }

    @Test(
        "The data sheet's temperatures, with sign",
        arguments: [125, 25.0625, 10.125, 0.5, 0, -0.5, -10.125, -25.0625, -55] as [Double])
    func temperatures(celsius: Double) throws {
        let wire = Wire([a: celsius])
        var drivers = [try sensor(a)]
        #expect(try round(&drivers, on: wire) == [(celsius * 1_000).rounded(.towardZero) / 1_000])
    }

    @Test("The two lines of the kernel's own example; a wrong CRC, silence, zeros and rubbish are each told apart")
    func lines() throws {
        func decode(_ text: String) -> Result<Double, SensorFault> {
            var bytes = Array(text.utf8)
            return bytes.withUnsafeMutableBytes { W1.decode(UnsafeRawBufferPointer($0)) }
        }
        let good = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
        #expect(decode(good) == .success(23.125))
        #expect(Wire.text(23.125).hasSuffix("t=23125"))
        let refused = "72 01 4b 46 7f ff 0e 10 57 : crc=58 NO\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
        #expect(decode(refused) == .failure(.checksum))
        #expect(decode("") == .failure(.bus(.noAcknowledge)))
        let shorted = "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n"
        #expect(decode(shorted) == .failure(.bus(.noAcknowledge)))
        for text in ["YES\nt=1\n", "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n", "\n\n", "1\n2\n3\n"] {
            #expect(decode(text) == .failure(.implausible), "\(text)")
        }
        let worthless = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=warm\n"
        #expect(decode(worthless) == .failure(.implausible))
    }

    @Test("Sensors of one master share each conversion, and every round has its own")
    func bulk() throws {
        let wire = Wire([a: 20, b: -5.5, c: 30])
        var drivers = [try sensor(a), try sensor(b), try sensor(c)]
        #expect(try round(&drivers, on: wire) == [20, -5.5, 30])
        #expect(wire.triggers == 1)
        for (number, celsius) in [21.0, 21.5, 22].enumerated() {
            wire.clock.pass(.seconds(60))
            wire.temperatures[a] = celsius
            #expect(try round(&drivers, on: wire) == [celsius, -5.5, 30])
            #expect(wire.triggers == number + 2)
        }
        #expect(wire.attributes.writes.allSatisfy { $0.text == "trigger\n" })
        #expect(wire.attributes.writes.allSatisfy { $0.path == "/sys/bus/w1/devices/w1_bus_master1/therm_bulk_read" })
    }

    @Test("A sensor that is due alone does not take an old conversion for its own")
    func stale() throws {
        let wire = Wire([a: 20, b: 10])
        var first = [try sensor(a)], second = [try sensor(b)]
        #expect(try round(&first, on: wire) == [20])
        wire.clock.pass(.seconds(5))
        wire.temperatures[b] = 11
        #expect(try round(&second, on: wire) == [11])
        #expect(wire.triggers == 2)
        // The same at once again: its own conversion has been used.
        wire.temperatures[b] = 12
        #expect(try round(&second, on: wire) == [12])
        #expect(wire.triggers == 3)
    }

    @Test("Where bulk conversions are not permitted, or not there, each read makes its own", arguments: [true, false])
    func notPermitted(isThere: Bool) throws {
        let wire = Wire([a: 20, b: 10], canBulk: isThere)
        wire.attributes.writeFaults["/sys/bus/w1/devices/w1_bus_master1/therm_bulk_read"] = .notPermitted
        var drivers = [try sensor(a), try sensor(b)]
        for _ in 0..<3 { #expect(try round(&drivers, on: wire) == [20, 10]) }
        #expect(wire.triggers == 0)
    }

    @Test("A bulk conversion that failed once is asked for again the next time")
    func failedOnce() throws {
        let wire = Wire([a: 20])
        let path = "/sys/bus/w1/devices/w1_bus_master1/therm_bulk_read"
        wire.attributes.writeFaults[path] = .failed(errno: 5)
        var drivers = [try sensor(a)]
        #expect(try round(&drivers, on: wire) == [20])
        wire.attributes.writeFaults = [:]
        #expect(try round(&drivers, on: wire) == [20])
        #expect(wire.triggers == 1)
    }

    @Test("85 °C is not believed after a power-up, but where it is warm already; 127.94 °C never is")
    func powerOn() throws {
        let wire = Wire([a: 85])
        var drivers = [try sensor(a)]
        #expect(throws: SensorFault.implausible) { _ = try round(&drivers, on: wire) }
        wire.temperatures[a] = 22
        #expect(try round(&drivers, on: wire) == [22])
        wire.temperatures[a] = 85
        #expect(throws: SensorFault.implausible) { _ = try round(&drivers, on: wire) }
        wire.temperatures[a] = 84.5
        #expect(try round(&drivers, on: wire) == [84.5])
        wire.temperatures[a] = 85
        #expect(try round(&drivers, on: wire) == [85])
        wire.temperatures[a] = 127.9375
        #expect(throws: SensorFault.implausible) { _ = try round(&drivers, on: wire) }
        let thermocouple = "3b-0c98072d1a2b"
        let hot = Wire([thermocouple: 1_250])
        var couples = [try sensor(thermocouple)]
        #expect(try round(&couples, on: hot) == [1_250])
    }

    @Test("A slave that is not there is not available; one that comes back is found again, at another master too")
    func missing() throws {
        let wire = Wire([a: 20])
        var attributes = wire.attributes
        var driver = try sensor(b)
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&driver, &attributes) }
        #expect(SensorFault.attribute(.noSuchFile).quality == .notAvailable)
        attributes.set("/sys/bus/w1/devices/w1_bus_master2/\(b)/name", b)
        attributes.set("/sys/bus/w1/devices/w1_bus_master2/therm_bulk_read", "0")
        wire.show(b, Wire.text(17))
        #expect(try values(&driver, &attributes) == [17])
        #expect(attributes.writes.map(\.path) == ["/sys/bus/w1/devices/w1_bus_master2/therm_bulk_read"])
        attributes.remove(below: "/sys/bus/w1/devices/\(b)")
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try values(&driver, &attributes) }
        wire.show(b, Wire.text(16))
        #expect(try values(&driver, &attributes) == [16])
    }

    @Test(
        "What is no thermometer's id is refused",
        arguments: [
            "28", "28-0316A2795CFF", "28-0316a2795cf", "28-0316a2795cff0", "29-0316a2795cff", "280-316a2795cff",
        ])
    func refused(slave: String) {
        #expect(settingFault { _ = try W1.entry.make(.of(["slave": .text(slave)])) }?.parameter == "slave")
    }
}
