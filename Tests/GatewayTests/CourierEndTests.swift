// The Courier where time is not known yet, and at an orderly end.

import Gateway
import KPIs
import SimulatedWorld
import Testing
import World

@Suite("Courier, clock and stop") struct CourierEndTests {
    /// A world whose clock is not synchronised before then.
    private static func lateSeed(_ wait: Duration) throws -> UInt64 {
        let found = (UInt64(1)...200).first { seed in
            let clock = SimulatedClock(seed: seed)
            clock.advance(by: wait)
            return !clock.wall().isSynchronised
        }
        return try #require(found)
    }

    @Test("Unsettled batches wait for the clock, then go out relative to now, with boot and boot_ns")
    func unsettled() throws {
        let seed = try Self.lateSeed(.seconds(60))
        let bench = try CourierBench(seed: seed, wallClock: .synchronisesLater) {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(20)
        }
        bench.sample(seconds: 19)
        #expect(try bench.sequences().isEmpty, "nothing is sent while there is hope")
        bench.sample(seconds: 6, from: 20)
        let batches = try bench.received.filter { $0.topic == "readings" || $0.topic == "history" }
        #expect(try bench.sequences().count >= 24)
        for batch in batches {
            for record in batch.json.elements {
                let offset = record["t"]?.number
                #expect(offset == nil || offset!.hasPrefix("-"), "relative to now, never ahead of it")
                guard record["seq"] != nil else { continue }
                #expect(record["clock"]?.string == "unsettled")
                #expect(record["boot"]?.string == bench.clock.bootID)
                let encodedAt = Int64(record["boot_ns"]?.string ?? "") ?? 0
                #expect(encodedAt > 0 && encodedAt <= bench.clock.boottime(of: batch.at).nanoseconds)
                #expect(record["bt"] == nil || record["bt"]?.number == "0", "never 1970, never a guess")
            }
        }
        #expect(try bench.received("status").last?["clock_state"]?.string == "unsettled")

        bench.sample(seconds: 120, from: 26)
        #expect(try bench.events("anchor").first?["boot"]?.string == bench.clock.bootID)
        let last = try bench.received("readings").last?.elements.first { $0["seq"] != nil }
        #expect(last?["clock"]?.string == "synced")
        bench.run(.seconds(3))
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...145)), "and nothing is lost for it")
    }

    @Test("Batches that the clock settles in time go out with their true time")
    func settledInTime() throws {
        let bench = try CourierBench(seed: 3, wallClock: .synchronisesLater) {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(600)
        }
        bench.take(0, 1)
        let truth = bench.clock.trueUTC
        bench.run(.seconds(130))
        let head = try #require(try (bench.received("history") + bench.received("readings")).first?.elements.first)
        #expect(head["clock"]?.string == "synced")
        let time = Double(head["bt"]?.number ?? "") ?? 0
        #expect(abs(time - Double(truth.nanoseconds) / 1e9) < 0.2, "within the clock's bound of the truth")
    }

    @Test("What was delivered unsettled and released before the clock settled is missing time, flagged `unsettled`")
    func releasedUnsettled() throws {
        let seed = try Self.lateSeed(.seconds(60))
        let bench = try CourierBench(
            seed: seed, wallClock: .synchronisesLater, keepAcknowledgedBytes: 1_024, memorySegmentBytes: 512
        ) {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(5)
            $0.kpis = [CourierBench.water()]
        }
        for pulse in 1...400 {
            bench.take(2, 3)
            bench.take(3, Int64(3 * pulse))
            bench.run(.seconds(1))
        }
        #expect(bench.stop() < .seconds(2))
        var unsettled: Int64 = 0, valid: Int64 = 0
        for entry in try bench.contributions().entries.values {
            unsettled += entry.contribution.coverage.flags.first { $0.name == "unsettled" }?.seconds ?? 0
            valid += entry.contribution.coverage.validSeconds
        }
        #expect(unsettled > 5 && valid > 100, "seed \(seed): \(unsettled) s unsettled, \(valid) s valid")
        #expect(abs(unsettled + valid - 400) <= 5, "seed \(seed): \(unsettled) + \(valid) of 400 s")
    }

    @Test("A flash that comes and goes and a ring that is always full make less than 200 journal lines a day")
    func journalBound() throws {
        let bench = try CourierBench()
        bench.broker.goAway(.unreachable)
        for minute in 0..<24 * 60 {
            bench.disk.isFull = minute % 2 == 0
            bench.take(0, Int64(minute))
            bench.refuse(0, 3)
            bench.run(.seconds(60))
        }
        bench.disk.isFull = false
        bench.run(.seconds(2 * 3_600))
        #expect(bench.journal.count < 200, "\(bench.journal.count) lines")
        let texts = bench.journal.map(\.text)
        #expect(texts.contains { $0.contains("more given up in the last hour: ring full") }, "\(texts.suffix(5))")
        #expect(texts.contains("flash: flapping, counted from now on") && texts.last { $0.hasPrefix("flash") } != nil)
    }

    @Test("The first event of a stream names the stream before, however short that was, with or without an outage")
    func namesTheStreamBefore() throws {
        var bench: CourierBench! = try CourierBench()
        var before: String?
        for boot in 0..<5 {
            if boot == 2 { bench.broker.goAway(.unreachable) }
            bench.sample(seconds: 3)
            bench.broker.comeBack()
            bench.run(.seconds(5))
            let stream = bench.stream
            let first = try bench.events("stream").filter { $0["stream"]?.string == stream }
            #expect(first.map { $0["previous"]?.string } == [before], "boot \(boot)")
            before = stream
            let surroundings = bench.surroundings
            bench = nil
            SimulatedWorld.cutPower(
                off: .seconds(40), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
            bench = try CourierBench(in: surroundings)
        }
    }

    @Test("An orderly stop gives out open KPI windows as provisional and says goodbye, all within 2 s")
    func orderlyStop() throws {
        let bench = try CourierBench { $0.kpis = [CourierBench.water()] }
        for pulse in 1...30 {
            bench.take(2, 3)
            bench.take(3, Int64(3 * pulse))
            bench.run(.seconds(1))
        }
        #expect(try bench.received("contributions").isEmpty)
        bench.take(2, 5)
        #expect(bench.stop() < .seconds(2))
        #expect(bench.isStopped)
        let found = try bench.contributions().entries.values.map(\.contribution)
        let newest = found.last { $0.indicator.slug == "en-en-ws-2c" }
        #expect(newest?.isFinal == false)
        #expect(newest?.state == .sum(SumState(amount: 950_000)), "0.95 m3 in millilitres")
        let status = try #require(bench.broker.retained[CourierBench.root + "/status"])
        #expect(try JSON(status.payload)["status"]?.string == "offline")
        #expect(!status.isWill)
        #expect(try bench.received.last?.topic == "status", "the goodbye is the last word")
    }

    @Test("A stop without a broker keeps everything on the flash and does not wait for the broker")
    func stopOffline() throws {
        let bench = try CourierBench()
        bench.broker.goAway(.silent)
        bench.sample(seconds: 3)
        #expect(bench.stop() < .seconds(2))
        #expect(bench.isStopped)
        #expect(bench.disk.flash.entries.contains { $0.name.contains("readings") || $0.bytes > 4_096 })
    }

    @Test("A stop ends in time though the flash hangs and the broker acknowledges nothing of a full window")
    func stopStuck() throws {
        var profile = SimulatedBroker.Profile()
        profile.receiveMaximum = 100
        let bench = try CourierBench(profile: profile)
        bench.run(.seconds(2))
        bench.broker.swallowAcknowledgements(10_000)
        bench.disk.hangNextSync(for: .seconds(100))
        bench.sample(seconds: 40)
        #expect(bench.stop() < .seconds(2))
        #expect(bench.isStopped)
    }

    @Test("The clock settles while the window is full: the status is told again and nothing traps")
    func statusInAFullWindow() throws {
        var profile = SimulatedBroker.Profile()
        profile.receiveMaximum = 100
        let bench = try CourierBench(
            seed: try Self.lateSeed(.seconds(90)), wallClock: .synchronisesLater, profile: profile
        ) {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(5)
        }
        bench.run(.seconds(6))
        bench.broker.swallowAcknowledgements(10_000)
        bench.sample(seconds: 140)
        #expect(try bench.received("status").last?["clock_state"]?.string == "synced")
    }
}
