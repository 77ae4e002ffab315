// A sensor that a kernel driver reads: its channels through the Industrial I/O files of sysfs. Kernel:
// Documentation/ABI/testing/sysfs-bus-iio (names, units), Documentation/driver-api/iio.
//
// The device is found by its name or label, never by its number, which depends on the order of probing; found again
// after every fault, because an unbound driver's files are gone for good and come back under another number. What it
// measures comes from the configuration (or from the list of well-known devices here), so that the channels are known
// on a machine that has no such device.
//
// A file is opened once per finding. `Attributes.open` is expected to give the same handle for the same path.

internal import World

struct IIO: AttributeDriver {
    static let devices = "/sys/bus/iio/devices"

    /// One channel of the kernel's: how its files are called, and how its unit becomes ours.
    struct Kind: Sendable, Equatable {
        var quantity: String
        /// `temp` in `in_temp_input`.
        var file: String
        var unit: String
        /// Kernel unit × factor = our unit.
        var factor: Double
        var scale: Int8
        var plausible: ClosedRange<Double>

        var channel: DriverChannel { DriverChannel(quantity, unit: unit, scale: scale, plausible: plausible) }
    }

    /// Kernel units by the ABI document: milli °C, kilopascal, milli percent, lux, millivolt, milliampere.
    static let kinds: [Kind] =
        [
            Kind(quantity: "temperature", file: "temp", unit: "Cel", factor: 1e-3, scale: -2, plausible: -90...150),
            Kind(
                quantity: "pressure", file: "pressure", unit: "Pa", factor: 1e3, scale: 0, plausible: 30_000...110_000),
            Kind(
                quantity: "humidity", file: "humidityrelative", unit: "%RH", factor: 1e-3, scale: -2,
                plausible: 0...100),
            Kind(
                quantity: "illuminance", file: "illuminance", unit: "lx", factor: 1, scale: -1, plausible: 0...200_000),
        ]
        + (0..<8).map { index in
            Kind(
                quantity: "voltage\(index)", file: "voltage\(index)", unit: "V", factor: 1e-3, scale: -4,
                plausible: -1_000...1_000)
        }
        + (0..<8).map { index in
            Kind(
                quantity: "current\(index)", file: "current\(index)", unit: "A", factor: 1e-3, scale: -4,
                plausible: -1_000...1_000)
        }

    /// What devices of these names measure (drivers/iio of the kernel).
    static let wellKnown: [(device: String, measures: String)] = [
        ("bme280", "temperature pressure humidity"), ("bmp280", "temperature pressure"),
        ("bmp180", "temperature pressure"), ("bmp380", "temperature pressure"), ("bmp580", "temperature pressure"),
        ("lps22hb", "temperature pressure"), ("lps25h", "temperature pressure"), ("hts221", "temperature humidity"),
        ("si7020", "temperature humidity"), ("hdc100x", "temperature humidity"), ("hdc2010", "temperature humidity"),
        ("dht11", "temperature humidity"), ("bh1750", "illuminance"), ("tsl2563", "illuminance"),
        ("tsl4531", "illuminance"), ("veml6030", "illuminance"), ("opt3001", "illuminance"),
    ]

    private struct Source {
        var file: String
        var factor: Double
        var value = AttributeHandle(index: 0)
        /// For a raw file: (raw + offset) × scale, read when found.
        var offset = 0.0
        var scale = 1.0
    }

    private let device: String
    private var sources: [Source]
    private var isFound = false

    init(device: String, kinds: [Kind]) {
        self.device = device
        sources = kinds.map { Source(file: $0.file, factor: $0.factor) }
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
            let source = sources[index]
            let read: Double
            do throws(SensorFault) {
                read = try Self.number(source.value, on: &attributes)
            } catch {
                isFound = false
                throw error
            }
            samples.append(
                Sample(channel: UInt8(index), .physical((read + source.offset) * source.scale * source.factor)))
        }
    }

    private mutating func find(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) {
        let folder = try folder(on: &attributes)
        let files: [String]
        do throws(AttributeFault) { files = try attributes.list(folder) } catch { throw .attribute(error) }
        for index in sources.indices {
            // A device with one channel of a kind may number it or not: in_temp_input, in_temp0_input.
            let stem = "in_\(sources[index].file)"
            let names = [stem + "_input", stem + "0_input", stem + "_raw", stem + "0_raw"]
            guard let name = names.first(where: files.contains) else { throw .noData }
            sources[index].value = try Self.open("\(folder)/\(name)", on: &attributes)
            sources[index].offset = 0
            sources[index].scale = 1
            guard name.hasSuffix("_raw") else { continue }
            let channel = String(name.dropLast("_raw".count))
            // Scale and offset belong to the channel or are shared by all of its type: in_voltage0_scale,
            // in_voltage_scale.
            var type = channel
            while let last = type.utf8.last, (0x30...0x39).contains(last) { type.removeLast() }
            for (suffix, isScale) in [("_scale", true), ("_offset", false)] {
                guard let file = [channel + suffix, type + suffix].first(where: files.contains) else { continue }
                let number = try Self.number(try Self.open("\(folder)/\(file)", on: &attributes), on: &attributes)
                if isScale { sources[index].scale = number } else { sources[index].offset = number }
            }
        }
    }

    /// The folder of the first device with our name or label.
    private func folder(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> String {
        let entries: [String]
        do throws(AttributeFault) { entries = try attributes.list(Self.devices) } catch { throw .attribute(error) }
        for entry in entries where entry.hasPrefix("iio:device") {
            for file in ["name", "label"] {
                let path = "\(Self.devices)/\(entry)/\(file)"
                // Most devices have no label; one that vanishes while we look is just not ours.
                guard let handle = try? Self.open(path, on: &attributes),
                    let text = try? Self.text(handle, on: &attributes)
                else { continue }
                if text == device { return "\(Self.devices)/\(entry)" }
            }
        }
        throw .noData
    }

    private static func open(
        _ path: String, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> AttributeHandle {
        do throws(AttributeFault) { return try attributes.open(path) } catch { throw .attribute(error) }
    }

    private static func text(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> String {
        try contents(handle, on: &attributes) { bytes in
            var end = bytes.count
            while end > 0 && bytes[end - 1] <= 0x20 { end -= 1 }
            return String(decoding: bytes[..<end], as: UTF8.self)
        }
    }

    private static func number(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Double {
        let number = try contents(handle, on: &attributes) { bytes in DecimalText.parse(bytes) }
        guard let number else { throw .implausible }
        return number
    }

    /// 64 bytes on the stack: the longest value that IIO prints is under 40.
    private static func contents<Result>(
        _ handle: AttributeHandle, on attributes: inout some Attributes & ~Copyable,
        _ use: (UnsafeRawBufferPointer) -> Result
    ) throws(SensorFault) -> Result {
        typealias Buffer = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
        var buffer: Buffer = (0, 0, 0, 0, 0, 0, 0, 0)
        var fault: AttributeFault?
        var result: Result?
        withUnsafeMutableBytes(of: &buffer) { bytes in
            do throws(AttributeFault) {
                let count = try attributes.read(handle, into: bytes)
                result = use(UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)]))
            } catch { fault = error }
        }
        if let fault { throw .attribute(fault) }
        return result!
    }
}

extension IIO {
    /// The channels that the settings ask for, in the order of `measures`.
    static func kinds(_ settings: DriverSettings) throws(SettingFault) -> [Kind] {
        guard let device = settings.text("device") else {
            throw SettingFault(
                parameter: "device",
                text: "not given; expected the kernel device's name, as in /sys/bus/iio/devices/iio:device*/name; add "
                    + "for example `device: bme280`")
        }
        let known = wellKnown.first { $0.device == device }?.measures
        guard let measures = settings.text("measures") ?? known else {
            throw SettingFault(
                parameter: "measures",
                text: "not given for \(device), which is none of the devices known here; expected what it measures; "
                    + "add for example `measures: temperature humidity`")
        }
        var result: [Kind] = []
        for word in measures.split(whereSeparator: { $0 == " " || $0 == "," }) {
            guard let kind = kinds.first(where: { $0.quantity == word }) else {
                throw SettingFault(
                    parameter: "measures",
                    text: "\"\(word)\"; expected temperature, pressure, humidity, illuminance, voltage0 to voltage7 or "
                        + "current0 to current7, with spaces between; take those that the device has files for")
            }
            guard !result.contains(kind) else {
                throw SettingFault(parameter: "measures", text: "\(word) twice; expected each once; remove one")
            }
            result.append(kind)
        }
        guard !result.isEmpty else {
            throw SettingFault(
                parameter: "measures", text: "empty; expected what the device measures; name at least one quantity")
        }
        return result
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
                "measures", .text,
                about: "what to read of it: temperature pressure humidity illuminance voltage0 current0 ...; known for "
                    + "common devices"),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in try kinds(settings).map(\.channel) },
        make: { settings throws(SettingFault) in
            let kinds = try kinds(settings)
            return .attribute(IIO(device: settings.text("device") ?? "", kinds: kinds))
        })
}
