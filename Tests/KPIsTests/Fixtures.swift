// A node in miniature: readings with ordinals, batches with numbers and anchors, and the bindings of the two
// indicators.

import KPIs
import World

enum Fixture {
    /// 2026-11-21T21:20:00Z, on the grid of hours.
    static let hour: Int64 = 1_795_255_200
    static let stream: UInt64 = 0x7F3A_91C2_D04B_E815

    static let water = indicator("en-en-ws-2c")
    static let outageCount = indicator("ec-i-es-1c")
    static let outageTime = indicator("ec-i-es-2c")

    static func indicator(_ slug: String) -> Indicator {
        guard let found = Indicator.named(slug) else { preconditionFailure("no indicator \(slug)") }
        return found
    }

    static func waterBinding(channel: UInt16 = 0, scale: Int8 = -2, window: Int64 = 900) -> KPIBinding {
        KPIBinding(
            indicator: water, channel: ChannelID(rawValue: channel), channelName: "water.volume", unit: "m3",
            scale: scale, labels: [.zone: "dma-7"], windowSeconds: window)
    }

    static func mainsBinding(
        _ indicator: Indicator = outageTime, channel: UInt16 = 1, customers: Int64 = 1, window: Int64 = 3_600
    ) -> KPIBinding {
        KPIBinding(
            indicator: indicator, channel: ChannelID(rawValue: channel), channelName: "mains.state", unit: "/",
            scale: 0, weight: Weight(.customers, customers), windowSeconds: window)
    }
}

struct Batch {
    var seq: UInt64
    var anchor: Anchor
    var readings: [Reading]
}

/// Writes down readings as a Sampler would, in order; seconds are UTC by the anchor in force.
struct Recorder {
    /// The boot began a quarter of an hour before the fixture's hour, at a broken second.
    var anchor = Anchor(offsetNanoseconds: (Fixture.hour - 900) * 1_000_000_000 + 250_000_000, boundNanoseconds: 0)
    private(set) var readings: [(Reading, Anchor)] = []
    private var ordinals: [UInt16: UInt64] = [:]

    mutating func record(
        channel: UInt16 = 0, at second: Int64, milliseconds: Int64 = 0, value: Int64, quality: Quality = .good
    ) {
        record(
            channel: channel,
            boottime: anchor.boottime(
                UTC(nanoseconds: (Fixture.hour + second) * 1_000_000_000 + milliseconds * 1_000_000)),
            value: value, quality: quality)
    }

    mutating func record(channel: UInt16 = 0, boottime: Boottime, value: Int64, quality: Quality = .good) {
        ordinals[channel, default: 0] += 1
        let reading = Reading(
            channel: ChannelID(rawValue: channel), acquired: boottime, value: value, quality: quality,
            ordinal: ordinals[channel, default: 0])
        readings.append((reading, anchor))
    }

    /// Readings that were taken and went missing.
    mutating func lose(channel: UInt16 = 0, count: UInt64) { ordinals[channel, default: 0] += count }

    /// The process is started anew: ordinals begin at 1.
    mutating func restart() { ordinals = [:] }

    /// Batches of these sizes, repeated; a batch ends where the anchor changes.
    func batches(sizes: [Int] = [1]) -> [Batch] {
        var batches: [Batch] = []
        var size = 0
        for (reading, anchor) in readings {
            let wanted = sizes[max(batches.count - 1, 0) % sizes.count]
            if batches.isEmpty || size >= wanted || batches[batches.count - 1].anchor != anchor {
                batches.append(Batch(seq: UInt64(batches.count + 1), anchor: anchor, readings: []))
                size = 0
            }
            batches[batches.count - 1].readings.append(reading)
            size += 1
        }
        return batches
    }
}

extension KPIFolder {
    mutating func fold(_ batch: Batch) {
        batch.readings.withUnsafeBufferPointer { fold($0, seq: batch.seq, anchor: batch.anchor) }
    }

    mutating func taken(_ selection: Selection, at second: Int64 = 0) -> [Contribution] {
        var taken: [Contribution] = []
        take(selection, now: UTC(seconds: Fixture.hour + second)) { taken.append($0) }
        return taken
    }

    /// Everything that a folder gives for these batches, asked after each one and at an orderly stop.
    static func contributions(
        _ bindings: [KPIBinding], _ batches: [Batch], stream: UInt64 = Fixture.stream
    ) -> [Contribution] {
        var folder = KPIFolder(stream: stream, bindings: bindings)
        var all: [Contribution] = []
        for batch in batches {
            folder.fold(batch)
            all += folder.taken(.windowEnds)
        }
        return all + folder.taken(.provisional)
    }
}

extension Contribution {
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var amount: Int64? {
        if case .sum(let sum) = state { return sum.amount }
        return nil
    }
    var outages: OutageState? {
        if case .outages(let outages) = state { return outages }
        return nil
    }
    /// Start of the window, seconds after the fixture's hour.
    var at: Int64 { windowStart - Fixture.hour }
    func flag(_ name: String) -> Int64? { coverage.flags.first { $0.name == name }?.seconds }
}

extension [Contribution] {
    func gathered(node: String = "n", stream: UInt64 = Fixture.stream) -> ContributionSet {
        var set = ContributionSet()
        for contribution in self { set.add(contribution, node: node, stream: stream) }
        return set
    }
    /// The newest of each window.
    var newest: [Contribution] {
        gathered().entries.values.map(\.contribution).sorted {
            ($0.indicator.slug, $0.windowStart) < ($1.indicator.slug, $1.windowStart)
        }
    }
}

func isClose(_ a: Double?, _ b: Double, within tolerance: Double) -> Bool {
    guard let a else { return false }
    return abs(a - b) <= tolerance
}

func isClose(_ range: ClosedRange<Double>?, _ b: Double, within tolerance: Double) -> Bool {
    isClose(range?.lowerBound, b, within: tolerance) && isClose(range?.upperBound, b, within: tolerance)
}
