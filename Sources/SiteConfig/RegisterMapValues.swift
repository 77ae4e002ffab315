// What the values within `registers:` mean: bytes, numbers that may be hexadecimal, ratios, ranges; and the text of a
// whole description for the configuration's hash.

import Sensors
import World

extension RegisterMapReader {
    private static let blank: Character = " "
    private static let stroke: Character = "/"

    /// `0x24 0x00`: as they go over the wire.
    func bytes(_ scalar: Scalar) -> [UInt8]? {
        var bytes: [UInt8] = []
        for word in scalar.text.split(separator: Self.blank) {
            var part = scalar
            part.text = String(word)
            guard let byte = number(part, in: 0...255) else { return nil }
            bytes.append(UInt8(byte))
        }
        if (1...RegisterMap.Limits.bytes).contains(bytes.count) { return bytes }
        findings.add(
            scalar.place, "\(bytes.count) bytes for `\(scalar.key)`", "1 to \(RegisterMap.Limits.bytes) bytes",
            "write them with blanks between, as in `send: 0x24 0x00`")
        return nil
    }

    /// Whole, decimal or with `0x`.
    func number(_ scalar: Scalar, in range: ClosedRange<UInt32>) -> UInt32? {
        let text = scalar.text.lowercased()
        let value = text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
        if let value, range.contains(value), text.first != "+", text.dropFirst(2).first != "+" { return value }
        let (lowest, highest) = (range.lowerBound, range.upperBound)
        let expected = lowest == highest ? "\(lowest)" : "a whole number from \(lowest) to \(highest)"
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"),
            highest == 255 ? "a byte, 0 to 255 or 0x00 to 0xff" : expected,
            value == nil && UInt32(text, radix: 16) != nil ? "write `0x` before hexadecimal digits" : "correct it")
        return nil
    }

    /// `0.0625`, or a ratio as datasheets print them: `175/65535`.
    func factor(_ scalar: Scalar) -> Double? {
        let parts = scalar.text.split(separator: Self.stroke, maxSplits: 1, omittingEmptySubsequences: false)
        var numbers: [Double] = []
        for part in parts {
            var part = Scalar(key: scalar.key, text: String(part), place: scalar.place)
            part.text.removeAll { $0 == " " }
            guard let number = findings.number(part, in: -1e12...1e12) else { return nil }
            numbers.append(number)
        }
        let factor = numbers.count == 2 ? numbers[0] / numbers[1] : numbers[0]
        if factor.isFinite, factor != 0 { return factor }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), "a factor that is not 0, or a ratio of two",
            "correct it")
        return nil
    }

    /// `-40 to 125`.
    func range(_ scalar: Scalar) -> ClosedRange<Double>? {
        let words = scalar.text.split(separator: Self.blank)
        if words.count == 3, words[1] == "to" {
            let ends = [words[0], words[2]].compactMap {
                findings.number(Scalar(key: scalar.key, text: String($0), place: scalar.place), in: -1e9...1e9)
            }
            guard ends.count == 2 else { return nil }
            if ends[0] < ends[1] { return ends[0]...ends[1] }
        }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), "two numbers, the lower one first",
            "write for example `\(scalar.key): -40 to 125`")
        return nil
    }

    func quantity(_ scalar: Scalar) -> String? {
        guard let name = findings.name(scalar, extra: "_", longest: 32) else { return nil }
        if let first = name.utf8.first, (0x61...0x7A).contains(first) { return name }
        findings.add(
            scalar.place, quoted("\(scalar.key): \(scalar.text)"), "a name that begins with a letter",
            "put one before it")
        return nil
    }

    func wait(_ fields: inout Fields) -> Duration? {
        fields.scalar("wait").flatMap {
            findings.duration($0, in: .microseconds(1)...RegisterMap.Limits.wait, likely: "ms")
        }
    }

    func limit(_ nodes: [YAMLNode], _ most: Int, _ what: String) {
        guard nodes.count > most else { return }
        findings.add(nodes[most].place, "\(nodes.count) \(what)", "at most \(most)", "divide them among two sensors")
    }

    static let messageHints: [String: Hint] = [
        "register": .key("send"), "command": .key("send"), "write": .key("send"), "bytes": .key("send"),
        "delay": .key("wait"),
    ]
    static let readHints: [String: Hint] = messageHints.merging([
        "count": .key("receive"), "length": .key("receive"), "bytes": .key("receive"), "read": .key("receive"),
        "checksum": .say("`crc`", "write `crc: {polynomial: 0x31, initial: 0xff, per: word}`"),
        "value": .key("expected"),
    ]) { $1 }
    static let fieldHints: [String: Hint] = [
        "name": .key("quantity"), "channel": .key("quantity"), "width": .key("bits"), "multiply": .key("scale"),
        "factor": .key("scale"), "gain": .key("scale"), "endian": .key("order"), "endianness": .key("order"),
        "sign": .key("format", "signed"), "range": .key("plausible"), "unit_of_measurement": .key("unit"),
    ]
}

extension RegisterMap {
    /// Everything that its numbers depend on.
    var fingerprint: String {
        let messages = (setup.map { ("setup", $0) } + trigger.map { ("trigger", $0) }).map {
            "\($0.0) \($0.1.bytes) \($0.1.wait.nanoseconds)"
        }
        let checks = [("identity", identity), ("verify", verify)].compactMap { name, check in
            check.map { "\(name) \(Self.shown($0.read)) \($0.mask) \($0.expected)" }
        }
        let numbers = fields.map { field in
            let about = field.channel
            let place = "\(field.read) \(field.byte) \(field.bits) \(field.shift) \(field.format.rawValue)"
            let marks = [field.invalid, field.saturated].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
            return "\(about.quantity) \(place) \(field.order.rawValue) \(field.scale) \(field.offset) \(marks)"
        }
        return (checks + messages + reads.map(Self.shown) + numbers).joined(separator: "; ")
    }

    private static func shown(_ read: Read) -> String {
        var text = "read \(read.send) \(read.wait?.nanoseconds ?? 0) \(read.count)"
        if let crc = read.checksum { text += " crc \(crc.polynomial) \(crc.initial) \(crc.span.rawValue)" }
        for flag in [read.ready, read.healthy] {
            text += flag.map { " \($0.byte) \($0.mask) \($0.expected)" } ?? " -"
        }
        return text
    }
}
