import KPIs
import Testing
import World

private func message(_ bodies: [[UInt8]], node: String = "n", stream: String = "7f3a91c2d04be815") -> [UInt8] {
    let items = bodies.map { #"{"t":0,"# + String(decoding: $0, as: UTF8.self) + "}" }
    let head = #"{"v":1,"node":"\#(node)","stream":"\#(stream)","lane":"contributions","seq":12,"items":["#
    return Array((head + items.joined(separator: ",") + "]}").utf8)
}

private func batches(_ contributions: [Contribution]) -> [[[UInt8]]] {
    var encoder = ContributionBatchEncoder()
    for contribution in contributions { encoder.append(contribution) }
    return encoder.batches()
}

/// A quarter hour of water, complete.
private func water(_ quarter: Int64, amount: Int64 = 120_000, sensor: String = "water") -> Contribution {
    var contribution = Contribution(
        indicator: Fixture.water, sensor: sensor, series: "volume", windowStart: Fixture.hour + quarter * 900,
        windowSeconds: 900, revision: UInt64(4_711 + quarter), isFinal: true, unit: "ml", scale: 0,
        state: .sum(SumState(amount: amount)),
        coverage: Coverage(expectedSeconds: 900, validSeconds: 900, fromSecond: 0, toSecond: 900),
        labels: [.zone: "dma-7"])
    contribution.localDay = "2026-11-21"
    contribution.tables = ["tz": "2025b"]
    return contribution
}

@Suite("Batches of contributions")
struct BatchTests {
    @Test("Constants are said once, before what cites them: these bytes")
    func golden() throws {
        let items = try #require(batches([water(0), water(1, amount: -1)]).first)
            .map { String(decoding: $0, as: UTF8.self) }
        // The hashes by an independent program (Python): FNV-1a of json.dumps(…, sort_keys=True, separators=…).
        #expect(
            items == [
                #""kind":"binding","id":"735cc560dc638af7","instrument":"low_cost","kpi":"EN: EN: WS: 2C","#
                    + #""labels":{"zone":"dma-7"},"quality":"estimated_assumptions","scale":0,"sensor":"water","#
                    + #""series":"volume","slug":"en-en-ws-2c","tables":{"tz":"2025b"},"type":"sum","unit":"ml""#,
                #""kind":"contribution","b":"735cc560dc638af7","h":"c703c60a8d19b406","rev":4711,"#
                    + #""state":{"amount":120000},"win":{"day":"2026-11-21","len":900,"start":1795255200}"#,
                #""kind":"contribution","b":"735cc560dc638af7","h":"e9019651e3cc9f1e","rev":4712,"#
                    + #""state":{"amount":-1},"win":{"day":"2026-11-21","len":900,"start":1795256100}"#,
            ])
    }

    @Test("A scalar contribution takes at most 200 bytes in a batch and at most 600 alone, levels included")
    func sizes() throws {
        let items = try #require(batches((0..<24).map { water($0, amount: 123_456_789) }).first)
        for item in items.dropFirst() { #expect(#"{"t":0,},"#.utf8.count + item.count <= 200) }
        var level = water(0)
        level.indicator = Fixture.indicator("en-en-aq-1c")
        level.unit = "ng_s/m3"
        level.state = .level(
            LevelState(integral: 442_800_000, seconds: 900, extremes: Extremes(least: 100_000, greatest: 150_000)))
        var later = level
        later.windowStart += 900
        let levels = try #require(batches([level, later]).first)
        #expect(levels.count == 3)
        for item in levels.dropFirst() { #expect(#"{"t":0,},"#.utf8.count + item.count <= 200) }
        #expect(level.bytes.count <= 600)
    }

    @Test("A contribution that is alone of its binding is written in one piece")
    func alone() throws {
        let items = try #require(batches([water(0), water(0, sensor: "other"), water(1)]).first)
        #expect(items.count == 4)
        #expect(items.filter { String(decoding: $0, as: UTF8.self).contains("\"kpi\"") }.count == 2)
        #expect(batches([]).isEmpty)
    }

    @Test(
        "Random contributions of every type come out of batches as they went in",
        arguments: 1...10 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Random(seed: seed)
        var all: [Contribution] = []
        for window in 0..<150 {
            // Several of one binding, so that both forms occur.
            var contribution = random.contribution(start: Fixture.hour + Int64(window) * 86_400)
            for _ in 0...random.below(3) {
                all.append(contribution)
                contribution.windowStart += 3_600
                contribution.state = random.state(contribution.state.typeName, seconds: contribution.windowSeconds)
            }
        }
        var found: [Contribution] = []
        for bodies in batches(all) {
            let batch = try ContributionBatch.parse(message(bodies))
            #expect(batch.refused.isEmpty && batch.unbound.isEmpty && batch.otherItems == 0, "seed \(seed)")
            #expect(batch.bindings.count + batch.contributions.count == bodies.count)
            #expect(bodies.reduce(0) { $0 + $1.count } <= ContributionBatchEncoder.longestBytes)
            found += batch.contributions
        }
        #expect(found == all, "seed \(seed)")
        #expect(zip(found, all).allSatisfy { $0.bytes == $1.bytes && $0.contentHash == $1.contentHash })
    }

    @Test("Each batch of many is complete in itself")
    func splitting() throws {
        let all = (0..<2_500).map { water(Int64($0)) }
        let split = batches(all)
        #expect(split.count > 2)
        for bodies in split {
            #expect(bodies.count <= ContributionBatchEncoder.mostItems)
            let batch = try ContributionBatch.parse(message(bodies))
            #expect(batch.unbound.isEmpty && batch.bindings.count == 1)
        }
        #expect(split.reduce(0) { $0 + $1.count } == all.count + split.count)
    }

    @Test("Parts of a message that came in any order give the same; of another node's binding nothing is taken")
    func parts() throws {
        let items = try #require(batches([water(0), water(1), water(2)]).first)
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1, 2]] {
            var set = ContributionSet()
            for index in order { set.add(try ContributionBatch.parse(message([items[index]]))) }
            #expect(set.total(Fixture.water).millilitres == 360_000, "\(order)")
            #expect(set.waiting == 0 && set.refused.isEmpty)
            // The same, seen by two readers.
            var one = ContributionSet()
            var other = ContributionSet()
            for index in order.prefix(2) { one.add(try ContributionBatch.parse(message([items[index]]))) }
            for index in order.dropFirst(2) { other.add(try ContributionBatch.parse(message([items[index]]))) }
            one.join(other)
            #expect(one.entries == set.entries && one.waiting == 0, "\(order)")
        }
        var set = ContributionSet()
        set.add(try ContributionBatch.parse(message([items[0]], node: "a")))
        set.add(try ContributionBatch.parse(message([items[1]], node: "b")))
        set.add(try ContributionBatch.parse(message([items[1]], node: "b")))
        #expect(set.entries.isEmpty && set.waiting == 1)
    }

    @Test("What waits for its binding is bounded; what comes beyond is refused and counted")
    func bounded() throws {
        let items = try #require(batches([water(0), water(1)]).first)
        let text = String(decoding: items[1], as: UTF8.self)
        var set = ContributionSet()
        // White space is part of what is kept.
        let padding = String(repeating: " ", count: 16 << 10)
        let most = BindingBook.mostWaitingBytes / (padding.utf8.count + items[1].count + 8)
        var number = 0
        while number < most + 100 {
            let bodies = (0..<50).map { _ in
                number += 1
                return Array((text.dropLast(11) + "\(1_000_000_000 + number)}" + padding).utf8)
            }
            set.add(try ContributionBatch.parse(message(bodies)))
        }
        #expect(set.waiting < number && set.waiting > most * 9 / 10)
        #expect(set.refused == ["unknown_binding": number - set.waiting])
    }

    @Test(
        "In a batch, too, what is not understood is refused with its reason",
        arguments: [
            (0, "\"type\":\"sum\"", "\"type\":\"level\"", .wrongState("level")),
            (0, "\"scale\":0", "\"scale\":-1", .wrongHash),
            (0, "\"scale\":0", "\"scale\":0,\"rev\":1", .unknown(member: "of a contribution in a binding")),
            (0, "\"unit\":\"ml\"", "\"unit\":\"l\"", .wrongUnit("l")),
            (0, "\"tz\"", "\"weather\"", .unknownTable("weather")),
            (0, "\"zone\"", "\"zon\"", .unknownLabel("zon")),
            (0, "\"id\":\"", "\"id\":\"F", .outOfRange(member: "id")),
            (1, "\"rev\":4711", "\"rev\":4710", .wrongHash),
            (1, "\"amount\":120000", "\"amount\":120001", .wrongHash),
            (1, "\"rev\":4711,", "", .missing("rev")),
            (1, "\"rev\":4711", "\"rev\":4711,\"unit\":\"ml\"", .unknown(member: "unit")),
            (1, "\"amount\":120000", "\"amount\":120000,\"type\":\"sum\"", .unknown(member: "state.type")),
            (1, "\"rev\":4711", "\"rev\":4711,\"cov\":{\"to_s\":901}", .outOfRange(member: "cov.from_s")),
            (1, "2026-11-21", "2026-02-29", .outOfRange(member: "win.day")),
        ] as [(Int, String, String, ContributionFault)])
    func refused(item: Int, found: String, replacement: String, fault: ContributionFault) throws {
        var items = try #require(batches([water(0), water(1)]).first)
        let text = String(decoding: items[item], as: UTF8.self)
        items[item] = Array(
            text.split(separator: found, maxSplits: 1, omittingEmptySubsequences: false).joined(separator: replacement)
                .utf8)
        let batch = try ContributionBatch.parse(message(items))
        #expect(batch.refused == [fault])
        #expect(batch.contributions.count + batch.unbound.count == (item == 0 ? 2 : 1))
        var set = ContributionSet()
        set.add(batch)
        #expect(set.refused == [fault.reason: 1])
    }
}
