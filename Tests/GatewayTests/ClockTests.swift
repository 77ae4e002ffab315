// When the wall clock is trusted, and what a step of it does.

import Gateway
import Testing
import World

@Suite("Clock settling") struct ClockTests {
    private static func wall(_ boot: Int64, offset: Int64, isSynchronised: Bool, bound: Int64 = 1_000) -> WallReading {
        WallReading(
            boottime: Boottime(nanoseconds: boot), utc: UTC(nanoseconds: boot + offset), isSynchronised: isSynchronised,
            maximumErrorNanoseconds: bound)
    }
    private static let second: Int64 = 1_000_000_000
    private static let year2026: Int64 = 1_767_225_600 * second

    @Test("A clock that the kernel does not call synchronised is not trusted, however plausible it looks")
    func untrusted() {
        var settling = ClockSettling(trustsSystem: false)
        for at in 1...5 {
            let now = Int64(at) * Self.second
            let change = settling.look(at: Boottime(nanoseconds: now)) {
                Self.wall(now, offset: Self.year2026, isSynchronised: false)
            }
            #expect(change == .none)
        }
        #expect(settling.anchor == nil)
    }

    @Test("It settles once when synchronised, with the kernel's own bound; trust-system settles at once")
    func settles() {
        for trusts in [false, true] {
            var settling = ClockSettling(trustsSystem: trusts)
            let expected = Anchor(offsetNanoseconds: Self.year2026, boundNanoseconds: 7_000)
            let change = settling.look(at: Boottime(nanoseconds: Self.second)) {
                Self.wall(Self.second, offset: Self.year2026, isSynchronised: !trusts, bound: 7_000)
            }
            #expect(change == .settled(expected))
            #expect(settling.anchor == expected)
        }
    }

    @Test("A clock before 2020 was never set and is not trusted, whoever says so, also not after it was right")
    func neverSet() {
        for trusts in [false, true] {
            var settling = ClockSettling(trustsSystem: trusts)
            func look(_ second: Int64, _ offset: Int64) -> ClockSettling.Change {
                settling.look(at: Boottime(nanoseconds: second * Self.second)) {
                    Self.wall(second * Self.second, offset: offset, isSynchronised: true)
                }
            }
            #expect(look(1, 0) == .none && settling.anchor == nil)
            #expect(look(2, UTC.earliest.nanoseconds - 1) == .none && settling.anchor == nil)
            #expect(look(3, UTC.earliest.nanoseconds) != .none)
            let before = settling.anchor
            #expect(look(4, 0) == .none && settling.anchor == before)
        }
    }

    @Test("It is looked at no more than once a second")
    func looksSeldom() {
        var settling = ClockSettling(trustsSystem: true)
        var looks = 0
        for millisecond in stride(from: Int64(0), to: 10_000, by: 10) {
            let now = millisecond * 1_000_000
            _ = settling.look(at: Boottime(nanoseconds: now)) {
                looks += 1
                return Self.wall(now, offset: Self.year2026, isSynchronised: true)
            }
        }
        #expect(looks == 10)
    }

    @Test(
        "What the clock moved by decides: nothing within a millisecond, a new anchor within a second, else a step",
        arguments: [
            (Duration.microseconds(999), false, false), (.microseconds(-999), false, false),
            (.milliseconds(2), true, false), (.milliseconds(-2), true, false), (.seconds(1), true, false),
            (.milliseconds(1_001), true, true), (.seconds(-3_600), true, true), (.seconds(31_536_000), true, true),
        ])
    func moves(_ by: Duration, isNewAnchor: Bool, isStep: Bool) {
        var settling = ClockSettling(trustsSystem: false)
        _ = settling.look(at: Boottime(nanoseconds: Self.second)) {
            Self.wall(Self.second, offset: Self.year2026, isSynchronised: true)
        }
        let before = settling.anchor
        let offset = Self.year2026 + by.nanoseconds
        let change = settling.look(at: Boottime(nanoseconds: 3 * Self.second)) {
            Self.wall(3 * Self.second, offset: offset, isSynchronised: true)
        }
        #expect((settling.anchor != before) == isNewAnchor)
        if isStep {
            #expect(change == .stepped(Anchor(offsetNanoseconds: offset, boundNanoseconds: 1_000), by: by))
        } else {
            #expect(change == .none)
        }
    }

    @Test("While the kernel withdraws its word the anchor stays; the step is told when it gives it again")
    func withdrawn() {
        var settling = ClockSettling(trustsSystem: false)
        func look(_ second: Int64, _ offset: Int64, _ isSynchronised: Bool) -> ClockSettling.Change {
            settling.look(at: Boottime(nanoseconds: second * Self.second)) {
                Self.wall(second * Self.second, offset: offset, isSynchronised: isSynchronised)
            }
        }
        _ = look(1, Self.year2026, true)
        let before = settling.anchor
        #expect(look(2, Self.year2026 + 3_600 * Self.second, false) == .none)
        #expect(settling.anchor == before)
        guard case .stepped(_, let by) = look(3, Self.year2026 + 60 * Self.second, true) else {
            Issue.record("the step was not told")
            return
        }
        #expect(by == .seconds(60))
    }
}
