// The runtime directory when it is full, and the memory tier when part of it is gone.

import SimulatedWorld
import Testing
import World

@testable import Outbox

struct RuntimeDirectoryTests {
    @Test("What a full runtime directory has no room for is one loss, told when there is room again")
    func full() throws {
        let bench = try Bench(seed: 1)
        bench.sealBatches(3)
        bench.disk.isRuntimeFull = true
        bench.sealBatches(40)
        #expect(bench.losses.isEmpty, "there is no telling either")
        let kept = bench.box!.sealWhatFits([Item(time: bench.now, body: [0x31])], lane: .events)
        #expect(kept == 0 && bench.box!.nextSequence(.events) == 1, "the caller keeps it, without a number")
        bench.disk.isRuntimeFull = false
        bench.sealBatches(2)
        #expect(bench.losses.count == 1)
        let lost = try #require(bench.losses.first?.range)
        let missing = bench.sealed.keys.filter { $0.sequence >= lost.first && $0.sequence <= lost.last }
        #expect(lost.last - lost.first + 1 == UInt64(missing.count) && missing.count >= 38, "\(lost)")
        #expect(bench.losses.first?.counts.reduce(0) { $0 + $1.count } == UInt64(5 * missing.count))
        let found = bench.delivered()
        #expect(Set(found.keys) == Set(bench.sealed.keys).subtracting(missing) && bench.box!.isDrained)
    }

    @Test("A crash before that can be told does not hide it")
    func crashWhileFull() throws {
        let bench = try Bench(seed: 2)
        bench.sealBatches(3)
        bench.disk.isRuntimeFull = true
        bench.sealBatches(20)
        bench.crash()
        try bench.start()
        bench.disk.isRuntimeFull = false
        bench.run(for: .seconds(1))
        let told = Set(bench.losses.flatMap { Array($0.range!.first...$0.range!.last) })
        let found = Set(bench.delivered().keys.map(\.sequence))
        #expect(bench.losses.map(\.reason) == ["gone from the runtime directory"])
        #expect(found.isDisjoint(with: told) && found.union(told) == Set(1...23))
        #expect(bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test(
        "What has to leave the flash while a tombstone has no room stays: a stop then hides nothing",
        arguments: [200, 205, 210, 215, 220, 225, 230, 240, 250, 260])
    func evictionWhileFull(batches: Int) throws {
        var limits = Bench.limits
        limits.flashBytesMax = 128 << 10
        limits.flashSegmentBytes = 16 << 10
        limits.readChunkBytes = 4 << 10
        let bench = try Bench(seed: 7, limits: limits)
        for _ in 0..<batches {
            bench.sealBatch(100)
            bench.run(for: .milliseconds(200))
        }
        bench.disk.isRuntimeFull = true
        bench.sealBatch(100)
        bench.run(for: .seconds(15))
        bench.box!.writeCheckpoint(now: bench.now, counters: [])
        bench.run(for: .seconds(1))
        bench.crash()
        bench.disk.isRuntimeFull = false
        try bench.start()
        bench.run(for: .seconds(15))
        let found = Set(bench.deliveredAtLeastOnce().keys)
        var told = Set<BatchID>()
        for loss in bench.losses where loss.lane == .readings {
            for number in loss.range!.first...loss.range!.last {
                told.insert(BatchID(stream: loss.stream, lane: .readings, sequence: number))
            }
        }
        let untold = Set(bench.sealed.keys).subtracting(found).subtracting(told).map(\.sequence).sorted()
        #expect(untold.isEmpty, "\(batches) batches: \(untold) gone without a word")
        #expect(bench.box!.isDrained, "\(batches) batches: \(bench.box!.undrained)")
    }

    @Test("The cursor is kept in a full runtime directory: nothing acknowledged comes again after a crash")
    func cursorWhileFull() throws {
        let bench = try Bench(seed: 3)
        bench.sealBatches(10)
        bench.disk.isRuntimeFull = true
        #expect(bench.delivered().count == 10)
        bench.crash()
        try bench.start()
        bench.run(for: .seconds(1))
        #expect(bench.delivered().isEmpty && bench.losses.isEmpty)
    }

    @Test("Where the memory tier has a gap, what is behind it and acknowledged is neither sent nor spilled again")
    func gapInMemory() throws {
        let bench = try Bench(seed: 4)
        bench.sealBatches(20)
        bench.box!.beginSession(now: bench.now)
        // The live end is acknowledged, the rest is not.
        while case .delivery(let live) = bench.box!.nextLive() {
            bench.box!.sent(live)
            bench.box!.acknowledge(BatchID(stream: live.stream, lane: live.lane, sequence: live.range.first))
        }
        bench.run(for: .seconds(20))
        let cursor = bench.box!.uplink
        let written = bench.disk.statistics.bytesWritten
        bench.run(for: .seconds(60))
        #expect(bench.disk.statistics.bytesWritten == written)
        let found = bench.delivered()
        #expect(found.keys.allSatisfy { !cursor.contains($0) } && bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test("A file that could not be removed is found again and removed, and nothing of it is sent twice")
    func removalFails() throws {
        let bench = try Bench(seed: 5)
        bench.sealBatches(20)
        bench.cutPower { _, _ in .applied }
        try bench.start()
        bench.run(for: .seconds(1))
        bench.disk.isReadOnly = true
        let first = bench.delivered()
        #expect(!first.isEmpty)
        bench.run(for: .seconds(200))
        #expect(!bench.segmentsOnFlash.isEmpty)
        bench.disk.isReadOnly = false
        bench.run(for: .seconds(130))
        #expect(bench.delivered().isEmpty)
        bench.run(for: .seconds(130))
        #expect(bench.segmentsOnFlash.isEmpty, "\(bench.segmentsOnFlash)")
    }

    @Test("Lanes that fail together wait together, and a failure much later waits a second again")
    func retryDelay() throws {
        let bench = try Bench(seed: 6)
        bench.run(for: .seconds(1))
        bench.disk.isFull = true
        for lane in [Lane.events, .contributions, .security] {
            bench.box!.seal([Item(time: bench.now, body: [0x31])], lane: lane, anchor: nil)
        }
        bench.sealBatch()
        bench.run(for: .seconds(13))
        // After 5 s, and again after 1, 2 and 4 more: four lanes each time.
        #expect(bench.disk.statistics.writes == 0)
        bench.disk.isFull = false
        bench.run(for: .seconds(12))
        #expect(bench.box!.isEverythingSpilled, "at most as long again as it lasted")
    }
}
