// The daemon as it is delivered, against a real mosquitto on the loopback interface, seen by a subscriber of ours.

import Glibc
import LinuxWorld
import World

/// A mosquitto with a plain listener and, if asked for, one with TLS that wants a certificate of its clients.
final class Mosquitto {
    let folder: Folder
    let port: UInt16
    let tlsPort: UInt16?
    private var process: ChildProcess

    init(withTLS: Bool = false) throws {
        let folder = try Folder(under: "/tmp")
        let port = try freeLoopbackPort()
        var lines = [
            "listener \(port) 127.0.0.1", "allow_anonymous true", "user root", "log_type error",
            "max_queued_messages 0",
        ]
        var tlsPort: UInt16?
        if withTLS {
            try Self.makeCertificates(in: folder)
            let own = try freeLoopbackPort()
            lines += [
                "listener \(own) 127.0.0.1", "cafile \(folder.path)/ca.pem", "certfile \(folder.path)/localhost.pem",
                "keyfile \(folder.path)/localhost.key", "require_certificate true",
            ]
            tlsPort = own
        }
        try folder.write("mosquitto.conf", lines.joined(separator: "\n") + "\n")
        // Debian keeps it in /usr/sbin, which is not in everybody's PATH.
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].first { fileExists($0) } ?? "mosquitto"
        let process = try ChildProcess(program, ["-c", folder.path + "/mosquitto.conf"])
        self.folder = folder
        self.port = port
        self.tlsPort = tlsPort
        self.process = process
    }

    private static func makeCertificates(in folder: Folder) throws {
        let path = folder.path
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try run(
            "openssl",
            ["req", "-x509"] + key + ["-keyout", path + "/ca.key", "-out", path + "/ca.pem", "-subj", "/CN=bench"])
        try folder.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        for name in ["localhost", "bench"] {
            try run(
                "openssl",
                ["req"] + key
                    + ["-keyout", "\(path)/\(name).key", "-out", "\(path)/\(name).csr", "-subj", "/CN=\(name)"])
            try run(
                "openssl",
                [
                    "x509", "-req", "-in", "\(path)/\(name).csr", "-CA", path + "/ca.pem", "-CAkey", path + "/ca.key",
                    "-CAcreateserial", "-out", "\(path)/\(name).pem", "-extfile", path + "/names",
                ])
        }
    }

    /// The daemon's `broker` section.
    var section: String {
        guard let tlsPort else { return "{url: \"mqtt://127.0.0.1:\(port)\"}" }
        let path = folder.path
        return "{url: \"mqtts://localhost:\(tlsPort)\", ca: \(path)/ca.pem, certificate: \(path)/bench.pem, "
            + "key: \(path)/bench.key}"
    }
}

/// A subscriber to everything, or to one topic. It runs only inside `listen`, on the caller's thread.
final class Listener {
    private var broker: MosquittoBroker
    private var loop: EventLoop
    private let clock = LinuxClock()

    init(to mosquitto: Mosquitto, topic: String = "#") throws {
        let broker = try MosquittoBroker(incomingPacketLimit: 16 << 20)
        let descriptor = broker.descriptor
        var loop = try EventLoop()
        // Apart: Swift 6.0 fails at `broker.descriptor` in a call that may throw, for a value that is consumed later.
        try loop.watch(descriptor)
        self.broker = broker
        self.loop = loop
        try subscribe(mosquitto, topic)
    }

    private func subscribe(_ mosquitto: Mosquitto, _ topic: String) throws {
        let session = SessionParameters(
            address: BrokerAddress(host: "127.0.0.1", port: mosquitto.port), tls: nil, version: .v5,
            clientID: "listener", username: nil, password: nil, keepAliveSeconds: 60, will: nil)
        let limit = clock.now() + .seconds(10)
        broker.connect(session)
        while clock.now() < limit {
            while let happening = broker.nextEvent() {
                switch happening {
                case .connected:
                    try broker.subscribe(topic)
                    return
                case .ended:
                    // It is still starting.
                    loop.wait(until: clock.now() + .milliseconds(50))
                    broker.connect(session)
                case .acknowledged, .received: break
                }
            }
            loop.follow(broker.watch)
            loop.wait(until: min(limit, broker.deadline()))
        }
        throw BenchFault("mosquitto did not answer in 10 s")
    }

    /// Takes messages until the moment, or until `take` says that it is enough; false: the moment came.
    @discardableResult
    func listen(until moment: Boottime, _ take: (BrokerMessage) throws -> Bool) throws -> Bool {
        while clock.now() < moment {
            while let happening = broker.nextEvent() {
                switch happening {
                case .received(let message): if try take(message) { return true }
                case .ended(let fault): throw BenchFault("the subscriber's session ended: \(fault)")
                case .connected, .acknowledged: break
                }
            }
            loop.follow(broker.watch)
            loop.wait(until: min(moment, broker.deadline()))
        }
        return false
    }
}

/// `cityedged`, which stands beside this program.
final class Daemon {
    static var program: String { programFolder() + "/cityedged" }
    private static let quantities = ["temperature", "humidity", "pressure", "pm2_5", "pm10", "no2", "noise", "power"]

    private let folder: Folder
    private let runtime: Folder
    private var process: ChildProcess
    var processID: pid_t { process.processID }

    /// `state`: a folder that has something in it already.
    init(channels: Int, every: String, to mosquitto: Mosquitto, state: String? = nil) throws {
        guard fileExists(Self.program) else {
            throw BenchFault(
                "no \(Self.program); build it: swift build -c release --static-swift-stdlib --product cityedged")
        }
        let folder = try Folder(under: "/tmp")
        // The runtime directory is a tmpfs in service.
        let runtime = try Folder(under: isDirectory("/dev/shm") ? "/dev/shm" : "/tmp")
        var lines = [
            "node: {id: bench, city: nowhere}", "board: simulated", "clock: trust-system",
            "broker: \(mosquitto.section)", "sensors:",
        ]
        for number in 0..<channels {
            let quantity = Self.quantities[number % Self.quantities.count]
            lines.append("  - {id: s\(number), driver: simulated, quantity: \(quantity), every: \(every)}")
        }
        try folder.write("bench.yaml", lines.joined(separator: "\n") + "\n")
        let process = try ChildProcess(
            Self.program,
            ["--config", folder.path + "/bench.yaml", "--runtime", runtime.path, "--state", state ?? folder.path + "/state"],
            outputTo: folder.path + "/log")
        self.folder = folder
        self.runtime = runtime
        self.process = process
    }

    /// Its end, if it has ended by itself, with what it said.
    func checkRunning() throws {
        guard let end = process.wait(atMost: .zero) else { return }
        throw BenchFault("cityedged ended: \(end)\n" + ((try? text(folder.path + "/log")) ?? ""))
    }

    func stop() throws {
        process.signal(SIGTERM)
        guard process.wait(atMost: .seconds(5)) == .exited(status: 0) else {
            throw BenchFault("cityedged did not stop\n" + ((try? text(folder.path + "/log")) ?? ""))
        }
    }
}
