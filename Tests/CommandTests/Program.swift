// The built programs as processes: started beside the test bundle, read through pipes, ended for certain. All waiting
// is for an event, bounded by a limit that only a failing test reaches.

import Glibc
import Testing

/// Milliseconds on the monotonic clock.
func milliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}

/// Where the build puts programs and tests.
let products: String = {
    var target = [UInt8](repeating: 0, count: 4_096)
    for candidate in CommandLine.arguments + ["/proc/self/exe"] {
        let count = target.withUnsafeMutableBytes { buffer in
            readlink(candidate, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        let file = count > 0 ? String(decoding: target[..<count], as: UTF8.self) : candidate
        guard let slash = file.lastIndex(of: "/") else { continue }
        if access(file[..<slash] + "/cityedged", X_OK) == 0 { return String(file[..<slash]) }
    }
    return ""
}()

/// The repository, from the place of this file: Tests/CommandTests/Program.swift.
let repository: String = {
    var path = #filePath[...]
    for _ in 0..<3 { path = path[..<path.lastIndex(of: "/")!] }
    return String(path)
}()

/// pthread's, usable from a synchronous initialiser.
final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    init() { pthread_mutex_init(mutex, nil) }
    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
}

final class Program {
    enum End: Equatable { case exited(Int32), killed(Int32) }
    enum Stream { case output, errors }

    let processID: pid_t
    private var pipes: [(stream: Stream, descriptor: Int32)]
    private(set) var output: [UInt8] = []
    private(set) var errors: [UInt8] = []
    private(set) var end: End?

    var outputText: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
    var errorLines: [String] { errorText.split(separator: "\n").map(String.init) }

    private static let starting = Lock()

    /// `name` without a slash is one of ours. Nothing of our environment is handed on.
    init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let path = name.contains("/") ? name : products + "/" + name
        try #require(access(path, X_OK) == 0, "\(path) has not been built")
        // One at a time: between making a pipe and closing our copy of its writing end, no other child may inherit it.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let output = try Self.pipe(), errors = try Self.pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writing, 2)

        var words = ([path] + arguments).map { strdup($0) } as [UnsafeMutablePointer<CChar>?]
        words.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = []
        let ours = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        for text in ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + ours { variables.append(strdup(text)) }
        variables.append(nil)
        defer { for word in words + variables { free(word) } }
        var child = pid_t()
        let answer = posix_spawn(&child, path, &actions, nil, words, variables)
        close(output.writing)
        close(errors.writing)
        pipes = [(.output, output.reading), (.errors, errors.reading)]
        processID = child
        try #require(answer == 0, "\(path): \(String(cString: strerror(answer)))")
    }

    deinit {
        if end == nil {
            kill(processID, SIGKILL)
            waitpid(processID, nil, 0)
        }
        for (_, descriptor) in pipes { close(descriptor) }
    }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        return (ends[0], ends[1])
    }

    func signal(_ number: Int32) { if end == nil { kill(processID, number) } }

    /// Reads what comes until `isDone` says so, both pipes are closed, or the time is over; false in the last case.
    @discardableResult
    func read(within limit: Int64 = 30_000, until isDone: (Program) -> Bool) -> Bool {
        let deadline = milliseconds() + limit
        while !isDone(self) {
            guard !pipes.isEmpty else { return isDone(self) }
            let left = deadline - milliseconds()
            guard left > 0 else { return false }
            var watched = pipes.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&watched, nfds_t(watched.count), Int32(left)) > 0 else { continue }
            for (entry, (stream, descriptor)) in zip(watched, pipes) where entry.revents != 0 {
                var chunk = [UInt8](repeating: 0, count: 1 << 16)
                let count = Glibc.read(descriptor, &chunk, chunk.count)
                if count > 0 {
                    if stream == .output { output += chunk[..<count] } else { errors += chunk[..<count] }
                } else if count == 0 {
                    close(descriptor)
                    pipes.removeAll { $0.descriptor == descriptor }
                }
            }
        }
        return true
    }

    /// Waits for the end of the program; nil when it is still running after the time. What it wrote is complete then.
    func wait(within limit: Int64 = 30_000) -> End? {
        if let end { return end }
        guard read(within: limit, until: { $0.pipes.isEmpty }) else { return nil }
        // It has closed its output, so it is about to be gone.
        var status: Int32 = 0
        guard waitpid(processID, &status, 0) == processID else { return nil }
        let signal = status & 0x7F
        end = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
        return end
    }

    /// Waits for a line on standard error that contains the text.
    func awaitError(_ text: String, within limit: Int64 = 30_000) -> Bool {
        read(within: limit) { $0.errorText.contains(text) }
    }
}

/// Runs one of our programs to its end.
@discardableResult
func run(
    _ name: String, _ arguments: [String], within limit: Int64 = 60_000, environment: [String: String] = [:]
) throws -> (end: Program.End?, output: String, errors: String) {
    let program = try Program(name, arguments, environment: environment)
    let end = program.wait(within: limit)
    return (end, program.outputText, program.errorText)
}

/// A folder of its own, removed at the end.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/cityedge-command-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { if let remover = try? Program("/bin/rm", ["-rf", path]) { _ = remover.wait() } }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        let handle = try #require(fopen(file, "w"))
        defer { fclose(handle) }
        try #require(fwrite(bytes, 1, bytes.count, handle) == bytes.count)
        return file
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    func makeFolder(_ name: String) throws -> String {
        let inner = path + "/" + name
        try #require(mkdir(inner, 0o755) == 0)
        return inner
    }
}
