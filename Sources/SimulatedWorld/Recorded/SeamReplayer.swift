// Reads a recording back: answers the questions of a Sampler with what was recorded, as long as it asks the same in the
// same order, and holds its readings against the recorded ones. The format is `SeamRecorder`'s.
//
// Promises. No bytes can trap it. Only steps that are sealed and sound are given out; what stands behind them is told
// by `end`. At the first question that the recording does not have, `divergence` says so, and from then on every answer
// is the dullest there is, so that the Sampler comes to the end of its step.

public import World

public struct SeamRecordingFault: Error, Equatable, Sendable {
    /// From 1.
    public var line: Int
    public var found: String
    public var expected: String

    public init(line: Int, found: String, expected: String) {
        self.line = line
        self.found = found
        self.expected = expected
    }
}

public final class SeamReplayer {
    public enum End: Equatable, Sendable {
        /// As the recorder closed it.
        case whole
        /// It ends in the middle: the recording was cut off, by the power or a full disk.
        case torn
        /// Something from this line on, and before the next `done`, is not what was recorded.
        case damaged(line: Int)
    }

    /// What happened next, beside questions and answers.
    public enum Mark: Equatable, Sendable {
        case source(sensor: String, words: [String])
        case step
        case finish
    }

    public let about: SeamRecording.About
    public let end: End
    public private(set) var divergence: SeamRecordingFault?
    public private(set) var readings: UInt64 = 0

    private let bytes: [UInt8]
    /// Behind the last sealed step.
    private let soundEnd: Int
    private var position: Int
    private var line: Int
    private var lastNow = Boottime(nanoseconds: 0)

    public init(_ bytes: [UInt8]) throws(SeamRecordingFault) {
        self.bytes = bytes
        var lines = RecordedLines(bytes)
        (about, position, line) = try Self.header(&lines)
        (soundEnd, end) = Self.soundPart(bytes)
        if soundEnd < position {
            throw SeamRecordingFault(line: line, found: "no whole step", expected: "a step that is sealed by `done`")
        }
    }

    private static func header(
        _ lines: inout RecordedLines
    ) throws(SeamRecordingFault) -> (SeamRecording.About, position: Int, line: Int) {
        var about = SeamRecording.About(configHash: "", board: "", sensors: [], version: "")
        func fault(_ found: String?, _ expected: String) -> SeamRecordingFault {
            SeamRecordingFault(line: max(lines.number, 1), found: found.map(shown) ?? "the end", expected: expected)
        }
        let first = lines.next()
        guard first == SeamRecording.firstLine else { throw fault(first, "`\(SeamRecording.firstLine)`") }
        while true {
            guard let text = lines.next(), let (question, answer) = split(text) else {
                throw fault(nil, "`begin` before the first step")
            }
            let words = question.split(separator: " ")
            switch words.first {
            case "config": about.configHash = answer
            case "board": about.board = unescaped(answer[...]) ?? answer
            case "sensor":
                guard words.count == 2, let id = unescaped(words[1]), let driver = unescaped(answer[...]) else {
                    throw fault(text, "`sensor ID = DRIVER`")
                }
                about.sensors.append(SeamRecording.About.Sensor(id: id, driver: driver))
            case "begin":
                about.version = unescaped(answer[...]) ?? answer
                return (about, lines.position, lines.number)
            default: throw fault(text, "`config`, `board`, `sensor` or `begin`")
            }
        }
    }

    /// Up to where every step is sealed and sound, and why no further.
    private static func soundPart(_ bytes: [UInt8]) -> (end: Int, End) {
        var lines = RecordedLines(bytes)
        var hash = SeamRecording.Hash()
        var sound = 0
        var soundLines = 0
        var isClosing = false
        while true {
            let start = lines.position
            guard let text = lines.next() else { return (sound, .torn) }
            if text.utf8.starts(with: "done = ".utf8) {
                guard text == "done = " + hash.text else { return (sound, .damaged(line: soundLines + 1)) }
                sound = lines.position
                soundLines = lines.number
                // Whatever stands behind the end was not recorded.
                if isClosing { return (sound, sound == bytes.count ? .whole : .damaged(line: soundLines + 1)) }
            } else {
                isClosing = text.utf8.starts(with: "end = ".utf8)
            }
            hash.add(bytes[start..<lines.position])
        }
    }

    private static func split(_ text: String) -> (question: String, answer: String)? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard let place = words.firstIndex(of: "=") else { return nil }
        return (words[..<place].joined(separator: " "), words[(place + 1)...].joined(separator: " "))
    }

    /// A file may hold anything; a message holds the beginning of it, in letters.
    private static func shown(_ text: some StringProtocol) -> String {
        let bytes = text.utf8.prefix(100).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }
        return "`\(String(decoding: bytes, as: UTF8.self))`"
    }

    // MARK: Answers

    /// The words of the answer, if this is what was asked here.
    func answer(to question: @autoclosure () -> String) -> [Substring]? {
        guard divergence == nil else { return nil }
        let question = question()
        guard let (text, after) = peek(), text.utf8.starts(with: (question + " = ").utf8) else {
            diverge(asked: question)
            return nil
        }
        position = after
        line += 1
        return text.dropFirst(question.utf8.count + 3).split(separator: " ", omittingEmptySubsequences: false)
    }

    /// An answer that makes no sense, to a question that was asked: another version's, or written by hand.
    func refuse(_ question: @autoclosure () -> String, _ words: [Substring]?) {
        guard divergence == nil else { return }
        divergence = SeamRecordingFault(
            line: line, found: "\(Self.shown((words ?? []).joined(separator: " "))) as the answer to `\(question())`",
            expected: "an answer of this version's format")
    }

    private func diverge(asked question: String) {
        divergence = SeamRecordingFault(
            line: line + 1, found: peek().map { Self.shown($0.text) } ?? "the end",
            expected: "`\(question)`, which the Sampler asks for here")
    }

    private func peek() -> (text: Substring, after: Int)? {
        guard position < soundEnd else { return nil }
        var lines = RecordedLines(bytes, from: position)
        guard let text = lines.next() else { return nil }
        return (text[...], lines.position)
    }

    /// The clock is asked while nothing may fail: after a divergence it stands still.
    func now() -> Boottime {
        if let words = answer(to: "now") {
            if words.count == 1, let now = boottime(words[0]) { lastNow = now } else { refuse("now", words) }
        }
        return lastNow
    }

    // MARK: Marks

    /// What happened next; nil at the end, or when the Sampler has gone another way.
    public func next() -> Mark? {
        guard divergence == nil, let (text, after) = peek(), let (question, answer) = Self.split(String(text)) else {
            return nil
        }
        let mark: Mark
        switch question {
        case "step": mark = .step
        case "finish": mark = .finish
        case "end": return nil
        default:
            let asked = question.split(separator: " ")
            let words = answer.split(separator: " ", omittingEmptySubsequences: false).compactMap(unescaped)
            guard asked.count == 2, asked[0] == "source", let sensor = unescaped(asked[1]) else {
                divergence = SeamRecordingFault(
                    line: line + 1, found: Self.shown(text), expected: "`step`, `finish`, `source` or `end`")
                return nil
            }
            mark = .source(sensor: sensor, words: words)
        }
        position = after
        line += 1
        return mark
    }

    /// Holds a reading of the step against the recorded one; false: they differ, or the Sampler has gone another way.
    public func check(_ reading: Reading) -> Bool {
        let question = "reading \(reading.channel.rawValue)"
        let replayed = SeamRecording.answer(reading)
        guard let words = answer(to: question) else { return false }
        let recorded = words.joined(separator: " ")
        guard recorded == replayed else {
            divergence = SeamRecordingFault(
                line: line, found: Self.shown("\(question) = \(recorded)"),
                expected: "`\(replayed)`, which is replayed")
            return false
        }
        readings += 1
        return true
    }

    /// After the step and its readings; false: more was recorded of it.
    public func endStep() -> Bool { answer(to: "done") != nil }
}

/// The lines of a recording, one after the other.
struct RecordedLines {
    /// Behind the line that was given last.
    private(set) var position: Int
    private(set) var number = 0
    private let bytes: [UInt8]

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Nil at the end. A line without its newline is no line: it was cut off.
    mutating func next() -> String? {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        defer {
            position = end + 1
            number += 1
        }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }
}
