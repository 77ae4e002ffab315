import SimulatedWorld
import Testing
import World

@testable import Sensors

@Suite("IIO buffers")
struct IIOBufferTests {
    private let folder = "/sys/bus/iio/devices/iio:device2"
    private let node = "/dev/iio:device2"

    /// Acceleration in x and z of 12 bits, left-aligned; a voltage between them; time of 64 bits.
    private func accelerometer(canTime: Bool = true) -> SimulatedAttributes {
        let attributes = SimulatedAttributes()
        attributes.setIIO(0, name: "other", files: ["in_temp_input": "1"])
        var files: [String: String] = [
            "in_accel_x_raw": "0", "in_accel_z_raw": "0", "in_accel_scale": "0.01", "in_voltage0_raw": "0",
            "in_voltage0_offset": "-8", "in_voltage0_scale": "0.5", "sampling_frequency": "1",
            "buffer/enable": "1", "buffer/length": "0", "trigger/current_trigger": "",
            "scan_elements/in_accel_x_en": "0", "scan_elements/in_accel_x_index": "0",
            "scan_elements/in_accel_x_type": "le:s12/16>>4", "scan_elements/in_accel_y_en": "1",
            "scan_elements/in_accel_y_index": "1", "scan_elements/in_accel_y_type": "le:s12/16>>4",
            "scan_elements/in_accel_z_en": "0", "scan_elements/in_accel_z_index": "2",
            "scan_elements/in_accel_z_type": "be:s12/16>>4", "scan_elements/in_voltage0_en": "0",
            "scan_elements/in_voltage0_index": "5", "scan_elements/in_voltage0_type": "be:u24/32>>8",
            "scan_elements/in_timestamp_en": "0", "scan_elements/in_timestamp_index": "9",
            "scan_elements/in_timestamp_type": "le:s64/64>>0",
        ]
        if canTime { files["current_timestamp_clock"] = "realtime" }
        attributes.setIIO(2, name: "lis3dh", files: files)
        attributes.set("/sys/bus/iio/devices/trigger0/name", "lis3dh-dev2")
        attributes.set("/sys/bus/iio/devices/trigger1/name", "tick")
        attributes.set("/sys/bus/iio/devices/trigger1/sampling_frequency", "100")
        attributes.feed(node, [])
        return attributes
    }

    private func driver(_ more: [String: Setting] = [:]) throws -> any AttributeDriver {
        var values: [String: Setting] = [
            "device": .text("lis3dh"), "measures": .text("acceleration_z voltage0 acceleration_x"),
            "buffered": .flag(true),
        ]
        values.merge(more) { $1 }
        return try attributeDriver(IIO.entry, values)
    }

    /// x, z, voltage of 32 bits, then a time aligned to 8 bytes: 16 bytes.
    private func scan(x: Int16, z: Int16, voltage: UInt32, nanoseconds: Int64) -> [UInt8] {
        let left = UInt16(bitPattern: x) << 4 | 0xF, right = UInt16(bitPattern: z) << 4 | 0x3
        var bytes: [UInt8] = [UInt8(left & 0xFF), UInt8(left >> 8), UInt8(right >> 8), UInt8(right & 0xFF)]
        let word = voltage << 8 | 0xAA
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: nanoseconds >> Int64(8 * shift))) }
        return bytes
    }

    @Test("The device is set up in the order that the kernel asks for, and elements of others are taken out")
    func setUp() throws {
        var attributes = accelerometer()
        var driver = try driver(["rate": .number(25), "trigger": .text("lis3dh-dev2")])
        #expect(try sampled(&driver, &attributes).isEmpty)
        let writes = attributes.writes.map { "\($0.path.dropFirst(folder.count + 1))=\($0.text)" }
        #expect(writes.first == "buffer/enable=0\n" && writes.last == "buffer/enable=1\n")
        for line in [
            "current_timestamp_clock=boottime\n", "scan_elements/in_accel_x_en=1\n", "scan_elements/in_accel_y_en=0\n",
            "scan_elements/in_accel_z_en=1\n", "scan_elements/in_voltage0_en=1\n", "scan_elements/in_timestamp_en=1\n",
            "trigger/current_trigger=lis3dh-dev2\n", "sampling_frequency=25\n", "buffer/length=160\n",
        ] {
            #expect(writes.contains(line), "\(line)")
        }
    }

    @Test("The first reading waits for two scans, but never longer than until the next")
    func firstWait() throws {
        for (hertz, wait) in [(10.0, Duration.milliseconds(201)), (50, .milliseconds(41)), (1, .seconds(1))] {
            var attributes = accelerometer()
            var driver = try driver(["rate": .number(hertz)])
            let first = try driver.start(on: &attributes), second = try driver.start(on: &attributes)
            #expect(first == wait && second == .zero)
        }
    }

    @Test("A trigger that has a rate of its own is given it")
    func triggerRate() throws {
        var attributes = accelerometer()
        var driver = try driver(["rate": .number(12.5), "trigger": .text("tick")])
        #expect(try sampled(&driver, &attributes).isEmpty)
        #expect(attributes.writes.contains { $0 == ("/sys/bus/iio/devices/trigger1/sampling_frequency", "12.5\n") })
        #expect(!attributes.writes.contains { $0.path == folder + "/sampling_frequency" })
    }

    @Test("Each scan gives its values at its own time: shifted, signed, of either byte order, scaled")
    func scans() throws {
        var attributes = accelerometer()
        var driver = try driver()
        #expect(try sampled(&driver, &attributes).isEmpty)
        attributes.feed(node, scan(x: -2_048, z: 2_047, voltage: 0x00FF_FFFF, nanoseconds: 5_000_000_001))
        attributes.feed(node, scan(x: 1, z: -1, voltage: 8, nanoseconds: 5_100_000_002))
        let samples = try sampled(&driver, &attributes)
        #expect(samples.map(\.channel) == [0, 1, 2, 0, 1, 2])
        let times: [Int64] = samples.compactMap { $0.acquired?.nanoseconds }
        #expect(times == [Int64](repeating: 5_000_000_001, count: 3) + [Int64](repeating: 5_100_000_002, count: 3))
        let expected: [Double] = [20.47, (16_777_215 - 8) * 0.5e-3, -20.48, -0.01, 0, 0.01]
        for (value, wanted) in zip(physical(samples), expected) { #expect(abs(value - wanted) < 1e-9) }
    }

    @Test("More scans than one reading takes are left for the next, none lost")
    func many() throws {
        var attributes = accelerometer()
        var driver = try driver()
        #expect(try sampled(&driver, &attributes).isEmpty)
        for number in 0..<100 {
            attributes.feed(node, scan(x: Int16(number), z: 0, voltage: 0, nanoseconds: Int64(number)))
        }
        let first = try sampled(&driver, &attributes), second = try sampled(&driver, &attributes)
        #expect(first.count == 240 && second.count == 60)
        let times = (first + second).filter { $0.channel == 2 }.compactMap { $0.acquired?.nanoseconds }
        #expect(times == (0..<100).map { Int64($0) })
    }

    @Test("A device whose clock cannot be set gives the newest scan, at the time of reading")
    func withoutTime() throws {
        var attributes = accelerometer(canTime: false)
        var driver = try driver()
        #expect(try sampled(&driver, &attributes).isEmpty)
        #expect(attributes.writes.contains { $0 == (folder + "/scan_elements/in_timestamp_en", "0\n") })
        for x in [7, 9] as [Int16] {
            attributes.feed(node, Array(scan(x: x, z: 0, voltage: 0, nanoseconds: 0).prefix(8)))
        }
        let samples = try sampled(&driver, &attributes)
        #expect(samples.count == 3 && samples.allSatisfy { $0.acquired == nil })
        #expect(abs(physical(samples)[2] - 0.09) < 1e-9)
    }

    @Test("A buffer that stays silent is a fault until a scan comes")
    func silence() throws {
        var attributes = accelerometer()
        var driver = try driver()
        #expect(try sampled(&driver, &attributes).isEmpty)
        for _ in 0..<3 { #expect(throws: SensorFault.notReady) { _ = try sampled(&driver, &attributes) } }
        #expect(attributes.writes.filter { $0 == (folder + "/buffer/enable", "1\n") }.count == 3)
        attributes.feed(node, scan(x: 1, z: 1, voltage: 1, nanoseconds: 1))
        #expect(try sampled(&driver, &attributes).count == 3)
        #expect(throws: SensorFault.notReady) { _ = try sampled(&driver, &attributes) }
    }

    @Test("Where the set-up may not be written the channels are read one by one")
    func notPermitted() throws {
        var attributes = accelerometer()
        attributes.writeFaults[folder + "/buffer/enable"] = .notPermitted
        attributes.set(folder + "/in_accel_x_raw", "-100")
        var driver = try driver()
        let values = physical(try sampled(&driver, &attributes))
        let expected: [Double] = [0, -0.004, -1]
        for (value, wanted) in zip(values, expected) { #expect(abs(value - wanted) < 1e-9) }
        #expect(values.count == 3 && attributes.writes.isEmpty)
    }

    @Test("A device that went away is set up anew under its new number")
    func numberChanges() throws {
        var attributes = accelerometer()
        var driver = try driver(["measures": .text("acceleration_x")])
        #expect(try sampled(&driver, &attributes).isEmpty)
        attributes.faults[node] = .noSuchFile
        attributes.removeIIO(2)
        #expect(throws: SensorFault.attribute(.noSuchFile)) { _ = try sampled(&driver, &attributes) }
        #expect(throws: SensorFault.noData) { _ = try sampled(&driver, &attributes) }
        attributes.setIIO(
            7, name: "lis3dh",
            files: [
                "in_accel_x_raw": "0", "in_accel_x_scale": "2", "buffer/enable": "0", "buffer/length": "0",
                "scan_elements/in_accel_x_en": "0", "scan_elements/in_accel_x_index": "0",
                "scan_elements/in_accel_x_type": "le:s8/8>>0",
            ])
        attributes.feed("/dev/iio:device7", [0x80])
        #expect(physical(try sampled(&driver, &attributes)) == [-256])
    }

    @Test("Types of elements: what is one, and what is none")
    func types() throws {
        let good = try #require(ScanElement("le:s12/16>>4"))
        #expect(!good.isBigEndian && good.isSigned && good.bits == 12 && good.storageBytes == 2 && good.shift == 4)
        let big = try #require(ScanElement("be:u64/64>>0"))
        #expect(big.isBigEndian && !big.isSigned && big.bits == 64 && big.storageBytes == 8 && big.shift == 0)
        for text in [
            "", "le", "le:s12/16", "xe:s12/16>>4", "le:x12/16>>4", "le:s12/24>>4", "le:s16/16>>1", "le:s0/16>>0",
            "le:s12/16>>4 ", "le:s16/16X4>>0", "le:s99999999999999999999/16>>0", "le:s/16>>0", "le:s12-16>>4",
        ] {
            #expect(ScanElement(text) == nil, "\(text)")
        }
    }

    @Test("Elements lie by index, each aligned to its size, the scan to the largest")
    func layout() throws {
        let byte = try #require(ScanElement("le:s8/8>>0")), word = try #require(ScanElement("le:s16/16>>0"))
        let long = try #require(ScanElement("le:s64/64>>0"))
        let layout = ScanLayout([(9, long), (3, word), (1, byte)])
        #expect(layout.offsets == [8, 2, 0] && layout.bytes == 16)
        #expect(ScanLayout([(0, word), (1, word), (2, word)]).bytes == 6)
        #expect(ScanLayout([(0, word), (1, byte)]).bytes == 4)
    }

    @Test("A rate beyond what one reading takes, and a trigger or rate without a buffer, are refused")
    func refused() throws {
        let settings = DriverSettings.of([
            "device": .text("lis3dh"), "measures": .text("acceleration_x acceleration_y"), "buffered": .flag(true),
            "rate": .number(121),
        ])
        #expect(settingFault { _ = try IIO.entry.channels(settings) }?.parameter == "rate")
        for (name, value) in [("rate", Setting.number(1)), ("trigger", .text("tick"))] {
            let settings = DriverSettings.of(["device": .text("bme280"), name: value])
            #expect(settingFault { _ = try IIO.entry.channels(settings) }?.parameter == name)
        }
    }
}
