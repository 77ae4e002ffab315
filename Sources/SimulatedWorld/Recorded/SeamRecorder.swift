// ◆ A recording: everything that the hardware answered to a Sampler, and what the Sampler made of it, as text, so that
// the same readings come out again on another computer, bit for bit. This file owns the format and writes it;
// `SeamReplayer` reads it.
//
// UTF-8 lines ended by a newline, words between single spaces. Bytes of a word that are not printable ASCII, and `%`
// and `=`, stand as `%` and two hex digits; an empty word is `-`. Numbers are decimal, and times are nanoseconds of
// CLOCK_BOOTTIME, except where said. Bytes on a bus and in files are hex digits without spaces.
//
//     cityedge recording 1                       the format's version
//     config = 3f9a01bc                          8 hex digits: the meaning of the configuration
//     board = raspberry-pi-4b
//     sensor air = bme280                        every sensor with its driver, in the order in which they are asked
//     begin = 0.1.0                              the version of the program that recorded
//
// Then questions and answers, in the order in which they were asked. An answer that begins with `!` is a fault.
//
//     now = TIME                                 wall = TIME UTC synchronised|free LARGEST-ERROR
//     claim BUS ADDRESS = ok                     ADDRESS in hex
//     bus BUS ADDRESS WRITTEN COUNT = REPLY      COUNT: bytes asked for; nothing written or read: `-`
//     request CHIP OFFSET input = LINE           or `active`, `inactive`: an output that begins so
//     level LINE = 1                             drive LINE LEVEL = ok
//     edge = LINE LEVEL TIME SEQUENCE            edge = none
//     release LINE = ok                          pulse LINE NANOSECONDS = ok             give-up LINE = ok
//     list FOLDER = ok NAME NAME                 open FILE = HANDLE          read HANDLE COUNT = BYTES
//     write FILE TEXT = ok                       written FILE = COUNT NANOSECONDS-AGO    written FILE = never
//
// Between them, what the Sampler was told and what it did. Whatever stands before `step` had come by then.
//
//     source SENSOR = WORDS                      a local program said something (Agent owns the words)
//     step = begins                              finish = begins
//     reading CHANNEL = TIME VALUE QUALITY ORDINAL
//     done = HASH                                16 hex digits: 64-bit FNV-1a over all bytes of the file before it
//     end = READINGS                             followed by the last `done`
//
// Promises. A step stands in the file whole, sealed by its `done`, or does not count: a torn end (the power, a full
// disk) costs the last step, and damage is found before it is believed. A recording is bounded by its caller, who looks
// at `bytes`. Secrets are never in it: the configuration holds none, and is not in the file.

public import World

public enum SeamRecording {
    static let firstLine = "cityedge recording 1"

    /// What may be asked about a recording before it is replayed.
    public struct About: Equatable, Sendable {
        /// Of the configuration.
        public var configHash: String
        public var board: String
        public var sensors: [Sensor]
        /// Of the program.
        public var version: String

        public struct Sensor: Equatable, Sendable {
            public var id: String
            public var driver: String
            public init(id: String, driver: String) {
                self.id = id
                self.driver = driver
            }
        }

        public init(configHash: String, board: String, sensors: [Sensor], version: String) {
            self.configHash = configHash
            self.board = board
            self.sensors = sensors
            self.version = version
        }
    }

    /// 64-bit FNV-1a: any one byte that differs changes it.
    struct Hash {
        private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }

        var text: String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }
    }

    static func answer(_ reading: Reading) -> String {
        "\(reading.acquired.nanoseconds) \(reading.value) \(reading.quality.rawValue) \(reading.ordinal)"
    }
}

public final class SeamRecorder {
    /// Written so far, taken or not.
    public private(set) var bytes = 0
    public private(set) var readings: UInt64 = 0
    private var hash = SeamRecording.Hash()
    private var pending: [UInt8] = []

    public init(_ about: SeamRecording.About) {
        append(SeamRecording.firstLine)
        note("config", about.configHash)
        note("board", escaped(about.board))
        for sensor in about.sensors { note("sensor \(escaped(sensor.id))", escaped(sensor.driver)) }
        note("begin", escaped(about.version))
    }

    /// What has been written since it was last asked for. To be taken between steps.
    public func takeBytes() -> [UInt8] {
        defer { pending = [] }
        return pending
    }

    func note(_ question: String, _ answer: String) { append(question + " = " + answer) }

    // MARK: What is no seam's

    /// Something reached the sensor from outside of the seams. Before the step that sees it.
    public func noteSource(_ sensor: String, _ words: [String]) {
        note("source \(escaped(sensor))", words.map(escaped).joined(separator: " "))
    }

    /// `isLast`: the orderly end.
    public func beginStep(isLast: Bool = false) { note(isLast ? "finish" : "step", "begins") }

    public func note(_ reading: Reading) {
        readings += 1
        note("reading \(reading.channel.rawValue)", SeamRecording.answer(reading))
    }

    /// Seals the step.
    public func endStep() { note("done", hash.text) }

    public func finish() {
        note("end", String(readings))
        endStep()
    }

    private func append(_ line: String) {
        let before = pending.count
        pending.append(contentsOf: line.utf8)
        pending.append(0x0A)
        hash.add(pending[before...])
        bytes += pending.count - before
    }
}
