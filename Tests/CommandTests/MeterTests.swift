// The programs of config/programs against meters: a P1 port and a Modbus RTU server at the far end of a pair of serial
// ports. Needs socat and mbpoll, which .ci/install brings; without them the tests fail.

import Glibc
import Testing

/// Two serial ports of the kernel's, wired to each other by socat.
private final class SerialPair {
    let near: String
    let far: String
    private let socat: Program

    init(_ folder: Folder) throws {
        near = folder.path + "/near"
        far = folder.path + "/far"
        socat = try Program(
            "/usr/bin/socat", ["-d", "-d", "pty,rawer,link=\(near)", "pty,rawer,link=\(far)"])
        try #require(socat.awaitError("starting data transfer loop"), "\(socat.errorText)")
    }
}

/// Our own Modbus RTU server on the far end.
private func meter(_ pair: SerialPair, _ more: [String] = []) throws -> Program {
    let server = try Program(
        "/usr/bin/python3", ["\(repository)/Tests/CommandTests/Meters/rtu-server.py", pair.far, "7"] + more)
    try #require(server.read { $0.outputText.contains("ready\n") }, "\(server.errorText)")
    return server
}

/// The example of "P1 Companion Standard" 5.0.2, section 6.13, as a meter sends it. The standard prints EF2F as its
/// checksum, which is not that of the text as printed; E47C is, as other readers of the same text have found.
private func telegram() throws -> [UInt8] {
    let file = try #require(fopen("\(repository)/Tests/CommandTests/Meters/dsmr5.txt", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = fread(&bytes, 1, bytes.count, file)
    return bytes[..<count].flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
}

private let telegramLines = [
    "energy_1 123456.789 kWh", "energy_2 123456.789 kWh", "returned_1 123456.789 kWh", "returned_2 123456.789 kWh",
    "power 1.193 kW", "returned_power 0.000 kW", "gas 12785.123 m3 -320",
]

private let p1Port = "\(repository)/config/programs/p1-port"
private let modbusMeter = "\(repository)/config/programs/modbus-meter"

private func lines(_ program: Program) -> [String] { program.outputText.split(separator: "\n").map(String.init) }

/// What a sensor `meter` of this program reads, once.
private func read(
    _ folder: Folder, run command: String, measures: String
) throws -> (end: Program.End?, output: String, errors: String) {
    let file = try folder.write(
        "site.yaml",
        """
        node: {id: bench-1, city: test}
        board: simulated
        broker: {url: "mqtt://127.0.0.1:1"}
        sensors:
          - id: meter
            driver: external
            run: \(command)
            measures: \(measures)

        """)
    return try run("cityedge", ["read", "--config", file])
}

@Suite("P1 port")
struct P1PortTests {
    /// Writes as a meter does: in pieces that end anywhere.
    private static func send(_ bytes: [UInt8], to path: String, piece: Int) throws {
        let port = open(path, O_WRONLY | O_NOCTTY)
        try #require(port >= 0)
        defer { close(port) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(port, Array(rest.prefix(piece)), min(piece, rest.count))
            try #require(count > 0)
            rest = rest.dropFirst(count)
        }
    }

    @Test("The standard's example telegram gives its lines at once, while the port stays open")
    func example() throws {
        let folder = try Folder()
        let pair = try SerialPair(folder)
        let reader = try Program(p1Port, [pair.near])
        let telegram = try telegram()
        // It may not have opened the port yet; what nobody reads is kept by the kernel.
        try Self.send(Array(telegram.suffix(40)) + telegram, to: pair.far, piece: 7)
        try #require(reader.read { lines($0).count >= telegramLines.count }, "\(reader.errorText)")
        #expect(lines(reader) == telegramLines)
        // The same telegram again: the gas meter has not been read anew.
        try Self.send(telegram, to: pair.far, piece: 64)
        try #require(reader.read { lines($0).count >= 2 * telegramLines.count - 1 }, "\(reader.errorText)")
        #expect(lines(reader) == telegramLines + telegramLines.dropLast())
        #expect(reader.errorText.isEmpty)
    }

    @Test("A telegram with a wrong checksum, cut short or without one gives no line; the good one after it does")
    func damaged() throws {
        let folder = try Folder()
        let good = try telegram()
        var flipped = good
        let place = try #require(good.firstIndex(of: UInt8(ascii: "9")))
        flipped[place] ^= 1
        // As printed in the standard.
        let printed = Array(good.dropLast(6)) + Array("EF2F\r\n".utf8)
        let bare = Array(good.dropLast(6)) + Array("\r\n".utf8)
        for (name, bytes, says) in [
            ("flipped", flipped, "checksum is wrong"), ("printed", printed, "EF2F was sent"),
            ("bare", bare, "without a checksum"), ("short", Array(good.prefix(300)), ""),
        ] {
            let alone = try run(p1Port, [try folder.write(name, bytes)])
            #expect(alone.end == .exited(0) && alone.output.isEmpty, "\(name)")
            #expect(says.isEmpty ? alone.errors.isEmpty : alone.errors.contains(says), "\(name): \(alone.errors)")
            let both = try run(p1Port, [try folder.write(name, bytes + good)])
            #expect(both.output.split(separator: "\n").map(String.init) == telegramLines, "\(name)")
        }
        var noise = [UInt8](repeating: 0x2F, count: 100_000)
        for place in noise.indices { noise[place] = UInt8(truncatingIfNeeded: place &* 167 &+ place >> 8) }
        let after = try run(p1Port, [try folder.write("noise", noise + Array("\r\n".utf8) + good)])
        #expect(after.end == .exited(0) && after.output.split(separator: "\n").map(String.init) == telegramLines)
    }

    @Test("A port that is not there, in use, gone, or no port at all is said in one line, with status 69")
    func ports() throws {
        let folder = try Folder()
        let absent = try run(p1Port, [folder.path + "/none"])
        #expect(absent.end == .exited(69) && absent.errors.contains("No such file or directory; expected a serial"))
        let noPort = try run(p1Port, ["/dev/null"])
        #expect(noPort.end == .exited(69) && noPort.errors.contains("/dev/null"))
        let wrong = try run(p1Port, [])
        #expect(wrong.end == .exited(64) && wrong.errors.contains("p1-port /dev/ttyUSB0"))
        var pair: SerialPair? = try SerialPair(folder)
        let near = try #require(pair).near, far = try #require(pair).far
        let first = try Program(p1Port, [near])
        // It reads, so it has the port.
        try Self.send(try telegram(), to: far, piece: 512)
        try #require(first.read { !$0.output.isEmpty }, "\(first.errorText)")
        let second = try run(p1Port, [near])
        #expect(second.end == .exited(69) && second.errors.contains("is in use"))
        pair = nil
        #expect(first.wait() == .exited(69))
        #expect(first.errorLines.count == 1 && first.errorText.contains("expected it to stay"), "\(first.errorText)")
    }

    @Test("cityedge read tells what the port says, in the units asked for")
    func readOnce() throws {
        let folder = try Folder()
        let fifo = folder.path + "/p1"
        try #require(mkfifo(fifo, 0o600) == 0)
        let file = try folder.write("telegram", try telegram())
        // Waits at the FIFO until the reader comes, and keeps it open after.
        let meter = try Program("/bin/sh", ["-c", "exec 3> \"$1\"; cat \"$2\" >&3; exec sleep 60", "sh", fifo, file])
        let result = try read(
            folder, run: "\(p1Port) \(fifo)", measures: "power W 0, energy_1 kWh 3, returned_2 Wh 0, gas m3 3")
        #expect(result.end == .exited(0), "\(result.output)\(result.errors)")
        let words = result.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            words == [
                "meter.power 1193 W good", "meter.energy_1 123456.789 kWh good",
                "meter.returned_2 123456789 Wh good", "meter.gas 12785.123 m\u{B3} good",
            ])
        #expect(meter.end == nil)
    }
}

@Suite("Modbus meter")
struct ModbusMeterTests {
    @Test("A meter's registers are lines at once, round after round; sign and digits beyond float's usual six are kept")
    func rounds() throws {
        let folder = try Folder()
        let pair = try SerialPair(folder)
        let server = try meter(pair)
        let reader = try Program(modbusMeter, [pair.near, "7", "1"])
        try #require(reader.read { lines($0).count >= 6 }, "\(reader.errorText)")
        #expect(lines(reader).prefix(6) == [
            "voltage 230.1 V", "power -412.5 W", "energy 123456.78 kWh", "voltage 230.1 V", "power -412.5 W",
            "energy 123456.78 kWh",
        ])
        #expect(reader.errorText.isEmpty)
        #expect(server.end == nil)
    }

    @Test("No answer, a wrong checksum and an exception end it with 69 and say which")
    func failures() throws {
        for (address, arguments, more, says) in [
            ("8", [String](), [String](), "Connection timed out"), ("7", [], ["damaged"], "Invalid CRC"),
            ("7", ["--meter", "sdm630"], [], "Illegal data address"),
        ] {
            let folder = try Folder()
            let pair = try SerialPair(folder)
            let server = try meter(pair, more)
            let result = try run(modbusMeter, arguments + [pair.near, address, "1"])
            #expect(result.end == .exited(69) && result.output.isEmpty, "\(says): \(result.output)")
            let told = result.errors.split(separator: "\n")
            #expect(told.count == 3 && told.allSatisfy { $0.contains(says) }, "\(result.errors)")
            #expect(server.end == nil)
        }
    }

    @Test("Two programs share a bus, each in its turn")
    func shared() throws {
        let folder = try Folder()
        let pair = try SerialPair(folder)
        let server = try meter(pair)
        let readers = try (0..<2).map { _ in try Program(modbusMeter, [pair.near, "7", "1"]) }
        for reader in readers {
            try #require(reader.read { lines($0).count >= 6 }, "\(reader.errorText)")
            #expect(Set(lines(reader)) == ["voltage 230.1 V", "power -412.5 W", "energy 123456.78 kWh"])
            #expect(reader.errorText.isEmpty)
        }
        #expect(server.end == nil)
    }

    @Test("Arguments that cannot be are refused with what would do; nothing of them reaches a shell")
    func arguments() throws {
        let folder = try Folder()
        let trap = folder.path + "/trap"
        for (words, status) in [
            ([], 64), (["/dev/ttyUSB0", "0", "1"], 64), (["/dev/ttyUSB0", "248", "1"], 64),
            (["/dev/ttyUSB0", "1", "0"], 64), (["--baud", "1", "/dev/ttyUSB0", "1", "1"], 64), (["--baud"], 64),
            (["--verbose", "/dev/ttyUSB0", "1", "1"], 64), (["ttyUSB0", "1", "1"], 64),
            (["/dev/ttyUSB0", "1;touch \(trap)", "1"], 64), (["\(folder.path)/x;touch \(trap)", "1", "1"], 69),
            (["\(folder.path)/$(touch \(trap))", "1", "1"], 69),
        ] as [([String], Int32)] {
            let result = try run(modbusMeter, words)
            #expect(result.end == .exited(status) && result.output.isEmpty, "\(words)")
            #expect(result.errors.contains("expected") && result.errors.split(separator: "\n").count == 1)
        }
        #expect(access(trap, F_OK) != 0)
    }

    @Test("cityedge read tells what the meter says; a meter that is not there is told in the program's words")
    func readOnce() throws {
        let folder = try Folder()
        let pair = try SerialPair(folder)
        let server = try meter(pair)
        let measures = "voltage V 1, power W 1, energy kWh 2"
        let result = try read(folder, run: "\(modbusMeter) \(pair.near) 7 10", measures: measures)
        #expect(result.end == .exited(0), "\(result.output)\(result.errors)")
        let words = result.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            words == ["meter.voltage 230.1 V good", "meter.power -412.5 W good", "meter.energy 123456.78 kWh good"])
        #expect(server.end == nil)
        let absent = try read(folder, run: "\(modbusMeter) \(folder.path)/none 7 10", measures: measures)
        #expect(absent.end == .exited(69))
        let told = "status 69: modbus-meter: \(folder.path)/none: No such file"
        #expect(absent.errors.contains(told), "\(absent.errors)")
    }
}
