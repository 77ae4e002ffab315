// `cityedge read`: one reading of each sensor, through the same Sampler as in service, printed with unit and quality.

import Gateway
import LinuxWorld
import Sensors
import SimulatedWorld
import SiteConfig
import World

/// Takes one reading of every sensor (or of one) and prints it. Fails with `unavailable` when any of them is bad.
public func readOnce(_ site: Site, sensor wanted: String?) throws(Failure) {
    var site = site
    if let wanted {
        site.sensors.removeAll { $0.id != wanted }
        guard !site.sensors.isEmpty else {
            throw Failure(
                .usage, "found no sensor \(wanted); expected the id of a configured sensor; see: cityedge validate")
        }
    }
    // Once is enough: nothing is due again before everything has been collected.
    // A program's lines come when they come.
    for index in site.sensors.indices {
        site.sensors[index].every = site.sensors[index].driver == "external" ? .milliseconds(100) : .seconds(86_400)
        if case .duration(let given)? = site.sensors[index].settings.values["silent_after"] {
            site.sensors[index].settings.values["silent_after"] = .duration(min(given, longestForPrograms))
        }
    }
    let programs = Programs(site, runtime: nil)
    let sensors = try Assembly(site: site, boot: BootID(high: 0, low: 0)).installedSensors(programs)
    let host = try programs.start()
    defer { host?.stop() }
    let clock = LinuxClock()
    if site.board.isSimulated {
        let simulated = try simulatedHardware(of: site, seed: 1) { clock.now() }
        try read(site, sensors, bus: simulated.bus, lines: simulated.lines, attributes: simulated.attributes)
    } else {
        let lines: GPIOLines
        do throws(SystemError) { lines = try GPIOLines(keptEdges: 16) } catch { throw Failure(.software, "\(error)") }
        try read(
            site, sensors, bus: I2CBuses(site.board.buses.map(\.attachment)), lines: lines,
            attributes: KernelAttributes())
    }
}

/// A program that says nothing for so long has nothing to say to the person at the keyboard.
private let longestForPrograms = Duration.seconds(15)

private func read<B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>(
    _ site: Site, _ sensors: [InstalledSensor], bus: consuming B, lines: consuming L, attributes: consuming A
) throws(Failure) {
    let clock = LinuxClock()
    let readings = Ring<Reading>(capacity: Limits.ringReadings)
    let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterPage.bytes, alignment: 8)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    defer { memory.deallocate() }
    var sampler = Sampler(
        clock: clock, bus: bus, lines: lines, attributes: attributes, sensors: sensors, readings: readings,
        notices: notices, counters: CounterPage(memory: memory), counts: SamplerCounts())
    // Lines begin with the first step and are collected with the stop; everything else measures once.
    var next = sampler.step()
    var latest: [ChannelID: Reading] = [:]
    let awaited = site.sensors.filter { $0.driver == "external" }.flatMap(\.channels).map(\.id)
    let patience = clock.now() + longestForPrograms + .seconds(1)
    while true {
        while let reading = readings.take() { latest[reading.channel] = reading }
        let isAwaiting = awaited.contains { latest[$0] == nil } && clock.now() < patience
        guard sampler.isMeasuring || isAwaiting else { break }
        let wait = next - clock.now()
        if wait > .zero { pause(milliseconds: Int32(clamping: wait.nanoseconds / 1_000_000 + 1)) }
        next = sampler.step()
    }
    sampler.finish()
    while let reading = readings.take() { latest[reading.channel] = reading }
    var bad: [String] = []
    let width = site.sensors.flatMap(\.channels).map(\.channel.name.count).max() ?? 0
    for sensor in site.sensors {
        for channel in sensor.channels {
            let name = channel.channel.name + String(repeating: " ", count: width - channel.channel.name.count)
            guard let reading = latest[channel.id] else {
                printLine("\(name)  no reading")
                bad.append(sensor.id)
                continue
            }
            printLine("\(name)  \(readingText(reading, channel.channel))")
            if reading.quality.grade == .bad { bad.append(sensor.id) }
        }
    }
    for (index, sensor) in site.sensors.enumerated() where bad.contains(sensor.id) {
        let found = sampler.fault(ofSensor: index)?.text ?? "no value; expected one; look at the wiring"
        printError("\(place(of: sensor, site.board)): \(found)")
    }
    if !bad.isEmpty { throw Failure(.unavailable, "") }
}

/// Where the person with the laptop has to look.
func place(of sensor: SensorSettings, _ board: Board) -> String {
    let place: String
    if let device = sensor.settings.device, Int(device.bus) < board.buses.count {
        let bus = board.buses[Int(device.bus)]
        place = " at 0x\(String(device.address, radix: 16)) on \(bus.name), \(bus.place)"
    } else if let line = sensor.settings.line {
        place = " on \(line.name), line \(line.offset) of \(line.chipLabel)"
    } else if case .text(let device)? = sensor.settings.values["device"] {
        place = " of kernel device \(device)"
    } else {
        place = ""
    }
    return "sensor \(sensor.id) (\(sensor.driver)\(place))"
}

/// Value, unit and quality, or why there is no value.
func readingText(_ reading: Reading, _ channel: Channel) -> String {
    if reading.quality.grade == .bad { return "bad: \(reading.quality.reason)" }
    // `/` is SenML's word for a number without unit, and nobody else's.
    let unit = channel.unit == "/" ? "" : " " + (Unit.named(channel.unit)?.display ?? channel.unit)
    let quality = reading.quality == .good ? "good" : "uncertain: \(reading.quality.reason)"
    return "\(decimal(reading.value, scale: channel.scale))\(unit)  \(quality)"
}

/// `2137` with scale -2 is `21.37`.
func decimal(_ value: Int64, scale: Int8) -> String {
    guard scale < 0 else { return value == 0 ? "0" : String(value) + String(repeating: "0", count: Int(scale)) }
    var digits = String(value.magnitude)
    let places = -Int(scale)
    if digits.count <= places { digits = String(repeating: "0", count: places + 1 - digits.count) + digits }
    let point = digits.index(digits.endIndex, offsetBy: -places)
    return (value < 0 ? "-" : "") + digits[..<point] + "." + digits[point...]
}
