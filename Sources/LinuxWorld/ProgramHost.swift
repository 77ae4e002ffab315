// Local programs whose lines are measurements: started and started again, or heard on a datagram socket in the runtime
// folder. One thread for all of them; it hears, and decides nothing but when to try again.
//
// A program that ends, or cannot be started, is started again after 1 s, then ever later up to a minute; one that ran
// for a minute begins anew. A line longer than the mailbox takes is cut off and thrown away up to its end. All of them
// end with the host: by SIGTERM, after half a second by SIGKILL.

import CLinux
import Glibc
import Synchronization
import World

/// What hears the lines: `(line without its end, when it came)`, and what became of the program.
public struct ProgramListener: Sendable {
    public enum Condition: Sendable {
        case open
        case notStarted(errno: Int32)
        case ended(status: Int32)
        case noSocket(errno: Int32)
    }
    public var line: @Sendable ([UInt8], WallReading) -> Void
    public var condition: @Sendable (Condition) -> Void

    public init(
        line: @escaping @Sendable ([UInt8], WallReading) -> Void, condition: @escaping @Sendable (Condition) -> Void
    ) {
        self.line = line
        self.condition = condition
    }
}

public enum ProgramSource: Sendable {
    /// Program and arguments.
    case run([String])
    /// Path of the socket.
    case socket(String)
}

public final class ProgramHost {
    private final class Control: Sendable {
        let bell: Waker
        let mustStop = Atomic<Bool>(false)
        init(_ bell: Waker) { self.bell = bell }
    }

    private let control: Control
    private var thread: Thread?

    public init(_ programs: [(source: ProgramSource, listener: ProgramListener)], lineBytesMax: Int) throws(SystemError)
    {
        control = Control(try Waker())
        let hosted = programs.map { HostedProgram($0.source, $0.listener, lineBytesMax: lineBytesMax) }
        thread = try Self.start(Work(programs: hosted, control: control))
    }

    private static func start(_ work: consuming sending Work) throws(SystemError) -> Thread {
        try Thread.start(named: "Programs", with: work) { (work: consuming Work) in work.run() }
    }

    /// Ends every program, and waits for them: a second or two at most.
    public func stop() {
        control.mustStop.store(true, ordering: .releasing)
        control.bell.ring()
        if let running = thread.take() { running.join() }
    }

    /// Safe to move: made in one place and handed over whole.
    private struct Work: ~Copyable, @unchecked Sendable {
        let programs: [HostedProgram]
        let control: Control

        consuming func run() {
            let clock = LinuxClock()
            while !control.mustStop.load(ordering: .acquiring) {
                let now = clock.now()
                for program in programs { program.startIfDue(now) }
                wait(until: programs.map(\.retryAt).min() ?? .distantFuture, now)
                for program in programs { program.hear(clock) }
            }
            for program in programs { program.askToEnd() }
            for program in programs { program.end() }
        }

        private func wait(until moment: Boottime, _ now: Boottime) {
            var watched = programs.filter { $0.descriptor >= 0 }
                .map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            watched.append(pollfd(fd: control.bell.descriptor, events: Int16(POLLIN), revents: 0))
            let milliseconds =
                moment == .distantFuture ? -1 : Int32(clamping: max(0, (moment - now).nanoseconds / 1_000_000 + 1))
            _ = poll(&watched, nfds_t(watched.count), milliseconds)
            control.bell.hear()
        }
    }
}

/// One of them. Touched by the host's thread only.
private final class HostedProgram {
    private static let retryFirst = Duration.seconds(1)
    private static let retryLongest = Duration.seconds(60)
    private static let chunkBytes = 4_096

    private let source: ProgramSource
    private let listener: ProgramListener
    private let lineBytesMax: Int
    private var process: ChildProcess?
    private var startedAt = Boottime(nanoseconds: 0)
    private var retry = HostedProgram.retryFirst
    /// When to start it; never while it runs.
    private(set) var retryAt = Boottime(nanoseconds: 0)
    private(set) var descriptor: Int32 = -1
    /// The beginning of a line, and whether it has become too long.
    private var begun: [UInt8] = []
    private var isTooLong = false

    init(_ source: ProgramSource, _ listener: ProgramListener, lineBytesMax: Int) {
        self.source = source
        self.listener = listener
        self.lineBytesMax = lineBytesMax
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func startIfDue(_ now: Boottime) {
        guard descriptor < 0, now >= retryAt else { return }
        startedAt = now
        retryAt = .distantFuture
        switch source {
        case .run(let words):
            do throws(SystemError) {
                try start(words)
                listener.condition(.open)
            } catch {
                listener.condition(.notStarted(errno: error.errno))
                again(now)
            }
        case .socket(let path):
            descriptor = Self.listening(path)
            if descriptor < 0 {
                listener.condition(.noSocket(errno: -descriptor))
                descriptor = -1
                again(now)
            } else {
                listener.condition(.open)
            }
        }
    }

    private func again(_ now: Boottime) {
        if now - startedAt >= Self.retryLongest { retry = Self.retryFirst }
        retryAt = now + retry
        retry = min(retry * 2, Self.retryLongest)
    }

    private func start(_ words: [String]) throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) { clinux_pipe($0.bindMemory(to: Int32.self).baseAddress) }
        guard made == 0 else { throw SystemError(operation: "make", place: "pipe", errno: -made) }
        defer { close(ends.1) }
        do throws(SystemError) {
            process = try ChildProcess(words[0], Array(words.dropFirst()), pipe: ends.1)
        } catch {
            close(ends.0)
            throw error
        }
        _ = fcntl(ends.0, F_SETFL, O_NONBLOCK)
        descriptor = ends.0
    }

    private static func listening(_ path: String) -> Int32 {
        var address = sockaddr_un()
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return -ENAMETOOLONG }
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = Glibc.socket(AF_UNIX, kind, 0)
        guard number >= 0 else { return -errno }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        // What an earlier process left.
        unlink(path)
        let bytes = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, bytes) }
        }
        guard bound == 0 else {
            let cause = errno
            close(number)
            return -cause
        }
        // Programs of our own group may write: the runtime folder decides who gets that far.
        chmod(path, 0o660)
        return number
    }

    func hear(_ clock: LinuxClock) {
        guard descriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        // A program that never rests does not keep the others waiting.
        for _ in 0..<16 {
            let count = uninterrupted { read(descriptor, &buffer, buffer.count) }
            if count < 0 { return }
            if count == 0 {
                if case .socket = source { return }
                return ended(clock.now())
            }
            take(buffer[..<Int(count)], clock)
            if case .socket = source { take([0x0A], clock) }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ clock: LinuxClock) {
        for byte in bytes {
            if byte != 0x0A {
                if begun.count < lineBytesMax { begun.append(byte) } else { isTooLong = true }
                continue
            }
            // A line that is too long is no line: told as it is, it says what it cannot mean.
            if !begun.isEmpty { listener.line(isTooLong ? Array(begun.prefix(32)) : begun, clock.wall()) }
            begun.removeAll(keepingCapacity: true)
            isTooLong = false
        }
    }

    private func ended(_ now: Boottime) {
        close(descriptor)
        descriptor = -1
        switch process?.wait(atMost: .milliseconds(200)) {
        case .exited(let status)?: listener.condition(.ended(status: status))
        case .killed(let signal)?: listener.condition(.ended(status: 128 + signal))
        case nil:
            // It closed its output and runs on: of no use to us.
            listener.condition(.ended(status: 0))
        }
        process = nil
        again(now)
    }

    func askToEnd() { process?.signal(SIGTERM) }

    func end() {
        _ = process?.wait(atMost: .milliseconds(500))
        process = nil
        if case .socket(let path) = source, descriptor >= 0 { unlink(path) }
    }
}
