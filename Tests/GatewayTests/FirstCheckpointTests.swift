// The first moments of a stream: what must be on flash before anything of it goes out.

import Outbox
import SimulatedWorld
import Testing
import World

@testable import Gateway

@Suite("A stream's first checkpoint") struct FirstCheckpointTests {
    @Test(
        "Nothing of a stream goes out before its first event and a checkpoint that names it are on flash",
        arguments: 1...20)
    func flashFirst(_ seed: UInt64) throws {
        let bench = try CourierBench(seed: seed)
        bench.take(0, 1)
        // Status and inventory go out meanwhile.
        while try bench.received("events").isEmpty && bench.received("readings").isEmpty { bench.run(.milliseconds(1)) }
        // One sync in fifty takes longer than a flash is waited for.
        guard bench.clock.elapsed < VirtualTime(nanoseconds: Limits.recoveryWait.nanoseconds) else { return }
        var flash = bench.disk.flash
        flash.powerCut { _, _ in .dropped }
        let content = flash.content(of: StateFile.checkpoint) ?? []
        let checkpoint = try #require(content.withUnsafeBytes { Checkpoint.newest(in: $0) }, "seed \(seed)")
        #expect(checkpoint.stream.description == bench.stream, "seed \(seed)")
        let stored = flash.entries.compactMap { SegmentName($0.name) }
        #expect(stored.contains { $0.stream == checkpoint.stream && $0.lane == .events && $0.first == 1 }, "seed \(seed)")
    }

    @Test("A flash that does not answer holds readings up for two seconds and no longer")
    func silentFlash() throws {
        let bench = try CourierBench()
        bench.disk.hangNextSync(for: .seconds(600))
        bench.sample(seconds: 5)
        #expect(try bench.values().count >= 3)
    }

    @Test("The first checkpoint keeps the totals of counters that are not taken up yet")
    func keepsTotals() throws {
        let key = Checkpoint.key(of: "water")
        let first = try CourierBench()
        first.counters.assign(1, key: key, checkpoint: 4_711)
        first.run(.seconds(601))
        // The Sampler of the second boot does not come to take them up.
        let second = try nextBoot(of: first)
        second.run(.seconds(3))
        let third = try nextBoot(of: second)
        third.run(.seconds(3))
        #expect(third.courier.recoveredCounters.map(\.key) == [key])
        #expect(third.courier.recoveredCounters.map(\.total) == [4_711])
    }

    private func nextBoot(of bench: consuming CourierBench) throws -> CourierBench {
        let surroundings = bench.surroundings
        cutPower(
            off: .seconds(30), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
        return try CourierBench(in: surroundings)
    }
}
