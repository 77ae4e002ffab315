// A broker that refuses one topic, or has no room for a message now.

import Gateway
import SimulatedWorld
import Testing
import World

@Suite("Courier, refused topics") struct RefusedTopicTests {
    @Test("While history is refused, what is live goes out in time; history follows when it is allowed again")
    func historyRefused() throws {
        let bench = try CourierBench()
        bench.broker.goAway(.unreachable)
        bench.sample(seconds: 60)
        bench.broker.refusedTopics = ["history"]
        bench.broker.comeBack()
        bench.sample(seconds: 60, from: 61)
        let live = try bench.received("readings").flatMap(\.elements).compactMap { $0["v"]?.number }
        #expect(Set(CourierBench.published(70...118)).isSubset(of: live), "live is not held up")
        #expect(try bench.received("history").isEmpty)
        #expect(bench.journal.filter { $0.text.contains("refuses history") }.count == 1)
        bench.broker.refusedTopics = []
        bench.run(.seconds(120))
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...120)))
    }

    @Test("While readings are refused, they go out as history once they are old enough, and none is lost")
    func readingsRefused() throws {
        let bench = try CourierBench()
        bench.run(.seconds(2))
        bench.broker.refusedTopics = ["readings"]
        bench.sample(seconds: 90)
        let late = try bench.received("history").flatMap(\.elements).compactMap { $0["v"]?.number }
        #expect(Set(CourierBench.published(1...70)).isSubset(of: late), "\(late.count) have come as history")
        bench.broker.refusedTopics = []
        bench.run(.seconds(120))
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...90)))
        #expect(bench.broker.sessions == 1, "refusals end no session")
    }

    @Test("While events are refused, readings go on, and every event comes later")
    func eventsRefused() throws {
        let bench = try CourierBench()
        bench.run(.seconds(2))
        bench.broker.refusedTopics = ["events"]
        bench.refuse(0, 3)
        bench.sample(seconds: 40)
        #expect(try bench.values().count >= 38)
        #expect(try bench.events("tombstone").isEmpty)
        bench.broker.refusedTopics = []
        bench.run(.seconds(120))
        #expect(bench.isDrained)
        #expect(try bench.events("tombstone").count == 1)
    }

    @Test("A refused message is offered again in the same session, from memory and from flash", arguments: [2, 40])
    func offeredAgain(_ seconds: Int) throws {
        let bench = try CourierBench()
        bench.run(.seconds(2))
        bench.broker.isQuotaExceeded = true
        bench.sample(seconds: seconds)
        #expect(try bench.values().isEmpty)
        bench.broker.isQuotaExceeded = false
        bench.run(.seconds(400))
        #expect(bench.isDrained && bench.broker.sessions == 1)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...Int64(seconds))))
    }

    @Test("A status for which the broker has no room is said as soon as there is")
    func statusRetried() throws {
        var profile = SimulatedBroker.Profile()
        profile.receiveMaximum = 1
        let seed = try #require(
            (UInt64(1)...200).first { seed in
                let clock = SimulatedClock(seed: seed)
                clock.advance(by: .seconds(40))
                let isLate = !clock.wall().isSynchronised
                clock.advance(by: .seconds(40))
                return isLate && clock.wall().isSynchronised
            })
        let bench = try CourierBench(seed: seed, wallClock: .synchronisesLater, profile: profile) {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(5)
        }
        bench.run(.seconds(10))
        // One message fills the broker's window for two minutes; meanwhile the clock settles.
        bench.broker.delayNextAcknowledgement(by: .seconds(120))
        bench.take(0, 1)
        bench.run(.seconds(90))
        #expect(bench.journal.contains { $0.text == "clock settled" })
        #expect(try bench.received("status").last?["clock_state"]?.string == "unsettled")
        bench.run(.seconds(60))
        #expect(try bench.received("status").last?["clock_state"]?.string == "synced")
        #expect(bench.broker.sessions == 1)
    }
}

@Suite("Courier, full runtime directory") struct FullRuntimeTests {
    @Test("Readings that find no room are counted in one tombstone, which is not lost itself")
    func tombstone() throws {
        let bench = try CourierBench()
        bench.sample(seconds: 5)
        bench.disk.isRuntimeFull = true
        bench.sample(seconds: 60, from: 6)
        bench.disk.isRuntimeFull = false
        bench.sample(seconds: 10, from: 66)
        bench.run(.seconds(5))
        #expect(bench.isDrained)
        let told = try bench.events("tombstone").filter { $0["lane"]?.string == "readings" }
        let counts = told.compactMap { tombstone -> Int? in
            guard case .object(let channels)? = tombstone["channels"] else { return nil }
            return channels.values.compactMap { $0.number }.compactMap { Int($0) }.reduce(0, +)
        }
        #expect(counts.reduce(0, +) + Set(try bench.values()).count == 75, "\(counts)")
        #expect(told.count == 1 && counts[0] >= 55)
    }
}
