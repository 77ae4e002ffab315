// A Sampler over simulated hardware, stepped through virtual time.

import Gateway
import Sensors
import SimulatedWorld
import World

extension Boottime {
    static func seconds(_ seconds: Int64) -> Boottime { Boottime(nanoseconds: seconds * 1_000_000_000) }
    static func milliseconds(_ milliseconds: Int64) -> Boottime { Boottime(nanoseconds: milliseconds * 1_000_000) }
}

/// Gives what a test wants, when asked.
final class Script: @unchecked Sendable {
    // Safe to share: a test steps its Sampler on its own thread.
    var samples: [Sample]
    var fault: SensorFault?
    init(_ samples: [Sample] = []) { self.samples = samples }
}

struct ScriptedSource: SourceDriver {
    let script: Script
    mutating func collect(at now: Boottime, into samples: inout Samples) throws(SensorFault) {
        if let fault = script.fault { throw fault }
        for sample in script.samples { samples.append(sample) }
    }
}

final class SamplerBench {
    let clock = SimulatedClock(seed: 1)
    let hardware: SimulatedSite
    let readings: Ring<Reading>
    let notices = Ring<Notice>(capacity: 256)
    let counterMemory: RingMemory
    let counters: CounterPage
    let counts = SamplerCounts()
    var sampler: Sampler<SimulatedClock, SimulatedBus, SimulatedLines, SimulatedAttributes>
    /// When each step was asked for by the one before.
    private(set) var wakes: [Boottime] = []

    static let chip = "simulated"

    init(
        ring: Int = 4_096, counterMemory: RingMemory = RingMemory(bytes: CounterPage.bytes),
        meters: MeterPage? = nil, _ sensors: [InstalledSensor]
    ) {
        let clock = clock
        hardware = SimulatedSite(seed: 1, buses: 2, chips: [Self.chip: 32]) { clock.now() }
        readings = Ring<Reading>(capacity: ring)
        self.counterMemory = counterMemory
        counters = CounterPage(memory: counterMemory.bytes)
        sampler = Sampler(
            clock: clock, bus: hardware.bus, lines: hardware.lines, attributes: hardware.attributes, sensors: sensors,
            readings: readings, notices: notices, counters: counters, counts: counts, meters: meters)
    }

    /// Steps as the main loop does, up to and including what is due at `end`.
    func run(until end: Boottime) {
        while true {
            let next = min(sampler.step(), hardware.lines.nextChange())
            guard next <= end else { break }
            if next > clock.now() { wakes.append(next) }
            clock.advance(to: clock.virtualTime(of: max(next, clock.now())))
        }
        if end > clock.now() { clock.advance(to: clock.virtualTime(of: end)) }
    }

    var isMeasuring: Bool { sampler.isMeasuring }
    func takeNews() -> Bool { sampler.takeNews() }

    func takeReadings() -> [Reading] {
        var all: [Reading] = []
        while let reading = readings.take() { all.append(reading) }
        return all
    }

    func takeNotices() -> [Notice] {
        var all: [Notice] = []
        while let notice = notices.take() { all.append(notice) }
        return all
    }

    /// A wire that a test moves by hand.
    func drive(_ offset: UInt32, high: Bool, at moment: Boottime) {
        clock.advance(to: clock.virtualTime(of: moment))
        hardware.lines.drive(Self.chip, offset, high: high, at: moment)
    }
}

extension InstalledSensor {
    static let air = BusDevice(bus: 0, address: 0x76)

    static func source(
        _ script: Script, every: Duration = .seconds(1), first: UInt16 = 0, scale: Int8 = -2,
        plausible: ClosedRange<Double> = -1e12...1e12, gain: Double = 1, offset: Double = 0, channels: Int = 1
    ) -> InstalledSensor {
        InstalledSensor(
            id: "script", driver: .source(ScriptedSource(script: script)), every: every,
            channels: (0..<channels).map {
                InstalledChannel(
                    id: ChannelID(rawValue: first + UInt16($0)),
                    channel: Channel(name: "script.c\($0)", unit: "Cel", scale: scale, plausible: plausible),
                    calibration: .linear(gain: gain, offset: offset))
            }, device: nil)
    }

    /// From the catalogue, as a configuration would make it; channel ids from `first` on.
    static func catalogued(
        _ driver: String, id: String, every: Duration, first: UInt16 = 0, device: BusDevice? = nil,
        line: LineRequest? = nil, lines: [String: LineRequest] = [:], _ values: [String: Setting] = [:]
    ) throws -> InstalledSensor {
        guard let entry = Catalogue.entry(named: driver) else { throw SettingFault(parameter: "driver", text: driver) }
        var settings = DriverSettings(
            sensorID: id, every: every, device: device, line: line, lines: lines, values: values)
        for parameter in entry.parameters where settings.values[parameter.name] == nil {
            settings.values[parameter.name] = parameter.fallback
        }
        let channels = try entry.channels(settings)
        return InstalledSensor(
            id: id, driver: try entry.make(settings), every: every,
            channels: channels.enumerated().map { place, channel in
                InstalledChannel(
                    id: ChannelID(rawValue: first + UInt16(place)),
                    channel: Channel(
                        name: "\(id).\(channel.quantity)", unit: channel.unit, scale: channel.scale,
                        plausible: channel.plausible))
            }, device: device)
    }

    static func bme280(every: Duration = .seconds(1), first: UInt16 = 0) throws -> InstalledSensor {
        try catalogued("bme280", id: "air", every: every, first: first, device: air)
    }

    static func meter(every: Duration = .seconds(10)) throws -> InstalledSensor {
        try catalogued(
            "pulse-counter", id: "water", every: every,
            line: LineRequest(chipLabel: SamplerBench.chip, offset: 17, name: "GPIO17"),
            ["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3")])
    }

    static func mains(every: Duration = .seconds(60), first: UInt16 = 0) throws -> InstalledSensor {
        try catalogued(
            "digital-input", id: "mains", every: every, first: first,
            line: LineRequest(chipLabel: SamplerBench.chip, offset: 27, name: "GPIO27"))
    }
}
