// When the flash is full: readings become windows before anything is dropped, and whatever goes is told.

@testable import Outbox
@testable import SimulatedWorld
import Testing
import World

@Suite("Thinning")
struct ThinningTests {
    private func reading(
        _ channel: UInt16, at seconds: Double, _ value: Int64, _ quality: Quality = .good
    ) -> Reading {
        Reading(
            channel: ChannelID(rawValue: channel), acquired: Boottime(nanoseconds: Int64(seconds * 1e9)),
            value: value, quality: quality, ordinal: UInt64(seconds) + 1)
    }

    private func windows(_ readings: [Reading], anchor: Anchor? = nil, channels: Int = 2) -> [Reading] {
        var thinning = Thinning(anchor: anchor, configHash: 1, channels: channels, window: .seconds(900))
        for reading in readings { thinning.add(reading, anchor: anchor) }
        thinning.finish()
        return thinning.output
    }

    @Test("A window says least, mean, greatest and count of its good readings, the mean to three decimals more")
    func statistics() {
        let found = windows([3, -1, 10, 4, 5].enumerated().map { reading(1, at: Double($0) * 10 + 5, $1) })
        // Two channels: 2 + 4 is the first of channel 1.
        #expect(found.map(\.channel.rawValue) == [6, 7, 8, 9])
        #expect(found.map(\.value) == [-1, 4_200, 10, 5])
        #expect(found.allSatisfy { $0.acquired.nanoseconds == 5_000_000_000 && $0.quality == .good })
        let table = table(2).thinned
        #expect(table.channels[6...].map(\.name) == ["air.c1/min", "air.c1/mean", "air.c1/max", "air.c1/count"])
        #expect(table.channels[6...].map(\.scale) == [-2, -5, -2, 0] && table.channels[9].unit == "count")
    }

    @Test("The mean is rounded half away from zero, at the ends of Int64 it is told as implausible, never wrapped")
    func means() {
        #expect(windows([0, 0, 0, 0, 0, 1].map { reading(0, at: 1, $0) })[1].value == 167)
        #expect(windows([0, 0, 0, 0, 0, -1].map { reading(0, at: 1, $0) })[1].value == -167)
        let large = windows((0..<4).map { _ in reading(0, at: 1, .max) })
        #expect(large[1].quality == .implausible && large[0].value == .max && large[2].value == .max)
    }

    @Test("Windows end on multiples of their length in UTC, whatever the boot's clock says")
    func alignment() {
        // Boottime 0 is 14 min 50 s after a quarter.
        let anchor = Anchor(offsetNanoseconds: 1_795_257_000_000_000_000 + 890_000_000_000, boundNanoseconds: 1)
        let found = windows((0..<20).map { reading(0, at: Double($0), 7) }, anchor: anchor)
        #expect(found.filter { $0.channel.rawValue == 5 }.map(\.value) == [10, 10])
        #expect(found.last!.acquired.nanoseconds == 10_000_000_000)
    }

    @Test("Up to three readings of a window stay readings; a window of bad ones is a count of 0")
    func few() {
        let kept = (0..<3).map { reading(0, at: Double($0), Int64($0), $0 == 1 ? .stuck : .good) }
        #expect(windows(kept) == kept)
        let bad = windows((0..<5).map { reading(0, at: Double($0), 0, .timedOut) })
        #expect(bad.map(\.channel.rawValue) == [5] && bad[0].value == 0 && bad[0].quality == .good)
    }

    @Test("Uncertain readings count only where there is no good one, and the window is then uncertain itself")
    func uncertain() {
        let mixed = (0..<4).map { reading(0, at: Double($0), 5) } + [reading(0, at: 9, 99, .outOfRange)]
        #expect(windows(mixed).map(\.value) == [5, 5_000, 5, 4])
        let found = windows((0..<4).map { reading(0, at: Double($0), 5, .rateOfChange) })
        #expect(found.count == 4 && found.allSatisfy { $0.quality == .rateOfChange })
    }

    @Test("Windows are as long as eight readings take, and at least a quarter of an hour")
    func lengths() {
        func length(_ every: Int, _ channels: Int = 8) -> Duration {
            Thinning.window(readings: 100 * channels, channels: channels, span: .seconds(100 * every))
        }
        #expect([1, 60, 300, 900, 3_600].map { length($0) }
            == [.seconds(900), .seconds(900), .seconds(3_600), .seconds(21_600), .seconds(86_400)])
        #expect(Thinning.window(readings: 0, channels: 0, span: .zero) == .seconds(900))
    }

    static let small = {
        var limits = Bench.limits
        limits.flashBytesMax = 128 << 10
        limits.flashSegmentBytes = 16 << 10
        limits.readChunkBytes = 4 << 10
        return limits
    }()

    /// Outbox of 128 KiB, filled with batches of 100 readings a second over four channels.
    private func full(seed: UInt64, batches: Int) throws -> Bench {
        let bench = try Bench(seed: seed, limits: Self.small)
        for _ in 0..<batches {
            bench.sealBatch(100)
            bench.run(for: .seconds(1))
        }
        return bench
    }

    @Test(
        "At the size limit every reading is delivered, or told with its number and stands in a window",
        arguments: 0..<3 as Range<UInt64>)
    func counts(seed: UInt64) throws {
        let bench = try full(seed: seed, batches: 700)
        let thinned = bench.losses.filter { $0.reason.hasPrefix("outbox full, thinned to windows of 900 s") }
        #expect(thinned.count > 3 && bench.losses.count == thinned.count, "seed \(seed): only thinned, nothing dropped")
        var told: UInt64 = 0, numbers = Set<UInt64>()
        for loss in thinned {
            told += loss.counts.reduce(0) { $0 + $1.count }
            numbers.formUnion(loss.range!.first...loss.range!.last)
        }
        var readings: UInt64 = 0, inWindows: UInt64 = 0
        bench.drain { delivery, _ in
            for batch in bench.box!.batches
            where delivery.range.first <= batch.sequence && batch.sequence <= delivery.range.last {
                guard bench.box!.header!.isThinned else {
                    readings += UInt64(batch.count)
                    continue
                }
                for window in bench.box!.readings(of: batch) {
                    // Four channels, then four numbers for each.
                    if window.channel.rawValue < 4 { inWindows += 1 }
                    if window.channel.rawValue >= 4, window.channel.rawValue % 4 == 3 {
                        inWindows += UInt64(window.value)
                    }
                }
            }
            return true
        }
        let missing = bench.sealed.filter { numbers.contains($0.key.sequence) }
        #expect(missing.values.reduce(0) { $0 + UInt64($1.count) } == told, "seed \(seed)")
        #expect(inWindows == told, "seed \(seed): \(inWindows) readings in windows, \(told) told")
        #expect(readings + told == 70_000, "seed \(seed)")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test("The bound holds on the flash while segments are thinned, to within one segment", arguments: [1, 2] as [UInt64])
    func bound(seed: UInt64) throws {
        let limits = Self.small
        let bench = try Bench(seed: seed, limits: limits)
        var largest = 0
        bench.disk.observer = { flash in largest = max(largest, flash.bytesUsed) }
        for _ in 0..<800 {
            bench.sealBatch(100)
            bench.run(for: .seconds(1))
        }
        #expect(largest <= limits.flashBytesMax + limits.flashSegmentBytes, "seed \(seed): \(largest)")
    }

    @Test("A crash or a power cut at any moment of thinning loses nothing untold", arguments: 0..<16 as Range<UInt64>)
    func crashes(seed: UInt64) throws {
        let bench = try full(seed: seed, batches: 0)
        var random = Random(seed: seed)
        var missingAllowed = Set<BatchID>()
        for _ in 0..<6 {
            for _ in 0..<90 + Int(random.below(60)) {
                bench.sealBatch(100)
                bench.run(for: .milliseconds(400 + Int64(random.below(400))))
            }
            bench.run(for: .milliseconds(Int64(random.below(300))))
            if random.chance(1, in: 2) {
                bench.crash()
            } else {
                let safe = bench.safeThrough, stream = bench.box!.stream
                for id in bench.sealed.keys where id.stream == stream && id.sequence > safe { missingAllowed.insert(id) }
                bench.cutPower()
            }
            try bench.start()
            bench.run(for: .seconds(1))
        }
        bench.run(for: .seconds(20))
        let found = bench.deliveredAtLeastOnce()
        var told = Set<BatchID>()
        for loss in bench.losses where loss.range != nil {
            for sequence in loss.range!.first...loss.range!.last {
                told.insert(BatchID(stream: loss.stream, lane: loss.lane, sequence: sequence))
            }
        }
        let untold = bench.sealed.keys.filter {
            found[$0] == nil && !told.contains($0) && !missingAllowed.contains($0)
        }
        #expect(untold.isEmpty, "seed \(seed): \(untold.count) batches gone without a word")
        #expect(!bench.losses.isEmpty, "seed \(seed): the limit was not reached")
        #expect(bench.box!.isDrained, "seed \(seed): \(bench.box!.undrained)")
    }

    @Test("Readings go before events, contributions last; tombstones among lost events are merged into one that stays")
    func lanes() throws {
        var limits = Bench.limits
        limits.flashBytesMax = 256 << 10
        limits.flashSegmentBytes = 32 << 10
        let bench = try Bench(seed: 4, limits: limits)
        // A tombstone of this test's own form: the outbox knows none.
        bench.box!.readTombstones { body in
            guard body.starts(with: "lost ".utf8), let count = UInt64(String(decoding: body.dropFirst(5), as: UTF8.self))
            else { return nil }
            return Loss(
                stream: StreamID(rawValue: 7), lane: .readings, range: SequenceRange(count, count),
                counts: [("air.c0", 1)], reason: "ring full")
        }
        func items(_ bytes: Int, _ lane: Lane, _ text: String = "") {
            let body = text.isEmpty ? (0..<bytes).map { _ in UInt8(bench.random.below(256)) } : Array(text.utf8)
            bench.box!.seal([Item(time: bench.now, body: body)], lane: lane, anchor: nil)
            bench.run(for: .milliseconds(200))
        }
        for number in 1...50 { items(0, .events, "lost \(number)") }
        for _ in 0..<40 { items(1_000, .events) }
        for _ in 0..<60 { bench.sealBatch(100); bench.run(for: .milliseconds(200)) }
        for _ in 0..<215 { items(1_000, .contributions) }
        let lanes = bench.losses.map(\.lane)
        #expect(!lanes.contains(.contributions))
        let firstReadings = try #require(lanes.firstIndex(of: .readings))
        let firstEvents = try #require(bench.losses.firstIndex { $0.lane == .events })
        #expect(firstReadings < firstEvents)
        let merged = bench.losses.filter { $0.stream.rawValue == 7 }
        #expect(merged.count == 1 && merged.first?.range == SequenceRange(1, 50))
        #expect(merged.first?.counts.first?.count == 50 && merged.first?.reason == "ring full")
        bench.run(for: .seconds(20))
        #expect(bench.box!.flashBytes <= limits.flashBytesMax + limits.flashSegmentBytes)
    }

    @Test("Lost tombstones that name the same numbers stay two: nobody takes what was told twice for twice as much")
    func toldTwice() {
        func loss(_ first: UInt64, _ last: UInt64, _ count: UInt64) -> Loss {
            Loss(
                stream: testStream, lane: .readings, range: SequenceRange(first, last), counts: [("air.c0", count)],
                reason: "outbox full")
        }
        let told = [loss(10, 45, 386), loss(43, 62, 211), loss(1, 9, 20), loss(63, 70, 30), loss(60, 64, 7)]
        let items = told.indices.map { Item(time: Boottime(nanoseconds: 0), body: [UInt8($0)]) }
        var tombstones = Tombstones()
        tombstones.add(items) { told[Int($0[0])] }
        #expect(tombstones.merged == [loss(1, 70, 436), loss(43, 62, 211), loss(60, 64, 7)])
    }

    @Test("A lost tombstone that does not know how much it stands for is not merged into one that does")
    func uncounted() {
        func loss(_ first: UInt64, _ last: UInt64, _ count: UInt64?) -> Loss {
            Loss(
                stream: testStream, lane: .readings, range: SequenceRange(first, last),
                counts: count.map { [("air.c0", $0)] } ?? [], reason: "outbox full")
        }
        let told = [loss(54, 60, nil), loss(61, 73, 75), loss(1, 53, 690), loss(74, 80, nil)]
        let items = told.indices.map { Item(time: Boottime(nanoseconds: 0), body: [UInt8($0)]) }
        var tombstones = Tombstones()
        tombstones.add(items) { told[Int($0[0])] }
        #expect(tombstones.merged == [loss(54, 80, nil), loss(1, 73, 765)])
    }

    @Test("Windows of readings that were acknowledged meanwhile are not made")
    func acknowledged() throws {
        let bench = try full(seed: 9, batches: 150)
        #expect(bench.losses.isEmpty)
        _ = bench.delivered()
        let before = bench.sealed.count
        for _ in 0..<150 {
            bench.sealBatch(100)
            bench.run(for: .seconds(1))
        }
        #expect(bench.losses.isEmpty && before == 150)
    }
}
