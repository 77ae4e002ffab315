import KPIs
import Testing
import World

@Suite("Water consumption from pulses")
struct WaterTests {
    @Test("1 234 567 pulses of 10 L are 12 345.67 m3 (V-WA-1)")
    func pulses() {
        var recorder = Recorder()
        var left: Int64 = 1_234_567
        var second: Int64 = 0
        while left > 0 {
            let pulses = min(left, 1 + second % 97)
            recorder.record(at: second, value: pulses)
            left -= pulses
            second += 60
        }
        let batches = recorder.batches(sizes: [13, 1, 60])
        let total = KPIFolder.contributions([Fixture.waterBinding()], batches).gathered().total(Fixture.water)
        #expect(total.millilitres == 12_345_670_000)
    }

    @Test("96 400 000 L a day among 412 000 inhabitants are 233.980583 L each (V-WA-2)")
    func perCapita() {
        var recorder = Recorder()
        for quarter in Int64(0)..<96 { recorder.record(at: quarter * 900 + 899, value: 964_000_00 / 96) }
        // The quarters' division leaves a rest.
        recorder.record(at: 86_399, value: 964_000_00 - 964_000_00 / 96 * 96)
        let binding = Fixture.waterBinding(scale: -3)
        let total = KPIFolder.contributions([binding], recorder.batches()).gathered().total(Fixture.water)
        #expect(total.millilitres == 96_400_000_000)
        #expect(isClose(total.litresPerCapitaDay(inhabitants: 412_000, days: 1), 233.980583, within: 5e-7))
        #expect(total.litresPerCapitaDay(inhabitants: 0, days: 1) == nil)
    }

    @Test("A sample exactly on the border belongs to the later window, and covers the earlier one to its end")
    func border() {
        var recorder = Recorder()
        recorder.record(at: 0, value: 1)
        recorder.record(at: 899, milliseconds: 999, value: 2)
        recorder.record(at: 900, value: 4)
        recorder.record(at: 1_799, value: 8)
        recorder.record(at: 1_800, milliseconds: 1, value: 16)
        let newest = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest
        #expect(newest.map(\.at) == [0, 900, 1_800])
        #expect(newest.map(\.amount) == [30_000, 120_000, 160_000])
        #expect(newest.map(\.coverage.validSeconds) == [900, 900, 0])
        #expect(newest.map(\.isFinal) == [true, true, false])
        #expect(newest.map(\.revision) == [3, 5, 5])
    }

    @Test(
        "Covered seconds of neighbouring windows add up exactly, whatever the rhythm",
        arguments: [900, 3_600] as [Int64])
    func additive(window: Int64) {
        var recorder = Recorder()
        var random = Random(seed: 11)
        var milliseconds: Int64 = 137
        for _ in 0..<2_000 {
            recorder.record(at: 0, milliseconds: milliseconds, value: 1)
            milliseconds += Int64(random.below(90_000))
        }
        let end = recorder.readings[1_999].0.acquired.nanoseconds + recorder.anchor.offsetNanoseconds
        let total = KPIFolder.contributions([Fixture.waterBinding(window: window)], recorder.batches(sizes: [7]))
            .gathered().total(Fixture.water)
        #expect(total.validSeconds == Int128(end / 1_000_000_000 - Fixture.hour))
        #expect(total.millilitres == 2_000 * 10_000)
    }

    @Test("An hourly meter covers the quarters between its readings; its amount goes to the reading's own")
    func slowMeter() {
        var recorder = Recorder()
        recorder.record(at: 100, value: 1)
        recorder.record(at: 3_700, value: 5)
        let newest = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest
        #expect(newest.map(\.at) == [0, 900, 1_800, 2_700, 3_600])
        #expect(newest.map(\.coverage.validSeconds) == [800, 900, 900, 900, 100])
        #expect(newest.map(\.amount) == [10_000, 0, 0, 0, 50_000])
        #expect(newest.map(\.isFinal) == [true, true, true, true, false])
    }

    @Test("Lost readings, bad readings and restarts are seconds with a reason, and never covered")
    func flags() {
        var recorder = Recorder()
        recorder.record(at: 0, value: 1)
        recorder.lose(count: 2)
        recorder.record(at: 90, value: 1)
        recorder.record(at: 120, value: 0, quality: .timedOut)
        recorder.record(at: 150, value: 1, quality: .estimated)
        recorder.record(at: 180, value: 7, quality: .outOfRange)
        recorder.restart()
        recorder.record(at: 300, value: 1)
        recorder.record(at: 310, value: 1)
        let window = KPIFolder.contributions([Fixture.waterBinding()], recorder.batches()).newest[0]
        #expect(window.amount == 50_000)
        #expect(window.coverage.validSeconds == 30 + 30 + 10)
        #expect(
            window.coverage.flags.map { "\($0.name) \($0.seconds)" } == [
                "estimated 30", "lost 60", "missing 120", "out_of_range 30", "timed_out 30",
            ])
        #expect(window.coverage.fromSecond == 60)
        #expect(window.coverage.toSecond == 310)
    }

    @Test("A sum that does not fit closes its window early and goes on in one of its own")
    func overflow() {
        var recorder = Recorder()
        recorder.record(at: 10, value: Int64.max - 5)
        recorder.record(at: 400, value: 5)
        recorder.record(at: 500, value: 6)
        recorder.record(at: 950, value: 1)
        // Too large for 64 bits by itself: not an amount.
        recorder.record(at: 960, value: 2)
        let newest = KPIFolder.contributions([Fixture.waterBinding(scale: -6)], recorder.batches()).newest
        #expect(newest.map(\.at) == [0, 500, 900])
        #expect(newest.map(\.windowSeconds) == [900, 400, 900])
        #expect(newest.map(\.amount) == [.max, 6, 3])
        #expect(newest.map(\.coverage.expectedSeconds) == [500, 400, 900])
        #expect(newest.map(\.coverage.validSeconds) == [490, 400, 60])
        #expect(newest.gathered().total(Fixture.water).expectedSeconds == 1_800)
        #expect(newest.gathered().total(Fixture.water).millilitres == Int128(Int64.max) + 9)
    }

    @Test("A channel finer than a millilitre keeps its scale and adds to coarser ones")
    func scales() {
        var recorder = Recorder()
        recorder.record(at: 10, value: 1_234)
        var set = KPIFolder.contributions([Fixture.waterBinding(scale: -9)], recorder.batches()).gathered(node: "a")
        #expect(set.entries.values.first?.contribution.scale == -3)
        set.join(KPIFolder.contributions([Fixture.waterBinding(scale: 0)], recorder.batches()).gathered(node: "b"))
        #expect(set.total(Fixture.water).millilitres == 1_234_000_001)
    }

    @Test("A meter's totals: 100, 150, 30, 80, 80, 5 are 135; a 16-bit register from 65500 to 20 is 56 (V-MG-4)")
    func register() {
        var meter = RegisterMeter()
        var increments: [Int64] = []
        for total in [100, 150, 30, 80, 80, 5] as [Int64] { increments.append(meter.increment(to: total)) }
        #expect(increments == [0, 50, 30, 50, 0, 5])
        #expect(increments.reduce(0, +) == 135)
        var wrapping = RegisterMeter(modulus: 65_536)
        _ = wrapping.increment(to: 65_500)
        let wrapped = wrapping.increment(to: 20)
        #expect(wrapped == 56)
        var replaced = RegisterMeter(modulus: 65_536)
        _ = replaced.increment(to: 40_000)
        let begunAgain = replaced.increment(to: 20)
        #expect(begunAgain == 20)
    }
}

@Suite("When windows are given")
struct GivingTests {
    @Test("A window is given 30 s after its end, and again as final when the next reading came")
    func grace() {
        var recorder = Recorder()
        recorder.record(at: 880, value: 1)
        recorder.record(at: 960, value: 1)
        let batches = recorder.batches()
        var folder = KPIFolder(stream: 1, bindings: [Fixture.waterBinding()])
        folder.fold(batches[0])
        #expect(folder.taken(.windowEnds, at: 929).isEmpty)
        #expect(folder.taken(.windowEnds, at: 930).map(\.isFinal) == [false])
        #expect(folder.taken(.windowEnds, at: 931).isEmpty)
        folder.fold(batches[1])
        let closed = folder.taken(.windowEnds, at: 961)
        #expect(closed.map(\.isFinal) == [true])
        #expect(closed[0].revision == 2)
        #expect(closed[0].coverage.validSeconds == 20)
        #expect(folder.taken(.windowEnds, at: 962).isEmpty)
        #expect(folder.taken(.provisional, at: 962).map(\.at) == [900])
        #expect(folder.taken(.provisional, at: 962).map(\.at) == [900])
    }

    @Test("A change of configuration leaves a window of its own for the rest")
    func ownStart() {
        var recorder = Recorder()
        recorder.record(at: 60, value: 1)
        recorder.record(at: 120, value: 1)
        var old = KPIFolder(stream: 1, bindings: [Fixture.waterBinding()])
        let batches = recorder.batches()
        old.fold(batches[0])
        let left = old.taken(.provisional)
        var new = KPIFolder(
            stream: 1, bindings: [Fixture.waterBinding()], after: 1, from: UTC(seconds: Fixture.hour + 100))
        new.fold(batches[1])
        let rest = new.taken(.provisional)
        #expect(rest.map(\.at) == [100])
        #expect(rest.map(\.windowSeconds) == [800])
        let total = (left + rest).gathered().total(Fixture.water)
        #expect(total.millilitres == 20_000)
        #expect(total.expectedSeconds == 900)
        #expect(total.contributions == 2)
    }

    @Test("Readings of channels that no binding names, and batches that were folded, change nothing")
    func ignored() {
        var recorder = Recorder()
        recorder.record(channel: 9, at: 10, value: 1)
        recorder.record(at: 10, value: 1)
        let batches = recorder.batches()
        var folder = KPIFolder(stream: 1, bindings: [Fixture.waterBinding()])
        for batch in batches + batches { folder.fold(batch) }
        #expect(folder.taken(.provisional).map(\.amount) == [10_000])
    }
}
