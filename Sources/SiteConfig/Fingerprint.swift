// The hash that every batch carries: two batches with the same one were made under the same meaning of their numbers.
//
// It is taken over what the numbers mean (place, board, sensors with wiring and calibration, channels, indicators), not
// over where they go (broker, outbox) or what is made of them on the way (alarms), and not over formatting, comments or
// the order of the file.

import Sensors
import World

enum Fingerprint {
    /// 8 hex digits.
    static func hash(of site: Site) -> String {
        var lines: [String] = []
        let node = site.node
        lines.append("node \(node.city)/\(node.id) \(node.timezone) \(node.powered.rawValue)")
        lines.append("location \(node.site ?? "-") \(shown(node.latitude)) \(shown(node.longitude))")
        let noise = site.noisePeriods, peaks = site.peakPeriods
        if noise != .usual { lines.append("noise \(noise.dayBegin) \(noise.eveningBegin) \(noise.nightBegin)") }
        if peaks != .usual { lines.append("peaks \(peaks.morning) \(peaks.evening)") }
        lines.append("board \(site.board.name) clock \(site.clock.rawValue)")
        for sensor in site.sensors {
            let settings = sensor.settings
            var line = "sensor \(sensor.id) \(sensor.driver) every \(sensor.every.nanoseconds)"
            if sensor.warmUp != .zero { line += " warm-up \(sensor.warmUp.nanoseconds)" }
            if let device = settings.device {
                line += " bus \(site.board.buses[Int(device.bus)].name) \(device.address)"
            }
            if let wire = settings.line {
                line +=
                    " line \(wire.chipLabel) \(wire.offset) \(wire.bias) \(wire.isActiveLow)"
                line += " \(wire.debounce.nanoseconds)"
            }
            for (name, wire) in settings.lines.sorted(by: { $0.key < $1.key }) {
                line += " \(name) \(wire.chipLabel) \(wire.offset)"
            }
            for (name, value) in settings.values.sorted(by: { $0.key < $1.key }) { line += " \(name)=\(shown(value))" }
            lines.append(line)
            for channel in sensor.channels {
                let about = channel.channel
                lines.append(
                    "channel \(about.name) \(about.unit) \(about.scale) \(about.plausible.lowerBound)"
                        + " \(about.plausible.upperBound) \(channel.calibration.fingerprint)")
                if channel.conditioning.isAsked {
                    lines.append("checks of \(about.name) \(channel.conditioning.fingerprint)")
                }
                if channel.instrument != .unstated {
                    lines.append("instrument of \(about.name) \(channel.instrument.fingerprint)")
                }
            }
        }
        for kpi in site.kpis {
            lines.append("kpi \(kpi.fingerprint)")
        }
        return hash(of: lines.sorted().joined(separator: "\n"))
    }

    /// CRC-32C (RFC 3720 appendix B.4) in 8 hex digits: to tell apart, not to protect.
    static func hash(of text: String) -> String {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in text.utf8 {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        let digits = String(~crc, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func shown(_ value: Double?) -> String { value.map { "\($0)" } ?? "-" }

    private static func shown(_ setting: Setting) -> String {
        switch setting {
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        // A file keeps its meaning when its folder moves.
        case .text(let text): text.split(separator: "/").last.map(String.init) ?? text
        case .flag(let flag): "\(flag)"
        case .duration(let duration): "\(duration.nanoseconds)"
        case .quantity(let mantissa, let exponent, let unit): "\(mantissa)e\(exponent) \(unit)"
        case .registers(let map): map.fingerprint
        }
    }
}
