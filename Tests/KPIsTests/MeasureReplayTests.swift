import KPIs
import Testing
import World

/// Hours of a node with sensors of every kind: faults, losses, restarts of the process, values that jump.
private func livelyMeasures(seed: UInt64, hours: Int64, faults: Bool = true) -> Recorder {
    var random = Random(seed: seed)
    var recorder = Recorder()
    var milliseconds = Int64(random.below(60_000))
    var levels: [Int64] = [12, 90, 40, 553, 900, 720, 48, 0, 1]
    while milliseconds < hours * 3_600_000 {
        // Some readings lie exactly on a border.
        if random.chance(1, in: 25) { milliseconds = (milliseconds + 899_999) / 900_000 * 900_000 }
        let kind = Int(random.below(9))
        let step = Int64(random.below(31)) - 15
        switch kind {
        case 1, 2, 7: levels[kind] = kind == 7 ? Int64(random.below(2)) : Int64(random.below(kind == 1 ? 220 : 101))
        case 8: levels[kind] = Int64(random.below(20))
        default: levels[kind] = max(1, levels[kind] + step)
        }
        let qualities: [Quality] = [.timedOut, .estimated, .outOfRange, .calibrationExpired]
        let quality = faults && random.chance(1, in: 14) ? qualities[Int(random.below(4))] : .good
        if faults, random.chance(1, in: 30) { recorder.lose(channel: UInt16(10 + kind), count: 1 + random.below(3)) }
        if faults, random.chance(1, in: 150) { recorder.restart() }
        recorder.record(
            channel: UInt16(10 + kind), at: 0, milliseconds: milliseconds, value: levels[kind], quality: quality)
        milliseconds += Int64(random.below(45_000))
    }
    return recorder
}

private func key(_ contribution: Contribution) -> String {
    "\(contribution.indicator.slug) \(contribution.windowStart) \(contribution.windowSeconds)"
}

@Suite("Every measure gives the same, however it is cut")
struct MeasureReplayTests {
    @Test(
        "Windows of a quarter and of an hour, and any batches, join to the same states",
        arguments: 1...30 as ClosedRange<UInt64>)
    func splitInvariance(seed: UInt64) {
        let recorder = livelyMeasures(seed: seed, hours: 24)
        var random = Random(seed: seed &+ 9_000)
        let hourly = KPIFolder.contributions(Fixture.every(window: 3_600), recorder.batches(sizes: [1]))
        for _ in 0..<2 {
            let sizes = (0..<5).map { _ in 1 + Int(random.below(40)) }
            let quarters = KPIFolder.contributions(Fixture.every(window: 900), recorder.batches(sizes: sizes))
            let (found, expected) = (quarters.joined, hourly.joined)
            for (slug, state) in expected {
                let isEqual = found[slug] == state
                #expect(isEqual, "\(slug), seed \(seed), sizes \(sizes)")
            }
            #expect(quarters.validSeconds == hourly.validSeconds, "seed \(seed), sizes \(sizes)")
        }
        #expect(hourly.joined.count == 9)
    }

    @Test(
        "The integral of a level is what the definition says, reading by reading",
        arguments: 1...40 as ClosedRange<UInt64>)
    func definition(seed: UInt64) {
        let recorder = livelyMeasures(seed: seed, hours: 8)
        let hold: Int64 = 300
        var integral: Int64 = 0
        var seconds: Int64 = 0
        let readings = recorder.readings.filter { $0.0.channel.rawValue == 10 }
        for ((reading, anchor), (next, _)) in zip(readings, readings.dropFirst()) {
            guard [.good, .estimated, .calibrationExpired].contains(reading.quality) else { continue }
            let passed = anchor.utc(next.acquired).seconds - anchor.utc(reading.acquired).seconds
            integral += reading.value * 1_000 * min(passed, hold)
            seconds += min(passed, hold)
        }
        for window in [900, 3_600] as [Int64] {
            let binding = Fixture.air(hold: hold, window: window)
            let joined = KPIFolder.contributions([binding], recorder.batches(sizes: [5])).joined["en-en-aq-1c"]
            guard case .level(let level) = joined else {
                Issue.record("no level, seed \(seed)")
                return
            }
            #expect(level.integral == integral, "seed \(seed)")
            #expect(level.seconds == seconds, "seed \(seed)")
        }
    }

    @Test(
        "Stopped at every batch and folded again from the cursor, the same bytes come out",
        arguments: 1...8 as ClosedRange<UInt64>)
    func restart(seed: UInt64) {
        let bindings = Fixture.every(window: 900)
        let batches = livelyMeasures(seed: seed, hours: 3).batches(sizes: [9, 1, 5, 2])
        var byRevision: [String: [UInt8]] = [:]
        var final: [String: [UInt8]] = [:]
        var uninterrupted = KPIFolder(stream: 1, bindings: bindings, calendar: .utc)
        for batch in batches {
            uninterrupted.fold(batch)
            for contribution in uninterrupted.taken(.provisional, at: 1_000_000) {
                byRevision["\(key(contribution)) \(contribution.revision)"] = contribution.bytes
                final[key(contribution)] = contribution.bytes
            }
        }
        for stop in stride(from: Int(seed % 3), to: batches.count, by: 3) {
            var newest: [String: Contribution] = [:]
            var strange: [String] = []
            func note(_ contribution: Contribution) {
                let known = byRevision["\(key(contribution)) \(contribution.revision)"]
                if known != contribution.bytes {
                    strange.append("\(contribution.text)\n\(String(decoding: known ?? [], as: UTF8.self))")
                }
                if contribution.revision >= newest[key(contribution)]?.revision ?? 0 {
                    newest[key(contribution)] = contribution
                }
            }
            var folder = KPIFolder(stream: 1, bindings: bindings, calendar: .utc)
            for batch in batches[...stop] {
                folder.fold(batch)
                folder.take(.windowEnds, now: UTC(seconds: Fixture.hour), into: note)
            }
            let cursor = folder.passedThrough
            folder = KPIFolder(stream: 1, bindings: bindings, after: cursor, calendar: .utc)
            for batch in batches where batch.seq > cursor {
                folder.fold(batch)
                folder.take(.windowEnds, now: UTC(seconds: Fixture.hour), into: note)
            }
            folder.take(.provisional, now: UTC(seconds: Fixture.hour), into: note)
            let isSame = strange.isEmpty
            #expect(isSame, "seed \(seed), stop \(stop), cursor \(cursor): \(strange.first ?? "")")
            let isEqual = newest.mapValues(\.bytes) == final
            #expect(isEqual, "seed \(seed), stop \(stop), cursor \(cursor)")
        }
    }

    @Test(
        "After a power cut, going on from the newest contributions gives what a run without one gives",
        arguments: 1...8 as ClosedRange<UInt64>)
    func resume(seed: UInt64) {
        let bindings = Fixture.every(window: 900)
        let batches = livelyMeasures(seed: seed, hours: 3).batches(sizes: [9, 1, 5, 2])
        let whole = KPIFolder.contributions(bindings, batches).gathered()
        for cut in stride(from: Int(seed % 4), to: batches.count, by: 4) {
            var given: [Contribution] = []
            var folder = KPIFolder(stream: 1, bindings: bindings)
            for batch in batches[...cut] {
                folder.fold(batch)
                given += folder.taken(.windowEnds)
            }
            given += folder.taken(.provisional)
            var resumed = KPIFolder(stream: 1, bindings: bindings)
            for entry in given.gathered().entries.values {
                let isTaken = resumed.resume(from: entry.contribution)
                #expect(isTaken)
            }
            for batch in batches {
                resumed.fold(batch)
                given += resumed.taken(.windowEnds)
            }
            given += resumed.taken(.provisional)
            let found = given.gathered()
            #expect(found.entries.count == whole.entries.count, "seed \(seed), cut \(cut)")
            var strange: [String] = []
            for (key, entry) in whole.entries where found.entries[key]?.contribution.bytes != entry.contribution.bytes {
                strange.append("\(entry.contribution.text)\n\(found.entries[key]?.contribution.text ?? "nothing")")
            }
            let isSame = strange.isEmpty
            #expect(isSame, "seed \(seed), cut \(cut): \(strange.first ?? "")")
        }
    }

    @Test("A contribution made with other thresholds is not gone on from")
    func otherMethod() {
        var recorder = Recorder()
        recorder.record(channel: 11, at: 1, value: 1)
        let contribution = KPIFolder.contributions([Fixture.drain()], recorder.batches())[0]
        var other = Fixture.drain()
        other.method.second = 151
        var folder = KPIFolder(stream: 1, bindings: [other])
        let isTaken = folder.resume(from: contribution)
        #expect(!isTaken)
    }

    @Test("A mark that no fold has written does no harm")
    func strangeMarks() throws {
        var recorder = Recorder()
        for second in [0, 600, 1_000] as [Int64] {
            for channel in UInt16(10)..<19 { recorder.record(channel: channel, at: second, value: 500) }
        }
        let bindings = Fixture.every(window: 900)
        var random = Random(seed: 5)
        let words: [Int64] = [.min, -1, 0, 1, 16, 255, 300, 1 << 40, .max]
        for _ in 0..<200 {
            var folder = KPIFolder(stream: 1, bindings: bindings)
            for var contribution in KPIFolder.contributions(bindings, recorder.batches()) {
                if contribution.mark == nil { continue }
                contribution.mark?.tail = (0..<random.below(7)).map { _ in words[Int(random.below(9))] }
                contribution.mark?.last?.value = words[Int(random.below(9))]
                folder.resume(from: contribution)
            }
            var later = recorder
            for channel in UInt16(10)..<19 { later.record(channel: channel, at: 1_900, value: 10) }
            for batch in later.batches() { folder.fold(batch) }
            for contribution in folder.taken(.provisional) {
                #expect(contribution.coverage.validSeconds <= contribution.coverage.expectedSeconds)
            }
        }
    }
}
