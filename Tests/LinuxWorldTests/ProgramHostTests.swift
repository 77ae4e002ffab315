import Glibc
import Synchronization
import Testing
import World

@testable import LinuxWorld

/// Gone, or collected by nobody yet.
private func isDead(_ process: pid_t) -> Bool {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return true }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self).contains(") Z ")
}

/// What was heard, and a way to wait for it that ends.
private final class Heard: Sendable {
    private let state = Mutex<(lines: [String], conditions: [String])>(([], []))
    var lines: [String] { state.withLock { $0.lines } }
    var conditions: [String] { state.withLock { $0.conditions } }

    var listener: ProgramListener {
        ProgramListener(
            line: { bytes, _ in self.state.withLock { $0.lines.append(String(decoding: bytes, as: UTF8.self)) } },
            condition: { condition in self.state.withLock { $0.conditions.append("\(condition)") } })
    }

    /// False when it does not come in ten seconds.
    func awaited(_ isThere: (Heard) -> Bool) -> Bool {
        let end = LinuxClock().now() + .seconds(10)
        while LinuxClock().now() < end {
            if isThere(self) { return true }
            var nothing = pollfd(fd: -1, events: 0, revents: 0)
            _ = poll(&nothing, 1, 5)
        }
        return false
    }
}

@Suite("Programs that measure")
struct ProgramHostTests {
    @Test("Lines of a program are heard whole; one that ends is told with its status and started again")
    func program() throws {
        let heard = Heard()
        let long = "head -c 999 /dev/zero | tr '\\0' x; echo"
        let script = "printf 'power 1\\npow'; printf 'er 2\\n'; \(long); echo power 3; exit 7"
        let host = try ProgramHost(
            [(.run(["/bin/sh", "-c", script], silentAfter: .seconds(60)), heard.listener)], lineBytesMax: 256)
        #expect(heard.awaited { $0.lines.count >= 5 })
        #expect(Array(heard.lines.prefix(4)) == ["power 1", "power 2", String(repeating: "x", count: 257), "power 3"])
        #expect(heard.conditions.contains("ended(status: 7, words: \"\")"))
        host.stop()
    }

    @Test("A program that is not there is told with its errno, and the others are heard all the same")
    func absent() throws {
        let missing = Heard(), present = Heard()
        let host = try ProgramHost(
            [
                (.run(["/nonexistent/meter"], silentAfter: .seconds(60)), missing.listener),
                (.run(["/bin/sh", "-c", "echo power 1; exec sleep 60"], silentAfter: .seconds(60)), present.listener),
            ], lineBytesMax: 256)
        #expect(missing.awaited { $0.conditions.contains("notStarted(errno: 2)") })
        #expect(present.awaited { $0.lines == ["power 1"] })
        let begin = LinuxClock().now()
        host.stop()
        // `sleep 60` went with it.
        #expect(LinuxClock().now() - begin < .seconds(5))
    }

    @Test("Its last words are told with its end; half a line of the dead one is not the beginning of the next one's")
    func lastWords() throws {
        let heard = Heard()
        let script = "echo first >&2; printf 'no\\tport\\n\\n' >&2; echo power 1; printf 'power 2'; exit 69"
        let host = try ProgramHost(
            [(.run(["/bin/sh", "-c", script], silentAfter: .seconds(60)), heard.listener)], lineBytesMax: 256)
        #expect(heard.awaited { $0.lines.count >= 2 })
        #expect(heard.lines.allSatisfy { $0 == "power 1" })
        #expect(heard.conditions.contains("ended(status: 69, words: \"no port\")"), "\(heard.conditions)")
        host.stop()
    }

    @Test("One that ended has ended, though a child of it holds its output; the child goes with it")
    func orphan() throws {
        let heard = Heard()
        let script = "sleep 1000 & echo power $!; exit 4"
        let host = try ProgramHost(
            [(.run(["/bin/sh", "-c", script], silentAfter: .seconds(60)), heard.listener)], lineBytesMax: 256)
        #expect(heard.awaited { $0.conditions.contains { $0.contains("status: 4") } })
        let child = try #require(heard.lines.first?.split(separator: " ").last.flatMap { pid_t($0) })
        #expect(heard.awaited { _ in kill(child, 0) != 0 || isDead(child) })
        host.stop()
    }

    @Test("Silent for too long, or its output closed though it runs: ended, by SIGKILL if need be, and begun again")
    func silent() throws {
        let silent = Heard(), closed = Heard()
        let host = try ProgramHost(
            [
                (
                    .run(["/bin/sh", "-c", "trap '' TERM; echo $$; sleep 1000"], silentAfter: .seconds(1)),
                    silent.listener
                ),
                (
                    .run(["/bin/sh", "-c", "echo $$; exec >&-; sleep 1000"], silentAfter: .seconds(60)),
                    closed.listener
                ),
            ], lineBytesMax: 256)
        for heard in [silent, closed] {
            #expect(heard.awaited { $0.lines.count >= 2 })
            let first = try #require(heard.lines.first.flatMap { pid_t($0) })
            #expect(isDead(first))
        }
        #expect(silent.conditions.allSatisfy { $0 == "open" }, "silence is told by who misses the lines")
        #expect(closed.conditions.contains("ended(status: 0, words: \"it closed its output and ran on\")"))
        host.stop()
    }

    @Test("One that writes without end is read at the host's pace, and waits meanwhile")
    func flood() throws {
        let heard = Heard(), other = Heard()
        let host = try ProgramHost(
            [
                (.run(["yes", "power 1"], silentAfter: .seconds(60)), heard.listener),
                (.run(["yes", "complaint"], silentAfter: .seconds(60)), other.listener),
            ], lineBytesMax: 256)
        let begin = LinuxClock().now()
        #expect(heard.awaited { $0.lines.count >= 6_000 } && other.awaited { $0.lines.count >= 4_000 })
        // 16 KiB are 2,048 lines, a tenth of a second apart.
        let tenths = (LinuxClock().now() - begin).nanoseconds / 100_000_000
        #expect(heard.lines.count <= Int(tenths + 2) * 2_048)
        #expect(heard.lines.allSatisfy { $0 == "power 1" })
        host.stop()
    }

    @Test("Any number of programs that ignore SIGTERM end with the host within a second")
    func stubborn() throws {
        let script = "trap '' TERM; echo $$; while :; do sleep 1; done"
        let all = (0..<8).map { _ in Heard() }
        let host = try ProgramHost(
            all.map { (.run(["/bin/sh", "-c", script], silentAfter: .seconds(60)), $0.listener) }, lineBytesMax: 256)
        for heard in all { #expect(heard.awaited { !$0.lines.isEmpty }) }
        let begin = LinuxClock().now()
        host.stop()
        #expect(LinuxClock().now() - begin < .seconds(1))
        for heard in all { #expect(heard.lines.compactMap { pid_t($0) }.allSatisfy(isDead)) }
    }

    @Test("A datagram longer than the host reads at once ends in a line that is too long, whatever its beginning says")
    func longDatagram() throws {
        var template = Array("/tmp/cityedge-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        let folder = String(cString: mkdtemp(&template))
        defer { rmdir(folder) }
        let heard = Heard()
        let host = try ProgramHost([(.socket(folder + "/meter.sock"), heard.listener)], lineBytesMax: 256)
        #expect(heard.awaited { $0.conditions == ["open"] })
        let fill = String(repeating: "#\n", count: 2_044)
        try send(fill + "power 123456", to: folder + "/meter.sock")
        try send("power 3", to: folder + "/meter.sock")
        #expect(heard.awaited { $0.lines.last == "power 3" })
        #expect(heard.lines.filter { $0 != "#" } == [String(repeating: "?", count: 257), "power 3"])
        host.stop()
    }

    @Test("Datagrams to the socket are heard, one line or several in each")
    func socket() throws {
        var template = Array("/tmp/cityedge-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        let folder = String(cString: mkdtemp(&template))
        defer { rmdir(folder) }
        let path = folder + "/meter.sock"
        let heard = Heard()
        let host = try ProgramHost([(.socket(path), heard.listener)], lineBytesMax: 256)
        #expect(heard.awaited { $0.conditions == ["open"] })
        for text in ["power 1", "power 2\npower 3\n"] { try send(text, to: path) }
        #expect(heard.awaited { $0.lines.count == 3 })
        #expect(heard.lines == ["power 1", "power 2", "power 3"])
        host.stop()
        #expect(access(path, F_OK) != 0)
    }

    private func send(_ text: String, to path: String) throws {
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bytes = Array(text.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(number, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(sent == bytes.count)
    }
}
