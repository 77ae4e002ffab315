// An outbox that is delivered by another machine than the one that filled it.

import SimulatedWorld
import Testing
import World

@testable import Outbox

@Suite("An outbox taken over") struct TakenOverTests {
    /// An outbox on a machine that has been up for `uptime`, over an empty disk.
    private static func outbox(_ boot: BootID) throws -> Outbox<SimulatedDisk.Handle> {
        let clock = SimulatedClock(seed: 1)
        let disk = SimulatedDisk(clock: clock, seed: 1)
        var random = Random(seed: 1)
        return try Outbox(
            disk: disk.handle(), limits: Bench.limits,
            dictionary: ChannelDictionary(boot: boot, prefix: "city/node/", table: table(2)), boot: boot,
            random: &random)
    }

    @Test("The boot of the machine that delivers bounds nothing: it may have begun long before what is stored")
    func boundsNothing() throws {
        let dead = StreamID(rawValue: 7), deadBoot = BootID(high: 1, low: 2), own = BootID(high: 3, low: 4)
        let anchor = Anchor(offsetNanoseconds: 1_795_000_000_000_000_000, boundNanoseconds: 0)
        let now = Boottime(nanoseconds: 900_000_000_000)
        for isTakenOver in [false, true] {
            var outbox = try Self.outbox(own)
            if isTakenOver { outbox.takenOverAt = now - .seconds(5) }
            outbox.boots[dead] = deadBoot
            var found = BootTimes()
            found.begin(deadBoot)
            outbox.times.adopt(found)
            outbox.settle(anchor, now: now)
            let bounds = outbox.bounds(of: dead)
            // On the node itself the dead boot had ended when this one began.
            #expect((bounds.notAfter == nil) == isTakenOver)
            #expect(bounds.notBefore == nil)
        }
    }
}
