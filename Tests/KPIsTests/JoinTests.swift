import KPIs
import Testing
import World

private func simple(
    _ revision: UInt64, _ amount: Int64, hour: Int64 = 0, from: Int64 = 0, to: Int64 = 3_600, valid: Int64? = nil,
    isFinal: Bool = false, correction: UInt64? = nil
) -> Contribution {
    var contribution = Contribution(
        indicator: Fixture.water, sensor: "water", series: "volume", windowStart: Fixture.hour + hour * 3_600,
        windowSeconds: 3_600, revision: revision, isFinal: isFinal, unit: "ml", scale: 0,
        state: .sum(SumState(amount: amount)),
        coverage: Coverage(expectedSeconds: 3_600, validSeconds: valid ?? (to - from), fromSecond: from, toSecond: to))
    contribution.correction = correction
    return contribution
}

private func permutations<Element>(_ items: [Element]) -> [[Element]] {
    guard items.count > 1 else { return [items] }
    return items.indices.flatMap { index in
        var rest = items
        let first = rest.remove(at: index)
        return permutations(rest).map { [first] + $0 }
    }
}

@Suite("The platform's join")
struct JoinTests {
    @Test("Revisions, duplicates and any order give 177 (V-MG-1, all 120 permutations)")
    func permutation() {
        let messages: [(node: String, contribution: Contribution)] = [
            ("A", simple(1, 100)), ("A", simple(2, 120)), ("B", simple(1, 50)), ("A", simple(2, 120)),
            ("A", simple(1, 7, hour: 1)),
        ]
        let orders = permutations(messages)
        #expect(orders.count == 120)
        for order in orders {
            var set = ContributionSet()
            for message in order { set.add(message.contribution, node: message.node, stream: 1) }
            #expect(set.total(Fixture.water).millilitres == 177)
            #expect(set.total(Fixture.water).nodes == 2)
        }
    }

    @Test("Each outcome of adding is told")
    func outcomes() {
        var set = ContributionSet()
        #expect(set.add(simple(2, 5), node: "A", stream: 1) == .new)
        #expect(set.add(simple(2, 5), node: "A", stream: 1) == .duplicate)
        #expect(set.add(simple(1, 4), node: "A", stream: 1) == .older)
        #expect(set.add(simple(3, 6), node: "A", stream: 1) == .newer)
        #expect(set.add(simple(3, 7), node: "A", stream: 1) == .conflict)
        #expect(set.total(Fixture.water).millilitres == 0)
        #expect(set.total(Fixture.water).conflicts.count == 1)
        #expect(set.add(simple(4, 8), node: "A", stream: 1) == .newer)
        #expect(set.total(Fixture.water).millilitres == 8)
        #expect(set.total(Fixture.water).conflicts.isEmpty)
    }

    @Test("After what was final only a correction follows: anything higher is a conflict, whichever came first")
    func afterFinal() {
        let messages = [simple(1, 3), simple(2, 5, isFinal: true), simple(3, 6)]
        for order in permutations(messages) {
            var set = ContributionSet()
            for message in order { set.add(message, node: "A", stream: 1) }
            #expect(set.total(Fixture.water).conflicts.count == 1 && set.total(Fixture.water).millilitres == 0)
            #expect(set.entries.conflicts == 1)
            #expect(set.add(simple(2, 9, correction: 1), node: "A", stream: 1) == .newer)
            #expect(set.total(Fixture.water).conflicts.isEmpty && set.total(Fixture.water).millilitres == 9)
        }
        var set = ContributionSet()
        #expect(set.add(simple(2, 5, isFinal: true), node: "A", stream: 1) == .new)
        #expect(set.add(simple(1, 3), node: "A", stream: 1) == .older)
        #expect(set.add(simple(2, 5, isFinal: true), node: "A", stream: 1) == .duplicate)
        #expect(set.add(simple(3, 5, isFinal: true), node: "A", stream: 1) == .conflict)
        // Another stream's final is none of its business.
        #expect(set.add(simple(9, 5), node: "A", stream: 2) == .new)
    }

    @Test("A correction beats every revision, a higher one a lower; two of one number are a conflict; in any order")
    func corrections() {
        let messages = [
            simple(1, 3), simple(2, 5, isFinal: true), simple(2, 7, isFinal: true, correction: 1),
            simple(0, 8, isFinal: true, correction: 2),
        ]
        for order in permutations(messages) {
            var set = ContributionSet()
            for message in order { set.add(message, node: "A", stream: 1) }
            #expect(set.total(Fixture.water).millilitres == 8 && set.total(Fixture.water).conflicts.isEmpty)
            #expect(set.add(simple(0, 9, isFinal: true, correction: 2), node: "A", stream: 1) == .conflict)
            #expect(set.total(Fixture.water).conflicts.count == 1)
            #expect(set.add(simple(0, 1, correction: 1), node: "A", stream: 1) == .older)
            #expect(set.add(simple(0, 4, correction: 3), node: "A", stream: 1) == .newer)
            #expect(set.total(Fixture.water).millilitres == 4)
        }
    }

    @Test("What finishes an earlier stream in a later one's messages is of the earlier")
    func ofStream() {
        var resumed = simple(3, 5, isFinal: true)
        resumed.ofStream = 1
        for order in [[simple(3, 5, isFinal: true), resumed], [resumed, simple(3, 5, isFinal: true)]] {
            var set = ContributionSet()
            for contribution in order { set.add(contribution, node: "A", stream: 1) }
            #expect(set.entries.count == 1 && set.entries.conflicts == 0)
        }
    }

    @Test("Sets join in any order, conflicts, finals and corrections included", arguments: 1...60 as ClosedRange<UInt64>)
    func setJoin(seed: UInt64) {
        var random = Random(seed: seed)
        var whole = ContributionSet()
        var parts = Array(repeating: ContributionSet(), count: 4)
        for _ in 0..<200 {
            let contribution = simple(
                random.below(4), Int64(random.below(3)), hour: Int64(random.below(5)), isFinal: random.chance(1, in: 8),
                correction: random.chance(1, in: 9) ? random.below(2) + 1 : nil)
            let node = "n\(random.below(3))"
            let stream = random.below(2)
            whole.add(contribution, node: node, stream: stream)
            parts[Int(random.below(4))].add(contribution, node: node, stream: stream)
        }
        for order in [[0, 1, 2, 3], [3, 1, 0, 2], [2, 2, 3, 0, 1, 0]] {
            var joined = ContributionSet()
            for index in order { joined.join(parts[index]) }
            #expect(joined.entries == whole.entries, "seed \(seed)")
        }
        var pairs = (parts[0], parts[2])
        pairs.0.join(parts[1])
        pairs.1.join(parts[3])
        pairs.1.join(pairs.0)
        #expect(pairs.1.entries == whole.entries, "seed \(seed)")
    }

    @Test("A card swapped within a window: the streams of the node add up, covered once")
    func cardSwap() {
        var recorder = Recorder()
        for minute in Int64(0)...60 { recorder.record(at: minute * 60, value: minute) }
        let batches = recorder.batches(sizes: [1])
        var set = KPIFolder.contributions([Fixture.waterBinding(window: 3_600)], Array(batches[..<31])).gathered(
            stream: 1)
        set.join(
            KPIFolder.contributions([Fixture.waterBinding(window: 3_600)], Array(batches[31...])).gathered(stream: 2))
        let total = set.total(Fixture.water)
        #expect(total.millilitres == Int128((0...60).reduce(0, +)) * 10_000)
        #expect(total.overlaps.isEmpty)
        // The new board does not know how long its first amount had been gathering.
        #expect(total.validSeconds == 3_600 - 60)
        #expect(total.expectedSeconds == 3_600 * 2)
    }

    @Test("Two boards at work at once: the overlap is reported, not summed; the one that knows more counts")
    func overlap() {
        var set = ContributionSet()
        set.add(simple(1, 10, from: 0, to: 2_000), node: "A", stream: 1)
        set.add(simple(1, 10, from: 1_500, to: 3_600), node: "A", stream: 2)
        set.add(simple(1, 10, hour: 1), node: "A", stream: 2)
        set.add(simple(1, 10), node: "B", stream: 3)
        let total = set.total(Fixture.water)
        #expect(total.millilitres == 30)
        #expect(total.overlapSeconds == 500)
        #expect(total.overlaps.map { [$0.from - Fixture.hour, $0.to - Fixture.hour] } == [[1_500, 2_000]])
        #expect(total.overlaps.map(\.streams) == [[1, 2]])
        #expect(total.overlaps.map(\.source.node) == ["A"])
        #expect(total.overlaps.map(\.counted) == [2])
        #expect(total.validSeconds == 2_100 + 3_600 * 2)
        #expect(total.expectedSeconds == 3_600 * 3)
    }

    @Test("Of several boards at work at once those count that share no time, in whatever order they are looked at")
    func manyBoards() {
        // Stream 2 knows most and keeps out 1 and 3; 4 only touches 2, and of 4 and 5, which know the same, 4 counts.
        let spans: [(stream: UInt64, from: Int64, to: Int64)] = [
            (1, 0, 900), (2, 600, 2_400), (3, 2_300, 2_700), (4, 2_400, 3_000), (5, 2_400, 3_000),
        ]
        for order in permutations(Array(spans.indices)) {
            var set = ContributionSet()
            for index in order {
                let span = spans[index]
                set.add(
                    simple(1, 1 << Int64(index), from: span.from, to: span.to), node: "A", stream: span.stream)
            }
            let total = set.total(Fixture.water)
            #expect(total.millilitres == 0b01010)
            #expect(total.validSeconds == 1_800 + 600)
            #expect(total.overlaps.map(\.streams) == [[1, 2], [2, 3], [3, 4], [3, 5], [4, 5]])
            #expect(total.overlaps.map(\.counted) == [2, 2, 4, nil, 4])
        }
    }
}
