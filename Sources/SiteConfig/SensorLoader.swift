// `sensors:` one item each: what the driver's catalogue entry asks for, and nothing else. Also what several sensors may
// not do together: share an address, a line, an id, or take the pins of a bus in use.

import Sensors
import World

struct SensorLoader {
    let board: Board?
    let drivers: [DriverEntry]
    let folder: String
    /// Certificates that have ended by then are problems; nil: not judged.
    let now: UTC?
    let findings: Findings

    private(set) var sensors: [SensorSettings] = []
    /// Ids that are there but could not be read whole: their channels are not known, and not missing either.
    private(set) var unfinished: Set<String> = []
    private var ids: [String: Place] = [:]
    private var devices: [BusDevice: (id: String, place: Place, shares: Bool)] = [:]
    private var lines: [String: (id: String, place: Place)] = [:]
    private(set) var buses: BusReader
    private var busUsers: [UInt8: String] = [:]
    private var sockets: [String: Place] = [:]
    private var channelCount = 0
    private var partners: [(sensor: Int, channel: Int, name: ConditioningReader.PartnerName)] = []

    init(board: Board?, drivers: [DriverEntry], folder: String, now: UTC?, _ findings: Findings) {
        self.board = board
        self.drivers = drivers
        self.folder = folder
        self.now = now
        self.findings = findings
        buses = BusReader(board: board, findings)
    }

    mutating func read(_ top: inout Fields, fileExists: (String) -> Bool) {
        let nodes = top.list("sensors", of: "sensors")
        if nodes.isEmpty, !top.has("sensors") || top.isEmptyList("sensors") {
            findings.addMissing(
                top.place(of: "sensors"), "no sensors", "at least one",
                "add for example `sensors: [{id: air, driver: bme280, bus: i2c1}]`")
        }
        for node in nodes { sensor(top, node, fileExists) }
        resolvePartners()
        refuseBusPins()
        if channelCount > Configuration.Limits.channels {
            findings.add(
                top.place(of: "sensors"), "\(channelCount) channels", "at most \(Configuration.Limits.channels)",
                "divide them among several nodes")
        }
    }

    // MARK: One sensor

    private mutating func sensor(_ top: Fields, _ node: YAMLNode, _ fileExists: (String) -> Bool) {
        let before = findings.problems.count
        var fields = top.item(node, name: "a sensor")
        let id = fields.required("id", "the sensor's name", example: "id: air")
            .flatMap { findings.name($0, extra: "-_") }
        if let id {
            fields.name = "sensor \(quoted(id))"
            if let first = ids[id] {
                findings.add(
                    fields.valuePlace(of: "id"), "a second sensor \(quoted(id))", "each id once",
                    "rename this one or the one at \(first)")
            } else {
                ids[id] = fields.valuePlace(of: "id")
            }
        }
        let driverName = fields.required(
            "driver", "the driver's name (`cityedge drivers` lists them)", example: "driver: bme280")
        guard let driver = driverName.flatMap(entry) else {
            if let id { unfinished.insert(id) }
            // Without a driver its keys cannot be judged; those of other agents can.
            if driverName == nil { fields.finishHinted(Hint.sensor) }
            return
        }
        let every = fields.scalar("every", default: driver.defaultEvery.shown)
            .flatMap { findings.duration($0, in: .milliseconds(10)...Duration.seconds(86_400)) }
        var settings = DriverSettings(sensorID: id ?? "", every: every ?? driver.defaultEvery)
        switch driver.attachment {
        case .bus(let addresses): settings.device = device(&fields, addresses, driver, id)
        case .line: settings.line = line(&fields, driver, id)
        case .attribute, .source: break
        }
        for parameter in driver.parameters {
            if case .line = parameter.kind {
                settings.lines[parameter.name] = furtherLine(&fields, parameter, like: settings.line, id)
                continue
            }
            settings.values[parameter.name] =
                ParameterReader(folder: folder, findings: findings).read(parameter, &fields, fileExists)
                ?? parameter.fallback
        }
        if case .text(let name)? = settings.values["socket"] {
            if let first = sockets[name] {
                findings.add(
                    fields.valuePlace(of: "socket"), "a second `socket: \(name)`", "a socket for each sensor",
                    "choose another name: the one at \(first) has it")
            } else {
                sockets[name] = fields.valuePlace(of: "socket")
            }
        }
        let channels = findings.problems.count == before ? driverChannels(driver, settings, fields) : nil
        let instruments = InstrumentReader(now: now, findings: findings)
        let instrument = instruments.read(&fields) ?? .unstated
        let calibrated = ChannelReader(findings: findings, instruments: instruments)
            .read(&fields, channels, instrument, every: settings.every)
        let warmUp = fields.scalar("warm_up", default: driver.warmUp == .zero ? nil : driver.warmUp.shown)
            .map { findings.duration($0, in: .zero...Duration.seconds(86_400)) } ?? .zero
        fields.finish(hints(for: driver))
        channelCount += channels?.count ?? 0
        guard let id, let channels, let calibrated, let warmUp, findings.problems.count == before else {
            if let id { unfinished.insert(id) }
            return
        }
        append(id: id, driver: driver, settings: settings, warmUp: warmUp, channels, calibrated)
    }

    private mutating func append(
        id: String, driver: DriverEntry, settings: DriverSettings, warmUp: Duration, _ channels: [DriverChannel],
        _ about: [ChannelReader.About]
    ) {
        let first = channelCount - channels.count
        guard channelCount <= Configuration.Limits.channels else { return }
        var result: [ChannelSettings] = []
        for (index, channel) in channels.enumerated() {
            let said = about[index]
            let channelID = ChannelID(rawValue: UInt16(first + index))
            if let partner = said.partner { partners.append((sensors.count, index, partner)) }
            var conditioning = said.conditioning
            conditioning.certificateEnds = said.instrument.certificate?.validUntil
            result.append(
                ChannelSettings(
                    id: channelID,
                    channel: Channel(
                        name: id + "." + channel.quantity, unit: channel.unit, scale: channel.scale,
                        plausible: said.plausible ?? channel.plausible),
                    calibration: said.calibration, conditioning: conditioning,
                    calibrationHash: said.calibration == .none
                        ? nil : Fingerprint.hash(of: "\(channel.unit) \(said.calibration.fingerprint)"),
                    instrument: said.instrument))
        }
        sensors.append(
            SensorSettings(
                id: id, driver: driver.name, settings: settings, every: settings.every, channels: result,
                warmUp: warmUp))
    }

    /// `agrees_with`, once every channel is known.
    private mutating func resolvePartners() {
        let all = sensors.flatMap(\.channels)
        for (sensor, index, partner) in partners {
            let own = sensors[sensor].channels[index]
            let text = partner.name.text
            guard let other = all.first(where: { $0.channel.name == text }) else {
                if text.contains("."), unfinished.contains(String(text.prefix { $0 != "." })) { continue }
                let nearest = Nearest.name(to: text, among: all.map(\.channel.name))
                findings.add(
                    partner.name.place, "the unknown channel \(quoted(text))", "a channel as `sensor.channel`",
                    nearest.map { "write `channel: \($0)`" } ?? "write one of the node's channels")
                continue
            }
            guard other.id != own.id, other.channel.unit == own.channel.unit else {
                let why = other.id == own.id ? "itself" : "in \(other.channel.unit)"
                findings.add(
                    partner.name.place, "the channel \(quoted(text)), \(why)",
                    "another channel in \(own.channel.unit)", "compare it with what measures the same")
                continue
            }
            sensors[sensor].channels[index].conditioning.partner = .init(channel: other.id, within: partner.within)
        }
    }

    private func entry(_ name: Scalar) -> DriverEntry? {
        if let entry = drivers.first(where: { $0.name == name.text }) { return entry }
        let names = drivers.map(\.name)
        let nearest = Nearest.name(to: name.text.lowercased(), among: names)
        findings.add(
            name.place, "the unknown driver \(quoted(name.text))", "a driver's name (`cityedge drivers` lists them)",
            nearest.map { "write `driver: \($0)`" }
                ?? "write one of them; other chips: `driver: i2c-registers`, other programs: `driver: external`")
        return nil
    }

    /// Keys of other kinds of driver are not typing mistakes: say whose they are.
    private func hints(for driver: DriverEntry) -> [String: Hint] {
        var hints = Hint.sensor
        switch driver.attachment {
        case .bus:
            for key in ["line", "active", "bias", "debounce", "pin", "gpio"] {
                hints[key] = .say("no `\(key)`: \(driver.name) is on an I2C bus", "remove it")
            }
        case .line:
            for key in ["bus", "address"] {
                hints[key] = .say("no `\(key)`: \(driver.name) is on a GPIO line", "remove it")
            }
        case .attribute, .source:
            for key in ["bus", "address", "line", "active", "bias", "debounce"] {
                hints[key] = .say("no `\(key)`: \(driver.name) has neither bus nor line of its own", "remove it")
            }
        }
        return hints
    }

    private func driverChannels(_ driver: DriverEntry, _ settings: DriverSettings, _ fields: Fields) -> [DriverChannel]?
    {
        let channels: [DriverChannel]
        do throws(SettingFault) { channels = try driver.channels(settings) } catch {
            let parts = error.text.split(separator: ";", maxSplits: 2).map { $0.drop { $0 == " " } }
            let expected = parts.count > 1 ? parts[1] : "another value"
            findings.add(
                fields.valuePlace(of: error.parameter), "`\(error.parameter)` \(parts.first ?? "")",
                String(expected.hasPrefix("expected ") ? expected.dropFirst(9) : expected),
                parts.count > 2 ? String(parts[2]) : "correct it")
            return nil
        }
        // Settings can ask for this (`measures: temperature temperature`), so it is no mistake of ours.
        let isUnique = Set(channels.map(\.quantity)).count == channels.count
        guard isUnique, !channels.isEmpty else {
            findings.add(
                fields.place, isUnique ? "no channels in \(fields.name)" : "a channel of \(fields.name) a second time",
                "each channel once, at least one", "correct what it is to measure")
            return nil
        }
        return channels
    }

    // MARK: Buses

    private mutating func device(
        _ fields: inout Fields, _ addresses: [UInt8], _ driver: DriverEntry, _ id: String?
    ) -> BusDevice? {
        let number = buses.read(&fields)
        let fallback = addresses.first.map { "0x" + String($0, radix: 16) }
        let addressText =
            addresses == DriverEntry.anyAddress
            ? fields.required("address", "the chip's address on the bus", example: "address: 0x48")
            : fields.scalar("address", default: fallback)
        let address = addressText.flatMap { self.address($0, addresses, driver) }
        guard let number, let address, let place = addressText?.place else { return nil }
        let device = BusDevice(bus: number, address: address)
        let shown = "0x" + String(address, radix: 16)
        if let other = devices[device], !(other.shares && driver.sharesChip) {
            findings.add(
                place,
                "address \(shown) on \(buses.all[Int(number)].name), which sensor \(quoted(other.id)) has "
                    + "(\(other.place))",
                "one sensor at each address of a bus",
                addresses.count > 1
                    ? "give one of them another address (\(driver.name) can have \(Self.shown(addresses)))"
                    : "move one of them to another bus")
        } else {
            devices[device] = (id ?? "?", place, driver.sharesChip)
        }
        busUsers[number] = busUsers[number] ?? id ?? "?"
        return device
    }

    private static func shown(_ addresses: [UInt8]) -> String {
        addresses == DriverEntry.anyAddress ? "0x08 to 0x77" : oneOf(addresses.map { "0x" + String($0, radix: 16) })
    }

    private func address(_ scalar: Scalar, _ addresses: [UInt8], _ driver: DriverEntry) -> UInt8? {
        let text = scalar.text.lowercased()
        let value = text.hasPrefix("0x") ? UInt16(text.dropFirst(2), radix: 16) : UInt16(text)
        if let value, let address = UInt8(exactly: value), addresses.contains(address), text.first != "+" {
            return address
        }
        var remedy =
            addresses == DriverEntry.anyAddress
            ? "write the chip's own, as in `address: 0x48`"
            : "write `address: 0x\(String(addresses.first ?? 0, radix: 16))`"
        if let hexadecimal = UInt8(text, radix: 16), addresses.contains(hexadecimal) {
            remedy = "write `address: 0x\(text)`: addresses are hexadecimal on the module"
        } else if let value, let half = UInt8(exactly: value >> 1), addresses.contains(half) {
            remedy = "write `address: 0x\(String(half, radix: 16))`: the 8-bit form includes the read/write bit"
        } else if let value, !(0x08...0x77).contains(value) {
            remedy += ": I2C addresses go from 0x08 to 0x77"
        }
        findings.add(
            scalar.place, quoted("address: \(scalar.text)"),
            "an address of a \(driver.name) (\(Self.shown(addresses)))",
            remedy)
        return nil
    }

    // MARK: Lines

    private mutating func line(_ fields: inout Fields, _ driver: DriverEntry, _ id: String?) -> LineRequest? {
        let name = fields.required("line", "a GPIO line or header position", example: "line: GPIO17")
        let preset = fields.text(of: "preset")
        let wiring = driver.wirings.first { $0.preset == preset } ?? driver.wirings[0]
        let active = fields.scalar("active", default: wiring.isActiveLow ? "low" : "high")
            .flatMap { findings.choice($0, of: ["high", "low"]) }
        let biases: [(String, Bias)] = [
            ("as-is", .asIs), ("disabled", .disabled), ("pull-up", .pullUp), ("pull-down", .pullDown),
        ]
        let bias = fields.scalar("bias", default: biases.first { $0.1 == wiring.bias }?.0)
            .flatMap { findings.choice($0, of: biases.map(\.0)) }
            .flatMap { name in biases.first { $0.0 == name }?.1 }
        let debounce = fields.scalar("debounce", default: wiring.debounce.shown)
            .flatMap { findings.duration($0, in: .zero...Duration.seconds(10), likely: "ms") }
        guard let line = ownLine(name, id), let name, let active, let bias, let debounce else { return nil }
        return LineRequest(
            chipLabel: line.chipLabel, offset: line.offset, name: name.text, bias: bias, isActiveLow: active == "low",
            debounce: debounce)
    }

    /// A line beside `line`, wired as that one.
    private mutating func furtherLine(
        _ fields: inout Fields, _ parameter: Parameter, like first: LineRequest?, _ id: String?
    ) -> LineRequest? {
        let example = "\(parameter.name): GPIO23"
        let name =
            parameter.isRequired
            ? fields.required(parameter.name, parameter.about, example: example) : fields.scalar(parameter.name)
        guard let line = ownLine(name, id), let name, var request = first else { return nil }
        request.chipLabel = line.chipLabel
        request.offset = line.offset
        request.name = name.text
        return request
    }

    /// The board's line, which no other sensor may have.
    private mutating func ownLine(_ name: Scalar?, _ id: String?) -> BoardLine? {
        guard let board, let name, let line = LineName(board: board, findings: findings).line(name)
        else { return nil }
        if let other = lines[line.name] {
            findings.add(
                name.place,
                "\(quoted("\(name.key): \(name.text)")), which sensor \(quoted(other.id)) has (\(other.place))",
                "one sensor on each line", "connect one of them to another line")
        } else {
            lines[line.name] = (id ?? "?", name.place)
        }
        return line
    }

    /// A pin that carries a bus in use is no GPIO.
    private func refuseBusPins() {
        for (index, user) in busUsers {
            let bus = buses.all[Int(index)]
            for name in bus.lines {
                guard let line = lines[name] else { continue }
                findings.add(
                    line.place, "\(name) as a GPIO line, which carries \(bus.name) for sensor \(quoted(user))",
                    "a line that no bus in use needs", "connect sensor \(quoted(line.id)) to another line")
            }
        }
    }
}
