import KPIs
import Testing
import World

/// A vehicle counter: amounts at seconds.
private func counts(_ values: [(second: Int64, count: Int64)]) -> Recorder {
    var recorder = Recorder()
    for value in values { recorder.record(channel: 30, at: value.second, value: value.count) }
    return recorder
}

private func vehicles(_ minimum: Int64? = 10, window: Int64 = 900) -> KPIBinding {
    Fixture.binding("x-vehicles", "road.vehicles", unit: "count", scale: 0, channel: 30, window: window) {
        $0.method.minimumCount = minimum
    }
}

private func given(_ bindings: [KPIBinding], _ recorder: Recorder, sizes: [Int] = [1]) -> [Contribution] {
    var folder = KPIFolder(stream: 1, bindings: bindings, calendar: .utc)
    var all: [Contribution] = []
    for batch in recorder.batches(sizes: sizes) {
        folder.fold(batch)
        all += folder.taken(.provisional, at: 10_000_000)
        all += folder.taken(.windowEnds, at: 10_000_000)
    }
    return all
}

private let hour: Int64 = 3_600

/// A counter for weeks: busy days, quiet nights, a quiet week.
private func weeks(seed: UInt64, days: Int64, steps: Bool = false) -> (recorder: Recorder, truth: Int64) {
    var random = Random(seed: seed)
    var recorder = Recorder()
    var truth: Int64 = 0
    var boottime = Boottime(nanoseconds: 900_000_000_000)
    let end = boottime + .seconds(days * 86_400)
    while boottime < end {
        if steps, random.chance(1, in: 200) {
            recorder.anchor.offsetNanoseconds += (Int64(random.below(200_000)) - 100_000) * 1_000_000_000
        }
        let day = boottime.nanoseconds / 86_400_000_000_000
        let ofDay = boottime.nanoseconds / 3_600_000_000_000 % 24
        let isBusy = ofDay >= 6 && ofDay < 20 && day % 9 != 4 && day / 7 != 2
        let count = Int64(random.below(isBusy ? 14 : 2)) * (random.chance(1, in: 3) ? 1 : isBusy ? 1 : 0)
        truth += count
        recorder.record(channel: 30, boottime: boottime, value: count)
        boottime = boottime + .seconds(300 + Int64(random.below(600)))
    }
    return (recorder, truth)
}

/// What is still carried: the amounts in the canonical words of the one binding.
private func amounts(carried: [Int64]) -> Int64 {
    var total: Int64 = 0
    var place = 8
    for _ in 0..<carried[7] {
        place += 9
        place += 1 + 2 * Int(carried[place])
        total += carried[place + 1]
        place += 2
    }
    return total
}

@Suite("Counts too small to leave the node are merged upward")
struct PrivacyTests {
    @Test("Quarters of 3, 4, 2 and 8 go out as an hour of 17; 1, 2, 0 and 3 are carried to the day (V-PR-1)")
    func vector() throws {
        let recorder = counts([
            (10, 3), (1_000, 4), (2_000, 2), (3_000, 8), (3_610, 1), (4_600, 2), (5_500, 0), (6_400, 3),
            // Four quarters that are large enough.
            (7_210, 10), (8_200, 11), (9_100, 12), (10_000, 13), (10_900, 5),
            // The next day.
            (86_400, 1), (86_400 + hour, 1),
        ])
        let found = given([vehicles()], recorder)
        #expect(found.map { "\($0.at) \($0.windowSeconds) \($0.amount ?? -1)" }.prefix(5) == [
            "0 3600 17", "7200 900 10", "8100 900 11", "9000 900 12", "9900 900 13",
        ])
        // 10:00 is the fixture's hour; the day's cell has the 6 and the 5 in it.
        let day = try #require(found.last)
        #expect(day.at == -10 * hour && day.windowSeconds == 86_400 && day.amount == 11)
        #expect(found.count == 6)
        #expect(found.allSatisfy { $0.isFinal && $0.mark == nil && ($0.amount ?? 0) >= 10 })
        #expect(day.parameters == [.init("k", 10)])
        #expect(found[0].coverage.expectedSeconds == 3_600 && found[0].coverage.validSeconds == 3_590)
        // Readings cover the time back to the one before: 3,000 s of the hour of 6 and 10,800 to 10,900 are in it.
        #expect(day.coverage.validSeconds >= 3_600)
        // The same without a minimum.
        let plain = given([vehicles(nil)], recorder).newest
        let before = plain.filter { $0.at < 14 * hour }
        #expect(before.reduce(0) { $0 + $1.coverage.validSeconds }
            == found.reduce(0) { $0 + $1.coverage.validSeconds })
        #expect(before.reduce(0) { $0 + ($1.amount ?? 0) } == found.reduce(0) { $0 + ($1.amount ?? 0) })
    }

    @Test("A quiet week waits for the next: one cell over both")
    func weekByWeek() {
        var values: [(Int64, Int64)] = []
        // Saturday 10:00; one vehicle a day for four weeks.
        for day in Int64(0)..<28 { values.append((day * 86_400, 1)) }
        let found = given([vehicles()], counts(values))
        // The Saturday and Sunday of the first week, and the seven days of the second, are one too few.
        #expect(found.map(\.windowSeconds) == [1_814_400])
        #expect(found.map(\.amount) == [16])
        #expect(found.allSatisfy { ($0.windowStart - 345_600) % 604_800 == 0 })
    }

    @Test("Nothing below the minimum is ever given, and nothing is lost", arguments: 1...12 as ClosedRange<UInt64>)
    func exact(seed: UInt64) {
        let (recorder, truth) = weeks(seed: seed, days: 40, steps: seed % 2 == 0)
        for window in [900, 3_600] as [Int64] {
            var folder = KPIFolder(stream: 1, bindings: [vehicles(window: window)], calendar: .utc)
            var found: [Contribution] = []
            for batch in recorder.batches(sizes: [3, 1, 20]) {
                folder.fold(batch)
                found += folder.taken(.provisional, at: 100_000_000)
                found += folder.taken(.windowEnds, at: 100_000_000)
            }
            let sum = found.reduce(0) { $0 + ($1.amount ?? 0) }
            #expect(sum + amounts(carried: folder.carried) == truth, "seed \(seed)")
            #expect(found.allSatisfy { ($0.amount ?? 0) >= 10 && $0.isFinal }, "seed \(seed)")
            // Each key once, so that nothing replaces anything.
            #expect(Set(found.map { [$0.windowStart, $0.windowSeconds] }).count == found.count, "seed \(seed)")
            let lengths = Set(found.map(\.windowSeconds))
            #expect(lengths.contains(900) || window == 3_600)
            #expect(found.allSatisfy {
                $0.coverage.validSeconds <= $0.coverage.expectedSeconds
                    && $0.coverage.expectedSeconds <= $0.windowSeconds
                    && $0.coverage.validSeconds <= $0.coverage.toSecond - $0.coverage.fromSecond
            }, "seed \(seed)")
        }
    }

    @Test(
        "Stopped at any batch and taken up with what was carried, the same cells come out",
        arguments: 1...6 as ClosedRange<UInt64>)
    func restart(seed: UInt64) {
        let bindings = [vehicles()]
        let batches = weeks(seed: seed, days: 16).recorder.batches(sizes: [4, 1, 9])
        var whole = KPIFolder(stream: 1, bindings: bindings, calendar: .utc)
        var expected: [String: String] = [:]
        for batch in batches {
            whole.fold(batch)
            for cell in whole.taken(.windowEnds, at: 100_000_000) {
                expected["\(cell.windowStart) \(cell.windowSeconds)"] = cell.text
            }
        }
        var random = Random(seed: seed)
        var folder = KPIFolder(stream: 1, bindings: bindings, calendar: .utc)
        var found: [String: String] = [:]
        var saved: [Int64] = []
        var cursor: UInt64 = 0
        var next = 0
        var restarts = 0
        while next < batches.count {
            folder.fold(batches[next])
            next += 1
            var isGiven = false
            for cell in folder.taken(.windowEnds, at: 100_000_000) {
                isGiven = true
                let before = found.updateValue(cell.text, forKey: "\(cell.windowStart) \(cell.windowSeconds)")
                let isSame = before == nil || before == cell.text
                #expect(isSame, "seed \(seed), batch \(next)")
            }
            // Killed after giving, after keeping what is carried, or after moving the cursor.
            let stage = random.below(isGiven ? 6 : 40)
            if stage > 0 { saved = folder.carried }
            if stage > 1 { cursor = folder.passedThrough }
            guard stage <= 2 else { continue }
            restarts += 1
            folder = KPIFolder(stream: 1, bindings: bindings, after: cursor, calendar: .utc)
            if !saved.isEmpty {
                let isTaken = folder.takeUp(saved)
                #expect(isTaken)
            }
            next = Int(cursor)
        }
        for key in Set(found.keys).union(expected.keys).sorted() where found[key] != expected[key] {
            Issue.record("seed \(seed), \(key):\n\(found[key] ?? "nothing")\n\(expected[key] ?? "nothing")")
        }
        let isCarriedSame = folder.carried == whole.carried
        #expect(isCarriedSame, "seed \(seed)\n\(folder.carried)\n\(whole.carried)")
        #expect(restarts > 20)
    }

    @Test("A change of the configuration in the middle of an hour keeps what was counted in it")
    func newConfiguration() {
        let batches = counts([(10, 3), (1_000, 4), (2_000, 2), (2_100, 1), (3_000, 8), (3_700, 1)]).batches()
        var old = KPIFolder(stream: 1, bindings: [vehicles()])
        for batch in batches[..<3] {
            old.fold(batch)
            #expect(old.taken(.windowEnds).isEmpty)
        }
        var new = KPIFolder(
            stream: 1, bindings: [vehicles(5)], after: 3, from: UTC(seconds: Fixture.hour + 2_050))
        let isTaken = new.takeUp(old.carried)
        #expect(isTaken)
        var found: [Contribution] = []
        for batch in batches[3...] {
            new.fold(batch)
            found += new.taken(.windowEnds)
        }
        #expect(found.map(\.amount) == [18])
        #expect(found.map(\.windowSeconds) == [3_600])
    }

    @Test("What a stream had withheld goes into the cells of the next; what was lost is said")
    func powerCut() throws {
        var old = KPIFolder(stream: 1, bindings: [vehicles()])
        for batch in counts([(10, 3), (1_000, 4), (4_000, 1)]).batches() {
            old.fold(batch)
            _ = old.taken(.windowEnds)
        }
        var new = KPIFolder(stream: 2, bindings: [vehicles()])
        let isAdopted = new.adopt(old.carried)
        #expect(isAdopted)
        new.noteWithheldLost(from: UTC(seconds: Fixture.hour + 4_100), until: UTC(seconds: Fixture.hour + 4_200))
        var found: [Contribution] = []
        for batch in counts([(5_000, 2), (90_000, 1)]).batches() {
            new.fold(batch)
            found += new.taken(.windowEnds)
        }
        let day = try #require(found.first)
        #expect(day.windowSeconds == 86_400 && day.amount == 10)
        #expect(day.flag("lost") == 600)
    }

    @Test("Carried words that are cut short or of another make are refused, and do no harm")
    func damaged() {
        var folder = KPIFolder(stream: 1, bindings: [vehicles()])
        for batch in weeks(seed: 3, days: 9).recorder.batches(sizes: [5]) {
            folder.fold(batch)
            _ = folder.taken(.windowEnds)
        }
        let words = folder.carried
        #expect(words.count > 20)
        for length in words.indices {
            var other = KPIFolder(stream: 1, bindings: [vehicles()])
            let isTaken = other.takeUp(Array(words[..<length]))
            #expect(!isTaken)
        }
        var random = Random(seed: 8)
        let batches = counts([(10, 3), (4_000, 4), (90_000, 20), (1_000_000, 1)]).batches()
        for _ in 0..<500 {
            var strange = words
            let strangers: [Int64] = [.min, -1, 0, 1, 604_800, .max]
            strange[Int(random.below(UInt64(words.count)))] = strangers[Int(random.below(6))]
            var other = KPIFolder(stream: 1, bindings: [vehicles()])
            _ = other.takeUp(strange)
            for batch in batches {
                other.fold(batch)
                _ = other.taken(.windowEnds)
            }
        }
        var stranger = KPIFolder(stream: 1, bindings: [Fixture.road(minimum: 5)])
        let isTaken = stranger.takeUp(words)
        #expect(!isTaken)
        #expect(KPIFolder(stream: 1, bindings: [Fixture.waterBinding()]).carried == [])
    }
}
