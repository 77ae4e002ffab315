import KPIs
import Testing
import World

/// A day of a lively node: water every minute or so with faults, mains with outages, restarts of the process, steps
/// of the clock.
private func livelyDay(seed: UInt64, hours: Int64 = 6, steps: Bool = false) -> Recorder {
    var random = Random(seed: seed)
    var recorder = Recorder()
    var milliseconds: Int64 = Int64(random.below(60_000))
    var level: Int64 = 1
    while milliseconds < hours * 3_600_000 {
        switch random.below(40) {
        case 0: recorder.lose(count: 1 + random.below(3))
        case 1: recorder.lose(channel: 1, count: 1 + random.below(3))
        case 2 where random.chance(1, in: 3): recorder.restart()
        case 3...5: level = 1 - level
        case 6 where steps && random.chance(1, in: 4):
            recorder.anchor.offsetNanoseconds += (Int64(random.below(600)) - 60) * 1_000_000_000
        default: break
        }
        let qualities: [Quality] = [.timedOut, .estimated, .outOfRange, .calibrationExpired]
        let quality = random.chance(1, in: 12) ? qualities[Int(random.below(4))] : .good
        if random.chance(2, in: 3) {
            recorder.record(at: 0, milliseconds: milliseconds, value: Int64(random.below(50)), quality: quality)
        } else {
            recorder.record(channel: 1, at: 0, milliseconds: milliseconds, value: level, quality: quality)
        }
        milliseconds += Int64(random.below(120_000))
    }
    return recorder
}

private let bindings = [
    Fixture.waterBinding(), Fixture.mainsBinding(window: 900), Fixture.mainsBinding(Fixture.outageCount, window: 3_600),
    Fixture.waterBinding(channel: 7, window: 900),
]
private let spokenFor = Array(bindings.prefix(3))

@Suite("The same readings give the same contributions")
struct ReplayTests {
    @Test("Any partition into batches gives the same windows", arguments: 1...40 as ClosedRange<UInt64>)
    func splitInvariance(seed: UInt64) {
        let recorder = livelyDay(seed: seed, steps: seed % 2 == 0)
        var random = Random(seed: seed &+ 1_000)
        func content(_ sizes: [Int]) -> [Contribution] {
            KPIFolder.contributions(bindings, recorder.batches(sizes: sizes)).newest.map {
                var content = $0
                content.revision = 0
                return content
            }
        }
        let whole = content([100_000])
        #expect(content([1]) == whole, "seed \(seed)")
        for _ in 0..<3 {
            let sizes = (0..<5).map { _ in 1 + Int(random.below(30)) }
            #expect(content(sizes) == whole, "seed \(seed), sizes \(sizes)")
        }
    }

    @Test(
        "Stopped at every batch and folded again from the cursor, the same bytes come out",
        arguments: 1...12 as ClosedRange<UInt64>)
    func restart(seed: UInt64) {
        let batches = livelyDay(seed: seed, hours: 4).batches(sizes: [3, 1, 5, 2])
        func key(_ contribution: Contribution) -> String {
            "\(contribution.indicator.slug) \(contribution.windowStart) \(contribution.windowSeconds)"
        }
        var byRevision: [String: [UInt8]] = [:]
        var final: [String: [UInt8]] = [:]
        var uninterrupted = KPIFolder(stream: 1, bindings: spokenFor)
        for batch in batches {
            uninterrupted.fold(batch)
            for contribution in uninterrupted.taken(.provisional, at: 1_000_000) {
                byRevision["\(key(contribution)) \(contribution.revision)"] = contribution.bytes
                final[key(contribution)] = contribution.bytes
            }
        }
        for stop in batches.indices {
            var newest: [String: Contribution] = [:]
            func note(_ contribution: Contribution) {
                let known = byRevision["\(key(contribution)) \(contribution.revision)"]
                #expect(known == contribution.bytes, "seed \(seed), stop \(stop): \(contribution.text)")
                if contribution.revision >= newest[key(contribution)]?.revision ?? 0 {
                    newest[key(contribution)] = contribution
                }
            }
            var folder = KPIFolder(stream: 1, bindings: spokenFor)
            for batch in batches[...stop] {
                folder.fold(batch)
                folder.take(.windowEnds, now: UTC(seconds: Fixture.hour), into: note)
            }
            let cursor = folder.passedThrough
            #expect(cursor <= batches[stop].seq)
            folder = KPIFolder(stream: 1, bindings: spokenFor, after: cursor)
            for batch in batches where batch.seq > cursor {
                folder.fold(batch)
                folder.take(.windowEnds, now: UTC(seconds: Fixture.hour), into: note)
                #expect(folder.passedThrough >= cursor)
            }
            folder.take(.provisional, now: UTC(seconds: Fixture.hour), into: note)
            #expect(newest.mapValues(\.bytes) == final, "seed \(seed), stop \(stop)")
        }
    }

    @Test("The cursor moves on, and a folder keeps few windows")
    func cursor() {
        var folder = KPIFolder(stream: 1, bindings: spokenFor)
        var recorder = Recorder()
        for minute in Int64(0)..<600 {
            recorder.record(at: minute * 60, value: 1)
            recorder.record(channel: 1, at: minute * 60, value: 1)
        }
        for batch in recorder.batches(sizes: [2]) {
            folder.fold(batch)
            _ = folder.taken(.windowEnds)
            #expect(folder.windowCount <= 6)
            #expect(batch.seq < 120 || folder.passedThrough > batch.seq - 120)
        }
    }

    @Test(
        "After a power cut, going on from the newest contributions loses nothing of what was spilled",
        arguments: 1...12 as ClosedRange<UInt64>)
    func resume(seed: UInt64) throws {
        let batches = livelyDay(seed: seed, hours: 4).batches(sizes: [3, 1, 5, 2])
        let whole = KPIFolder.contributions(spokenFor, batches).newest
        for cut in stride(from: 0, to: batches.count, by: 7) {
            var given: [Contribution] = []
            var folder = KPIFolder(stream: 1, bindings: spokenFor)
            for batch in batches[...cut] {
                folder.fold(batch)
                given += folder.taken(.windowEnds)
            }
            given += folder.taken(.provisional)
            var resumed = KPIFolder(stream: 1, bindings: spokenFor)
            for contribution in given.newest.reversed() {
                let kept = try Contribution.parse(contribution.bytes)
                let isTaken = resumed.resume(from: kept)
                #expect(isTaken)
            }
            for batch in batches { resumed.fold(batch) }
            given += resumed.taken(.provisional)
            for (found, expected) in zip(given.newest, whole) {
                #expect(found.text == expected.text, "seed \(seed), cut \(cut)")
            }
            #expect(given.newest.count == whole.count, "seed \(seed), cut \(cut)")
        }
    }

    @Test("A contribution of another binding is not gone on from")
    func resumeOther() {
        var recorder = Recorder()
        recorder.record(at: 1, value: 1)
        let contribution = KPIFolder.contributions([Fixture.waterBinding(scale: -9)], recorder.batches())[0]
        var folder = KPIFolder(stream: 1, bindings: [Fixture.waterBinding()])
        let isTaken = folder.resume(from: contribution)
        #expect(!isTaken)
    }
}

@Suite("The wall clock only names windows")
struct ClockTests {
    @Test("No amount is lost or counted twice by steps of the clock", arguments: 1...60 as ClosedRange<UInt64>)
    func steps(seed: UInt64) {
        var random = Random(seed: seed)
        var recorder = Recorder()
        var boottime = Boottime(nanoseconds: 900_000_000_000)
        var truth: Int64 = 0
        for _ in 0..<1_000 {
            if random.chance(1, in: 50) {
                recorder.anchor.offsetNanoseconds += (Int64(random.below(20_000)) - 10_000) * 1_000_000_000
            }
            let value = Int64(random.below(100))
            truth += value
            recorder.record(boottime: boottime, value: value)
            boottime = boottime + .milliseconds(Int64(random.below(60_000)))
        }
        let all = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches(sizes: [9, 2]))
        let set = all.gathered()
        #expect(set.total(Fixture.water).millilitres == Int128(truth) * 10_000, "seed \(seed)")
        #expect(set.total(Fixture.water).conflicts.isEmpty)
        for contribution in all {
            #expect(contribution.coverage.validSeconds <= contribution.coverage.expectedSeconds, "seed \(seed)")
        }
        // A window that was final stays as it was.
        var finals: [Int64: Contribution] = [:]
        for contribution in all where contribution.isFinal {
            let before = finals.updateValue(contribution, forKey: contribution.windowStart)
            #expect(before == nil || before == contribution, "seed \(seed), window \(contribution.at)")
        }
    }

    @Test("A step forward leaves time uncovered; a small step back stays in the window")
    func smallSteps() {
        var recorder = Recorder()
        recorder.record(at: 890, value: 1)
        recorder.record(at: 905, value: 1)
        let last = recorder.anchor.boottime(UTC(seconds: Fixture.hour + 905))
        recorder.anchor.offsetNanoseconds -= 10_000_000_000
        recorder.record(boottime: last + .seconds(1), value: 1)
        recorder.record(boottime: last + .seconds(21), value: 1)
        recorder.anchor.offsetNanoseconds += 610_000_000_000
        recorder.record(boottime: last + .seconds(31), value: 1)
        let newest = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest
        #expect(newest.map(\.at) == [0, 900])
        #expect(newest.map(\.amount) == [10_000, 40_000])
        // 900...905, then 905...916 of 896...916, then the ten seconds before 1536.
        #expect(newest.map(\.coverage.validSeconds) == [10, 26])
        // Those ten, and the 610 s that the second step passed over.
        #expect(newest[1].flag("clock_step") == 620)
    }

    @Test("What a step back leaves of a window, and where the next one begins late, is flagged")
    func stepBack() {
        var recorder = Recorder()
        recorder.record(at: 880, value: 1)
        recorder.record(at: 940, value: 1)
        let last = recorder.anchor.boottime(UTC(seconds: Fixture.hour + 940))
        recorder.anchor.offsetNanoseconds -= 600_000_000_000
        for minute in 1...40 { recorder.record(boottime: last + .seconds(60 * Int64(minute)), value: 1) }
        let newest = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest
        // The second time around windows begin a second later.
        #expect(newest.map(\.at).prefix(4) == [0, 1, 900, 901])
        #expect(newest.map(\.coverage.validSeconds).prefix(4) == [20, 560, 40, 899])
        // Of the earlier window 1...340 lies before the clock was put back to it; of the later one 940...1800 does not
        // come any more, and comes in the next.
        #expect(newest.prefix(4).map { $0.flag("clock_step") } == [nil, 399, 860, nil])
    }

    @Test("Times before 1970 have windows too")
    func negative() {
        var recorder = Recorder()
        recorder.anchor.offsetNanoseconds = -1_000_000_000_000
        recorder.record(boottime: Boottime(nanoseconds: 1), value: 1)
        recorder.record(boottime: Boottime(nanoseconds: 950_000_000_000), value: 1)
        let newest = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest
        #expect(newest.map(\.windowStart) == [-1_800, -900])
        #expect(newest.map(\.coverage.validSeconds) == [100, 850])
    }
}
