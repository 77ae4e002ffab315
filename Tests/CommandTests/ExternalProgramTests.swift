// Any other program as a sensor of the real daemon: its lines arrive at the broker, its end is told and mended, and no
// program that misbehaves costs the daemon its other sensors or its end.

import Glibc
import Testing

@Suite("External programs")
struct ExternalProgramTests {
    /// A daemon with these sensors, and what has arrived from it.
    private struct Service {
        let folder: Folder
        let broker: Broker
        let witness: Witness
        let daemon: Program
        var runtime: String { folder.path + "/run" }

        init(_ folder: Folder, sensors: [String]) throws {
            self.folder = folder
            broker = try Broker(folder: folder)
            witness = try Witness(port: broker.port)
            let file = try folder.write(
                "site.yaml",
                """
                node: {id: bench-1, city: test}
                board: simulated
                clock: trust-system
                broker: {url: "mqtt://127.0.0.1:\(broker.port)"}
                sensors:

                """ + sensors.map { "  - {\($0)}\n" }.joined())
            daemon = try Program(
                "cityedged", ["--config", file, "--runtime", folder.path + "/run", "--state", folder.path + "/state"])
        }

        /// Good values of a channel, in the order of their arrival.
        func values(_ channel: String) -> [String] {
            witness.records.filter { member("n", of: $0) == channel }.compactMap { member("v", of: $0) }
        }

        func awaitValues(_ channel: String, _ isThere: ([String]) -> Bool) -> Bool {
            witness.read { _ in isThere(values(channel)) }
        }
    }

    /// `id`, and a shell script of its own that is run for it.
    private static func sensor(_ folder: Folder, _ id: String, _ script: String, _ more: String = "") throws -> String {
        let file = try folder.write("\(id).sh", script + "\n")
        return "id: \(id), driver: external, run: \"/bin/sh \(file)\", measures: power W 0, every: 200ms\(more)"
    }

    /// Processes that run a script of the folder.
    private static func running(_ folder: Folder) -> Int {
        guard let processes = opendir("/proc") else { return -1 }
        defer { closedir(processes) }
        var count = 0
        while let entry = readdir(processes) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.allSatisfy(\.isNumber), let file = fopen("/proc/\(name)/cmdline", "r") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let length = fread(&bytes, 1, bytes.count, file)
            let words = String(decoding: bytes[..<length], as: UTF8.self)
            if words.contains(folder.path), words.hasPrefix("/bin/sh") || words.hasPrefix("sleep") { count += 1 }
        }
        return count
    }

    @Test("A program's lines arrive at the broker with their values; one that dies is told, started again, and back")
    func diesAndComesBack() throws {
        let folder = try Folder()
        let script = """
            echo power 1 kW
            sleep 0.5
            if [ ! -e \(folder.path)/died ]; then touch \(folder.path)/died; echo no port >&2; exit 3; fi
            while :; do echo power 2 kW; sleep 0.2; done
            """
        let service = try Service(folder, sensors: [try Self.sensor(folder, "meter", script)])
        let daemon = service.daemon
        try #require(service.awaitValues("meter.power") { $0.contains("1000") }, "\(daemon.errorText)")
        try #require(service.awaitValues("meter.power") { $0.contains("2000") }, "\(daemon.errorText)")
        daemon.signal(SIGTERM)
        #expect(daemon.wait(within: 20_000) == .exited(0))
        let told = daemon.errorLines.filter { $0.contains("meter") }
        #expect(told.filter { $0.contains("the program ended (status 3: no port)") }.count == 1, "\(daemon.errorText)")
        #expect(told.filter { $0.contains("back") }.count == 1, "\(daemon.errorText)")
        #expect(Self.running(folder) == 0)
    }

    @Test("A program that says nothing for `silent_after` is ended and started again, and the sensor comes back")
    func hangs() throws {
        let folder = try Folder()
        // It will not go by itself either.
        let script = """
            echo power 1
            if [ ! -e \(folder.path)/hung ]; then touch \(folder.path)/hung; trap '' TERM; while :; do sleep 1; done; fi
            while :; do echo power 2; sleep 0.2; done
            """
        let service = try Service(folder, sensors: [try Self.sensor(folder, "meter", script, ", silent_after: 1s")])
        try #require(service.awaitValues("meter.power") { $0.contains("2") }, "\(service.daemon.errorText)")
        service.daemon.signal(SIGTERM)
        #expect(service.daemon.wait(within: 20_000) == .exited(0))
        let told = service.daemon.errorLines.filter { $0.contains("meter") }
        #expect(told.filter { $0.contains("the program says nothing") }.count == 1, "\(told)")
        #expect(told.filter { $0.contains("back") }.count == 1, "\(told)")
    }

    @Test("Datagrams from socat arrive with their values")
    func socket() throws {
        let folder = try Folder()
        let service = try Service(
            folder,
            sensors: [
                "id: sky, driver: external, socket: sky, measures: \"temperature Cel 1, wind m/s 1\", every: 200ms"
            ])
        let path = service.runtime + "/sky.sock"
        try #require(service.daemon.awaitError("broker: connected"), "\(service.daemon.errorText)")
        let lines = try folder.write("lines", "temperature 70.7 °F\nwind 7.2 km/h\n")
        #expect(
            try run("/usr/bin/socat", ["-u", "OPEN:\(lines)", "UNIX-SENDTO:\(path)"]).end == .exited(0))
        try #require(service.awaitValues("sky.temperature") { !$0.isEmpty }, "\(service.daemon.errorText)")
        try #require(service.awaitValues("sky.wind") { !$0.isEmpty })
        #expect(service.values("sky.temperature") == ["21.5"])
        #expect(service.values("sky.wind").map { Double($0) } == [2])
        service.daemon.signal(SIGTERM)
        #expect(service.daemon.wait(within: 20_000) == .exited(0))
        #expect(access(path, F_OK) != 0)
    }

    @Test("Programs that flood, hang, spew binary or endless lines, or close their output cost nobody else anything")
    func hostile() throws {
        let folder = try Folder()
        let scripts = [
            ("flood", "exec yes power 1"), ("complaints", "exec yes power 1 >&2"), ("binary", "exec cat /dev/urandom"),
            ("endless", "tr '\\0' 1 </dev/zero"), ("closed", "exec >&-; trap '' TERM; while :; do sleep 1; done"),
            ("stubborn", "trap '' TERM; echo power 1; while :; do sleep 1; done"),
            // Its child holds the output open when it has gone.
            ("orphan", "sleep 1000 & echo power 1; exit 4"), ("many", "for n in 1 2 3 4 5; do sleep 1000 & done; wait"),
        ]
        var sensors = ["id: street, driver: simulated, quantity: temperature, seed: 1, every: 200ms"]
        sensors.append(try Self.sensor(folder, "honest", "while :; do echo power 7; sleep 0.2; done"))
        for (id, script) in scripts { sensors.append(try Self.sensor(folder, id, script)) }
        let service = try Service(folder, sensors: sensors)
        try #require(
            service.awaitValues("honest.power") { $0.count >= 10 && $0.allSatisfy { $0 == "7" } },
            "\(service.daemon.errorText)")
        #expect(service.values("street.temperature").count >= 10)
        try #require(service.awaitValues("flood.power") { $0.contains("1") })
        for (id, says) in [
            ("closed", "it closed its output and ran on"), ("orphan", "status 4"),
            ("binary", "lines that cannot be meant"),
        ] {
            try #require(
                service.daemon.read { $0.errorLines.contains { $0.contains(id) && $0.contains(says) } },
                "\(id): \(service.daemon.errorText)")
        }
        let begin = milliseconds()
        service.daemon.signal(SIGTERM)
        #expect(service.daemon.wait(within: 20_000) == .exited(0))
        #expect(milliseconds() - begin < 2_500, "2 s, and the machine's own")
        #expect(Self.running(folder) == 0, "none of them outlives it")
    }
}
