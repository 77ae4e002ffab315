// Tombstones in events that have to go are told again. When that makes no room, something else goes.

@testable import Outbox
@testable import SimulatedWorld
import Testing
import World

@Suite("Tombstones told again")
struct RetellingTests {
    private static let limits = {
        var limits = Bench.limits
        limits.flashBytesMax = 64 << 10
        limits.flashSegmentBytes = 16 << 10
        limits.readChunkBytes = 4 << 10
        return limits
    }()

    /// A tombstone as text, 300 bytes long; nothing of it is in the reason.
    private static func text(_ loss: Loss) -> String {
        let count = loss.counts.reduce(0) { $0 + $1.count }
        let fields: [UInt64] = [
            loss.stream.rawValue, UInt64(loss.lane.rawValue), loss.range?.first ?? 0, loss.range?.last ?? 0, count,
        ]
        let said = "lost " + fields.map { "\($0)" }.joined(separator: " ") + " "
        return said + String(repeating: ".", count: max(0, 300 - said.utf8.count))
    }

    private static func read(_ body: [UInt8]) -> Loss? {
        guard body.starts(with: "lost ".utf8) else { return nil }
        let fields = String(decoding: body, as: UTF8.self).split(separator: " ").dropFirst().compactMap { UInt64($0) }
        guard fields.count == 5, let lane = Lane(rawValue: UInt8(fields[1])) else { return nil }
        return Loss(
            stream: StreamID(rawValue: fields[0]), lane: lane,
            range: fields[2] == 0 ? nil : SequenceRange(fields[2], fields[3]), counts: [("x", fields[4])],
            reason: "outbox full")
    }

    private func bench(seed: UInt64) throws -> Bench {
        let bench = try Bench(seed: seed, limits: Self.limits)
        bench.box!.readTombstones { Self.read($0) }
        bench.tombstone = Self.text
        return bench
    }

    private func seal(_ bench: Bench, _ text: String, _ lane: Lane) {
        bench.box!.seal([Item(time: bench.now, body: Array(text.utf8))], lane: lane, anchor: nil)
        bench.run(for: .milliseconds(200))
    }

    private func loss(_ stream: UInt64, _ first: UInt64, _ last: UInt64) -> Loss {
        Loss(
            stream: StreamID(rawValue: stream), lane: .readings, range: SequenceRange(first, last),
            counts: [("x", 1)], reason: "outbox full")
    }

    /// What the city is told in the end: tombstones as they were delivered.
    private func delivered(_ bench: Bench) -> [Loss] {
        var found: [Loss] = []
        bench.drain { delivery, _ in
            if delivery.lane == .events { found += bench.box!.items.compactMap { Self.read($0.body) } }
            return true
        }
        return found
    }

    @Test("Tombstones that cannot be merged stay where they are, and the next lane goes: nothing is told without end")
    func stays() throws {
        let bench = try bench(seed: 5)
        for stream in 1...45 as ClosedRange<UInt64> { seal(bench, Self.text(loss(stream, 1, 9)), .events) }
        bench.run(for: .seconds(20))
        for _ in 0..<80 {
            seal(bench, String(repeating: "c", count: 1_000), .contributions)
            bench.run(for: .seconds(1))
        }
        let written = bench.box!.flashBytesWritten
        bench.run(for: .seconds(60))
        #expect(bench.box!.flashBytesWritten - written < 32 << 10, "it is at rest")
        #expect(bench.losses.contains { $0.lane == .contributions }, "the flash did not fill")
        #expect(bench.losses.count < 50, "\(bench.losses.count) losses were told")
        #expect(bench.box!.flashBytes <= Self.limits.flashBytesMax + Self.limits.flashSegmentBytes)
        let told = Set(delivered(bench).filter { $0.lane == .readings }.map(\.stream.rawValue))
        #expect(told == Set(1...45))
        #expect(bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test("A flash full of tombstones that name the same numbers is kept within its bound: then they are merged too")
    func tight() throws {
        let bench = try bench(seed: 6)
        for number in 1...400 as ClosedRange<UInt64> {
            seal(bench, Self.text(loss(1, number, 500 + number)), .events)
            if number % 10 == 0 { bench.run(for: .seconds(6)) }
        }
        bench.run(for: .seconds(60))
        #expect(bench.box!.flashBytes <= Self.limits.flashBytesMax + Self.limits.flashSegmentBytes)
        let written = bench.box!.flashBytesWritten
        bench.run(for: .seconds(60))
        #expect(bench.box!.flashBytesWritten == written, "it is at rest")
        let told = delivered(bench).filter { $0.lane == .readings }
        #expect(told.reduce(0) { $0 + $1.counts[0].count } == 400, "each count is told")
        for number in 1...900 as ClosedRange<UInt64> {
            #expect(told.contains { $0.range!.first <= number && number <= $0.range!.last }, "\(number)")
        }
        #expect(bench.box!.isDrained, "\(bench.box!.undrained)")
    }

    @Test("Beyond the tombstones that are kept apart, one that knows no count still shows that nobody knows")
    func many() {
        let counted = (1...64).map { loss(UInt64($0), 1, 9) }
        let told = counted + [Loss(
            stream: StreamID(rawValue: 99), lane: .readings, range: SequenceRange(3, 4), counts: [], reason: "damaged")]
        var tombstones = Tombstones()
        let items = told.indices.map { Item(time: Boottime(nanoseconds: 0), body: [UInt8($0)]) }
        tombstones.add(items) { told[Int($0[0])] }
        #expect(tombstones.merged == told)
    }
}
