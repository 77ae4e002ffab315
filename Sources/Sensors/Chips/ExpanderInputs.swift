// Which inputs of a port expander are channels, and which level counts as 1: what `pcf8574` and `mcp23017` share.
//
// States are exact and never calibrated. They are sampled when measured: a change shorter than `every` is not seen.

internal import World

struct ExpanderInputs: Equatable {
    /// Numbers of the chip's inputs, in the order of the channels.
    let bits: [UInt8]
    let isActiveLow: Bool

    /// `names`: what the chip's datasheet calls its inputs, lower case, in the order of their bits.
    init(_ settings: DriverSettings, names: [String]) throws(SettingFault) {
        isActiveLow = settings.text("active") == "low"
        guard let text = settings.text("inputs") else {
            bits = names.indices.map { UInt8($0) }
            return
        }
        var bits: [UInt8] = []
        for word in text.lowercased().utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x2C }) {
            guard let index = names.firstIndex(where: { $0.utf8.elementsEqual(word) }) else {
                throw SettingFault(
                    parameter: "inputs",
                    text: "names `\(Self.plain(word))`, which the chip does not have; expected names from "
                        + "\(names[0].uppercased()) to \(names[names.count - 1].uppercased()), with blanks between; "
                        + "write them as the datasheet does")
            }
            bits.append(UInt8(index))
        }
        guard !bits.isEmpty, Set(bits).count == bits.count else {
            throw SettingFault(
                parameter: "inputs",
                text: "names no input, or one twice; expected at least one, and each once; correct the list")
        }
        self.bits = bits
    }

    /// As much of a word as a message can show.
    private static func plain(_ word: Substring.UTF8View) -> String {
        String(
            decoding: word.prefix(8).filter { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }, as: UTF8.self)
    }

    func channels(names: [String]) -> [DriverChannel] {
        bits.map {
            DriverChannel(names[Int($0)], unit: "/", scale: 0, plausible: 0...1, isCalibratable: false)
        }
    }

    func append(_ levels: UInt16, to samples: inout Samples) {
        for (channel, bit) in bits.enumerated() {
            let isHigh = levels >> UInt16(bit) & 1 == 1
            samples.append(Sample(channel: UInt8(channel), .exact(isHigh != isActiveLow ? 1 : 0)))
        }
    }

    static func parameters(example: String) -> [Parameter] {
        [
            Parameter("inputs", .text, about: "the inputs that become channels, as in `\(example)`; all by default"),
            Parameter(
                "active", .choice(["high", "low"]), fallback: .text("high"),
                about: "the level that is 1; `low` for contacts that close to ground"),
        ]
    }
}
