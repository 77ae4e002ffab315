// Another program as our child: started, signalled, waited for within bounds. It never outlives its owner, and it
// inherits nothing but the three standard descriptors.

import CLinux
import Glibc
import World

public struct ChildProcess: ~Copyable {
    public enum End: Hashable, Sendable {
        case exited(status: Int32)
        case killed(signal: Int32)
    }

    public let processID: pid_t
    /// Readable once it has ended.
    let endDescriptor: Int32
    private let watcher: Descriptor
    /// It heads a process group of its own, and what it started is signalled and ended with it.
    private let leadsGroup: Bool
    private var end: End?

    /// Starts `program` (a path, or a name that is looked up in PATH). Its output goes to the file, or nowhere.
    public init(_ program: String, _ arguments: [String], outputTo output: String? = nil) throws(SystemError) {
        try self.init(program, arguments, output: output, pipes: nil)
    }

    /// Its standard output and its messages go to the descriptors; what it starts ends with it.
    init(_ program: String, _ arguments: [String], output: Int32, messages: Int32) throws(SystemError) {
        try self.init(program, arguments, output: nil, pipes: (output, messages))
    }

    private init(
        _ program: String, _ arguments: [String], output: String?, pipes: (output: Int32, messages: Int32)?
    ) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let target = output ?? "/dev/null"
        posix_spawn_file_actions_addopen(&actions, 1, target, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        if let pipes {
            posix_spawn_file_actions_adddup2(&actions, pipes.output, 1)
            posix_spawn_file_actions_adddup2(&actions, pipes.messages, 2)
        }
        // libmosquitto opens its sockets without close-on-exec: a child that inherited one would keep the session open.
        _ = clinux_spawn_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // We block signals and ignore SIGPIPE; neither is meant for the child.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        if pipes != nil {
            posix_spawnattr_setpgroup(&attributes, 0)
            flags |= Int16(POSIX_SPAWN_SETPGROUP)
        }
        posix_spawnattr_setflags(&attributes, flags)

        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var child = pid_t()
        let answer = posix_spawnp(&child, program, &actions, &attributes, words, clinux_environment())
        guard answer == 0 else { throw SystemError(operation: "start", place: program, errno: answer) }
        let watching = clinux_process_descriptor(child)
        guard watching >= 0 else {
            kill(child, SIGKILL)
            _ = uninterrupted { waitpid(child, nil, 0) }
            throw SystemError(operation: "watch", place: program, errno: -watching)
        }
        processID = child
        endDescriptor = watching
        watcher = Descriptor(owning: watching)
        leadsGroup = pipes != nil
    }

    public mutating func signal(_ number: Int32) {
        // Not after it was collected: the number may be another's by then.
        if end == nil { kill(leadsGroup ? -processID : processID, number) }
    }

    /// How it ended; nil when it still runs after `longest`.
    public mutating func wait(atMost longest: Duration) -> End? {
        if let end { return end }
        var watched = pollfd(fd: watcher.number, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: longest.nanoseconds / 1_000_000)
        guard uninterrupted({ poll(&watched, 1, milliseconds) }) > 0 else { return nil }
        var status: Int32 = 0
        // While it has not been collected, its number and its group's are nobody else's.
        if leadsGroup { kill(-processID, SIGKILL) }
        let collected = uninterrupted { waitpid(processID, &status, 0) }
        invariant(collected == processID, "nobody else collects our children")
        // WIFEXITED, WEXITSTATUS and WTERMSIG are macros (bits/waitstatus.h).
        end = status & 0x7F == 0 ? .exited(status: status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
        return end
    }

    deinit {
        guard end == nil else { return }
        kill(leadsGroup ? -processID : processID, SIGKILL)
        _ = uninterrupted { waitpid(processID, nil, 0) }
    }
}

/// A TCP port of 127.0.0.1 that nobody listens on now.
public func freeLoopbackPort() throws(SystemError) -> UInt16 {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemError(operation: "create", place: "socket", errno: errno) }
    let probe = Descriptor(owning: number)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var bytes = socklen_t(MemoryLayout<sockaddr_in>.size)
    let answer = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
            bind(probe.number, name, bytes) == 0 && getsockname(probe.number, name, &bytes) == 0
        }
    }
    guard answer else { throw SystemError(operation: "bind", place: "127.0.0.1", errno: errno) }
    return UInt16(bigEndian: address.sin_port)
}
