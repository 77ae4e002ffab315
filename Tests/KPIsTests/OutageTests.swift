import KPIs
import Testing
import World

@Suite("Outages from a mains-sense line")
struct OutageTests {
    /// One node's line: heartbeats every minute, outages (start, seconds) with edges.
    static func line(_ outages: [(start: Int64, milliseconds: Int64)], until: Int64) -> Recorder {
        var recorder = Recorder()
        var moments: [(milliseconds: Int64, value: Int64?)] = stride(from: 0, to: until, by: 60)
            .map { ($0 * 1_000, nil) }
        for outage in outages {
            moments.append((outage.start * 1_000, 0))
            moments.append((outage.start * 1_000 + outage.milliseconds, 1))
        }
        moments.sort { ($0.milliseconds, $0.value ?? 2) < ($1.milliseconds, $1.value ?? 2) }
        var level: Int64 = 1
        for moment in moments {
            level = moment.value ?? level
            recorder.record(channel: 1, at: 0, milliseconds: moment.milliseconds, value: level)
        }
        return recorder
    }

    static let vector: [(customers: Int64, minutes: Int64)] = [
        (500, 90), (1_200, 4), (2_000, 45), (300, 5), (50, 600), (600, 30), (400, 75),
    ]

    @Test("The worked example of IEEE 1366 in both profiles, from lines of seven nodes (V-EL-1, V-EL-2)")
    func reliability() throws {
        var set = ContributionSet()
        for (index, outage) in Self.vector.enumerated() {
            let recorder = Self.line(
                [(start: 1_000 + Int64(index) * 77, milliseconds: outage.minutes * 60_000)], until: 60_000)
            let bindings = [
                Fixture.mainsBinding(Fixture.outageCount, customers: outage.customers),
                Fixture.mainsBinding(Fixture.outageTime, customers: outage.customers, window: 900),
            ]
            for contribution in KPIFolder.contributions(bindings, recorder.batches(sizes: [3, 1])) {
                set.add(contribution, node: "n\(index)", stream: UInt64(index))
            }
        }
        for indicator in [Fixture.outageCount, Fixture.outageTime] {
            let total = set.total(indicator)
            #expect(total.nodes == 7)
            let ieee = try #require(total.reliability(.ieee1366, customersServed: 10_000))
            #expect(ieee.interruptions == 3_550...3_550)
            #expect(ieee.customerSeconds == 213_000 * 60...213_000 * 60)
            #expect(isClose(ieee.saifi, 0.355, within: 1e-12))
            #expect(isClose(ieee.saidiMinutes, 21.3, within: 1e-12))
            // The mean of the five durations would be 168.
            #expect(isClose(ieee.caidiMinutes, 60, within: 1e-12))
            #expect(isClose(ieee.maifi, 0.15, within: 1e-12))
            #expect(isClose(ieee.asai(days: 365), 0.99995947, within: 5e-9))
            let european = try #require(total.reliability(.en50160, customersServed: 10_000))
            #expect(european.interruptions == 5_050...5_050)
            #expect(european.customerSeconds == 219_300 * 60...219_300 * 60)
            #expect(isClose(european.saifi, 0.505, within: 1e-12))
            #expect(isClose(european.saidiMinutes, 21.93, within: 1e-12))
            #expect(isClose(european.caidiMinutes, 43.425743, within: 5e-7))
        }
        #expect(set.total(Fixture.outageTime).reliability(.ieee1366, customersServed: 0) == nil)
    }

    @Test(
        "The classes end at exactly 3 and 5 minutes",
        arguments: [(180_000, 0), (180_001, 1), (300_000, 1), (300_001, 2), (1, 0)] as [(Int64, Int)])
    func classes(milliseconds: Int64, expected: Int) throws {
        let recorder = Self.line([(start: 100, milliseconds: milliseconds)], until: 3_000)
        let outages = try #require(
            KPIFolder.contributions([Fixture.mainsBinding(customers: 3)], recorder.batches()).newest[0].outages)
        let tallies = [outages.upTo3, outages.upTo5, outages.over5, outages.unclear]
        #expect(tallies.map(\.interruptions) == (0..<4).map { $0 == expected ? 3 : 0 })
        let seconds = 3 * ((milliseconds + 500) / 1_000)
        #expect(tallies[expected].minimum == seconds)
        #expect(tallies[expected].maximum == seconds)
    }

    @Test("An outage belongs to the window it begins in: open it counts without time, and its end revises that window")
    func acrossWindows() throws {
        let recorder = Self.line([(start: 3_000, milliseconds: 9_000_000)], until: 14_000)
        var folder = KPIFolder(stream: 1, bindings: [Fixture.mainsBinding(customers: 5)])
        var given: [Contribution] = []
        var cursors: [UInt64] = []
        for batch in recorder.batches() {
            folder.fold(batch)
            given += folder.taken(.windowEnds)
            cursors.append(folder.passedThrough)
        }
        let first = given.filter { $0.at == 0 }
        #expect(first.map(\.isFinal) == [false, true] || first.map(\.isFinal) == [true])
        let closed = try #require(first.last)
        #expect(closed.outages?.over5 == OutageTally(interruptions: 5, minimum: 45_000, maximum: 45_000))
        #expect(closed.outages?.open == 0)
        #expect(closed.coverage.validSeconds == 3_600)
        let others = given.filter { $0.at > 0 }
        #expect(others.map(\.at) == [3_600, 7_200])
        #expect(others.allSatisfy { $0.outages == OutageState() && $0.coverage.validSeconds == 3_600 })
        #expect(cursors == cursors.sorted())
        // While the outage is open, the window that it began in is needed.
        #expect(folder.passedThrough > 0)
        var open = KPIFolder(stream: 1, bindings: [Fixture.mainsBinding(customers: 5)])
        for batch in recorder.batches().prefix(100) { open.fold(batch) }
        let provisional = try #require(open.taken(.provisional).first)
        #expect(provisional.outages?.open == 5)
        #expect(provisional.isFinal == false)
        #expect(open.passedThrough == 0)
        let reliability = try #require(
            [provisional].gathered().total(Fixture.outageTime).reliability(.ieee1366, customersServed: 10))
        #expect(reliability.interruptions == 5...5)
        #expect(reliability.customerSeconds == 0...0)
    }

    @Test("An outage whose begin or end nobody saw has a shortest and a longest duration")
    func censored() throws {
        var recorder = Recorder()
        recorder.record(channel: 1, at: 0, value: 1)
        recorder.record(channel: 1, at: 60, value: 1)
        recorder.restart()
        recorder.record(channel: 1, at: 160, value: 0)
        recorder.record(channel: 1, at: 220, value: 0)
        recorder.record(channel: 1, at: 280, value: 0, quality: .notAvailable)
        recorder.record(channel: 1, at: 520, value: 1)
        let window = KPIFolder.contributions([Fixture.mainsBinding()], recorder.batches()).newest[0]
        // Began in 60...160, ended in 220...520: at least 60 s, at most 460.
        #expect(window.outages?.unclear == OutageTally(interruptions: 1, minimum: 60, maximum: 460))
        #expect(window.coverage.validSeconds == 60 + 60)
        #expect(window.flag("missing") == 340)
        #expect(window.flag("not_available") == 60)
        let total = [window].gathered().total(Fixture.outageTime)
        let reliability = try #require(total.reliability(.ieee1366, customersServed: 1))
        #expect(reliability.interruptions == 0...1)
        #expect(reliability.customerSeconds == 0...460)
        #expect(reliability.caidiMinutes == nil)
    }

    @Test("An outage in progress at the first reading adds its time and no interruption")
    func inherited() {
        var recorder = Recorder()
        recorder.record(channel: 1, at: 100, value: 0)
        recorder.record(channel: 1, at: 900, value: 1)
        let window = KPIFolder.contributions([Fixture.mainsBinding(customers: 2)], recorder.batches()).newest[0]
        #expect(window.outages?.over5 == OutageTally(interruptions: 0, minimum: 1_600, maximum: 1_600))
        #expect(window.outages?.open == 0)
    }

    @Test("A node without power tells of an outage between its heartbeat and its boot, the same each time it is asked")
    func dark() throws {
        var recorder = Recorder()
        recorder.record(channel: 1, at: 5, value: 1)
        recorder.record(channel: 1, at: 4_000, value: 1)
        func run() -> [Contribution] {
            var folder = KPIFolder(stream: 2, bindings: [Fixture.mainsBinding(customers: 4), Fixture.waterBinding()])
            for _ in 0..<2 {
                folder.noteDark(
                    from: UTC(seconds: Fixture.hour - 2_000), period: .seconds(600),
                    until: UTC(seconds: Fixture.hour - 10))
            }
            var given = folder.taken(.provisional)
            for batch in recorder.batches() {
                folder.fold(batch)
                given += folder.taken(.windowEnds)
            }
            return given
        }
        let given = run()
        #expect(given.map(\.text) == run().map(\.text))
        let first = try #require(given.first)
        #expect(first.at == -3_600)
        #expect(first.revision == 0)
        #expect(first.outages?.over5 == OutageTally(interruptions: 4, minimum: 4 * 1_390, maximum: 4 * 1_990))
        #expect(first.outages?.dark == 4)
        #expect(first.flag("dark") == 1_990)
        let mains = given.filter { $0.sensor == "mains" }
        #expect(mains.map(\.at) == [-3_600, -3_600, 0])
        #expect(mains[1].isFinal)
        // What a meter counted after the heartbeat may be lost, and is said to be where that may have been.
        let water = given.filter { $0.sensor == "water" }.newest
        #expect(water.map(\.at) == [-2_700, -1_800, -900])
        #expect(water.map { $0.flag("dark") } == [200, 900, 890])
        #expect(water.allSatisfy { $0.amount == 0 && $0.coverage.validSeconds == 0 })
        // The stream before had seen it begin and died with it: one outage, counted once.
        var set = given.gathered(stream: 2)
        var before = Recorder()
        before.record(channel: 1, at: -2_100, value: 1)
        before.record(channel: 1, at: -2_000, value: 0)
        set.join(
            KPIFolder.contributions([Fixture.mainsBinding(customers: 4)], before.batches(), stream: 1).gathered(
                stream: 1))
        let total = set.total(Fixture.outageTime)
        #expect(total.reliability(.ieee1366, customersServed: 4)?.interruptions == 4...4)
        #expect(total.supersededOpen == 4)
    }

    @Test(
        "A step of the wall clock does not lengthen or shorten an outage",
        arguments: [-7_200, -20, 20, 7_200] as [Int64])
    func clockStep(step: Int64) throws {
        var recorder = Recorder()
        recorder.record(channel: 1, at: 10, value: 1)
        recorder.record(channel: 1, at: 100, value: 0)
        let start = recorder.anchor.boottime(UTC(seconds: Fixture.hour + 100))
        recorder.anchor.offsetNanoseconds += step * 1_000_000_000
        recorder.record(channel: 1, boottime: start + .seconds(250), value: 1)
        recorder.record(channel: 1, boottime: start + .seconds(260), value: 1)
        let set = KPIFolder.contributions([Fixture.mainsBinding()], recorder.batches()).gathered()
        let total = set.total(Fixture.outageTime)
        #expect(total.reliability(.en50160, customersServed: 1)?.customerSeconds == 250...250)
        #expect(total.validSeconds <= total.expectedSeconds)
    }
}
