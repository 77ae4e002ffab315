// What the Courier promises between the ring and the city: sealed, numbered, acknowledged, in order, and every loss
// told.

import Gateway
import SimulatedWorld
import Testing
import World

@Suite("Courier") struct CourierTests {
    @Test("A reading reaches the broker in a sealed, numbered batch with stream, clock and configuration")
    func delivers() throws {
        let bench = try CourierBench()
        bench.take(0, 2_140)
        bench.take(1, 482)
        bench.run(.seconds(2))
        let messages = try bench.received("readings")
        #expect(messages.count == 1)
        let head = messages[0].elements[0]
        #expect(head["bn"]?.string == "malaga/lamppost-0042/")
        #expect(head["stream"]?.string == bench.stream)
        #expect(head["seq"]?.number == "1")
        #expect(head["clock"]?.string == "synced")
        #expect(head["config"]?.string == "9c1e04d2")
        #expect(head["n"]?.string == "air.temperature")
        #expect(head["v"]?.number == "21.4")
        #expect(messages[0].elements[1]["n"]?.string == "air.humidity")
        #expect(messages[0].elements[1]["v"]?.number == "48.2")
        #expect(bench.isDrained)
    }

    @Test("A session begins with the retained status, then the retained inventory, then everything else")
    func greeting() throws {
        let bench = try CourierBench()
        bench.sample(seconds: 3)
        let received = try bench.received
        #expect(received[0].topic == "status")
        #expect(received[0].isRetained)
        #expect(received[0].json["status"]?.string == "online")
        #expect(received[1].topic == "inventory")
        #expect(received[1].isRetained)
        #expect(received.dropFirst(2).allSatisfy { !$0.isRetained })

        // The next session: status again, the inventory only if it changed.
        bench.broker.loseConnection()
        bench.sample(seconds: 10)
        let second = try bench.received.filter { $0.session == 2 && !$0.isWill }
        #expect(second.first?.topic == "status")
        #expect(!second.contains { $0.topic == "inventory" })
        let will = try bench.received.filter(\.isWill)
        #expect(will.map { $0.json["status"]?.string } == ["offline"])
    }

    @Test("The first batch leaves at once; later ones at the batch age; a full one does not wait for it")
    func sealing() throws {
        let bench = try CourierBench { $0.batchAge = .seconds(5) }
        bench.take(0, 1)
        bench.run(.milliseconds(110))
        #expect(bench.openCount == 0)
        bench.take(0, 2)
        bench.run(.seconds(4))
        #expect(bench.openCount == 1)
        bench.run(.milliseconds(1_000))
        #expect(bench.openCount == 0)
        for value in 0..<Int64(Limits.batchReadings) { bench.take(0, value) }
        _ = bench.courier.step()
        #expect(bench.openCount == 0)
        #expect(bench.lastSealed == 3)
    }

    @Test("The cursor moves on an acknowledgement only: without one everything is offered again")
    func cursor() throws {
        let bench = try CourierBench()
        bench.run(.seconds(2))
        bench.broker.swallowAcknowledgements(1_000)
        bench.sample(seconds: 5)
        #expect(!bench.isDrained)
        #expect(bench.backlog == 5)
        bench.broker.calm()
        bench.broker.loseConnection()
        bench.run(.seconds(30))
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...5)))
        #expect(try bench.sequences().count == 10, "each was sent twice, under its number")
        #expect(Set(try bench.sequences()) == [1, 2, 3, 4, 5])
    }

    @Test("What the broker refuses is kept, told once, offered again after a pause, and delivered in the end")
    func refused() throws {
        let bench = try CourierBench()
        bench.run(.seconds(2))
        bench.broker.isQuotaExceeded = true
        bench.sample(seconds: 20)
        #expect(try bench.values().isEmpty)
        #expect(bench.backlog == 20)
        #expect(bench.journal.filter { $0.text.contains("refuses readings") }.count == 1)
        bench.broker.isQuotaExceeded = false
        bench.run(.seconds(60))
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...20)))
    }

    @Test("Nobody subscribes: that acknowledges, and is told where it begins and ends")
    func unheard() throws {
        let bench = try CourierBench()
        bench.broker.hasSubscribers = false
        bench.sample(seconds: 5)
        #expect(bench.backlog <= 1)
        #expect(bench.journal.filter { $0.text.contains("nobody subscribes to readings") }.count == 1)
        bench.broker.hasSubscribers = true
        bench.sample(seconds: 5)
        #expect(bench.journal.filter { $0.text.contains("subscribes to readings again") }.count == 1)
    }

    @Test("After an outage what is new goes first, what is old comes behind it at the rate allowed")
    func liveBeforeHistory() throws {
        let bench = try CourierBench { $0.historyBatchesPerSecond = 5 }
        bench.sample(seconds: 5)
        bench.broker.goAway(.unreachable)
        bench.sample(seconds: 120, from: 6)
        bench.broker.comeBack()
        let back = bench.clock.elapsed
        bench.sample(seconds: 10, from: 126)
        let after = try bench.received.filter { $0.at > back && ["readings", "history"].contains($0.topic) }
        let order = after.flatMap { $0.json.elements }.compactMap { $0["seq"]?.number }.compactMap { Int($0) }
        #expect(
            order.prefix(8).allSatisfy { $0 >= 115 }, "the last ten seconds before anything older: \(order.prefix(8))")
        let history = after.filter { $0.topic == "history" }.flatMap { $0.json.elements }.filter { $0["seq"] != nil }
        #expect(!history.isEmpty && history.count <= 60, "\(history.count) late batches in 10 s at 5 a second")
        let live = after.filter { $0.topic == "readings" }.flatMap { $0.json.elements }.compactMap { $0["v"]?.number }
        #expect(
            live.suffix(8) == CourierBench.published(126...135).dropLast().suffix(8), "live is not held up by history")
        bench.run(.seconds(60))
        #expect(bench.isDrained)
        #expect(Set(try bench.values()) == Set(CourierBench.published(1...135)))
    }

    @Test("The broker's absence is one line when it goes and one when it is back, and events say the same")
    func absence() throws {
        let bench = try CourierBench()
        bench.sample(seconds: 3)
        bench.broker.goAway(.unreachable)
        bench.sample(seconds: 100, from: 4)
        bench.broker.comeBack()
        bench.sample(seconds: 10, from: 104)
        let lines = bench.journal.map(\.text).filter { $0.hasPrefix("broker: ") }
        // The session is lost, then nobody is there: two states, told once each.
        #expect(lines.count == 4, "\(lines)")
        #expect(lines.first == "broker: connected")
        #expect(lines.last == "broker: back")
        let states = try bench.events("broker").compactMap { $0["state"]?.string }.sorted()
        #expect(states == ["back", "lost", "lost"])
    }

    @Test("Readings that the ring refused become a tombstone with the exact counts of each channel")
    func ringGap() throws {
        let bench = try CourierBench()
        bench.take(0, 1)
        bench.take(1, 1)
        bench.refuse(0, 7)
        bench.refuse(1, 3)
        bench.take(0, 2)
        bench.take(1, 2)
        bench.run(.seconds(3))
        let tombstones = try bench.events("tombstone")
        #expect(tombstones.count == 1)
        #expect(
            tombstones.first?["channels"]
                == .object(["air.temperature": .literal("7"), "air.humidity": .literal("3")]))
        #expect(tombstones.first?["lane"]?.string == "readings")
        #expect(tombstones.first?["first"] == nil, "they were never in a batch")
        #expect(try bench.values() == ["0.01", "0.02"])
    }

    @Test("Readings refused before the first and after the last that got through are told too")
    func ringGapAtTheEnds() throws {
        let bench = try CourierBench()
        bench.refuse(0, 4)
        bench.take(0, 1)
        bench.refuse(0, 5)
        bench.refuse(1, 2)
        bench.run(.seconds(2))
        bench.courier.sealWhatIsLeft(taken: bench.taken)
        bench.run(.seconds(2))
        let lost = try bench.events("tombstone").compactMap { $0["channels"] }
        #expect(
            lost == [
                .object(["air.temperature": .literal("4")]),
                .object(["air.temperature": .literal("5"), "air.humidity": .literal("2")]),
            ])
    }

    @Test("What a killed process left in the ring is delivered, and its numbers are not mistaken for a gap")
    func leftBehind() throws {
        let left = (0..<3).map { number in
            Reading(
                channel: ChannelID(rawValue: 0), acquired: Boottime(nanoseconds: 0), value: 501 + number,
                quality: .good,
                ordinal: UInt64(5_001 + number))
        }
        let bench = try CourierBench(leftBehind: left)
        bench.sample(seconds: 2, from: 1)
        bench.run(.seconds(3))
        #expect(try bench.values() == ["5.01", "5.02", "5.03", "0.01", "0.02"])
        #expect(try bench.events("tombstone").isEmpty)
    }

    @Test("A sensor that is lost and back is one event and one line each, with the reason")
    func notices() throws {
        let bench = try CourierBench()
        _ = bench.notices.put(
            Notice(kind: .sensorLost, sensor: 0, at: bench.clock.now(), detail: Quality.noAcknowledge.rawValue))
        bench.run(.seconds(2))
        _ = bench.notices.put(Notice(kind: .sensorBack, sensor: 0, at: bench.clock.now()))
        _ = bench.notices.put(Notice(kind: .counterEpoch, sensor: 1, at: bench.clock.now(), value: 4_217))
        bench.run(.seconds(2))
        let events = try bench.events("sensor")
        #expect(events.map { $0["state"]?.string } == ["lost", "back"])
        #expect(events.first?["sensor"]?.string == "air")
        #expect(events.first?["reason"]?.string == "no acknowledge")
        #expect(try bench.events("counter_epoch").map { $0["total"]?.number } == ["42.17"])
        let lines = bench.journal.map(\.text).filter { $0.hasPrefix("sensor air") }
        #expect(lines == ["sensor air: lost: no acknowledge", "sensor air: back"])
    }

    @Test("A sensor that comes and goes all day does not flood the journal")
    func flapping() throws {
        let bench = try CourierBench()
        for _ in 0..<720 {
            for kind in [Notice.Kind.sensorLost, .sensorBack] {
                _ = bench.notices.put(
                    Notice(kind: kind, sensor: 0, at: bench.clock.now(), detail: Quality.timedOut.rawValue))
                bench.run(.seconds(60))
            }
        }
        let lines = bench.journal.filter { $0.text.hasPrefix("sensor air") }
        #expect(lines.count < 40, "\(lines.count) lines in a day")
        #expect(lines.contains { $0.text.contains("flapping") })
    }
}
