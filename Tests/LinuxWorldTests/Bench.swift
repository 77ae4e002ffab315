// What the tests stand on: folders that go away, a real mosquitto, a peer that says what it is told to. All waiting is
// for an event, bounded by a limit that only a failing test reaches.

import Glibc
import Testing
import World

@testable import LinuxWorld

let patience = Duration.seconds(60)

/// A folder of its own, removed at the end.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/cityedge-test-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit {
        var remover = try? ChildProcess("rm", ["-rf", path])
        _ = remover?.wait(atMost: patience)
    }

    func file(_ name: String) -> String { path + "/" + name }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        try #require(file >= 0)
        defer { close(file) }
        let bytes = Array(text.utf8)
        #expect(Glibc.write(file, bytes, bytes.count) == bytes.count)
        return self.file(name)
    }
}

/// Runs a program to its end, and expects it to be content.
func run(_ program: String, _ arguments: [String]) throws {
    var child = try ChildProcess(program, arguments)
    let end = child.wait(atMost: patience)
    #expect(end == .exited(status: 0), "\(program) \(arguments)")
}

/// A mosquitto on a free port of 127.0.0.1.
struct TestBroker: ~Copyable {
    let port: UInt16
    private let folder: TemporaryFolder
    private var process: ChildProcess
    private let log: Descriptor

    /// `settings`: lines of mosquitto.conf(5), after the listener's.
    init(_ settings: [String], version: MQTTVersion = .v5) throws {
        let folder = try TemporaryFolder()
        let port = try freeLoopbackPort()
        // Started as root it would become another user, who may not read the test's files.
        let lines = ["listener \(port) 127.0.0.1", "user root", "log_dest stderr", "log_type information"] + settings
        let configuration = try folder.write("mosquitto.conf", lines.joined(separator: "\n") + "\n")
        // What it says goes into a pipe, so that "running" is an event.
        try #require(mkfifo(folder.file("log"), 0o600) == 0)
        let log = try Descriptor(opening: folder.file("log"), O_RDONLY | O_NONBLOCK)
        let process = try ChildProcess("mosquitto", ["-c", configuration], outputTo: folder.file("log"))
        try Self.awaitRunning(log.number)
        self.process = process
        self.log = log
        self.folder = folder
        self.port = port
    }

    private static func awaitRunning(_ log: Int32) throws {
        var loop = try EventLoop()
        try loop.watch(log)
        let limit = LinuxClock().now() + patience
        var said = ""
        while !said.contains("running") {
            loop.wait(until: limit)
            try #require(LinuxClock().now() < limit, "mosquitto says only: \(said)")
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = read(log, &buffer, buffer.count)
            try #require(count > 0, "mosquitto ended: \(said)")
            said += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    mutating func kill() {
        process.signal(SIGKILL)
        #expect(process.wait(atMost: patience) == .killed(signal: SIGKILL))
    }

    func parameters(
        _ client: String, version: MQTTVersion = .v5, host: String = "127.0.0.1", tls: TLSFiles? = nil,
        username: String? = nil, password: String? = nil, keepAlive: UInt16 = 60, will: BrokerMessage? = nil
    ) -> SessionParameters {
        SessionParameters(
            address: BrokerAddress(host: host, port: port), tls: tls, version: version, clientID: client,
            username: username, password: password, keepAliveSeconds: keepAlive, will: will)
    }
}

func parameters(_ host: String, _ port: UInt16, version: MQTTVersion = .v5, tls: TLSFiles? = nil) -> SessionParameters {
    SessionParameters(
        address: BrokerAddress(host: host, port: port), tls: tls, version: version, clientID: "node", username: nil,
        password: nil, keepAliveSeconds: 60, will: nil)
}

/// A broker seam with the loop that drives it, as Courier does.
struct Client: ~Copyable {
    var broker: MosquittoBroker
    private var loop: EventLoop

    init() throws {
        let broker = try MosquittoBroker(incomingPacketLimit: 65_536)
        var loop = try EventLoop()
        try loop.watch(broker.descriptor)
        self.broker = broker
        self.loop = loop
    }

    /// The next event; nil when none came in time.
    mutating func next() -> BrokerEvent? {
        let limit = LinuxClock().now() + patience
        while true {
            if let event = broker.nextEvent() { return event }
            guard LinuxClock().now() < limit else { return nil }
            loop.follow(broker.watch)
            loop.wait(until: min(limit, broker.deadline()))
        }
    }

    /// Connects, and expects to be let in.
    mutating func open(_ parameters: SessionParameters) throws {
        broker.connect(parameters)
        let event = next()
        guard case .connected = event else {
            throw Unexpected("not connected: \(String(describing: event))")
        }
    }

    /// Connects, and expects to be turned away.
    mutating func fault(_ parameters: SessionParameters) -> BrokerFault? {
        broker.connect(parameters)
        if case .ended(let fault) = next() { return fault }
        return nil
    }

    /// Expects the next event to end the session.
    mutating func end() -> BrokerFault? {
        if case .ended(let fault) = next() { return fault }
        return nil
    }

    mutating func publish(
        _ topic: String, _ text: String, quality: UInt8 = 1, retained: Bool = false
    ) throws(BrokerFault) -> MessageID {
        let bytes = Array(text.utf8)
        return try publish(topic, bytes, quality: quality, retained: retained)
    }

    mutating func publish(
        _ topic: String, _ bytes: [UInt8], quality: UInt8 = 1, retained: Bool = false
    ) throws(BrokerFault) -> MessageID {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try broker.publish(
            topic: topic, payload: UnsafeRawBufferPointer(copy), qualityOfService: quality, retained: retained)
    }
}

/// Ends a test that cannot go on.
struct Unexpected: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A socket of 127.0.0.1 that listens.
struct Listener: ~Copyable {
    let port: UInt16
    let socket: Descriptor

    init(backlog: Int32) throws {
        let port = try freeLoopbackPort()
        let number = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(number >= 0)
        let owned = Descriptor(owning: number)
        let bound = withLoopback(port) { address, bytes in bind(number, address, bytes) }
        try #require(bound == 0 && listen(number, backlog) == 0)
        socket = owned
        self.port = port
    }
}

func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

extension Optional where Wrapped == BrokerEvent {
    var isNone: Bool { if case .none = self { true } else { false } }
}
