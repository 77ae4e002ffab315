// The gauges of the air: at each hour's end items of the contributions lane, and values for the alarms. The hours that
// they are made of are kept in the runtime directory.

import KPIs
import Outbox
import Uplink
import World

struct GaugeFeed {
    static let fileName = "air-hours"
    var air = AirGauges()
    /// A pollutant is bound.
    let isBound: Bool
    var isTakenUp = false

    init(_ bindings: [KPIBinding]) { isBound = bindings.contains { $0.indicator.measure == .pollutant } }
}

extension Courier where D: ~Copyable, R: ~Copyable {
    /// Before the first contribution of the process is given to them.
    mutating func takeUpGauges() {
        guard gauges.isBound, !gauges.isTakenUp else { return }
        gauges.isTakenUp = true
        var bytes = [UInt8](repeating: 0, count: AirGauges.longest)
        let count = bytes.withUnsafeMutableBytes { buffer in
            (try? outbox.disk.runtimeRead(GaugeFeed.fileName, at: 0, into: buffer)) ?? 0
        }
        if let kept = AirGauges(encoded: Array(bytes[..<count])) { gauges.air = kept }
    }

    /// After the windows that have ended were given out.
    mutating func giveGauges(_ utc: UTC, anchor: Anchor) {
        guard gauges.isBound, let (hour, values) = gauges.air.atHourEnd(utc) else { return }
        var items: [Item] = []
        for gauge in AirGauges.declared {
            let found = values.first { $0.name == gauge.name }
            judgeGauge(gauge.name, value: found?.value, scale: gauge.scale, at: now)
            if let found { items.append(Item(time: now.truncatedToMicroseconds, body: Self.body(found, hour: hour))) }
        }
        keepGauges()
        if !items.isEmpty { outbox.seal(items, lane: .contributions, anchor: anchor) }
    }

    /// Before the cursor passes windows that they are made of.
    mutating func keepGauges() {
        guard gauges.isBound else { return }
        let content = gauges.air.encoded
        content.withUnsafeBytes { try? outbox.disk.runtimeWrite(GaugeFeed.fileName, at: 0, $0) }
    }

    private static func body(_ gauge: AirGauges.Value, hour: Int64) -> [UInt8] {
        var body = ObjectBody(kind: "gauge")
        body.text("gauge", gauge.name)
        body.decimal("value", gauge.value, scale: gauge.scale)
        if gauge.unit != "/" { body.text("unit", gauge.unit) }
        body.text("of", ifPresent: gauge.of)
        if gauge.isBeyond { body.flag("beyond", true) }
        body.text("table", gauge.table)
        body.text("conv", ifPresent: gauge.conversion)
        body.integer("hour", hour)
        return body.bytes
    }
}
