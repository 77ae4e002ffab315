import Testing
import World

@testable import Uplink

private func at(_ seconds: Int64) -> Boottime { Boottime(nanoseconds: seconds * 1_000_000_000) }

/// Steps a filter as its owner does.
private struct Owner {
    var filter = FlapFilter()
    var lines = 0
    var counted: UInt64 = 0
    var told: UInt64 = 0

    mutating func change(at now: Boottime) {
        step(at: now)
        switch filter.change(at: now) {
        case .tell:
            lines += 1
            told += 1
        case .beganFlapping:
            lines += 1
            told += 1
        case .counted: break
        }
    }

    mutating func step(at now: Boottime) {
        while filter.deadline <= now {
            guard let report = filter.step(at: filter.deadline) else { return }
            lines += 1
            if case .stillFlapping(let changes) = report { counted += changes }
        }
    }
}

struct FlapFilterTests {
    @Test("Four changes in ten minutes are told one by one; the fifth is flapping, and then they are counted")
    func fifth() {
        var filter = FlapFilter()
        for second in [0, 100, 200, 300] as [Int64] { #expect(filter.change(at: at(second)) == .tell) }
        #expect(filter.deadline == .distantFuture)
        #expect(filter.change(at: at(600)) == .beganFlapping(changes: 5))
        #expect(filter.isFlapping && filter.deadline == at(600 + 3_600))
        #expect(filter.change(at: at(601)) == .counted)
        #expect(filter.change(at: at(602)) == .counted)
        #expect(filter.step(at: at(4_199)) == nil)
        #expect(filter.step(at: at(4_200)) == .stillFlapping(changes: 2))
        #expect(filter.step(at: at(7_799)) == nil)
        #expect(filter.step(at: at(7_800)) == .ended)
        #expect(!filter.isFlapping && filter.deadline == .distantFuture)
        #expect(filter.change(at: at(20_000)) == .tell)
    }

    @Test("Five changes in more than ten minutes are not flapping")
    func slow() {
        var filter = FlapFilter()
        for second in [0, 151, 302, 453, 604] as [Int64] { #expect(filter.change(at: at(second)) == .tell) }
    }

    @Test("Changes that stay just below the first rule are caught by the second")
    func creeping() {
        var filter = FlapFilter()
        for index in 0..<19 { #expect(filter.change(at: at(Int64(index) * 180)) == .tell) }
        #expect(filter.change(at: at(19 * 180)) == .beganFlapping(changes: 20))
    }

    @Test("A change at time 0 and many turns of the memory are nothing special")
    func turns() {
        var filter = FlapFilter()
        for index in 0..<200 { #expect(filter.change(at: at(Int64(index) * 7_200)) == .tell) }
    }

    @Test("No rhythm makes more than 110 lines a day, and none of the changes is forgotten", arguments: 1...200)
    func anyRhythm(seed: UInt64) {
        var random = Random(seed: seed)
        var owner = Owner()
        var now: Int64 = 0
        var changes: UInt64 = 0
        let rhythm = 1 + random.below(4_000)
        while now < 86_400 {
            owner.change(at: at(now))
            changes += 1
            // A rhythm, a burst now and then, and silences of about an hour, where flapping ends and begins anew.
            now += Int64(random.chance(1, in: 20) ? 3_700 : 1 + random.below(rhythm))
        }
        #expect(owner.lines <= 110, "seed \(seed): \(owner.lines) lines")
        owner.step(at: at(86_400 * 2))
        #expect(owner.told + owner.counted == changes, "seed \(seed)")
    }
}
