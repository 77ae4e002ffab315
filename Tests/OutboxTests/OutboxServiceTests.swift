// What the outbox does in service: what touches the flash, what is offered and in which order, what damage costs.

import Testing
import World

@testable import Outbox
@testable import SimulatedWorld

struct OutboxServiceTests {
    @Test("What is acknowledged within the loss window never touches the flash")
    func onlineWritesNothing() throws {
        let bench = try Bench(seed: 1)
        bench.isOffering = true
        bench.run(for: .seconds(1))
        bench.box!.beginSession(now: bench.now)
        for _ in 0..<300 {
            bench.sealBatch()
            bench.box!.seal([Item(time: bench.now, body: [0x31])], lane: .events, anchor: nil)
            bench.drain(newSession: false)
            bench.run(for: .seconds(1))
        }
        #expect(bench.disk.statistics.bytesWritten == 0 && bench.segmentsOnFlash.isEmpty)
        #expect(bench.box!.isDrained && bench.box!.flashBytesWritten == 0)
    }

    @Test("What is not acknowledged is on flash and synced before the loss window has passed")
    func offlineIsSynced() throws {
        for seed in 0..<20 as Range<UInt64> {
            let bench = try Bench(seed: seed)
            for _ in 0..<60 {
                bench.sealBatch()
                bench.run(for: .seconds(1))
                let safe = bench.box!.spilledThrough(.readings)
                let late = bench.sealed.keys.filter {
                    bench.acquired[$0]! < bench.now - .seconds(10) && $0.sequence > safe
                }
                #expect(late.isEmpty, "seed \(seed): \(late)")
            }
            // In groups, not each by itself.
            #expect(bench.disk.statistics.syncs <= 16, "seed \(seed): \(bench.disk.statistics)")
        }
    }

    @Test("Segments go when everything in them is acknowledged, and not before")
    func removal() throws {
        let bench = try Bench(seed: 2)
        bench.sealBatches(40)
        let before = bench.segmentsOnFlash
        #expect(!before.isEmpty)
        // All but one batch.
        bench.drain { delivery, _ in !(delivery.range.first...delivery.range.last).contains(3) }
        bench.run(for: .seconds(1))
        #expect(!bench.segmentsOnFlash.isEmpty && !bench.box!.isDrained)
        let rest = bench.delivered()
        #expect(rest[BatchID(stream: bench.box!.stream, lane: .readings, sequence: 3)] != nil)
        bench.run(for: .seconds(1))
        #expect(bench.segmentsOnFlash.isEmpty && bench.box!.isDrained && bench.box!.flashBytes == 0)
    }

    @Test("A new session offers exactly what is not acknowledged", arguments: 0..<40 as Range<UInt64>)
    func secondSession(seed: UInt64) throws {
        var random = Random(seed: seed)
        let bench = try Bench(seed: seed)
        bench.sealBatches(30)
        var acknowledged = Set<BatchID>()
        bench.drain(for: .seconds(5)) { _, content in
            guard random.chance(1, in: 2) else { return false }
            acknowledged.formUnion(content.keys)
            return true
        }
        bench.sealBatches(3)
        bench.box!.endSession()
        let found = bench.delivered()
        #expect(Set(found.keys) == Set(bench.sealed.keys).subtracting(acknowledged), "seed \(seed)")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test("What a broker refuses is offered again in the same session", arguments: 0..<20 as Range<UInt64>)
    func refused(seed: UInt64) throws {
        var random = Random(seed: seed)
        let bench = try Bench(seed: seed)
        bench.sealBatches(30)
        if seed % 2 == 1 {
            bench.run(for: .seconds(10))
            bench.cutPower { _, _ in .applied }
            try bench.start()
            bench.run(for: .seconds(1))
        }
        var found: [BatchID: [Int64]] = [:]
        bench.drain { delivery, content in
            if random.chance(1, in: 3) {
                bench.box!.refuse(BatchID(stream: delivery.stream, lane: delivery.lane, sequence: delivery.range.first))
                return false
            }
            found.merge(content) { first, _ in first }
            return true
        }
        #expect(
            Set(found.keys) == Set(bench.sealed.keys) && bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test("What was offered but never handed over is offered again, not passed over")
    func notSent() throws {
        let bench = try Bench(seed: 3)
        bench.sealBatches(20)
        bench.box!.beginSession(now: bench.now)
        var first: OfferedBatches?
        for _ in 0..<50 {
            if case .delivery(let delivery) = bench.box!.nextHistory() {
                if let first { #expect(delivery == first) }
                first = delivery
            }
            bench.run(for: .milliseconds(10))
        }
        #expect(first != nil)
        #expect(bench.delivered().count == 20)
    }

    @Test("Live goes before history, and history goes oldest first")
    func order() throws {
        let bench = try Bench(seed: 4)
        bench.sealBatches(60)
        bench.cutPower()
        try bench.start()
        bench.sealBatches(40)
        let present = bench.box!.stream
        var live: [UInt64] = []
        var history: [(isPresent: Bool, first: UInt64)] = []
        bench.drain { delivery, _ in
            if delivery.isLive {
                #expect(history.isEmpty)
                live.append(delivery.range.first)
            } else {
                history.append((delivery.stream == present, delivery.range.first))
            }
            return true
        }
        #expect(live == live.sorted() && live.first == 31 && live.last == 40)
        let earlier = history.prefix { !$0.isPresent }.map(\.first)
        let later = history.dropFirst(earlier.count)
        #expect(!earlier.isEmpty && earlier == earlier.sorted())
        #expect(later.allSatisfy(\.isPresent) && later.map(\.first) == later.map(\.first).sorted())
    }

    @Test("A session that ends while the flash is being read does not mix up what the next one reads")
    func staleRead() throws {
        for seed in 0..<40 as Range<UInt64> {
            let bench = try Bench(seed: seed)
            var random = Random(seed: seed)
            bench.sealBatches(80, readings: 80)
            bench.run(for: .seconds(10))
            // Of an earlier boot's stream a number that no block holds counts as acknowledged: no chunk may be missed.
            bench.cutPower { _, _ in .applied }
            try bench.start()
            bench.run(for: .seconds(1))
            var found: [BatchID: [Int64]] = [:]
            for _ in 0..<30 {
                bench.drain(for: .milliseconds(Int64(random.below(12)))) { _, content in
                    found.merge(content) { first, _ in first }
                    return true
                }
                bench.box!.endSession()
            }
            found.merge(bench.delivered()) { first, _ in first }
            #expect(found == bench.sealed, "seed \(seed): \(bench.sealed.count - found.count) missing")
        }
    }

    @Test("A cursor without room holds history back and loses nothing", arguments: 0..<6 as Range<UInt64>)
    func fullCursor(seed: UInt64) throws {
        let bench = try Bench(seed: seed)
        bench.sealBatches(1_200, readings: 2)
        var found: [BatchID: [Int64]] = [:]
        // A broker that leaves every other message unanswered makes as many gaps as can be.
        var most = 0
        var count = Int(seed)
        for session in 0..<6 {
            bench.drain(for: .seconds(3)) { delivery, content in
                count += 1
                guard session == 5 || count % 2 == 0 else { return false }
                found.merge(content) { first, _ in first }
                return true
            }
            bench.box!.endSession()
            let ranges = bench.box!.uplink.parts.map(\.acknowledged.ranges.count).max() ?? 0
            most = max(most, ranges)
        }
        #expect(most >= 40 && most <= RangeSet.rangesMax, "seed \(seed): \(most)")
        found.merge(bench.delivered()) { first, _ in first }
        #expect(found == bench.sealed, "seed \(seed): \(bench.sealed.count - found.count) missing")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test(
        "Damage on flash is told, costs only what it hit, and never needs a human", arguments: 0..<60 as Range<UInt64>)
    func damage(seed: UInt64) throws {
        var random = Random(seed: seed)
        let bench = try Bench(seed: seed)
        bench.sealBatches(60, readings: 20)
        let stream = bench.box!.stream
        let safe = bench.box!.spilledThrough(.readings)
        bench.cutPower { _, _ in .applied }
        for file in bench.segmentsOnFlash where random.chance(2, in: 3) {
            for _ in 0..<1 + random.below(3) {
                bench.disk.flash.flipBits(
                    in: file.name, at: Int(random.below(UInt64(file.bytes))), mask: UInt8(1 + random.below(255)))
            }
        }
        try bench.start()
        bench.run(for: .seconds(2))
        let found = bench.delivered()
        for (id, values) in found { #expect(values == bench.sealed[id], "seed \(seed)") }
        let lost = Set(bench.losses.flatMap { Array($0.range!.first...$0.range!.last) })
        let last = found.keys.filter { $0.stream == stream }.map(\.sequence).max() ?? 0
        for number in 1...safe {
            let isFound = found[BatchID(stream: stream, lane: .readings, sequence: number)] != nil
            // Behind the last sound block of a stream nobody can know how much there was.
            if number <= last { #expect(isFound != lost.contains(number), "seed \(seed): batch \(number)") }
        }
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
        bench.run(for: .seconds(1))
        #expect(bench.segmentsOnFlash.isEmpty, "seed \(seed): \(bench.segmentsOnFlash)")
    }

    @Test("Foreign files are left alone, and segments of a later version are kept")
    func foreign() throws {
        var flash = Flash()
        var codec = BatchCodec(recordsMax: 10, channelsMax: 4)
        var random = Random(seed: 1)
        var writer = ByteWriter()
        writer.bytes = codec.block(random.readings(3, channels: 2))
        writer.bytes[12] = 2
        Block.finish(at: 0, in: &writer)
        let later = SegmentName(stream: testStream, lane: .readings, first: 1).text
        flash.write(later, at: 0, writer.bytes)
        flash.write("notes.txt", at: 0, [1, 2, 3])
        flash.write("0000000000000001-readings-0000000000000000-0.seg", at: 0, [9])
        let bench = try Bench(seed: 1, flash: flash)
        bench.run(for: .seconds(1))
        bench.drain()
        bench.run(for: .seconds(1))
        #expect(
            bench.disk.flash.content(of: later) == writer.bytes
                && bench.disk.flash.content(of: "notes.txt") == [1, 2, 3])
        #expect(bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test("A start with ten thousand stored batches asks the disk for as much as an empty one")
    func startIsConstant() throws {
        func requests(_ flash: Flash) throws -> (count: Int, bytes: Int) {
            let bench = try Bench(seed: 1, flash: flash)
            var asked = 0
            while let due = bench.disk.nextDeadline {
                bench.clock.advance(to: max(due, bench.clock.elapsed))
                bench.step()
                asked += 1
            }
            return (asked, bench.box!.flashBytes)
        }
        let bench = try Bench(seed: 2)
        for _ in 0..<10_000 {
            bench.sealBatch(2)
            bench.clock.advance(by: .milliseconds(100))
            bench.step()
        }
        bench.run(for: .seconds(60))
        let empty = try requests(Flash())
        let full = try requests(bench.disk.flash)
        #expect(full.bytes > 100_000 && full.count == empty.count)
        let next = try Bench(seed: 3, flash: bench.disk.flash)
        next.run(for: .seconds(1))
        #expect(next.delivered().count == 10_000)
    }

    @Test("More items than a block should have are sealed as several batches")
    func manyItems() throws {
        let bench = try Bench(seed: 1)
        let small = (0..<250).map {
            Item(time: Boottime(nanoseconds: Int64($0) * 1_000), body: [UInt8](repeating: 0x20, count: 10))
        }
        bench.box!.seal(small, lane: .contributions, anchor: nil)
        #expect(bench.box!.nextSequence(.contributions) == 4)
        let large = (0..<9).map {
            Item(time: Boottime(nanoseconds: Int64($0) * 1_000), body: [UInt8](repeating: 0x20, count: 30_000))
        }
        bench.box!.seal(large, lane: .events, anchor: nil)
        #expect(bench.box!.nextSequence(.events) == 6)
        var items: [Item] = []
        for number in 1...3 as ClosedRange<UInt64> {
            let isThere = bench.box!.load(.contributions, number)
            #expect(isThere)
            items += bench.box!.items
        }
        #expect(items == small)
    }

    @Test("A crash before a loss has been told leaves its numbers unacknowledged")
    func lossBeforeTold() throws {
        let bench = try Bench(seed: 1)
        bench.sealBatches(2)
        bench.box!.beginSession(now: bench.now)
        guard case .delivery(let delivery) = bench.box!.nextLive() else {
            Issue.record("nothing to offer")
            return
        }
        bench.box!.giveUp(delivery, reason: "too large")
        #expect(bench.box!.deadline() <= bench.now)
        bench.box!.saveCursors()
        bench.crash()
        try bench.start()
        bench.run(for: .seconds(1))
        #expect(bench.delivered().count == 2)
    }
}
