// Reading that fails, for a while or for good, on the flash and in the runtime directory.

import SimulatedWorld
import Testing
import World

@testable import Outbox

struct UnreadableTests {
    /// Sixty batches on flash, of this boot or of the one before.
    private func stored(seed: UInt64, isEarlier: Bool) throws -> Bench {
        let bench = try Bench(seed: seed)
        bench.sealBatches(60, readings: 40)
        bench.run(for: .seconds(10))
        if isEarlier {
            bench.cutPower { _, _ in .applied }
        } else {
            bench.crash()
        }
        return bench
    }

    @Test(
        "A sector that can never be read costs what it held and no more; that is told",
        arguments: 0..<20 as Range<UInt64>)
    func lostSector(seed: UInt64) throws {
        let bench = try stored(seed: seed, isEarlier: true)
        #expect(bench.disk.spoilSector(pick: seed &* 0x9E37_79B9_7F4A_7C15) { $0.contains("readings") } != nil)
        try bench.start()
        bench.run(for: .seconds(1))
        var found: [BatchID: [Int64]] = [:]
        bench.box!.beginSession(now: bench.now)
        for _ in 0..<120 {
            bench.drain(newSession: false, for: .milliseconds(500)) { _, content in
                found.merge(content) { first, _ in first }
                return true
            }
            bench.run(for: .seconds(10))
        }
        for (id, values) in found { #expect(values == bench.sealed[id], "seed \(seed): \(id)") }
        let lost = Set(bench.losses.flatMap { Array($0.range!.first...$0.range!.last) })
        let last = max(found.keys.map(\.sequence).max() ?? 0, lost.max() ?? 0)
        for id in bench.sealed.keys where id.sequence <= last {
            #expect((found[id] != nil) != lost.contains(id.sequence), "seed \(seed): \(id)")
        }
        // One sector touches a few blocks at most, unless it was the dictionary's.
        let isDictionary = bench.losses.contains { $0.reason.contains("dictionary") }
        #expect(found.count >= 40 || isDictionary, "seed \(seed): \(found.count)")
        #expect(!bench.losses.isEmpty && bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
        bench.run(for: .seconds(5))
        #expect(bench.segmentsOnFlash.isEmpty)
    }

    @Test(
        "Damage is told up to what came behind it, though that has been acknowledged and is gone",
        arguments: [0, 1] as [UInt64])
    func behindIsGone(sector: UInt64) throws {
        let bench = try Bench(seed: 11)
        bench.sealBatches(4, readings: 20)
        bench.run(for: .seconds(10))
        bench.crash()
        try bench.start()
        bench.sealBatches(4, readings: 20)
        bench.run(for: .seconds(10))
        bench.drain(for: .seconds(20)) { delivery, _ in delivery.range.first > 4 }
        bench.box!.endSession()
        bench.run(for: .seconds(1))
        bench.box!.writeCheckpoint(now: bench.now, counters: [])
        bench.run(for: .seconds(1))
        bench.cutPower { _, _ in .applied }
        #expect(bench.segmentsOnFlash.count == 1, "only the first is left")
        #expect(bench.disk.spoilSector(pick: sector) { $0.contains("readings") } != nil)
        try bench.start()
        bench.run(for: .seconds(1))
        var found = Set<UInt64>()
        bench.box!.beginSession(now: bench.now)
        for _ in 0..<120 {
            bench.drain(newSession: false, for: .milliseconds(500)) { _, content in
                found.formUnion(content.keys.map(\.sequence))
                return true
            }
            bench.run(for: .seconds(10))
        }
        let lost = Set(bench.losses.flatMap { Array($0.range!.first...$0.range!.last) })
        #expect(found.union(lost) == [1, 2, 3, 4] && found.isDisjoint(with: lost), "found \(found), lost \(lost)")
        #expect(bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test("A flash that cannot be read for two hours loses nothing, and is not asked all the time")
    func twoHours() throws {
        for isEarlier in [true, false] {
            let bench = try stored(seed: 1, isEarlier: isEarlier)
            bench.disk.failsReads = true
            try bench.start()
            bench.run(for: .seconds(1))
            let before = bench.disk.statistics.failures
            bench.box!.beginSession(now: bench.now)
            for _ in 0..<720 {
                bench.run(for: .seconds(10))
                bench.drain(newSession: false, for: .milliseconds(100))
            }
            #expect(bench.losses.isEmpty, "\(bench.losses)")
            #expect(bench.disk.statistics.failures - before < 2_000)
            bench.disk.failsReads = false
            bench.run(for: .seconds(3_700))
            bench.drain()
            bench.run(for: .seconds(1))
            #expect(bench.losses.isEmpty && bench.segmentsOnFlash.isEmpty, "\(bench.box!.undrained)")
        }
    }

    @Test("While the flash cannot be read, what is due is written to it all the same")
    func writesGoOn() throws {
        let bench = try stored(seed: 2, isEarlier: true)
        bench.disk.failsReads = true
        try bench.start()
        bench.box!.beginSession(now: bench.now)
        for _ in 0..<60 {
            bench.sealBatch()
            bench.drain(newSession: false, for: .milliseconds(10)) { _, _ in false }
            bench.run(for: .seconds(1))
            let edge = bench.now - .seconds(10)
            let due = bench.acquired.filter { $0.key.stream == bench.box!.stream && $0.value < edge }
            #expect(due.keys.allSatisfy { $0.sequence <= bench.safeThrough })
        }
    }

    @Test("A block that was damaged in the runtime directory is told when it is to be written, and holds up nothing")
    func damagedInMemory() throws {
        let bench = try Bench(seed: 3)
        bench.run(for: .seconds(1))
        for _ in 0..<3 { bench.sealBatch() }
        let file = bench.disk.runtimeEntries.first { $0.name.contains("readings") }!
        bench.disk.flipRuntimeBits(in: file.name, at: file.bytes - 5, mask: 0x40)
        bench.run(for: .seconds(8))
        #expect(bench.losses.map(\.reason) == ["damaged in the runtime directory"])
        #expect(bench.losses.first?.range == SequenceRange(3, 3))
        #expect(bench.box!.isEverythingSpilled)
        #expect(Set(bench.delivered().keys.map(\.sequence)) == [1, 2] && bench.box!.isDrained, "\(bench.box!.undrained)")
    }
}
