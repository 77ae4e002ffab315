// A sensor that a hardware monitoring driver of the kernel reads: lm75, sht3x, ina2xx, jc42, ... Kernel:
// Documentation/hwmon/sysfs-interface.rst; units by Documentation/ABI/testing/sysfs-class-hwmon.
//
// The device is found by its name, never by its number, which depends on the order of probing; two of one name are
// told apart by the place on their bus (`at: 1-0048`). It is found again after every fault.
//
// Inputs go by the kernel's names, as `ls` and `sensors -u` show them. A `_fault` beside an input (an open diode) makes
// its reading bad. An alarm does not: it says that a limit was passed, and the value that passed it is right; so alarms
// are channels of their own, asked for by name.

internal import World

struct HWMon: AttributeDriver {
    static let devices = "/sys/class/hwmon"

    /// One sort of input.
    struct Kind: Sendable {
        /// The kernel's word.
        var file: String
        var quantity: String
        /// Its inputs count from here.
        var first: Int
        var unit: String
        /// Kernel unit × factor = our unit.
        var factor: Double
        var scale: Int8
        var plausible: ClosedRange<Double>

        init(
            _ file: String, _ quantity: String, from first: Int = 1, _ unit: String, _ factor: Double, scale: Int8,
            _ plausible: ClosedRange<Double>
        ) {
            self.file = file
            self.quantity = quantity
            self.first = first
            self.unit = unit
            self.factor = factor
            self.scale = scale
            self.plausible = plausible
        }
    }

    /// Kernel units: milli °C, millivolt, milliampere, microwatt, microjoule, milli percent, revolutions per minute.
    static let kinds: [Kind] = [
        Kind("temp", "temperature", "Cel", 1e-3, scale: -3, -90...250),
        Kind("in", "voltage", from: 0, "V", 1e-3, scale: -3, -1_000...1_000),
        Kind("curr", "current", "A", 1e-3, scale: -3, -1_000...1_000),
        Kind("power", "power", "W", 1e-6, scale: -3, -100_000...100_000),
        Kind("energy", "energy", "J", 1e-6, scale: 0, 0...1e15),
        Kind("humidity", "humidity", "%RH", 1e-3, scale: -2, 0...100),
        Kind("fan", "fan", "1/min", 1, scale: 0, 0...100_000),
    ]

    struct Input: Sendable, Equatable {
        /// `temp1`, `in0_lcrit_alarm`.
        var word: String
        var channel: DriverChannel
        var factor: Double
        var isAlarm: Bool
    }

    private struct Source {
        var input: Input
        var value = AttributeHandle(index: 0)
        var fault: AttributeHandle?
    }

    private let device: String
    private let place: String?
    private var sources: [Source]
    private var isFound = false

    init(device: String, place: String?, inputs: [Input]) {
        self.device = device
        self.place = place
        sources = inputs.map { Source(input: $0) }
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
            do throws(SensorFault) {
                samples.append(try sample(index, on: &attributes))
            } catch {
                isFound = false
                throw error
            }
        }
    }

    private func sample(
        _ index: Int, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Sample {
        let source = sources[index]
        let channel = UInt8(truncatingIfNeeded: index)
        if let fault = source.fault, try KernelFile.number(fault, on: &attributes) != 0 {
            return Sample(channel: channel, .exact(0), quality: .deviceFault)
        }
        let number = try KernelFile.number(source.value, on: &attributes)
        if source.input.isAlarm { return Sample(channel: channel, .exact(number == 0 ? 0 : 1)) }
        return Sample(channel: channel, .physical(number * source.input.factor))
    }

    private mutating func find(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) {
        let folder = try folder(on: &attributes)
        let files = try KernelFile.names(in: folder, on: &attributes)
        for index in sources.indices {
            let input = sources[index].input
            let name = input.isAlarm ? input.word : input.word + "_input"
            guard files.contains(name) else { throw .noData }
            sources[index].value = try KernelFile.open("\(folder)/\(name)", on: &attributes)
            let fault = input.word + "_fault"
            sources[index].fault =
                files.contains(fault) ? try KernelFile.open("\(folder)/\(fault)", on: &attributes) : nil
        }
    }

    private func folder(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> String {
        var candidates: [String] = []
        if let place {
            // The device's own folder holds the class device: 1-0048/hwmon/hwmon3.
            for bus in ["i2c", "spi", "platform"] {
                let above = "/sys/bus/\(bus)/devices/\(place)/hwmon"
                let names = (try? KernelFile.names(in: above, on: &attributes)) ?? []
                candidates += names.map { "\(above)/\($0)" }
            }
        } else {
            candidates = try KernelFile.names(in: Self.devices, on: &attributes).map { "\(Self.devices)/\($0)" }
        }
        for folder in candidates {
            for file in ["name", "label"] where KernelFile.text(at: "\(folder)/\(file)", on: &attributes) == device {
                return folder
            }
        }
        throw .noData
    }
}

extension HWMon {
    /// What a word of `measures` means; nil: nothing.
    static func input(_ word: String) -> Input? {
        let suffix = "_alarm"
        let isAlarm = word.hasSuffix(suffix)
        // temp1_max_alarm is of temp1.
        let base = isAlarm ? String(word.prefix { $0 != "_" }) : word
        guard let (stem, number) = KernelFile.numbered(base), let kind = kinds.first(where: { $0.file == stem }),
            number >= kind.first, isQuantityName(word)
        else { return nil }
        if isAlarm {
            let channel = DriverChannel(word, unit: "/", scale: 0, plausible: 0...1, isCalibratable: false)
            return Input(word: word, channel: channel, factor: 1, isAlarm: true)
        }
        // What counts from one is plain where it is alone: temperature, temperature2; but voltage0.
        let quantity = number == 1 && kind.first == 1 ? kind.quantity : "\(kind.quantity)\(number)"
        let channel = DriverChannel(quantity, unit: kind.unit, scale: kind.scale, plausible: kind.plausible)
        return Input(word: word, channel: channel, factor: kind.factor, isAlarm: false)
    }

    static func inputs(_ settings: DriverSettings) throws(SettingFault) -> [Input] {
        guard settings.text("device") != nil else {
            throw SettingFault(
                parameter: "device",
                text: "not given; expected the kernel device's name, as in \(devices)/hwmon*/name; add for example "
                    + "`device: lm75`")
        }
        guard let measures = settings.text("measures") else {
            throw SettingFault(
                parameter: "measures",
                text: "not given; expected which of the device's inputs to read; look for temp1_input and its like in "
                    + "\(devices)/hwmon*, then add for example `measures: temp1`")
        }
        var inputs: [Input] = []
        for word in try KernelFile.words(measures, of: "measures") {
            guard let input = input(word) else {
                throw SettingFault(
                    parameter: "measures",
                    text: "\"\(word)\"; expected the kernel's names without _input (temp1, in0, curr1, power1, "
                        + "energy1, humidity1, fan1) or of alarms (temp1_max_alarm); take those that the device has "
                        + "files for")
            }
            inputs.append(input)
        }
        return inputs
    }

    static let entry = DriverEntry(
        name: "hwmon",
        about: "A sensor that a hardware monitoring driver of the kernel reads: lm75, sht3x, ina2xx, jc42, ...",
        attachment: .attribute,
        parameters: [
            Parameter(
                "device", .text, isRequired: true,
                about: "the kernel device's name or label, as in /sys/class/hwmon/hwmon*/name: lm75"),
            Parameter(
                "at", .text, about: "where it is on its bus, if there are two of one name: 1-0048 is i2c-1, 0x48"),
            Parameter(
                "measures", .text, isRequired: true, about: "its inputs and alarms: temp1 in0 temp1_max_alarm ..."),
        ],
        defaultEvery: .seconds(10),
        channels: { settings throws(SettingFault) in try inputs(settings).map(\.channel) },
        make: { settings throws(SettingFault) in
            let inputs = try inputs(settings)
            return .attribute(
                HWMon(device: settings.text("device") ?? "", place: settings.text("at"), inputs: inputs))
        })
}
