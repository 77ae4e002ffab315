// `channels:` of a sensor, by the channel's name: calibration, checks, and the instrument where it is not the sensor's.

import Sensors
import World

struct ChannelReader {
    struct About {
        var calibration = Calibration.none
        /// Nil: the driver's.
        var plausible: ClosedRange<Double>?
        var conditioning = Conditioning()
        var partner: ConditioningReader.PartnerName?
        var instrument: Instrument
    }
    let findings: Findings
    let instruments: InstrumentReader

    /// One for each channel, in order; nil when the channels are not known.
    func read(
        _ sensor: inout Fields, _ channels: [DriverChannel]?, _ instrument: Instrument, every: Duration
    ) -> [About]? {
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
            if let own = instruments.read(&fields) { result[index].instrument = own }
            guard let unit = Unit.named(channels[index].unit) else {
                invariantFailed("\(channels[index].unit) is not in the unit registry")
            }
            if channels[index].isCalibratable {
                let reader = ConditioningReader(findings: findings)
                result[index].calibration = reader.calibration(&fields, unit)
                result[index].plausible = reader.plausible(&fields, channels[index], unit)
                (result[index].conditioning, result[index].partner) = reader.conditioning(&fields, unit, every: every)
            } else {
                for key in ConditioningReader.keys where fields.has(key) {
                    fields.pass(over: key)
                    findings.add(
                        fields.valuePlace(of: key), "`\(key)` of the channel \(quoted(names[index]))",
                        "none: it is an exact count or state", "remove `\(key)`")
                }
            }
            fields.finish(Hint.channel)
        }
        return result
    }
}
