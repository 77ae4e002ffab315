// The golden list of mistakes: chips described by their registers. And what a right description becomes.

import Sensors
import SiteConfig
import Testing
import World

/// A sensor with this below `registers:`, which begins at line 9, column 7.
private func described(_ lines: String, every: String = "10s") -> String {
    let inner = lines.split(separator: "\n").map { "\n  \($0)" }.joined()
    return sensor("driver: i2c-registers\nbus: i2c1\naddress: 0x48\nevery: \(every)\nregisters:" + inner)
}

private let reads = "reads: [{send: 0x00, receive: 2}]\n"
private let field = "{quantity: temperature, unit: Cel, byte: 0, bits: 16, plausible: -40 to 125}"
private let fields = "fields: [\(field)]\n"

/// The plain description with something else in its field.
private func changed(_ old: String, _ new: String, reads: String = reads) -> String {
    described("\(reads)\(fields.replacing(old, new))")
}

private func many(_ item: String, _ count: Int) -> String {
    Array(repeating: item, count: count).joined(separator: ", ")
}

/// One mistake, and what is told of it without the file's name.
private struct Wrong: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var text: String
    var problems: [String]
    init(_ title: String, _ text: String, _ problems: String...) {
        (testDescription, self.text, self.problems) = (title, text, problems)
    }
}

@Suite struct MistakesInRegisters {
    @Test("Each mistake is told at its place, with what to do", arguments: mistakes)
    fileprivate func told(mistake: Wrong) throws {
        let found = try problems(mistake.text)
        #expect(found == mistake.problems.map { "c.yaml:" + $0 })
    }

    @Test("No mistake of one character in a good description traps or is lost: it is told, or it is another right one")
    func everyCharacter() throws {
        let good = String(decoding: try Files.read("config/drivers/registers-tmp117.yaml").bytes, as: UTF8.self)
        let text = Array((head + good).utf8)
        _ = try load(bytes: text)
        for index in stride(from: head.utf8.count, to: text.count, by: 29) {
            for byte in [UInt8(ascii: "x"), UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "-")] {
                var changed = text
                changed[index] = byte
                do { _ = try load(bytes: changed) } catch let error as ConfigurationProblems {
                    #expect(error.problems.allSatisfy { $0.line >= 1 && !$0.found.isEmpty && !$0.remedy.isEmpty })
                }
            }
        }
    }

    @Test("A description becomes a register map, with its defaults")
    func becomes() throws {
        let text = described(
            """
            identity: {send: 0x0F, receive: 2, mask: 0x0FFF, expected: 0x0117}
            setup: [{send: 1 0x02 32, wait: 10ms}]
            reads:
              - send: 0x24 0x00
                wait: 16ms
                receive: 6
                crc: {polynomial: 0x31, initial: 0xFF, per: word}
                ready: {mask: 0x80, expected: 0x80}
            fields:
              - {quantity: temperature, unit: °C, byte: 3, bits: 12, shift: 4, format: signed, order: little,
                 scale: 175/65535, offset: -45, plausible: -40 to 125, invalid: 0x800, saturated: 0x7FF}
            """)
        let sensor = try #require(try load(text).site.sensors.first)
        guard case .registers(let map)? = sensor.settings.values["registers"] else {
            Issue.record("no register map")
            return
        }
        let channel = DriverChannel("temperature", unit: "Cel", scale: -3, plausible: -40...125)
        let expected = RegisterMap(
            identity: .init(.init(send: [0x0F], count: 2), mask: 0x0FFF, expected: 0x0117),
            setup: [.init([1, 2, 32], wait: .milliseconds(10))],
            reads: [
                .init(
                    send: [0x24, 0], wait: .milliseconds(16), count: 6,
                    checksum: .init(polynomial: 0x31, initial: 0xFF, span: .word),
                    ready: .init(byte: 0, mask: 0x80, expected: 0x80))
            ],
            fields: [
                .init(
                    channel, byte: 3, bits: 12, shift: 4, format: .signed, order: .little, scale: 175.0 / 65_535,
                    offset: -45, invalid: 0x800, saturated: 0x7FF)
            ])
        #expect(map == expected)
        #expect(sensor.channels.map(\.channel.name) == ["s1.temperature"])
        #expect(sensor.settings.device?.address == 0x48)
    }

    @Test("The effective configuration of a described chip loads again and means the same; any change changes the hash")
    func effective() throws {
        let base = """
            identity: {send: 0x0F, receive: 1, expected: 0x33}
            setup: [{send: 0x01 0x60, wait: 5ms}]
            reads:
              - {send: 0x00, receive: 3, crc: {polynomial: 0x31, per: word}, ready: {mask: 0x40, expected: 0x40}}
            \(fields)
            """
        let first = try load(described(base))
        let second = try load(first.effective)
        #expect(second.site.channels.configHash == first.site.channels.configHash)
        #expect(second.site.sensors[0].settings.values == first.site.sensors[0].settings.values)
        let others = [
            ("0x60", "0x61"), ("5ms", "6ms"), ("bits: 16", "bits: 15"), ("byte: 0", "byte: 0, order: little"),
            ("byte: 0", "byte: 0, invalid: 0"), ("receive: 3", "receive: 6"), ("byte: 0", "byte: 0, scale: 2"),
            ("expected: 0x33", "expected: 0x34"), ("0x31", "0x07"), ("0x40}", "0}"), ("per: word", "per: frame"),
        ]
        var hashes: Set = [first.site.channels.configHash]
        for (old, new) in others {
            let parts = described(base).split(separator: old, maxSplits: 1).map(String.init)
            hashes.insert(try load(parts.joined(separator: new)).site.channels.configHash)
        }
        #expect(hashes.count == others.count + 1)
    }

    fileprivate static let mistakes: [Wrong] = [
        Wrong(
            "Nothing described",
            sensor("driver: i2c-registers\nbus: i2c1\naddress: 0x48"),
            """
            4:5: found no `registers` in sensor `s1`; expected the chip's description; add `registers:`, \
            see config/drivers/registers-*.yaml
            """),
        Wrong(
            "No address",
            sensor("driver: i2c-registers\nbus: i2c1\nregisters:\n  \(reads)  \(fields)"),
            """
            4:5: found no `address` in sensor `s1`; expected the chip's address on the bus; add \
            `address: 0x48`
            """),
        Wrong(
            "An address that no chip has", described("\(reads)\(fields)").replacing48,
            """
            7:14: found `address: 0x78`; expected an address of a i2c-registers (0x08 to 0x77); \
            write `address: 0x3c`: the 8-bit form includes the read/write bit
            """),
        Wrong(
            "Neither reads nor fields", described("setup: []"),
            """
            10:7: found no fields in `registers` of sensor `s1`; expected at least one; add what \
            the bits mean, see config/drivers/registers-*.yaml
            """,
            """
            10:7: found nothing to read in `registers` of sensor `s1`; expected at least one read; \
            add for example `reads: [{send: 0x00, receive: 2}]`
            """),
        Wrong(
            "A list where bytes belong", described("reads: [{send: [0x00], receive: 2}]\n\(fields)"),
            "10:22: found a list for `send`; expected one value; write `send: ...` on one line"),
        Wrong(
            "A byte above 255", described("reads: [{send: 0x100, receive: 2}]\n\(fields)"),
            "10:22: found `send: 0x100`; expected a byte, 0 to 255 or 0x00 to 0xff; correct it"),
        Wrong(
            "Hexadecimal without 0x", described("reads: [{send: 2C 06, receive: 2}]\n\(fields)"),
            """
            10:22: found `send: 2C`; expected a byte, 0 to 255 or 0x00 to 0xff; write `0x` before \
            hexadecimal digits
            """),
        Wrong(
            "Keys of other agents", described("reads: [{register: 0x00, count: 2}]\n\(fields)"),
            """
            10:15: found no `receive` in a read; expected how many bytes the chip answers; add \
            `receive: 2`
            """,
            "10:16: found `register: 0x00` in a read; expected `send`; write `send: 0x00`",
            "10:32: found `count: 2` in a read; expected `receive`; write `receive: 2`"),
        Wrong(
            "More bytes than an answer has", described("reads: [{receive: 65}]\n\(fields)"),
            "10:25: found `receive: 65`; expected a whole number from 1 to 64; correct it"),
        Wrong(
            "A wait after nothing", described("reads: [{receive: 2, wait: 5ms}]\n\(fields)"),
            """
            10:34: found a `wait` without a message to wait after; expected `send`; give the wait \
            to the last message of `trigger`
            """),
        Wrong(
            "A wait that is too long", described("trigger: [{send: 1, wait: 1min}]\n\(reads)\(fields)"),
            "10:33: found `wait: 1min`; expected between 1us and 10s; write `wait: 10s`"),
        Wrong(
            "A checksum that does not come out even",
            described("reads: [{receive: 5, crc: {polynomial: 0x31, per: word}}]\n\(fields)"),
            """
            10:25: found an answer of 5 bytes with a checksum; expected two bytes and a checksum, \
            any number of times; count the checksums in
            """),
        Wrong(
            "A checksum of no kind", described("reads: [{receive: 3, crc: {per: byte}}]\n\(fields)"),
            """
            10:33: found no `polynomial` in `crc`; expected the CRC's polynomial; add `polynomial: \
            0x31`
            """,
            "10:39: found `per: byte`; expected word, frame or packet; write one of them"),
        Wrong(
            "A flag outside the answer",
            described("reads: [{receive: 2, ready: {byte: 2, mask: 0x80, expected: 0}}]\n\(fields)"),
            "10:42: found `byte: 2`; expected a whole number from 0 to 1; correct it"),
        Wrong(
            "Expected bits that the mask takes away",
            described("identity: {send: 0, receive: 1, mask: 0xF0, expected: 0x33}\n\(reads)\(fields)"),
            """
            10:61: found `expected` with bits that `mask` takes away; expected bits of `mask` only; \
            correct one of the two
            """),
        Wrong(
            "An identity that is too long", described("identity: {receive: 5, expected: 1}\n\(reads)\(fields)"),
            "10:27: found `receive: 5`; expected a whole number from 1 to 4; correct it"),
        Wrong(
            "A field that ends outside its answer", described("reads: [{receive: 1}]\n\(fields)"),
            """
            11:57: found 16 bits from byte 0 of an answer of 1; expected a field within its answer; \
            correct `byte`, `bits`, or `receive` of the read
            """),
        Wrong(
            "A field that begins at a checksum",
            changed("byte: 0", "byte: 2", reads: "reads: [{receive: 3, crc: {polynomial: 7, per: word}}]\n"),
            """
            11:57: found a field that begins at the checksum in byte 2; expected a field within its \
            answer; correct `byte`, `bits`, or `receive` of the read
            """),
        Wrong(
            "A read that is not there", changed("byte: 0", "byte: 0, read: 2"),
            "11:66: found `read: 2`; expected 1; correct it"),
        Wrong(
            "A field twice", described("\(reads)fields: [\(field), \(field)]"),
            """
            4:5: found a channel of sensor `s1` a second time; expected each channel once, at least \
            one; correct what it is to measure
            """),
        Wrong(
            "A name with a digit first", changed("temperature", "2nd"),
            """
            11:27: found `quantity: 2nd`; expected a name that begins with a letter; put one before \
            it
            """),
        Wrong(
            "A unit that there is not", changed("Cel", "Celsus"),
            """
            11:46: found `unit: Celsus`; expected a unit (Cel, %RH, hPa, ug/m3, m3, kWh, ...); \
            write `unit: celsius`
            """),
        Wrong(
            "A range the wrong way round", changed("-40 to 125", "125 to -40"),
            """
            11:81: found `plausible: 125 to -40`; expected two numbers, the lower one first; write \
            for example `plausible: -40 to 125`
            """),
        Wrong(
            "A range as a list", changed("-40 to 125", "[-40, 125]"),
            """
            11:81: found a list for `plausible`; expected one value; write `plausible: ...` on one \
            line
            """),
        Wrong(
            "A factor of nothing", changed("byte: 0", "byte: 0, scale: 1/0"),
            """
            11:67: found `scale: 1/0`; expected a factor that is not 0, or a ratio of two; correct \
            it
            """),
        Wrong(
            "A float of half the width", changed("byte: 0", "byte: 0, format: float"),
            "11:81: found a float of 16 bits; expected 32 bits (IEEE 754); write `bits: 32`"),
        Wrong(
            "A width of nothing", changed("bits: 16", "bits: 0"),
            "11:66: found `bits: 0`; expected a whole number from 1 to 32; correct it"),
        Wrong(
            "A sign of another agent", changed("byte: 0", "byte: 0, sign: true"),
            "11:60: found `sign: true` in a field; expected `format`; write `format: signed`"),
        Wrong(
            "Too many reads",
            described("reads: [\(many("{receive: 2}", 9))]\n\(fields)"),
            "10:127: found 9 reads; expected at most 8; divide them among two sensors"),
        Wrong(
            "Too many writes",
            described("setup: [\(many("{send: 1}", 17))]\n\(reads)\(fields)"),
            """
            10:7: found 17 messages in `setup` and `trigger`; expected at most 16; write several \
            registers with one message where the chip can
            """),
        Wrong(
            "Waits longer than `every`", described("trigger: [{send: 1, wait: 2s}]\n\(reads)\(fields)", every: "2s"),
            """
            10:7: found `registers` wait longer than `every` in all; expected a measurement to end \
            before the next one begins; measure less often, or shorten the waits
            """),
    ]
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, maxSplits: 1, omittingEmptySubsequences: false).joined(separator: new)
    }
    fileprivate var replacing48: String { replacing("0x48", "0x78") }
}
