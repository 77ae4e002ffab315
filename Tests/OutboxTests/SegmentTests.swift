// A segment is read past any damage, wherever the edges of what is read at once fall.

import Testing
import World

@testable import Outbox

struct SegmentTests {
    /// Walks a file in chunks; the sound blocks' first numbers, in order.
    private func scan(_ file: [UInt8], chunk: Int) -> (numbers: [UInt64], damaged: Int, unknown: Int) {
        var scan = SegmentScan(file: "x", chunkBytes: chunk)
        var numbers: [UInt64] = []
        while true {
            switch scan.next() {
            case .block(let header, let at):
                #expect(examine(Array(scan.chunk[at..<at + header.length])) == .block(header))
                numbers.append(header.first)
            case .needsBytes:
                guard case .read(_, let offset, let count) = scan.read else { return ([], 0, 0) }
                scan.accept(Array(file.dropFirst(offset).prefix(count)))
            case .end: return (numbers, scan.damagedBytes, scan.unknownBlocks)
            }
        }
    }

    private func blocks(_ count: Int, seed: UInt64 = 1) -> [[UInt8]] {
        var random = Random(seed: seed)
        var codec = BatchCodec(recordsMax: 100, channelsMax: 64)
        return (1...count).map { number in
            codec.block(random.readings(1 + Int(random.below(40)), channels: 4), first: UInt64(number))
        }
    }

    @Test("A sound segment is read whole with any size of chunk")
    func sound() {
        let file = Array(blocks(6).joined())
        for chunk in 1...file.count + 1 {
            let found = scan(file, chunk: chunk)
            #expect(found.numbers == [1, 2, 3, 4, 5, 6] && found.damaged == 0, "chunk \(chunk)")
        }
    }

    @Test("Blocks before and behind damage are found, wherever the edges of chunks fall")
    func damageBetween() {
        let made = blocks(5)
        var random = Random(seed: 5)
        // Damage that begins like a block, ends in half a magic, or lies about its length.
        let lying: [UInt8] = Array("CEB1".utf8) + [0xFF, 0xFF, 0x0F, 0x00] + [UInt8](repeating: 9, count: 60)
        let noises: [[UInt8]] = [
            (0..<97).map { _ in UInt8(truncatingIfNeeded: random.next()) }, Array("CEB1CEB1CEB1CE".utf8), lying,
            [UInt8](repeating: 0, count: 512), Array("C".utf8),
        ]
        for noise in noises {
            let file = made[0] + noise + made[1] + made[2] + noise + noise + made[3] + made[4] + noise
            for chunk in 1...file.count + 1 {
                let found = scan(file, chunk: chunk)
                #expect(found.numbers == [1, 2, 3, 4, 5], "chunk \(chunk), noise \(noise.prefix(8))")
                #expect(found.damaged == 4 * noise.count, "chunk \(chunk), noise \(noise.prefix(8))")
            }
        }
    }

    @Test("Any changed byte costs its own block and no other")
    func anyByte() {
        let made = blocks(4)
        let file = Array(made.joined())
        for place in file.indices {
            var damaged = file
            damaged[place] ^= 0xA5
            var expected: [UInt64] = []
            var end = 0
            for (index, block) in made.enumerated() {
                if !(end..<end + block.count).contains(place) { expected.append(UInt64(index + 1)) }
                end += block.count
            }
            for chunk in [64, file.count + 1] {
                #expect(scan(damaged, chunk: chunk).numbers == expected, "byte \(place)")
            }
        }
    }

    @Test("A tail torn at any byte costs only what it tore")
    func tornTail() {
        let made = blocks(4)
        let file = Array(made.joined())
        for length in 0...file.count {
            var end = 0
            let whole = made.indices.filter {
                end += made[$0].count
                return end <= length
            }
            for chunk in [50, file.count + 1] {
                #expect(
                    scan(Array(file.prefix(length)), chunk: chunk).numbers == whole.map { UInt64($0 + 1) },
                    "cut at \(length)")
            }
        }
    }

    @Test("Zeroed sectors cost the blocks that they touch and no other", arguments: 0..<30 as Range<UInt64>)
    func zeroedSectors(seed: UInt64) {
        var random = Random(seed: seed)
        let made = blocks(40, seed: seed)
        var file = Array(made.joined())
        for _ in 0..<1 + random.below(4) {
            let start = Int(random.below(UInt64(file.count) / 512)) * 512
            let range = start..<min(start + 512, file.count)
            file.replaceSubrange(range, with: repeatElement(0, count: range.count))
        }
        var end = 0
        var expected: [UInt64] = []
        for (index, block) in made.enumerated() {
            // A block whose bytes there were zero anyway is whole.
            if file[end..<end + block.count].elementsEqual(block) { expected.append(UInt64(index + 1)) }
            end += block.count
        }
        for chunk in [1, 333, 512, 4_096, file.count + 1] {
            #expect(scan(file, chunk: chunk).numbers == expected, "seed \(seed), chunk \(chunk)")
        }
    }

    @Test("A block of a later version is skipped whole, whatever is inside it, and is no damage")
    func laterVersion() {
        let made = blocks(3)
        var writer = ByteWriter()
        writer.bytes = made[1] + made[2]  // something like a block inside it
        writer.bytes[12] = 2
        Block.finish(at: 0, in: &writer)
        let file = made[0] + writer.bytes + made[2]
        for chunk in 1...file.count + 1 {
            let found = scan(file, chunk: chunk)
            #expect(found.numbers == [1, 3] && found.damaged == 0 && found.unknown == 1, "chunk \(chunk)")
        }
    }

    @Test("Noise ends every scan and gives no block", arguments: 0..<200 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = Random(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < 2_000 {
            if random.chance(1, in: 20) {
                bytes += Array("CEB1".utf8) + [UInt8(random.below(256)), UInt8(random.below(16)), 0, 0]
            }
            bytes.append(UInt8(truncatingIfNeeded: random.next()))
        }
        let found = scan(bytes, chunk: 1 + Int(random.below(2_100)))
        #expect(found.numbers == [] && found.unknown == 0 && found.damaged == bytes.count, "seed \(seed)")
    }

    @Test("A segment's name says what it holds, and nothing else in the folder is taken for one")
    func names() {
        let name = SegmentName(stream: testStream, lane: .events, first: 42, attempt: 3)
        #expect(name.text == "7f3a91c2d04be815-events-000000000000002a-3.seg")
        #expect(SegmentName(name.text) == name)
        for text in [
            "", ".seg", "checkpoint", "7f3a91c2d04be815-events-000000000000002a-3", "7f3a91c2d04be815-events-2a-3.seg",
            "7F3A91C2D04BE815-events-000000000000002a-3.seg", "7f3a91c2d04be815-other-000000000000002a-3.seg",
            "7f3a91c2d04be815-events-000000000000002a-+3.seg", "7f3a91c2d04be815-events-000000000000002a-03.seg",
            "7f3a91c2d04be815-events-0000000000000000-0.seg", "7f3a91c2d04be815-events-ffffffffffffffff-0.seg",
            "7f3a91c2d04be815-events-000000000000002a-3-1.seg", "7f3a91c2d04be815-events-000000000000002a--3.seg",
        ] { #expect(SegmentName(text) == nil, "\(text)") }
    }
}
