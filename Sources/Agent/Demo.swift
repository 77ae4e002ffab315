// The demo: the real gateway on the simulated board against a real mosquitto of its own, through an outage, audited
// from the platform's side. Nothing outside its temporary folder and the loopback interface is touched.

import Gateway
import Glibc
import LinuxWorld
import SiteConfig
import Synchronization
import World

public struct DemoOptions: Sendable {
    public var seconds: Int64
    public var outageSeconds: Int64
    public var isJSON: Bool
    public init(seconds: Int64, outageSeconds: Int64, isJSON: Bool) {
        self.seconds = seconds
        self.outageSeconds = outageSeconds
        self.isJSON = isJSON
    }
}

public func runDemo(_ options: DemoOptions) throws(Failure) {
    guard let program = findProgram("mosquitto") else {
        throw Failure(.unavailable, "The demo needs an MQTT broker: install it with `sudo apt install mosquitto`.")
    }
    guard let config = Folders.shipped("config") else {
        throw Failure(
            .configuration, "the folder config/ with demo.yaml was not found; reinstall, or set CITYEDGE_DATA")
    }
    let folder = try TemporaryFolder()
    try Demo(options, program: program, config: config, folder: folder).run()
}

/// One line of JSON, the last that the demo prints.
private struct Outcome {
    var taken: Int
    var delivered: Int
    var duplicates: Int
    var tombstoned: Int
    var contributions: Int
    var lost: Int { max(0, taken - delivered - tombstoned) }
    var isRight: Bool { lost == 0 && taken == delivered + tombstoned }

    var json: String {
        "{\"taken\":\(taken),\"delivered\":\(delivered),\"duplicates\":\(duplicates),\"tombstoned\":\(tombstoned),"
            + "\"lost\":\(lost),\"contributions\":\(contributions)}"
    }
}

/// The demo's own broker, taken away and brought back. Used on the main thread only.
private final class DemoBroker {
    private let program: String
    private let folder: String
    let port: UInt16
    private var process: ChildProcess?

    init(program: String, folder: String) throws(SystemError) {
        self.program = program
        self.folder = folder
        port = try freeLoopbackPort()
        try makeDirectory(folder + "/broker")
        // Everything is kept, in unlimited queues, so that the audit judges the gateway and not the broker.
        try writeFile(
            folder + "/mosquitto.conf",
            """
            listener \(port) 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location \(folder)/broker/
            max_queued_messages 0
            max_queued_bytes 0
            max_inflight_messages 0
            user \(userName())
            log_type error
            log_type warning

            """)
    }

    var isThere: Bool { process != nil }

    func start() throws(SystemError) {
        process = try ChildProcess(program, ["-c", folder + "/mosquitto.conf"], outputTo: folder + "/mosquitto.log")
    }

    /// SIGTERM: it writes down what it holds. Collected at once or with the next call; never waited for while sampling.
    func stop(waitAtMost: Duration) {
        process?.signal(SIGTERM)
        if process?.wait(atMost: waitAtMost) != nil { process = nil }
    }

    /// True once the process that was asked to stop has gone.
    func isGone() -> Bool {
        if process?.wait(atMost: .zero) != nil { process = nil }
        return process == nil
    }
}

private struct Demo {
    let options: DemoOptions
    let program: String
    let config: String
    let folder: TemporaryFolder

    init(_ options: DemoOptions, program: String, config: String, folder: TemporaryFolder) {
        self.options = options
        self.program = program
        self.config = config
        self.folder = folder
    }

    func run() throws(Failure) {
        let broker: DemoBroker
        let subscriber: Subscriber
        let audit = SharedAudit()
        let loaded: LoadedSite
        do throws(SystemError) {
            broker = try DemoBroker(program: program, folder: folder.path)
            try makeDirectory(folder.path + "/conf.d")
            for name in ["demo.yaml", "air-quality.csv"] {
                try writeFile(folder.path + "/" + name, try readFile(config + "/" + name, limit: 8 << 20))
            }
            try writeFile(folder.path + "/conf.d/broker.yaml", "broker: {url: \"mqtt://127.0.0.1:\(broker.port)\"}\n")
            try broker.start()
        } catch { throw Failure(.software, "\(error)") }
        loaded = try loadSite(folder.path + "/demo.yaml")
        let root = loaded.site.broker.topicRoot
        do throws(SystemError) {
            subscriber = try Subscriber(
                to: loaded.site.broker.address, clientID: "demo-audit", filter: root + "/#"
            ) { message in audit.value.withLock { $0.take(message, root: root) } }
        } catch { throw Failure(.software, "\(error)") }
        let clock = LinuxClock()
        let ready = clock.now() + .seconds(10)
        while !subscriber.isReady {
            guard clock.now() < ready else {
                throw Failure(.unavailable, "mosquitto did not come up in 10 s; see its messages:\n" + brokerLog())
            }
            pause(milliseconds: 20)
        }
        try operate(loaded.site, broker, subscriber, audit, clock)
    }

    private func operate(
        _ site: Site, _ broker: DemoBroker, _ subscriber: Subscriber, _ audit: SharedAudit, _ clock: LinuxClock
    ) throws(Failure) {
        let begin = clock.now()
        let length = Duration.seconds(options.seconds)
        let outage = Duration.seconds(options.outageSeconds)
        let outageBegins = begin + .nanoseconds((length - outage).nanoseconds / 3)
        let outageEnds = outageBegins + outage
        var hasFailed: SystemError?
        var counts: SamplerCounts?
        var screen = DemoScreen(isShown: !options.isJSON, length: length, begin: begin)
        var run = GatewayRun(
            site: site, folders: Folders(runtime: folder.path + "/run", state: folder.path + "/state"),
            journal: Journal(isShown: false))
        run.drainAtMost = .seconds(60)
        run.reconnectLongest = .seconds(2)
        run.observe = { samplerCounts, figures in
            counts = samplerCounts
            let now = clock.now()
            if outage > .zero {
                if now >= outageBegins, now < outageEnds, broker.isThere { broker.stop(waitAtMost: .zero) }
                if now >= outageEnds, broker.isGone() {
                    do throws(SystemError) { try broker.start() } catch { hasFailed = error }
                }
            }
            let isAway = outage > .zero && now >= outageBegins && now < outageEnds
            screen.draw(now: now, isAway: isAway, counts: samplerCounts, audit: audit)
            return now - begin >= length || hasFailed != nil
        }
        try run.run()
        if let hasFailed { throw Failure(.unavailable, "mosquitto: \(hasFailed)") }
        let taken = Int(counts?.taken ?? 0)

        // Everything is acknowledged by the broker; the subscriber gets it within moments.
        let patience = clock.now() + .seconds(10)
        var seen = subscriber.messages
        var quietSince = clock.now()
        while clock.now() < patience {
            let (delivered, tombstoned) = audit.value.withLock { ($0.delivered, $0.tombstoned) }
            if subscriber.messages != seen {
                seen = subscriber.messages
                quietSince = clock.now()
            }
            // A moment longer than the last reading takes: contributions and duplicates count too.
            if delivered + tombstoned >= taken, clock.now() - quietSince > .milliseconds(300) { break }
            pause(milliseconds: 20)
        }
        subscriber.stop()
        while !subscriber.isStopped { pause(milliseconds: 5) }
        broker.stop(waitAtMost: .seconds(5))
        report(audit, taken: taken, screen: &screen)
        guard outcome(audit, taken: taken).isRight else { throw Failure(.software, problems(audit)) }
    }

    private func outcome(_ audit: SharedAudit, taken: Int) -> Outcome {
        audit.value.withLock { audit in
            Outcome(
                taken: taken, delivered: audit.delivered, duplicates: audit.duplicates, tombstoned: audit.tombstoned,
                contributions: audit.contributions)
        }
    }

    private func problems(_ audit: SharedAudit) -> String {
        audit.value.withLock { audit in
            let unreadable = audit.unreadable.first.map { "; first unreadable message: \($0)" } ?? ""
            return "the audit does not add up: \(audit.gaps) numbers missing\(unreadable)"
        }
    }

    private func report(_ audit: SharedAudit, taken: Int, screen: inout DemoScreen) {
        let outcome = outcome(audit, taken: taken)
        if options.isJSON {
            printLine(outcome.json)
            return
        }
        screen.finish()
        let (live, late, gaps) = audit.value.withLock { ($0.live, $0.late, $0.gaps) }
        printLine("")
        printLine("  Readings taken by the gateway     \(outcome.taken)")
        printLine("  received by the audit, live       \(live)")
        printLine("  received by the audit, late       \(late)")
        printLine("  given up and told by a tombstone  \(outcome.tombstoned)")
        printLine("  received twice                    \(outcome.duplicates)")
        printLine("  numbers missing                   \(gaps)")
        printLine("  KPI contributions                 \(outcome.contributions)")
        printLine("  LOST                              \(outcome.lost)")
        printLine("")
        printLine(outcome.isRight ? "  Every reading is accounted for." : "  The audit does not add up.")
    }

    private func brokerLog() -> String {
        guard let bytes = try? readFile(folder.path + "/mosquitto.log", limit: 64 << 10) else { return "(none)" }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The audit, written by the subscriber's thread and read by the main one.
final class SharedAudit: Sendable {
    let value = Mutex(Audit())
}

/// Started by root, mosquitto would become another user (mosquitto.conf(5), user) and could not write into our folder.
private func userName() -> String {
    guard let entry = getpwuid(geteuid()) else { return "root" }
    return String(cString: entry.pointee.pw_name)
}

func findProgram(_ name: String) -> String? {
    // Debian keeps mosquitto in /usr/sbin, which is not in everybody's PATH.
    let folders = (environment("PATH") ?? "").split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
    return folders.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
}

/// Waits without doing anything; for commands, never for the gateway.
func pause(milliseconds: Int32) { _ = poll(nil, 0, milliseconds) }
