// 64 chips on two buses, each read once a second: how late readings are beyond what the wires themselves take, what it
// costs, and what a wedged bus costs the chips on the other one.
//
// The chips are simulated at register level; the wires take their time: each transfer sleeps as long as its bits need
// at 100 kHz (nine bits a byte, addresses included), as a kernel adapter does. A wedged bus answers after 30 ms that it
// timed out, as Linux does with our I2C_TIMEOUT.

import Gateway
import Glibc
import LinuxWorld
import Sensors
import SimulatedWorld
import World

private let hertz = 100_000.0
private let timeoutNanoseconds: Int64 = 30_000_000

/// Wires that take their time, and how much they took.
private final class Wires {
    let chips: SimulatedBus
    var nanoseconds: Int64 = 0
    var wedged: UInt8?
    var attempts = 0
    init(_ chips: SimulatedBus) { self.chips = chips }
}

private struct TimedBus: Bus {
    let wires: Wires

    func claim(_ device: BusDevice) throws(BusFault) { try wires.chips.claim(device) }

    func transfer(
        _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
    ) throws(BusFault) {
        if wires.wedged == device.bus {
            wires.attempts += 1
            sleep(timeoutNanoseconds)
            throw .timedOut
        }
        let addresses = (bytes.isEmpty ? 0 : 1) + (reply.isEmpty ? 0 : 1)
        sleep(Int64(Double((bytes.count + reply.count + addresses) * 9 + 2) / hertz * 1e9))
        try wires.chips.transfer(device, write: bytes, read: reply)
    }

    /// What it really took is the wires' own: a shared machine wakes sleepers late.
    private func sleep(_ nanoseconds: Int64) {
        let begin = LinuxClock().now()
        var wanted = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, nil)
        wires.nanoseconds += (LinuxClock().now() - begin).nanoseconds
    }
}

/// 32 chips as they fit on one bus, each answering within its second, and how long each measures after its start.
private let population: [(driver: String, addresses: [UInt8], values: [String: Setting], measures: Duration)] = [
    ("mcp9808", Array(0x18...0x1F), [:], .zero),
    ("pcf8574", Array(0x20...0x27), ["inputs": .text("P0 P1 P2 P3")], .zero),
    ("ina219", [0x40, 0x41, 0x42, 0x43], ["shunt": .quantity(mantissa: 100, exponent: -3, unit: "Ohm")],
        .milliseconds(151)),
    ("sht3x", [0x44, 0x45], [:], .milliseconds(18)), ("lm75", Array(0x48...0x4F), [:], .zero),
    ("bme280", [0x76, 0x77], [:], .milliseconds(10)),
]

private func installed(on chips: SimulatedBus) throws -> (sensors: [InstalledSensor], waits: [Duration]) {
    var sensors: [InstalledSensor] = []
    var waits: [Duration] = []
    var channel: UInt16 = 0
    for bus in UInt8(0)...1 {
        for kind in population {
            guard let entry = Catalogue.entry(named: kind.driver) else { throw BenchFault("no driver \(kind.driver)") }
            for address in kind.addresses {
                let device = BusDevice(bus: bus, address: address)
                guard let chip = SimulatedChips.make(kind.driver, surroundings: { _ in Surroundings() }) else {
                    throw BenchFault("no chip for \(kind.driver)")
                }
                chips.attach(chip, at: device)
                var settings = DriverSettings(
                    sensorID: "\(kind.driver)-\(bus)-\(address)", every: .seconds(1), device: device,
                    values: kind.values)
                for parameter in entry.parameters where settings.values[parameter.name] == nil {
                    settings.values[parameter.name] = parameter.fallback
                }
                let channels = try entry.channels(settings).map { told in
                    defer { channel += 1 }
                    return InstalledChannel(
                        id: ChannelID(rawValue: channel),
                        channel: Channel(
                            name: "\(settings.sensorID).\(told.quantity)", unit: told.unit, scale: told.scale,
                            plausible: told.plausible))
                }
                sensors.append(
                    InstalledSensor(
                        id: settings.sensorID, driver: try entry.make(settings), every: .seconds(1),
                        channels: channels, device: device))
                waits += channels.map { _ in kind.measures }
            }
        }
    }
    return (sensors, waits)
}

private struct Course {
    var worstMilliseconds = 0.0
    var readings = 0
    var goodReadings = 0
    var cpuPercent = 0.0
    var attempts = 0
}

/// Readings of the buses that work: how late each was, beyond the wires' time since its second began and the time that
/// its chip measures.
private func run(seconds: Int64, wedged: UInt8?) throws -> Course {
    let clock = LinuxClock()
    let wires = Wires(SimulatedBus(count: 2, now: { clock.now() }))
    let (sensors, waits) = try installed(on: wires.chips)
    let readings = Ring<Reading>(capacity: Limits.ringReadings)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterPage.bytes, alignment: 8)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    defer { memory.deallocate() }
    var sampler = Sampler(
        clock: clock, bus: TimedBus(wires: wires), lines: SimulatedLines(chips: [:], now: { clock.now() }),
        attributes: SimulatedAttributes(), sensors: sensors, readings: readings,
        notices: Ring<Notice>(capacity: Limits.ringNotices), counters: CounterPage(memory: memory),
        counts: SamplerCounts())
    var loop = try EventLoop()
    var course = Course()
    // The first seconds set the chips up.
    var measuresFrom = clock.now() + .seconds(3)
    let end = measuresFrom + .seconds(seconds)
    var cpuBefore = 0.0
    var hasBegun = false
    var second: Int64 = -1
    var wiresAtSecond: Int64 = 0
    while clock.now() < end {
        let now = clock.now()
        if now.nanoseconds / 1_000_000_000 != second {
            second = now.nanoseconds / 1_000_000_000
            wiresAtSecond = wires.nanoseconds
        }
        if !hasBegun, now >= measuresFrom {
            hasBegun = true
            wires.wedged = wedged
            measuresFrom = now
            cpuBefore = processorSeconds()
            while readings.take() != nil {}
        }
        let next = sampler.step()
        let done = clock.now()
        while let reading = readings.take() {
            guard hasBegun, reading.acquired >= measuresFrom else { continue }
            course.readings += 1
            guard reading.quality.grade != .bad else { continue }
            course.goodReadings += 1
            let due = reading.acquired.nanoseconds / 1_000_000_000 * 1_000_000_000
            let wait = waits[Int(reading.channel.rawValue)].nanoseconds
            let late = done.nanoseconds - due - wait - (wires.nanoseconds - wiresAtSecond)
            course.worstMilliseconds = max(course.worstMilliseconds, Double(late) / 1e6)
        }
        loop.wait(until: next)
    }
    course.cpuPercent = (processorSeconds() - cpuBefore) / Double(seconds) * 100
    course.attempts = wires.attempts
    return course
}

private func processorSeconds() -> Double {
    var used = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used)
    return Double(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + Double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6
}

func busFigures(seconds: Int64) throws -> [Figure] {
    let calm = try run(seconds: seconds, wedged: nil)
    let hard = try run(seconds: seconds, wedged: 1)
    return [
        Figure(
            "buses: 64 chips on 2 buses, latest beyond bus time", calm.worstMilliseconds, "ms", .atMost(50)),
        Figure("buses: CPU, simulated chips included", calm.cpuPercent, "% of a core", .atMost(1), decimals: 2),
        Figure("buses: readings", Double(calm.goodReadings) / Double(seconds), "a second, good", decimals: 0),
        Figure(
            "buses: one wedged, latest on the other beyond bus time", hard.worstMilliseconds, "ms", .atMost(50)),
        Figure(
            "buses: one wedged, attempts of 30 ms in \(seconds) s", Double(hard.attempts), "attempts", decimals: 0),
    ]
}
