// A 1-wire thermometer that the kernel reads: DS18B20 and its kin. Kernel: Documentation/w1/slaves/w1_therm.rst,
// Documentation/ABI/testing/sysfs-driver-w1_therm; what these leave out is from drivers/w1/slaves/w1_therm.c of 6.1.
// Chip: DS18B20 data sheet, 19-7487 revision 6.
//
// `w1_slave` and not `temperature` is read, because it alone shows the nine bytes and the CRC: older kernels give a
// temperature also from bytes that failed it. Reading makes the slave convert, for up to 0.75 s, unless all slaves of
// the master have just been made to at once by `therm_bulk_read`. That write waits for the conversion too. It is made
// by the first of the sensors that are due; the others find it done (`Attributes.written`) and read what it measured.
// A slave that is not read keeps the old result for its next read, so a bulk conversion that is older than
// `freshness` is not used but made anew. Where writing is not permitted, each read converts on its own.

internal import World

struct W1: AttributeDriver {
    static let devices = "/sys/bus/w1/devices"
    static let freshness = Duration.seconds(2)
    /// w1_therm_families: DS18S20, DS1822, DS18B20, DS1825 and MAX31850, DS28EA00.
    static let families: [String] = ["10", "22", "28", "3b", "42"]

    private let slave: String
    private var value: AttributeHandle?
    /// The master's file; nil: none, or writing to it is not permitted.
    private var bulk: String?
    /// The bulk conversion whose result was read last.
    private var used: UInt32 = 0
    private var last: Double?

    init(slave: String) { self.slave = slave }

    mutating func start(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Duration {
        if value == nil { try find(on: &attributes) }
        guard let path = bulk else { return .zero }
        if let done = attributes.written(path), done.count != used, done.ago <= Self.freshness {
            used = done.count
            return .zero
        }
        do throws(AttributeFault) {
            // With the line end it is eight bytes, and only eight are understood; a failure is not told.
            try attributes.write(path, "trigger\n")
            used = attributes.written(path)?.count ?? 0
        } catch {
            // Failed now and then: this reading converts on its own. The reading also tells if the master is gone.
            if case .failed = error { return .zero }
            bulk = nil
        }
        return .zero
    }

    mutating func collect(
        from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) {
        guard let handle = value else { throw .noData }
        let text: Result<Double, SensorFault>
        do throws(SensorFault) {
            text = try KernelFile.contents(handle, on: &attributes) { bytes in Self.decode(bytes) }
        } catch {
            value = nil
            throw error
        }
        let celsius: Double
        switch text {
        case .success(let number): celsius = number
        case .failure(let fault): throw fault
        }
        try check(celsius)
        last = celsius
        samples.append(Sample(channel: 0, .physical(celsius)))
    }

    /// 85 °C is what the chip holds from its power-up until its first conversion (data sheet, table 1), 127.94 °C what
    /// it gives when the line does not feed it while it converts (w1_therm.rst, features). Only a reading near it makes
    /// the first believed.
    private func check(_ celsius: Double) throws(SensorFault) {
        // Thermocouples know neither.
        if slave.hasPrefix("3b") { return }
        if celsius > 125 || celsius < -55 { throw .implausible }
        if celsius == 85 {
            guard let last, abs(last - 85) <= 5 else { throw .implausible }
        }
    }

    private mutating func find(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) {
        value = try KernelFile.open("\(Self.devices)/\(slave)/w1_slave", on: &attributes)
        bulk = nil
        used = 0
        let masters = (try? KernelFile.names(in: Self.devices, on: &attributes)) ?? []
        for master in masters where master.hasPrefix("w1_bus_master") {
            let folder = "\(Self.devices)/\(master)"
            guard let files = try? KernelFile.names(in: folder, on: &attributes), files.contains(slave) else {
                continue
            }
            if files.contains("therm_bulk_read") { bulk = folder + "/therm_bulk_read" }
            return
        }
    }

    /// `50 05 4b 46 7f ff 0c 10 1c : crc=1c YES`, and the bytes again, then `t=85000`. Empty: the slave gave no answer,
    /// or (newer kernels) none with a right CRC.
    static func decode(_ text: UnsafeRawBufferPointer) -> Result<Double, SensorFault> {
        let lines = text.split(separator: 0x0A)
        guard lines.count == 2 else { return .failure(text.isEmpty ? .bus(.noAcknowledge) : .implausible) }
        guard lines[0].count >= 26 + 5, lines[0].suffix(4).elementsEqual(" YES".utf8) else {
            return .failure(lines[0].suffix(3).elementsEqual(" NO".utf8) ? .checksum : .implausible)
        }
        // A line that is pulled down gives zeros alone, whose CRC is right.
        let bytes = lines[0].prefix(26)
        guard bytes.contains(where: { $0 != 0x30 && $0 != 0x20 }) else { return .failure(.bus(.noAcknowledge)) }
        guard let equals = lines[1].lastIndex(of: 0x3D),
            let thousandths = DecimalText.parse(lines[1][(equals + 1)...])
        else { return .failure(.implausible) }
        return .success(thousandths / 1_000)
    }
}

extension W1 {
    static func slave(_ settings: DriverSettings) throws(SettingFault) -> String {
        let example = "look with `ls \(devices)`, then write for example `slave: 28-0316a2795cff`"
        guard let slave = settings.text("slave") else {
            throw SettingFault(parameter: "slave", text: "not given; expected the thermometer's 1-wire id; \(example)")
        }
        let bytes = Array(slave.utf8)
        let isHexadecimal: (UInt8) -> Bool = { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        let isID = bytes.count == 15 && bytes[2] == 0x2D && bytes[3...].allSatisfy(isHexadecimal)
        guard isID, families.contains(String(slave.prefix(2))) else {
            throw SettingFault(
                parameter: "slave",
                text: "\"\(slave)\"; expected a family (10, 22, 28, 3b or 42), a dash and 12 digits of the kernel's "
                    + "lower-case id; \(example)")
        }
        return slave
    }

    static let entry = DriverEntry(
        name: "w1",
        about: "A 1-wire thermometer that the kernel reads: DS18B20, DS18S20, DS1822, DS1825, DS28EA00, MAX31850",
        attachment: .attribute,
        parameters: [
            Parameter(
                "slave", .text, isRequired: true,
                about: "the thermometer's 1-wire id, as in /sys/bus/w1/devices: 28-0316a2795cff")
        ],
        defaultEvery: .seconds(60),
        channels: { settings throws(SettingFault) in
            let isThermocouple = try slave(settings).hasPrefix("3b")
            return [
                DriverChannel(
                    "temperature", unit: "Cel", scale: -3, plausible: isThermocouple ? -270...1_800 : -55...125)
            ]
        },
        make: { settings throws(SettingFault) in .attribute(W1(slave: try slave(settings))) })
}
