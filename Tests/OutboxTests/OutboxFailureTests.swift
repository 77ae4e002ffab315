// What the outbox does when room runs out or the flash fails: its bounds hold, and what goes is told.

@testable import Outbox
@testable import SimulatedWorld
import Testing
import World

struct OutboxFailureTests {
    @Test(
        "The size limit is never passed by more than one segment, and what is dropped is told to the last reading",
        arguments: 0..<3 as Range<UInt64>)
    func sizeLimit(seed: UInt64) throws {
        var limits = Bench.limits
        limits.flashBytesMax = 256 << 10
        let bench = try Bench(seed: seed, limits: limits)
        var largest = 0
        bench.disk.observer = { flash in largest = max(largest, flash.bytesUsed) }
        for _ in 0..<1_500 {
            bench.sealBatch(100)
            bench.run(for: .milliseconds(500))
        }
        #expect(largest <= limits.flashBytesMax + limits.flashSegmentBytes, "seed \(seed): \(largest)")
        #expect(largest > limits.flashBytesMax / 2 && !bench.losses.isEmpty, "seed \(seed)")
        let found = bench.delivered()
        var lost = Set<UInt64>()
        var told: UInt64 = 0
        for loss in bench.losses {
            #expect(loss.reason.hasPrefix("outbox full") && loss.stream == bench.box!.stream && loss.lane == .readings)
            let range = loss.range!
            told += loss.counts.reduce(0) { $0 + $1.count }
            #expect(lost.isDisjoint(with: range.first...range.last), "seed \(seed): told twice")
            lost.formUnion(range.first...range.last)
        }
        let missing = bench.sealed.filter { found[$0.key] == nil }
        // The ranges hold numbers of windows too: those of earlier readings, thinned or moved.
        #expect(Set(missing.keys.map(\.sequence)) == lost.intersection(bench.sealed.keys.map(\.sequence)), "seed \(seed)")
        #expect(missing.values.reduce(0) { $0 + UInt64($1.count) } == told, "seed \(seed)")
        #expect(lost.min() == 1, "seed \(seed): the oldest go first")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test(
        "When the flash takes nothing, memory stays within its bound and what goes is told", arguments: [true, false])
    func failingDisk(isFull: Bool) throws {
        var limits = Bench.limits
        limits.memoryBytesMax = 128 << 10
        limits.keepAcknowledgedBytes = 32 << 10
        let bench = try Bench(seed: 6, limits: limits)
        bench.run(for: .seconds(1))
        if isFull { bench.disk.isFull = true } else { bench.disk.isReadOnly = true }
        for _ in 0..<800 {
            bench.sealBatch(100)
            bench.run(for: .milliseconds(200))
            #expect(bench.box!.memoryBytes <= limits.memoryBytesMax + limits.memorySegmentBytes)
        }
        #expect(bench.box!.diskState == .failing(isFull ? .full : .readOnly))
        #expect(bench.losses.first?.range?.first == 1)
        bench.disk.calm()
        bench.disk.isReadOnly = false
        bench.run(for: .seconds(70))
        #expect(bench.box!.diskState == .fine && bench.box!.isEverythingSpilled)
        let told = bench.losses.reduce(0) { $0 + $1.counts.reduce(0) { $0 + $1.count } }
        let found = bench.delivered()
        let missing = bench.sealed.filter { found[$0.key] == nil }
        #expect(missing.values.reduce(0) { $0 + UInt64($1.count) } == told && told > 0)
    }

    @Test(
        "After a failed sync the batches go into a new file, and the old one is never synced again",
        arguments: 0..<40 as Range<UInt64>)
    func failedSync(seed: UInt64) throws {
        let bench = try Bench(seed: seed)
        var random = Random(seed: seed)
        bench.run(for: .seconds(1))
        for _ in 0..<6 {
            bench.sealBatches(3 + Int(random.below(6)))
            bench.disk.failSyncs(1 + Int(random.below(3)))
            if random.chance(1, in: 2) { bench.disk.hangNextSync(for: .seconds(3)) }
        }
        bench.disk.calm()
        bench.run(for: .seconds(90))
        #expect(bench.box!.isEverythingSpilled && bench.box!.diskState == .fine, "seed \(seed)")
        // Everything was told to be safe: so any power cut must leave it.
        bench.cutPower { _, _ in .dropped }
        try bench.start()
        bench.run(for: .seconds(1))
        #expect(bench.delivered() == bench.sealed, "seed \(seed)")
    }

    @Test(
        "What a failed sync left of its blocks counts for itself only; the batches between are still delivered",
        arguments: 0..<40 as Range<UInt64>)
    func halfOfFailedSync(seed: UInt64) throws {
        let bench = try Bench(seed: seed)
        bench.sealBatches(10, readings: 60)
        bench.disk.failSyncs(1)
        bench.sealBatches(6, readings: 60)
        #expect(bench.delivered() == bench.sealed && bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
        #expect(bench.losses.isEmpty, "seed \(seed): \(bench.losses)")
    }

    @Test("A write that failed while its sync still hung does not vouch for the write that came after it")
    func lateCompletion() throws {
        for seed in 0..<60 as Range<UInt64> {
            let bench = try Bench(seed: seed)
            bench.run(for: .seconds(1))
            bench.disk.isFull = true
            bench.sealBatches(3)
            bench.disk.hangNextSync(for: .seconds(5))
            bench.run(for: .seconds(3))
            bench.disk.isFull = false
            // What is on flash after each of its changes, with what the outbox took for safe by then.
            var moments: [(flash: Flash, safe: UInt64)] = []
            bench.disk.observer = { [unowned bench] flash in moments.append((flash, bench.safeThrough)) }
            bench.run(for: .seconds(10))
            bench.disk.observer = nil
            #expect(bench.safeThrough == 3, "seed \(seed)")
            for moment in moments where moment.safe > 0 {
                var flash = moment.flash
                flash.powerCut { _, _ in .dropped }
                let next = try Bench(seed: seed, flash: flash)
                next.run(for: .seconds(1))
                let found = next.delivered()
                for id in bench.sealed.keys where id.sequence <= moment.safe {
                    #expect(found[id] != nil, "seed \(seed): \(id)")
                }
            }
        }
    }
}
