// One program that measures, or one socket that such a program writes to: started, heard, given up and ended. It
// belongs to the ProgramHost's thread and never blocks it; ProgramHost.swift says what it promises.

import CLinux
import Glibc
import World

final class HostedProgram {
    private static let retryFirst = Duration.seconds(1)
    private static let retryLongest = Duration.seconds(60)
    /// Between the end of a program's output and its own, and between SIGTERM and SIGKILL.
    private static let endGrace = Duration.milliseconds(200)
    private static let killGrace = Duration.milliseconds(500)
    private static let chunkBytes = 4_096
    /// As much is taken at once; then it rests, so that neither the others nor the board starve.
    private static let chunksPerTurn = 4
    private static let rest = Duration.milliseconds(100)
    private static let wordsBytesMax = 240

    private let source: ProgramSource
    private let listener: ProgramListener
    private let lineBytesMax: Int
    private var process: ChildProcess?
    /// -1: none.
    private var processDescriptor: Int32 = -1
    private var descriptor: Int32 = -1
    private var messages: Int32 = -1
    private var startedAt = Boottime(nanoseconds: 0)
    private var retry = HostedProgram.retryFirst
    /// When to start it; never while it runs.
    private var retryAt = Boottime(nanoseconds: 0)
    private var restUntil = Boottime(nanoseconds: 0)
    private var silentAt = Boottime.distantFuture
    /// When to send the next signal, SIGTERM first; never while it is wanted.
    private var signalAt = Boottime.distantFuture
    private var wasAskedToEnd = false
    /// It was silent for too long: that is the fault, and not the signal by which it ends.
    private var isGivenUp = false
    /// The beginning of a line, at most one byte more than a line may have.
    private var begun: [UInt8] = []
    /// The last line of its messages, and the beginning of the next.
    private var words: [UInt8] = []
    private var wordsBegun: [UInt8] = []

    init(_ source: ProgramSource, _ listener: ProgramListener, lineBytesMax: Int) {
        self.source = source
        self.listener = listener
        self.lineBytesMax = lineBytesMax
    }

    deinit { closeAll() }

    /// What to wait for: nothing while it rests.
    var descriptors: [Int32] {
        if restUntil > Boottime(nanoseconds: 0) { return [] }
        return [descriptor, messages, processDescriptor].filter { $0 >= 0 }
    }

    /// When it wants attention though nothing is heard.
    var nextMoment: Boottime {
        let restEnd = restUntil > Boottime(nanoseconds: 0) ? restUntil : .distantFuture
        return min(min(retryAt, restEnd), min(silentAt, signalAt))
    }

    /// Does what is due: start, end of a rest, signals.
    func attend(_ now: Boottime) {
        if now >= restUntil { restUntil = Boottime(nanoseconds: 0) }
        if now >= retryAt { start(now) }
        if now >= silentAt {
            silentAt = .distantFuture
            isGivenUp = true
            signalAt = now
        }
        guard now >= signalAt else { return }
        if wasAskedToEnd { return finish(nil, now) }
        askToEnd()
        wasAskedToEnd = true
        signalAt = now + Self.killGrace
    }

    // MARK: Start

    private func start(_ now: Boottime) {
        startedAt = now
        retryAt = .distantFuture
        switch source {
        case .run(let words, let silentAfter):
            do throws(SystemError) {
                try start(words)
                silentAt = now + silentAfter
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

    private func start(_ command: [String]) throws(SystemError) {
        let (reading, writing) = try Self.pipe()
        defer { close(writing) }
        let heard: (reading: Int32, writing: Int32)
        do throws(SystemError) { heard = try Self.pipe() } catch {
            close(reading)
            throw error
        }
        defer { close(heard.writing) }
        do throws(SystemError) {
            process = try ChildProcess(
                command[0], Array(command.dropFirst()), output: writing, messages: heard.writing)
        } catch {
            close(reading)
            close(heard.reading)
            throw error
        }
        processDescriptor = process?.endDescriptor ?? -1
        descriptor = reading
        messages = heard.reading
    }

    /// The reading end does not block.
    private static func pipe() throws(SystemError) -> (reading: Int32, writing: Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) { clinux_pipe($0.bindMemory(to: Int32.self).baseAddress) }
        guard made == 0 else { throw SystemError(operation: "make", place: "pipe", errno: -made) }
        _ = fcntl(ends.0, F_SETFL, O_NONBLOCK)
        return ends
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

    // MARK: Hearing

    func hear(_ clock: LinuxClock) {
        let now = clock.now()
        guard restUntil <= now else { return }
        // First whether it has ended, then the rest of what it said: nothing comes after.
        let end = process?.wait(atMost: .zero)
        hearMessages()
        let isExhausted = hearLines(clock)
        if let end, isExhausted { finish(end, now) }
    }

    /// False when more may be waiting; then it rests.
    private func hearLines(_ clock: LinuxClock) -> Bool {
        guard descriptor >= 0 else { return true }
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        for _ in 0..<Self.chunksPerTurn {
            if case .socket = source {
                // The true length of a datagram, however much of it there is room for.
                let count = uninterrupted { recv(descriptor, &buffer, buffer.count, Int32(MSG_TRUNC)) }
                if count < 0 { return true }
                take(buffer[..<min(count, buffer.count)], clock)
                if count > buffer.count { begun = Array(repeating: 0x3F, count: lineBytesMax + 1) }
                take([0x0A], clock)
                continue
            }
            let count = uninterrupted { read(descriptor, &buffer, buffer.count) }
            if count < 0 { return true }
            if count == 0 {
                close(descriptor)
                descriptor = -1
                // Of no use to us any more, should it run on.
                if signalAt == .distantFuture { signalAt = clock.now() + Self.endGrace }
                return true
            }
            take(buffer[..<count], clock)
        }
        restUntil = clock.now() + Self.rest
        return false
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ clock: LinuxClock) {
        for byte in bytes {
            if byte != 0x0A {
                if begun.count <= lineBytesMax { begun.append(byte) }
                continue
            }
            if begun.isEmpty { continue }
            let wall = clock.wall()
            listener.line(begun, wall)
            begun.removeAll(keepingCapacity: true)
            if case .run(_, let silentAfter) = source, silentAt != .distantFuture {
                silentAt = wall.boottime + silentAfter
            }
        }
    }

    private func hearMessages() {
        guard messages >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: Self.chunkBytes)
        for _ in 0..<Self.chunksPerTurn {
            let count = uninterrupted { read(messages, &buffer, buffer.count) }
            if count < 0 { return }
            if count == 0 {
                close(messages)
                messages = -1
                return
            }
            for byte in buffer[..<count] {
                if byte == 0x0A {
                    if !wordsBegun.isEmpty { words = wordsBegun }
                    wordsBegun.removeAll(keepingCapacity: true)
                } else if wordsBegun.count < Self.wordsBytesMax {
                    // Nothing that moves the cursor of whoever reads the journal.
                    wordsBegun.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte)
                }
            }
        }
        restUntil = LinuxClock().now() + Self.rest
    }

    // MARK: End

    /// `end` nil: it did not end by itself, and does now.
    private func finish(_ end: ChildProcess.End?, _ now: Boottime) {
        let hadClosedOutput = descriptor < 0
        if !wordsBegun.isEmpty { words = wordsBegun }
        let said = String(decoding: words, as: UTF8.self)
        if isGivenUp {
            // Silence is told by whoever misses the lines.
        } else if hadClosedOutput && wasAskedToEnd {
            listener.condition(.ended(status: 0, words: "it closed its output and ran on"))
        } else {
            switch end {
            case .exited(let status)?: listener.condition(.ended(status: status, words: said))
            case .killed(let signal)?: listener.condition(.ended(status: 128 + signal, words: said))
            case nil: break
            }
        }
        process = nil
        closeAll()
        // A last line without an end may lack its last digits.
        begun.removeAll(keepingCapacity: true)
        words.removeAll()
        wordsBegun.removeAll()
        restUntil = Boottime(nanoseconds: 0)
        silentAt = .distantFuture
        signalAt = .distantFuture
        wasAskedToEnd = false
        isGivenUp = false
        again(now)
    }

    private func closeAll() {
        if descriptor >= 0 { close(descriptor) }
        if messages >= 0 { close(messages) }
        descriptor = -1
        messages = -1
        processDescriptor = -1
    }

    func askToEnd() { process?.signal(SIGTERM) }

    func end(within longest: Duration) {
        _ = process?.wait(atMost: longest)
        process = nil
        if case .socket(let path) = source, descriptor >= 0 { unlink(path) }
    }
}
