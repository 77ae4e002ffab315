// A broker of the test's own, and a witness of what arrives there: a subscriber in a few lines of MQTT 3.1.1, so that
// it shares no code with the gateway that it watches.

import Glibc
import Testing

let mosquittoPath: String? = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"].first {
    access($0, X_OK) == 0
}

/// An address of 127.0.0.1 as sockets take it.
func withLoopback<R>(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}

/// A listening socket that never answers: as a broker that hangs.
final class BlackHole {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        let descriptor = descriptor
        try #require(withLoopback(port: 0) { bind(descriptor, $0, $1) } == 0)
        try #require(listen(descriptor, 8) == 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let answer = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        try #require(answer == 0)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// A port that was free a moment ago.
    static func freePort() throws -> UInt16 { try BlackHole().port }

    /// True once somebody has connected.
    func hasVisitor(within limit: Int64 = 20_000) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, Int32(limit)) > 0
    }
}

/// A mosquitto that keeps everything, stopped and started as often as a test likes.
final class Broker {
    let port: UInt16
    private let folder: Folder
    private var process: Program?

    /// `settings`: lines of mosquitto.conf(5).
    init(_ settings: [String] = ["allow_anonymous true"], folder: Folder) throws {
        self.folder = folder
        port = try BlackHole.freePort()
        let data = folder.path + "/mosquitto"
        _ = mkdir(data, 0o755)
        // Started as root it would become another user, who may not write here.
        let user = String(cString: getpwuid(geteuid()).pointee.pw_name)
        let lines =
            [
                "listener \(port) 127.0.0.1", "persistence true", "persistence_location \(data)/", "user \(user)",
                "max_queued_messages 0", "max_inflight_messages 0", "log_dest stderr", "log_type all",
            ] + settings
        try folder.write("mosquitto.conf", lines.joined(separator: "\n") + "\n")
        try start()
    }

    func start() throws {
        let program = try Program(try #require(mosquittoPath), ["-c", folder.path + "/mosquitto.conf"])
        try #require(program.awaitError("running"), "mosquitto: \(program.errorText)")
        process = program
    }

    /// SIGTERM: it writes down what it holds.
    func stop() {
        process?.signal(SIGTERM)
        _ = process?.wait()
        process = nil
    }

    /// Lets it write its log, which would fill the pipe in the end.
    func listen() { process?.read(within: 0) { _ in false } }
}

struct Message {
    var topic: String
    var payload: [UInt8]
    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// Subscribes to everything at QoS 1 in a session that the broker keeps (MQTT 3.1.1 section 3.1.2.4).
final class Witness {
    private let port: UInt16
    private var descriptor: Int32 = -1
    private var buffer: [UInt8] = []
    private(set) var isSubscribed = false
    private(set) var messages: [Message] = []

    init(port: UInt16) throws {
        self.port = port
        try #require(read { $0.isSubscribed })
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Takes what arrives until `isDone` says so; false when the time is over.
    @discardableResult
    func read(within limit: Int64 = 30_000, until isDone: (Witness) -> Bool) -> Bool {
        let deadline = milliseconds() + limit
        while !isDone(self) {
            let left = deadline - milliseconds()
            guard left > 0 else { return false }
            if descriptor < 0, !open() {
                // Nobody listens: the broker is away.
                _ = poll(nil, 0, Int32(min(left, 50)))
                continue
            }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, Int32(left)) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else {
                close(descriptor)
                descriptor = -1
                buffer = []
                continue
            }
            buffer += chunk[..<count]
            while takePacket() {}
        }
        return true
    }

    private func open() -> Bool {
        let fresh = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard withLoopback(port: port, { connect(fresh, $0, $1) }) == 0 else {
            close(fresh)
            return false
        }
        descriptor = fresh
        // CONNECT: MQTT, level 4, no clean session, keep-alive off, client "witness".
        send([0x10, 19, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 7] + Array("witness".utf8))
        return true
    }

    private func send(_ packet: [UInt8]) { _ = Glibc.send(descriptor, packet, packet.count, Int32(MSG_NOSIGNAL)) }

    /// False when there is no whole packet yet.
    private func takePacket() -> Bool {
        guard buffer.count >= 2 else { return false }
        var length = 0, place = 1, shift = 0
        repeat {
            guard place < buffer.count else { return false }
            length |= Int(buffer[place] & 0x7F) << shift
            shift += 7
            place += 1
        } while buffer[place - 1] & 0x80 != 0
        guard buffer.count >= place + length else { return false }
        let kind = buffer[0], body = Array(buffer[place..<place + length])
        buffer.removeFirst(place + length)
        switch kind >> 4 {
        case 2: send([0x82, 6, 0, 1, 0, 1, 0x23, 1])  // CONNACK; SUBSCRIBE to "#" at QoS 1
        case 9: isSubscribed = true  // SUBACK
        case 3:
            var start = 2 + Int(body[0]) << 8 + Int(body[1])
            let topic = String(decoding: body[2..<start], as: UTF8.self)
            if kind & 0x06 != 0 {
                send([0x40, 2, body[start], body[start + 1]])  // PUBACK
                start += 2
            }
            messages.append(Message(topic: topic, payload: Array(body[start...])))
        default: break
        }
        return true
    }

    // MARK: What it has seen

    /// Texts of one topic, by its last level.
    func texts(_ topic: String) -> [String] { messages.filter { $0.topic.hasSuffix("/" + topic) }.map(\.text) }

    /// SenML records of readings, live and late.
    var records: [String] {
        (texts("readings") + texts("history")).flatMap { $0.split(separator: "{").dropFirst().map { "{" + $0 } }
    }

    /// Streams and numbers of readings batches, in the order of arrival.
    var batches: [(stream: String, number: Int)] {
        records.compactMap { record in
            guard let stream = member("stream", of: record), let number = member("seq", of: record).flatMap({ Int($0) })
            else { return nil }
            return (stream, number)
        }
    }
}

/// A member of a flat JSON object, without its quotes.
func member(_ name: String, of record: String) -> String? {
    guard let start = record.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
    let rest = record[start...]
    if rest.first == "\"" { return String(rest.dropFirst().prefix { $0 != "\"" }) }
    return String(rest.prefix { !",}]".contains($0) })
}
