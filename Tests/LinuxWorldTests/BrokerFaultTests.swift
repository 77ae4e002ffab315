// Every way in which a session fails to begin is told apart.

import Glibc
import Testing
import World

@testable import LinuxWorld

@Suite("A session that cannot be made says why", .serialized)
struct BrokerFaultTests {
    @Test("a wrong password: refused, not authorised, in either version", arguments: [MQTTVersion.v5, .v3_1_1])
    func wrongPassword(_ version: MQTTVersion) throws {
        let folder = try TemporaryFolder()
        try run("mosquitto_passwd", ["-b", "-c", folder.file("passwords"), "node", "right"])
        let server = try TestBroker(["allow_anonymous false", "password_file \(folder.file("passwords"))"])
        var client = try Client()
        try client.open(server.parameters("node", version: version, username: "node", password: "right"))
        client.broker.disconnect()
        let wrong = server.parameters("node", version: version, username: "node", password: "wrong")
        #expect(client.fault(wrong) == .refused(reason: 0x87))
    }

    @Test("TLS: trusted with the right CA; another CA or another host name is a matter of TLS")
    func certificates() throws {
        let folder = try TemporaryFolder()
        for authority in ["right", "wrong"] {
            try run(
                "openssl",
                Self.newKey + ["-keyout", folder.file("\(authority).key"), "-out", folder.file("\(authority).pem")]
                    + ["-subj", "/CN=\(authority) authority"])
        }
        let signed = ["-CA", folder.file("right.pem"), "-CAkey", folder.file("right.key"), "-subj", "/CN=localhost"]
        try run(
            "openssl",
            Self.newKey + signed + ["-addext", "subjectAltName=DNS:localhost"]
                + ["-keyout", folder.file("server.key"), "-out", folder.file("server.pem")])
        let server = try TestBroker([
            "allow_anonymous true", "certfile \(folder.file("server.pem"))", "keyfile \(folder.file("server.key"))",
        ])
        var client = try Client()
        let right = TLSFiles(ca: folder.file("right.pem"), certificate: nil, key: nil)
        try client.open(server.parameters("node", host: "localhost", tls: right))
        _ = try client.publish("city/readings", "over TLS")
        guard case .acknowledged = client.next() else { throw Unexpected("not acknowledged over TLS") }
        client.broker.disconnect()

        let wrong = TLSFiles(ca: folder.file("wrong.pem"), certificate: nil, key: nil)
        let fault = client.fault(server.parameters("node", host: "localhost", tls: wrong))
        #expect(fault == .tls("certificate verify failed"))

        let system = TLSFiles(ca: nil, certificate: nil, key: nil)
        let unknown = client.fault(server.parameters("node", host: "localhost", tls: system))
        #expect(unknown == .tls("certificate verify failed"))

        // The certificate is for `localhost`, not for the address.
        let named = client.fault(server.parameters("node", tls: right))
        #expect(named == .tls("host name verification failed; certificate verify failed"))

        guard case .lost = client.fault(server.parameters("node", host: "localhost")) else {
            throw Unexpected("plain to a TLS port is told as something else")
        }
    }

    private static let newKey = [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    ]

    @Test("a CA file that is not there, or is no certificate, is named")
    func badFiles() throws {
        let folder = try TemporaryFolder()
        let listener = try Listener(backlog: 4)
        var client = try Client()
        let missing = TLSFiles(ca: folder.file("missing.pem"), certificate: nil, key: nil)
        #expect(
            client.fault(parameters("127.0.0.1", listener.port, tls: missing))
                == .badFile("\(folder.file("missing.pem")): No such file or directory"))
        let garbage = TLSFiles(ca: try folder.write("garbage.pem", "no certificate"), certificate: nil, key: nil)
        guard case .badFile(let text) = client.fault(parameters("127.0.0.1", listener.port, tls: garbage)) else {
            throw Unexpected("garbage is no bad file")
        }
        #expect(text.contains("garbage.pem"))
        let half = TLSFiles(ca: nil, certificate: folder.file("garbage.pem"), key: nil)
        #expect(
            client.fault(parameters("127.0.0.1", listener.port, tls: half))
                == .badFile("a certificate and a key are needed, both or neither"))
    }

    @Test("nobody listens: unreachable, in the system's words")
    func nobodyListens() throws {
        var client = try Client()
        #expect(client.fault(parameters("127.0.0.1", try freeLoopbackPort())) == .unreachable("Connection refused"))
    }

    @Test("a name that does not resolve is named")
    func noSuchName() throws {
        var client = try Client()
        guard case .nameNotResolved(let text) = client.fault(parameters("nonexistent.invalid", 1883)) else {
            throw Unexpected("told as something else")
        }
        #expect(text.hasPrefix("nonexistent.invalid: "))
    }

    @Test("a dial that hangs keeps nobody waiting and is abandoned by the next connect")
    func abandoned() throws {
        // A full backlog swallows connection requests: connect(2) hangs for minutes.
        let silent = try Listener(backlog: 0)
        var crowd: [Int32] = []
        defer { for caller in crowd { close(caller) } }
        for _ in 0..<4 {
            let caller = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = withLoopback(silent.port) { address, bytes in Glibc.connect(caller, address, bytes) }
            crowd.append(caller)
        }
        let server = try TestBroker(["allow_anonymous true"])
        var client = try Client()
        client.broker.connect(parameters("127.0.0.1", silent.port))
        let nothing = client.broker.nextEvent()
        #expect(nothing.isNone)
        #expect(client.broker.watch == nil && client.broker.deadline() == .distantFuture)
        try client.open(server.parameters("node"))

        // Threads that hang are bounded: beyond the bound a dial ends at once.
        var last: BrokerEvent?
        for _ in 0..<8 where last.isNone {
            client.broker.connect(parameters("127.0.0.1", silent.port))
            last = client.broker.nextEvent()
        }
        guard case .ended(.unreachable(let text)) = last else { throw Unexpected("dials are not bounded") }
        #expect(text.contains("earlier attempts"))
    }

    @Test("a peer that knows only MQTT 3.1.1, or another protocol, is told as such")
    func protocolVersion() throws {
        // CONNACK of 3.1.1: "unacceptable protocol version".
        let server = try CannedServer([0x20, 0x02, 0x00, 0x01])
        var client = try Client()
        #expect(client.fault(parameters("127.0.0.1", server.port)) == .protocolVersion)
        #expect(client.fault(parameters("127.0.0.1", server.port, version: .v3_1_1)) == .protocolVersion)
        let web = try CannedServer(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        guard case .lost(let text) = client.fault(parameters("127.0.0.1", web.port)) else {
            throw Unexpected("a web server is told as something else")
        }
        #expect(text.contains("another protocol"))
    }

    @Test("each return code of MQTT 3.1.1 is told as the MQTT 5 reason that means the same")
    func returnCodes() {
        let reasons = (1...5).map { BrokerFault.refusal($0, .v3_1_1) }
        #expect(
            reasons == [
                .protocolVersion, .refused(reason: 0x85), .refused(reason: 0x88), .refused(reason: 0x86),
                .refused(reason: 0x87),
            ])
        #expect(BrokerFault.refusal(0x97, .v5) == .refused(reason: 0x97))
    }

    @Test("a connection reset in the middle of the TLS handshake ends, and does not spin")
    func resetInHandshake() throws {
        let server = try CannedServer([], resets: true)
        var client = try Client()
        let system = TLSFiles(ca: nil, certificate: nil, key: nil)
        guard let fault = client.fault(parameters("127.0.0.1", server.port, tls: system)) else {
            throw Unexpected("no end")
        }
        switch fault {
        case .tls, .lost, .unreachable: break
        default: Issue.record("told as \(fault)")
        }
    }
}

/// Answers every caller's first bytes with the same bytes, then closes (or resets) the connection.
final class CannedServer: Sendable {
    let port: UInt16
    private let socket: Int32

    init(_ answer: [UInt8], resets: Bool = false) throws {
        let listener = try Listener(backlog: 4)
        port = listener.port
        let listening = dup(listener.socket.number)
        socket = listening
        _ = try LinuxWorld.Thread.start(named: "canned server") {
            while true {
                let caller = accept(listening, nil, nil)
                if caller < 0 {
                    // Closed here and nowhere else: the number may be another server's a moment later.
                    close(listening)
                    return
                }
                var buffer = [UInt8](repeating: 0, count: 1_024)
                _ = read(caller, &buffer, buffer.count)
                _ = write(caller, answer, answer.count)
                if resets {
                    var linger = linger(l_onoff: 1, l_linger: 0)
                    setsockopt(caller, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                }
                close(caller)
            }
        }
    }

    deinit {
        // Wakes the thread out of `accept`.
        shutdown(socket, Int32(SHUT_RDWR))
    }
}
