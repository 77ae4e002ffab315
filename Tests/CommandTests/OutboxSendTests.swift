// `cityedge outbox send` with cards that the real agent filled and a real broker: what the platform sees, what is left
// on the card, and what a tired person is told.

import Glibc
import Testing

@Suite(
    "Outbox, sent", .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
struct OutboxSendTests {
    private static func arguments(_ card: Card, _ broker: UInt16, _ more: [String] = []) -> [String] {
        ["outbox", "send", "--from", card.state, "--config", card.config, "--broker", "mqtt://127.0.0.1:\(broker)"]
            + more
    }

    /// Numbers of readings batches of a stream that have arrived.
    private static func numbers(_ witness: Witness, _ stream: String) -> Set<Int> {
        Set(witness.batches.filter { $0.stream == stream }.map(\.number))
    }

    /// Takes what the broker has for the witness, until all of it is there.
    private static func readAll(_ witness: Witness, _ numbers: Set<Int>, _ stream: String) {
        witness.read { Self.numbers($0, stream).isSuperset(of: numbers) }
        witness.read(within: 300) { _ in false }
    }

    @Test("A card arrives whole, as late history of its own node and stream, and is as it was")
    func whole() throws {
        let card = try Card(batches: 40)
        let before = card.files.map { card.bytes($0) }
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let result = try run("cityedge", Self.arguments(card, broker.port))
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.hasPrefix("everything was acknowledged: "), "\(result.output)")
        Self.readAll(witness, card.numbers, card.stream)

        #expect(Self.numbers(witness, card.stream) == card.numbers)
        #expect(witness.records.count == card.readings)
        #expect(witness.texts("readings").isEmpty, "all of it is late")
        // Nothing speaks for the node, whose place may have a replacement by now; nothing is of another stream.
        let kinds = Set(witness.messages.map { String($0.topic.split(separator: "/").last ?? "") })
        #expect(kinds.isSubset(of: ["history", "events", "contributions"]), "\(kinds)")
        #expect(witness.texts("contributions").allSatisfy { $0.contains("\"stream\":\"\(card.stream)\"") })
        #expect(witness.texts("events").allSatisfy { $0.contains("\"stream\":\"\(card.stream)\"") })
        #expect(witness.messages.allSatisfy { $0.topic.hasPrefix("cityedge/v1/test/bench-1/") })
        #expect(before == card.files.map { card.bytes($0) })
        broker.listen()
        #expect(result.errors.contains("client id bench-1-send"))
    }

    @Test("With --remove the card is emptied but for its checkpoint, and a second time there is nothing to send")
    func removing() throws {
        let card = try Card()
        let numbers = card.numbers, stream = card.stream
        try #require(card.files.contains("checkpoint"))
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let result = try run("cityedge", Self.arguments(card, broker.port, ["--remove"]))
        #expect(result.end == .exited(0), "\(result.errors)")
        Self.readAll(witness, numbers, stream)
        #expect(Self.numbers(witness, stream) == numbers)
        #expect(card.files == ["checkpoint"])
        let stats = try run("cityedge", ["outbox", "stats", "--json", "--state", card.state]).output
        #expect(stats.contains("\"stream\":\"\(stream)\",\"orderly\":true"), "the node's own checkpoint: \(stats)")

        let arrived = witness.messages.count
        let again = try run("cityedge", Self.arguments(card, broker.port, ["--remove"]))
        #expect(again.end == .exited(0), "\(again.errors)")
        #expect(again.output.contains("nothing to send"))
        witness.read(within: 500) { _ in false }
        #expect(witness.messages.count == arrived)
    }

    @Test("Of a damaged card the sound part arrives and a tombstone tells the rest: no number is missing")
    func damaged() throws {
        let card = try Card(batches: 40)
        let numbers = card.numbers, stream = card.stream, file = card.readingsFile
        try card.damage(file, at: card.bytes(file).count / 3, count: 300)
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let result = try run("cityedge", Self.arguments(card, broker.port, ["--remove"]))
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.errors.contains("\(file): bytes "), "\(result.errors)")
        try #require(witness.read { $0.texts("events").contains { $0.contains("tombstone") } }, "\(result.errors)")
        Self.readAll(witness, [numbers.max() ?? 0], stream)

        let items: [String] = witness.texts("events").joined().split(separator: "{").map { String($0) }
        // `channels` is an object of its own: what stands behind it is in the next piece.
        let tombstones = items.filter { $0.contains("\"kind\":\"tombstone\"") }
        var accounted = Self.numbers(witness, stream)
        for tombstone in tombstones {
            #expect(member("stream", of: tombstone) == stream)
            let first = try #require(member("first", of: tombstone).flatMap { Int($0) })
            let last = try #require(member("last", of: tombstone).flatMap { Int($0) })
            #expect(accounted.isDisjoint(with: first...last), "told as lost, and arrived")
            accounted.formUnion(first...last)
        }
        #expect(!tombstones.isEmpty && accounted.isSuperset(of: numbers), "missing: \(numbers.subtracting(accounted))")
        // The loss is told in a stream of the sender's own, which begins as every stream does.
        let own = try #require(witness.texts("events").first { $0.contains("tombstone") })
        #expect(member("stream", of: own) != stream && own.contains("\"kind\":\"stream\""), "\(own)")
        #expect(card.files == ["checkpoint"])
    }

    @Test("Stopped half-way, it names what is left; the next time only that is sent")
    func interrupted() throws {
        let card = try Card()
        let numbers = card.numbers, stream = card.stream
        let inner = try Folder()
        let root = "cityedge/v1/test/bench-1"
        try inner.write("acl", "topic readwrite \(root)/events\ntopic readwrite \(root)/contributions\n")
        let choosy = try Broker(["allow_anonymous true", "acl_file \(inner.path)/acl"], folder: inner)
        let program = try Program("cityedge", Self.arguments(card, choosy.port, ["--remove"]))
        try #require(program.awaitError("refuses history: not authorised"), "\(program.errorText)")
        // What is acknowledged leaves the card a moment after the cursor has moved.
        try FolderWatch.await(card.state) { !names($0).contains { $0.contains("\(stream)-events-") } }
        program.signal(SIGINT)
        #expect(program.wait() == .exited(69))
        #expect(program.errorText.contains("stopped by a signal"), "\(program.errorText)")
        #expect(program.errorText.contains("left: ") && program.errorText.contains(card.readingsFile))
        #expect(!card.files.contains { $0.contains("\(stream)-events-") }, "acknowledged, so removed: \(card.files)")
        #expect(card.numbersNow == numbers)

        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let result = try run("cityedge", Self.arguments(card, broker.port, ["--remove"]))
        #expect(result.end == .exited(0), "\(result.errors)")
        Self.readAll(witness, numbers, stream)
        #expect(Self.numbers(witness, stream) == numbers)
        #expect(card.files == ["checkpoint"])
        #expect(!witness.texts("events").contains { $0.contains("\"stream\":\"\(stream)\"") }, "not a second time")
    }

    @Test("A replacement of the node stays online in the city's eyes while the old card is sent")
    func replacement() throws {
        let card = try Card()
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let config = try card.folder.write("new.yaml", isolatedSite(port: broker.port))
        let daemon = try Program(
            "cityedged",
            ["--config", config, "--runtime", card.folder.path + "/run2", "--state", card.folder.path + "/state2"])
        try #require(witness.read { $0.batches.count > 3 }, "\(daemon.errorText)")
        let statuses = witness.texts("status").count, inventories = witness.texts("inventory").count
        let result = try run("cityedge", Self.arguments(card, broker.port))
        #expect(result.end == .exited(0), "\(result.errors)")
        Self.readAll(witness, card.numbers, card.stream)
        #expect(Self.numbers(witness, card.stream) == card.numbers)
        #expect(witness.texts("status").count == statuses, "neither its will nor a greeting")
        #expect(witness.texts("inventory").count == inventories)
        #expect(!daemon.errorText.contains("connection lost"), "\(daemon.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == .exited(0))
    }

    // MARK: mistakes

    @Test("Without a broker it gives up within seconds, says why, and has changed nothing: 69")
    func away() throws {
        let card = try Card()
        let before = card.files.map { card.bytes($0) }
        let begin = milliseconds()
        let result = try run("cityedge", Self.arguments(card, try BlackHole.freePort(), ["--remove"]))
        #expect(result.end == .exited(69))
        #expect(milliseconds() - begin < 20_000)
        #expect(result.errors.contains("Connection refused") && result.errors.contains("left: everything"))
        #expect(card.numbersNow == card.numbers)
        #expect(card.files.filter { $0.hasSuffix(".seg") }.count == before.count - 1)
    }

    @Test("Ctrl-C ends it at once though the broker never answers")
    func stopped() throws {
        let card = try Card()
        let hole = try BlackHole()
        let program = try Program("cityedge", Self.arguments(card, hole.port))
        try #require(hole.hasVisitor())
        let begin = milliseconds()
        program.signal(SIGINT)
        #expect(program.wait() == .exited(69))
        #expect(milliseconds() - begin < 2_500)
        #expect(program.errorText.contains("stopped by a signal"), "\(program.errorText)")
    }

    @Test("Another node's card is refused, unless it is said to be the same node under a new name")
    func otherNode() throws {
        let card = try Card()
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let other = try card.folder.write("other.yaml", isolatedSite(port: broker.port, id: "bench-2"))
        let words = ["outbox", "send", "--from", card.state, "--config", other]
        let refused = try run("cityedge", words)
        #expect(refused.end == .exited(64))
        #expect(refused.errors.contains("found the outbox of node test/bench-1; expected that of test/bench-2"))
        let renamed = try run("cityedge", words + ["--renamed"])
        #expect(renamed.end == .exited(0), "\(renamed.errors)")
        Self.readAll(witness, card.numbers, card.stream)
        #expect(witness.messages.allSatisfy { $0.topic.hasPrefix("cityedge/v1/test/bench-2/") })
    }

    @Test("The folder of an agent in service is refused, and an agent does not start on a card that is being sent",
        arguments: [[], ["--remove"]])
    func inService(_ more: [String]) throws {
        let folder = try Folder()
        let config = try folder.write("site.yaml", isolatedSite(port: try BlackHole.freePort()))
        let state = folder.path + "/state"
        let daemon = try Program(
            "cityedged", ["--config", config, "--runtime", folder.path + "/run", "--state", state])
        try #require(daemon.awaitError("what is taken meanwhile is kept"))
        let deadline = milliseconds() + 20_000
        while !names(state).contains(where: { $0.contains("-readings-") }) {
            try #require(milliseconds() < deadline)
            daemon.read(within: 100) { _ in false }
        }
        let result = try run("cityedge", ["outbox", "send", "--from", state, "--config", config] + more)
        #expect(result.end == .exited(64))
        #expect(result.errors.contains("in use by process \(daemon.processID)"), "\(result.errors)")
        // Another agent, with a runtime folder of its own, is no better.
        let second = try run(
            "cityedged", ["--config", config, "--runtime", folder.path + "/run2", "--state", state])
        #expect(second.end == .exited(74), "\(second.errors)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == .exited(0))
    }

    @Test("A broker's address that is none is told as such: 64")
    func badAddress() throws {
        let card = try Card()
        let result = try run(
            "cityedge",
            ["outbox", "send", "--from", card.state, "--config", card.config, "--broker", "broker.city.example"])
        #expect(result.end == .exited(64))
        #expect(result.errors.contains("--broker: found `url: broker.city.example`; expected mqtt://"))
    }
}
