// What systemd wants to hear from a Type=notify service: lines in a datagram (sd_notify(3), "Notes" gives the protocol
// as stable). A few lines of our own, because libsystemd would be a library more in every process.

import Glibc
import World

public struct ServiceNotifier: ~Copyable {
    private let socket: Descriptor
    private var address = sockaddr_un()
    private let addressBytes: socklen_t

    /// `path` as in $NOTIFY_SOCKET: absolute, or `@` and an abstract name (unix(7)).
    public init(socket path: String) throws(SystemError) {
        var name = Array(path.utf8)
        let offset = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? 2
        guard name.first == UInt8(ascii: "/") || name.first == UInt8(ascii: "@"), name.count > 1,
            name.count < MemoryLayout<sockaddr_un>.size - offset
        else { throw SystemError(operation: "use", place: "NOTIFY_SOCKET \(path)", errno: EINVAL) }
        let isAbstract = name[0] == UInt8(ascii: "@")
        if isAbstract { name[0] = 0 }
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError(operation: "create", place: "socket", errno: errno) }
        socket = Descriptor(owning: number)
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        // An abstract name is as long as told; a path ends with its zero byte.
        addressBytes = socklen_t(offset + name.count + (isAbstract ? 0 : 1))
    }

    /// Nil when nobody listens: not started by systemd, or not as Type=notify.
    public static func ofEnvironment() throws(SystemError) -> ServiceNotifier? {
        guard let path = getenv("NOTIFY_SOCKET") else { return nil }
        return try ServiceNotifier(socket: String(cString: path))
    }

    /// How often at least `watchdog()` must be called (half of what systemd allows, as sd_watchdog_enabled(3) advises);
    /// nil when this process is not watched.
    public static func watchdogInterval() -> Duration? {
        guard let text = getenv("WATCHDOG_USEC"), let microseconds = Int64(String(cString: text)), microseconds > 0
        else {
            return nil
        }
        if let owner = getenv("WATCHDOG_PID"), Int32(String(cString: owner)) != getpid() { return nil }
        return .microseconds(microseconds / 2)
    }

    public mutating func ready(status: String) { send("READY=1\nSTATUS=\(oneLine(status))") }
    public mutating func watchdog() { send("WATCHDOG=1") }
    public mutating func stopping() { send("STOPPING=1") }
    public mutating func status(_ text: String) { send("STATUS=\(oneLine(text))") }

    private func oneLine(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }

    /// Never waits, and a failure is nobody's to handle: systemd that does not hear us acts by its own time-outs.
    private mutating func send(_ text: String) {
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = sendto(
                    socket.number, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), target,
                    addressBytes)
            }
        }
    }
}
