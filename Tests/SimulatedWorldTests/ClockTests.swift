// What the simulated clock promises, over many seeds.

import SimulatedWorld
import Testing
import World

struct SimulatedClockTests {
    @Test("Boottime never goes back within a boot, whatever the wall clock does; after a power cut it is 0")
    func boottime() {
        for seed in 0..<200 as Range<UInt64> {
            let clock = SimulatedClock(seed: seed)
            var random = Random(seed: seed, purpose: "test")
            var before = clock.now()
            for _ in 0..<50 {
                switch random.below(6) {
                case 0: clock.step(by: .seconds(Int64(random.below(200_000)) - 100_000))
                case 1: clock.slew(by: .milliseconds(Int64(random.below(800)) - 400))
                case 2:
                    let (boot, id) = (clock.bootNumber, clock.bootID)
                    clock.powerCut(off: .seconds(Int64(random.below(100))))
                    #expect(clock.now() == Boottime(nanoseconds: 0), "seed \(seed)")
                    #expect(clock.bootNumber == boot + 1 && clock.bootID != id, "seed \(seed)")
                    before = clock.now()
                default: clock.advance(by: .milliseconds(Int64(random.below(60_000))))
                }
                #expect(clock.now() >= before, "seed \(seed)")
                #expect(clock.wall().boottime == clock.now(), "seed \(seed)")
                before = clock.now()
            }
        }
    }

    @Test("While it is called synchronised, the wall clock is wrong by no more than the maximum error that it tells")
    func honestBound() {
        for seed in 0..<200 as Range<UInt64> {
            let clock = SimulatedClock(seed: seed)
            var random = Random(seed: seed, purpose: "test")
            for _ in 0..<100 {
                if random.chance(1, in: 20) { clock.step(by: .seconds(Int64(random.below(2_000)) - 1_000)) }
                if random.chance(1, in: 20) { clock.slew(by: .milliseconds(Int64(random.below(800)) - 400)) }
                clock.advance(by: .milliseconds(Int64(random.below(10_000))))
                let wall = clock.wall()
                guard wall.isSynchronised else { continue }
                let error = (wall.utc - clock.trueUTC).nanoseconds.magnitude
                #expect(error <= UInt64(wall.maximumErrorNanoseconds), "seed \(seed)")
            }
        }
    }

    @Test("It starts in the past and unsynchronised, soon is synchronised, and no longer after a step")
    func synchronises() {
        var atEpoch = 0
        for seed in 0..<200 as Range<UInt64> {
            let clock = SimulatedClock(seed: seed)
            #expect(!clock.wall().isSynchronised, "seed \(seed)")
            #expect((clock.trueUTC - clock.wall().utc) >= .seconds(60), "seed \(seed)")
            if clock.wall().utc.seconds < 86_400 { atEpoch += 1 }
            clock.advance(by: .seconds(120))
            #expect(clock.wall().isSynchronised, "seed \(seed)")
            clock.step(by: .seconds(-5))
            #expect(!clock.wall().isSynchronised, "seed \(seed)")
            clock.advance(by: .seconds(90))
            #expect(clock.wall().isSynchronised, "seed \(seed)")
        }
        #expect((20...80).contains(atEpoch), "a quarter of the boards boot in 1970")
    }

    @Test("A slew moves the wall clock by at most 500 ppm and stays synchronised")
    func slew() {
        let clock = SimulatedClock(seed: 1)
        clock.advance(by: .seconds(120))
        let before = (clock.wall().utc - clock.trueUTC).nanoseconds
        clock.slew(by: .milliseconds(100))
        #expect((clock.wall().utc - clock.trueUTC).nanoseconds == before)
        clock.advance(by: .seconds(10))
        #expect((clock.wall().utc - clock.trueUTC).nanoseconds == before + 5_000_000)
        clock.advance(by: .seconds(1_000))
        #expect((clock.wall().utc - clock.trueUTC).nanoseconds == before + 100_000_000)
        #expect(clock.wall().isSynchronised)
    }

    @Test("A wall clock that is never called synchronised is right from the start")
    func trustSystem() {
        let clock = SimulatedClock(seed: 7, wallClock: .rightButNeverSynchronised)
        for _ in 0..<10 {
            #expect(clock.wall().utc == clock.trueUTC && !clock.wall().isSynchronised)
            clock.advance(by: .seconds(100))
        }
    }

    @Test("Boottime and virtual time convert into each other, also after a power cut and for never")
    func conversion() {
        let clock = SimulatedClock(seed: 3)
        clock.advance(by: .seconds(10))
        clock.powerCut(off: .seconds(5))
        clock.advance(by: .seconds(2))
        #expect(clock.elapsed == VirtualTime(nanoseconds: 17_000_000_000))
        #expect(clock.now() == Boottime(nanoseconds: 2_000_000_000))
        #expect(clock.virtualTime(of: clock.now()) == clock.elapsed)
        #expect(clock.boottime(of: clock.elapsed + .seconds(1)) == clock.now() + .seconds(1))
        #expect(clock.virtualTime(of: .distantFuture) == .distantFuture)
        #expect(clock.boottime(of: .distantFuture) == .distantFuture)
    }

    @Test("A boot id has the form of a random UUID")
    func bootID() {
        for seed in 0..<50 as Range<UInt64> {
            let id = Array(SimulatedClock(seed: seed).bootID)
            #expect(id.count == 36 && [8, 13, 18, 23].allSatisfy { id[$0] == "-" }, "seed \(seed)")
            #expect(id[14] == "4" && "89ab".contains(id[19]), "seed \(seed)")
        }
    }
}
