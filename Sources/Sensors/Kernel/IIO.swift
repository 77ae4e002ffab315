// A sensor that a kernel driver reads: its channels through the Industrial I/O files of sysfs. Kernel:
// Documentation/ABI/testing/sysfs-bus-iio (names, units), Documentation/driver-api/iio.
//
// The device is found by its name or label (two of one name by their place on the bus), never by its number, which
// depends on the order of probing; found again after every fault, because an unbound driver's files are gone for good
// and come back under another number. What it measures comes from the configuration (or from the list of well-known
// devices), so that the channels are known on a machine that has no such device.
//
// A file is opened once per finding. `Attributes.open` is expected to give the same handle for the same path.

internal import World

struct IIO: AttributeDriver {
    static let devices = "/sys/bus/iio/devices"

    /// From the kernel's numbers to ours: (raw + offset) × scale, processed values as they are; then the unit.
    struct Conversion: Sendable {
        var offset = 0.0
        var scale = 1.0
        func callAsFunction(_ number: Double) -> Double { (number + offset) * scale }
    }

    private struct Source {
        var kind: Kind
        var value = AttributeHandle(index: 0)
        var conversion = Conversion()
    }

    private let device: String
    private let place: String?
    private var sources: [Source]
    private var isFound = false

    init(device: String, place: String?, kinds: [Kind]) {
        self.device = device
        self.place = place
        sources = kinds.map { Source(kind: $0) }
    }

    mutating func start(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Duration {
        if !isFound {
            try find(on: &attributes)
            isFound = true
        }
        return .zero
    }

    mutating func collect(
        from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) {
        for index in sources.indices {
            let read: Double
            do throws(SensorFault) {
                read = try KernelFile.number(sources[index].value, on: &attributes)
            } catch {
                isFound = false
                throw error
            }
            samples.append(
                Sample(channel: UInt8(truncatingIfNeeded: index), .physical(sources[index].conversion(read))))
        }
    }

    private mutating func find(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) {
        let folder = try Self.folder(of: device, at: place, on: &attributes)
        let files = try KernelFile.names(in: folder, on: &attributes)
        for index in sources.indices {
            let kind = sources[index].kind
            if let stem = kind.stems.first(where: { files.contains($0 + "_input") }) {
                sources[index].value = try KernelFile.open("\(folder)/\(stem)_input", on: &attributes)
                sources[index].conversion = Conversion(scale: kind.factor)
            } else if let stem = kind.stems.first(where: { files.contains($0 + "_raw") }) {
                sources[index].value = try KernelFile.open("\(folder)/\(stem)_raw", on: &attributes)
                sources[index].conversion = try Self.conversion(of: kind, stem, in: folder, files, on: &attributes)
            } else {
                throw .noData
            }
        }
    }

    /// Scale and offset belong to the channel or are shared by all of its type: in_voltage0_scale, in_voltage_scale.
    static func conversion(
        of kind: Kind, _ stem: String, in folder: String, _ files: [String],
        on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Conversion {
        var conversion = Conversion(scale: kind.bare)
        let owners = [stem, "in_" + kind.type]
        if let owner = owners.first(where: { files.contains($0 + "_scale") }) {
            let file = try KernelFile.open("\(folder)/\(owner)_scale", on: &attributes)
            conversion.scale = try KernelFile.number(file, on: &attributes) * kind.factor
        }
        if let owner = owners.first(where: { files.contains($0 + "_offset") }) {
            let file = try KernelFile.open("\(folder)/\(owner)_offset", on: &attributes)
            conversion.offset = try KernelFile.number(file, on: &attributes)
        }
        return conversion
    }

    /// The folder of the first device with the name or label.
    static func folder(
        of device: String, at place: String?, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> String {
        var candidates: [String] = []
        if let place {
            // The device's own folder holds the IIO device: 1-0076/iio:device0.
            for bus in ["i2c", "spi", "platform"] {
                let above = "/sys/bus/\(bus)/devices/\(place)"
                let names = (try? KernelFile.names(in: above, on: &attributes)) ?? []
                candidates += names.filter { $0.hasPrefix("iio:device") }.map { "\(above)/\($0)" }
            }
        } else {
            let names = try KernelFile.names(in: devices, on: &attributes)
            candidates = names.filter { $0.hasPrefix("iio:device") }.map { "\(devices)/\($0)" }
        }
        for folder in candidates {
            // Most devices have no label. Some drivers (si7020, hdc100x, mcp3422) give the place on the bus for a name;
            // the chip's name is then that of the I2C device above.
            for file in ["name", "label", "../name"] {
                guard let text = KernelFile.text(at: "\(folder)/\(file)", on: &attributes) else { continue }
                // A platform device is called after its node in the device tree: dht11@11.
                if text == device || text.hasPrefix(device + "@") { return folder }
            }
        }
        throw .noData
    }

    static let entry = DriverEntry(
        name: "iio",
        about: "A sensor that a kernel driver reads, through its Industrial I/O files",
        attachment: .attribute,
        parameters: [
            Parameter(
                "device", .text, isRequired: true,
                about: "the kernel device's name or label, as in /sys/bus/iio/devices/iio:device*/name: bme280"),
            Parameter(
                "at", .text, about: "where it is on its bus, if there are two of one name: 1-0076 is i2c-1, 0x76"),
            Parameter(
                "measures", .text,
                about: "what to read of it: temperature pressure humidity illuminance voltage0 current0 ...; known for "
                    + "common devices"),
            Parameter(
                "buffered", .flag, fallback: .flag(false),
                about: "the kernel samples by itself, each value at its own time; read every `every`"),
            Parameter("trigger", .text, about: "what makes it sample: the name of an IIO trigger, if it needs one"),
            Parameter("rate", .number(0.01...1_000), about: "how often it samples, per second; else as it is set"),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in
            try checkBuffer(settings)
            return try kinds(settings).map(\.channel)
        },
        make: { settings throws(SettingFault) in
            try checkBuffer(settings)
            let kinds = try kinds(settings)
            let (device, place) = (settings.text("device") ?? "", settings.text("at"))
            guard settings.flag("buffered") == true else {
                return .attribute(IIO(device: device, place: place, kinds: kinds))
            }
            return .attribute(
                IIOBuffer(
                    .init(
                        device: device, place: place, kinds: kinds, trigger: settings.text("trigger"),
                        hertz: settings.number("rate"), every: settings.every)))
        })

    private static func checkBuffer(_ settings: DriverSettings) throws(SettingFault) {
        guard settings.flag("buffered") == true else {
            for name in ["trigger", "rate"] where settings.values[name] != nil {
                throw SettingFault(
                    parameter: name, text: "given; expected only with a buffer; add `buffered: true`, or remove it")
            }
            return
        }
        guard let hertz = settings.number("rate") else { return }
        let kinds = try kinds(settings).count
        let (seconds, attoseconds) = settings.every.components
        let perCollect = hertz * (Double(seconds) + Double(attoseconds) * 1e-18) * Double(kinds)
        guard perCollect <= Double(IIOBuffer.samplesPerCollect) else {
            throw SettingFault(
                parameter: "rate",
                text: "\(hertz) per second of \(kinds) channels is too much for one reading; expected at most "
                    + "\(IIOBuffer.samplesPerCollect) values in the time of `every`; lower `rate` or `every`")
        }
    }
}
