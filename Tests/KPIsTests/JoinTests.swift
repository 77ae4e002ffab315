import KPIs
import Testing
import World

private func simple(
    _ revision: UInt64, _ amount: Int64, hour: Int64 = 0, from: Int64 = 0, to: Int64 = 3_600, valid: Int64? = nil
) -> Contribution {
    Contribution(
        indicator: Fixture.water, sensor: "water", series: "volume", windowStart: Fixture.hour + hour * 3_600,
        windowSeconds: 3_600, revision: revision, isFinal: true, unit: "ml", scale: 0,
        state: .sum(SumState(amount: amount)),
        coverage: Coverage(expectedSeconds: 3_600, validSeconds: valid ?? (to - from), fromSecond: from, toSecond: to))
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

    @Test("Sets join in any order, conflicts included", arguments: 1...50 as ClosedRange<UInt64>)
    func setJoin(seed: UInt64) {
        var random = Random(seed: seed)
        var whole = ContributionSet()
        var parts = Array(repeating: ContributionSet(), count: 4)
        for _ in 0..<200 {
            let contribution = simple(
                random.below(4), Int64(random.below(3)), hour: Int64(random.below(5)))
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

    @Test("States join in any order and grouping, zero changes nothing, and an overflow is not a sum")
    func algebra() {
        var random = Random(seed: 5)
        func tally() -> OutageTally {
            let least = Int64(random.below(1 << 40))
            return OutageTally(
                interruptions: Int64(random.below(1 << 40)), minimum: least, maximum: least + Int64(random.below(99)))
        }
        func state(_ isSum: Bool) -> ContributionState {
            isSum
                ? .sum(SumState(amount: Int64(bitPattern: random.next()) / 8))
                : .outages(
                    OutageState(
                        upTo3: tally(), upTo5: tally(), over5: tally(), unclear: tally(),
                        open: Int64(random.below(1 << 40)), dark: Int64(random.below(1 << 40))))
        }
        for round in 0..<10_000 {
            let isSum = round % 2 == 0
            let a = state(isSum)
            let b = state(isSum)
            let c = state(isSum)
            let zero: ContributionState = isSum ? .sum(SumState()) : .outages(OutageState())
            #expect(a.joined(with: b) == b.joined(with: a))
            #expect(a.joined(with: b)?.joined(with: c) == b.joined(with: c).flatMap { a.joined(with: $0) })
            #expect(a.joined(with: zero) == a)
        }
        #expect(SumState(amount: .max).joined(with: SumState(amount: 1)) == nil)
        #expect(ContributionState.sum(SumState()).joined(with: .outages(OutageState())) == nil)
    }
}
