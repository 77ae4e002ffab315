// Small kernel files without a kernel: a table of path and text.

public import World

public final class SimulatedAttributes: Attributes {
    /// Files whose reads fail, and how.
    public var faults: [String: AttributeFault] = [:]
    /// Files whose writes fail, and how.
    public var writeFaults: [String: AttributeFault] = [:]
    /// What has been written, oldest first. A file holds afterwards what was written to it.
    public private(set) var writes: [(path: String, text: String)] = []
    /// What the kernel does about a write, beside keeping it.
    public var reaction: (_ path: String, _ text: String) -> Void = { _, _ in }
    /// What `written` measures by.
    public var now: () -> Boottime = { Boottime(nanoseconds: 0) }

    private var texts: [String: [UInt8]] = [:]
    private var ends: [String: (count: UInt32, end: Boottime)] = [:]
    /// Device nodes: each read takes of the front.
    private var streams: Set<String> = []
    /// Handles are indices; a path keeps its handle.
    private var opened: [String] = []

    public init() {}

    /// A file and what it holds (the kernel's line end is added); nil removes it.
    public func set(_ path: String, _ text: String?) { texts[path] = text.map { Array($0.utf8) + [0x0A] } }

    /// Adds bytes to what a device node has to read.
    public func feed(_ path: String, _ bytes: [UInt8]) {
        streams.insert(path)
        texts[path, default: []] += bytes
    }

    /// Everything below a folder is gone.
    public func remove(below folder: String) { texts = texts.filter { !$0.key.hasPrefix(folder + "/") } }

    /// An IIO device `iio:device<number>` with these files (`in_temp_input`: `21400`, ...).
    public func setIIO(_ number: Int, name: String, files: [String: String]) {
        let folder = "/sys/bus/iio/devices/iio:device\(number)"
        set(folder + "/name", name)
        for (file, text) in files { set("\(folder)/\(file)", text) }
    }

    /// The device's files are gone, as when its driver is unbound.
    public func removeIIO(_ number: Int) { remove(below: "/sys/bus/iio/devices/iio:device\(number)") }

    public func list(_ directory: String) throws(AttributeFault) -> [String] {
        var names: Set<String> = []
        for path in texts.keys where path.hasPrefix(directory + "/") {
            names.insert(String(path.dropFirst(directory.count + 1).prefix { $0 != "/" }))
        }
        guard !names.isEmpty else { throw .noSuchFile }
        return names.sorted()
    }

    public func open(_ path: String) throws(AttributeFault) -> AttributeHandle {
        guard texts[path] != nil else { throw .noSuchFile }
        if let index = opened.firstIndex(of: path) { return AttributeHandle(index: UInt16(index)) }
        opened.append(path)
        return AttributeHandle(index: UInt16(opened.count - 1))
    }

    public func read(
        _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttributeFault) -> Int {
        invariant(Int(attribute.index) < opened.count, "attribute \(attribute.index) was never opened")
        let path = opened[Int(attribute.index)]
        if let fault = faults[path] { throw fault }
        guard let text = texts[path] else { throw .noSuchFile }  // ENODEV, as after an unbind
        let count = min(text.count, buffer.count)
        buffer.copyBytes(from: text[..<count])
        if streams.contains(path) { texts[path] = Array(text.dropFirst(count)) }
        return count
    }

    public func write(_ path: String, _ text: String) throws(AttributeFault) {
        if let fault = writeFaults[path] { throw fault }
        guard texts[path] != nil else { throw .noSuchFile }
        texts[path] = Array(text.utf8)
        writes.append((path, text))
        reaction(path, text)
        ends[path] = ((ends[path]?.count ?? 0) &+ 1, now())
    }

    public func written(_ path: String) -> AttributeWrite? {
        ends[path].map { AttributeWrite(count: $0.count, ago: now() - $0.end) }
    }
}
