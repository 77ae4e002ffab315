// What a technician gets for a configuration, good or bad: messages with file, line and column, and the exit code.

import Glibc
import Testing

/// A node on the simulated board with a few quick sensors.
func site(port: UInt16, scheme: String = "mqtt", host: String = "127.0.0.1", more: String = "") -> String {
    """
    node: {id: bench-1, city: test}
    board: simulated
    clock: trust-system
    broker: {url: "\(scheme)://\(host):\(port)"\(more)}
    sensors:
      - {id: street, driver: simulated, quantity: temperature, seed: 1, every: 200ms}
      - {id: pm, driver: simulated, quantity: pm2_5, seed: 2, every: 200ms}
      - {id: water, driver: pulse-counter, line: GPIO17, per_pulse: 10 L, every: 1s}
    kpis:
      - {indicator: en-en-ws-2c, from: water.volume, window: 15min}

    """
}

@Suite("Checking") struct CheckTests {
    @Test("The configurations that come with the agent are good", arguments: ["demo", "simulated", "simulation"])
    func shipped(_ name: String) throws {
        let result = try run("cityedge", ["validate", "\(repository)/config/\(name).yaml"])
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.contains("ok: node "))
    }

    @Test(
        "The examples of every use are good",
        arguments: ["drainage", "energy", "mains", "park", "public-building", "traffic", "water"])
    func examples(_ name: String) throws {
        let result = try run("cityedge", ["validate", "\(repository)/config/examples/\(name).yaml"])
        #expect(result.end == .exited(0), "\(result.errors)")
    }

    @Test("A certificate that has ended is a problem for who checks, and not for the node that is in service")
    func certificates() throws {
        let folder = try Folder()
        func example(_ year: Int) throws -> String {
            let read = try run("/bin/sed", [
                "-e", "s|valid_until: [0-9]*-|valid_until: \(year)-|", "\(repository)/config/examples/environment.yaml",
            ])
            return try folder.write("\(year).yaml", read.output)
        }
        #expect(try run("cityedge", ["validate", example(2099)]).end == .exited(0))
        let ended = try run("cityedge", ["validate", example(2021)])
        #expect(ended.end == .exited(78))
        #expect(ended.errors.contains("found a certificate that ended with 2021-03-01; expected one that is in force"))
        #expect(try run("cityedge", ["config", "show", example(2021)]).end == .exited(0))
    }

    @Test("The commented example is good but for what only the node itself has: its board and its keys")
    func example() throws {
        let folder = try Folder()
        for name in ["ca.pem", "node.pem", "node.key"] { try folder.write(name, "-----BEGIN-----\n") }
        let read = try run("/bin/sed", [
            "-e", "s|/etc/cityedge/|\(folder.path)/|", "-e", "s|^board: auto|board: raspberry-pi-4b|",
            "\(repository)/config/cityedge.yaml",
        ])
        let file = try folder.write("cityedge.yaml", read.output)
        let result = try run("cityedge", ["validate", file])
        #expect(result.end == .exited(0), "\(result.errors)")
    }

    @Test("A time zone is looked up in this computer's database: the nearest name, what to install, what is damaged")
    func timezone() throws {
        let folder = try Folder()
        func errors(_ timezone: String, _ database: String? = nil) throws -> String {
            let text = site(port: 1883).replacing("city: test", with: "city: test, timezone: \(timezone)")
            let file = try folder.write("site.yaml", text)
            let result = try run("cityedge", ["validate", file], environment: database.map { ["TZDIR": $0] } ?? [:])
            #expect(result.end == .exited(result.errors.isEmpty ? 0 : 78), "\(result.errors)")
            return result.errors.split(separator: "\n").first.map { String($0.dropFirst(file.utf8.count)) } ?? ""
        }
        #expect(try errors("Europe/Madrid") == "")
        #expect(
            try errors("Europe/Madird")
                == ":1:43: found the unknown time zone `Europe/Madird`; expected a name of the tz database, or UTC; "
                + "write `timezone: Europe/Madrid`")
        #expect(try errors("Argentina/Ushuaia").hasSuffix("; write `timezone: America/Argentina/Ushuaia`"))
        #expect(try errors("Europe").contains("found `timezone: Europe`;"))
        #expect(
            try errors("Europe/Madrid", folder.path + "/none")
                == ":1:43: found `timezone: Europe/Madrid`: no tz database in \(folder.path)/none; "
                + "expected the database of time zones; `apt install tzdata`")
        #expect(try errors("UTC", folder.path + "/none") == "", "needs none")
        try folder.write("Broken", "TZif and nothing else")
        #expect(
            try errors("Europe/Broken", folder.path).contains("the unknown time zone"), "a folder that is not there")
        _ = try folder.makeFolder("Etc")
        try folder.write("Etc/Broken", "TZif and nothing else")
        try folder.write("tzdata.zi", "# version 2026c\nZ Etc/Broken 0 - X\nL Etc/Broken Old/Broken\n")
        #expect(
            try errors("Old/Broken", folder.path)
                == ":1:43: found the former time zone `Old/Broken`; expected its name of today; "
                + "write `timezone: Etc/Broken`")
        #expect(
            try errors("Etc/Broken", folder.path)
                == ":1:43: found `timezone: Etc/Broken`: a damaged file, \(folder.path)/Etc/Broken, byte 21: "
                + "found the end of the file, expected a header of 44 bytes at byte 0; "
                + "expected a sound file of the tz database; `apt install --reinstall tzdata`")
    }

    @Test("Every problem of a file is told at once, each with its place, and the end is 78")
    func everyProblem() throws {
        let folder = try Folder()
        let file = try folder.write(
            "bad.yaml",
            """
            node: {id: n1, city: c}
            board: simulated
            broker: {url: "mqtt://127.0.0.1"}
            sensors:
              - {id: a, driver: bme208, bus: i2c1}
              - {id: b, driver: bme280, bus: i2c1, address: 0x99}
              - {id: c, driver: bme280, bus: i2c9}
              - {id: d, driver: simulated, quantity: temperature, every: often}
              - {id: e, driver: digital-input, line: GPIO99}
            kpi: []

            """)
        for command in [["validate", file], ["run", "-c", file], ["read", "-c", file]] {
            let result = try run("cityedge", command)
            #expect(result.end == .exited(78))
            let places = ["5:21", "6:49", "7:34", "8:62", "9:42", "10:1"]
            let lines = result.errors.split(separator: "\n")
            #expect(lines.count == places.count + 1, "\(result.errors)")
            for (line, place) in zip(lines, places) { #expect(line.hasPrefix("\(file):\(place): found "), "\(line)") }
            #expect(lines.last == "6 problems")
        }
        let daemon = try run("cityedged", ["--config", file])
        #expect(daemon.end == .exited(78))
    }

    struct Mistake: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var text: String
        var place: String
        var says: [String]
        init(_ what: String, _ text: String, at place: String, says: String...) {
            testDescription = what
            self.text = text
            self.place = place
            self.says = says
        }
    }

    private static func one(_ sensor: String) -> String {
        """
        node: {id: n1, city: c}
        board: simulated
        broker: {url: "mqtt://127.0.0.1"}
        sensors:
          - \(sensor)

        """
    }

    static let mistakes = [
        Mistake("bad YAML", "node: {id: a\n", at: "2:1", says: "found no end to the map", "close the map"),
        Mistake("tab indents", "node:\n\tid: a\n", at: "2:1", says: "found a tab", "spaces"),
        Mistake("not UTF-8", "node: {id: \u{0}}\n", at: "1:", says: "found"),
        Mistake("empty", "", at: "1:1", says: "found"),
        Mistake(
            "wrong type", one("{id: a, driver: simulated, quantity: [temperature]}"), at: "5:42", says: "found a list"),
        Mistake(
            "unknown driver", one("{id: a, driver: bme208, bus: i2c1}"), at: "5:21",
            says: "unknown driver `bme208`", "write `driver: bme280`"),
        Mistake(
            "address out of range", one("{id: a, driver: bme280, bus: i2c1, address: 0x80}"), at: "5:49",
            says: "`address: 0x80`", "0x76 or 0x77"),
        Mistake(
            "unknown bus", one("{id: a, driver: bme280, bus: i2c7}"), at: "5:34", says: "`bus: i2c7`", "expected i2c1"),
        Mistake(
            "unit missing", one("{id: a, driver: simulated, quantity: temperature, every: 10}"), at: "5:62",
            says: "`every: 10`", "unit"),
        Mistake(
            "one address twice",
            one("{id: a, driver: bme280, bus: i2c1}\n  - {id: b, driver: bme280, bus: i2c1, address: 0x76}"),
            at: "6:", says: "0x76"),
        Mistake(
            "a bus's pin as a line",
            one("{id: a, driver: digital-input, line: GPIO2}\n  - {id: b, driver: bme280, bus: i2c1}"),
            at: "5:", says: "GPIO2"),
    ]

    @Test("Each mistake has its own message, with its place and what to do", arguments: mistakes)
    func mistake(_ mistake: Mistake) throws {
        let folder = try Folder()
        let file = try folder.write("site.yaml", mistake.text)
        let result = try run("cityedge", ["validate", file])
        #expect(result.end == .exited(78))
        let first = result.errors.split(separator: "\n").first ?? ""
        #expect(first.hasPrefix("\(file):\(mistake.place)"), "\(result.errors)")
        for words in mistake.says { #expect(result.errors.contains(words), "\(result.errors)") }
        #expect(
            result.errors.split(separator: "\n").allSatisfy {
                $0.contains("; ") || $0.hasSuffix("problem") || $0.hasSuffix("problems")
            })
    }

    @Test("A missing file is told with its path, by every command", arguments: ["validate", "run", "read", "cityedged"])
    func missing(_ command: String) throws {
        let path = "/nonexistent/site.yaml"
        let result =
            switch command {
            case "cityedged": try run("cityedged", ["--config", path])
            case "validate": try run("cityedge", ["validate", path])
            default: try run("cityedge", [command, "--config", path])
            }
        #expect(result.end == .exited(78))
        #expect(result.errors.hasPrefix("\(path):1:1: No such file or directory; expected "), "\(result.errors)")
    }

    @Test(
        "An unknown argument is 64, and shows the usage",
        arguments: [["cityedge", "--nope"], ["cityedge", "frobnicate"], ["cityedge", "demo", "--for", "soon"],
            ["cityedge", "demo", "--for", "5s", "--outage", "6s"], ["cityedge", "simulate", "--seed", "x"],
            ["cityedged", "--nope"], ["cityedged"], ["cityedged", "--config"]])
    func usage(_ command: [String]) throws {
        let result = try run(command[0], Array(command.dropFirst()))
        #expect(result.end == .exited(64))
        #expect(result.errors.lowercased().contains("usage: \(command[0])"), "\(result.errors)")
        #expect(result.output.isEmpty)
    }

    @Test("Hardware that is not there is 69 for a one-shot command, each sensor with what to look at")
    func absentHardware() throws {
        let folder = try Folder()
        let file = try folder.write(
            "site.yaml",
            """
            node: {id: n1, city: c}
            board: raspberry-pi-5
            broker: {url: "mqtt://127.0.0.1"}
            sensors:
              - {id: air, driver: bme280, bus: i2c3, address: 0x76}
              - {id: door, driver: digital-input, line: GPIO17}
              - {id: cabinet, driver: iio, device: no-such-device, measures: temperature}

            """)
        let check = try run("cityedge", ["validate", file])
        try #require(check.end == .exited(0), "\(check.errors)")
        let result = try run("cityedge", ["read", "-c", file])
        #expect(result.end == .exited(69))
        #expect(result.output.contains("air.temperature") && result.output.contains("bad: not available"))
        for (sensor, words) in [("air", "the bus"), ("door", "GPIO"), ("cabinet", "kernel")] {
            let line = result.errors.split(separator: "\n").first { $0.hasPrefix("sensor \(sensor) ") }
            #expect(line?.contains(words) == true, "\(result.errors)")
            #expect(line?.contains("expected") == true, "\(result.errors)")
        }
    }

    @Test("read prints every channel of every sensor with its unit; of one when asked; an unknown one is 64")
    func reading() throws {
        let demo = "\(repository)/config/demo.yaml"
        let all = try run("cityedge", ["read", "-c", demo])
        #expect(all.end == .exited(0), "\(all.errors)")
        let channels = [
            "no2.no2", "benzene.c6h6", "street.temperature", "damp.humidity", "air.temperature", "air.pressure",
            "air.humidity", "roof.temperature", "roof.pressure", "roof.humidity", "water.volume", "water.total",
            "energy.energy", "energy.total", "mains.state", "door.state", "cabinet.temperature", "cabinet.pressure",
            "cabinet.humidity", "pm.pm2_5", "noise.noise", "lobby.temperature", "cellar.humidity", "tower.pressure",
        ]
        let lines = all.output.split(separator: "\n")
        #expect(lines.map { String($0.prefix { $0 != " " }) } == channels)
        #expect(lines.first { $0.hasPrefix("air.temperature") }?.contains(" °C  good") == true)

        let one = try run("cityedge", ["read", "air", "-c", demo])
        #expect(one.end == .exited(0))
        #expect(one.output.split(separator: "\n").count == 3)
        let none = try run("cityedge", ["read", "nobody", "-c", demo])
        #expect(none.end == .exited(64))
        #expect(none.errors.contains("no sensor nobody"))
    }

    @Test("drivers lists the catalogue, for people and as JSON")
    func drivers() throws {
        let some = ["bme280", "digital-input", "external", "i2c-registers", "iio", "pulse-counter", "sht4x", "simulated"]
        let json = try run("cityedge", ["drivers", "--json"])
        #expect(json.end == .exited(0))
        let found = json.output.split(separator: "\n").compactMap { member("name", of: String($0)) }
        #expect(found == found.sorted() && some.allSatisfy(found.contains) && found.count > 45)
        let folder = try Folder()
        if access("/usr/bin/python3", X_OK) == 0 {
            let file = try folder.write("drivers.json", json.output)
            #expect(try run("/usr/bin/python3", ["-m", "json.tool", file]).end == .exited(0), "well-formed JSON")
        }
        let text = try run("cityedge", ["drivers"])
        for name in found { #expect(text.output.contains("\(name): ")) }
        // Also those whose channels follow from what must be given.
        #expect(text.output.split(separator: "\n").filter { $0.hasPrefix("  channels: ") }.count == found.count)
    }

    @Test("The same seed simulates the same bytes, another seed others")
    func simulate() throws {
        let first = try run("cityedge", ["simulate", "--seed", "11"])
        #expect(first.end == .exited(0), "\(first.errors)")
        #expect(first.output.split(separator: "\n").count > 100)
        #expect(try run("cityedge", ["simulate", "--seed", "11"]).output == first.output)
        #expect(try run("cityedge", ["simulate", "--seed", "12"]).output != first.output)
    }

    @Test("A folder that cannot be written is 74, and says which", arguments: ["runtime", "state"])
    func unwritable(_ which: String) throws {
        let folder = try Folder()
        let file = try folder.write("site.yaml", site(port: 1))
        // A file where a folder should be: also root cannot write into it.
        let blocked = try folder.write("blocked", "")
        let other = which == "runtime" ? "state" : "runtime"
        for program in ["cityedge", "cityedged"] {
            let result = try run(
                program,
                (program == "cityedge" ? ["run"] : []) + [
                    "--config", file, "--\(which)", blocked + "/inner", "--\(other)", folder.path + "/" + other,
                ])
            #expect(result.end == .exited(74), "\(result.errors)")
            #expect(result.errors.contains("\(which) folder \(blocked)/inner: "), "\(result.errors)")
            #expect(result.errors.contains("expected a folder that this user may write"))
        }
    }
}
