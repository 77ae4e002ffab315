// The audit: takes messages as the platform receives them, by the contract alone, and accounts for every reading.

import KPIs
import World

/// Identity of a batch as the platform sees it.
private struct BatchKey: Hashable {
    var stream: String
    var lane: String
    var sequence: Int64
}

/// What was received, counted in readings.
struct Audit {
    private var batches: [BatchKey: Int] = [:]
    /// Distinct readings, and those of batches that came again.
    private(set) var delivered = 0
    private(set) var duplicates = 0
    /// Readings that tombstones account for.
    private(set) var tombstoned = 0
    /// Numbers that tombstones name, by stream and lane.
    private var tombstones: [String: [ClosedRange<Int64>]] = [:]
    /// Numbers of readings that a message names as left out, by stream: they held withheld channels alone.
    private var leftOut: [String: [ClosedRange<Int64>]] = [:]
    /// Streams and lanes with tombstones that do not know how much there was.
    private var uncounted: Set<String> = []
    func isUncounted(_ stream: String, _ lane: String) -> Bool { uncounted.contains(stream + "/" + lane) }
    /// Sums of values by channel, in millionths of the unit; of values that were given, good or uncertain.
    private(set) var sumsInMillionths: [String: Int64] = [:]
    /// What the contributions of all streams amount to.
    private(set) var contributionSet = ContributionSet()
    /// What the node says of its days, and what came of them.
    private(set) var daySheets = DaySheetSet()
    private(set) var dayCounts = DayCounts()
    /// Messages that are not as the contract says.
    private(set) var unreadable: [String] = []
    private(set) var messages = 0
    private(set) var live = 0
    private(set) var late = 0
    /// The last good value of each channel as text, for showing.
    private(set) var latest: [String: (value: String, unit: String)] = [:]

    private var deliveredByStream: [String: Int] = [:]
    private var tombstonedByStream: [String: Int] = [:]
    private var toldTwice: [String: Int] = [:]

    func delivered(of stream: String) -> Int { deliveredByStream[stream] ?? 0 }
    func tombstoned(of stream: String) -> Int { tombstonedByStream[stream] ?? 0 }
    var contributions: Int { contributionSet.entries.count }

    /// Numbers missing between 1 and the highest of each stream and lane.
    var gaps: Int {
        var highest: [String: (last: Int64, count: Int64)] = [:]
        for key in batches.keys {
            let name = key.stream + "/" + key.lane
            let old = highest[name] ?? (0, 0)
            highest[name] = (max(old.last, key.sequence), old.count + 1)
        }
        // A number may be left out behind the last that came, and named twice.
        var skipped = 0
        for (stream, ranges) in leftOut {
            let last = highest[stream + "/readings"]?.last ?? 0
            let numbers = Set(ranges.flatMap { Array($0) }).filter { number in
                number <= last && batches[BatchKey(stream: stream, lane: "readings", sequence: number)] == nil
            }
            skipped += numbers.count
        }
        return highest.values.reduce(0) { $0 + Int($1.last - $1.count) } - skipped
    }

    /// How many of these numbers neither came nor were told as lost or left out.
    func missing(of stream: String, lane: String, in numbers: ClosedRange<UInt64>) -> Int {
        let known = ranges(of: stream, lane: lane)
        return numbers.reduce(0) { count, number in
            let number = Int64(clamping: number)
            let isKnown = batches[BatchKey(stream: stream, lane: lane, sequence: number)] != nil
                || known.contains { $0.contains(number) }
            return count + (isKnown ? 0 : 1)
        }
    }

    private func ranges(of stream: String, lane: String) -> [ClosedRange<Int64>] {
        (tombstones[stream + "/" + lane] ?? []) + (lane == "readings" ? leftOut[stream] ?? [] : [])
    }

    /// A tombstone names numbers of this lane.
    func hasGivenUp(of stream: String, lane: String) -> Bool { tombstones[stream + "/" + lane] != nil }

    /// How many tombstones name readings batches among these.
    func tombstoneCount(of stream: String, in numbers: ClosedRange<UInt64>) -> Int {
        let wanted = Int64(clamping: numbers.lowerBound)...Int64(clamping: numbers.upperBound)
        return (tombstones[stream + "/readings"] ?? []).filter { $0.overlaps(wanted) }.count
    }

    /// Numbers from 1 to `last` of a stream's lane that neither came nor were told as lost. Behind damage nobody can
    /// know how much there was: where there `isDamage`, only up to the last that is known.
    func missing(of stream: String, lane: String, through last: UInt64, isDamage: Bool) -> [Int64] {
        let told = ranges(of: stream, lane: lane)
        let isKnown = (0..<Int64(last)).map { index in
            batches[BatchKey(stream: stream, lane: lane, sequence: index + 1)] != nil
                || told.contains { $0.contains(index + 1) }
        }
        let end = isDamage && isUncounted(stream, lane) ? (isKnown.lastIndex(of: true) ?? -1) + 1 : isKnown.count
        return (0..<end).filter { !isKnown[$0] }.map { Int64($0) + 1 }
    }

    /// Readings of a stream that came although a tombstone names their number, or that two tombstones name: a power cut
    /// may bring back what had been told as lost, and a tombstone that had been merged into another. Their numbers say
    /// so.
    func deliveredAndTold(of stream: String) -> Int {
        let told = tombstones[stream + "/readings"] ?? []
        let deliveredToo = batches.reduce(0) { sum, batch in
            let isTold = batch.key.stream == stream && batch.key.lane == "readings"
                && told.contains { $0.contains(batch.key.sequence) }
            return isTold ? sum + batch.value : sum
        }
        return deliveredToo + (toldTwice[stream] ?? 0)
    }

    mutating func take(_ message: BrokerMessage, root: String) {
        guard message.topic.hasPrefix(root + "/") else { return }
        let kind = String(message.topic.dropFirst(root.utf8.count + 1))
        messages += 1
        do throws(ContributionFault) {
            switch kind {
            case "readings", "history": try takeReadings(message.payload, isLate: kind == "history")
            case "contributions":
                try takeItems(message.payload)
                contributionSet.add(try ContributionBatch.parse(message.payload))
                let sheets = try DaySheet.sheets(in: message.payload)
                daySheets.add(sheets)
                if let fault = sheets.refused.first { throw fault }
            case "inventory": try dayCounts.takeInventory(message.payload)
            case "events", "security": try takeItems(message.payload)
            default: break
            }
        } catch { unreadable.append("\(kind): \(error)") }
    }

    private mutating func takeReadings(_ payload: [UInt8], isLate: Bool) throws(ContributionFault) {
        var key: BatchKey?
        var isOfWindows = false
        var count = 0
        var found: [(BatchKey, Int)] = []
        var values: [(name: String, millionths: Int64)] = []
        var sums: [[(name: String, millionths: Int64)]] = []
        // Moments in microseconds, of batches whose clock had settled.
        var base: Int64 = 0
        var isSettled = true
        var moments: [(name: String, millionths: Int64)] = []
        var allMoments: [[(name: String, millionths: Int64)]] = []
        var skipped: [(stream: String, numbers: ClosedRange<Int64>)] = []
        var reader = JSONReader(payload)
        try reader.array { reader throws(ContributionFault) in
            var stream: String?
            var sequence: Int64?
            var name = "", unit = ""
            var isThinned = false
            var value: Range<Int>?
            var offset: Int64 = 0
            var left: [Int64] = []
            var clock: String?
            try reader.object { reader, member throws(ContributionFault) in
                switch member {
                case "bt": base = Self.millionths(payload[try reader.skip()]) ?? 0
                case "t": offset = Self.millionths(payload[try reader.skip()]) ?? 0
                case "clock": clock = try reader.string()
                case "skipped":
                    try reader.array { reader throws(ContributionFault) in left.append(try reader.integer()) }
                case "stream": stream = try reader.string()
                case "seq": sequence = try reader.integer()
                case "n": name = try reader.string()
                case "u": unit = try reader.string()
                case "thinned":
                    _ = try reader.skip()
                    isThinned = true
                case "v": value = try reader.skip()
                default: _ = try reader.skip()
                }
            }
            if left.count == 2, 1 <= left[0], left[0] <= left[1] { skipped.append((stream ?? "", left[0]...left[1])) }
            if !isLate, let value { latest[name] = (String(decoding: payload[value], as: UTF8.self), unit) }
            if let sequence {
                if let key {
                    found.append((key, count))
                    sums.append(values)
                    allMoments.append(moments)
                }
                count = 0
                values = []
                moments = []
                isSettled = clock != "unsettled"
                key = BatchKey(stream: stream ?? "", lane: "readings", sequence: sequence)
                isOfWindows = isThinned
            }
            // What stands in windows has been told as given up.
            guard !isOfWindows else { return }
            if name != "batch", name != "skipped" {
                count += 1
                if isSettled { moments.append((Self.plain(name), base &+ offset)) }
            }
            if let value, let amount = Self.millionths(payload[value]) { values.append((Self.plain(name), amount)) }
        }
        try reader.finish()
        if let key {
            found.append((key, count))
            sums.append(values)
            allMoments.append(moments)
        }
        for (stream, numbers) in skipped { leftOut[stream, default: []].append(numbers) }
        for (index, (key, count)) in found.enumerated() {
            if batches.updateValue(count, forKey: key) == nil {
                for (name, amount) in sums[index] { sumsInMillionths[name, default: 0] &+= amount }
                dayCounts.add(allMoments[index], of: key.stream)
                delivered += count
                deliveredByStream[key.stream, default: 0] += count
                if isLate { late += count } else { live += count }
            } else {
                duplicates += count
            }
        }
    }

    /// The channel's name without its quality.
    private static func plain(_ name: String) -> String {
        for quality in ["/uncertain", "/bad"] where name.hasSuffix(quality) {
            return String(name.dropLast(quality.utf8.count))
        }
        return name
    }

    /// A decimal of at most six places, exactly; nil for anything finer.
    private static func millionths(_ text: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        var places = -1
        var isNegative = false
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): places = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                guard !overflow else { return nil }
                value = product &+ Int64(byte - UInt8(ascii: "0"))
                if places >= 0 { places += 1 }
            default: return nil
            }
        }
        for _ in max(places, 0)..<max(6, places) { value = value.multipliedReportingOverflow(by: 10).partialValue }
        return places > 6 ? nil : isNegative ? -value : value
    }

    private mutating func takeItems(_ payload: [UInt8]) throws(ContributionFault) {
        var key = BatchKey(stream: "", lane: "", sequence: 0)
        var lost: [Lost] = []
        var count = 0
        var reader = JSONReader(payload)
        try reader.object { reader, member throws(ContributionFault) in
            switch member {
            case "stream": key.stream = try reader.string()
            case "lane": key.lane = try reader.string()
            case "seq": key.sequence = try reader.integer()
            case "items":
                try reader.array { reader throws(ContributionFault) in
                    count += 1
                    try Self.takeItem(&reader, lost: &lost)
                }
            default: _ = try reader.skip()
            }
        }
        try reader.finish()
        guard batches.updateValue(count, forKey: key) == nil else { return }
        for loss in lost {
            if let range = loss.range, loss.lane == "readings" {
                let others = tombstones[loss.stream + "/readings"] ?? []
                if others.contains(where: { $0.overlaps(range) }) { toldTwice[loss.stream, default: 0] += loss.count }
            }
            if let range = loss.range { tombstones[loss.stream + "/" + loss.lane, default: []].append(range) }
            if !loss.isCounted { uncounted.insert(loss.stream + "/" + loss.lane) }
            guard loss.lane == "readings" else { continue }
            tombstoned += loss.count
            tombstonedByStream[loss.stream, default: 0] += loss.count
        }
    }

    /// What a tombstone says.
    private struct Lost {
        var stream: String
        var lane: String
        var range: ClosedRange<Int64>?
        /// Readings, or items of another lane; windows of readings were told before.
        var count: Int
        var isCounted: Bool
    }

    private static let windowNames = ["/min", "/mean", "/max", "/count", "/kept"]

    private static func takeItem(
        _ reader: inout JSONReader, lost: inout [Lost]
    ) throws(ContributionFault) {
        var kind = "", lane = "", stream = ""
        var sum = 0
        var isCounted = false
        var first: Int64 = 0, last: Int64 = 0
        try reader.object { reader, member throws(ContributionFault) in
            switch member {
            case "kind": kind = try reader.string()
            case "lane": lane = try reader.string()
            case "stream": stream = try reader.string()
            // An item's kind is said first. The channels of a day sheet are not a tombstone's.
            case "channels" where kind == "tombstone":
                try reader.object { reader, name throws(ContributionFault) in
                    let count = Int(try reader.integer())
                    isCounted = true
                    if !windowNames.contains(where: { name.hasSuffix($0) }) { sum += count }
                }
            case "first": first = try reader.integer()
            case "last": last = try reader.integer()
            default: _ = try reader.skip()
            }
        }
        if kind == "tombstone" {
            let range = first > 0 && first <= last ? first...last : nil
            lost.append(Lost(stream: stream, lane: lane, range: range, count: sum, isCounted: isCounted))
        }
    }
}
