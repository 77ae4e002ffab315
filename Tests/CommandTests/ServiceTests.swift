// The daemon in service against a real broker: killed, stopped, without a broker, with one that says no.

import Glibc
import Testing

@Suite("Service", .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
struct ServiceTests {
    /// Starts the daemon on a configuration in the folder; what outlives it is there too.
    private static func daemon(_ folder: Folder, _ text: String) throws -> Program {
        let file = try folder.write("site.yaml", text)
        return try Program(
            "cityedged", ["--config", file, "--runtime", folder.path + "/run", "--state", folder.path + "/state"])
    }

    /// SIGTERM, and how long it took to be gone.
    private static func stop(_ daemon: Program) -> (end: Program.End?, took: Int64) {
        let begin = milliseconds()
        daemon.signal(SIGTERM)
        let end = daemon.wait(within: 20_000)
        return (end, milliseconds() - begin)
    }

    /// Sum of the amounts and the last total of the meter, in hundredths of a cubic metre, over each batch once.
    private static func water(_ witness: Witness) -> (amounts: Int, total: Int) {
        var seen: Set<String> = []
        var isNew = false
        var amounts = 0, total = 0
        for record in witness.records {
            if let number = member("seq", of: record) { isNew = seen.insert(number).inserted }
            guard isNew, let name = member("n", of: record), name.hasPrefix("water."),
                let value = member("v", of: record).flatMap(Double.init)
            else { continue }
            let steps = Int((value * 100).rounded())
            if name.hasPrefix("water.total") { total = max(total, steps) } else { amounts += steps }
        }
        return (amounts, total)
    }

    /// Numbers that have not come, up to the last that has.
    private static func missing(_ witness: Witness) -> [Int] {
        let numbers = Set(witness.batches.map(\.number))
        return Set(1...(numbers.max() ?? 1)).subtracting(numbers).sorted()
    }

    @Test("Killed again and again, with the broker away meanwhile: one stream, no number missing, no pulse lost")
    func killed() throws {
        let folder = try Folder()
        let broker = try Broker(folder: folder)
        let witness = try Witness(port: broker.port)
        let text = site(port: broker.port)
        for round in 0..<4 {
            let daemon = try Self.daemon(folder, text)
            let before = witness.batches.count
            if round == 2 {
                // Taken without a broker, killed without a broker: what is sealed waits in the runtime folder.
                broker.stop()
                try #require(daemon.awaitError("broker: "), "\(daemon.errorText)")
                daemon.read(within: 2_500) { _ in false }
                daemon.signal(SIGKILL)
                #expect(daemon.wait() == .killed(SIGKILL))
                try broker.start()
                continue
            }
            try #require(witness.read { $0.batches.count >= before + 3 }, "\(daemon.errorText)")
            daemon.signal(SIGKILL)
            #expect(daemon.wait() == .killed(SIGKILL))
            broker.listen()
        }
        let last = try Self.daemon(folder, text)
        let before = witness.batches.count
        // On a busy machine what waited for the broker has become history, which comes behind the live batches: an
        // order to stop before would leave it on flash.
        let isWhole = witness.read { $0.batches.count >= before + 3 && Self.missing($0).isEmpty }
        try #require(isWhole, "lost: \(Self.missing(witness)); \(last.errorText)")
        let (end, took) = Self.stop(last)
        #expect(end == .exited(0))
        #expect(took < 2_500)
        // What was acknowledged before the goodbye arrives within moments of it.
        try #require(witness.read { $0.texts("status").last?.contains("\"offline\"") == true })
        witness.read(within: 500) { _ in false }

        let batches = witness.batches
        #expect(Set(batches.map(\.stream)).count == 1, "one boot, one stream")
        #expect(Self.missing(witness).isEmpty, "no number is missing")
        let (amounts, total) = Self.water(witness)
        #expect(total > 0)
        #expect(amounts == total, "each pulse in one amount, and every amount delivered")
        #expect(!witness.texts("events").contains { $0.contains("tombstone") })
    }

    @Test("The broker goes and comes back under the daemon: one line each, and no number missing")
    func brokerRestarts() throws {
        let folder = try Folder()
        let broker = try Broker(folder: folder)
        let witness = try Witness(port: broker.port)
        let daemon = try Self.daemon(folder, site(port: broker.port))
        try #require(witness.read { $0.batches.count >= 2 }, "\(daemon.errorText)")
        broker.stop()
        try #require(daemon.awaitError("what is taken meanwhile is kept"))
        daemon.read(within: 1_500) { _ in false }
        try broker.start()
        try #require(daemon.awaitError("broker: back", within: 60_000), "\(daemon.errorText)")
        let before = witness.batches.count
        try #require(witness.read { $0.batches.count >= before + 4 })
        #expect(Self.stop(daemon).end == .exited(0))
        try #require(witness.read { $0.texts("status").last?.contains("\"offline\"") == true })
        let numbers = Set(witness.batches.map(\.number))
        #expect(numbers == Set(1...(numbers.max() ?? 0)))
        // The witness comes back a moment after the gateway does.
        let lines = daemon.errorLines.filter { $0.contains("broker: ") && !$0.contains("body subscribes") }
        #expect(lines.filter { $0.hasSuffix("broker: connected") }.count == 1)
        #expect(lines.filter { $0.hasSuffix("broker: back") }.count == 1)
        #expect(lines.count <= 4, "\(lines)")
    }

    @Test("SIGTERM ends it within 2 s while everything is well, and the city hears goodbye and the open windows")
    func stops() throws {
        let folder = try Folder()
        let broker = try Broker(folder: folder)
        let witness = try Witness(port: broker.port)
        let daemon = try Self.daemon(folder, site(port: broker.port))
        try #require(witness.read { $0.batches.count >= 3 }, "\(daemon.errorText)")
        let (end, took) = Self.stop(daemon)
        #expect(end == .exited(0))
        #expect(took < 2_500, "2 s, and the machine's own")
        try #require(witness.read { $0.texts("status").last?.contains("\"offline\"") == true })
        #expect(witness.texts("contributions").contains { $0.contains("\"final\":false") })
    }

    @Test("SIGTERM ends it within 2 s though nobody listens at the broker's address")
    func stopsUnreachable() throws {
        let folder = try Folder()
        let daemon = try Self.daemon(folder, site(port: try BlackHole.freePort()))
        try #require(daemon.awaitError("unreachable"), "\(daemon.errorText)")
        let (end, took) = Self.stop(daemon)
        #expect(end == .exited(0))
        #expect(took < 2_500)
    }

    @Test("SIGTERM ends it within 2 s while a broker that accepts the connection never answers")
    func stopsBlackHole() throws {
        let folder = try Folder()
        let hole = try BlackHole()
        let daemon = try Self.daemon(folder, site(port: hole.port))
        try #require(hole.hasVisitor())
        let (end, took) = Self.stop(daemon)
        #expect(end == .exited(0))
        #expect(took < 2_500)
    }

    @Test("SIGTERM in the middle of starting ends it as well")
    func stopsEarly() throws {
        let folder = try Folder()
        let daemon = try Self.daemon(folder, site(port: 1))
        daemon.signal(SIGTERM)
        let end = daemon.wait(within: 20_000)
        // Before the signals are blocked the system ends it; nothing has been taken by then.
        #expect(end == .exited(0) || end == .killed(SIGTERM))
    }

    // MARK: Brokers that cannot be had

    struct Trouble: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Lines of mosquitto.conf; nil: no broker at all.
        var broker: [String]?
        var scheme = "mqtt"
        var host = "127.0.0.1"
        /// What stands beside `url`; FOLDER is replaced.
        var more = ""
        /// Exactly one line says this, however often it is tried.
        var says: String
    }

    static let troubles = [
        Trouble(testDescription: "nobody listens", broker: nil, says: "unreachable: "),
        Trouble(
            testDescription: "the name does not resolve", broker: nil, host: "no-such-broker.invalid",
            says: "the broker's name does not resolve: no-such-broker.invalid"),
        Trouble(
            testDescription: "refused: no anonymous clients", broker: ["allow_anonymous false"],
            says: "refused the connection: "),
        Trouble(
            testDescription: "unauthorised: wrong password",
            broker: ["allow_anonymous false", "password_file FOLDER/passwords"],
            more: ", username: bench-1, password_file: FOLDER/password", says: "refused the connection: "),
        Trouble(
            testDescription: "a wrong CA",
            broker: ["allow_anonymous true", "certfile FOLDER/broker.pem", "keyfile FOLDER/broker.key"],
            scheme: "mqtts", more: ", ca: FOLDER/other.pem", says: "TLS: "),
    ]

    @Test("A broker that cannot be had is one line that says why; the daemon goes on and keeps what it takes",
        arguments: troubles)
    func troubled(_ trouble: Trouble) throws {
        let folder = try Folder()
        if trouble.scheme == "mqtts" {
            for name in ["broker", "other"] {
                let made = try run("/usr/bin/openssl", [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", folder.path + "/\(name).key", "-out", folder.path + "/\(name).pem",
                ])
                try #require(made.end == .exited(0), "\(made.errors)")
            }
        }
        // Nobody's password: PBKDF2 of an empty salt, as mosquitto_passwd(1) writes it.
        try folder.write("passwords", "someone:$7$101$AAAA$AAAA\n")
        try folder.write("password", "wrong\n")
        func placed(_ text: String) -> String { text.replacing("FOLDER", with: folder.path) }
        let broker = try trouble.broker.map { try Broker($0.map(placed), folder: folder) }
        let port = try broker?.port ?? BlackHole.freePort()
        let daemon = try Self.daemon(
            folder, site(port: port, scheme: trouble.scheme, host: trouble.host, more: placed(trouble.more)))
        try #require(daemon.awaitError(trouble.says), "\(daemon.errorText)")
        // Further attempts, a second apart to begin with, say nothing new.
        daemon.read(within: 3_000) { $0.end != nil }
        let lines = daemon.errorLines.filter { $0.contains("broker: ") }
        #expect(lines.count == 1, "\(daemon.errorText)")
        #expect(lines.first?.hasSuffix("what is taken meanwhile is kept") == true)
        let (end, took) = Self.stop(daemon)
        #expect(end == .exited(0), "it was running until then")
        #expect(took < 2_500)
    }

    @Test("A sensor whose hardware is absent is one line, and the daemon runs on")
    func absentSensor() throws {
        let folder = try Folder()
        let broker = try Broker(folder: folder)
        let witness = try Witness(port: broker.port)
        let daemon = try Self.daemon(
            folder,
            """
            node: {id: bench-1, city: test}
            board: raspberry-pi-5
            clock: trust-system
            broker: {url: "mqtt://127.0.0.1:\(broker.port)"}
            sensors:
              - {id: air, driver: bme280, bus: i2c3, every: 200ms}
              - {id: street, driver: simulated, quantity: temperature, seed: 1, every: 200ms}

            """)
        try #require(witness.read { $0.batches.count >= 4 }, "\(daemon.errorText)")
        #expect(Self.stop(daemon).end == .exited(0))
        #expect(daemon.errorLines.filter { $0.contains("sensor air: lost: not available") }.count == 1)
        #expect(daemon.errorLines.filter { $0.contains("sensor air") }.count == 1, "\(daemon.errorText)")
        #expect(witness.records.contains { member("n", of: $0) == "air.temperature/bad" })
        #expect(witness.records.contains { member("n", of: $0) == "street.temperature" })
    }
}
