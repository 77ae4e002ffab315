// `cityedge outbox stats | verify | dump | salvage | size` on outboxes that the real agent made: in service, dead,
// damaged.

import Glibc
import Testing

@Suite("Outbox, looked at") struct OutboxReadingTests {
    private static func cityedge(_ arguments: [String]) throws -> (end: Program.End?, output: String, errors: String) {
        try run("cityedge", arguments)
    }

    private static func stats(_ arguments: [String]) throws -> String {
        let result = try run("cityedge", ["outbox", "stats", "--json"] + arguments)
        try #require(result.end == .exited(0), "\(result.errors)")
        return result.output
    }

    /// A number of the readings lane in the JSON of stats.
    private static func lane(_ name: String, _ json: String) -> Int? {
        guard let lane = json.firstRange(of: "\"lane\":\"readings\"") else { return nil }
        return member(name, of: String(json[lane.lowerBound...])).flatMap { Int($0) }
    }

    @Test("Of an agent in service stats counts both tiers once, the open batch, and what nobody acknowledged")
    func live() throws {
        let folder = try Folder()
        let config = try folder.write("site.yaml", isolatedSite(port: try BlackHole.freePort()))
        let run = folder.path + "/run", state = folder.path + "/state"
        let daemon = try Program("cityedged", ["--config", config, "--runtime", run, "--state", state])
        try #require(daemon.awaitError("what is taken meanwhile is kept"))
        var last = 0, looks = 0
        let deadline = milliseconds() + 30_000
        // As fast as it goes, while files grow under our eyes.
        while last < 60 {
            try #require(milliseconds() < deadline)
            let json = try Self.stats(["--state", state, "--runtime", run])
            looks += 1
            #expect(json.contains("\"live\":true") && json.contains("\"damaged\":false"), "\(json)")
            guard let now = Self.lane("last", json) else { continue }
            #expect(now >= last)
            #expect(Self.lane("batches", json) == now, "numbers begin at 1, and none is missing: \(json)")
            #expect(Self.lane("unacknowledged_batches", json) == now)
            last = now
        }
        #expect(looks > 3)
        let json = try Self.stats(["--state", state, "--runtime", run])
        #expect((Self.lane("flash_segments", json) ?? 0) > 0 && (Self.lane("memory_segments", json) ?? 0) > 0)
        #expect((Self.lane("oldest_unacknowledged_age_seconds", json) ?? 0) >= 2)
        let text = try Self.cityedge(["outbox", "stats", "--state", state, "--runtime", run])
        #expect(text.output.contains("in use by process \(daemon.processID)"))
        #expect(text.output.contains("open batch: "))
        let verify = try Self.cityedge(["outbox", "verify", "--state", state, "--runtime", run])
        #expect(verify.end == .exited(0), "\(verify.output)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == .exited(0))
        #expect(try Self.stats(["--state", state]).contains("\"live\":false"))
    }

    @Test("With a broker, stats sees in the cursors that everything was acknowledged",
        .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
    func acknowledged() throws {
        let folder = try Folder()
        let broker = try Broker(folder: folder)
        let witness = try Witness(port: broker.port)
        let config = try folder.write("site.yaml", isolatedSite(port: broker.port))
        let run = folder.path + "/run", state = folder.path + "/state"
        let daemon = try Program("cityedged", ["--config", config, "--runtime", run, "--state", state])
        try #require(witness.read { $0.batches.count > 20 }, "\(daemon.errorText)")
        let json = try Self.stats(["--state", state, "--runtime", run])
        let batches = try #require(Self.lane("batches", json))
        let left = try #require(Self.lane("unacknowledged_batches", json))
        #expect(batches >= 15)
        #expect(left <= 10, "only what was sealed a moment ago: \(json)")
    }

    @Test("A dead node's card: every reading is dumped once, as well-formed JSON, and verify finds nothing")
    func dead() throws {
        let card = try Card(isOrderly: false)
        let keys = card.records.map { record in
            ["stream", "lane", "seq", "utc", "n"].map { member($0, of: record) ?? "" }.joined(separator: " ")
        }
        #expect(card.readings >= 40)
        #expect(Set(keys).count >= card.readings)
        #expect(card.numbers == Set(1...(card.numbers.max() ?? 0)))
        if access("/usr/bin/python3", X_OK) == 0 {
            let json = try card.folder.write("dump.json", "[" + card.records.joined(separator: ",") + "]")
            #expect(try run("/usr/bin/python3", ["-m", "json.tool", json]).end == .exited(0))
            let stats = try card.folder.write("stats.json", try Self.stats(["--state", card.state]))
            #expect(try run("/usr/bin/python3", ["-m", "json.tool", stats]).end == .exited(0))
        }
        #expect(try run("cityedge", ["outbox", "verify", "--state", card.state]).end == .exited(0))
    }

    @Test("verify says which file is damaged, where, which numbers are lost, and what the agent does about it: 74")
    func damaged() throws {
        let card = try Card()
        let before = card.numbers
        try card.damage(card.readingsFile, at: card.bytes(card.readingsFile).count / 2)
        let result = try run("cityedge", ["outbox", "verify", "--state", card.state])
        #expect(result.end == .exited(74))
        let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix(card.readingsFile) })
        #expect(line.contains(" are damaged") && line.contains("of stream \(card.stream)"), "\(line)")
        #expect(line.contains("the agent delivers the rest and tells the loss by a tombstone"))
        // What it says is lost is what can no longer be dumped.
        let dump = try run("cityedge", ["outbox", "dump", "--state", card.state])
        let left = Set(
            dump.output.split(separator: "\n").filter { $0.contains("\"lane\":\"readings\"") }
                .compactMap { member("seq", of: String($0)).flatMap { Int($0) } })
        let lost = before.subtracting(left)
        let told = lost.min() == lost.max() ? "\(lost.min() ?? 0)" : "\(lost.min() ?? 0)-\(lost.max() ?? 0)"
        #expect(!lost.isEmpty)
        #expect(line.contains("lost: readings \(told) of"), "\(line)")
    }

    @Test("A torn tail is damage, and how much it held is told by the checkpoint")
    func torn() throws {
        let card = try Card()
        let last = card.numbers.max() ?? 0
        try card.truncate(card.readingsFile, to: card.bytes(card.readingsFile).count - 3)
        let result = try run("cityedge", ["outbox", "verify", "--state", card.state])
        #expect(result.end == .exited(74))
        #expect(result.output.contains("\(last) of stream \(card.stream)"), "\(result.output)")
    }

    @Test("A checkpoint with one torn slot is sound; with two it is damaged, and the batches are read all the same")
    func checkpoint() throws {
        let card = try Card()
        try #require(card.files.contains("checkpoint"))
        let slots = card.bytes("checkpoint")
        let used = slots.prefix(4_096).contains { $0 != 0 } ? 0 : 4_096
        try card.damage("checkpoint", at: 4_096 - used + 100)
        let one = try run("cityedge", ["outbox", "verify", "--state", card.state])
        #expect(one.end == .exited(0), "\(one.output)")
        #expect(one.output.contains("one of its two slots is torn"))
        try card.damage("checkpoint", at: used + 100)
        let both = try run("cityedge", ["outbox", "verify", "--state", card.state])
        #expect(both.end == .exited(74))
        #expect(both.output.contains("checkpoint: neither of its two slots can be read"))
        #expect(both.output.contains("batches can be read"))
    }

    // MARK: salvage

    @Test("Salvage saves every sound batch before and behind the damage, tells the rest, and leaves the source alone")
    func salvage() throws {
        let card = try Card(batches: 40)
        try card.damage(card.readingsFile, at: card.bytes(card.readingsFile).count / 3, count: 200)
        let files = card.files
        let before = files.map { card.bytes($0) }
        let damagedDump = try run("cityedge", ["outbox", "dump", "--state", card.state]).output
        let target = card.folder.path + "/saved"
        let result = try run("cityedge", ["outbox", "salvage", "--from", card.state, "--to", target])
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.contains("not saved: \(card.readingsFile): bytes "), "\(result.output)")
        #expect(files == card.files && before == files.map { card.bytes($0) }, "the source is as it was")
        let verify = try run("cityedge", ["outbox", "verify", "--state", target])
        #expect(verify.end == .exited(0), "\(verify.output)\(verify.errors)")
        let saved = try run("cityedge", ["outbox", "dump", "--state", target]).output.split(separator: "\n")
        let sound = damagedDump.split(separator: "\n")
        #expect(Set(sound).isSubset(of: Set(saved)))
        let more = saved.filter { !sound.contains($0) }
        #expect(more.count == 2, "the stream of the tombstone, and the tombstone: \(more)")
        #expect(more.contains { $0.contains("\"kind\":\"tombstone\",\"stream\":\"\(card.stream)\"") })
        #expect(names(target).contains("checkpoint"))
    }

    @Test("What salvage saved starts an agent, which goes on with it",
        .enabled(if: mosquittoPath != nil, "no mosquitto on this machine: sudo apt install mosquitto"))
    func salvagedStarts() throws {
        let card = try Card()
        try card.damage(card.readingsFile, at: card.bytes(card.readingsFile).count / 2)
        let target = card.folder.path + "/saved"
        try #require(
            try run("cityedge", ["outbox", "salvage", "--from", card.state, "--to", target]).end == .exited(0))
        let broker = try Broker(folder: card.folder)
        let witness = try Witness(port: broker.port)
        let config = try card.folder.write("again.yaml", isolatedSite(port: broker.port))
        let daemon = try Program(
            "cityedged", ["--config", config, "--runtime", card.folder.path + "/run2", "--state", target])
        let isTold = witness.read { seen in
            let numbers = Set(seen.batches.filter { $0.stream == card.stream }.map(\.number))
            let told = seen.texts("events").joined()
            return numbers.count > 1 && told.contains("\"tombstone\",\"stream\":\"\(card.stream)\"")
                && numbers.contains(card.numbers.max() ?? 0)
        }
        #expect(isTold, "\(daemon.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait() == .exited(0))
    }

    // MARK: mistakes

    @Test("A wrong folder is told with its path and what to do, and is 64", arguments: [
        ["stats", "--state", "/nonexistent"], ["verify", "--state", "/nonexistent"],
        ["dump", "--state", "/nonexistent"],
        ["salvage", "--from", "/nonexistent", "--to", "/tmp/cityedge-never"], ["stats", "--state", "FILE"],
        ["verify", "--state", "FILE"], ["verify", "--state", "EMPTY"], ["dump", "--state", "EMPTY"],
        ["salvage", "--from", "EMPTY", "--to", "/tmp/cityedge-never"],
        ["send", "--from", "EMPTY", "--config", "CONFIG"], ["send", "--from", "/nonexistent", "--config", "CONFIG"],
        ["send", "--from", "FILE", "--config", "CONFIG"],
    ])
    func wrongFolder(_ arguments: [String]) throws {
        let folder = try Folder()
        let empty = try folder.makeFolder("empty"), file = try folder.write("file", "no outbox")
        let config = try folder.write("site.yaml", isolatedSite(port: 1))
        let words = arguments.map { ["EMPTY": empty, "FILE": file, "CONFIG": config][$0] ?? $0 }
        let result = try run("cityedge", ["outbox"] + words)
        #expect(result.end == .exited(64), "\(result.output)\(result.errors)")
        #expect(result.errors.contains("expected"), "\(result.errors)")
        #expect(result.errors.contains("; "), "it says what to do: \(result.errors)")
    }

    @Test("A card's root is recognised, and its outbox named")
    func cardRoot() throws {
        let folder = try Folder()
        for part in ["var", "var/lib", "var/lib/cityedge"] { _ = try folder.makeFolder(part) }
        let result = try run("cityedge", ["outbox", "verify", "--state", folder.path])
        #expect(result.errors.contains("did you mean \(folder.path)/var/lib/cityedge?"), "\(result.errors)")
    }

    @Test("Salvage writes into no folder that holds anything")
    func notEmpty() throws {
        let card = try Card()
        let target = try card.folder.makeFolder("full")
        try card.folder.write("full/notes.txt", "mine")
        let result = try run("cityedge", ["outbox", "salvage", "--from", card.state, "--to", target])
        #expect(result.end == .exited(64))
        #expect(result.errors.contains("\(target): not empty; "))
        #expect(names(target) == ["notes.txt"])
        let same = try run("cityedge", ["outbox", "salvage", "--from", card.state, "--to", card.state])
        #expect(same.end == .exited(64))
    }

    @Test("size says readings a second of each sensor, bytes a reading and hours, for people and as JSON")
    func size() throws {
        let folder = try Folder()
        let config = try folder.write("site.yaml", isolatedSite(port: 1))
        let text = try run("cityedge", ["outbox", "size", "--config", config])
        #expect(text.end == .exited(0), "\(text.errors)")
        #expect(text.output.contains("street: 1 channel every 0.050 s: 20 readings/s"), "\(text.output)")
        #expect(text.output.contains("in all 40 readings/s, about "))
        #expect(text.output.contains("of outage at full resolution"))
        let json = try run("cityedge", ["outbox", "size", "--json", "--config", config]).output
        #expect(member("max_size_bytes", of: json) == "268435456")
        let hours = try #require(member("hours_at_full_resolution", of: json).flatMap { Double($0) })
        let bytes = try #require(json.split(separator: ",").compactMap { member("bytes_per_reading", of: String($0)) }
            .first.flatMap { Double($0) })
        #expect(abs(hours * 3_600 * 40 * bytes / 268_435_456 - 1) < 0.01, "both of one reckoning: \(json)")
        let told = try run("cityedge", ["validate", config]).output
        #expect(told.contains(text.output.split(separator: "\n").last?.split(separator: ":").last?
            .split(separator: ";").first.map { String($0.dropFirst()) } ?? "?"), "\(told)")
    }

    @Test("size needs no board: a configuration that leaves the board to be found is good on a laptop",
        .enabled(if: access("/proc/device-tree/compatible", R_OK) != 0, "this is a board"))
    func sizeOnLaptop() throws {
        let folder = try Folder()
        let text = isolatedSite(port: 1).replacing("board: simulated", with: "board: auto")
        let result = try run("cityedge", ["outbox", "size", "--config", try folder.write("site.yaml", text)])
        #expect(result.end == .exited(0), "\(result.errors)")
    }
}
