// The table of what the broker has not acknowledged, against a dictionary.

import Testing
import World

@testable import Uplink

struct InFlightTests {
    @Test("What goes in comes out once, by its identifier, in any order", arguments: 1...20)
    func table(seed: UInt64) {
        var random = Random(seed: seed)
        var table = InFlight(capacity: 16)
        var model: [UInt16: Delivery] = [:]
        for step in 0..<2_000 {
            if random.chance(1, in: 2), !table.isFull {
                let key = UInt16(truncatingIfNeeded: step)
                let value = Delivery(
                    topic: .readings, lane: .readings, stream: 1, firstSeq: UInt64(step), count: 1,
                    bytes: UInt32(random.below(1_000)))
                table.insert(MessageID(rawValue: key), value)
                model[key] = value
            } else {
                let key = model.keys.sorted().first { _ in random.chance(1, in: 3) } ?? 9_999
                #expect(table.take(MessageID(rawValue: key)) == model.removeValue(forKey: key), "seed \(seed)")
                #expect(table.take(MessageID(rawValue: key)) == nil, "seed \(seed)")
            }
            #expect(table.count == model.count && table.isFull == (model.count == 16), "seed \(seed)")
            #expect(table.bytes == model.values.reduce(0) { $0 + Int($1.bytes) }, "seed \(seed)")
        }
        #expect(Set(table.all.map(\.firstSeq)) == Set(model.values.map(\.firstSeq)), "seed \(seed)")
        table.removeAll()
        #expect(table.isEmpty && table.bytes == 0)
    }
}
