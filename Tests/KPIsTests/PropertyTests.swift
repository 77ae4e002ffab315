// What must hold whatever a network and a platform make of the messages: random contributions of every state type,
// random streams, orders, duplicates and partitions. A failure prints its seed; show it again by that argument:
//
//     swift test --filter 'KPIsTests.PropertyTests'

import KPIs
import Testing
import World

/// A window as it really is, and all messages that tell of it: revisions that grow, the last one final.
private struct Told {
    var node: String
    var stream: UInt64
    var messages: [Contribution]
    var final: Contribution
}

private func told(_ random: inout Random, windows: Int) -> [Told] {
    (0..<windows).map { window in
        var final = random.contribution(start: Fixture.hour + Int64(window % 7) * 86_400)
        final.sensor = "sensor \(window / 7)"
        final.correction = nil
        final.ofStream = nil
        final.isFinal = true
        var messages: [Contribution] = []
        for revision in 0..<random.below(3) {
            var earlier = final
            earlier.isFinal = false
            earlier.revision = final.revision + revision
            earlier.state = random.state(final.state.typeName, seconds: final.windowSeconds)
            messages.append(earlier)
        }
        final.revision += 3
        return Told(
            node: "n\(random.below(3))", stream: random.below(3), messages: messages + [final], final: final)
    }
}

@Suite("Properties")
struct PropertyTests {
    /// 40 seeds of 50 windows.
    @Test(
        "Any multiset and order of messages with each final revision in it gives the same, however it is partitioned",
        arguments: 1...40 as ClosedRange<UInt64>)
    func replay(seed: UInt64) throws {
        var random = Random(seed: seed)
        let windows = told(&random, windows: 50)
        var truth = ContributionSet()
        for window in windows { truth.add(window.final, node: window.node, stream: window.stream) }
        for _ in 0..<2 {
            var messages: [(Told, Contribution)] = []
            for window in windows {
                messages.append((window, window.final))
                for _ in 0..<random.below(4) { messages.append((window, random.oneOf(window.messages))) }
            }
            messages.shuffle(using: &random)
            var parts = Array(repeating: ContributionSet(), count: 3)
            for (window, contribution) in messages {
                // Through the wire, alone.
                let received = try Contribution.parse(contribution.bytes)
                parts[Int(random.below(3))].add(received, node: window.node, stream: window.stream)
            }
            parts.shuffle(using: &random)
            var joined = parts[0]
            joined.join(parts[1])
            joined.join(parts[2])
            #expect(joined.entries == truth.entries, "seed \(seed)")
            for indicator in Indicator.all {
                let (a, b) = (joined.total(indicator), truth.total(indicator))
                #expect(
                    a.millilitres == b.millilitres && a.validSeconds == b.validSeconds && a.flags == b.flags
                        && a.expectedSeconds == b.expectedSeconds && a.conflicts == b.conflicts
                        && a.overlaps == b.overlaps && a.contributions == b.contributions && a.nodes == b.nodes,
                    "seed \(seed), \(indicator.code)")
            }
        }
    }

    @Test(
        "A further window never lowers covered time, and never raises it above what is expected",
        arguments: 1...20 as ClosedRange<UInt64>)
    func monotoneCompleteness(seed: UInt64) {
        var random = Random(seed: seed)
        for indicator in [Fixture.water, Fixture.indicator("en-en-aq-1c"), Fixture.indicator("en-en-eq-2a")] {
            var set = ContributionSet()
            var before: Int128 = 0
            for _ in 0..<40 {
                // A grid of hours; two streams may have the same one.
                var contribution = random.contribution(
                    of: indicator, start: Fixture.hour + Int64(random.below(30)) * 3_600)
                contribution.windowSeconds = 3_600
                let from = random.number(in: 0...3_600)
                let to = random.number(in: from...3_600)
                contribution.coverage = Coverage(
                    expectedSeconds: 3_600, validSeconds: to - from, fromSecond: from, toSecond: to)
                let outcome = set.add(contribution, node: "n", stream: random.next())
                #expect(outcome == .new)
                let total = set.total(indicator)
                #expect(total.validSeconds <= total.expectedSeconds, "seed \(seed)")
                // Time that two streams know is counted once, so a third may add less than it has, never take away.
                if total.overlapSeconds == 0 { #expect(total.validSeconds >= before, "seed \(seed)") }
                before = total.validSeconds
            }
        }
    }

    /// 20 seeds × 9 types × 40 records.
    @Test(
        "A record of every type is read back, byte for byte, and refused when a single number of it is another",
        arguments: ContributionState.typeNames, 1...20 as ClosedRange<UInt64>)
    func records(type: String, seed: UInt64) throws {
        var random = Random(seed: seed)
        let indicators = Indicator.all.filter { $0.measure.stateType == type }
        for round in 0..<40 {
            var contribution = random.contribution(of: random.oneOf(indicators))
            // Whose it is, is said beside it, as `node` is.
            contribution.ofStream = nil
            let bytes = contribution.bytes
            let parsed = try Contribution.parse(bytes)
            #expect(parsed == contribution && parsed.bytes == bytes, "type \(type), seed \(seed), round \(round)")
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            var spoilt = bytes
            let place = random.oneOf(digits)
            spoilt[place] = 0x30 + (spoilt[place] - 0x30 + 1 + UInt8(random.below(9))) % 10
            #expect(throws: ContributionFault.self, "type \(type), seed \(seed), round \(round)") {
                try Contribution.parse(spoilt)
            }
        }
    }

    @Test("The longest record that a window can fill is read back")
    func longest() throws {
        var histogram = Histogram()
        for bin in 0...1_400 {
            let fits = histogram.add(2, toBin: bin)
            #expect(fits)
        }
        var random = Random(seed: 3)
        var contribution = random.contribution(of: Fixture.indicator("en-en-eq-2a"))
        contribution.windowSeconds = 3_600
        contribution.coverage = Coverage(expectedSeconds: 3_600, validSeconds: 3_600, fromSecond: 0, toSecond: 3_600)
        contribution.state = .sound(SoundState(energy: 1, seconds: 2_802, histogram: histogram))
        #expect(contribution.bytes.count < Contribution.longest / 2)
        #expect(try Contribution.parse(contribution.bytes) == contribution)
    }
}
