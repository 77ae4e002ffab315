// What survives: crashes of the process, power cuts, and both at every step.

import SimulatedWorld
import Testing
import World

@testable import Outbox

struct OutboxCrashTests {
    @Test(
        "Sealed batches survive a crash at any step, with their numbers, and no number is used twice",
        arguments: 0..<60 as Range<UInt64>)
    func processCrash(seed: UInt64) throws {
        var random = Random(seed: seed)
        let bench = try Bench(seed: seed)
        let stream = bench.box!.stream
        var acknowledged = Set<BatchID>()
        for _ in 0..<60 {
            bench.isOffering = random.chance(1, in: 2)
            switch random.below(10) {
            case 0...5: bench.sealBatch(1 + Int(random.below(20)))
            case 6: bench.run(for: .milliseconds(Int64(random.below(8_000))))
            case 7:
                // A session that acknowledges some.
                bench.drain(for: .seconds(2)) { _, content in
                    guard random.chance(2, in: 3) else { return false }
                    acknowledged.formUnion(content.keys)
                    return true
                }
                bench.box!.endSession()
            case 8: bench.run(for: .milliseconds(Int64(random.below(50))))
            default:
                bench.crash()
                try bench.start()
                #expect(bench.box!.stream == stream, "seed \(seed)")
            }
        }
        bench.crash()
        try bench.start()
        bench.run(for: .seconds(5))
        let found = bench.delivered()
        let missing = bench.sealed.keys.filter { found[$0] == nil && !acknowledged.contains($0) }
        #expect(missing.isEmpty, "seed \(seed): \(missing)")
        for (id, values) in found { #expect(values == bench.sealed[id], "seed \(seed): \(id)") }
        #expect(acknowledged.isDisjoint(with: found.keys), "seed \(seed): delivered again after the cursor was saved")
        #expect(bench.losses.isEmpty, "seed \(seed): \(bench.losses)")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test("The open batch survives a crash, under a number of its own")
    func openBatch() throws {
        let bench = try Bench(seed: 1)
        bench.sealBatch()
        let open = bench.append(7)
        #expect(bench.box!.openCount == 7)
        bench.crash()
        try bench.start()
        #expect(bench.box!.openCount == 0 && bench.box!.nextSequence(.readings) == 3)
        bench.run(for: .seconds(1))
        let id = BatchID(stream: bench.box!.stream, lane: .readings, sequence: 2)
        #expect(bench.delivered()[id] == open)
    }

    @Test(
        "A kill anywhere between sealing, counting and emptying neither doubles a batch nor uses its number again",
        arguments: [(isCounted: false, isEmptied: false), (true, false), (false, true)])
    func killWithinSeal(isCounted: Bool, isEmptied: Bool) throws {
        let bench = try Bench(seed: 1)
        let values = bench.append(4)
        let before = bench.box!.nextSequence(.readings)
        let held = bench.box!.openReadings
        bench.box!.seal(anchor: nil)
        // Stores that follow the seal are undone: the memory tier has it, the open batch too.
        bench.box!.undoSealStores(sequence: isCounted ? before + 1 : before, readings: isEmptied ? [] : held)
        bench.crash()
        try bench.start()
        #expect(bench.box!.nextSequence(.readings) == before + 1 && bench.box!.openCount == 0)
        bench.run(for: .seconds(1))
        #expect(bench.delivered() == [BatchID(stream: bench.box!.stream, lane: .readings, sequence: before): values])
    }

    @Test("The newest reading that was left open is known until the next is sealed, also after a kill while starting")
    func leftOpen() throws {
        let bench = try Bench(seed: 1)
        bench.sealBatch()
        bench.append(7)
        let newest = bench.box!.openReadings.last
        for _ in 0..<3 {
            bench.crash()
            try bench.start()
            // The ring may still hold it: whoever takes from there passes over it.
            #expect(bench.box!.leftOpen == newest)
            #expect(bench.box!.nextSequence(.readings) == 3)
        }
    }

    @Test("After a power cut everything older than the loss window is there", arguments: 0..<150 as Range<UInt64>)
    func powerCut(seed: UInt64) throws {
        var random = Random(seed: seed)
        let bench = try Bench(seed: seed)
        var told: [BatchID: [Int64]] = [:]
        for _ in 0..<4 {
            bench.isOffering = random.chance(1, in: 3)
            for _ in 0..<5 + random.below(25) {
                bench.sealBatch(1 + Int(random.below(20)))
                bench.run(for: .milliseconds(Int64(100 + random.below(2_000))))
                if random.chance(1, in: 15) {
                    bench.crash()
                    try bench.start()
                }
            }
            // A hung process of a moment ago must not count: let the disk keep up as a step would.
            let edge = bench.now - .seconds(10)
            let stream = bench.box!.stream
            let old = bench.sealed.keys.filter { $0.stream == stream && bench.acquired[$0]! < edge }
            bench.cutPower()
            try bench.start()
            #expect(bench.box!.stream != stream, "seed \(seed): the stream goes on after a power cut")
            bench.run(for: .seconds(2))
            let found = bench.delivered()
            for id in old where told[id] == nil { #expect(found[id] != nil, "seed \(seed): \(id) is missing") }
            for (id, values) in found {
                #expect(values == bench.sealed[id], "seed \(seed): \(id)")
                told[id] = values
            }
            #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
            bench.run(for: .seconds(10))
            #expect(bench.segmentsOnFlash.isEmpty, "seed \(seed): \(bench.segmentsOnFlash)")
        }
    }

    @Test("Whatever becomes of each unsynced change, a start finds what was synced and nothing that was not written")
    func everyOutcome() throws {
        // A short trace, its state remembered after every change and sync of the flash, with what was safe by then.
        let bench = try Bench(seed: 3)
        var snapshots: [(flash: Flash, safe: [BatchID: [Int64]])] = []
        bench.disk.observer = { [unowned bench] flash in
            snapshots.append((flash, bench.sealed.filter { $0.key.sequence <= bench.safeThrough }))
        }
        for _ in 0..<6 {
            bench.sealBatch(100)
            bench.run(for: .seconds(6))
        }
        bench.disk.observer = nil
        #expect(snapshots.count >= 13)
        var tries = 0
        for (flash, safe) in snapshots {
            let changes = flash.unsynced
            // All combinations; every change has a handful of outcomes and few are ever unsynced at once.
            var combinations: [[FlashOutcome]] = [[]]
            for change in changes {
                combinations = combinations.flatMap { before in change.outcomes.map { before + [$0] } }
            }
            for combination in combinations {
                tries += 1
                var after = flash
                after.powerCut { index, _ in combination[index] }
                let next = try Bench(seed: 4, flash: after)
                next.run(for: .seconds(1))
                let found = next.delivered()
                for (id, values) in safe { #expect(found[id] == values, "\(id) with \(combination)") }
                for (id, values) in found { #expect(values == bench.sealed[id], "\(id) with \(combination)") }
                #expect(next.box!.isDrained, "\(next.box!.undrained) with \(combination)")
            }
        }
        #expect(tries >= 45, "\(tries)")
    }

    @Test(
        "With a loss window of zero nothing is offered before it is safe from any power cut",
        arguments: 0..<40 as Range<UInt64>)
    func zeroWindow(seed: UInt64) throws {
        var limits = Bench.limits
        limits.lossWindow = .zero
        let bench = try Bench(seed: seed, limits: limits)
        bench.isOffering = true
        var random = Random(seed: seed)
        bench.run(for: .seconds(1))
        bench.box!.beginSession(now: bench.now)
        var offered: [BatchID: [Int64]] = [:]
        for _ in 0..<20 {
            bench.sealBatch()
            for _ in 0..<1 + random.below(40) {
                bench.run(for: .milliseconds(Int64(random.below(30))))
                while case .delivery(let delivery) = bench.box!.nextLive() {
                    let id = BatchID(stream: delivery.stream, lane: delivery.lane, sequence: delivery.range.first)
                    offered[id] = bench.sealed[id]
                    bench.box!.sent(delivery)
                }
                #expect(bench.box!.nextHistory() == .nothing, "seed \(seed): read back what is in flight")
            }
        }
        #expect(offered.count >= 10, "seed \(seed)")
        bench.cutPower()
        try bench.start()
        bench.run(for: .seconds(1))
        let found = bench.delivered()
        for (id, values) in offered { #expect(found[id] == values, "seed \(seed): \(id) was offered and is gone") }
    }

    @Test("Batches of two configurations in one stream keep each its own names")
    func twoConfigurations() throws {
        for powerCut in [false, true] {
            let bench = try Bench(seed: 5, channels: table(3, hash: "00000001", prefix: "old"))
            bench.sealBatches(3)
            bench.append(4)
            bench.crash()
            bench.channels = table(2, hash: "00000002", prefix: "new")
            try bench.start()
            #expect(bench.box!.firstOfConfiguration == 5)
            bench.sealBatches(9)
            #expect(bench.box!.flashBytes > 0)
            if powerCut {
                bench.cutPower()
                bench.channels = table(1, hash: "00000003", prefix: "third")
                try bench.start()
                bench.run(for: .seconds(1))
            }
            var names: [UInt64: String] = [:]
            bench.drain { delivery, content in
                let table = bench.box!.table(bench.box!.header!.configHash)
                for id in content.keys { names[id.sequence] = table?.channels[0].name }
                return true
            }
            for (sequence, name) in names { #expect(name == (sequence < 5 ? "old.c0" : "new.c0"), "batch \(sequence)") }
            #expect(names.count >= 5)
        }
    }

    @Test("A checkpoint whose sync failed leaves the last good one alone, also when the power goes during the next")
    func checkpointAfterFailedSync() throws {
        for seed in 0..<60 as Range<UInt64> {
            let bench = try Bench(seed: seed)
            bench.run(for: .seconds(1))
            func write(_ total: Int64) {
                bench.box!.writeCheckpoint(now: bench.now, counters: [(key: 1, total: total)])
            }
            for total in 1...3 as ClosedRange<Int64> {
                write(total)
                bench.run(for: .seconds(5))
            }
            bench.disk.failSyncs(1)
            write(4)
            bench.run(for: .seconds(5))
            #expect(bench.box!.diskState != .fine)
            write(5)
            bench.run(for: .milliseconds(Int64(seed) % 20))
            // The worst of what can become of a write that was under way.
            bench.cutPower { _, _ in .zeroed }
            try bench.start()
            bench.run(for: .seconds(1))
            let total = bench.box!.recoveredCheckpoint?.counters.first?.total ?? 0
            #expect(total >= 3, "seed \(seed): only \(total)")
        }
    }
}
