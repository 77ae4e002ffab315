import Glibc
import Synchronization
import Testing
import World

@testable import LinuxWorld

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
        let script = "printf 'power 1\\npow'; printf 'er 2\\n'; head -c 999 /dev/zero | tr '\\0' x; echo; echo power 3; exit 7"
        let host = try ProgramHost([(.run(["/bin/sh", "-c", script], silentAfter: .seconds(60)), heard.listener)], lineBytesMax: 256)
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
