// What a history message of several stored blocks promises: fewer messages, and everything else as if each block had
// gone alone.

import Gateway
import SimulatedWorld
import Testing
import World

@Suite("Packing") struct PackingTests {
    /// A node back from an outage of so many seconds, with one reading for each.
    private func afterOutage(
        of seconds: Int, packetBytes: UInt32? = nil, _ change: (inout CourierPlan) -> Void = { _ in }
    ) throws -> CourierBench {
        var profile = SimulatedBroker.Profile()
        profile.maximumPacketBytes = packetBytes
        let bench = try CourierBench(profile: profile, change)
        bench.broker.goAway(.unreachable)
        bench.sample(seconds: seconds)
        bench.broker.comeBack()
        return bench
    }

    private func expectAll(_ bench: CourierBench, _ count: Int64) throws {
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...count)))
        #expect(try bench.events("tombstone").isEmpty)
    }

    /// Numbers of batches, message by message.
    private func packs(_ bench: CourierBench) throws -> [[Int]] {
        try bench.received("history").map { $0.elements.compactMap { $0["seq"]?.number }.compactMap { Int($0) } }
    }

    @Test("After an outage a history message holds several stored blocks, every batch once and under its own number")
    func packed() throws {
        let bench = try afterOutage(of: 600)
        bench.run(.seconds(60))
        try expectAll(bench, 600)
        let packs = try packs(bench)
        #expect(try bench.sequences().sorted() == Array(1...600))
        // A block of five seconds holds five of these batches.
        #expect(packs.contains { $0.count > 20 })
        #expect(packs.allSatisfy { $0 == Array($0[0]..<$0[0] + $0.count) }, "consecutive numbers")
        let sizes = bench.broker.received.filter { $0.topic.hasSuffix("/history") }.map(\.payload.count)
        #expect(sizes.allSatisfy { $0 <= Limits.historyMessageBytes + 1_000 })
    }

    @Test("A broker that takes small packets only gets the blocks one by one, and nothing is given up")
    func smallPackets() throws {
        let bench = try afterOutage(of: 300, packetBytes: 1_400)
        bench.run(.seconds(60))
        try expectAll(bench, 300)
        #expect(try packs(bench).allSatisfy { $0.count <= 5 })
        #expect(try bench.sequences().sorted() == Array(1...300))
    }

    @Test("A stored block that is too large for the broker goes in parts; nothing is given up that fits alone")
    func tooLargeTogether() throws {
        var profile = SimulatedBroker.Profile()
        profile.maximumPacketBytes = 2_500
        let bench = try CourierBench(profile: profile)
        bench.broker.goAway(.unreachable)
        for _ in 0..<60 {
            for value in 0..<Int64(30) { bench.take(0, value) }
            bench.run(.seconds(1))
        }
        bench.broker.comeBack()
        bench.run(.seconds(60))
        #expect(bench.isDrained)
        #expect(try bench.events("tombstone").isEmpty)
        #expect(try bench.values().count == 1_800)
    }

    @Test(
        "A batch too large even alone is told with the counts of its channels, however little the broker takes",
        arguments: [700, 1_200, 5_000] as [UInt32])
    func tooLargeAlone(limit: UInt32) throws {
        var profile = SimulatedBroker.Profile()
        profile.maximumPacketBytes = limit
        let bench = try CourierBench(profile: profile)
        bench.broker.goAway(.unreachable)
        for _ in 0..<60 {
            for value in 0..<Int64(200) { bench.take(0, value) }
            bench.run(.seconds(1))
        }
        bench.broker.comeBack()
        bench.run(.seconds(60))
        #expect(bench.isDrained)
        let told = try bench.events("tombstone")
        let lost = told.compactMap { $0["channels"]?["air.temperature"]?.number }.compactMap { Int($0) }.reduce(0, +)
        let delivered = try bench.values().count
        #expect(lost >= 1_200 && lost + delivered == 12_000, "\(lost) told as lost, \(delivered) delivered")
    }

    @Test("A message of several blocks that is refused, or whose acknowledgement is lost, comes again whole")
    func again() throws {
        let refused = try afterOutage(of: 300)
        refused.broker.isQuotaExceeded = true
        refused.run(.seconds(5))
        #expect(!refused.isDrained)
        refused.broker.isQuotaExceeded = false
        refused.run(.seconds(120))
        try expectAll(refused, 300)

        let lost = try afterOutage(of: 300)
        lost.broker.loseNextAcknowledgement()
        lost.run(.seconds(300))
        try expectAll(lost, 300)
        #expect(Set(try lost.sequences()) == Set(1...300))
    }

    @Test("A rate that the operator has set is kept message by message")
    func rate() throws {
        let bytes = try afterOutage(of: 120) { $0.historyBytesPerSecond = 1_500 }
        bytes.run(.seconds(120))
        try expectAll(bytes, 120)
        let late = bytes.broker.received.filter { $0.topic.hasSuffix("/history") }
        #expect(late.allSatisfy { $0.payload.count <= 1_600 })

        let batches = try afterOutage(of: 120) { $0.historyBatchesPerSecond = 4 }
        batches.run(.seconds(120))
        try expectAll(batches, 120)
        #expect(try packs(batches).allSatisfy { $0.count <= 5 }, "a block is never torn for it")
    }
}
