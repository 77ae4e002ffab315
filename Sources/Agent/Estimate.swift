// What a configuration will cost: megabytes a month on the wire, and hours of outage that the flash holds. Estimates
// from the forms of the contract, told by `validate` before anybody pays for a SIM card.

import SiteConfig
import World

struct Estimate {
    /// Readings and messages a second.
    let readingsPerSecond: Double
    let messagesPerSecond: Double

    /// The first record of a pack names the batch; the others are a name, a unit and a value. Measured on messages of
    /// the demo.
    private static let packBytes = 175.0
    private static let recordBytes = 48.0
    /// PUBLISH and PUBACK with their TCP/IP headers and the acknowledgements of both.
    private static let packetBytes = 4 * 52.0 + 12
    /// TLS records around both (RFC 8446 section 5.2: header, type and tag).
    private static let tlsBytes = 2 * 22.0
    /// A stored reading with its share of block and batch headers, in an outage.
    private static let storedBytesPerReading = 3.0
    private static let storedBytesPerBlock = 90.0

    init(_ site: Site) {
        readingsPerSecond = site.sensors.reduce(0) {
            $0 + Double($1.channels.count) / (Double($1.every.nanoseconds) / 1e9)
        }
        // Sensors with one `every` share a batch; a batch takes in what comes within its age.
        let rates = Set(site.sensors.map(\.every)).map { 1e9 / Double($0.nanoseconds) }
        messagesPerSecond = min(rates.reduce(0, +), 1e9 / Double(max(site.outbox.batchAge.nanoseconds, 1)))
        hasTLS = site.broker.tls != nil
        topicBytes = Double(site.broker.topicRoot.utf8.count) + 9
        flashBytes = Double(site.outbox.maxSize)
        spillSeconds = max(Double(site.outbox.lossWindow.nanoseconds) / 2e9, 1)
    }

    private let hasTLS: Bool
    private let topicBytes: Double
    private let flashBytes: Double
    private let spillSeconds: Double

    var megabytesPerMonth: Double {
        let message = Self.packBytes + topicBytes + Self.packetBytes + (hasTLS ? Self.tlsBytes : 0)
        return (messagesPerSecond * message + readingsPerSecond * Self.recordBytes) * 30 * 86_400 / 1e6
    }

    var hoursOfOutage: Double {
        let blocks = min(messagesPerSecond, 1 / spillSeconds)
        let perSecond = readingsPerSecond * Self.storedBytesPerReading + blocks * Self.storedBytesPerBlock
        return perSecond > 0 ? flashBytes / perSecond / 3_600 : 0
    }

    var text: String {
        "about \(Self.rounded(megabytesPerMonth)) MB a month on the wire; "
            + "the flash holds about \(Self.rounded(hoursOfOutage)) hours of outage"
    }

    /// Two digits are all that an estimate has.
    private static func rounded(_ value: Double) -> String {
        var step = 1.0
        while value / step >= 100 { step *= 10 }
        return String(Int64((value / step).rounded(.up) * step))
    }
}
