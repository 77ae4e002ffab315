// A sensor that a kernel driver samples by itself, into a buffer: each scan at its own time, however late it is read.
// Kernel: Documentation/driver-api/iio/buffers.rst and triggers.rst, Documentation/ABI/testing/sysfs-bus-iio.
//
// The device is set up when found: which elements are scanned, by what trigger, at what rate, with timestamps of the
// clock that readings have. Every `every` all scans that have come are read. No scan in the time of a whole `every` is
// a fault, and the device is set up anew. A scan of a device whose clock cannot be set has no time worth believing: of
// those only the newest is taken.
//
// All of that is writing to sysfs. Where it is not permitted the same channels are read one by one as without a buffer.

internal import World

struct IIOBuffer: AttributeDriver {
    /// How many samples one reading of the buffer gives at most; the rest is read the next time.
    static let samplesPerCollect = 240

    struct Settings: Sendable {
        var device: String
        var place: String?
        var kinds: [IIO.Kind]
        var trigger: String?
        var hertz: Double?
        var every: Duration

        /// Time for the first scans after the set-up, so that the first reading has some.
        var firstWait: Duration { min(every, hertz.map { .milliseconds(Int64(2_000 / $0) + 1) } ?? .seconds(1)) }
    }

    private struct Source {
        var element: ScanElement
        var offset: Int
        var conversion: IIO.Conversion
    }

    private struct Capture {
        var node: AttributeHandle
        var sources: [Source]
        var timestamp: Source?
        var scanBytes: Int
        var scans: Int
    }

    private let settings: Settings
    private var capture: Capture?
    /// In its place where the set-up may not be written.
    private var direct: IIO?
    /// Set up since the last reading: the buffer may still be empty.
    private var isFresh = false
    private var wasSilent = false

    init(_ settings: Settings) { self.settings = settings }

    mutating func start(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Duration {
        if capture == nil && direct == nil {
            do throws(SensorFault) {
                capture = try setUp(on: &attributes)
                isFresh = true
                return settings.firstWait
            } catch {
                guard error == .attribute(.notPermitted) else { throw error }
                direct = IIO(device: settings.device, place: settings.place, kinds: settings.kinds)
            }
        }
        return try direct?.start(on: &attributes) ?? .zero
    }

    mutating func collect(
        from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) {
        do throws(SensorFault) {
            if direct != nil { return try direct!.collect(from: &attributes, into: &samples) }
            guard let capture else { throw .noData }
            let count = try Self.take(capture, from: &attributes, into: &samples)
            if count == 0 && (wasSilent || !isFresh) { throw .notReady }
            isFresh = false
            if count > 0 { wasSilent = false }
        } catch {
            wasSilent = error == .notReady
            capture = nil
            direct = nil
            throw error
        }
    }

    /// The scans that have come, as samples; how many scans.
    private static func take(
        _ capture: Capture, from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capture.scanBytes * capture.scans, alignment: 8)
        defer { buffer.deallocate() }
        let read: Int
        do throws(AttributeFault) { read = try attributes.read(capture.node, into: buffer) } catch {
            throw .attribute(error)
        }
        let count = min(read, buffer.count) / capture.scanBytes
        // Without times only the newest is of now.
        for number in (capture.timestamp == nil ? max(0, count - 1) : 0)..<max(0, count) {
            let scan = UnsafeRawBufferPointer(
                rebasing: buffer[(number * capture.scanBytes)..<((number + 1) * capture.scanBytes)])
            let acquired = capture.timestamp.map { Boottime(nanoseconds: $0.element.value(of: scan, at: $0.offset)) }
            for (channel, source) in capture.sources.enumerated() {
                let number = Double(source.element.value(of: scan, at: source.offset))
                samples.append(
                    Sample(
                        channel: UInt8(truncatingIfNeeded: channel), .physical(source.conversion(number)),
                        acquired: acquired))
            }
        }
        return count
    }

    // MARK: Setting up

    private func setUp(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Capture {
        let folder = try IIO.folder(of: settings.device, at: settings.place, on: &attributes)
        let files = try KernelFile.names(in: folder, on: &attributes)
        let elements = folder + "/scan_elements"
        let names: [String]
        do throws(SensorFault) { names = try KernelFile.names(in: elements, on: &attributes) } catch { throw .noData }
        // Before anything is enabled: a node that may not be opened leaves the device to single reads.
        let path = "/dev/" + folder[folder.index(after: folder.lastIndex(of: "/") ?? folder.startIndex)...]
        let node = try KernelFile.open(path, on: &attributes)
        try Self.write("0", to: folder + "/buffer/enable", on: &attributes)
        var stems: [String] = []
        for kind in settings.kinds {
            guard let stem = kind.stems.first(where: { names.contains($0 + "_en") }) else { throw .noData }
            stems.append(stem)
        }
        let hasTime = try setClock(folder, files, names, on: &attributes)
        let wanted = hasTime ? stems + ["in_timestamp"] : stems
        for name in names where name.hasSuffix("_en") {
            let isWanted = wanted.contains(String(name.dropLast(3)))
            try Self.write(isWanted ? "1" : "0", to: "\(elements)/\(name)", on: &attributes)
        }
        if let trigger = settings.trigger {
            try Self.write(trigger, to: folder + "/trigger/current_trigger", on: &attributes)
        }
        if let hertz = settings.hertz { try setRate(hertz, folder, files, on: &attributes) }

        var parts: [(index: Int, element: ScanElement)] = []
        for stem in wanted {
            guard let index = KernelFile.text(at: "\(elements)/\(stem)_index", on: &attributes).flatMap({ Int($0) }),
                let type = KernelFile.text(at: "\(elements)/\(stem)_type", on: &attributes),
                let element = ScanElement(type)
            else { throw .noData }
            parts.append((index, element))
        }
        let layout = ScanLayout(parts)
        var sources: [Source] = []
        for place in wanted.indices {
            var conversion = IIO.Conversion()
            if place < stems.count {
                conversion = try IIO.conversion(
                    of: settings.kinds[place], stems[place], in: folder, files, on: &attributes)
            }
            sources.append(
                Source(element: parts[place].element, offset: layout.offsets[place], conversion: conversion))
        }
        let timestamp = hasTime ? sources.removeLast() : nil
        let scans = Self.samplesPerCollect / sources.count
        try Self.write("\(2 * scans)", to: folder + "/buffer/length", on: &attributes)
        try Self.write("1", to: folder + "/buffer/enable", on: &attributes)
        return Capture(
            node: node, sources: sources, timestamp: timestamp, scanBytes: layout.bytes, scans: scans)
    }

    /// Whether scans can have times of the clock that readings have.
    private func setClock(
        _ folder: String, _ files: [String], _ names: [String], on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Bool {
        let clock = "current_timestamp_clock"
        guard names.contains("in_timestamp_en"), files.contains(clock) else { return false }
        try Self.write("boottime", to: "\(folder)/\(clock)", on: &attributes)
        return KernelFile.text(at: "\(folder)/\(clock)", on: &attributes) == "boottime"
    }

    /// The device's own rate, or that of the trigger.
    private func setRate(
        _ hertz: Double, _ folder: String, _ files: [String], on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) {
        let rate = "sampling_frequency"
        let text = hertz == hertz.rounded() ? "\(Int(hertz))" : "\(hertz)"
        if let trigger = settings.trigger {
            for name in try KernelFile.names(in: IIO.devices, on: &attributes) where name.hasPrefix("trigger") {
                let above = "\(IIO.devices)/\(name)"
                guard KernelFile.text(at: above + "/name", on: &attributes) == trigger,
                    KernelFile.text(at: "\(above)/\(rate)", on: &attributes) != nil
                else { continue }
                return try Self.write(text, to: "\(above)/\(rate)", on: &attributes)
            }
        }
        guard files.contains(rate) else { throw .noData }
        try Self.write(text, to: "\(folder)/\(rate)", on: &attributes)
    }

    private static func write(
        _ text: String, to path: String, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) {
        do throws(AttributeFault) { try attributes.write(path, text + "\n") } catch { throw .attribute(error) }
    }
}
