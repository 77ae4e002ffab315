// The board's I2C buses through /dev/i2c-N (Documentation/i2c/dev-interface.rst), or over two GPIO lines.
//
// Buses are opened when first used, and again after they went away, so that an adapter which appears late (an overlay,
// a USB adapter, a mux) is found without a restart, under whatever number it comes back. Every transfer is bounded: the
// adapter's time-out is set to 30 ms and its retries to none. Whether to try again is the caller's to decide.

import CGpio
import CLinux
import Glibc
import World

public struct I2CBuses: Bus, ~Copyable {
    /// In the kernel's unit of 10 ms. Its own default is 1 s, in which a wedged bus would hold up every other sensor.
    private static let timeoutTensOfMilliseconds: UInt = 3

    struct Adapter {
        let attachment: BusAttachment
        var descriptor: Int32 = -1
        var functions: UInt64 = 0
        /// The address that I2C_SLAVE has chosen; SMBus calls go there.
        var selected: UInt8?
    }

    private var adapters: [Adapter]

    /// In the order of `BusDevice.bus`. Opens nothing yet.
    public init(_ buses: [BusAttachment]) { adapters = buses.map { Adapter(attachment: $0) } }

    deinit { for adapter in adapters where adapter.descriptor >= 0 { close(adapter.descriptor) } }

    public mutating func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        invariant(!bytes.isEmpty || !reply.isEmpty, "a transfer writes or reads something")
        // The kernel's own limit for one message (i2c-dev.c: i2cdev_ioctl_rdwr).
        invariant(bytes.count <= 8_192 && reply.count <= 8_192, "an I2C message holds at most 8192 bytes")
        let index = try opened(device.bus)
        if case .lines = adapters[index].attachment {
            var bus = TwoWires(GPIOWires(descriptor: adapters[index].descriptor))
            do throws(BusFault) { try bus.transfer(device.address, write: bytes, read: reply) } catch {
                // The chip was unbound: found again by the next transfer.
                if error == .failed(errno: ENODEV) { forget(index) }
                throw error
            }
        } else if adapters[index].functions & UInt64(CLINUX_I2C_PLAIN) != 0 {
            try check(
                clinux_i2c_transfer(
                    adapters[index].descriptor, device.address, bytes.baseAddress, UInt16(bytes.count),
                    reply.baseAddress, UInt16(reply.count)), index)
        } else {
            try select(device.address, index)
            let equivalent = SMBusEquivalent(bus: adapters[index].descriptor, functions: adapters[index].functions)
            guard let result = equivalent.transfer(write: bytes, read: reply) else { throw .unsupported }
            try check(result, index)
        }
    }

    public mutating func claim(_ device: BusDevice) throws(BusFault) {
        let index = try opened(device.bus)
        if case .lines = adapters[index].attachment { return }
        adapters[index].selected = nil
        try select(device.address, index)
    }

    private mutating func opened(_ bus: UInt8) throws(BusFault) -> Int {
        let index = Int(bus)
        invariant(index < adapters.count, "bus \(bus) was not among the \(adapters.count) buses")
        guard adapters[index].descriptor < 0 else { return index }
        let path: String
        switch adapters[index].attachment {
        case .node(let node): path = node
        case .deviceTree(let place): path = try Self.node(ofDeviceTree: place)
        case .lines(let data, let clock):
            adapters[index].descriptor = try Self.wires(data, clock)
            return index
        }
        let descriptor = uninterrupted { open(path, O_RDWR | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .absent(errno: -descriptor) }
        adapters[index].descriptor = descriptor
        adapters[index].selected = nil
        var result = clinux_i2c_functions(descriptor, &adapters[index].functions)
        if result >= 0 { result = clinux_i2c_bound(descriptor, Self.timeoutTensOfMilliseconds, 0) }
        guard result >= 0 else {
            forget(index)
            throw .absent(errno: -result)
        }
        return index
    }

    /// `/dev/i2c-N` of the adapter at that place of the device tree. The kernel links each adapter to its node
    /// (Documentation/ABI/testing/sysfs-devices, `of_node`).
    private static func node(ofDeviceTree place: String) throws(BusFault) -> String {
        let folder = "/sys/bus/i2c/devices"
        guard let names = try? listDirectory(folder) else { throw .absent(errno: ENOENT) }
        for name in names where name.hasPrefix("i2c-") {
            guard let target = realpath("\(folder)/\(name)/of_node", nil) else { continue }
            defer { free(target) }
            if String(cString: target).hasSuffix(place) { return "/dev/\(name)" }
        }
        throw .absent(errno: ENOENT)
    }

    private static func wires(_ data: LineRequest, _ clock: LineRequest) throws(BusFault) -> Int32 {
        guard data.chipLabel == clock.chipLabel else { throw .unsupported }
        var found = cgpio_line()
        for line in [data, clock] {
            let result = cgpio_find(line.chipLabel, line.offset, &found)
            guard result == 0 else { throw .absent(errno: -result) }
            if found.is_used { throw .absent(errno: EBUSY) }
        }
        let path = withUnsafeBytes(of: found.path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let chip = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
        guard chip >= 0 else { throw .absent(errno: -chip) }
        defer { close(chip) }
        let wires = clinux_wires_request(chip, data.offset, clock.offset, "cityedge i2c")
        guard wires >= 0 else { throw .absent(errno: -wires) }
        return wires
    }

    private mutating func select(_ address: UInt8, _ index: Int) throws(BusFault) {
        guard adapters[index].selected != address else { return }
        let result = clinux_i2c_select(adapters[index].descriptor, address)
        // Here EBUSY speaks of the address, not of the wires (i2c-dev.c: i2cdev_check_addr).
        if result == -EBUSY { throw .heldByKernel }
        try check(result, index)
        adapters[index].selected = address
    }

    private mutating func forget(_ index: Int) {
        close(adapters[index].descriptor)
        adapters[index].descriptor = -1
    }

    /// Documentation/i2c/fault-codes.rst, and what adapters really answer.
    private mutating func check(_ result: Int32, _ index: Int) throws(BusFault) {
        guard result < 0 else { return }
        switch -result {
        case ENXIO, EREMOTEIO: throw .noAcknowledge
        case ENODEV:
            // i2c-stub's word for an absent chip, and an unplugged adapter's: opening anew tells which.
            forget(index)
            throw .noAcknowledge
        case ETIMEDOUT: throw .timedOut
        case EAGAIN: throw .arbitrationLost
        // "The bus was busy for longer than allowed": nobody lets go of SDA.
        case EBUSY: throw .stuck
        case EOPNOTSUPP: throw .unsupported
        case let cause: throw .failed(errno: cause)
        }
    }
}
