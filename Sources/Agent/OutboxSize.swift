// `cityedge outbox size`: how many hours of outage a configuration's outbox holds, and what that is reckoned from.

import SiteConfig
import World

public func outboxSize(_ configuration: String, isJSON: Bool) throws(Failure) {
    let estimate = Estimate(try loadSite(configuration, anyBoard: true).site)
    guard !isJSON else {
        printLine(estimate.json)
        return
    }
    for sensor in estimate.sensors {
        printLine(
            "\(sensor.id): \(counted(UInt64(sensor.channels), "channel")) every "
                + "\(Estimate.places(Double(sensor.every.nanoseconds) / 1e9)) s: "
                + "\(Estimate.places(sensor.readingsPerSecond)) readings/s")
    }
    printLine(
        "in all \(Estimate.places(estimate.readingsPerSecond)) readings/s, about "
            + "\(Estimate.places(estimate.storedBytesPerReading)) bytes each as stored")
    printLine(
        "outbox.max_size of \(sizeText(estimate.flashBytes)): "
            + "about \(estimate.hoursText) of outage at full resolution; then the oldest readings are thinned")
}

extension Estimate {
    /// Three significant places or fewer.
    static func places(_ value: Double) -> String {
        if value >= 100 || value == value.rounded() { return String(Int64(clamping: Int(value.rounded()))) }
        return decimal(Int64((value * 1_000).rounded()), scale: -3)
    }

    var json: String {
        let list = sensors.map {
            "{\"sensor\":\(quoted($0.id)),\"channels\":\($0.channels),"
                + "\"readings_per_second\":\(Self.places($0.readingsPerSecond))}"
        }
        return "{\"sensors\":[\(list.joined(separator: ","))],"
            + "\"readings_per_second\":\(Self.places(readingsPerSecond)),"
            + "\"bytes_per_reading\":\(Self.places(storedBytesPerReading)),\"max_size_bytes\":\(flashBytes),"
            + "\"hours_at_full_resolution\":\(Self.places(hoursOfOutage)),"
            + "\"megabytes_per_month\":\(Self.places(megabytesPerMonth))}"
    }
}
