// The outbox as it should be, in a page: what became of each batch.
//
// A batch is exactly one of: held (sealed, neither acknowledged nor given up), acknowledged, or told as lost. A power
// cut may take what is younger than the loss window, and may make the outbox forget what was acknowledged or told since
// its last checkpoint. Everything else is a fault of the outbox, named here by the invariant that it breaks.

import SimulatedWorld
import World

@testable import Outbox

struct Reference {
    enum Fate { case held, acknowledged, told }

    struct Batch {
        let values: [Int64]
        let sealedAt: VirtualTime
        var fate = Fate.held
        var wasOffered = false
        /// A power cut may have taken it.
        var mayBeGone = false
        /// A power cut may have made the outbox forget what became of it.
        var isForgotten = false
    }

    private(set) var batches: [BatchID: Batch] = [:]
    private(set) var problems: [String] = []

    mutating func add(_ others: [String]) { problems += others }

    mutating func seal(_ id: BatchID, _ values: [Int64], at now: VirtualTime) {
        if batches[id] != nil { problems.append("\(id): a number used twice") }
        batches[id] = Batch(values: values, sealedAt: now)
    }

    /// It was offered, with this content.
    mutating func offer(_ id: BatchID, _ values: [Int64]) {
        guard let batch = batches[id] else { return problems.append("I2: \(id) was never sealed") }
        if values != batch.values { problems.append("I2: \(id) is not what was sealed") }
        if batch.fate == .acknowledged, !batch.isForgotten { problems.append("I8: \(id) offered after its acknowledgement") }
        if batch.fate == .told, !batch.isForgotten { problems.append("I9: \(id) offered after it was told as lost") }
        batches[id]!.wasOffered = true
    }

    mutating func acknowledge(_ id: BatchID) {
        batches[id]?.fate = .acknowledged
        batches[id]?.isForgotten = false
    }

    mutating func tell(_ loss: Loss) {
        guard let range = loss.range else { return problems.append("I9: a loss without numbers: \(loss)") }
        var (least, most): (UInt64, UInt64) = (0, 0)
        for number in range.first...range.last {
            let id = BatchID(stream: loss.stream, lane: loss.lane, sequence: number)
            guard let batch = batches[id] else {
                problems.append("I9: \(id) told as lost, was never sealed")
                continue
            }
            let count = UInt64(batch.values.count)
            switch batch.fate {
            case .held:
                (least, most) = (batch.mayBeGone ? least : least + count, most + count)
                batches[id]!.fate = .told
                batches[id]!.isForgotten = false
            case .acknowledged: if batch.isForgotten { most += count }
            case .told:
                most += batch.isForgotten ? count : 0
                if !batch.isForgotten { problems.append("I9: \(id) told as lost twice: \(loss.reason)") }
            }
        }
        // A loss that does not know how much it stands for says so by having no counts.
        let told = loss.counts.reduce(0) { $0 + $1.count }
        if !loss.counts.isEmpty, !(least...most).contains(told) {
            problems.append("I9: \(loss.lane.name) \(range) told as \(told), was \(least) to \(most): \(loss.reason)")
        }
    }

    /// `edge`: what was sealed before is older than the loss window; nil: the window is zero, what was offered is safe.
    mutating func cutPower(_ stream: StreamID, edge: VirtualTime?) {
        for (id, batch) in batches {
            if batch.fate != .held { batches[id]!.isForgotten = true }
            guard id.stream == stream, batch.fate == .held else { continue }
            let isSafe = edge.map { batch.sealedAt < $0 } ?? batch.wasOffered
            if !isSafe { batches[id]!.mayBeGone = true }
        }
    }

    /// What the checkpoint that was found on flash knows is not forgotten.
    mutating func recall(_ cursor: Cursor) {
        for (id, batch) in batches where batch.isForgotten && cursor.contains(id) { batches[id]!.isForgotten = false }
    }

    /// I4: the cursor holds nothing that is neither acknowledged nor told, as far as the outbox can know.
    mutating func check(_ cursor: Cursor) {
        for (id, batch) in batches where batch.fate == .held && !batch.mayBeGone && cursor.contains(id) {
            problems.append("I4: the cursor has passed \(id)")
        }
    }

    /// Everything has drained: nothing may still be held.
    mutating func checkAllAccounted() {
        for (id, batch) in batches.sorted(by: { $0.value.sealedAt < $1.value.sealedAt })
        where batch.fate == .held && !batch.mayBeGone { problems.append("I1: \(id), sealed at \(batch.sealedAt), is gone") }
    }
}
