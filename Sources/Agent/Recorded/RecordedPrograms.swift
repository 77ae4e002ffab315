// The lines of local programs, on their way into a recording and out of it. The host's mailboxes are emptied before a
// step, what was in them is recorded, and only then does it reach the drivers: a replay hands over the same at the same
// steps.
//
// Words of a recording's `source`: `line TIME UTC synchronised|free LARGEST-ERROR TEXT`, `open`, `not-started ERRNO`,
// `no-socket ERRNO`, `ended STATUS` and the last words, where there are any. A text that is not UTF-8 is repaired
// before both record and driver see it.

import Sensors
import SimulatedWorld
import SiteConfig
import World

struct RecordedPrograms {
    /// The drivers', by sensor id.
    let mailboxes: [String: Mailbox]
    private let sensors: [String]
    private var told: [String: Mailbox.Condition] = [:]

    init(_ site: Site) {
        sensors = site.sensors.filter { $0.driver == "external" }.map(\.id)
        mailboxes = Dictionary(uniqueKeysWithValues: sensors.map { ($0, Mailbox()) })
    }

    /// Everything that has come since the last time.
    mutating func handOver(from programs: Programs, to recorder: SeamRecorder) {
        for sensor in sensors {
            guard let (lines, _, condition) = programs.mailbox(of: sensor)?.takeAll() else { continue }
            for line in lines {
                let text = String(decoding: line.text, as: UTF8.self)
                handOver(sensor, ["line"] + line.arrived.words + [text], to: recorder)
            }
            if told[sensor, default: .open] != condition {
                told[sensor] = condition
                handOver(sensor, Self.words(condition), to: recorder)
            }
        }
    }

    private func handOver(_ sensor: String, _ words: [String], to recorder: SeamRecorder) {
        recorder.noteSource(sensor, words)
        let isTaken = deliver(sensor, words)
        invariant(isTaken, "what was recorded of \(sensor) cannot be replayed: \(words)")
    }

    /// What a recording says; false: it makes no sense.
    func deliver(_ sensor: String, _ words: [String]) -> Bool {
        guard let mailbox = mailboxes[sensor], let first = words.first else { return false }
        let number = words.count == 2 || first == "ended" && words.count == 3 ? Int32(words[1]) : nil
        switch (first, number) {
        case ("line", _):
            guard words.count == 6, let arrived = WallReading(words: words[1...4]) else { return false }
            mailbox.put(Mailbox.Line(text: Array(words[5].utf8), arrived: arrived))
        case ("open", nil): mailbox.setCondition(.open)
        case ("not-started", let errno?): mailbox.setCondition(.notStarted(errno: errno))
        case ("no-socket", let errno?): mailbox.setCondition(.noSocket(errno: errno))
        case ("ended", let status?):
            mailbox.setCondition(.ended(status: status, words: words.count == 3 ? words[2] : ""))
        default: return false
        }
        return true
    }

    private static func words(_ condition: Mailbox.Condition) -> [String] {
        switch condition {
        case .open: ["open"]
        case .notStarted(let errno): ["not-started", String(errno)]
        case .noSocket(let errno): ["no-socket", String(errno)]
        case .ended(let status, let words): ["ended", String(status)] + (words.isEmpty ? [] : [words])
        }
    }
}
