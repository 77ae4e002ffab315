// The board itself: how hot its processor is, whether its supply sags and slows it down, how busy it is.
//
// Temperature: the thermal zone whose type names a processor (Documentation/ABI/testing/sysfs-class-thermal, milli °C).
// Undervoltage: on a Raspberry Pi the alarm of `rpi_volt`, which looks every 2 s and sees short dips in between
// (drivers/hwmon/raspberrypi-hwmon.c), else bit 0 of the firmware's flags. Throttled: bits 1 to 3 of these (frequency
// capped, throttled, soft temperature limit: Raspberry Pi documentation, "get_throttled"), in a file that only
// Raspberry Pi's own kernels have. The bits above, which remember since boot, are not used: a reading is of its moment.
// Load: the mean of runnable tasks over the last minute (/proc/loadavg).

internal import World

struct CPU: AttributeDriver {
    enum Measure: String, Sendable, CaseIterable {
        case temperature, undervoltage, throttled, load

        var channel: DriverChannel {
            switch self {
            case .temperature: DriverChannel("temperature", unit: "Cel", scale: -1, plausible: -40...125)
            case .undervoltage, .throttled:
                DriverChannel(rawValue, unit: "/", scale: 0, plausible: 0...1, isCalibratable: false)
            case .load: DriverChannel("load", unit: "/", scale: -2, plausible: 0...1_000)
            }
        }
    }

    /// Types of thermal zones that are the processor's, as boards' device trees name them, the best first. Without any
    /// of them the first zone is taken, which on a board is the processor's.
    static let zones: [String] = [
        "cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "cpu0-thermal", "bcm2835_thermal",
        "package-thermal", "x86_pkg_temp",
    ]
    static let firmware = "/sys/bus/platform/drivers/raspberrypi-firmware"

    private enum Form { case number, thousandths, hexadecimal(mask: UInt32), firstWord }

    private struct Source {
        var measure: Measure
        var form = Form.number
        var value = AttributeHandle(index: 0)
    }

    private var sources: [Source]
    private var isFound = false

    init(measures: [Measure]) { sources = measures.map { Source(measure: $0) } }

    mutating func start(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Duration {
        if !isFound {
            for index in sources.indices {
                (sources[index].value, sources[index].form) = try Self.find(sources[index].measure, on: &attributes)
            }
            isFound = true
        }
        return .zero
    }

    mutating func collect(
        from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) {
        for index in sources.indices {
            do throws(SensorFault) {
                let value = try Self.value(sources[index].value, sources[index].form, on: &attributes)
                let isFlag = sources[index].measure == .undervoltage || sources[index].measure == .throttled
                samples.append(
                    Sample(
                        channel: UInt8(truncatingIfNeeded: index),
                        isFlag ? .exact(value == 0 ? 0 : 1) : .physical(value)))
            } catch {
                isFound = false
                throw error
            }
        }
    }

    private static func find(
        _ measure: Measure, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> (AttributeHandle, Form) {
        switch measure {
        case .temperature:
            let folder = try zone(on: &attributes)
            return (try KernelFile.open(folder + "/temp", on: &attributes), .thousandths)
        case .load: return (try KernelFile.open("/proc/loadavg", on: &attributes), .firstWord)
        case .undervoltage:
            for name in (try? KernelFile.names(in: HWMon.devices, on: &attributes)) ?? [] {
                let folder = "\(HWMon.devices)/\(name)"
                if KernelFile.text(at: folder + "/name", on: &attributes) == "rpi_volt" {
                    return (try KernelFile.open(folder + "/in0_lcrit_alarm", on: &attributes), .number)
                }
            }
            return (try flags(on: &attributes), .hexadecimal(mask: 0b0001))
        case .throttled: return (try flags(on: &attributes), .hexadecimal(mask: 0b1110))
        }
    }

    private static func zone(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> String {
        let folder = "/sys/class/thermal"
        var best: (rank: Int, path: String)?
        for name in try KernelFile.names(in: folder, on: &attributes) where name.hasPrefix("thermal_zone") {
            let path = "\(folder)/\(name)"
            guard let type = KernelFile.text(at: path + "/type", on: &attributes) else { continue }
            let rank = zones.firstIndex(of: type) ?? zones.count
            if rank < best?.rank ?? .max { best = (rank, path) }
        }
        guard let best else { throw .noData }
        return best.path
    }

    /// The firmware's device is called soc:firmware, or on a Raspberry Pi 5 after its bus; its driver links to it.
    private static func flags(
        on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> AttributeHandle {
        for name in try KernelFile.names(in: firmware, on: &attributes) where name.hasSuffix("firmware") {
            if let handle = try? KernelFile.open("\(firmware)/\(name)/get_throttled", on: &attributes) { return handle }
        }
        throw .noData
    }

    private static func value(
        _ handle: AttributeHandle, _ form: Form, on attributes: inout some Attributes & ~Copyable
    ) throws(SensorFault) -> Double {
        switch form {
        case .number: return try KernelFile.number(handle, on: &attributes)
        case .thousandths: return try KernelFile.number(handle, on: &attributes) / 1_000
        case .firstWord:
            let value = try KernelFile.contents(handle, on: &attributes) { DecimalText.parse($0.prefix { $0 != 0x20 }) }
            guard let value else { throw .implausible }
            return value
        case .hexadecimal(let mask):
            guard let flags = UInt32(try KernelFile.text(handle, on: &attributes), radix: 16) else {
                throw .implausible
            }
            return flags & mask == 0 ? 0 : 1
        }
    }
}

extension CPU {
    static func measures(_ settings: DriverSettings) throws(SettingFault) -> [Measure] {
        var measures: [Measure] = []
        for word in try KernelFile.words(settings.text("measures") ?? "temperature", of: "measures") {
            guard let measure = Measure(rawValue: word) else {
                throw SettingFault(
                    parameter: "measures",
                    text: "\"\(word)\"; expected temperature, undervoltage, throttled or load, with spaces between; "
                        + "take those that the board has")
            }
            measures.append(measure)
        }
        return measures
    }

    static let entry = DriverEntry(
        name: "cpu",
        about: "The board itself: temperature of its processor, undervoltage and throttling (Raspberry Pi), load",
        attachment: .attribute,
        parameters: [
            Parameter(
                "measures", .text, fallback: .text("temperature"),
                about: "temperature undervoltage throttled load: those that the board has")
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in try measures(settings).map(\.channel) },
        make: { settings throws(SettingFault) in .attribute(CPU(measures: try measures(settings))) })
}
