// What a configuration will cost: megabytes a month on the wire, and hours of outage that the flash holds at full
// resolution. Estimates from the forms of the contract and of the stored blocks, told by `validate` and `outbox size`
// before anybody pays for a SIM card. `EstimateTests` holds the hours against an outbox that runs full.

import SiteConfig
import World

struct Estimate {
    struct SensorRate {
        var id: String
        var channels: Int
        var every: Duration
        var readingsPerSecond: Double { Double(channels) * 1e9 / Double(every.nanoseconds) }
    }

    let sensors: [SensorRate]
    var flashBytes: Int
    /// Readings and messages a second.
    let readingsPerSecond: Double
    let messagesPerSecond: Double
    /// Blocks that an outage writes, a second, and how many channels one of them has.
    private let blocksPerSecond: Double
    private let channelsPerBlock: Double
    private let contributionBytesPerSecond: Double
    /// Readings a second that are published: all but the withheld ones.
    private let publishedPerSecond: Double
    /// Messages a second with such readings.
    private let publishingPerSecond: Double
    private let sheetBytesPerSecond: Double
    private let hasTLS: Bool
    private let topicBytes: Double

    /// The first record of a pack names the batch; the others are a name, a unit and a value. Measured on messages of
    /// the demo.
    private static let packBytes = 175.0
    private static let recordBytes = 48.0
    /// PUBLISH and PUBACK with their TCP/IP headers and the acknowledgements of both.
    private static let packetBytes = 4 * 52.0 + 12
    /// TLS records around both (RFC 8446 section 5.2: header, type and tag).
    private static let tlsBytes = 2 * 22.0

    /// A stored value with its time, in a block with others of its channel. (Slow signals take 0.8,
    /// values that leap 1.4.)
    private static let valueBytes = 1.1
    /// A block's header, anchor and the heads of its columns.
    private static let blockBytes = 65.0
    /// What each channel of a block costs once: its first value and ordinal.
    private static let channelBytes = 2.0
    /// Open KPI windows are given out at each checkpoint: one JSON object each, as it is published, in a block.
    private static let contributionBytes = 650.0
    /// The day sheet goes out once an hour: its own words, and those of a channel.
    private static let sheetBytes = 420.0
    private static let sheetBytesOfChannel = 55.0

    init(_ site: Site) {
        sensors = site.sensors.map { SensorRate(id: $0.id, channels: $0.channels.count, every: $0.every) }
        readingsPerSecond = sensors.reduce(0) { $0 + $1.readingsPerSecond }
        let batchAge = Double(max(site.outbox.batchAge.nanoseconds, 1)) / 1e9
        messagesPerSecond = Self.batchesPerSecond(of: site.sensors, age: batchAge)
        // Withheld readings are stored and folded, and never sent.
        let published = site.sensors.compactMap { sensor in
            var sensor = sensor
            sensor.channels.removeAll { site.withheldChannels.contains($0.id) }
            return sensor.channels.isEmpty ? nil : sensor
        }
        publishedPerSecond = published.reduce(0) {
            $0 + Double($1.channels.count) * 1e9 / Double($1.every.nanoseconds)
        }
        publishingPerSecond = Self.batchesPerSecond(of: published, age: batchAge)
        // What has been sealed in half a loss window is spilled together.
        let spillSeconds = max(Double(site.outbox.lossWindow.nanoseconds) / 2e9, batchAge)
        blocksPerSecond = min(messagesPerSecond, 1 / spillSeconds)
        channelsPerBlock = min(
            Double(site.channels.count), blocksPerSecond > 0 ? readingsPerSecond / blocksPerSecond : 0)
        sheetBytesPerSecond = (Self.sheetBytes + Self.sheetBytesOfChannel * Double(site.channels.count)) / 3_600
        contributionBytesPerSecond =
            Double(site.kpis.count) * Self.contributionBytes / (Double(site.outbox.checkpoint.nanoseconds) / 1e9)
            + sheetBytesPerSecond
        flashBytes = site.outbox.maxSize
        hasTLS = site.broker.tls != nil
        topicBytes = Double(site.broker.topicRoot.utf8.count) + 9
    }

    var megabytesPerMonth: Double {
        let message = Self.packBytes + topicBytes + Self.packetBytes + (hasTLS ? Self.tlsBytes : 0)
        return (publishingPerSecond * message + publishedPerSecond * Self.recordBytes + sheetBytesPerSecond)
            * 30 * 86_400 / 1e6
    }

    /// Sensors with one `every` share a batch; a batch takes in what comes within its age.
    private static func batchesPerSecond(of sensors: [SensorSettings], age: Double) -> Double {
        min(Set(sensors.map(\.every)).reduce(0) { $0 + 1e9 / Double($1.nanoseconds) }, 1 / age)
    }

    var storedBytesPerSecond: Double {
        readingsPerSecond * Self.valueBytes
            + blocksPerSecond * (Self.blockBytes + channelsPerBlock * Self.channelBytes) + contributionBytesPerSecond
    }

    /// All that is stored, shared among the readings.
    var storedBytesPerReading: Double { readingsPerSecond > 0 ? storedBytesPerSecond / readingsPerSecond : 0 }

    /// Until the flash is full; from then on the oldest readings are thinned, then given up.
    var hoursOfOutage: Double {
        storedBytesPerSecond > 0 ? Double(flashBytes) / storedBytesPerSecond / 3_600 : 0
    }

    var text: String {
        "about \(Self.rounded(megabytesPerMonth, .up)) MB a month on the wire; "
            + "the flash holds about \(hoursText) of outage at full resolution"
    }

    var hoursText: String {
        let hours = Self.rounded(hoursOfOutage, .down)
        return hoursOfOutage < 72 ? "\(hours) hours" : "\(hours) hours (\(Int64(hoursOfOutage / 24)) days)"
    }

    /// Two digits are all that an estimate has: costs are rounded up, promises down.
    static func rounded(_ value: Double, _ rule: FloatingPointRoundingRule) -> String {
        guard value < 1e15 else { return "more than 1000000000000000" }
        var step = 1.0
        while value / step >= 100 { step *= 10 }
        return String(Int64((value / step).rounded(rule) * step))
    }
}
