// Clocks, identities, attributes, and what is said of hardware that is not there. That buses and lines work is shown on
// the virtual board.

import CGpio
import Glibc
import Testing
import World

@testable import LinuxWorld

@Suite("The board")
struct BoardTests {
    @Test("the boot clock grows, and both clocks are read together")
    func clock() {
        let clock = LinuxClock()
        let before = clock.now()
        let wall = clock.wall()
        #expect(before <= wall.boottime && wall.boottime <= clock.now())
        // 2024-01-01: every machine that runs tests knows better.
        #expect(wall.utc > UTC(seconds: 1_704_067_200))
        #expect(wall.maximumErrorNanoseconds >= 0)
    }

    @Test("a bus that is not there is absent, with the reason")
    func absentBus() {
        var buses = I2CBuses([.node("/dev/nonexistent-i2c"), .node("/dev/null")])
        #expect(throws: BusFault.absent(errno: ENOENT)) { try buses.claim(BusDevice(bus: 0, address: 0x76)) }
        #expect(throws: BusFault.absent(errno: ENOENT)) {
            try buses.write([0xD0], to: BusDevice(bus: 0, address: 0x76))
        }
        #expect(throws: BusFault.absent(errno: ENOTTY)) { try buses.claim(BusDevice(bus: 1, address: 0x76)) }
    }

    @Test("a chip label that no chip carries is told as such")
    func absentChip() throws {
        var lines = try GPIOLines(keptEdges: 64)
        #expect(throws: LineFault.noSuchChip) {
            _ = try lines.request(LineRequest(chipLabel: "no such label", offset: 17, name: "GPIO17"))
        }
        #expect(lines.nextEdge() == nil)
    }

    @Test("a chip is found by the name of its device, whatever number and label its kernel gave it")
    func deviceOfChip() {
        // A BeagleBone's GPIO1 to Linux 5.10, since 5.15, and on the road between them.
        for link in [
            "../../../devices/platform/ocp/4804c000.gpio/gpiochip1",
            "../../../devices/platform/ocp/48000000.interconnect/48000000.interconnect:segment@0/"
                + "4804c000.target-module/4804c000.gpio/gpiochip0",
            "/4804c000.gpio/gpiochip12",
        ] {
            #expect(cgpio_is_of_device(link, "4804c000.gpio"), "\(link)")
            for other in ["44e07000.gpio", "804c000.gpio", "4804c000.gpi", "", "gpiochip0", "ocp/4804c000.gpio"] {
                #expect(!cgpio_is_of_device(link, other), "\(link) \(other)")
            }
        }
        for link in ["", "/", "gpiochip0", "4804c000.gpio", "4804c000.gpio/gpiochip0"] {
            #expect(!cgpio_is_of_device(link, "4804c000.gpio"), "\(link)")
        }
    }

    @Test("an attribute is read anew each time, cut to the buffer, and told apart from one that is missing")
    func attributes() throws {
        let folder = try TemporaryFolder()
        mkdir(folder.file("iio"), 0o755)
        try folder.write("iio/in_temp_input", "21437\n")
        try folder.write("iio/a", "")
        var attributes = KernelAttributes(root: folder.path)
        #expect(try attributes.list("/iio") == ["a", "in_temp_input"])
        let temperature = try attributes.open("/iio/in_temp_input")
        func read(_ bytes: Int) throws -> String {
            var buffer = [UInt8](repeating: 0, count: bytes)
            let count = try buffer.withUnsafeMutableBytes { try attributes.read(temperature, into: $0) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
        #expect(try read(32) == "21437\n")
        try folder.write("iio/in_temp_input", "-5")
        #expect(try read(32) == "-5")
        #expect(try read(1) == "-")
        #expect(throws: AttributeFault.noSuchFile) { _ = try attributes.open("/iio/missing") }
        #expect(throws: AttributeFault.noSuchFile) { _ = try attributes.list("/missing") }
    }

    @Test("a write replaces nothing but the file's value, is counted by path, and says why when it cannot be")
    func writtenAttribute() throws {
        let folder = try TemporaryFolder()
        try folder.write("therm_bulk_read", "")
        try folder.write("closed", "1")
        chmod(folder.file("closed"), 0o444)
        var attributes = KernelAttributes(root: folder.path)
        let before = attributes.written("/therm_bulk_read")
        #expect(before == nil)
        for count in 1...2 as ClosedRange<UInt32> {
            try attributes.write("/therm_bulk_read", "trigger\n")
            let written = attributes.written("/therm_bulk_read")
            #expect(written?.count == count)
            #expect(written.map { $0.ago >= .zero } == true)
        }
        let handle = try attributes.open("/therm_bulk_read")
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = try buffer.withUnsafeMutableBytes { try attributes.read(handle, into: $0) }
        #expect(String(decoding: buffer[..<count], as: UTF8.self) == "trigger\n")
        #expect(throws: AttributeFault.noSuchFile) { try attributes.write("/missing", "1") }
        let missing = attributes.written("/missing")
        #expect(missing == nil)
        // Root may write everything.
        if geteuid() != 0 {
            #expect(throws: AttributeFault.notPermitted) { try attributes.write("/closed", "1") }
        }
    }

    @Test("a path opened again keeps its handle, finds the file that is there now, and costs no second descriptor")
    func reopenedAttribute() throws {
        let folder = try TemporaryFolder()
        try folder.write("temperature", "1")
        try folder.write("humidity", "2")
        var attributes = KernelAttributes(root: folder.path)
        let temperature = try attributes.open("/temperature"), humidity = try attributes.open("/humidity")
        func read(_ attribute: AttributeHandle) throws -> String {
            var buffer = [UInt8](repeating: 0, count: 8)
            let count = try buffer.withUnsafeMutableBytes { try attributes.read(attribute, into: $0) }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
        func openDescriptors() throws -> Int {
            try listDirectory("/proc/self/fd").count { number in
                var target = [UInt8](repeating: 0, count: 4_096)
                let length = target.withUnsafeMutableBytes {
                    readlink("/proc/self/fd/" + number, $0.baseAddress!, $0.count)
                }
                return length > 0 && String(decoding: target[..<length], as: UTF8.self).hasPrefix(folder.path + "/")
            }
        }
        #expect(try openDescriptors() == 2)
        unlink(folder.file("temperature"))
        #expect(throws: AttributeFault.noSuchFile) { _ = try attributes.open("/temperature") }
        #expect(throws: AttributeFault.noSuchFile) { _ = try read(temperature) }
        #expect(try openDescriptors() == 1)
        try folder.write("temperature", "3")
        for _ in 0..<100 { #expect(try attributes.open("/temperature") == temperature) }
        #expect(try read(temperature) == "3")
        #expect(try read(humidity) == "2")
        #expect(try openDescriptors() == 2)
    }

    @Test("the boot id is the kernel's, as text and as two words")
    func bootID() throws {
        let kernels = try readFile("/proc/sys/kernel/random/boot_id", limit: 64)
        #expect(try BootID.read().description == String(decoding: kernels.dropLast(), as: UTF8.self))
        let boot = try #require(BootID(text: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"))
        #expect(boot.high == 0x0A1B_2C3D_4E5F_6071 && boot.low == 0x8293_A4B5_C6D7_E8F9)
        #expect(boot.description == "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
        #expect(BootID(text: "0a1b") == nil && BootID(text: "") == nil)
        #expect(BootID(text: String(repeating: "g", count: 32)) == nil)
        #expect(BootID(text: String(repeating: "0", count: 33)) == nil)
    }

    @Test("the serial and the model come from the device tree; elsewhere a hash of the machine id, never the id")
    func identity() throws {
        let folder = try TemporaryFolder()
        #expect(boardSerial(root: folder.path) == BoardSerial(text: "", source: .none))
        try makeDirectory(folder.file("etc"))
        try folder.write("etc/machine-id", "00112233445566778899aabbccddeeff\n")
        let hashed = boardSerial(root: folder.path)
        #expect(hashed.source == .machineID && hashed.text.count == 16)
        #expect(!"00112233445566778899aabbccddeeff".contains(hashed.text))
        try makeDirectory(folder.file("proc/device-tree"))
        try folder.write("proc/device-tree/serial-number", "100000003d1d1c36\0")
        try folder.write("proc/device-tree/compatible", "raspberrypi,4-model-b\0brcm,bcm2711\0")
        #expect(boardSerial(root: folder.path) == BoardSerial(text: "100000003d1d1c36", source: .deviceTree))
        #expect(deviceTreeCompatible(root: folder.path) == ["raspberrypi,4-model-b", "brcm,bcm2711"])
    }

    @Test("a file longer than its limit is refused, and a missing one named")
    func files() throws {
        let folder = try TemporaryFolder()
        try folder.write("text", "12345")
        #expect(try readFile(folder.file("text"), limit: 5).count == 5)
        #expect(throws: SystemError(operation: "read", place: folder.file("text"), errno: EFBIG)) {
            _ = try readFile(folder.file("text"), limit: 4)
        }
        do throws(SystemError) {
            _ = try readFile("/nonexistent", limit: 1)
            Issue.record("it was read")
        } catch {
            #expect(error.description == "/nonexistent: cannot open: No such file or directory")
        }
        #expect(throws: SystemError.self) { try makeDirectory(folder.file("text/below")) }
        #expect(fileExists(folder.file("text")) && !isDirectory(folder.file("text")))
    }

    @Test("seeds differ")
    func seeds() { #expect(randomSeed() != randomSeed()) }
}
