import Testing
import World

@testable import Uplink

private let table = ChannelTable(
    channels: [
        Channel(name: "air.temperature", unit: "Cel", scale: -2, plausible: -40...85),
        Channel(name: "air.humidity", unit: "%RH", scale: -2, plausible: 0...100),
        Channel(name: "water.volume", unit: "m3", scale: -2, plausible: 0...1_000),
        Channel(name: "pm.pm2_5", unit: "ug/m3", scale: -1, plausible: 0...1_000),
        Channel(name: "noise.level", unit: "dB", scale: -1, plausible: 0...140),
        Channel(name: "mains.state", unit: "/", scale: 0, plausible: 0...1),
        Channel(name: "energy.total", unit: "Wh", scale: 3, plausible: 0...1e15),
        Channel(name: "raw.count", unit: "", scale: 0, plausible: 0...1e15),
    ], configHash: "9c1e04d2")

private let stream: UInt64 = 0x7f3a_91c2_d04b_e815

private func at(_ microseconds: Int64) -> Boottime { Boottime(nanoseconds: microseconds * 1_000) }

private func reading(
    _ channel: UInt16, _ value: Int64, at microseconds: Int64, _ quality: Quality = .good
) -> Reading {
    Reading(
        channel: ChannelID(rawValue: channel), acquired: at(microseconds), value: value, quality: quality, ordinal: 1)
}

/// UTC 1795257600.25 at boottime 100.25 s.
private let anchor = Anchor(offsetNanoseconds: (1_795_257_600 - 100) * 1_000_000_000, boundNanoseconds: 5_000_000)

private func head(_ seq: UInt64, _ anchor: Anchor?) -> BatchHead {
    BatchHead(stream: stream, seq: seq, config: table.configHash, bootID: "b00t-id", anchor: anchor)
}

private func encoded(
    _ batches: [(BatchHead, [Reading])], encodedAt: Boottime = at(200_000_000), _ channels: ChannelTable = table
) -> [UInt8] {
    var encoder = SenMLEncoder(city: "malaga", node: "lamppost-0042")
    var buffer = PayloadBuffer(capacity: 64)
    let fragments = ChannelFragments(channels)
    encoder.begin(into: &buffer)
    for (head, readings) in batches {
        readings.withUnsafeBufferPointer { encoder.append(head, $0, fragments, encodedAt: encodedAt, into: &buffer) }
    }
    encoder.end(into: &buffer)
    return buffer.bytes
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A record with its base fields applied, by the rules of RFC 8428 section 4.6.
private struct Resolved: Equatable {
    var name: String
    var microseconds: Int64
    var value: ExactDecimal?
    var words: String?
    var unit: String?
}

private func resolve(_ bytes: [UInt8]) throws -> [Resolved] {
    var baseName = ""
    var baseTime: Int64 = 0
    return try JSON(bytes).elements.map { record in
        if let name = record["bn"]?.text { baseName = name }
        if let time = record["bt"]?.digits { baseTime = try #require(ExactDecimal(time)?.millionths) }
        var time: Int64 = 0
        if let own = record["t"]?.digits { time = try #require(ExactDecimal(own)?.millionths) }
        // Section 4.2: exactly one value.
        let values = ["v", "vs", "vb", "vd"].filter { record[$0] != nil }
        #expect(values.count == 1, "\(record)")
        return Resolved(
            name: baseName + (record["n"]?.text ?? ""), microseconds: baseTime + time,
            value: record["v"]?.digits.flatMap { ExactDecimal($0) }, words: record["vs"]?.text, unit: record["u"]?.text)
    }
}

private func isLegalName(_ name: String) -> Bool {
    // RFC 8428 section 4.5.1.
    let first = name.utf8.first.map { Character(Unicode.Scalar($0)).isLetter || (48...57).contains($0) } ?? false
    return first
        && name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || "-:./_".utf8.contains($0)
        }
}

struct SenMLTests {
    @Test("A settled batch is the contract's example, byte for byte")
    func settled() {
        let bytes = encoded([
            (
                head(4711, anchor),
                [
                    reading(0, 2140, at: 100_000_000), reading(1, 4820, at: 100_000_000),
                    reading(2, 12, at: 100_420_000), reading(3, 121, at: 100_000_000, .outOfRange),
                    reading(4, 0, at: 100_000_000, .noAcknowledge),
                ]
            )
        ])
        #expect(
            text(bytes) == #"[{"bn":"malaga/lamppost-0042/","bt":1795257600,"stream":"7f3a91c2d04be815","seq":4711,"#
                + #""clock":"synced","config":"9c1e04d2","n":"air.temperature","u":"Cel","v":21.4},"#
                + #"{"n":"air.humidity","u":"%RH","v":48.2},{"n":"water.volume","u":"m3","v":0.12,"t":0.42},"#
                + #"{"n":"pm.pm2_5/uncertain","u":"ug/m3","v":12.1,"why":"outside the plausible range"},{"n":"noise.level/bad","vs":"no acknowledge"}]"#)
    }

    @Test("A batch of windows says that it is one")
    func thinned() {
        var head = head(7, anchor)
        head.isThinned = true
        let bytes = encoded([(head, [reading(0, 2140, at: 100_000_000)])])
        #expect(
            text(bytes) == #"[{"bn":"malaga/lamppost-0042/","bt":1795257600,"stream":"7f3a91c2d04be815","seq":7,"#
                + #""clock":"synced","config":"9c1e04d2","thinned":true,"n":"air.temperature","u":"Cel","v":21.4}]"#)
    }

    @Test("Negative values, states, positive scales, units left out and the extremes are written exactly")
    func values() {
        let bytes = encoded([
            (
                head(1, anchor),
                [
                    reading(0, -1234, at: 100_250_001), reading(5, 1, at: 100_250_000), reading(5, 0, at: 100_250_001),
                    reading(6, 42, at: 100_250_001), reading(7, .min, at: 100_250_001),
                    reading(7, .max, at: 101_250_001),
                ]
            )
        ])
        #expect(
            text(bytes) == #"[{"bn":"malaga/lamppost-0042/","bt":1795257600.250001,"stream":"7f3a91c2d04be815","#
                + #""seq":1,"clock":"synced","config":"9c1e04d2","n":"air.temperature","u":"Cel","v":-12.34},"#
                + #"{"n":"mains.state","u":"/","v":1,"t":-0.000001},{"n":"mains.state","u":"/","v":0},"#
                + #"{"n":"energy.total","u":"Wh","v":42000},{"n":"raw.count","v":-9223372036854775808},"#
                + #"{"n":"raw.count","v":9223372036854775807,"t":1}]"#)
    }

    @Test("An unsettled batch is relative to now and names its boot")
    func unsettled() {
        let bytes = encoded(
            [(head(3, nil), [reading(0, 2140, at: 10_000_000), reading(4, 0, at: 12_500_000, .timedOut)])],
            encodedAt: Boottime(nanoseconds: 12_500_000_789))
        #expect(
            text(bytes) == #"[{"bn":"malaga/lamppost-0042/","stream":"7f3a91c2d04be815","seq":3,"clock":"unsettled","#
                + #""boot":"b00t-id","boot_ns":"12500000000","config":"9c1e04d2","#
                + #""n":"air.temperature","u":"Cel","v":21.4,"t":-2.5},{"n":"noise.level/bad","vs":"timed out"}]"#)
    }

    @Test("An unsettled batch tells between which moments its boot lay, rounded outwards, as far as that is known")
    func bounds() throws {
        var told = head(3, nil)
        told.notBefore = UTC(nanoseconds: 1_795_257_600_250_000_999)
        told.notAfter = UTC(nanoseconds: 1_795_261_200_000_000_001)
        let readings = [reading(0, 2140, at: 10_000_000)]
        let both = text(encoded([(told, readings)], encodedAt: at(12_500_000)))
        #expect(
            both == #"[{"bn":"malaga/lamppost-0042/","stream":"7f3a91c2d04be815","seq":3,"clock":"unsettled","#
                + #""boot":"b00t-id","boot_ns":"12500000000","not_before":1795257600.25,"#
                + #""not_after":1795261200.000001,"config":"9c1e04d2","n":"air.temperature","u":"Cel","v":21.4,"t":-2.5}]"#)
        told.notBefore = UTC(nanoseconds: UTC.earliest.nanoseconds - 1)
        told.notAfter = UTC(seconds: 1_795_261_200)
        let one = try #require(try JSON(encoded([(told, readings)])).elements.first)
        #expect(one["not_before"] == nil && one["not_after"]?.digits == "1795261200")
        told.anchor = anchor
        let settled = try #require(try JSON(encoded([(told, readings)])).elements.first)
        #expect(settled["not_before"] == nil && settled["not_after"] == nil && settled["clock"]?.text == "synced")
    }

    @Test("A pack of several batches splits at `seq`, says its name once, and lets no base time leak")
    func pack() throws {
        let bytes = encoded(
            [
                (head(7, anchor), [reading(0, 1, at: 100_000_000)]),
                (head(8, nil), [reading(0, 2, at: 100_000_000)]),
                (head(9, nil), [reading(0, 3, at: 101_000_000)]),
                (head(10, anchor), [reading(0, 4, at: 102_000_000), reading(1, 5, at: 102_000_000)]),
            ], encodedAt: at(110_000_000))
        let records = try JSON(bytes).elements
        #expect(records.compactMap { $0["seq"]?.digits } == ["7", "8", "9", "10"])
        #expect(records.compactMap { $0["bn"]?.text } == ["malaga/lamppost-0042/"])
        #expect(records.map { $0["bt"]?.digits } == ["1795257600", "0", nil, "1795257602", nil])
        let times = try resolve(bytes).map(\.microseconds)
        #expect(times == [1_795_257_600_000_000, -10_000_000, -9_000_000, 1_795_257_602_000_000, 1_795_257_602_000_000])
    }

    @Test("A batch without readings is one legal record that carries its number")
    func empty() throws {
        let bytes = encoded([(head(5, anchor), []), (head(6, nil), [])], encodedAt: at(100_500_000))
        #expect(
            text(bytes) == #"[{"bn":"malaga/lamppost-0042/","bt":1795257600.5,"stream":"7f3a91c2d04be815","seq":5,"#
                + #""clock":"synced","config":"9c1e04d2","n":"batch","vs":"empty"},"#
                + #"{"bt":0,"stream":"7f3a91c2d04be815","seq":6,"clock":"unsettled","boot":"b00t-id","#
                + #""boot_ns":"100500000000","config":"9c1e04d2","n":"batch","vs":"empty"}]"#)
        _ = try resolve(bytes)
    }

    @Test("An anchor that says 1970 is no anchor: nothing is ever published as of a clock that was not set")
    func neverSet() throws {
        for offset in [-1, 0, 3_600_000_000_000, UTC.earliest.nanoseconds - 1_000_001] as [Int64] {
            let epoch = Anchor(offsetNanoseconds: offset, boundNanoseconds: 0)
            let record = try #require(try JSON(encoded([(head(1, epoch), [reading(0, 1, at: 1_000)])])).elements.first)
            #expect(record["bt"] == nil)
            #expect(record["clock"]?.text == "unsettled")
        }
    }

    @Test("A reading whose configuration is lost is counted under its number, never under another channel's name")
    func lostConfiguration() throws {
        let none = ChannelTable(channels: [], configHash: "")
        let readings = (0..<500).map { reading(UInt16($0 * 131), .min, at: Int64($0), .good) }
        let records = try resolve(encoded([(head(1, anchor), readings)], none))
        #expect(records.map(\.name) == (0..<500).map { "malaga/lamppost-0042/channel-\($0 * 131)/bad" })
        #expect(records.allSatisfy { $0.words == "configuration lost" && isLegalName($0.name) })
        #expect(records.last?.microseconds == 1_795_257_500_000_499)
    }

    @Test("A relative time is never in the future")
    func future() throws {
        let bytes = encoded([(head(1, nil), [reading(0, 1, at: 300_000_000)])], encodedAt: at(200_000_000))
        #expect(try resolve(bytes).map(\.microseconds) == [0])
    }

    @Test("Every reason of a bad reading arrives in words, and every uncertain reading with its value")
    func qualities() throws {
        for quality in Quality.allCases {
            let records = try resolve(encoded([(head(1, anchor), [reading(1, -7, at: 0, quality)])]))
            let record = try #require(records.first)
            switch quality.grade {
            case .good:
                #expect(record.name == "malaga/lamppost-0042/air.humidity" && record.value == ExactDecimal("-0.07"))
            case .uncertain:
                #expect(record.name.hasSuffix("air.humidity/uncertain") && record.value == ExactDecimal("-0.07"))
            case .bad:
                #expect(record.name.hasSuffix("air.humidity/bad") && record.words == quality.reason)
            }
        }
    }

    @Test("Whatever is encoded resolves to exactly the readings that went in", arguments: 1...40)
    func property(seed: UInt64) throws {
        var random = Random(seed: seed)
        let channels = ChannelTable(
            channels: (0..<(1 + random.below(20))).map { index in
                Channel(
                    name: "s\(index).quantity_\(index)", unit: index % 5 == 4 ? "" : "m/s2",
                    scale: Int8(truncatingIfNeeded: Int64(random.below(13)) - 9), plausible: 0...1)
            }, configHash: "00112233")
        let encodedAt = at(1_000_000_000)
        var batches: [(BatchHead, [Reading])] = []
        for seq in 1...(1 + random.below(4)) {
            var readings: [Reading] = []
            for _ in 0..<random.below(random.chance(1, in: 4) ? 1 : 200) {
                let channel = UInt16(random.below(UInt64(channels.count)))
                let value = Int64(bitPattern: random.next()) >> Int64(random.below(64))
                let quality = Quality.allCases[Int(random.below(UInt64(Quality.allCases.count)))]
                readings.append(reading(channel, value, at: Int64(random.below(1_000_000_000)), quality))
            }
            // An offset of odd nanoseconds: the base time is rounded, the differences must not be.
            let odd = Anchor(
                offsetNanoseconds: 1_795_257_600_000_000_000 + Int64(random.below(1_000_000_000)), boundNanoseconds: 1)
            var head = head(seq, random.chance(1, in: 2) ? odd : nil)
            head.config = channels.configHash
            batches.append((head, readings))
        }
        var expected: [Resolved] = []
        for (head, readings) in batches {
            for reading in readings {
                let channel = channels[reading.channel]
                let grade = reading.quality.grade
                let suffix = grade == .good ? "" : grade == .uncertain ? "/uncertain" : "/bad"
                let microseconds =
                    head.anchor.map { $0.utc(reading.acquired).nanoseconds / 1_000 }
                    ?? (reading.acquired - encodedAt).nanoseconds / 1_000
                expected.append(
                    Resolved(
                        name: "malaga/lamppost-0042/\(channel.name)\(suffix)", microseconds: microseconds,
                        value: grade == .bad ? nil : ExactDecimal(reading.value, scale: Int(channel.scale)),
                        words: grade == .bad ? reading.quality.reason : nil,
                        unit: grade == .bad || channel.unit.isEmpty ? nil : channel.unit))
            }
        }
        let bytes = encoded(batches, encodedAt: encodedAt, channels)
        let resolved = try resolve(bytes)
        #expect(resolved.filter { $0.words != "empty" } == expected, "seed \(seed)")
        #expect(resolved.allSatisfy { isLegalName($0.name) }, "seed \(seed)")
        let records = try JSON(bytes).elements
        #expect(records.compactMap { $0["seq"]?.digits } == batches.map { "\($0.0.seq)" }, "seed \(seed)")
        // Section 4.4: a label that ends with an underscore must be understood; none of ours may.
        #expect(!records.flatMap(\.names).contains { $0.hasSuffix("_") }, "seed \(seed)")
    }

    @Test("Encoding again into the same buffer writes the same bytes")
    func reuse() {
        var encoder = SenMLEncoder(city: "malaga", node: "lamppost-0042")
        var buffer = PayloadBuffer(capacity: 64)
        let fragments = ChannelFragments(table)
        let readings = (0..<1_000).map { reading(UInt16($0 % 8), Int64($0), at: Int64($0) * 1_000) }
        var first: [UInt8] = []
        for round in 0..<3 {
            readings.withUnsafeBufferPointer {
                encoder.encode(head(1, anchor), $0, fragments, encodedAt: at(2_000_000), into: &buffer)
            }
            if round == 0 { first = buffer.bytes } else { #expect(buffer.bytes == first) }
        }
    }
}
