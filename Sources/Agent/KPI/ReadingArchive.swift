// Archived readings: the messages of `readings` and `history`, taken apart by the contract alone (`SenMLEncoder`), as
// the node had them: batches by stream and number, each once. Batches that went out before the clock had settled are
// settled by the anchor event of their boot, as the node did it; so events belong into the archive too.

import KPIs
import World

struct ArchivedReading {
    /// The channel's name without its quality.
    var channel: String
    /// UTC, microseconds; of an unsettled batch CLOCK_BOOTTIME.
    var microseconds: Int64
    /// The number as it was published; nil: none was.
    var value: ArraySlice<UInt8>?
    var quality: Quality
}

struct ArchivedBatch {
    var seq: UInt64
    var config: String
    var readings: [ArchivedReading] = []
}

struct ReadingArchive {
    struct Stream: Hashable {
        var node: String
        var stream: UInt64
    }
    private(set) var streams: [Stream: [UInt64: ArchivedBatch]] = [:]
    /// By boot id.
    private var unsettledBatches: [(stream: Stream, boot: String, batch: ArchivedBatch)] = []
    /// By boot id the first one, of the lowest number in its stream.
    private var anchors: [String: (seq: UInt64, utcAtBootNanoseconds: Int64)] = [:]
    /// Windows that stand for readings which had to go: those were folded before they went.
    private(set) var thinned = 0
    private(set) var unreadable: [String] = []

    /// The reasons of quality, in words, as published.
    private static let qualities: [String: Quality] = Dictionary(
        Quality.allCases.map { ($0.reason, $0) }) { first, _ in first }

    mutating func take(_ line: MessageLine) {
        if let kind = line.kind, !["readings", "history", "events"].contains(kind) { return }
        do throws(ContributionFault) {
            if line.payload.first == UInt8(ascii: "[") { try take(line.payload) } else { try takeAnchors(line.payload) }
        } catch {
            unreadable.append("\(line.place): \(error.inWords)")
        }
    }

    /// Gives the batches their moments whose boot's anchor is known; returns how many are without.
    mutating func settle() -> Int {
        var left = 0
        for (stream, boot, batch) in unsettledBatches {
            guard let anchor = anchors[boot] else {
                left += 1
                continue
            }
            var settled = batch
            for index in settled.readings.indices {
                let utc = UTC(
                    nanoseconds: settled.readings[index].microseconds * 1_000 &+ anchor.utcAtBootNanoseconds)
                settled.readings[index].microseconds = max(0, utc.nanoseconds / 1_000)
            }
            streams[stream, default: [:]][batch.seq] = settled
        }
        unsettledBatches = []
        return left
    }

    private mutating func takeAnchors(_ payload: [UInt8]) throws(ContributionFault) {
        var seq: UInt64 = 0
        var found: [(boot: String, nanoseconds: Int64)] = []
        var reader = JSONReader(payload)
        try reader.object { reader, name throws(ContributionFault) in
            switch name {
            case "seq": seq = try reader.unsigned()
            case "items":
                try reader.array { reader throws(ContributionFault) in
                    var texts: [String: String] = [:]
                    try reader.object { reader, name throws(ContributionFault) in
                        switch name {
                        case "kind", "boot", "utc_at_boot_ns":
                            let place = try reader.skip()
                            var inner = JSONReader(payload, in: place)
                            if payload[place.lowerBound] == UInt8(ascii: "\"") { texts[name] = try inner.string() }
                        default: try reader.skip()
                        }
                    }
                    guard texts["kind"] == "anchor", let boot = texts["boot"],
                        let nanoseconds = texts["utc_at_boot_ns"].flatMap({ Int64($0) }), nanoseconds >= 0
                    else { return }
                    found.append((boot, nanoseconds))
                }
            default: try reader.skip()
            }
        }
        for (boot, nanoseconds) in found where seq < anchors[boot]?.seq ?? .max { anchors[boot] = (seq, nanoseconds) }
    }

    /// As if these numbers had never come.
    mutating func drop(_ stream: Stream, _ numbers: Range<UInt64>) {
        for number in numbers { streams[stream]?[number] = nil }
    }

    private struct Head {
        var stream: Stream
        /// Of a batch whose clock had not settled.
        var boot: String?
        var isThinned: Bool
        var batch: ArchivedBatch
    }

    private mutating func take(_ payload: [UInt8]) throws(ContributionFault) {
        var node = ""
        var base: Int64 = 0
        var head: Head?
        var reader = JSONReader(payload)
        var heads: [Head] = []
        try reader.array { reader throws(ContributionFault) in
            var record = Record()
            try reader.object { reader, name throws(ContributionFault) in try record.take(name, &reader, payload) }
            if let baseName = record.baseName {
                // `city/node/`
                let parts = baseName.split(separator: "/" as Character)
                guard parts.count == 2 else { throw .outOfRange(member: "bn") }
                node = String(parts[1])
            }
            if let baseTime = record.baseTime { base = baseTime }
            if let bootTime = record.bootTime { base = bootTime }
            if let seq = record.seq {
                guard let stream = record.stream, let config = record.config else { throw .missing("stream") }
                if let head { heads.append(head) }
                head = Head(
                    stream: Stream(node: node, stream: stream), boot: record.boot, isThinned: record.isThinned,
                    batch: ArchivedBatch(seq: seq, config: config))
            }
            guard head != nil else { throw .missing("seq") }
            guard record.name != "batch" else { return }
            head?.batch.readings.append(try record.reading(base: base))
        }
        try reader.finish()
        if let head { heads.append(head) }
        for head in heads {
            if head.isThinned {
                thinned += 1
            } else if let boot = head.boot {
                unsettledBatches.append((head.stream, boot, head.batch))
            } else {
                streams[head.stream, default: [:]][head.batch.seq] = head.batch
            }
        }
    }

    private struct Record {
        var baseName: String?
        var baseTime: Int64?
        var stream: UInt64?
        var seq: UInt64?
        var config: String?
        var boot: String?
        /// CLOCK_BOOTTIME at encoding, microseconds.
        var bootTime: Int64?
        var isThinned = false
        var name = ""
        var why: String?
        var value: ArraySlice<UInt8>?
        var time: Int64 = 0

        mutating func take(
            _ member: String, _ reader: inout JSONReader, _ payload: [UInt8]
        ) throws(ContributionFault) {
            switch member {
            case "bn": baseName = try reader.string()
            case "bt": baseTime = try Self.microseconds(payload[try reader.skip()])
            case "t": time = try Self.microseconds(payload[try reader.skip()])
            case "stream": stream = UInt64(try reader.string(), radix: 16)
            case "seq": seq = try reader.unsigned()
            case "config": config = try reader.string()
            case "boot": boot = try reader.string()
            case "boot_ns": bootTime = Int64(try reader.string()).map { $0 / 1_000 }
            case "thinned": isThinned = try reader.flag()
            case "n": name = try reader.string()
            case "v": value = payload[try reader.skip()]
            case "vs", "why": why = try reader.string()
            default: try reader.skip()
            }
        }

        /// A decimal of at most six places.
        private static func microseconds(_ text: ArraySlice<UInt8>) throws(ContributionFault) -> Int64 {
            guard let value = scaledInteger(text, scale: -6) else { throw .outOfRange(member: "t") }
            return value
        }

        func reading(base: Int64) throws(ContributionFault) -> ArchivedReading {
            let moment = base.addingReportingOverflow(time)
            guard !moment.overflow, (0...9_000_000_000_000_000).contains(moment.partialValue) else {
                throw .outOfRange(member: "t")
            }
            let parts = name.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1)
            guard let channel = parts.first else { throw .missing("n") }
            var quality = Quality.good
            if parts.count > 1 {
                // Without its reason (before nodes said it) an uncertain value is only counted, as most are.
                let reason = why.flatMap { ReadingArchive.qualities[$0] }
                quality = reason ?? (parts[1].elementsEqual("bad".utf8) ? .notAvailable : .outOfRange)
            }
            return ArchivedReading(
                channel: String(decoding: channel, as: UTF8.self), microseconds: moment.partialValue, value: value,
                quality: quality)
        }
    }
}

/// A decimal number as a whole one in a decimal scale, exactly; nil when it is finer, does not fit, or is none.
func scaledInteger(_ text: ArraySlice<UInt8>, scale: Int8) -> Int64? {
    var value: Int64 = 0
    var places = -1
    var digits = 0
    var isNegative = false
    for (index, byte) in text.enumerated() {
        switch byte {
        case UInt8(ascii: "-") where index == 0: isNegative = true
        case UInt8(ascii: ".") where places < 0: places = 0
        case 0x30...0x39:
            // Down, because there is one more negative number.
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.subtractingReportingOverflow(Int64(byte - 0x30))
            guard !isTooLarge, !overflow else { return nil }
            value = sum
            digits += 1
            if places >= 0 { places += 1 }
        default: return nil
        }
    }
    guard digits > 0 else { return nil }
    var exponent = -max(places, 0) - Int(scale)
    while exponent < 0 {
        guard value % 10 == 0 else { return nil }
        value /= 10
        exponent += 1
    }
    while exponent > 0 {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow else { return nil }
        value = product
        exponent -= 1
    }
    guard !isNegative else { return value }
    return value == .min ? nil : -value
}
