// Waiting and being woken: the event loop, threads, signals, child processes, systemd's datagrams.

import Glibc
import Testing
import World

@testable import LinuxWorld

@Suite("Waiting")
struct WaitingTests {
    private let clock = LinuxClock()

    @Test("the loop returns at the moment asked for, not before, and at once for one that has passed")
    func timer() throws {
        var loop = try EventLoop()
        loop.wait(until: Boottime(nanoseconds: -1))
        let moment = clock.now() + .milliseconds(20)
        loop.wait(until: moment)
        #expect(clock.now() >= moment)
        // The same moment again: a timer that has rung is set anew.
        loop.wait(until: moment)
        let later = clock.now() + .milliseconds(5)
        loop.wait(until: later)
        #expect(clock.now() >= later)
    }

    @Test("another thread wakes the loop, and a ring is heard once")
    func waker() throws {
        var loop = try EventLoop()
        let waker = loop.waker
        let limit = clock.now() + patience
        let thread = try Thread.start(named: "a thread with a long name") { waker.ring() }
        loop.wait(until: limit)
        #expect(clock.now() < limit)
        thread.join()
        let moment = clock.now() + .milliseconds(5)
        loop.wait(until: moment)
        #expect(clock.now() >= moment, "no second wake-up for one ring")
    }

    @Test("a followed descriptor is waited for to be readable or writable as asked, and forgotten when told")
    func follow() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let mine = Descriptor(owning: ends[0])
        let peer = Descriptor(owning: ends[1])
        var loop = try EventLoop()
        func waits(_ loop: inout EventLoop) -> Bool {
            let moment = clock.now() + .milliseconds(5)
            loop.wait(until: moment)
            return clock.now() >= moment
        }
        loop.follow(Watch(descriptor: mine.number, wantsWrite: false, generation: 1))
        let nothingToRead = waits(&loop)
        #expect(nothingToRead)
        loop.follow(Watch(descriptor: mine.number, wantsWrite: true, generation: 1))
        let limit = clock.now() + patience
        loop.wait(until: limit)
        #expect(clock.now() < limit, "it can be written")
        loop.follow(Watch(descriptor: mine.number, wantsWrite: false, generation: 1))
        #expect(write(peer.number, [1], 1) == 1)
        loop.wait(until: limit)
        #expect(clock.now() < limit, "it can be read")
        loop.follow(nil)
        let isForgotten = waits(&loop)
        #expect(isForgotten)
    }

    @Test("a thread takes over what cannot be copied")
    func threadState() throws {
        let bell = try Waker(blocking: true)
        let loop = try EventLoop()
        let waker = loop.waker
        let thread = try Thread.start(named: "owner", with: loop) { (loop: consuming EventLoop) in
            var loop = loop
            loop.wait(until: .distantFuture)
            bell.ring()
        }
        waker.ring()
        bell.hear()
        thread.join()
    }

    @Test("signals come as data")
    func signals() throws {
        let heard = Heard()
        // In a thread of its own: the mask is the thread's, and a signal sent to the thread is read by it alone.
        try Thread.start(named: "signals") {
            guard var signals = try? Signals() else { return }
            for number in [SIGTERM, SIGHUP] {
                pthread_kill(pthread_self(), number)
                heard.add(signals.next())
            }
            heard.add(signals.next())
        }.join()
        #expect(heard.all == [.stop, .reload, nil])
    }

    @Test("a child's end is told: its status, its signal, or that it still runs")
    func children() throws {
        var content = try ChildProcess("sh", ["-c", "exit 3"])
        #expect(content.wait(atMost: patience) == .exited(status: 3))
        var stubborn = try ChildProcess("sleep", ["600"])
        #expect(stubborn.wait(atMost: .milliseconds(1)) == nil)
        stubborn.signal(SIGTERM)
        #expect(stubborn.wait(atMost: patience) == .killed(signal: SIGTERM))
        #expect(stubborn.wait(atMost: .zero) == .killed(signal: SIGTERM), "told again when asked again")
        #expect(throws: SystemError(operation: "start", place: "/nonexistent/program", errno: ENOENT)) {
            _ = try ChildProcess("/nonexistent/program", [])
        }
    }

    @Test("a child inherits no descriptor of ours")
    func inheritance() throws {
        let kept = fcntl(0, F_DUPFD, 50)
        defer { close(kept) }
        var child = try ChildProcess("sh", ["-c", "test ! -e /proc/$$/fd/\(kept)"])
        #expect(child.wait(atMost: patience) == .exited(status: 0))
    }

    @Test("systemd hears the protocol of sd_notify, on a path and on an abstract name", arguments: [false, true])
    func notify(isAbstract: Bool) throws {
        let folder = try TemporaryFolder()
        let name = (isAbstract ? "@" : "") + folder.file("notify")
        let systemd = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if isAbstract { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let bytes = socklen_t(2 + path.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(systemd.number, $0, bytes) }
        }
        try #require(bound == 0)
        var notifier = try ServiceNotifier(socket: name)
        notifier.ready(status: "reading 3 sensors\nREADY=0")
        notifier.watchdog()
        notifier.status("broker away")
        notifier.stopping()
        var heard: [String] = []
        for _ in 0..<4 {
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = recv(systemd.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            heard.append(String(decoding: buffer[..<max(0, count)], as: UTF8.self))
        }
        #expect(
            heard == [
                "READY=1\nSTATUS=reading 3 sensors READY=0", "WATCHDOG=1", "STATUS=broker away", "STOPPING=1",
            ])
    }

    @Test(
        "a name that can be no socket is refused",
        arguments: ["", "relative", "/" + String(repeating: "x", count: 108)])
    func badSocket(_ name: String) {
        #expect(throws: SystemError.self) { _ = try ServiceNotifier(socket: name) }
    }
}

/// Filled by another thread, read after it was joined.
private final class Heard: @unchecked Sendable {
    private(set) var all: [Signals.Signal?] = []
    func add(_ signal: Signals.Signal?) { all.append(signal) }
}
