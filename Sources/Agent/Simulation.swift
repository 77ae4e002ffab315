// `cityedge simulate`: the same Sampler and Courier as in service, on one thread, in a world made of a seed: virtual
// time, chips at register level, a flash that loses what was not synced, a broker that goes away, loses and delays
// acknowledgements; crashes of the process and of the power. The same seed gives the same trace, byte for byte.
//
// After the faults have ended everything must drain, and the books (`Simulation+Books.swift`) must balance.

import Gateway
import KPIs
import Outbox
import Sensors
import SimulatedWorld
import SiteConfig
import Uplink
import World

/// Runs one seed with its trace, or many with a line each. Fails with the command that shows the failure again.
public func runSimulation(seed: UInt64, seeds: UInt64, untilSeconds: Int64?) throws(Failure) {
    guard seeds <= 1_000_000, seed <= .max - 1_000_000, untilSeconds ?? 0 <= 1_000_000 else {
        throw Failure(.usage, "expected at most a million seeds, and a million seconds of virtual time")
    }
    let site = try simulationSite()
    for seed in seed..<seed + max(seeds, 1) {
        let until = untilSeconds.map { VirtualTime(nanoseconds: $0 * 1_000_000_000) }
        let simulation = try Simulation(site: site, seed: seed, print: seeds <= 1 ? { printLine($0) } : nil)
        let verdict = simulation.run(until: until)
        printLine("seed \(seed): \(verdict.summary), trace \(Hex.text(simulation.trace.hash))")
        guard let problem = verdict.problem else { continue }
        if seeds > 1 { for line in simulation.trace.recent { printError(line) } }
        throw Failure(.software, "seed \(seed): \(problem)\nshow it again with: cityedge simulate --seed \(seed)")
    }
}

/// The site that is simulated: every kind of driver, both KPIs, alarms in one seed of two, a clock that settles late.
package func simulationSite() throws(Failure) -> Site {
    guard let folder = Folders.shipped("config") else {
        throw Failure(
            .configuration, "the folder config/ with simulation.yaml was not found; reinstall, or set CITYEDGE_DATA")
    }
    return try loadSite(folder + "/simulation.yaml").site
}

public struct SimulationVerdict: Sendable {
    public var taken = 0
    public var delivered = 0
    public var duplicates = 0
    public var tombstoned = 0
    public var lostInPowerCuts = 0
    public var streams = 0
    public var contributions = 0
    public var problem: String?

    var summary: String {
        "taken \(taken), delivered \(delivered), duplicates \(duplicates), tombstoned \(tombstoned), "
            + "lost within the window of power cuts \(lostInPowerCuts), streams \(streams), "
            + "contributions \(contributions)"
    }
}

public final class Simulation {
    typealias Sampling = Sampler<SimulatedClock, SimulatedBus, SimulatedLines, SimulatedAttributes>
    typealias Couriering = Courier<SimulatedClock, SimulatedDisk.Handle, SimulatedBroker.Client>

    /// What a process owns.
    final class Process {
        var sampler: Sampling?
        var courier: Couriering
        let readings: Ring<Reading>
        let notices: Ring<Gateway.Notice>
        let counters: CounterPage
        let counts = SamplerCounts()
        let startedAt: Boottime
        /// It has been told to stop.
        var isStopping = false

        init(
            courier: consuming Couriering, readings: Ring<Reading>, notices: Ring<Gateway.Notice>,
            counters: CounterPage,
            startedAt: Boottime
        ) {
            self.courier = courier
            self.readings = readings
            self.notices = notices
            self.counters = counters
            self.startedAt = startedAt
        }
    }

    public let trace: Trace
    let site: Site
    let seed: UInt64
    let clock: SimulatedClock
    let disk: SimulatedDisk
    let broker: SimulatedBroker
    let hardware: SimulatedSite
    private(set) var plan: FaultPlan
    var process: Process?
    var restartAt = VirtualTime.zero
    var starts: UInt64 = 0
    let samplingEnds: VirtualTime
    var books = SimulationBooks()

    private static let quietFrom = VirtualTime(nanoseconds: 240 * 1_000_000_000)
    /// Sampling goes on a little in peace; then everything has to drain within ten minutes.
    private static let samplingEndsAt = VirtualTime(nanoseconds: 300 * 1_000_000_000)
    private static let drainWithin = Duration.seconds(1_200)
    /// A file of which nothing can be read is given up after some hours.
    private static let salvagedBy = VirtualTime(nanoseconds: 25_000 * 1_000_000_000)

    public convenience init(site: Site, seed: UInt64, print: ((String) -> Void)? = nil) throws(Failure) {
        try self.init(
            site: site, seed: seed, plan: FaultPlan(seed: seed, quietFrom: Self.quietFrom),
            samplingEnds: Self.samplingEndsAt, print: print)
    }

    init(
        site: Site, seed: UInt64, plan: FaultPlan, samplingEnds: VirtualTime, print: ((String) -> Void)? = nil
    ) throws(Failure) {
        var site = site
        var random = Random(seed: seed, purpose: "alarms")
        if random.chance(1, in: 2) { site.alarms = [] }
        self.site = site
        self.seed = seed
        let clock = SimulatedClock(seed: seed)
        self.clock = clock
        trace = Trace(clock: clock, print: print)
        disk = SimulatedDisk(clock: clock, seed: seed, trace: trace)
        broker = SimulatedBroker(clock: clock, seed: seed, trace: trace)
        hardware = try simulatedHardware(of: site, seed: seed) { clock.now() }
        self.plan = plan
        self.samplingEnds = samplingEnds
    }

    public func run(until: VirtualTime?) -> SimulationVerdict {
        for fault in plan.faults { trace.note("plan", fault.description) }
        var stalled = 0
        while true {
            let now = clock.elapsed
            while let due = plan.takeDue(by: now) { strike(due.fault) }
            if process == nil, clock.elapsed >= restartAt { start() }
            let next = stepProcess()
            if let until, clock.elapsed >= until { return verdict(isComplete: false) }
            if isFinished { return verdict(isComplete: true) }
            let drainedBy = disk.hasHadBadSectors ? Self.salvagedBy : samplingEnds + Self.drainWithin
            if clock.elapsed > drainedBy {
                var result = verdict(isComplete: false)
                let rest = process.map { $0.courier.outbox.undrained } ?? "no process"
                result.problem = "not drained by virtual time \(drainedBy): \(rest)"
                return result
            }
            let moment = max(next, clock.elapsed)
            stalled = moment == clock.elapsed ? stalled + 1 : 0
            guard stalled < 100_000 else {
                var result = verdict(isComplete: false)
                let overdue = process.map { $0.courier.overdue } ?? "no process"
                result.problem = "no progress at virtual time \(clock.elapsed); overdue: \(overdue)"
                return result
            }
            clock.advance(to: until.map { min(max($0, clock.elapsed), moment) } ?? moment)
        }
    }

    // MARK: Faults

    private func strike(_ fault: Fault) {
        trace.note("fault", "\(fault)")
        if fault.strike(clock: clock, disk: disk, broker: broker) { return }
        switch fault {
        case .noAcknowledge(let pick, let length):
            let device = BusDevice(bus: 1, address: pick % 2 == 0 ? 0x76 : 0x77)
            let until = clock.now() + length
            hardware.bus.trouble = { asked, now in
                asked.address == device.address && now < until ? .fault(.noAcknowledge) : nil
            }
        case .flippedBit(let pick):
            for sensor in site.sensors {
                if let device = sensor.settings.device {
                    hardware.bus.fail(device, with: .flippedBit(byte: Int(pick / 8 % 24), bit: Int(pick % 8)), times: 1)
                    break
                }
            }
        case .processCrash:
            guard process != nil else { return }
            endProcess()
            SimulatedWorld.endProcess(disk: disk, broker: broker)
            restartAt = clock.elapsed + .seconds(5)
        case .orderlyStop: beginStop()
        case .powerCut(let off):
            endProcess()
            notePowerCut()
            cutPower(off: off, clock: clock, disk: disk, broker: broker)
            restartAt = clock.elapsed + .seconds(2)
        default: invariantFailed("a fault that nobody carries out: \(fault)")
        }
    }
}
