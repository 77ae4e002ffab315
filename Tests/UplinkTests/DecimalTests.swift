import Testing
import World

@testable import Uplink

private func decimal(_ value: Int64, _ scale: Int8) -> String {
    var buffer = PayloadBuffer()
    buffer.append(decimal: value, scale: scale)
    return String(decoding: buffer.bytes, as: UTF8.self)
}

struct DecimalTests {
    @Test(
        "A scaled integer is written as the shortest exact decimal",
        arguments: [
            (2140, -2, "21.4"), (2137, -2, "21.37"), (2100, -2, "21"), (-2140, -2, "-21.4"), (-5, -2, "-0.05"),
            (5, -1, "0.5"), (12, -2, "0.12"), (0, -2, "0"), (0, 3, "0"), (0, 0, "0"), (7, 0, "7"), (7, 3, "7000"),
            (-7, 2, "-700"), (120, 0, "120"), (100, -2, "1"), (1, -6, "0.000001"), (101_325, -2, "1013.25"),
            (1_000_001, -6, "1.000001"), (99, -2, "0.99"), (9_999_999_999, -3, "9999999.999"),
            (.max, 0, "9223372036854775807"), (.min, 0, "-9223372036854775808"),
            (.max, -2, "92233720368547758.07"), (.min, -2, "-92233720368547758.08"),
            (.min, -19, "-0.9223372036854775808"), (.max, -20, "0.09223372036854775807"),
            (.max, 1, "92233720368547758070"), (1_000_000_000_000_000_000, -18, "1"),
        ] as [(Int64, Int8, String)])
    func shortest(value: Int64, scale: Int8, expected: String) {
        #expect(decimal(value, scale) == expected)
    }

    @Test("Every decimal equals its integer times its power of ten, and has no needless digit", arguments: 1...4)
    func exact(seed: UInt64) throws {
        var random = Random(seed: seed)
        for _ in 0..<20_000 {
            // All magnitudes alike: a uniform integer would nearly always have 19 digits.
            let value = Int64(bitPattern: random.next()) >> Int64(random.below(64))
            let scale = Int8(truncatingIfNeeded: Int64(random.below(41)) - 20)
            let text = decimal(value, scale)
            #expect(ExactDecimal(text) == ExactDecimal(value, scale: Int(scale)), "seed \(seed): \(value) e\(scale)")
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            #expect(parts.count <= 2 && !parts.contains(""), "seed \(seed): \(text)")
            if parts.count == 2 { #expect(parts[1].last != "0", "seed \(seed): \(text)") }
            _ = try JSON(Array(text.utf8))
        }
    }

    @Test("The widest scales fit the room that is reserved for them", arguments: [Int8.min, Int8.max])
    func widest(scale: Int8) {
        for value in [Int64.min, -1, 1, .max] {
            let text = decimal(value, scale)
            #expect(text.utf8.count <= ByteCursor.decimalBytes + Int(scale.magnitude))
            #expect(ExactDecimal(text) == ExactDecimal(value, scale: Int(scale)))
        }
    }

    @Test("Integers at every power of ten have the right number of digits")
    func integers() {
        var power: UInt64 = 1
        for _ in 0..<20 {
            for value in [power - 1, power, power + 1] {
                var buffer = PayloadBuffer()
                buffer.append(unsigned: value)
                #expect(buffer.bytes == Array(value.description.utf8))
            }
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        var buffer = PayloadBuffer()
        buffer.append(unsigned: .max)
        buffer.append(signed: .min)
        buffer.append(hexadecimal: 0x00F3_91C2_D04B_E81A)
        #expect(
            String(decoding: buffer.bytes, as: UTF8.self)
                == "18446744073709551615-922337203685477580800f391c2d04be81a")
    }

    @Test("Any text survives as a JSON string")
    func escapes() throws {
        let hostile = [
            "", "plain", "\"quoted\" and \\ back", "line\nfeed\rtab\t", "\u{0}\u{1}\u{1F}\u{7F}",
            "Málaga, Ω, 温度, 🚰", "</script>", "\u{2028}",
        ]
        for text in hostile {
            var buffer = PayloadBuffer(capacity: 1)
            buffer.append(quoted: text)
            #expect(try JSON(buffer.bytes) == .string(text))
            #expect(buffer.bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        }
    }

    @Test("A buffer that is used again holds only what was written last")
    func reuse() {
        var buffer = PayloadBuffer(capacity: 1)
        buffer.append(Array(repeating: 0x41, count: 10_000))
        #expect(buffer.count == 10_000)
        buffer.removeAll()
        #expect(buffer.isEmpty && buffer.bytes.isEmpty)
        buffer.append("abc")
        buffer.truncate(to: 2)
        buffer.withUnsafeBytes { #expect(Array($0) == Array("ab".utf8)) }
    }
}
