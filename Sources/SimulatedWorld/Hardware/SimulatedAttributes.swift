// Small kernel files without a kernel: a table of path and text.

public import World

public final class SimulatedAttributes: Attributes {
    /// Files whose reads fail, and how.
    public var faults: [String: AttributeFault] = [:]

    private var texts: [String: [UInt8]] = [:]
    /// Handles are indices; a path keeps its handle.
    private var opened: [String] = []

    public init() {}

    /// A file and what it holds (the kernel's line end is added); nil removes it.
    public func set(_ path: String, _ text: String?) { texts[path] = text.map { Array($0.utf8) + [0x0A] } }

    /// An IIO device `iio:device<number>` with these files (`in_temp_input`: `21400`, ...).
    public func setIIO(_ number: Int, name: String, files: [String: String]) {
        let folder = "/sys/bus/iio/devices/iio:device\(number)"
        set(folder + "/name", name)
        for (file, text) in files { set("\(folder)/\(file)", text) }
    }

    /// The device's files are gone, as when its driver is unbound.
    public func removeIIO(_ number: Int) {
        let prefix = "/sys/bus/iio/devices/iio:device\(number)/"
        texts = texts.filter { !$0.key.hasPrefix(prefix) }
    }

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
        return count
    }
}
