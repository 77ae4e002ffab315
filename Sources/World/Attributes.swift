// The seam to small kernel files, one of the six (Seams.swift). Reading and writing may wait for as long as the kernel
// works on it, so whoever measures through it has a thread of its own.

public struct AttributeHandle: Hashable, Sendable {
    public var index: UInt16
    public init(index: UInt16) { self.index = index }
}

public enum AttributeFault: Error, Hashable, Sendable {
    case noSuchFile
    case notPermitted
    case failed(errno: Int32)
}

/// What is known of writing to one path.
public struct AttributeWrite: Hashable, Sendable {
    /// How many there were.
    public var count: UInt32
    /// How long ago the last one ended.
    public var ago: Duration
    public init(count: UInt32, ago: Duration) {
        self.count = count
        self.ago = ago
    }
}

/// Small kernel files that hold one value each: sysfs, procfs; and the device node of a kernel's sample buffer.
public protocol Attributes: ~Copyable {
    /// Names in a directory, sorted.
    mutating func list(_ directory: String) throws(AttributeFault) -> [String]
    mutating func open(_ path: String) throws(AttributeFault) -> AttributeHandle
    /// Reads the whole value from the start; returns how many bytes. A value longer than the buffer is cut. Of a device
    /// node: what there is and fits, 0 bytes when there is nothing.
    mutating func read(
        _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttributeFault) -> Int
    /// Writes the whole value, and waits for as long as the kernel works on it.
    mutating func write(_ path: String, _ text: String) throws(AttributeFault)
    /// What has been written to the path through here; nil: nothing. For what several drivers want done once.
    func written(_ path: String) -> AttributeWrite?
}
