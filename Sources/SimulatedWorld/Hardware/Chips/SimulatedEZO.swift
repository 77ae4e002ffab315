// An Atlas Scientific EZO circuit at the level of its commands. Datasheets: EZO-pH version 5.9 and its sisters, pages
// of the I2C mode.
//
// It has what a driver can get wrong: answers that are not there before their time (254), or at all (255), commands
// that it does not know (2), outputs beside the wanted one, a temperature scale that is kept, a compensation that is
// not, and a probe that is not connected.

public import World

public final class SimulatedEZO: SimulatedChip {
    public enum Model: Sendable, CaseIterable { case ph, ec, dissolvedOxygen, orp, rtd }

    /// What it says it is; another makes it the wrong circuit.
    public var name: String
    /// The world around it: read at the end of each reading.
    public var surroundings: (Boottime) -> Surroundings
    /// Never finishes a command.
    public var isHung = false
    /// RTD: whether a probe is connected.
    public var hasProbe = true
    /// An older firmware, which does not know `RT`.
    public var isOld = false
    /// What `O` has switched on, and the temperature scale: kept without supply.
    public var outputs: [String]
    public var scale = "c"
    /// The last compensation, in degrees Celsius; 25 after power-on.
    public private(set) var compensation = 25.0
    /// Commands that changed what is kept.
    public private(set) var changes = 0

    private let model: Model
    private var answer: (text: String, code: UInt8, at: Boottime)?
    private var isReading = false

    public init(_ model: Model, surroundings: @escaping (Boottime) -> Surroundings = { _ in Surroundings() }) {
        self.model = model
        self.surroundings = surroundings
        switch model {
        case .ph: (name, outputs) = ("pH", [])
        case .ec: (name, outputs) = ("EC", ["EC"])
        case .dissolvedOxygen: (name, outputs) = ("D.O.", ["mg"])
        case .orp: (name, outputs) = ("ORP", [])
        case .rtd: (name, outputs) = ("RTD", [])
        }
    }

    /// As when its supply comes back: nothing asked, no compensation.
    public func powerCycle(at now: Boottime) {
        answer = nil
        compensation = 25
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at now: Boottime) -> Bool {
        // Capitals or not, commas between, a zero or a carriage return behind.
        let text = bytes.prefix { $0 != 0 && $0 != 0x0D }.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }
        let words = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard !words.isEmpty else { return refuse(now) }
        isReading = false
        switch words[0] {
        case "R" where words.count == 1: read(after: .milliseconds(model == .ph || model == .orp ? 900 : 600), now)
        case "RT" where words.count == 2 && model != .orp && model != .rtd && !isOld:
            guard let celsius = Double(words[1]) else { return refuse(now) }
            compensation = celsius
            read(after: .milliseconds(900), now)
        case "I": reply("?i,\(name),2.15", now)
        case "O" where (2...3).contains(words.count) && (model == .ec || model == .dissolvedOxygen):
            switchOutput(words, now)
        case "S" where model == .rtd && words.count == 2:
            if words[1] == "?" {
                reply("?S,\(scale)", now)
            } else {
                scale = words[1] == "F" ? "f" : words[1] == "K" ? "k" : "c"
                changes += 1
                reply("", now)
            }
        case "STATUS": reply("?STATUS,P,5.038", now)
        default: return refuse(now)
        }
        return true
    }

    public func read(into reply: UnsafeMutableRawBufferPointer, at now: Boottime) -> Bool {
        for index in 0..<reply.count { reply[index] = 0 }
        guard let answer else {
            reply[0] = 255
            return true
        }
        guard !isHung, now >= answer.at else {
            reply[0] = 254
            return true
        }
        reply[0] = answer.code
        let text = isReading ? value(surroundings(answer.at)) : answer.text
        for (index, byte) in text.utf8.enumerated() where index + 1 < reply.count { reply[index + 1] = byte }
        return true
    }

    private func read(after time: Duration, _ now: Boottime) {
        isReading = true
        answer = ("", 1, now + time)
    }

    private func reply(_ text: String, _ now: Boottime) { answer = (text, 1, now + .milliseconds(300)) }

    private func refuse(_ now: Boottime) -> Bool {
        answer = ("", 2, now + .milliseconds(300))
        return true
    }

    private func switchOutput(_ words: [String], _ now: Boottime) {
        if words.count == 2, words[1] == "?" { return reply("?O" + outputs.map { "," + $0 }.joined(), now) }
        let known = model == .ec ? ["EC", "TDS", "S", "SG"] : ["%", "mg"]
        let name = words[1] == "MG" ? "mg" : words[1]
        guard words.count == 3, known.contains(name) else {
            _ = refuse(now)
            return
        }
        let on = words[2] == "1" ? outputs + [name] : outputs.filter { $0 != name }
        outputs = known.filter { on.contains($0) }
        changes += 1
        reply("", now)
    }

    /// Resolutions of the datasheets' first pages.
    private func value(_ world: Surroundings) -> String {
        switch model {
        case .ph: return Self.decimal(world.acidityPH, 3)
        case .orp: return Self.decimal(world.redoxMillivolts, 1)
        case .ec: return list(outputs.map { Self.conductivity($0, world.microsiemensPerCentimetre) })
        case .dissolvedOxygen:
            return list(
                outputs.map { $0 == "mg" ? Self.decimal(world.dissolvedOxygenMilligramsPerLitre, 2) : "98.7" })
        case .rtd:
            guard hasProbe else { return "-1023.000" }
            let celsius = world.waterCelsius
            return Self.decimal(scale == "k" ? celsius + 273.15 : scale == "f" ? celsius * 1.8 + 32 : celsius, 3)
        }
    }

    private func list(_ values: [String]) -> String {
        values.isEmpty ? "no output" : values.joined(separator: ",")
    }

    /// Five digits at most: 0.01 µS/cm below 100, then 0.1, 1, 10, 100.
    private static func conductivity(_ output: String, _ value: Double) -> String {
        guard output == "EC" else { return output == "TDS" ? "763" : output == "S" ? "0.71" : "1.000" }
        if value < 100 { return decimal(value, 2) }
        if value < 1_000 { return decimal(value, 1) }
        let step = value < 10_000 ? 1.0 : value < 100_000 ? 10 : 100
        return decimal((value / step).rounded() * step, 0)
    }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        var factor = 1
        for _ in 0..<digits { factor *= 10 }
        let scaled = Int((value * Double(factor)).rounded())
        let (whole, part) = abs(scaled).quotientAndRemainder(dividingBy: factor)
        let fraction = String(part)
        let zeros = String(repeating: "0", count: digits - min(digits, fraction.utf8.count))
        return (scaled < 0 ? "-" : "") + String(whole) + (digits > 0 ? "." + zeros + fraction : "")
    }
}
