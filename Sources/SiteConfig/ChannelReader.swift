// `channels:` of a sensor, by the channel's name: calibration (value = raw × gain + offset, in the channel's unit) and
// the instrument, where it is not the sensor's.

import Sensors
import World

struct ChannelReader {
    struct About {
        var offset = 0.0
        var gain = 1.0
        var instrument: Instrument
        /// Not calibrated.
        var isNone: Bool { offset == 0 && gain == 1 }
    }
    let findings: Findings
    let instruments: InstrumentReader

    /// One for each channel, in order; nil when the channels are not known.
    func read(_ sensor: inout Fields, _ channels: [DriverChannel]?, _ instrument: Instrument) -> [About]? {
        var section = sensor.section("channels", name: "`channels` of \(sensor.name)")
        guard let channels else { return nil }
        var result = [About](repeating: About(instrument: instrument), count: channels.count)
        let names = channels.map(\.quantity)
        for (key, place) in section.keys {
            guard let index = names.firstIndex(of: key) else {
                let nearest = Nearest.name(to: key, among: names)
                _ = section.section(key)
                findings.add(
                    place, "the unknown channel \(quoted(key)) of \(sensor.name)", oneOf(names),
                    nearest.map { "write `\($0):`" } ?? "write one of them")
                continue
            }
            var fields = section.section(key, name: "channel \(quoted(key)) of \(sensor.name)")
            let offset = fields.scalar("offset")
            let gain = fields.scalar("gain")
            if let own = instruments.read(&fields) { result[index].instrument = own }
            fields.finish(Hint.channel)
            guard channels[index].isCalibratable else {
                if let first = offset ?? gain {
                    findings.add(
                        first.place, "calibration of the channel \(quoted(key))", "none: it is an exact count or state",
                        "remove `\(first.key)`")
                }
                continue
            }
            guard let unit = Unit.named(channels[index].unit) else {
                invariantFailed("\(channels[index].unit) is not in the unit registry")
            }
            result[index].offset = offset.flatMap { findings.difference($0, in: unit) } ?? 0
            result[index].gain = gain.flatMap { findings.number($0, in: 0.001...1000) } ?? 1
        }
        return result
    }
}
