// `cityedge record` and `simulate --replay` as a technician runs them, on the simulated board.

import Glibc
import Testing

@Suite("Recording on a board") struct RecordTests {
    /// A recording of a few sensors, with the configuration it was made with.
    struct Recorded {
        let folder: Folder
        let configuration: String
        let file: String
        let output: String

        init(_ more: String = "", seconds: Int = 1) throws {
            folder = try Folder()
            let program = try folder.write(
                "meter", "#!/bin/sh\necho 'power 1843.5 W'\necho 'energy 12.5 kWh'\nexec tail -f /dev/null\n")
            chmod(program, 0o755)
            let text = site(port: 1883).replacing(
                "kpis:", with: """
                      - {id: air, driver: bme280, bus: i2c1, address: 0x76, every: 200ms}
                      - {id: cabinet, driver: iio, device: bme280, every: 500ms}
                      - {id: p1, driver: external, run: \(program), measures: "power W 1, energy Wh 0", every: 100ms}
                    \(more)kpis:
                    """)
            configuration = try folder.write("site.yaml", text)
            file = folder.path + "/recording.txt"
            let result = try run("cityedge", ["record", "--config", configuration, "--for", "\(seconds)s", file])
            try #require(result.end == .exited(0), "\(result.errors)")
            output = result.output
        }

        func replay(_ file: String? = nil, _ configuration: String? = nil) throws -> (
            end: Program.End?, output: String, errors: String
        ) {
            try run(
                "cityedge",
                ["simulate", "--replay", file ?? self.file, "--config", configuration ?? self.configuration])
        }

        func bytes() throws -> [UInt8] {
            let handle = try #require(fopen(file, "r"))
            defer { fclose(handle) }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = fread(&chunk, 1, chunk.count, handle), count > 0 { bytes += chunk[..<count] }
            return bytes
        }
    }

    @Test("What is recorded on the simulated board gives the same readings, a program's lines with them")
    func same() throws {
        let recorded = try Recorded(seconds: 2)
        let result = try recorded.replay()
        #expect(result.end == .exited(0), "\(result.errors)")
        let lines = result.output.split(separator: "\n")
        let count = try #require(lines.last?.split(separator: " ").first.flatMap { Int($0) })
        #expect(lines.last == "\(count) readings of 6 sensors, the same bit for bit")
        #expect(recorded.output.contains(": \(count) readings of 6 sensors in 2 s, "))
        #expect(lines.count == count + 1, "a line for every reading")
        let expected = ["p1.power", "1843.5 W  good", "p1.energy", "12500 Wh  good", "air.temperature", "water.total"]
        for expected in expected {
            #expect(result.output.contains(expected), "\(expected)")
        }
        #expect(try recorded.replay().output == result.output, "as often as one likes")
    }

    @Test("Ctrl-C ends a recording in order: everything up to it is whole")
    func interrupted() throws {
        let folder = try Folder()
        let configuration = try folder.write("site.yaml", site(port: 1883))
        let file = folder.path + "/recording.txt"
        let program = try Program("cityedge", ["record", "--config", configuration, "--for", "1h", file])
        #expect(program.awaitError("Ctrl-C ends it in order"))
        program.signal(SIGINT)
        #expect(program.wait() == .exited(0), "\(program.errorText)")
        let result = try run("cityedge", ["simulate", "--replay", file, "--config", configuration])
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.hasSuffix("the same bit for bit\n"))
    }

    @Test("A recording that was cut off replays up to there and says so; a damaged one ends with 74")
    func damaged() throws {
        let recorded = try Recorded()
        let bytes = try recorded.bytes()
        let torn = try recorded.folder.write("torn.txt", Array(bytes[..<(bytes.count * 2 / 3)]))
        let result = try recorded.replay(torn)
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(result.output.contains("the same bit for bit; the recording was cut off there"))

        var changed = bytes
        changed[bytes.count / 2] ^= 1
        let damaged = try recorded.replay(try recorded.folder.write("damaged.txt", changed))
        #expect(damaged.end == .exited(74))
        #expect(damaged.errors.contains("the step that begins here is damaged"), "\(damaged.errors)")
        #expect(damaged.errors.contains("the same up to there; take an undamaged copy"))

        let other = try recorded.replay(recorded.configuration)
        #expect(other.end == .exited(74))
        #expect(
            other.errors
                == "\(recorded.configuration):1: found `node: {id: bench-1, city: test}`; "
                + "expected `cityedge recording 1`; give a file that `cityedge record` wrote\n")
        #expect(try recorded.replay(recorded.folder.path + "/none").end == .exited(74))
    }

    @Test("Another configuration is refused with both hashes, another order of the sensors with the first that moved")
    func anotherConfiguration() throws {
        let recorded = try Recorded()
        let text = String(decoding: try Array(run("/bin/cat", [recorded.configuration]).output.utf8), as: UTF8.self)
        let changed = try recorded.folder.write(
            "changed.yaml", text.replacing("per_pulse: 10 L", with: "per_pulse: 100 L"))
        let result = try recorded.replay(nil, changed)
        #expect(result.end == .exited(78))
        #expect(result.errors.hasPrefix("\(changed): config "), "\(result.errors)")
        #expect(result.errors.contains("; expected the configuration it was recorded with, config "))
        #expect(result.output == "")

        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let street = try #require(lines.firstIndex { $0.contains("id: street") })
        lines.swapAt(street, street + 1)
        let moved = try recorded.folder.write("moved.yaml", lines.joined(separator: "\n"))
        let order = try recorded.replay(nil, moved)
        #expect(order.end == .exited(78))
        #expect(order.errors.contains("found sensor pm where street was"), "\(order.errors)")
    }

    @Test("A recording never writes over a file, and a length that cannot be is refused")
    func refused() throws {
        let folder = try Folder()
        let configuration = try folder.write("site.yaml", site(port: 1883))
        let there = try folder.write("there.txt", "mine\n")
        let result = try run("cityedge", ["record", "--config", configuration, "--for", "1s", there])
        #expect(result.end == .exited(74))
        #expect(result.errors.contains("expected a name that is not taken"), "\(result.errors)")
        #expect(try run("/bin/cat", [there]).output == "mine\n")
        for length in ["0s", "2d", "soon", "10"] {
            let result = try run("cityedge", ["record", "--config", configuration, "--for", length, folder.path + "/x"])
            #expect(result.end == .exited(64), "\(length): \(result.errors)")
        }
        #expect(access(folder.path + "/x", F_OK) != 0)
    }
}
