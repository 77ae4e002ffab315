// The stored format itself: golden bytes, a second reader in another language, and its size on real measurements.

import Foundation
import Testing
import World

@testable import Outbox

struct FormatTests {
    private static let readings: [Reading] = [
        (0, 1_000_000, 2_137, .good, 1), (1, 1_000_000, -5, .good, 7), (0, 2_000_000, 2_140, .good, 2),
        (1, 2_000_000, 0, .noAcknowledge, 8), (0, 3_000_007, 2_139, .outOfRange, 5), (2, 3_000_007, .max, .good, 1),
    ].map { (channel: UInt16, microseconds: Int64, value: Int64, quality: Quality, ordinal: UInt64) in
        Reading(
            channel: ChannelID(rawValue: channel), acquired: Boottime(nanoseconds: microseconds * 1_000), value: value,
            quality: quality, ordinal: ordinal)
    }

    private static var segment: [UInt8] {
        var codec = BatchCodec(recordsMax: 100, channelsMax: 8)
        let channels = ChannelTable(
            channels: [("air.temperature", "Cel", -2), ("air.humidity", "%RH", -1), ("water.total", "m3", -3)].map {
                Channel(name: $0.0, unit: $0.1, scale: Int8($0.2), plausible: 0...1)
            }, configHash: "0000abcd")
        return codec.encode(
            dictionary: ChannelDictionary(boot: testBoot, prefix: "malaga/lamppost-0042/", table: channels),
            lane: .readings, stream: testStream)
            + codec.block(
                readings, counts: [2, 4], first: 42,
                anchor: Anchor(offsetNanoseconds: 1_795_257_600_000_000_000, boundNanoseconds: 5_000_000))
            + codec.encode(
                items: [
                    Item(time: Boottime(nanoseconds: 5_000_000), body: Array("\"kind\":\"stream\"".utf8)),
                    Item(time: Boottime(nanoseconds: 6_000_000), body: Array("\"kind\":\"disk\"".utf8)),
                ], lane: .events, stream: testStream, sequence: 3, anchor: nil, configHash: 0xABCD)
    }

    @Test("The stored bytes of a small segment are those that version 1 has always written")
    func golden() {
        let hex = Self.segment.map { Hex.text(UInt64($0), digits: 2) }.joined()
        #expect(hex == Self.goldenHex)
    }

    static let goldenHex = """
        43454231860000005b56ac000101000015e84bd0c2913a7f000000000000000000002800cdab00007766554433221100ffee\
        ddccbbaa9988156d616c6167612f6c616d70706f73742d303034322f030f6169722e74656d70657261747572650343656cfe\
        0c6169722e68756d696469747903255248ff0b77617465722e746f74616c026d33fd43454231670000006084813901000001\
        15e84bd0c2913a7f2a0000000000000002002800cdab000080809085d1d184ea31c096b10202040280897a0280897a020e02\
        000202020001100100012001000102010c010b010202b221030e09feffffffffffffffff01434542314b000000fdfa957401\
        00020015e84bd0c2913a7f030000000000000001002800cdab000002904e0f226b696e64223a2273747265616d22d00f0d22\
        6b696e64223a226469736b22
        """

    private func python(_ bytes: [UInt8]) throws -> (lines: [String], status: Int32) {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "read_segment.py")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path, "-"]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        // A thread of its own: the pipe's buffer is smaller than a segment.
        DispatchQueue.global().async {
            input.fileHandleForWriting.write(Data(bytes))
            try? input.fileHandleForWriting.close()
        }
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (
            String(decoding: answer, as: UTF8.self).split(separator: "\n").map(String.init), process.terminationStatus
        )
    }

    @Test("A reader in another language, made from the format's description alone, reads the same")
    func secondReader() throws {
        let (lines, status) = try python(Self.segment)
        #expect(status == 0)
        #expect(lines == Self.told)
    }

    static let told = [
        #"""
        {"boot":"00112233445566778899aabbccddeeff","channels":[{"name":"air.temperature","scale":-2,"unit":"\#
        Cel"},{"name":"air.humidity","scale":-1,"unit":"%RH"},{"name":"water.total","scale":-3,"unit":"m3"}]\#
        ,"config":"0000abcd","kind":"dictionary","lane":"readings","prefix":"malaga/lamppost-0042/","stream"\#
        :"7f3a91c2d04be815"}
        """#,
        #"""
        {"anchor":{"bound_ns":5000000,"offset_ns":1795257600000000000},"batches":[{"records":[{"channel":0,"\#
        ordinal":1,"quality":0,"us":1000000,"value":2137},{"channel":1,"ordinal":7,"quality":0,"us":1000000,\#
        "value":-5}],"seq":42},{"records":[{"channel":0,"ordinal":2,"quality":0,"us":2000000,"value":2140},{\#
        "channel":1,"ordinal":8,"quality":32,"us":2000000,"value":null},{"channel":0,"ordinal":5,"quality":1\#
        6,"us":3000007,"value":2139},{"channel":2,"ordinal":1,"quality":0,"us":3000007,"value":9223372036854\#
        775807}],"seq":43}],"config":"0000abcd","kind":"batches","lane":"readings","stream":"7f3a91c2d04be81\#
        5"}
        """#,
        #"""
        {"batches":[{"records":[{"body":"\"kind\":\"stream\"","us":5000},{"body":"\"kind\":\"disk\"","us":60\#
        00}],"seq":3}],"config":"0000abcd","kind":"batches","lane":"events","stream":"7f3a91c2d04be815"}
        """#,
    ]

    @Test(
        "The second reader reads random blocks, with damage between them, as the codec does",
        arguments: 1...12 as ClosedRange<UInt64>)
    func secondReaderOnRandomBlocks(seed: UInt64) throws {
        var random = Random(seed: seed)
        var codec = BatchCodec(recordsMax: 1_000, channelsMax: 64)
        let readings = random.readings(1 + Int(random.below(300)), channels: 1 + Int(random.below(64)))
        let noise = (0..<random.below(600)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let (lines, _) = try python(noise + codec.block(readings, first: 5) + noise)
        let found = lines.compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }.first { $0["kind"] as? String == "batches" }
        let batch = try #require((found?["batches"] as? [[String: Any]])?.first, "seed \(seed)")
        let records = try #require(batch["records"] as? [[String: Any]], "seed \(seed)")
        #expect(batch["seq"] as? Int == 5 && records.count == readings.count, "seed \(seed)")
        for (record, reading) in zip(records, readings) {
            #expect((record["us"] as? NSNumber)?.int64Value == reading.acquired.nanoseconds / 1_000, "seed \(seed)")
            #expect((record["channel"] as? NSNumber)?.uint16Value == reading.channel.rawValue, "seed \(seed)")
            #expect((record["quality"] as? NSNumber)?.uint8Value == reading.quality.rawValue, "seed \(seed)")
            #expect((record["ordinal"] as? NSNumber)?.uint64Value == reading.ordinal, "seed \(seed)")
            if reading.quality.grade == .bad {
                #expect(record["value"] is NSNull, "seed \(seed)")
            } else {
                #expect((record["value"] as? NSNumber)?.int64Value == reading.value, "seed \(seed)")
            }
        }
    }

    /// Sixteen channels on one 1 s grid from two weeks of road-side air (hourly means replayed a row a second), packed
    /// as a spill of five one-second batches.
    @Test("Real measurements take at most 2.5 bytes a reading in a five-second spill, headers included")
    func realData() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../config/air-quality.csv")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line -> [Int64]? in
            let fields = line.split(separator: ",").dropFirst().compactMap { Double($0) }
            return fields.isEmpty || line.hasPrefix("#") ? nil : fields.map { Int64(($0 * 10).rounded()) }
        }
        let width = try #require(rows.first?.count)
        var codec = BatchCodec(recordsMax: 1_000, channelsMax: 64)
        var bytes = 0
        var count = 0
        let anchor = Anchor(offsetNanoseconds: 1_795_257_600_123_456_789, boundNanoseconds: 12_345_678)
        for start in stride(from: 0, to: rows.count - 5, by: 5) {
            var readings: [Reading] = []
            for second in start..<start + 5 {
                for channel in 0..<16 {
                    // Columns again, from other weeks, until there are sixteen.
                    let row = rows[(second + channel / width * 97) % rows.count]
                    readings.append(
                        Reading(
                            channel: ChannelID(rawValue: UInt16(channel)),
                            acquired: Boottime(nanoseconds: Int64(second + 100) * 1_000_000_000),
                            value: row[channel % width],
                            quality: .good, ordinal: UInt64(second + 1)))
                }
            }
            bytes +=
                codec.block(readings, counts: [16, 16, 16, 16, 16], first: UInt64(start + 1), anchor: anchor).count
            count += readings.count
        }
        let bytesPerReading = Double(bytes) / Double(count)
        #expect(count > 5_000 && bytesPerReading <= 2.5)
    }
}
