// `cityedge simulate`: the same Sampler and Courier as in service, on one thread, in a world made of a seed: virtual
// time, chips at register level, a flash that loses what was not synced, a broker that goes away, loses and delays
// acknowledgements; crashes of the process and of the power. The same seed gives the same trace, byte for byte.
//
// After the faults have ended everything must drain, and the books must balance: per stream, what the Sampler took is
// what the broker received plus what tombstones account for. After a power cut the difference may be what the loss
// window admits.

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

/// The site that is simulated: every kind of driver, both KPIs, a clock that settles late.
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
    private typealias Sampling = Sampler<SimulatedClock, SimulatedBus, SimulatedLines, SimulatedAttributes>
    private typealias Couriering = Courier<SimulatedClock, SimulatedDisk.Handle, SimulatedBroker.Client>

    /// What a process owns.
    private final class Process {
        var sampler: Sampling?
        var courier: Couriering
        let readings: Ring<Reading>
        let notices: Ring<Gateway.Notice>
        let counters: CounterPage
        let counts = SamplerCounts()
        let startedAt: Boottime

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

    /// What was taken in one stream, and when its power cut allows losses.
    private struct StreamTruth {
        var taken = 0
        /// Acquisition times of readings young enough to be lost in a power cut.
        var recent: [Boottime] = []
        var mayLose = 0
        var isExcused = false
    }

    public let trace: Trace
    private let site: Site
    private let seed: UInt64
    private let clock: SimulatedClock
    private let disk: SimulatedDisk
    private let broker: SimulatedBroker
    private let hardware: SimulatedSite
    private var plan: FaultPlan
    private var process: Process?
    private var restartAt = VirtualTime.zero
    private var starts: UInt64 = 0
    private var truth: [String: StreamTruth] = [:]
    /// What the process that ended last had not on flash for certain.
    private var exposed: (stream: String, readings: Int)?
    private var diskTroubleUntil = VirtualTime.zero
    private var samplingEnds: VirtualTime

    private static let quietFrom = VirtualTime(nanoseconds: 240 * 1_000_000_000)
    /// Sampling goes on a little in peace; then everything has to drain within ten minutes.
    private static let samplingEndsAt = VirtualTime(nanoseconds: 300 * 1_000_000_000)
    private static let drainedBy = VirtualTime(nanoseconds: 1_500 * 1_000_000_000)

    public init(site: Site, seed: UInt64, print: ((String) -> Void)? = nil) throws(Failure) {
        self.site = site
        self.seed = seed
        let clock = SimulatedClock(seed: seed)
        self.clock = clock
        trace = Trace(clock: clock, print: print)
        disk = SimulatedDisk(clock: clock, seed: seed, trace: trace)
        broker = SimulatedBroker(clock: clock, seed: seed, trace: trace)
        hardware = try simulatedHardware(of: site, seed: seed) { clock.now() }
        plan = FaultPlan(seed: seed, quietFrom: Self.quietFrom)
        samplingEnds = Self.samplingEndsAt
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
            if clock.elapsed > Self.drainedBy {
                var result = verdict(isComplete: false)
                let rest = process.map { $0.courier.outbox.undrained } ?? "no process"
                result.problem = "not drained by virtual time \(Self.drainedBy): \(rest)"
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
        switch fault {
        case .diskFull, .diskReadOnly, .syncFails: diskTroubleUntil = .distantFuture
        case .syncHangs(let length): diskTroubleUntil = max(diskTroubleUntil, clock.elapsed + length + .seconds(60))
        case .diskFreed, .diskWritable, .quiet:
            // A failed flash is tried again within a minute.
            diskTroubleUntil = clock.elapsed + .seconds(90)
        default: break
        }
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
            endProcess(powerCut: false)
            SimulatedWorld.endProcess(disk: disk, broker: broker)
            restartAt = clock.elapsed + .seconds(5)
        case .powerCut(let off):
            endProcess(powerCut: true)
            cutPower(off: off, clock: clock, disk: disk, broker: broker)
            restartAt = clock.elapsed + .seconds(2)
        default: invariantFailed("a fault that nobody carries out: \(fault)")
        }
    }

    /// Counts what the process took before it is dropped.
    private func endProcess(powerCut: Bool) {
        if process != nil {
            let stream = process!.courier.outbox.stream.description
            noteTaken(stream)
            // The window is kept by age from acquisition; one batch may be in the ring and the open batch besides.
            let edge = clock.now() - site.outbox.lossWindow - .seconds(1)
            exposed = (stream, truth[stream]?.recent.count { $0 >= edge } ?? 0)
            process = nil
            hardware.lines.releaseAll()
        }
        // A power cut that finds the process dead takes what it had no time to spill.
        guard powerCut, let (stream, count) = exposed else { return }
        exposed = nil
        truth[stream]?.mayLose += count
        if clock.elapsed < diskTroubleUntil { truth[stream]?.isExcused = true }
    }

    // MARK: The process

    private func start() {
        starts += 1
        var random = Random(seed: seed, purpose: "process \(starts)")
        guard let boot = BootID(text: clock.bootID) else { invariantFailed("boot id \(clock.bootID)") }
        let assembly = Assembly(site: site, boot: boot)
        do {
            var outbox = try Outbox(
                disk: disk.handle(), limits: assembly.outboxLimits, dictionary: assembly.dictionary, boot: boot,
                random: &random)
            let readings = Ring<Reading>(
                memory: try outbox.disk.map("ring", bytes: Ring<Reading>.bytes(capacity: Limits.ringReadings)),
                capacity: Limits.ringReadings, tag: assembly.ringTag)
            let counters = CounterPage(memory: try outbox.disk.map("counters", bytes: CounterPage.bytes))
            let notices = Ring<Gateway.Notice>(capacity: Limits.ringNotices)
            trace.note("node", "starts, stream \(outbox.stream)")
            let courier = Courier(
                clock: clock, plan: assembly.plan(password: nil, reconnectLongest: .seconds(20), serial: nil),
                outbox: outbox, broker: broker.client(), random: random, readings: readings, notices: notices,
                counters: counters)
            process = Process(
                courier: courier, readings: readings, notices: notices, counters: counters, startedAt: clock.now())
        } catch {
            trace.note("node", "cannot start: \(error)")
            restartAt = clock.elapsed + .seconds(5)
        }
    }

    /// Steps what runs; returns when something is due next.
    private func stepProcess() -> VirtualTime {
        var next = plan.nextDeadline ?? .distantFuture
        guard process != nil else { return min(next, max(restartAt, clock.elapsed)) }
        if process!.sampler == nil { startSampling() }
        if process!.sampler != nil {
            if clock.elapsed >= samplingEnds {
                if !process!.counts.isFinished {
                    process!.sampler!.finish()
                    process!.courier.sealWhatIsLeft(taken: process!.counts.takenByChannel)
                }
            } else {
                next = min(next, clock.virtualTime(of: process!.sampler!.step()), hardwareDeadline())
            }
        }
        let deadline = process!.courier.step()
        for line in process!.courier.takeJournal() { trace.note("journal", line.text) }
        noteRecent()
        next = min(next, deadline == .distantFuture ? .distantFuture : clock.virtualTime(of: deadline))
        if let due = disk.nextDeadline { next = min(next, due) }
        if let due = broker.nextDeadline { next = min(next, due) }
        return next
    }

    private func hardwareDeadline() -> VirtualTime {
        let change = hardware.lines.nextChange()
        return change == .distantFuture ? .distantFuture : clock.virtualTime(of: change)
    }

    private func startSampling() {
        let isRecovered = process!.courier.isRecovered
        let age = clock.now() - process!.startedAt
        guard isRecovered || age >= Limits.recoveryWait else { return }
        guard let sensors = try? Assembly(site: site, boot: BootID(high: 0, low: 0)).installedSensors() else {
            invariantFailed("the simulated site's sensors were made before")
        }
        let found = process!.counters.found
        let kept = process!.courier.recoveredCounters
        var sampler = Sampler(
            clock: clock, bus: hardware.bus, lines: hardware.lines, attributes: hardware.attributes, sensors: sensors,
            readings: process!.readings, notices: process!.notices, counters: process!.counters, counts: process!.counts
        )
        sampler.resumeCounters(
            exact: { id in found.first { $0.key == Checkpoint.key(of: id) }?.checkpoint },
            afterPowerCut: { id in kept.first { $0.key == Checkpoint.key(of: id) }?.total },
            key: { Checkpoint.key(of: $0) })
        process!.sampler = consume sampler
    }

    // MARK: The books

    private var lastTaken = 0

    /// Remembers when readings were taken as long as a power cut could take them.
    private func noteRecent() {
        guard process != nil else { return }
        let taken = Int(process!.counts.taken)
        let stream = process!.courier.outbox.stream.description
        var record = truth[stream] ?? StreamTruth()
        if taken > lastTaken { record.recent += Array(repeating: clock.now(), count: taken - lastTaken) }
        lastTaken = taken
        let edge = clock.now() - site.outbox.lossWindow - .seconds(5)
        if let first = record.recent.first, first < edge { record.recent.removeAll { $0 < edge } }
        truth[stream] = record
    }

    private func noteTaken(_ stream: String) {
        noteRecent()
        truth[stream, default: StreamTruth()].taken += lastTaken
        lastTaken = 0
    }

    private var isFinished: Bool {
        guard process != nil, clock.elapsed >= samplingEnds else { return false }
        guard process!.counts.isFinished else { return false }
        return process!.courier.isDrained
    }

    private func verdict(isComplete: Bool) -> SimulationVerdict {
        if process != nil { noteTaken(process!.courier.outbox.stream.description) }
        var audit = Audit()
        for message in broker.received {
            audit.take(
                BrokerMessage(topic: message.topic, payload: message.payload, isRetained: false),
                root: site.broker.topicRoot)
        }
        var result = SimulationVerdict()
        result.delivered = audit.delivered
        result.duplicates = audit.duplicates
        result.tombstoned = audit.tombstoned
        result.contributions = audit.contributions
        result.streams = truth.count
        for stream in truth.keys.sorted() {
            guard let record = truth[stream] else { continue }
            result.taken += record.taken
            let missing = record.taken - audit.delivered(of: stream) - audit.tombstoned(of: stream)
            trace.note(
                "books",
                "stream \(stream): taken \(record.taken), delivered \(audit.delivered(of: stream)), tombstoned "
                    + "\(audit.tombstoned(of: stream)), may have lost \(record.mayLose)")
            guard isComplete else { continue }
            if missing < 0 {
                result.problem = "stream \(stream): \(-missing) readings too many were delivered or tombstoned"
            } else if missing > record.mayLose, !record.isExcused {
                result.problem = "stream \(stream): \(missing) readings are missing, at most \(record.mayLose) may be"
            } else {
                result.lostInPowerCuts += missing
            }
        }
        if isComplete, result.problem == nil { result.problem = kpiProblem(audit, result) }
        if let unreadable = audit.unreadable.first { result.problem = "a message against the contract: \(unreadable)" }
        return result
    }

    /// Water is counted twice, as readings and as contributions: without a power cut both say the same, to the pulse.
    private func kpiProblem(_ audit: Audit, _ result: SimulationVerdict) -> String? {
        guard let water = Indicator.named("en-en-ws-2c"), result.contributions > 0 else { return nil }
        let told = audit.sumsInMillionths["water.volume"] ?? 0
        let counted = Int64(clamping: audit.contributionSet.total(water).millilitres)
        trace.note("books", "water: readings tell \(told) ml, contributions \(counted) ml")
        if result.streams == 1, told != counted {
            return "water: readings tell \(told) ml, contributions \(counted) ml"
        }
        // A power cut may take readings whose share of a contribution was delivered before.
        guard counted > told, result.lostInPowerCuts == 0 else { return nil }
        return "water: contributions tell more (\(counted) ml) than readings (\(told) ml)"
    }
}
