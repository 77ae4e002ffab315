// Damaged and hostile text: told with its place, cheap to refuse, never a crash.

import SiteConfig
import Testing
import World

@Suite struct HostileText {
    private func bytes(_ text: String, _ extra: [UInt8] = [], _ rest: String = "") -> [UInt8] {
        Array(text.utf8) + extra + Array(rest.utf8)
    }

    @Test("A problem reads file:line:column: found; expected; what to do")
    func format() throws {
        #expect(
            try problems(sensor("driver: bme280\nbus: i2c1\nevery: 10")) == [
                "c.yaml:7:12: found `every: 10`; expected a duration with a unit (ms, s, min, h or d); write "
                    + "`every: 10s`"
            ])
    }

    @Test("Bytes that are no UTF-8 are told with their place, columns in characters")
    func encoding() throws {
        let expected = "expected text in UTF-8; save the file as UTF-8 (the byte looks like Latin-1 or a damaged file)"
        let latin = bytes(head + "# Plaza Constitución, M", [0xE1], "laga\n")
        #expect(
            try problems(bytes: latin) == ["c.yaml:3:24: found the byte 0xE1, which is not UTF-8; \(expected)"])
        // Overlong, surrogate, too large, cut off.
        for wrong: [UInt8] in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(try problems(bytes: wrong).first?.hasPrefix("c.yaml:1:1: found the byte 0x") == true)
        }
    }

    @Test("UTF-16, NUL and control characters are told in plain words")
    func control() throws {
        #expect(
            try problems(bytes: [0xFF, 0xFE, 0x6E, 0x00]) == [
                "c.yaml:1:1: found text in UTF-16; expected UTF-8; save the file as UTF-8 (in Windows Notepad: Save as,"
                    + " Encoding UTF-8)"
            ])
        #expect(
            try problems(bytes: bytes("node:\n  id: ", [0, 0, 0])) == [
                "c.yaml:2:7: found a NUL character; expected plain text; restore the file: it was probably cut "
                    + "by a power"
                    + " failure"
            ])
        #expect(
            try problems(bytes: bytes("a: ", [0x1B], "[0m")) == [
                "c.yaml:1:4: found the control character U+1B; expected plain text; remove it"
            ])
    }

    @Test("A file of more than a mebibyte is refused unread")
    func size() throws {
        let large = [UInt8](repeating: 0x23, count: (1 << 20) + 1)
        #expect(
            try problems(bytes: large) == [
                "c.yaml:1:1: found a file of 1048577 bytes; expected at most 1048576 bytes; check that this is a"
                    + " configuration, or split it"
            ])
    }

    @Test("A billion laughs end at the first thousands")
    func laughs() throws {
        var text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (name, previous) in zip("bcdefghij", "abcdefghi") {
            text += "\(name): &\(name) [" + Array(repeating: "*\(previous)", count: 10).joined(separator: ", ") + "]\n"
        }
        let told = try problems(text)
        #expect(told.contains { $0.contains("aliases that multiply to more than 50000 values") })
        let many = "a: &a x\nb: [" + Array(repeating: "*a", count: 101).joined(separator: ", ") + "]\n"
        #expect(try problems(many).contains { $0.contains("at most 100 aliases") })
    }

    @Test("Nesting, values and problems are bounded")
    func bounds() throws {
        let deep = String(repeating: "[", count: 5_000)
        #expect(try problems(deep).contains { $0.contains("values nested more than 24 deep") })
        let wide = "a: [" + String(repeating: "1,", count: 60_000) + "1]"
        #expect(try problems(wide).contains { $0.contains("more than 50000 values") })
        let typos = head + air + (0..<500).map { "x\($0): 1\n" }.joined()
        let error = try refusal { try load(typos) }
        #expect(error.problems.count == 200 && error.omitted == 300)
        #expect(error.description.hasSuffix("\nand 300 more"))
    }

    @Test("More channels than a node may have are refused")
    func channels() throws {
        let sensors = (0..<1_025).map { "  - {id: s\($0), driver: simulated}\n" }.joined()
        #expect(
            try problems(head + "sensors:\n" + sensors) == [
                "c.yaml:3:1: found 1025 channels; expected at most 1024; divide them among several nodes"
            ])
    }

    @Test("Every file of the set is searched, also when one is no YAML, and nothing is called missing then")
    func set() throws {
        #expect(
            try problems(
                "node: {id: N, city: c}\n",
                dropIns: [
                    ("2.yaml", "sensors: [{id: air, driver: bme280, bus: i2c1}]\nbroken: [\n"),
                    ("1.yaml", "clock: gps\n"),
                    ("3.yaml", "sensors: [{id: air, driver: simulated}]\n"),
                ]
            ) == [
                "c.yaml:1:12: found `id: N`; expected 1 to 63 lower-case letters and digits, `-`, a letter or "
                    + "digit first;"
                    + " write `id: n`",
                "1.yaml:1:8: found `clock: gps`; expected ntp or trust-system; write one of them",
                "2.yaml:3:1: found no value here; expected a value, or the end of a `[` or `{` that is open; "
                    + "close every"
                    + " `[` with `]` and every `{` with `}`",
                "3.yaml:1:16: found a second sensor `air`; expected each id once; rename this one or the one at"
                    + " 2.yaml:1:16",
            ])
    }

    @Test("A drop-in of another shape is refused at its place")
    func shape() throws {
        #expect(
            try problems(head + air, dropIns: [("d.yaml", "- a\n")]) == [
                "d.yaml:1:1: found a list for the whole file; expected a map, as at c.yaml:1:1; write `key: "
                    + "value` lines"
            ])
        #expect(
            try problems(head + air, dropIns: [("d.yaml", "broker: mqtt://x\n")]) == [
                "d.yaml:1:9: found a value for `broker`; expected a map, as at c.yaml:2:9; write `key: value` lines"
            ])
    }

    @Test("Files that the configuration names must be there")
    func files() throws {
        let text = "node: {id: n, city: c}\nbroker: {url: mqtts://b, ca: ca.pem}\n" + air
        #expect(
            try problems(text, exists: false) == [
                "c.yaml:2:30: found `ca: ca.pem`, a file that is not there or not readable; expected a readable file;"
                    + " correct the path, or the file's owner and mode"
            ])
        var asked: [String] = []
        _ = try Configuration.load(
            main: SourceText(name: "/etc/cityedge/c.yaml", bytes: Array(text.utf8)), boards: Files.boards(),
            compatible: ["raspberrypi,4-model-b"],
            fileExists: { path in
                asked.append(path)
                return true
            })
        #expect(asked == ["/etc/cityedge/ca.pem"])
    }

    @Test("An unknown computer is told what to write")
    func unknownBoard() throws {
        func told(_ compatible: [String]) throws -> [String] {
            try refusal {
                try Configuration.load(
                    main: SourceText(name: "c.yaml", bytes: Array((head + air).utf8)), boards: Files.boards(),
                    compatible: compatible, fileExists: { _ in true })
            }.problems.map(\.description)
        }
        let rest =
            "; expected one of the known boards (banana-pi-m5, beaglebone-black, generic, odroid-c4, orangepi-zero-3,"
            + " radxa-zero-3, raspberry-pi-3b-plus, raspberry-pi-4b, raspberry-pi-5, raspberry-pi-cm4,"
            + " raspberry-pi-zero-2w, rock-4, simulated); write `board: NAME` if it is one of them, `board: generic` if"
            + " it is another with GPIO or I2C, or `board: simulated` to try without hardware"
        #expect(
            try told([]) == ["c.yaml:1:1: found `board: auto` on a computer that does not say what board it is\(rest)"])
        #expect(try told(["pine64,rock64"]) == ["c.yaml:1:1: found `board: auto` on `pine64,rock64`\(rest)"])
    }

    @Test("A board definition is checked like a configuration")
    func board() throws {
        let text = """
            name: b
            chip: c
            lines:
              - {name: GPIO1, header: J8-1, offset: 1}
              - {name: GPIO2, header: J8-1, offset: 2}
              - {name: GPIO3, offset: 1}
              - {name: GPIO4, offset: -1}
            buses: [{name: i2c1, path: /dev/i2c-1, lines: [GPIO9]}]
            pins: 3
            """
        let error = try refusal {
            try Configuration.load(
                main: SourceText(name: "c.yaml", bytes: Array((head + air + "board: auto\n").utf8)),
                boards: Files.boards() + [SourceText(name: "boards/b.yaml", bytes: Array(text.utf8))],
                compatible: ["raspberrypi,4-model-b"], fileExists: { _ in true })
        }
        #expect(
            error.problems.map { "\($0.line):\($0.column) \($0.found)" } == [
                "5:5 `J8-1` a second time", "6:5 `offset 1 of c` a second time", "7:27 `offset: -1`",
                "8:48 the line `GPIO9`", "9:1 the unknown key `pins` in the board",
            ])
    }
}

@Suite struct Fuzz {
    /// Same seed, same edits. On failure the seed is in the message; the crash itself shows it on standard error.
    @Test("Random edits of the packaged examples give a site or problems, never a crash", arguments: UInt64(0)..<16)
    func edits(seed: UInt64) throws {
        var good = try Files.read("config/cityedge.yaml").bytes + Files.read("config/simulated.yaml").bytes
        let examples = try Files.list("config/examples")
        if seed >= 8 { good = try Files.read("config/examples/" + examples[Int(seed) % examples.count]).bytes }
        let boards = try Files.boards()
        let interesting = Array("{}[]:,-#&*!|>'\"%@`\t\n ~0x\u{e9}°".utf8) + [0, 0x80, 0xFF]
        var random = World.Random(seed: seed)
        for round in 0..<120 {
            var bytes = good
            for _ in 0...random.below(4) {
                let at = Int(random.below(UInt64(bytes.count)))
                switch random.below(5) {
                case 0: bytes[at] = interesting[Int(random.below(UInt64(interesting.count)))]
                case 1: bytes.insert(interesting[Int(random.below(UInt64(interesting.count)))], at: at)
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + Int(random.below(40))))
                case 3: bytes.removeSubrange(at...)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 80)], at: at)
                }
                if bytes.isEmpty { bytes = [0x0A] }
            }
            do {
                let loaded = try Configuration.load(
                    main: SourceText(name: "c.yaml", bytes: bytes), boards: boards,
                    compatible: ["raspberrypi,5-model-b"], fileExists: { _ in true })
                #expect(!loaded.site.sensors.isEmpty, "seed \(seed), round \(round)")
                let again = try Configuration.load(
                    main: SourceText(name: "c.yaml", bytes: Array(loaded.effective.utf8)), boards: boards,
                    compatible: ["raspberrypi,5-model-b"], fileExists: { _ in true })
                #expect(
                    again.site.channels.configHash == loaded.site.channels.configHash, "seed \(seed), round \(round)")
            } catch {
                #expect(!error.problems.isEmpty, "seed \(seed), round \(round)")
                for problem in error.problems {
                    #expect(
                        problem.line > 0 && problem.column > 0 && !problem.description.contains("\n"),
                        "seed \(seed), round \(round)")
                }
            }
        }
    }
}
