import SimulatedWorld
import Testing
import World

@testable import Sensors

/// Settings that a technician would give for a driver's required parameters, and no others.
func sensible(_ entry: DriverEntry) -> DriverSettings {
    var settings = DriverSettings.of()
    settings.every = entry.defaultEvery
    for parameter in entry.parameters {
        if let fallback = parameter.fallback { settings.values[parameter.name] = fallback }
    }
    switch entry.attachment {
    case .bus(let addresses): settings.device = BusDevice(bus: 0, address: addresses[0])
    case .line: settings.line = LineRequest(chipLabel: "simulated", offset: 4, name: "GPIO4")
    case .attribute: settings.values["device"] = .text("bme280")
    case .source: break
    }
    for (place, parameter) in entry.parameters.enumerated() where parameter.isRequired {
        guard case .line = parameter.kind else { continue }
        settings.lines[parameter.name] = LineRequest(
            chipLabel: "simulated", offset: UInt32(8 + place), name: "GPIO\(8 + place)")
    }
    switch entry.name {
    case "rain-gauge": settings.values["per_tip"] = .quantity(mantissa: 2, exponent: -1, unit: "mm")
    case "hwmon": settings.values["measures"] = .text("temp1")
    case "w1": settings.values["slave"] = .text("28-0316a2795cff")
    case "ezo": settings.values["model"] = .text("ph")
    case "ina219", "ina226", "ina3221":
        settings.values["shunt"] = .quantity(mantissa: 100, exponent: -3, unit: "Ohm")
    case "electrochemical":
        settings.values.merge([
            "cell": .text("no2-b43f"), "sensitivity": .number(0.309), "temperature_input": .text("ain2"),
            "we_electronic_zero": .quantity(mantissa: 295, exponent: 0, unit: "mV"),
            "ae_electronic_zero": .quantity(mantissa: 282, exponent: 0, unit: "mV"),
            "we_sensor_zero": .quantity(mantissa: -4, exponent: 0, unit: "mV"),
            "ae_sensor_zero": .quantity(mantissa: 4, exponent: 0, unit: "mV"),
        ]) { $1 }
    case "pulse-counter": settings.values["per_pulse"] = .quantity(mantissa: 10, exponent: -3, unit: "m3")
    case "external": settings.values.merge(["measures": .text("power W"), "run": .text("/bin/true")]) { $1 }
    case "i2c-registers":
        let channel = DriverChannel("temperature", unit: "Cel", scale: -2, plausible: -40...125)
        let map = RegisterMap(reads: [.init(count: 2)], fields: [.init(channel, byte: 0, bits: 16)])
        settings.values["registers"] = .registers(map)
    case "replay":
        settings.values.merge([
            "file": .text("recorded.csv"), "column": .text("T"), "unit": .text("Cel"), "quantity": .text("temperature"),
        ]) { $1 }
        settings.files["file"] = Array("timestamp,T\n2004-03-10 18:00,13.6\n".utf8)
    default: break
    }
    return settings
}

@Suite("Catalogue")
struct CatalogueTests {
    @Test("Names are unique, sorted, and found")
    func names() {
        let names = Catalogue.entries.map(\.name)
        #expect(names == Set(names).sorted())
        for name in names { #expect(Catalogue.entry(named: name)?.name == name) }
        #expect(Catalogue.entry(named: "bme281") == nil)
    }

    @Test("Every entry makes its driver from its defaults, on the seam that it says", arguments: Catalogue.entries)
    func makes(entry: DriverEntry) throws {
        switch (entry.attachment, try entry.make(sensible(entry))) {
        case (.bus, .bus), (.line, .line), (.attribute, .attribute), (.source, .source): break
        case (let attachment, let driver): Issue.record("\(entry.name) is \(attachment) and makes \(driver)")
        }
        #expect(!entry.about.isEmpty && entry.defaultEvery > .zero)
        for parameter in entry.parameters { #expect(!parameter.about.isEmpty, "\(entry.name): \(parameter.name)") }
    }

    @Test("Every channel has a unit fit for channels, a scale, a name and a range of finite width", arguments: Catalogue.entries)
    func channels(entry: DriverEntry) throws {
        let channels = try entry.channels(sensible(entry))
        #expect(!channels.isEmpty && channels.count <= 16)
        #expect(Set(channels.map(\.quantity)).count == channels.count)
        for channel in channels {
            #expect(isQuantityName(channel.quantity), "\(channel.quantity)")
            let unit = try #require(Unit.named(channel.unit), "\(channel.unit)")
            #expect(unit.isPublished && unit.symbol == channel.unit)
            #expect((-9...0).contains(channel.scale))
            #expect(channel.plausible.lowerBound.isFinite && channel.plausible.upperBound.isFinite)
            #expect(channel.plausible.lowerBound < channel.plausible.upperBound)
        }
    }

    @Test("Every unit of a simulated quantity or a kernel channel is fit for channels")
    func units() throws {
        for symbol in Simulated.profiles.map(\.unit) + IIO.kinds.map(\.unit) {
            #expect(Unit.named(symbol)?.isPublished == true, "\(symbol)")
        }
        for device in IIO.wellKnown.flatMap({ $0.devices.split(separator: " ") }) {
            #expect(try !IIO.entry.channels(.of(["device": .text(String(device))])).isEmpty, "\(device)")
        }
    }

    @Test("A driver without what it hangs on says so", arguments: Catalogue.entries)
    func nothing(entry: DriverEntry) {
        // The one needs nothing, the other is the board itself.
        if entry.name == "simulated" || entry.name == "cpu" { return }
        #expect(settingFault { _ = try entry.make(.of()) } != nil)
    }

    @Test("Every fault tells what was found, what was expected and what to do")
    func texts() {
        let bus: [BusFault] = [
            .noAcknowledge, .arbitrationLost, .timedOut, .stuck, .heldByKernel, .absent(errno: 2), .unsupported,
            .failed(errno: 5),
        ]
        let lines: [LineFault] = [.noSuchChip, .noSuchLine, .taken(by: "gpiomon"), .notPermitted, .failed(errno: 5)]
        let attributes: [AttributeFault] = [.noSuchFile, .notPermitted, .failed(errno: 5)]
        var faults: [SensorFault] = [
            .checksum, .implausible, .notReady, .noData, .wrongChip(found: 0x58, expected: 0x60),
        ]
        faults += bus.map(SensorFault.bus) + lines.map(SensorFault.line) + attributes.map(SensorFault.attribute)
        for fault in faults {
            #expect(fault.text.split(separator: ";").count == 3, "\(fault.text)")
            #expect(fault.text.contains("expected"))
        }
        #expect(Set(faults.map(\.text)).count == faults.count)
    }
}
