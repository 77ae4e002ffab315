// A recording's text, and that each seam answers out of it as it answered into it.

import SimulatedWorld
import Testing
import World

@Suite("Recorded seams") struct RecordingTests {
    static let about = SeamRecording.About(
        configHash: "3f9a01bc", board: "simulated",
        sensors: [SeamRecording.About.Sensor(id: "air", driver: "bme280")], version: "0.1.0")
    static let device = BusDevice(bus: 0, address: 0x76)

    struct FixedClock: Clock {
        var at = Boottime(nanoseconds: 1_500_000_000)
        var synchronised = true
        func now() -> Boottime { at }
        func wall() -> WallReading {
            WallReading(
                boottime: at, utc: UTC(nanoseconds: 1_700_000_000_000_000_000), isSynchronised: synchronised,
                maximumErrorNanoseconds: 25_000)
        }
    }

    /// Gives what it was told to.
    struct AnsweringBus: Bus {
        var fault: BusFault?
        var reply: [UInt8] = []
        func claim(_ device: BusDevice) throws(BusFault) { if let fault { throw fault } }
        func transfer(
            _ device: BusDevice, write bytes: UnsafeRawBufferPointer, read reply: UnsafeMutableRawBufferPointer
        ) throws(BusFault) {
            if let fault { throw fault }
            reply.copyBytes(from: self.reply)
        }
    }

    struct AnsweringLines: Lines {
        var fault: LineFault?
        var edges: [Edge] = []
        func request(_ line: LineRequest) throws(LineFault) -> LineHandle {
            if let fault { throw fault }
            return LineHandle(index: 7)
        }
        func isActive(_ line: LineHandle) throws(LineFault) -> Bool {
            if let fault { throw fault }
            return true
        }
        mutating func nextEdge() -> Edge? { edges.isEmpty ? nil : edges.removeFirst() }
        func drive(_ line: LineHandle, active isActive: Bool) throws(LineFault) { if let fault { throw fault } }
        func release(_ line: LineHandle) throws(LineFault) { if let fault { throw fault } }
        func pulse(_ line: LineHandle, for width: Duration) throws(LineFault) { if let fault { throw fault } }
        func giveUp(_ line: LineHandle) {}
    }

    struct AnsweringAttributes: Attributes {
        var fault: AttributeFault?
        func list(_ directory: String) throws(AttributeFault) -> [String] {
            if let fault { throw fault }
            return ["iio:device0", "a b", "100%", "-", "größe", ""]
        }
        func open(_ path: String) throws(AttributeFault) -> AttributeHandle {
            if let fault { throw fault }
            return AttributeHandle(index: 3)
        }
        func read(
            _ attribute: AttributeHandle, into buffer: UnsafeMutableRawBufferPointer
        ) throws(AttributeFault) -> Int {
            if let fault { throw fault }
            buffer.copyBytes(from: [0x32, 0x31, 0x0A])
            return 3
        }
        func write(_ path: String, _ text: String) throws(AttributeFault) { if let fault { throw fault } }
        func written(_ path: String) -> AttributeWrite? {
            path == "/sys/w" ? AttributeWrite(count: 2, ago: .milliseconds(750)) : nil
        }
    }

    static func text(_ recorder: SeamRecorder) -> String { String(decoding: recorder.takeBytes(), as: UTF8.self) }

    /// A recording of one step that holds what `body` asks.
    static func replayer(_ body: (SeamRecorder) -> Void) throws -> SeamReplayer {
        let recorder = SeamRecorder(about)
        recorder.beginStep()
        body(recorder)
        recorder.endStep()
        recorder.finish()
        let replayer = try SeamReplayer(recorder.takeBytes())
        #expect(replayer.end == .whole)
        #expect(replayer.next() == .step)
        return replayer
    }

    static func ended(_ replayer: SeamReplayer) -> Bool { replayer.endStep() && replayer.divergence == nil }

    /// Its seals were computed by another program.
    @Test("The text is as the format says, and stays so")
    func golden() {
        let recorder = SeamRecorder(Self.about)
        let clock = RecordingClock(FixedClock(), recorder)
        var bus = RecordingBus(AnsweringBus(reply: [0x60]), recorder)
        var lines = RecordingLines(
            AnsweringLines(edges: [
                Edge(line: LineHandle(index: 7), isActive: true, at: Boottime(nanoseconds: 12), sequence: 3)
            ]), recorder)
        var attributes = RecordingAttributes(AnsweringAttributes(), recorder)
        var reply: [UInt8] = [0]
        recorder.noteSource("meter", ["line", "power 1 W"])
        recorder.beginStep()
        _ = clock.now()
        _ = clock.wall()
        try? bus.claim(Self.device)
        reply.withUnsafeMutableBytes { try? bus.read(register: 0xD0, of: Self.device, into: $0) }
        try? bus.write([0xF4, 0x00], to: Self.device)
        _ = try? lines.request(LineRequest(chipLabel: "pinctrl-bcm2711", offset: 17, name: "GPIO17"))
        _ = try? lines.isActive(LineHandle(index: 7))
        _ = lines.nextEdge()
        _ = lines.nextEdge()
        _ = try? lines.request(
            LineRequest(chipLabel: "relays", offset: 1, name: "K1", direction: .output(isActive: false)))
        try? lines.drive(LineHandle(index: 7), active: true)
        try? lines.pulse(LineHandle(index: 7), for: .microseconds(10))
        try? lines.release(LineHandle(index: 7))
        lines.giveUp(LineHandle(index: 7))
        _ = try? attributes.list("/sys/bus/iio")
        _ = try? attributes.open("/sys/a b")
        var value = [UInt8](repeating: 0, count: 64)
        value.withUnsafeMutableBytes { _ = try? attributes.read(AttributeHandle(index: 3), into: $0) }
        try? attributes.write("/sys/w", "trigger")
        _ = attributes.written("/sys/w")
        _ = attributes.written("/sys/v")
        recorder.note(
            Reading(
                channel: ChannelID(rawValue: 2), acquired: Boottime(nanoseconds: 1_500_000_000), value: -2_137,
                quality: .stuck, ordinal: 4))
        recorder.endStep()
        recorder.beginStep(isLast: true)
        recorder.endStep()
        recorder.finish()
        #expect(
            Self.text(recorder) == """
                cityedge recording 1
                config = 3f9a01bc
                board = simulated
                sensor air = bme280
                begin = 0.1.0
                source meter = line power%201%20W
                step = begins
                now = 1500000000
                wall = 1500000000 1700000000000000000 synchronised 25000
                claim 0 76 = ok
                bus 0 76 d0 1 = 60
                bus 0 76 f400 0 = -
                request pinctrl-bcm2711 17 input = 7
                level 7 = 1
                edge = 7 1 12 3
                edge = none
                request relays 1 inactive = 7
                drive 7 1 = ok
                pulse 7 10000 = ok
                release 7 = ok
                give-up 7 = ok
                list /sys/bus/iio = ok iio:device0 a%20b 100%25 %2d gr%c3%b6%c3%9fe -
                open /sys/a%20b = 3
                read 3 64 = 32310a
                write /sys/w trigger = ok
                written /sys/w = 2 750000000
                written /sys/v = never
                reading 2 = 1500000000 -2137 18 4
                done = 19d0ac9c402a9e7e
                finish = begins
                done = 3f309e19152d385c
                end = 1
                done = ff0aae09f71bc477

                """)
    }

    @Test("Clocks, texts and bytes come back as they were")
    func answers() throws {
        let replayer = try Self.replayer { recorder in
            let clock = RecordingClock(FixedClock(synchronised: false), recorder)
            _ = clock.now()
            _ = clock.wall()
            var attributes = RecordingAttributes(AnsweringAttributes(), recorder)
            _ = try? attributes.list("/sys/x = y")
            var value = [UInt8](repeating: 0, count: 8)
            value.withUnsafeMutableBytes { _ = try? attributes.read(AttributeHandle(index: 3), into: $0) }
            try? attributes.write("/sys/w", "1 = on\n")
            _ = attributes.written("/sys/w")
            _ = attributes.written("/sys/v")
            var lines = RecordingLines(AnsweringLines(), recorder)
            try? lines.drive(LineHandle(index: 7), active: true)
            lines.giveUp(LineHandle(index: 7))
        }
        let clock = ReplayingClock(replayer)
        #expect(clock.now() == FixedClock().now())
        #expect(clock.wall() == FixedClock(synchronised: false).wall())
        var attributes = ReplayingAttributes(replayer)
        #expect(try attributes.list("/sys/x = y") == AnsweringAttributes().list(""))
        var value = [UInt8](repeating: 0xFF, count: 8)
        let count = try value.withUnsafeMutableBytes { try attributes.read(AttributeHandle(index: 3), into: $0) }
        #expect(count == 3)
        #expect(value == [0x32, 0x31, 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        try attributes.write("/sys/w", "1 = on\n")
        #expect(attributes.written("/sys/w") == AttributeWrite(count: 2, ago: .milliseconds(750)))
        #expect(attributes.written("/sys/v") == nil)
        var lines = ReplayingLines(replayer)
        try lines.drive(LineHandle(index: 7), active: true)
        lines.giveUp(LineHandle(index: 7))
        #expect(Self.ended(replayer))
    }

    @Test(
        "A fault of a bus is the same fault when replayed",
        arguments: [
            .noAcknowledge, .arbitrationLost, .timedOut, .stuck, .heldByKernel, .absent(errno: 19), .unsupported,
            .failed(errno: 121),
        ] as [BusFault])
    func busFaults(_ fault: BusFault) throws {
        let replayer = try Self.replayer { recorder in
            var bus = RecordingBus(AnsweringBus(fault: fault), recorder)
            #expect(throws: fault) { try bus.claim(Self.device) }
            #expect(throws: fault) { try bus.write([1], to: Self.device) }
        }
        var bus = ReplayingBus(replayer)
        #expect(throws: fault) { try bus.claim(Self.device) }
        #expect(throws: fault) { try bus.write([1], to: Self.device) }
        #expect(Self.ended(replayer))
    }

    @Test(
        "A fault of a line is the same fault when replayed",
        arguments: [
            .noSuchChip, .noSuchLine, .taken(by: ""), .taken(by: "gpio ring = 100%"), .notPermitted,
            .failed(errno: 16),
        ] as [LineFault])
    func lineFaults(_ fault: LineFault) throws {
        let request = LineRequest(chipLabel: "a chip", offset: 4, name: "GPIO4")
        let replayer = try Self.replayer { recorder in
            var lines = RecordingLines(AnsweringLines(fault: fault), recorder)
            #expect(throws: fault) { _ = try lines.request(request) }
            #expect(throws: fault) { _ = try lines.isActive(LineHandle(index: 0)) }
            #expect(throws: fault) { try lines.drive(LineHandle(index: 0), active: true) }
            #expect(throws: fault) { try lines.release(LineHandle(index: 0)) }
            #expect(throws: fault) { try lines.pulse(LineHandle(index: 0), for: .microseconds(10)) }
        }
        var lines = ReplayingLines(replayer)
        #expect(throws: fault) { _ = try lines.request(request) }
        #expect(throws: fault) { _ = try lines.isActive(LineHandle(index: 0)) }
        #expect(throws: fault) { try lines.drive(LineHandle(index: 0), active: true) }
        #expect(throws: fault) { try lines.release(LineHandle(index: 0)) }
        #expect(throws: fault) { try lines.pulse(LineHandle(index: 0), for: .microseconds(10)) }
        #expect(Self.ended(replayer))
    }

    @Test(
        "A fault of a kernel file is the same fault when replayed",
        arguments: [.noSuchFile, .notPermitted, .failed(errno: 5)] as [AttributeFault])
    func attributeFaults(_ fault: AttributeFault) throws {
        let replayer = try Self.replayer { recorder in
            var attributes = RecordingAttributes(AnsweringAttributes(fault: fault), recorder)
            #expect(throws: fault) { _ = try attributes.list("/sys") }
            #expect(throws: fault) { _ = try attributes.open("/sys/x") }
            #expect(throws: fault) { try attributes.write("/sys/x", "1") }
        }
        var attributes = ReplayingAttributes(replayer)
        #expect(throws: fault) { _ = try attributes.list("/sys") }
        #expect(throws: fault) { _ = try attributes.open("/sys/x") }
        #expect(throws: fault) { try attributes.write("/sys/x", "1") }
        #expect(Self.ended(replayer))
    }

    @Test("A question that was not recorded is told with its line, once, and every answer after it is dull")
    func divergence() throws {
        let replayer = try Self.replayer { recorder in
            _ = RecordingClock(FixedClock(), recorder).now()
            _ = RecordingClock(FixedClock(), recorder).now()
        }
        let clock = ReplayingClock(replayer)
        var bus = ReplayingBus(replayer)
        #expect(clock.now() == FixedClock().now())
        #expect(throws: BusFault.noAcknowledge) { try bus.write([0xF4], to: Self.device) }
        let told = SeamRecordingFault(
            line: 8, found: "`now = 1500000000`", expected: "`bus 0 76 f4 0`, which the Sampler asks for here")
        #expect(replayer.divergence == told)
        #expect(clock.now() == FixedClock().now(), "it stands still")
        var lines = ReplayingLines(replayer)
        #expect(lines.nextEdge() == nil)
        #expect(replayer.endStep() == false)
        #expect(replayer.next() == nil)
        #expect(replayer.divergence == told)
    }

    @Test(
        "An answer that makes no sense is refused, though its seal is right",
        arguments: [
            "now = soon", "now = 9223372036854775807", "bus 0 76 f4 1 = 6", "bus 0 76 f4 1 = 6162",
            "bus 0 76 f4 1 = ! tired", "bus 0 76 f4 1 = ! failed", "edge = 7 2 12 3", "edge = 70000 1 12 3",
            "level 7 = 2", "level 7 = ! taken %zz", "open /sys/x = -1", "read 3 1 = 3233", "wall = 1 2 maybe 3",
        ])
    func senseless(_ line: String) throws {
        let recorder = SeamRecorder(Self.about)
        recorder.beginStep()
        var bytes = recorder.takeBytes()
        bytes += Array((line + "\n").utf8)
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        bytes += Array("done = \(String(repeating: "0", count: 16 - digits.count))\(digits)\n".utf8)
        let replayer = try SeamReplayer(bytes)
        #expect(replayer.next() == .step)
        var bus = ReplayingBus(replayer), lines = ReplayingLines(replayer), files = ReplayingAttributes(replayer)
        var byte: [UInt8] = [0]
        switch line.split(separator: " ")[0] {
        case "now": _ = ReplayingClock(replayer).now()
        case "wall": _ = ReplayingClock(replayer).wall()
        case "bus": byte.withUnsafeMutableBytes { try? bus.read(register: 0xF4, of: Self.device, into: $0) }
        case "edge": _ = lines.nextEdge()
        case "level": _ = try? lines.isActive(LineHandle(index: 7))
        case "open": _ = try? files.open("/sys/x")
        default: byte.withUnsafeMutableBytes { _ = try? files.read(AttributeHandle(index: 3), into: $0) }
        }
        #expect(replayer.divergence?.found.contains("as the answer to") == true, "\(line)")
        #expect(byte == [0])
    }

    @Test(
        "What is no recording is refused with what was found",
        arguments: ["", "cityedge recording 2\n", "\n\n\n", "cityedge recording 1\nconfig = 1\n", "\u{0}\u{1}"])
    func others(_ text: String) {
        #expect(throws: SeamRecordingFault.self) { _ = try SeamReplayer(Array(text.utf8)) }
        #expect(throws: SeamRecordingFault.self) { _ = try SeamReplayer(Array(text.utf8) + [0xFF, 0x0A, 0xFE]) }
    }
}
