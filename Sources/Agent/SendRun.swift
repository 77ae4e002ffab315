// The run of `outbox send`: one thread, a Courier that only carries, until everything is acknowledged or nothing moves
// any more.

import Gateway
import LinuxWorld
import Outbox
import SiteConfig
import World

struct SendOutcome {
    /// Nil: everything was acknowledged.
    var problem: String?
    var left = ""
    /// What the broker said of topics that nobody subscribes to.
    var unheard: [String] = []
    var acknowledged: UInt64 = 0
    var messages: UInt64 = 0
    var payloadBytes: UInt64 = 0
    var took = Duration.zero
}

struct SendRun {
    let site: Site
    let folders: Folders
    let clientID: String
    /// Batches that there are to send.
    let expected: UInt64
    let flashBytes: Int

    /// A broker that said why it cannot be had is tried this long; one that says nothing, as over a slow line, longer.
    private static let connectWithin = Duration.seconds(10)
    private static let answerWithin = Duration.seconds(60)
    /// Not one acknowledgement in so long, over however slow a line: it is no use.
    private static let moveWithin = Duration.seconds(30)
    private static let progressEvery = Duration.seconds(5)

    func run(_ signals: inout Signals) throws(Failure) -> SendOutcome {
        Limits.check()
        let clock = LinuxClock()
        var loop = try Self.failing(.software) { () throws(SystemError) in try EventLoop() }
        let broker = try Self.failing(.software) { () throws(SystemError) in
            try MosquittoBroker(incomingPacketLimit: Limits.incomingPacketBytes)
        }
        try Self.failing(.software) { () throws(SystemError) in
            try loop.watch(signals.descriptor)
            try loop.watch(broker.descriptor)
        }
        var courier = try makeCourier(clock, broker, &loop)
        return go(&courier, &loop, &signals, clock)
    }

    private func makeCourier(
        _ clock: LinuxClock, _ broker: consuming MosquittoBroker, _ loop: inout EventLoop
    ) throws(Failure) -> Courier<LinuxClock, BoardDisk, MosquittoBroker> {
        let boot = try Self.failing(.software) { () throws(SystemError) in try BootID.read() }
        let assembly = Assembly(site: site, boot: boot)
        var limits = assembly.outboxLimits
        // Nothing that the card holds is given up for want of room, and nothing is written to it while all goes well.
        limits.flashBytesMax = max(limits.flashBytesMax, flashBytes) + 64 << 20
        limits.lossWindow = .seconds(3_600)
        var plan = assembly.plan(password: try assembly.password(), reconnectLongest: .seconds(2), serial: nil)
        plan.carriesOnly = true
        plan.session.clientID = clientID
        plan.trustsSystemClock = true
        plan.checkpointEvery = .seconds(10)
        plan.historyBytesPerSecond = nil
        plan.historyBatchesPerSecond = nil
        var random = Random(seed: randomSeed())
        var outbox = try openOutbox(assembly, limits, &random)
        try Self.failing(.software) { () throws(SystemError) in try loop.watch(outbox.disk.descriptor) }
        let counters: UnsafeMutableRawBufferPointer
        do throws(DiskFault) { counters = try outbox.disk.map("counters", bytes: CounterPage.bytes) } catch {
            throw noRoom(error)
        }
        return Courier(
            clock: clock, plan: plan, outbox: outbox, broker: broker, random: random,
            readings: Ring<Reading>(capacity: Limits.ringReadings),
            notices: Ring<Gateway.Notice>(capacity: Limits.ringNotices), counters: CounterPage(memory: counters))
    }

    private func openOutbox(
        _ assembly: Assembly, _ limits: OutboxLimits, _ random: inout Random
    ) throws(Failure) -> Outbox<BoardDisk> {
        let disk = try Self.failing(.disk) { () throws(SystemError) in
            try BoardDisk(runtime: folders.runtime, state: folders.state, queueLimit: Limits.diskRequests)
        }
        do throws(DiskFault) {
            return try Outbox(
                disk: disk, limits: limits, dictionary: assembly.dictionary, boot: assembly.boot, random: &random)
        } catch { throw noRoom(error) }
    }

    private func noRoom(_ fault: DiskFault) -> Failure {
        Failure(
            .disk, "\(folders.runtime): \(systemReason(fault.number)); expected room for a few files; set TMPDIR to a "
                + "folder that you may write")
    }

    private static func failing<T: ~Copyable>(
        _ code: ExitCode, _ body: () throws(SystemError) -> T
    ) throws(Failure) -> T {
        do throws(SystemError) { return try body() } catch { throw Failure(code, "\(error)") }
    }

    private func go(
        _ courier: inout Courier<LinuxClock, BoardDisk, MosquittoBroker>, _ loop: inout EventLoop,
        _ signals: inout Signals, _ clock: LinuxClock
    ) -> SendOutcome {
        let begin = clock.now()
        var outcome = SendOutcome()
        var isEnding = false, wasOnline = false
        var lastTrouble = ""
        var movedAt = begin, progressAt = begin + Self.progressEvery
        while true {
            let next = courier.step()
            for line in courier.takeJournal() where !line.text.contains(" given up: ") {
                let text = line.text.split(separator: ";").first.map(String.init) ?? line.text
                if line.level == .warning || line.level == .error { lastTrouble = text }
                if text.hasPrefix("broker: ") { printError(text) }
                if text.contains("nobody subscribes to ") { outcome.unheard.append(text) }
            }
            let now = clock.now(), figures = courier.figures
            if figures.acknowledged != outcome.acknowledged || courier.isOnline && !wasOnline { movedAt = now }
            wasOnline = wasOnline || courier.isOnline
            outcome.acknowledged = figures.acknowledged
            if now >= progressAt, !isEnding {
                progressAt = now + Self.progressEvery
                printError(
                    "\(min(figures.acknowledged, expected)) of \(counted(expected, "batch")) acknowledged, "
                        + sizeText(Int(clamping: figures.payloadBytes)))
            }
            while let signal = signals.next() {
                if signal == .stop, !isEnding { outcome.problem = "stopped by a signal" }
            }
            if !isEnding {
                let isDone = courier.hasDeliveredAll()
                if !isDone, outcome.problem == nil {
                    outcome.problem = problem(now - begin, still: now - movedAt, wasOnline, lastTrouble)
                }
                if isDone { outcome.problem = nil }
                if isDone || outcome.problem != nil {
                    isEnding = true
                    if !isDone {
                        outcome.left =
                            figures.acknowledged == 0 ? "everything" : Self.shortened(courier.outbox.undrained)
                    }
                    courier.beginStop()
                    continue
                }
            }
            if courier.isStopped { break }
            loop.follow(courier.withBroker { $0.watch })
            loop.wait(until: min(next, now + .milliseconds(250)))
        }
        flushGoodbye(&courier, &loop, clock)
        let figures = courier.figures
        outcome.acknowledged = figures.acknowledged
        outcome.messages = figures.messages
        outcome.payloadBytes = figures.payloadBytes
        outcome.took = clock.now() - begin
        return outcome
    }

    private func problem(_ age: Duration, still: Duration, _ wasOnline: Bool, _ trouble: String) -> String? {
        if !wasOnline, age >= (trouble.isEmpty ? Self.answerWithin : Self.connectWithin) {
            return "\(site.broker.address.host):\(site.broker.address.port): "
                + (trouble.isEmpty ? "no answer" : trouble) + "; expected the broker; check --broker and the line"
        }
        guard wasOnline, still >= Self.moveWithin else { return nil }
        return "nothing was acknowledged for \(durationText(still))" + (trouble.isEmpty ? "" : ": \(trouble)")
            + "; expected a broker that takes messages of client \(clientID) below \(site.broker.topicRoot)"
    }

    /// DISCONNECT may still wait for the socket.
    private func flushGoodbye(
        _ courier: inout Courier<LinuxClock, BoardDisk, MosquittoBroker>, _ loop: inout EventLoop, _ clock: LinuxClock
    ) {
        let end = clock.now() + .milliseconds(200)
        while clock.now() < end, courier.withBroker({ _ = $0.nextEvent(); return $0.watch != nil }) {
            loop.follow(courier.withBroker { $0.watch })
            loop.wait(until: end)
        }
    }

    /// Names the first files that are left, and how many more.
    private static func shortened(_ undrained: String) -> String {
        // By a character: splitting by a text would link the engine of regular expressions, 1.7 MB of it.
        let parts = undrained.split(separator: "," as Character)
        return parts.prefix(5).joined(separator: ",")
            + (parts.count > 5 ? " and \(parts.count - 5) more" : "")
    }
}
