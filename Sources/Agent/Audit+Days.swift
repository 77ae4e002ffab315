// The audit's days: what the node says of each of them in its day sheets, against what was received.

import KPIs
import World

/// Readings by stream, day and channel, as the messages carried them.
struct DayCounts {
    struct Key: Hashable {
        var stream: String
        var day: Int64
    }

    private(set) var received: [Key: [String: Int64]] = [:]
    /// Channels whose readings do not leave the node, as its inventory says.
    private(set) var withheld: Set<String> = []

    mutating func add(_ names: [(name: String, millionths: Int64)], of stream: String) {
        for (name, moment) in names {
            let day = (moment >= 0 ? moment : moment - 86_399_999_999) / 86_400_000_000
            received[Key(stream: stream, day: day), default: [:]][name, default: 0] += 1
        }
    }

    mutating func takeInventory(_ payload: [UInt8]) throws(ContributionFault) {
        var found: Set<String> = []
        var reader = JSONReader(payload)
        try reader.object { reader, member throws(ContributionFault) in
            guard member == "sensors" else {
                _ = try reader.skip()
                return
            }
            try reader.array { reader throws(ContributionFault) in
                try reader.object { reader, member throws(ContributionFault) in
                    guard member == "channels" else {
                        _ = try reader.skip()
                        return
                    }
                    try reader.array { reader throws(ContributionFault) in
                        var name = "", isWithheld = false
                        try reader.object { reader, member throws(ContributionFault) in
                            switch member {
                            case "name": name = try reader.string()
                            case "withheld": isWithheld = try reader.flag()
                            default: _ = try reader.skip()
                            }
                        }
                        if isWithheld { found.insert(name) }
                    }
                }
            }
        }
        withheld.formUnion(found)
    }
}

extension Audit {
    /// A line for each node and day: whether it was complete, and where the sheet and what came do not agree.
    var dayLines: [String] {
        var lines: [String] = []
        for node in daySheets.nodes {
            for day in daySheets.days(of: node) {
                let head = "\(node) \(DaySheet.date(day)): "
                var reasons = disagreements(of: node, day: day)
                switch daySheets.verdict(of: node, day: day) {
                case .complete: break
                case .incomplete(let missing): reasons = missing + reasons
                case .open:
                    lines.append(head + "not over" + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")))
                    continue
                case .unknown: continue
                }
                lines.append(head + (reasons.isEmpty ? "complete" : "incomplete: " + reasons.joined(separator: "; ")))
            }
        }
        return lines
    }

    /// What the sheets of a day say otherwise than the messages. A sheet that is not final knows less than has come.
    func disagreements(of node: String, day: Int64) -> [String] {
        var found: [String] = []
        var told: [String: [String: Int64]] = [:]
        var isFinal: [String: Bool] = [:]
        for (key, sheet) in daySheets.sheets(of: node, day: day) {
            let stream = Hex.text(key.stream)
            isFinal[stream] = (isFinal[stream] ?? true) && sheet.isFinal
            for channel in sheet.channels {
                told[stream, default: [:]][channel.name, default: 0] += channel.counted &- channel.tombstoned
            }
            guard key.part == 1 else { continue }
            for numbers in sheet.lanes {
                let absent = missing(of: stream, lane: numbers.lane, in: numbers.first...numbers.last)
                if absent > 0 { found.append("\(absent) batches of \(numbers.lane) did not come") }
            }
            if let numbers = sheet.lanes.first(where: { $0.lane == "readings" }) {
                let given = tombstoneCount(of: stream, in: numbers.first...numbers.last)
                let known = sheet.channels.contains { $0.tombstoned > 0 }
                if given > 0, !known { found.append("\(given) tombstones of its batches") }
            }
        }
        for (stream, channels) in told.sorted(by: { $0.key < $1.key }) {
            let came = dayCounts.received[DayCounts.Key(stream: stream, day: day)] ?? [:]
            for (name, count) in channels.sorted(by: { $0.key < $1.key }) where !dayCounts.withheld.contains(name) {
                let received = came[name] ?? 0
                if received < count || (isFinal[stream] == true && received > count) {
                    found.append("\(name): \(count) counted at the node, \(received) received")
                }
            }
        }
        for conflict in daySheets.conflicts where conflict.node == node && conflict.day == day {
            found.append("two sheets of stream \(Hex.text(conflict.stream)) under one revision")
        }
        return found
    }
}
