// Outboxes made by the real agent: a node that ran without its broker until enough was on flash, and was killed. What
// is left is what a technician finds on the card.

import Glibc
import Testing

/// A node whose readings reach the flash within seconds, with nobody at its broker's address.
func isolatedSite(port: UInt16, id: String = "bench-1") -> String {
    """
    node: {id: \(id), city: test}
    board: simulated
    clock: trust-system
    broker: {url: "mqtt://127.0.0.1:\(port)"}
    outbox: {loss_window: 400ms, batch_age: 100ms, checkpoint: 1min}
    sensors:
      - {id: street, driver: simulated, quantity: temperature, seed: 1, every: 50ms}
      - {id: pm, driver: simulated, quantity: pm2_5, seed: 2, every: 50ms}

    """
}

/// The card of a node that died, and its configuration.
struct Card {
    let folder: Folder
    let config: String
    let state: String
    /// Lines of `outbox dump`, made when it died.
    let records: [String]

    /// `batches`: so many of readings are on flash at least. `isOrderly`: stopped, so that there is a checkpoint.
    init(batches: Int = 20, isOrderly: Bool = true, id: String = "bench-1") throws {
        folder = try Folder()
        config = try folder.write("site.yaml", isolatedSite(port: try BlackHole.freePort(), id: id))
        state = folder.path + "/state"
        let daemon = try Program(
            "cityedged", ["--config", config, "--runtime", folder.path + "/run", "--state", state])
        let deadline = milliseconds() + 30_000
        while try Self.stored(state) < batches {
            try #require(milliseconds() < deadline, "\(daemon.errorText)")
            daemon.read(within: 200) { _ in false }
        }
        daemon.signal(isOrderly ? SIGTERM : SIGKILL)
        try #require(daemon.wait() != nil)
        let dump = try run("cityedge", ["outbox", "dump", "--state", state])
        try #require(dump.end == .exited(0), "\(dump.errors)")
        records = dump.output.split(separator: "\n").map(String.init)
    }

    /// Batches of readings on flash.
    private static func stored(_ state: String) throws -> Int {
        let stats = try run("cityedge", ["outbox", "stats", "--json", "--state", state])
        guard let lane = stats.output.firstRange(of: "\"lane\":\"readings\"") else { return 0 }
        return member("batches", of: String(stats.output[lane.lowerBound...])).flatMap { Int($0) } ?? 0
    }

    /// Numbers of readings batches that were on the card when the node died, and that are on it now.
    var numbers: Set<Int> { Self.numbers(records) }
    var numbersNow: Set<Int> {
        let dump = try? run("cityedge", ["outbox", "dump", "--state", state])
        return Self.numbers(dump?.output.split(separator: "\n").map(String.init) ?? [])
    }

    private static func numbers(_ records: [String]) -> Set<Int> {
        Set(
            records.filter { $0.contains("\"lane\":\"readings\"") }
                .compactMap { member("seq", of: $0).flatMap { Int($0) } })
    }
    /// Readings on the card.
    var readings: Int { records.count { $0.contains("\"lane\":\"readings\"") } }
    var stream: String { records.first.flatMap { member("stream", of: $0) } ?? "" }

    var files: [String] { names(state) }
    var readingsFile: String { files.first { $0.contains("-readings-") } ?? "" }

    func bytes(_ name: String) -> [UInt8] { contents(state + "/" + name) }

    /// Overwrites a few bytes of a file on the card.
    func damage(_ name: String, at offset: Int, count: Int = 16) throws {
        let handle = try #require(fopen(state + "/" + name, "r+"))
        defer { fclose(handle) }
        try #require(fseek(handle, offset, SEEK_SET) == 0)
        let noise = [UInt8](repeating: 0xA5, count: count)
        try #require(fwrite(noise, 1, count, handle) == count)
    }

    func truncate(_ name: String, to bytes: Int) throws {
        try #require(Glibc.truncate(state + "/" + name, off_t(bytes)) == 0)
    }
}

/// Names in a folder, sorted.
func names(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Waits for what another process does to the files of a folder, by the kernel's word (inotify).
enum FolderWatch {
    /// Returns when `isDone` says so of the folder, or the time is over: what is expected then is the test's to say.
    static func await(
        _ folder: String, within limit: Int64 = 5_000, until isDone: (String) -> Bool
    ) throws {
        let descriptor = inotify_init1(Int32(O_CLOEXEC) | Int32(O_NONBLOCK))
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let events = UInt32(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
        try #require(inotify_add_watch(descriptor, folder, events) >= 0)
        let deadline = milliseconds() + limit
        var told = [UInt8](repeating: 0, count: 4_096)
        // Looked at after the watch stands, so that nothing happens unseen in between.
        while !isDone(folder) {
            let left = deadline - milliseconds()
            guard left > 0 else { return }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, Int32(left)) > 0 else { continue }
            while read(descriptor, &told, told.count) > 0 {}
        }
    }
}

func contents(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
}
