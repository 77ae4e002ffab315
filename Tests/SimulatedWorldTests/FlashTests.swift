// What the crash model promises: what is synced is there, and what is not may be anything that the model names.

import SimulatedWorld
import Testing
import World

struct FlashTests {
    private let old = [UInt8](repeating: 1, count: 2_048)
    private let new = [UInt8](repeating: 2, count: 2_048)

    /// A file of `old`, safe in content and name.
    private var safeFile: Flash {
        var flash = Flash()
        flash.write("a", at: 0, old)
        _ = flash.sync("a")
        flash.syncDirectory()
        return flash
    }

    @Test("What is synced, content and name, survives every power cut")
    func syncedSurvives() {
        for seed in 0..<500 as Range<UInt64> {
            var random = Random(seed: seed)
            var flash = safeFile
            flash.write("b", at: 0, new)
            flash.powerCut(using: &random)
            #expect(flash.content(of: "a") == old, "seed \(seed)")
            #expect(flash.unsynced.isEmpty, "seed \(seed)")
        }
    }

    @Test("An unsynced write has every outcome over the seeds: applied, dropped, torn both ways, zeros, garbage")
    func everyOutcome() {
        var seen: [String: Int] = [:]
        for seed in 0..<500 as Range<UInt64> {
            var random = Random(seed: seed)
            var flash = safeFile
            flash.write("a", at: 0, new)
            flash.powerCut(using: &random)
            let content = flash.content(of: "a")!
            #expect(content.count == 2_048, "seed \(seed)")
            let head = content.first == 2
            let change = content.indices.dropFirst().filter { content[$0] != content[$0 - 1] }
            let kind =
                content == new
                ? "applied"
                : content == old
                    ? "dropped"
                    : content.allSatisfy { $0 == 0 }
                        ? "zeros"
                        : change.count > 1 ? "garbage" : head ? "head" : "tail"
            if kind == "head" || kind == "tail" { #expect(change[0] % Flash.sectorBytes == 0, "seed \(seed)") }
            seen[kind, default: 0] += 1
        }
        #expect(Set(seen.keys) == ["applied", "dropped", "zeros", "garbage", "head", "tail"], "\(seen)")
    }

    @Test("A torn write is torn at a 512-byte edge of the file, and a write inside one sector is never torn")
    func tornAtEdges() {
        for offset in [0, 100, 511, 512, 700] {
            for count in [1, 12, 413, 512, 513, 1_500] {
                let change = FlashChange.write(file: "a", offset: offset, bytes: Array(repeating: 2, count: count))
                var edges: [Int] = []
                for outcome in change.outcomes {
                    if case .tornBefore(let edge) = outcome { edges.append(edge) }
                }
                let expected = (offset + 1..<offset + max(count, 1)).filter { $0 % 512 == 0 }
                #expect(edges == expected, "offset \(offset), \(count) bytes")
            }
        }
    }

    @Test("A torn write leaves the rest of its range as it was, and never harms a neighbour")
    func tornKeepsNeighbours() {
        var flash = safeFile
        flash.write("a", at: 300, Array(repeating: 2, count: 1_000))
        for outcome in flash.unsynced[0].outcomes {
            var cut = flash
            cut.powerCut { _, _ in outcome }
            let content = cut.content(of: "a")!
            #expect(content[..<300].allSatisfy { $0 == 1 } && content[1_300...].allSatisfy { $0 == 1 }, "\(outcome)")
            if case .tornBefore(let edge) = outcome {
                #expect(content[300..<edge].allSatisfy { $0 == 2 } && content[edge..<1_300].allSatisfy { $0 == 1 })
            }
            if case .tornAfter(let edge) = outcome {
                #expect(content[300..<edge].allSatisfy { $0 == 1 } && content[edge..<1_300].allSatisfy { $0 == 2 })
            }
        }
    }

    @Test("A later write can be there though an earlier one is not: the hole reads as zeros")
    func reordered() {
        var flash = safeFile
        flash.write("a", at: 2_048, [7, 7])
        flash.write("a", at: 2_050, [8, 8])
        flash.powerCut { index, _ in index == 0 ? .dropped : .applied }
        #expect(flash.content(of: "a") == old + [0, 0, 8, 8])
    }

    @Test("A new file whose content was synced, but not its name, may be gone; with the name synced it never is")
    func directoryEntries() {
        var present = 0
        for seed in 0..<200 as Range<UInt64> {
            var random = Random(seed: seed)
            var flash = Flash()
            flash.write("a", at: 0, old)
            _ = flash.sync("a")
            #expect(flash.unsynced == [.create(file: "a")])
            flash.powerCut(using: &random)
            if let content = flash.content(of: "a") {
                present += 1
                #expect(content == old, "seed \(seed)")
            }
        }
        #expect((50...150).contains(present))
        var flash = Flash()
        flash.write("a", at: 0, old)
        flash.syncDirectory()
        flash.powerCut { _, _ in .dropped }
        #expect(flash.content(of: "a") == [], "the name is safe, the content is not")
    }

    @Test("A removal that was not synced may be undone, content and all; a synced one never is")
    func removal() {
        var flash = safeFile
        let removed = flash.remove("a")
        #expect(removed)
        var undone = flash
        undone.powerCut { _, _ in .dropped }
        #expect(undone.content(of: "a") == old && undone.bytesUsed == 2_048)
        flash.syncDirectory()
        flash.powerCut { _, _ in .dropped }
        #expect(flash.content(of: "a") == nil && flash.bytesUsed == 0)
    }

    @Test("A file created anew under a removed file's name is another file: the old content never shows in it")
    func sameName() {
        var flash = safeFile
        _ = flash.remove("a")
        flash.write("a", at: 0, new)
        _ = flash.sync("a")
        for kept in 0..<4 {
            var cut = flash
            cut.powerCut { index, _ in kept >> index & 1 == 1 ? .applied : .dropped }
            // Bit 0: the removal; bit 1: the creation.
            #expect(cut.content(of: "a") == [old, nil, new, new][kept], "\(kept)")
        }
    }

    @Test("Truncating is lost or not, as a whole; after a sync it is there")
    func truncation() {
        var flash = safeFile
        let truncated = flash.truncate("a", to: 100)
        #expect(truncated && flash.bytesUsed == 100)
        var cut = flash
        cut.powerCut { _, _ in .dropped }
        #expect(cut.content(of: "a") == old)
        _ = flash.sync("a")
        flash.powerCut { _, _ in .dropped }
        #expect(flash.content(of: "a") == Array(old.prefix(100)))
    }

    @Test("After a failed sync no later sync makes the lost content safe, though reading may still show it")
    func failedSync() {
        var (shownButLost, lostAtOnce, safe) = (0, 0, 0)
        for seed in 0..<300 as Range<UInt64> {
            var random = Random(seed: seed)
            var flash = safeFile
            flash.write("a", at: 0, new)
            flash.failSync("a", using: &random)
            let shown = flash.content(of: "a")
            _ = flash.sync("a")
            flash.powerCut { _, _ in .applied }
            let kept = flash.content(of: "a")
            if kept == new { safe += 1 } else if shown == new { shownButLost += 1 } else { lostAtOnce += 1 }
        }
        #expect(shownButLost > 30 && lostAtOnce > 30 && safe > 30)
    }

    @Test("A short trace can be tried in full: every choice of outcomes from the same point")
    func exhaustive() {
        var flash = safeFile
        flash.write("a", at: 0, [9])
        flash.write("b", at: 0, [8])
        var results: Set<[UInt8]> = []
        let choices = flash.unsynced.map(\.outcomes)
        #expect(choices.map(\.count) == [4, 2, 4])
        for number in 0..<(4 * 2 * 4) {
            var cut = flash
            var rest = number
            cut.powerCut { index, _ in
                defer { rest /= choices[index].count }
                return choices[index][rest % choices[index].count]
            }
            results.insert([cut.content(of: "a")![0]] + (cut.content(of: "b") ?? [255, 255]))
        }
        #expect(results.contains([9, 255, 255]) && results.contains([1, 8]) && results.contains([9]))
        #expect(flash.unsynced.count == 3, "the copies are independent")
    }
}
