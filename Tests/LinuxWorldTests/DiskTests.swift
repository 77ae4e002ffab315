// The disk seam on real folders.

import Glibc
import Testing
import World

@testable import LinuxWorld

@Suite("The disk")
struct DiskTests {
    /// Waits for the next completion.
    private static func next(_ disk: inout BoardDisk, _ loop: inout EventLoop) -> DiskCompletion? {
        let limit = LinuxClock().now() + patience
        while true {
            if let completion = disk.nextCompletion() { return completion }
            guard LinuxClock().now() < limit else { return nil }
            loop.wait(until: limit)
        }
    }

    /// Carries the works out one after the other, and answers how each ended.
    private static func carryOut(_ works: [DiskWork], runtime: String, state: String) throws -> [String] {
        var disk = try BoardDisk(runtime: runtime, state: state, queueLimit: works.count)
        var loop = try EventLoop()
        try loop.watch(disk.descriptor)
        for (token, work) in works.enumerated() {
            let isTaken = disk.submit(DiskRequest(token: UInt64(token), work: work))
            #expect(isTaken)
        }
        var results: [String] = []
        for token in works.indices {
            let completion = try #require(next(&disk, &loop))
            #expect(completion.token == UInt64(token), "completions come in the order of the requests")
            results.append(text(completion.result))
        }
        return results
    }

    private static func text(_ result: DiskCompletion.Result) -> String {
        switch result {
        case .done: "done"
        case .bytes(let bytes): "bytes \(bytes)"
        case .entries(let entries, let free):
            "entries \(entries.map { "\($0.name) \($0.bytes)" })\(free > 0 ? "" : " and no space")"
        case .failed(let fault): "\(fault)"
        }
    }

    @Test("carries everything out, in the order it was asked for")
    func order() throws {
        let folder = try TemporaryFolder()
        let results = try Self.carryOut(
            [
                .write(file: "a", offset: 0, bytes: [1, 2, 3, 4]), .write(file: "a", offset: 2, bytes: [9]),
                .sync(file: "a"), .syncDirectory, .read(file: "a", offset: 1, count: 100),
                .truncate(file: "a", bytes: 2), .write(file: "b", offset: 3, bytes: []), .list,
                .remove(file: "b"), .read(file: "b", offset: 0, count: 1), .remove(file: "b"), .sync(file: "b"), .list,
            ], runtime: folder.path, state: folder.path)
        #expect(
            results == [
                "done", "done", "done", "done", "bytes [2, 9, 4]", "done", "done", #"entries ["a 2", "b 0"]"#, "done",
                "noSuchFile", "noSuchFile", "noSuchFile", #"entries ["a 2"]"#,
            ])
    }

    @Test("writes more files than it keeps open, and finds each again")
    func manyFiles() throws {
        let folder = try TemporaryFolder()
        let names = (10..<40).map { "segment-\($0)" }
        let writes = names.map { DiskWork.write(file: $0, offset: 0, bytes: Array($0.utf8)) }
        let reads = names.map { DiskWork.read(file: $0, offset: 0, count: 100) }
        let results = try Self.carryOut(writes + reads, runtime: folder.path, state: folder.path)
        #expect(Array(results[30...]) == names.map { "bytes \(Array($0.utf8))" })
    }

    @Test("one agent for each runtime folder: a second one is turned away, the next one is not")
    func oneUser() throws {
        let folder = try TemporaryFolder()
        func use() throws(SystemError) { _ = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 1) }
        do {
            var first = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 1)
            #expect(throws: SystemError.self) { try use() }
            let held = try first.runtimeList()
            #expect(held.isEmpty)
        }
        try use()
    }

    @Test("one agent for each state folder: a second one with a runtime folder of its own is turned away, too")
    func oneStateUser() throws {
        let state = try TemporaryFolder(), one = try TemporaryFolder(), two = try TemporaryFolder()
        func use(_ runtime: String) throws(SystemError) {
            _ = try BoardDisk(runtime: runtime, state: state.path, queueLimit: 1)
        }
        do {
            var first = try BoardDisk(runtime: one.path, state: state.path, queueLimit: 1)
            #expect(throws: SystemError.self) { try use(two.path) }
            let held = try first.runtimeList()
            #expect(held.isEmpty)
        }
        // Its Scribe goes a moment later than itself.
        try use(two.path)
    }

    @Test("takes no more than its queue's limit, and more after a completion")
    func queueLimit() throws {
        let folder = try TemporaryFolder()
        var disk = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 2)
        var loop = try EventLoop()
        try loop.watch(disk.descriptor)
        let taken = (0..<3).map { disk.submit(DiskRequest(token: $0, work: .list)) }
        #expect(taken == [true, true, false])
        _ = try #require(Self.next(&disk, &loop))
        let again = disk.submit(DiskRequest(token: 3, work: .list))
        #expect(again)
    }

    @Test("moves to another thread whole, and leaves without waiting for what it was asked")
    func moves() throws {
        let folder = try TemporaryFolder()
        let disk = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 4)
        let thread = try Thread.start(named: "Courier", with: disk) { (disk: consuming BoardDisk) in
            var disk = disk
            for token in 0..<4 { _ = disk.submit(DiskRequest(token: UInt64(token), work: .syncDirectory)) }
        }
        thread.join()
    }

    @Test("says that it is full, of either place")
    func full() throws {
        // /dev/full refuses every write with ENOSPC (full(4)).
        let folder = try TemporaryFolder(), other = try TemporaryFolder()
        var disk = try BoardDisk(runtime: "/dev", state: other.path, queueLimit: 1)
        let bytes: [UInt8] = [1]
        #expect(throws: DiskFault.full) { try bytes.withUnsafeBytes { try disk.runtimeWrite("full", at: 0, $0) } }
        let work = DiskWork.write(file: "full", offset: 0, bytes: bytes)
        #expect(try Self.carryOut([work], runtime: folder.path, state: "/dev") == ["full"])
    }

    @Test("says that it is read-only, and that a mapping finds no room", .enabled(if: Mount.isAllowed))
    func mounted() throws {
        let folder = try TemporaryFolder()
        let fixed = try Mount(folder.path, flags: UInt(MS_RDONLY), options: "size=64k")
        let work = DiskWork.write(file: "a", offset: 0, bytes: [1])
        #expect(try Self.carryOut([work], runtime: folder.path, state: folder.path) == ["readOnly"])
        _ = consume fixed
        let small = try Mount(folder.path, flags: 0, options: "size=64k")
        // In a scope of its own: the folder is open as long as the disk lives.
        func fill() throws {
            var disk = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 1)
            #expect(throws: DiskFault.full) { _ = try disk.map("ring", bytes: 1_048_576) }
            let fits = try disk.map("ring", bytes: 4_096)
            #expect(fits.count == 4_096)
        }
        try fill()
        _ = consume small
    }

    @Test("says that it may not write", .enabled(if: geteuid() != 0))
    func notPermitted() throws {
        let folder = try TemporaryFolder()
        chmod(folder.path, 0o500)
        defer { chmod(folder.path, 0o700) }
        let work = DiskWork.write(file: "a", offset: 0, bytes: [1])
        #expect(try Self.carryOut([work], runtime: folder.path, state: folder.path) == ["notPermitted"])
    }

    @Test("names the folder that is not there")
    func noFolder() throws {
        #expect(throws: SystemError(operation: "open", place: "/nonexistent/state", errno: ENOENT)) {
            _ = try BoardDisk(runtime: "/tmp", state: "/nonexistent/state", queueLimit: 1)
        }
    }

    @Test("a mapping keeps its bytes over a restart, and begins as zeros in another size")
    func mapping() throws {
        let folder = try TemporaryFolder()
        func map(_ bytes: Int) throws -> UnsafeMutableRawBufferPointer {
            var disk = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 1)
            return try disk.map("batch", bytes: bytes)
        }
        let first = try map(8_192)
        #expect(first.allSatisfy { $0 == 0 })
        first[8_191] = 42
        #expect(try map(8_192)[8_191] == 42)
        #expect(try map(4_096).allSatisfy { $0 == 0 })
    }

    @Test("writes, reads, lists and removes runtime files at once")
    func runtime() throws {
        let folder = try TemporaryFolder()
        var disk = try BoardDisk(runtime: folder.path, state: folder.path, queueLimit: 1)
        try [UInt8](1...5).withUnsafeBytes { try disk.runtimeWrite("meta", at: 1, $0) }
        #expect(try disk.runtimeList() == [FileEntry(name: "meta", bytes: 6)])
        var read = [UInt8](repeating: 255, count: 10)
        let count = try read.withUnsafeMutableBytes { try disk.runtimeRead("meta", at: 0, into: $0) }
        #expect(count == 6 && read[..<6] == [0, 1, 2, 3, 4, 5])
        try disk.runtimeRemove("meta")
        #expect(throws: DiskFault.noSuchFile) { try disk.runtimeRemove("meta") }
        #expect(try disk.runtimeList().isEmpty)
    }
}

/// A tmpfs over a folder, while it lives. Needs CAP_SYS_ADMIN.
struct Mount: ~Copyable {
    private let path: String

    init(_ path: String, flags: UInt, options: String) throws {
        try #require(mount("none", path, "tmpfs", flags, options) == 0)
        self.path = path
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    static let isAllowed: Bool = {
        guard let folder = try? TemporaryFolder(), mount("none", folder.path, "tmpfs", 0, "size=64k") == 0 else {
            return false
        }
        umount2(folder.path, Int32(MNT_DETACH))
        return true
    }()
}
