// The checkpoint survives what a power cut can do to one write.

import Testing
import World

@testable import Outbox

struct CheckpointTests {
    private func checkpoint(generation: UInt64, seed: UInt64) -> Checkpoint {
        var random = Random(seed: seed)
        var made = Checkpoint()
        made.generation = generation
        made.isOrderly = random.chance(1, in: 2)
        made.stream = StreamID(rawValue: random.next())
        made.boot = BootID(high: random.next(), low: random.next())
        made.heartbeat = Boottime(nanoseconds: Int64(random.next() >> 1))
        made.heartbeatUTC = random.chance(1, in: 2) ? UTC(nanoseconds: Int64(random.next() >> 1)) : nil
        made.nextSequence = (0..<4).map { _ in 1 + random.next() >> random.below(63) }
        made.kpisPassedThrough = random.chance(1, in: 3) ? .max : random.below(1 << 40)
        made.counters = (0..<random.below(20)).map { _ in (random.next(), Int64(bitPattern: random.next())) }
        for _ in 0..<random.below(30) {
            let first = 1 + random.below(1 << 30)
            made.cursor.insert(
                SequenceRange(first, first + random.below(1_000)), stream: StreamID(rawValue: 1 + random.below(3)),
                lane: Lane.allCases[Int(random.below(4))])
        }
        for _ in 0..<random.below(17) {
            let boot = BootID(high: random.next(), low: random.next())
            made.times.begin(boot)
            made.times.last(boot, until: Boottime(nanoseconds: Int64(random.below(1 << 50))))
            guard random.chance(1, in: 2) else { continue }
            made.times.settle(
                boot,
                by: Anchor(
                    offsetNanoseconds: 1_767_225_600_000_000_000 + Int64(random.below(1 << 55)),
                    boundNanoseconds: Int64(random.below(1 << 34))))
        }
        return made
    }

    private func file(_ slots: Checkpoint...) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 2 * Checkpoint.slotBytes)
        for slot in slots {
            bytes.replaceSubrange(slot.slotOffset..<slot.slotOffset + Checkpoint.slotBytes, with: slot.encoded())
        }
        return bytes
    }

    private func newest(_ bytes: [UInt8]) -> Checkpoint? { bytes.withUnsafeBytes { Checkpoint.newest(in: $0) } }

    @Test("What a checkpoint says comes back as it was", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        let written = checkpoint(generation: 1 + seed, seed: seed)
        let read = try #require(newest(file(written)), "seed \(seed)")
        #expect(
            read == written && read.generation == written.generation && read.stream == written.stream, "seed \(seed)")
        #expect(read.isOrderly == written.isOrderly && read.boot == written.boot, "seed \(seed)")
        #expect(read.heartbeat == written.heartbeat && read.heartbeatUTC == written.heartbeatUTC, "seed \(seed)")
        #expect(read.nextSequence == written.nextSequence && read.kpisPassedThrough == written.kpisPassedThrough)
        #expect(read.counters.elementsEqual(written.counters) { $0 == $1 }, "seed \(seed)")
        for part in written.cursor.parts {
            #expect(read.cursor[part.stream, part.lane] == part.acknowledged, "seed \(seed)")
        }
        #expect(read.times == written.times, "seed \(seed)")
    }

    @Test("The higher generation counts, wherever it stands; none or empty slots are no checkpoint")
    func higherGeneration() {
        for generation in [8, 9] as [UInt64] {
            let older = checkpoint(generation: generation, seed: 1)
            let newer = checkpoint(generation: generation + 1, seed: 2)
            #expect(newest(file(older, newer)) == newer)
        }
        #expect(newest(file()) == nil && newest([]) == nil && newest([UInt8](repeating: 0, count: 4_100)) == nil)
    }

    @Test("A torn, zeroed or garbled write of one slot leaves the other, at every 512-byte edge and any byte")
    func tornWrite() {
        for generation in [20, 21] as [UInt64] {
            let before = checkpoint(generation: generation - 1, seed: 3)
            let good = checkpoint(generation: generation, seed: 4)
            let next = checkpoint(generation: generation + 1, seed: 5)
            let old = file(before, good)
            let new = next.encoded()
            let at = next.slotOffset
            for edge in stride(from: 0, to: Checkpoint.slotBytes, by: 512) {
                for keepsHead in [true, false] {
                    var torn = old
                    let range = keepsHead ? 0..<edge : edge..<Checkpoint.slotBytes
                    torn.replaceSubrange(at + range.lowerBound..<at + range.upperBound, with: new[range])
                    let found = newest(torn)
                    // The content ends early: a tear behind it is no tear.
                    #expect(found == good || found == next)
                }
            }
            var damaged = file(good, next)
            for place in stride(from: 0, to: Checkpoint.slotBytes, by: 5) {
                damaged[at + place] ^= 0x40
                #expect(newest(damaged) == good)
                damaged[at + place] ^= 0x40
            }
        }
    }

    @Test("When cursors do not fit, those of the streams that began first are left out, the present stream's never")
    func tooManyParts() throws {
        var made = Checkpoint()
        made.generation = 1
        made.stream = StreamID(rawValue: 100)
        // The present stream's own part may have come first.
        for stream in [100] + Array(1...30) as [UInt64] {
            for number in 0..<64 as Range<UInt64> {
                made.cursor.insert(
                    SequenceRange(1 + number * 100_000, 2 + number * 100_000), stream: StreamID(rawValue: stream),
                    lane: .readings)
            }
        }
        let read = try #require(newest(file(made)))
        let kept = read.cursor.parts.map(\.stream.rawValue)
        #expect(kept.last == 100 && kept.count > 5 && kept.count < 31)
        #expect(kept.dropLast() == ArraySlice(UInt64(32 - kept.count)...30))
        for part in read.cursor.parts { #expect(part.acknowledged == made.cursor[part.stream, part.lane]) }

        // The present boot's time always fits; those of earlier boots give way to cursors, oldest first.
        for boot in 1...16 as ClosedRange<UInt64> {
            made.times.begin(BootID(high: boot, low: boot))
            made.times.settle(
                BootID(high: boot, low: boot), by: Anchor(offsetNanoseconds: 1 << 61, boundNanoseconds: 1 << 30))
        }
        let full = try #require(newest(file(made)))
        #expect(full.times.boots.map(\.boot.high).suffix(1) == [16] && full.times.boots.count < 16)
        #expect(full.times.boots == Array(made.times.boots.suffix(full.times.boots.count)))
        #expect(full.cursor.parts.count >= kept.count - 1)
    }

    @Test("With as many counters and boots as there can be everything fits but cursors of old streams")
    func largest() throws {
        var made = Checkpoint()
        made.generation = 1
        made.counters = (0..<100).map { (.max - UInt64($0), .min) }
        for boot in 1...16 as ClosedRange<UInt64> {
            made.times.begin(BootID(high: boot, low: boot))
            made.times.last(BootID(high: boot, low: boot), until: .distantFuture)
            made.times.settle(
                BootID(high: boot, low: boot), by: Anchor(offsetNanoseconds: 1 << 61, boundNanoseconds: 1 << 57))
        }
        let read = try #require(newest(file(made)))
        #expect(read.times.boots == made.times.boots && read.counters.count == 100)
    }

    @Test("Hostile slots with right checksums are refused or read, and never trap", arguments: 0..<100 as Range<UInt64>)
    func hostile(seed: UInt64) {
        var random = Random(seed: seed)
        for _ in 0..<100 {
            var slot = checkpoint(generation: 1 + random.below(100), seed: random.next()).encoded()
            for _ in 0..<1 + random.below(6) {
                slot[8 + Int(random.below(random.chance(1, in: 2) ? 150 : 4_088))] =
                    random.chance(1, in: 3) ? 0xFF : UInt8(truncatingIfNeeded: random.next())
            }
            var writer = ByteWriter()
            writer.bytes = slot
            writer.set(CRC32C.checksum(Array(slot[8...])), at: 4)
            guard let read = newest(writer.bytes) else { continue }
            _ = read.encoded()
            for part in read.cursor.parts { #expect(part.acknowledged.firstMissing(from: 1) >= 1, "seed \(seed)") }
        }
    }
}
