// Small kernel files (sysfs, procfs): opened once, then read from the start each time, which makes the kernel produce
// the value anew (Documentation/filesystems/sysfs.rst). A path keeps its handle for ever, so that there are never more
// descriptors and handles than paths. Nothing is kept open for writing.

import Glibc
import World

public struct KernelAttributes: Attributes, ~Copyable {
    private let root: String
    /// By handle; -1 where the file went away between two openings.
    private var descriptors: [Int32] = []
    private var handles: [String: AttributeHandle] = [:]
    /// By path: how often, and when the last one ended.
    private var writes: [String: (count: UInt32, end: Boottime)] = [:]

    /// `root` is put before every path: `/` on a board, another folder in a test.
    public init(root: String = "/") { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

    deinit { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }

    public mutating func list(_ directory: String) throws(AttributeFault) -> [String] {
        do throws(SystemError) { return try listDirectory(root + directory) } catch { throw Self.fault(error.errno) }
    }

    /// A known path is opened anew: the descriptor of an unbound device stays dead also when the device has come back.
    public mutating func open(_ path: String) throws(AttributeFault) -> AttributeHandle {
        let known = handles[path]
        if let known, descriptors[Int(known.index)] >= 0 {
            close(descriptors[Int(known.index)])
            descriptors[Int(known.index)] = -1
        }
        let full = root + path
        let descriptor = uninterrupted { Glibc.open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw Self.fault(-descriptor) }
        if let known {
            descriptors[Int(known.index)] = descriptor
            return known
        }
        invariant(descriptors.count < Int(UInt16.max), "at most 65535 attributes are opened")
        let handle = AttributeHandle(index: UInt16(descriptors.count))
        descriptors.append(descriptor)
        handles[path] = handle
        return handle
    }

    public mutating func read(
        _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttributeFault) -> Int {
        let descriptor = descriptors[Int(attribute.index)]
        guard descriptor >= 0 else { throw .noSuchFile }
        let count = uninterrupted { pread(descriptor, buffer.baseAddress, buffer.count, 0) }
        if count == -Int(EAGAIN) && Self.isDeviceNode(descriptor) { return 0 }
        guard count >= 0 else { throw Self.fault(Int32(-count)) }
        return count
    }

    /// The node of a sample buffer, which says EAGAIN while it is empty. From sysfs it is a driver's failure.
    private static func isDeviceNode(_ descriptor: Int32) -> Bool {
        var about = stat()
        return fstat(descriptor, &about) == 0 && about.st_mode & S_IFMT == S_IFCHR
    }

    public mutating func write(_ path: String, _ text: String) throws(AttributeFault) {
        let full = root + path
        let descriptor = uninterrupted { Glibc.open(full, O_WRONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw Self.fault(-descriptor) }
        var text = text
        let count = text.withUTF8 { bytes in
            uninterrupted { Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
        }
        close(descriptor)
        guard count >= 0 else { throw Self.fault(Int32(-count)) }
        writes[path] = ((writes[path]?.count ?? 0) &+ 1, LinuxClock().now())
    }

    public func written(_ path: String) -> AttributeWrite? {
        guard let write = writes[path] else { return nil }
        return AttributeWrite(count: write.count, ago: LinuxClock().now() - write.end)
    }

    /// ENODEV is what an open attribute answers once its device is gone; EROFS what a service answers whose unit has
    /// ProtectKernelTunables=.
    private static func fault(_ errno: Int32) -> AttributeFault {
        switch errno {
        case ENOENT, ENOTDIR, ENODEV: .noSuchFile
        case EACCES, EPERM, EROFS: .notPermitted
        default: .failed(errno: errno)
        }
    }
}
