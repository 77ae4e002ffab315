// Running the gateway: the main thread is the Sampler, one more is the Courier; Scribe and Dialer are the world's
// workers.
//
// Start: signals blocked, outbox opened, Courier started (its first message leaves while the flash is still being
// looked through), then, once the checkpoint is read or two seconds have passed, the Sampler. Stop: the Sampler gives
// its last readings, the Courier seals, offers for a moment, spills the rest and says goodbye; after 1.9 s the process
// ends, whatever hangs.

import Gateway
import Glibc
import LinuxWorld
import Outbox
import SimulatedWorld
import SiteConfig
import Synchronization
import World

/// What the two threads share beside their rings.
final class SharedState: Sendable {
    let samplerPulse = Pulse()
    let courierPulse = Pulse()
    let counts = SamplerCounts()
    /// Of the Sampler of kernel attributes, where there is one.
    let kernelCounts = Mutex<SamplerCounts?>(nil)
    let isRecovered = Atomic<Bool>(false)
    let hasStopped = Atomic<Bool>(false)
    let counters = Mutex<[(key: UInt64, total: Int64)]>([])
    let figures = Mutex<CourierFigures>(CourierFigures())
}

public struct GatewayRun: ~Copyable {
    let site: Site
    let folders: Folders
    let journal: Journal
    /// How long an ended run goes on delivering what is left; a service leaves it to the next start.
    var drainAtMost = Duration.zero
    /// The longest back-off between attempts to reach the broker.
    var reconnectLongest = Duration.seconds(300)
    /// Called about four times a second on the main thread, for a command that shows what goes on; true ends the run.
    var observe: ((SamplerCounts, CourierFigures) -> Bool)?

    public init(site: Site, folders: Folders, journal: Journal = Journal()) {
        self.site = site
        self.folders = folders
        self.journal = journal
    }

    /// Runs until SIGTERM or SIGINT. Throws when it cannot start.
    public consuming func run() throws(Failure) {
        let site = site
        if site.board.isSimulated {
            let clock = LinuxClock()
            let simulated = try simulatedHardware(of: site, seed: 1) { clock.now() }
            try run(
                bus: simulated.bus, lines: simulated.lines, attributes: simulated.attributes, linesDescriptor: nil,
                nextChange: { simulated.lines.nextChange() })
        } else {
            let lines: GPIOLines
            do throws(SystemError) { lines = try GPIOLines(keptEdges: UInt32(Limits.edgesPerStep)) } catch {
                throw Failure(.software, "\(error)")
            }
            let descriptor = lines.descriptor
            try run(
                bus: I2CBuses(site.board.buses.map(\.attachment)), lines: lines, attributes: KernelAttributes(),
                linesDescriptor: descriptor, nextChange: { .distantFuture })
        }
    }

    /// `linesDescriptor` is readable when edges wait; without one, `nextChange` tells when to look.
    private consuming func run<B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>(
        bus: consuming B, lines: consuming L, attributes: consuming A, linesDescriptor: Int32?,
        nextChange: () -> Boottime
    ) throws(Failure) {
        Limits.check()
        shareOneMallocArena()
        var parts = try startingParts()
        let assembly = Assembly(site: site, boot: parts.boot)
        let programs = Programs(site, runtime: folders.runtime)
        var sensors = try assembly.installedSensors(programs)
        for index in sensors.indices { sensors[index].number = index }
        let password = try assembly.password()
        try folders.prepare()
        let shared = SharedState()
        let rings = try start(&parts, assembly, password: password, shared: shared)

        let mustStop = waitForRecovery(&parts, shared)
        // On a simulated board nothing blocks, and there is one thread to simulate it.
        let kernelSensors = site.board.isSimulated ? [] : sensors.filter(KernelSampler.takes)
        var sampler = Sampler(
            clock: parts.clock, bus: bus, lines: lines, attributes: attributes,
            sensors: kernelSensors.isEmpty ? sensors : sensors.filter { !KernelSampler.takes($0) },
            readings: rings.readings, notices: rings.notices, counters: rings.counters, counts: shared.counts,
            meters: rings.meters)
        sampler.trustsSystemClock = site.clock == .trustSystem
        let exact = rings.countersFound
        let kept = shared.counters.withLock { $0 }
        sampler.resumeCounters(
            exact: { id in exact.first { $0.key == Checkpoint.key(of: id) }?.checkpoint },
            afterPowerCut: { id in kept.first { $0.key == Checkpoint.key(of: id) }?.total },
            key: { Checkpoint.key(of: $0) }, isFlashSilent: !shared.isRecovered.load(ordering: .acquiring))
        if let descriptor = linesDescriptor { try? parts.loop.watch(descriptor) }
        let host = try programs.start()
        let kernel = try kernelSampler(kernelSensors, news: parts.loop.waker, shared)
        parts.notifier?.ready(status: "\(site.sensors.count) sensors, broker \(site.broker.address.host)")

        giveBackStartupCode()
        if !mustStop { sample(&sampler, &parts, shared, rings.courierWaker, kernel, nextChange: nextChange) }

        parts.notifier?.stopping()
        kernel?.stop()
        kernel?.deliver(to: &sampler)
        sampler.finish()
        rings.courierWaker.ring()
        host?.stop()
        let end = parts.clock.now() + .milliseconds(1_900) + drainAtMost
        while !shared.hasStopped.load(ordering: .acquiring), parts.clock.now() < end {
            if let observe {
                _ = observe(shared.counts, shared.figures.withLock { $0 })
                parts.loop.wait(until: parts.clock.now() + .milliseconds(250))
            } else {
                parts.loop.wait(until: end)
            }
        }
    }

    private func kernelSampler(
        _ sensors: [InstalledSensor], news: Waker, _ shared: SharedState
    ) throws(Failure) -> KernelSampler? {
        if sensors.isEmpty { return nil }
        let trusts = site.clock == .trustSystem
        let kernel = try Self.failing(.software) { () throws(SystemError) in
            try KernelSampler(sensors: sensors, trustsSystemClock: trusts, news: news)
        }
        shared.kernelCounts.withLock { $0 = kernel.counts }
        return kernel
    }

    /// What the main thread owns from the first moment.
    private struct Parts: ~Copyable {
        let clock = LinuxClock()
        var signals: Signals
        var loop: EventLoop
        var notifier: ServiceNotifier?
        let boot: BootID
        /// How often both threads must show that they live; half the watchdog's time, or a minute.
        let beatEvery: Duration
        let watchdogEvery: Duration?

        static func make() throws(SystemError) -> Parts {
            let boot = try BootID.read()
            let watchdogEvery = ServiceNotifier.watchdogInterval()
            // Signals before any thread: threads inherit the mask.
            return Parts(
                signals: try Signals(), loop: try EventLoop(), notifier: try ServiceNotifier.ofEnvironment(),
                boot: boot,
                beatEvery: watchdogEvery.map { .nanoseconds($0.nanoseconds / 2) } ?? .seconds(60),
                watchdogEvery: watchdogEvery)
        }

        mutating func watchSignals() throws(SystemError) { try loop.watch(signals.descriptor) }
    }

    /// The ways between the threads.
    private struct Rings {
        let readings: Ring<Reading>
        let notices: Ring<Gateway.Notice>
        let counters: CounterPage
        let meters: MeterPage
        let countersFound: [(key: UInt64, checkpoint: Int64)]
        let courierWaker: Waker
    }

    /// Opens disk, outbox and broker and starts the Courier's thread.
    private func start(
        _ parts: inout Parts, _ assembly: Assembly, password: String?, shared: SharedState
    ) throws(Failure) -> Rings {
        var outbox = try openOutbox(assembly, parts.boot)
        let memory = try mapShared(&outbox)
        let broker = try Self.failing(.software) { () throws(SystemError) in
            try MosquittoBroker(incomingPacketLimit: Limits.incomingPacketBytes)
        }
        var loop = try Self.failing(.software) { () throws(SystemError) in try EventLoop() }
        try Self.failing(.software) { () throws(SystemError) in
            try loop.watch(outbox.disk.descriptor)
            try loop.watch(broker.descriptor)
        }
        let rings = Rings(
            readings: Ring<Reading>(memory: memory.ring, capacity: Limits.ringReadings, tag: assembly.ringTag),
            notices: Ring<Gateway.Notice>(capacity: Limits.ringNotices), counters: CounterPage(memory: memory.counters),
            meters: MeterPage(memory: memory.meters),
            countersFound: CounterPage(memory: memory.counters).found, courierWaker: loop.waker)
        let courier = Courier(
            clock: parts.clock, plan: assembly.plan(
                password: password, reconnectLongest: reconnectLongest, serial: Self.boardSerialText),
            outbox: outbox, broker: broker, random: Random(seed: randomSeed()), readings: rings.readings,
            notices: rings.notices, counters: rings.counters)
        let thread = CourierThread(
            courier: courier, loop: loop, shared: shared, samplerWaker: parts.loop.waker,
            beatEvery: parts.beatEvery, journal: journal, drainAtMost: drainAtMost, faultText: faultText(shared),
            powerOffFile: folders.runtime + "/poweroff")
        try Self.launch(thread)
        return rings
    }

    /// What the journal says of a lost sensor: where it is, what was found, what to do.
    private func faultText(_ shared: SharedState) -> @Sendable (Int) -> String? {
        let places = site.sensors.map { String(place(of: $0, site.board).dropFirst("sensor \($0.id) ".utf8.count)) }
        return { index in
            let kernelFault = shared.kernelCounts.withLock { $0 }?.fault(ofSensor: index)
            return (shared.counts.fault(ofSensor: index) ?? kernelFault).map { "\(places[index]): \($0.text)" }
        }
    }

    private static var boardSerialText: String? {
        let serial = boardSerial()
        return serial.text.isEmpty ? nil : serial.text
    }

    private static func launch(_ thread: consuming sending CourierThread) throws(Failure) {
        do throws(SystemError) {
            _ = try Thread.start(named: "Courier", with: thread) { (thread: consuming CourierThread) in thread.run() }
        } catch { throw Failure(.software, "\(error)") }
    }

    private func openOutbox(_ assembly: Assembly, _ boot: BootID) throws(Failure) -> Outbox<BoardDisk> {
        let disk = try Self.failing(.disk) { () throws(SystemError) in
            try BoardDisk(runtime: folders.runtime, state: folders.state, queueLimit: Limits.diskRequests)
        }
        var random = Random(seed: randomSeed())
        do throws(DiskFault) {
            return try Outbox(
                disk: disk, limits: assembly.outboxLimits, dictionary: assembly.dictionary, boot: boot, random: &random)
        } catch { throw runtimeFailure(error) }
    }

    private struct SharedMemory {
        let ring: UnsafeMutableRawBufferPointer
        let counters: UnsafeMutableRawBufferPointer
        let meters: UnsafeMutableRawBufferPointer
    }

    /// After the outbox, which has emptied the folder if it was another boot's.
    private func mapShared(
        _ outbox: inout Outbox<BoardDisk>
    ) throws(Failure) -> SharedMemory {
        do throws(DiskFault) {
            return SharedMemory(
                ring: try outbox.disk.map("ring", bytes: Ring<Reading>.bytes(capacity: Limits.ringReadings)),
                counters: try outbox.disk.map(CounterPage.file, bytes: CounterPage.bytes),
                meters: try outbox.disk.map(MeterPage.file, bytes: MeterPage.bytes))
        } catch { throw runtimeFailure(error) }
    }

    private func runtimeFailure(_ fault: DiskFault) -> Failure {
        Failure(
            .disk,
            "runtime folder \(folders.runtime): \(systemReason(fault.number)); expected a writable tmpfs with room for "
                + "the outbox's memory tier; make room, or give --runtime FOLDER")
    }

    private func startingParts() throws(Failure) -> Parts {
        var parts = try Self.failing(.software) { () throws(SystemError) in try Parts.make() }
        try Self.failing(.software) { () throws(SystemError) in try parts.watchSignals() }
        return parts
    }

    /// The system refused something that it never refuses in order: said with its words.
    private static func failing<T: ~Copyable>(
        _ code: ExitCode, _ body: () throws(SystemError) -> T
    ) throws(Failure) -> T {
        do throws(SystemError) { return try body() } catch { throw Failure(code, "\(error)") }
    }

    /// Counters go on from the checkpoint, so the first measurement waits for it; a flash that does not answer in two
    /// seconds is not waited for. True when a signal said stop meanwhile.
    private func waitForRecovery(_ parts: inout Parts, _ shared: SharedState) -> Bool {
        let end = parts.clock.now() + Limits.recoveryWait
        while !shared.isRecovered.load(ordering: .acquiring), parts.clock.now() < end {
            parts.loop.wait(until: end)
            while let signal = parts.signals.next() {
                if signal == .stop { return true }
            }
        }
        return false
    }

    /// The main loop: samples until a signal or the observer says stop, and feeds the watchdog while both threads live.
    private func sample<B: Bus & ~Copyable, L: Lines & ~Copyable, A: Attributes & ~Copyable>(
        _ sampler: inout Sampler<LinuxClock, B, L, A>, _ parts: inout Parts, _ shared: SharedState, _ courier: Waker,
        _ kernel: KernelSampler?, nextChange: () -> Boottime
    ) {
        var lastBeats: (sampler: UInt64, courier: UInt64) = (0, 0)
        var watchdogAt = parts.clock.now()
        var observeAt = parts.clock.now()
        while true {
            var next = min(sampler.step(), nextChange())
            kernel?.deliver(to: &sampler)
            if sampler.takeNews() { courier.ring() }
            shared.samplerPulse.beat()
            while let signal = parts.signals.next() {
                if signal == .stop { return }
            }
            let now = parts.clock.now()
            if let every = parts.watchdogEvery {
                if now >= watchdogAt {
                    let beats = (sampler: shared.samplerPulse.count, courier: shared.courierPulse.count)
                    if beats.sampler != lastBeats.sampler, beats.courier != lastBeats.courier {
                        parts.notifier?.watchdog()
                    }
                    lastBeats = beats
                    watchdogAt = now + every
                }
                next = min(next, watchdogAt)
            }
            if let observe {
                if now >= observeAt {
                    if observe(shared.counts, shared.figures.withLock { $0 }) { return }
                    observeAt = now + .milliseconds(250)
                }
                next = min(next, observeAt)
            }
            parts.loop.wait(until: min(next, now + parts.beatEvery))
        }
    }
}

extension DiskFault {
    /// The nearest errno, to say it in the system's words.
    var number: Int32 {
        switch self {
        case .full: ENOSPC
        case .readOnly: EROFS
        case .noSuchFile: ENOENT
        case .notPermitted: EACCES
        case .failed(let errno): errno
        }
    }
}
