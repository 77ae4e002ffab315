// Channels that are withheld: never on the wire, never a gap.

import Gateway
import KPIs
import Outbox
import SimulatedWorld
import Testing
import World

/// `water.volume` stands for a count of people.
private func withholding(_ plan: inout CourierPlan) { plan.withheldChannels = ["water.volume"] }

extension CourierBench {
    fileprivate var readingsPayloads: [String] {
        broker.received.filter { $0.topic.hasSuffix("/readings") || $0.topic.hasSuffix("/history") }
            .map { String(decoding: $0.payload, as: UTF8.self) }
    }

    /// All numbers of readings batches that came, or are named as left out.
    fileprivate func accountedFor() throws -> Set<UInt64> {
        var numbers: Set<UInt64> = []
        for message in try received where message.topic == "readings" || message.topic == "history" {
            for record in message.json.elements {
                if let number = record["seq"]?.number { numbers.insert(UInt64(number)!) }
                if let left = record["skipped"]?.elements.compactMap({ $0.number.flatMap { UInt64($0) } }) {
                    #expect(left.count == 2 && record["stream"]?.string == stream)
                    numbers.formUnion(left[0]...left[1])
                }
            }
        }
        return numbers
    }
}

@Suite("Withheld channels") struct WithheldTests {
    @Test("Their readings are in no message, neither by name nor by time; the others of their batch are")
    func filtered() throws {
        let bench = try CourierBench(withholding)
        for _ in 0..<20 {
            bench.take(2, 77)
            bench.run(.milliseconds(300))
            bench.take(0, 2_000)
            bench.run(.milliseconds(1_700))
        }
        #expect(bench.readingsPayloads.count >= 20)
        #expect(!bench.readingsPayloads.contains { $0.contains("water.volume") })
        #expect(try bench.values() == Array(repeating: "20", count: 20))
        // The base time is that of a reading that is said: no record has a time before it.
        for record in try bench.received("readings").flatMap(\.elements) { #expect(record["t"] == nil) }
        #expect(bench.isDrained)
    }

    @Test("Batches of nothing else move the cursor, and the next message names their numbers")
    func named() throws {
        let bench = try CourierBench(withholding)
        bench.sample(seconds: 2)
        for _ in 0..<30 {
            bench.take(2, 1)
            bench.run(.seconds(2))
        }
        #expect(bench.backlog == 0)
        #expect(!bench.isDrained)
        let before = bench.lastSealed
        bench.sample(seconds: 3)
        bench.run(.seconds(2))
        #expect(bench.isDrained)
        #expect(try bench.accountedFor() == Set(1...bench.lastSealed))
        let heads = try bench.received("readings").flatMap(\.elements).filter { $0["skipped"] != nil }
        #expect(heads.count == 1)
        #expect(heads[0]["skipped"]?.elements.map(\.number) == ["3", "\(before)"])
    }

    @Test("A node with nothing else to say names them every ten minutes, and at an orderly stop")
    func alone() throws {
        let bench = try CourierBench(withholding)
        for _ in 0..<700 {
            bench.take(2, 1)
            bench.run(.seconds(1))
        }
        #expect(bench.readingsPayloads.count == 1)
        #expect(bench.readingsPayloads[0].contains(#""vs":"skipped""#))
        _ = bench.stop()
        #expect(bench.readingsPayloads.count == 2)
        #expect(bench.isDrained)
        #expect(try bench.accountedFor() == Set(1...bench.lastSealed))
    }

    @Test(
        "Through kills, lost connections and lost acknowledgements no number is missing and no reading leaves",
        arguments: UInt64(1)...10)
    func throughTroubles(seed: UInt64) throws {
        var random = Random(seed: seed)
        var bench: CourierBench! = try CourierBench(seed: seed, withholding)
        for _ in 0..<8 {
            for _ in 0..<10 + random.below(60) {
                bench.take(random.chance(1, in: 6) ? 0 : 2, 77)
                bench.run(.seconds(1 + Int64(random.below(3))))
            }
            switch random.below(4) {
            case 0:
                let surroundings = bench.surroundings
                bench = nil
                endProcess(disk: surroundings.disk, broker: surroundings.broker)
                bench = try CourierBench(seed: seed, in: surroundings, withholding)
            case 1: bench.broker.loseConnection()
            case 2: bench.broker.swallowAcknowledgements(5)
            default: bench.run(.seconds(60))
            }
        }
        bench.broker.calm()
        bench.broker.loseConnection()
        bench.run(.seconds(900))
        #expect(bench.isDrained, "seed \(seed): \(bench.undrained)")
        #expect(try bench.accountedFor() == Set(1...bench.lastSealed), "seed \(seed)")
        #expect(!bench.readingsPayloads.contains { $0.contains("water.volume") }, "seed \(seed)")
    }

    @Test("What was stored in an outage and what thinning made of it is withheld too; the KPI and the sheet have it")
    func stored() throws {
        var bench: CourierBench! = try CourierBench { plan in
            withholding(&plan)
            plan.lossWindow = .seconds(2)
            plan.kpis = [CourierBench.water()]
        }
        bench.sample(seconds: 2)
        let surroundings = bench.surroundings
        bench.broker.goAway(.unreachable)
        for second in 0..<60 {
            bench.take(2, 5)
            if second % 10 == 0 { bench.take(0, 1_900) }
            bench.run(.seconds(1))
        }
        bench = nil
        SimulatedWorld.cutPower(
            off: .seconds(60), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
        bench = try CourierBench(in: surroundings, withholding)
        bench.broker.comeBack()
        bench.run(.seconds(900))
        #expect(bench.isDrained)
        #expect(try bench.values().count >= 2 + 5)
        #expect(!bench.readingsPayloads.contains { $0.contains("water.volume") })
        let told = bench.readingsPayloads.filter { $0.contains(#""skipped":["#) }
        #expect(!told.isEmpty)
    }

    @Test("A count is withheld by its indicator; water is not")
    func indicators() {
        for slug in ["x-people", "x-vehicles", "x-speed", "x-parking", "ec-i-t-5a"] {
            #expect(Indicator.named(slug)?.isAboutIndividuals == true, "\(slug)")
        }
        for slug in ["en-en-ws-2c", "ec-i-es-1c", "x-spill", "x-bin-fill"] {
            #expect(Indicator.named(slug)?.isAboutIndividuals == false, "\(slug)")
        }
    }
}
