// `cityedge outbox stats`: what an outbox holds, by stream and lane, and how much of it nobody has acknowledged yet.

import LinuxWorld
import Outbox
import World

public func outboxStats(_ place: OutboxPlace, isJSON: Bool) throws(Failure) {
    let survey = try OutboxSurvey(StoredOutbox(place))
    let now = LinuxClock().wall()
    if isJSON {
        printLine(survey.json(now))
    } else {
        for line in survey.lines(now) { printLine(line) }
    }
}

extension OutboxSurvey {
    /// How long ago the oldest record that is not acknowledged was acquired: by UTC, or by this boot's own clock.
    private func age(of lane: SurveyedLane, _ now: WallReading) -> Duration? {
        guard let oldest = lane.oldest else { return nil }
        if let runtime = stored.runtime, runtime.stream == lane.stream { return now.boottime - oldest.at }
        return oldest.utc.map { now.utc - $0 }
    }

    private func damagedBytes(_ lane: SurveyedLane) -> Int {
        files.reduce(0) { sum, file in
            let isOurs = file.segment.name.stream == lane.stream && file.segment.name.lane == lane.lane
            return isOurs ? sum + file.totals.damagedBytes : sum
        }
    }

    // MARK: For people

    func lines(_ now: WallReading) -> [String] {
        if stored.isNothing { return [stored.nothingText] }
        var lines = [place]
        for prefix in prefixes { lines.append("node \(prefix.split(separator: "/").joined(separator: "/"))") }
        var stream: StreamID?
        for lane in lanes {
            if lane.stream != stream {
                stream = lane.stream
                lines.append("stream \(lane.stream)\(lane.stream == stored.runtime?.stream ? ", the present one" : "")")
            }
            lines.append("  \(lane.lane.name): \(text(lane)); \(unacknowledgedText(lane, now))")
            let damaged = damagedBytes(lane)
            if damaged > 0 { lines.append("    \(damaged) bytes damaged: cityedge outbox verify says where") }
        }
        if lanes.isEmpty { lines.append("no batches are stored") }
        if let runtime = stored.runtime {
            lines.append("open batch: \(counted(UInt64(runtime.openReadings), "reading")), not numbered yet")
        }
        lines.append(checkpointText)
        let total = lanes.reduce(0) { $0 + $1.flashBytes }
        lines.append(
            "in all \(sizeText(total)) on flash, \(sizeText(lanes.reduce(0) { $0 + $1.memoryBytes })) in memory; "
                + "not acknowledged: \(counted(unacknowledgedBatches, "batch")), "
                + "\(counted(unacknowledgedRecords, "record"))")
        return lines
    }

    private var place: String {
        let runtime = stored.runtime != nil ? stored.place.runtime.map { " and \($0)" } ?? "" : ""
        let use = stored.user.map { "in use by process \($0)" } ?? "not in use"
        return "\(stored.place.state)\(runtime): \(use)"
    }

    private func text(_ lane: SurveyedLane) -> String {
        var tiers: [String] = []
        if lane.flashSegments > 0 {
            tiers.append("flash \(counted(UInt64(lane.flashSegments), "segment")) \(sizeText(lane.flashBytes))")
        }
        if lane.memorySegments > 0 {
            tiers.append("memory \(counted(UInt64(lane.memorySegments), "segment")) \(sizeText(lane.memoryBytes))")
        }
        let numbers = lane.numbers.isEmpty ? "" : " (\(lane.numbers.text))"
        return tiers.joined(separator: ", ") + "; \(counted(lane.numbers.count, "batch"))\(numbers), "
            + counted(lane.records, "record")
    }

    private func unacknowledgedText(_ lane: SurveyedLane, _ now: WallReading) -> String {
        guard !lane.unacknowledged.isEmpty else { return "all acknowledged" }
        var text = "not acknowledged: \(counted(lane.unacknowledged.count, "batch")) (\(lane.unacknowledged.text)), "
            + counted(lane.unacknowledgedRecords, "record")
        if let age = age(of: lane, now) { text += ", the oldest \(durationText(age)) old" }
        if let utc = lane.oldest?.utc { text += " (\(utcText(utc)))" }
        if lane.oldest != nil, lane.oldest?.utc == nil { text += ", of a clock that was not settled" }
        return text
    }

    private var checkpointText: String {
        switch stored.checkpoint {
        case .none: return "no checkpoint"
        case .damaged: return "checkpoint: damaged, both slots"
        case .sound(let checkpoint, _):
            let heartbeat = checkpoint.heartbeatUTC.map { ", last heartbeat \(utcText($0))" } ?? ""
            return "checkpoint: generation \(checkpoint.generation), stream \(checkpoint.stream), "
                + (checkpoint.isOrderly ? "after an orderly stop" : "in service")
                + ", \(counted(UInt64(checkpoint.counters.count), "counter"))\(heartbeat)"
        }
    }

    // MARK: For programs

    func json(_ now: WallReading) -> String {
        var members: [String] = [
            "\"state\":\(quoted(stored.place.state))",
            "\"runtime\":\(stored.runtime != nil ? quoted(stored.place.runtime ?? "") : "null")",
            "\"live\":\(stored.user != nil)",
            "\"nodes\":[\(prefixes.map { quoted(String($0.dropLast())) }.joined(separator: ","))]",
        ]
        if let runtime = stored.runtime {
            members.append("\"stream\":\"\(runtime.stream)\",\"open_batch_readings\":\(runtime.openReadings)")
        }
        members.append("\"lanes\":[\(lanes.map { json($0, now) }.joined(separator: ",\n "))]")
        if let checkpoint = stored.checkpoint.checkpoint {
            let heartbeat = checkpoint.heartbeatUTC.map { quoted(utcText($0)) } ?? "null"
            members.append(
                "\"checkpoint\":{\"generation\":\(checkpoint.generation),\"stream\":\"\(checkpoint.stream)\","
                    + "\"orderly\":\(checkpoint.isOrderly),\"counters\":\(checkpoint.counters.count),"
                    + "\"heartbeat\":\(heartbeat)}")
        } else {
            members.append("\"checkpoint\":null")
        }
        members.append("\"damaged\":\(isDamaged)")
        members.append("\"unacknowledged_batches\":\(unacknowledgedBatches)")
        members.append("\"unacknowledged_records\":\(unacknowledgedRecords)")
        return "{" + members.joined(separator: ",\n ") + "}"
    }

    private func json(_ lane: SurveyedLane, _ now: WallReading) -> String {
        func number(_ value: UInt64?) -> String { value.map { "\($0)" } ?? "null" }
        let age = age(of: lane, now).map { decimal($0.nanoseconds / 1_000_000_000, scale: 0) } ?? "null"
        return "{\"stream\":\"\(lane.stream)\",\"lane\":\"\(lane.lane.name)\","
            + "\"flash_segments\":\(lane.flashSegments),\"flash_bytes\":\(lane.flashBytes),"
            + "\"memory_segments\":\(lane.memorySegments),\"memory_bytes\":\(lane.memoryBytes),"
            + "\"first\":\(number(lane.numbers.first)),\"last\":\(number(lane.numbers.last)),"
            + "\"batches\":\(lane.numbers.count),\"records\":\(lane.records),"
            + "\"unacknowledged_batches\":\(lane.unacknowledged.count),"
            + "\"unacknowledged_records\":\(lane.unacknowledgedRecords),"
            + "\"oldest_unacknowledged\":\(lane.oldest?.utc.map { quoted(utcText($0)) } ?? "null"),"
            + "\"oldest_unacknowledged_age_seconds\":\(age),\"damaged_bytes\":\(damagedBytes(lane))}"
    }
}
