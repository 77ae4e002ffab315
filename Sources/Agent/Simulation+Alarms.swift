// What must hold of the alarms of a simulation, as the city received them: in each stream the events of an alarm, in
// the order of their numbers, tell another state each time, but for the first of a process, which says so. Where
// numbers are missing (a power cut, a tombstone) nothing is known of the state before.

import KPIs
import World

private struct AlarmBatch {
    var stream = ""
    var lane = ""
    var sequence: Int64 = 0
    var alarms: [(id: String, state: String, isInitial: Bool)] = []
}

extension Simulation {
    /// Nil: all is well.
    func alarmProblem() -> String? {
        var batches: [String: [Int64: AlarmBatch]] = [:]
        for message in broker.received
        where message.topic.hasSuffix("/\(Lane.events.name)") || message.topic.hasSuffix("/\(Lane.security.name)") {
            // What cannot be read is the audit's to report.
            guard let batch = try? Self.alarms(in: message.payload) else { continue }
            batches["\(batch.stream) \(batch.lane)", default: [:]][batch.sequence] = batch
        }
        for (lane, numbered) in batches.sorted(by: { $0.key < $1.key }) {
            var told: [String: String] = [:]
            var last: Int64 = 0
            for (sequence, batch) in numbered.sorted(by: { $0.key < $1.key }) {
                if sequence != last + 1 { told.removeAll() }
                last = sequence
                for alarm in batch.alarms {
                    if !alarm.isInitial, told[alarm.id] == alarm.state {
                        return "stream \(lane) \(sequence): alarm \(alarm.id) is told \(alarm.state) twice"
                    }
                    told[alarm.id] = alarm.state
                }
            }
        }
        return nil
    }

    private static func alarms(in payload: [UInt8]) throws(ContributionFault) -> AlarmBatch {
        var batch = AlarmBatch()
        var reader = JSONReader(payload)
        try reader.object { reader, member throws(ContributionFault) in
            switch member {
            case "stream": batch.stream = try reader.string()
            case "lane": batch.lane = try reader.string()
            case "seq": batch.sequence = try reader.integer()
            case "items":
                try reader.array { reader throws(ContributionFault) in
                    if let alarm = try Self.alarm(&reader) { batch.alarms.append(alarm) }
                }
            default: _ = try reader.skip()
            }
        }
        return batch
    }

    private static func alarm(
        _ reader: inout JSONReader
    ) throws(ContributionFault) -> (id: String, state: String, isInitial: Bool)? {
        var kind = ""
        var id = ""
        var state = ""
        var isInitial = false
        try reader.object { reader, member throws(ContributionFault) in
            switch member {
            case "kind": kind = try reader.string()
            case "id": id = try reader.string()
            case "state": state = try reader.string()
            case "initial": isInitial = try reader.flag()
            default: _ = try reader.skip()
            }
        }
        return kind == "alarm" ? (id, state, isInitial) : nil
    }
}
