// A calibration found later, to be laid over readings that were published with an earlier one:
//
//     air.no2: {gain: 0.93, offset: -1.5}     # value × gain + offset, in the channel's unit

import World

public struct LaterCalibration: Sendable, Equatable {
    public var gain: Double
    /// In the channel's unit.
    public var offset: Double

    public init(gain: Double, offset: Double) {
        self.gain = gain
        self.offset = offset
    }

    /// The value in the channel's scale, rounded once, halves away from zero; nil when it does not fit.
    public func applied(to value: Int64, scale: Int8) -> Int64? {
        let unit = (0..<Int(scale.magnitude)).reduce(1.0) { power, _ in power * 10 }
        let shift = scale < 0 ? offset * unit : offset / unit
        return Int64(exactly: (Double(value) * gain + shift).rounded(.toNearestOrAwayFromZero))
    }

    /// By channel. Every problem of the file at once, each with file, line and column.
    public static func read(_ text: SourceText) throws(ConfigurationProblems) -> [String: LaterCalibration] {
        let findings = Findings()
        let start = Place(file: text.name, line: 1, column: 1)
        var fields = Fields(YAMLReader.read(text, findings), name: "the calibration", at: start, depth: 0, findings)
        var calibrations: [String: LaterCalibration] = [:]
        for (channel, place) in fields.keys {
            var section = fields.section(channel)
            let gain = section.scalar("gain", default: "1").flatMap { findings.number($0, in: -1e6...1e6) }
            let offset = section.scalar("offset", default: "0").flatMap { findings.number($0, in: -1e12...1e12) }
            if let gain, gain == 0 {
                findings.add(place, "a gain of 0", "a gain that keeps the value", "correct it")
            }
            section.finish()
            if let gain, let offset { calibrations[channel] = LaterCalibration(gain: gain, offset: offset) }
        }
        if calibrations.isEmpty {
            findings.addMissing(
                start, "no channel", "a line for each channel", "write for example `air.no2: {gain: 0.93}`")
        }
        fields.finish()
        if let problems = findings.verdict(files: [text.name], limit: Configuration.Limits.problems) { throw problems }
        return calibrations
    }
}
