// What the stored format promises: nothing is changed by storing it, and nothing wrong is taken for right.

import Testing
import World

@testable import Outbox

struct ChecksumTests {
    @Test("The checksum is CRC-32C as the examples of RFC 3720 appendix B.4 have it")
    func vectors() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum([UInt8](0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum([UInt8]((0..<32).reversed())) == 0x113F_DB5C)
        let iscsi: [UInt8] = [
            0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0,
            0x18,
            0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
        ]
        #expect(CRC32C.checksum(iscsi) == 0xD996_3A56)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([]) == 0)
    }
}

struct ColumnTests {
    @Test("Whatever readings are stored come back as they were", arguments: 0..<400 as Range<UInt64>)
    func roundTrip(seed: UInt64) {
        var random = Random(seed: seed)
        var codec = BatchCodec(recordsMax: 1_000, channelsMax: 64)
        let channels = 1 + Int(random.below(64))
        let count = random.chance(1, in: 8) ? 1_000 : 1 + Int(random.below(random.chance(1, in: 2) ? 12 : 700))
        let readings = random.readings(count, channels: channels)
        var counts: [Int] = []
        var left = count
        while left > 0 {
            let part = 1 + Int(random.below(UInt64(left)))
            counts.append(part)
            left -= part
        }
        let anchor =
            random.chance(1, in: 2)
            ? Anchor(offsetNanoseconds: Int64(bitPattern: random.next()), boundNanoseconds: Int64(random.next() >> 1))
            : nil
        let first = 1 + random.next() >> 2
        let block = codec.block(readings, counts: counts, first: first, anchor: anchor)
        guard case .block(let header) = examine(block) else {
            Issue.record("seed \(seed): not a block")
            return
        }
        #expect(header.length == block.count && header.first == first && header.count == counts.count, "seed \(seed)")
        let isDecoded = block.withUnsafeBytes { codec.decode($0, header: header) }
        #expect(isDecoded, "seed \(seed)")
        #expect(Array(codec.readings) == readings, "seed \(seed)")
        #expect(codec.batches.map(\.count) == counts, "seed \(seed)")
        #expect(codec.batches.map(\.sequence) == (0..<UInt64(counts.count)).map { first + $0 }, "seed \(seed)")
        #expect(codec.anchor == anchor, "seed \(seed)")
    }

    @Test("Items of the other lanes come back as they were", arguments: 0..<50 as Range<UInt64>)
    func items(seed: UInt64) {
        var random = Random(seed: seed)
        var codec = BatchCodec(recordsMax: 300, channelsMax: 4)
        let items = (0..<random.below(300) + 1).map { _ in
            Item(
                time: Boottime(nanoseconds: Int64(random.below(1 << 50)) * 1_000),
                body: (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
        let block = codec.encode(
            items: items, lane: .events, stream: testStream, sequence: 9, anchor: nil, configHash: 1)
        guard case .block(let header) = examine(block) else {
            Issue.record("seed \(seed): not a block")
            return
        }
        let isDecoded = block.withUnsafeBytes { codec.decode($0, header: header) }
        #expect(isDecoded, "seed \(seed)")
        #expect(codec.items == items && codec.batches == [BatchSlice(sequence: 9, start: 0, count: items.count)])
    }

    @Test("No byte of a block can be changed without the block being refused")
    func everyByte() {
        var random = Random(seed: 7)
        var codec = BatchCodec(recordsMax: 100, channelsMax: 64)
        let block = codec.block(
            random.readings(40, channels: 5), anchor: Anchor(offsetNanoseconds: 5, boundNanoseconds: 6))
        for place in block.indices {
            for bit in 0..<8 {
                var damaged = block
                damaged[place] ^= 1 << UInt8(bit)
                if case .block = examine(damaged) { Issue.record("byte \(place), bit \(bit) changed unseen") }
                if case .unknown = examine(damaged) { Issue.record("byte \(place), bit \(bit) changed unseen") }
            }
        }
    }

    @Test("A block cut anywhere asks for what is missing, and is damage nowhere")
    func everyCut() {
        var random = Random(seed: 8)
        var codec = BatchCodec(recordsMax: 100, channelsMax: 64)
        let block = codec.block(random.readings(20, channels: 5))
        for count in 0..<block.count {
            let needed = count < BlockHeader.bytes ? BlockHeader.bytes : block.count
            #expect(examine(Array(block.prefix(count))) == .incomplete(needed: needed))
        }
    }

    @Test(
        "Hostile bytes behind a right checksum are refused or decoded, and never trap",
        arguments: 0..<200 as Range<UInt64>)
    func hostile(seed: UInt64) {
        var random = Random(seed: seed)
        var codec = BatchCodec(recordsMax: 100, channelsMax: 64)
        for round in 0..<60 {
            var block: [UInt8]
            switch round % 4 {
            case 0:
                block = codec.block(random.readings(1 + Int(random.below(100)), channels: 1 + Int(random.below(64))))
            case 1:
                block = codec.encode(
                    items: [Item(time: Boottime(nanoseconds: 5), body: [1, 2])], lane: .events, stream: testStream,
                    sequence: 1,
                    anchor: nil, configHash: 1)
            case 2:
                block = codec.encode(
                    dictionary: ChannelDictionary(boot: testBoot, prefix: "a/b/", table: table(5)), lane: .readings,
                    stream: testStream)
            default:
                block =
                    codec.block(random.readings(3, channels: 3))
                    + (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            for _ in 0..<1 + random.below(4) {
                let place = 12 + Int(random.below(UInt64(block.count - 12)))
                block[place] = random.chance(1, in: 3) ? 0xFF : UInt8(truncatingIfNeeded: random.next())
            }
            var writer = ByteWriter()
            writer.bytes = block
            Block.finish(at: 0, in: &writer)
            writer.bytes.withUnsafeBytes { bytes in
                guard case .block(let header) = Block.examine(bytes) else { return }
                _ = (header.range, header.last)
                if header.kind == .dictionary {
                    _ = ChannelDictionary.decode(bytes, header: header)?.table
                } else if codec.decode(bytes, header: header) {
                    for batch in codec.batches where header.lane == .readings { _ = codec.readings(of: batch).count }
                }
            }
        }
    }

    @Test("Noise is never taken for a block", arguments: 0..<100 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = Random(seed: seed)
        var bytes = (0..<random.below(3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        if bytes.count > 8 { bytes.replaceSubrange(0..<4, with: Array("CEB1".utf8)) }
        switch examine(bytes) {
        case .block, .unknown: Issue.record("seed \(seed): noise passed for a block")
        case .damage, .incomplete: break
        }
    }
}

struct RangeSetTests {
    @Test("A cursor answers as a plain set of numbers would", arguments: 0..<300 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = Random(seed: seed)
        var ranges = RangeSet()
        var model = Set<UInt64>()
        let width = 1 + random.below(random.chance(1, in: 2) ? 4 : 40)
        for _ in 0..<400 {
            let first = 1 + random.below(600)
            let range = SequenceRange(first, first + random.below(width))
            let added = model.union(range.first...range.last)
            let touches = (range.first - 1...range.last + 1).contains { model.contains($0) }
            #expect(ranges.touches(range) == touches, "seed \(seed)")
            if ranges.insert(range) {
                model = added
            } else {
                #expect(ranges.ranges.count == RangeSet.rangesMax && !touches, "seed \(seed): refused with room")
            }
            let probe = 1 + random.below(650)
            #expect(ranges.contains(probe) == model.contains(probe), "seed \(seed)")
            var missing = probe
            while model.contains(missing) { missing += 1 }
            #expect(ranges.firstMissing(from: probe) == missing, "seed \(seed)")
            #expect(
                ranges.covers(range) == (range.first...range.last).allSatisfy { model.contains($0) }, "seed \(seed)")
            #expect(ranges.lastBelow(probe) == model.filter { $0 < probe }.max() ?? 0, "seed \(seed)")
            #expect(ranges.last == model.max(), "seed \(seed)")
        }
        #expect(ranges.ranges.count <= RangeSet.rangesMax, "seed \(seed)")
        for (a, b) in zip(ranges.ranges, ranges.ranges.dropFirst()) { #expect(a.last + 1 < b.first, "seed \(seed)") }
        #expect(ranges.ranges.reduce(0) { $0 + $1.last - $1.first + 1 } == UInt64(model.count), "seed \(seed)")
    }

    @Test("The 65th range that touches no other is refused, one that closes a gap is not")
    func bound() {
        var ranges = RangeSet()
        for number in 0..<64 as Range<UInt64> { ranges.insert(SequenceRange(1 + 10 * number, 1 + 10 * number)) }
        let before = ranges
        let isTaken = ranges.insert(SequenceRange(5, 6))
        #expect(!isTaken && ranges.isFull && ranges == before)
        let closesGap = ranges.insert(SequenceRange(2, 10))
        #expect(closesGap && ranges.ranges.count == 63)
        let fits = ranges.insert(SequenceRange(5_000, 5_001))
        #expect(fits && ranges.isFull)
    }
}
