// Alarms from the ring to the city: how soon they are told, in which lane, how often, and what a restart makes of them.

import Gateway
import SimulatedWorld
import Testing
import World

/// On `air.temperature` in hundredths of a degree, read every second: above 30 °C, clear at 28 °C.
private func heat(
    _ id: String = "heat", above: Int64 = 30, clear: Int64 = 28, hold: Duration = .zero, every: Duration = .seconds(1),
    severity: AlarmRule.Severity = .warning, lane: Lane = .events
) -> AlarmRule {
    let rule = AlarmRule(
        id: id, source: .channel(ChannelID(rawValue: 0)), name: "air.temperature", unit: "Cel", scale: -2, side: .above,
        threshold: DecimalNumber(mantissa: above, exponent: 0)!, clear: DecimalNumber(mantissa: clear, exponent: 0)!,
        hold: hold, every: every, severity: severity, lane: lane)
    return rule!
}

extension CourierBench {
    fileprivate func alarms(_ topic: String = "events") throws -> [JSON] {
        try received(topic).flatMap { $0["items"]?.elements ?? [] }.filter { $0["kind"]?.string == "alarm" }
    }

    fileprivate func states() throws -> [String?] { try alarms().map { $0["state"]?.string } }

    /// One temperature a second for so long.
    fileprivate func hold(_ value: Int64, seconds: Int, _ quality: Quality = .good) {
        for _ in 0..<seconds {
            take(0, value, quality)
            run(.seconds(1))
        }
    }
}

@Suite("Alarms") struct CourierAlarmTests {
    @Test("The step that takes the reading hands over the alarm; the reading itself waits for its batch")
    func sameStep() throws {
        let bench = try CourierBench {
            $0.batchAge = .seconds(5)
            $0.alarms = [heat()]
        }
        bench.hold(2_000, seconds: 8)
        bench.run(.milliseconds(1_500))
        let before = bench.courier.figures.messages
        bench.take(0, 3_001)
        let taken = bench.clock.elapsed
        _ = bench.courier.step()
        #expect(bench.courier.figures.messages == before + 1)
        #expect(bench.openCount > 0, "no batch of readings was sealed")
        bench.run(.milliseconds(200))
        let message = try #require(
            bench.received.last { $0.json["items"]?.elements.contains { $0["state"]?.string == "raised" } ?? false })
        #expect(message.topic == "events" && message.at - taken < .milliseconds(200))
        #expect(bench.openCount > 0, "the city knew before the reading was sealed")
        let alarm = try #require(bench.alarms().last)
        #expect(alarm["id"]?.string == "heat" && alarm["channel"]?.string == "air.temperature")
        #expect(alarm["value"]?.number == "30.01" && alarm["unit"]?.string == "Cel")
        #expect(alarm["direction"]?.string == "above" && alarm["threshold"]?.number == "30")
        #expect(alarm["clear"]?.number == "28" && alarm["severity"]?.string == "warning")
        #expect(alarm["initial"] == nil)
        #expect(try bench.states() == ["cleared", "raised"])
        #expect(bench.journal.map(\.text).contains("alarm heat: raised, air.temperature is 30.01 Cel, above 30"))
    }

    @Test("Under load and while a backlog drains over a slow line an alarm reaches the broker within a second")
    func whileDraining() throws {
        var profile = SimulatedBroker.Profile()
        profile.network = .milliseconds(100)...(.milliseconds(150))
        let bench = try CourierBench(profile: profile) { plan in
            plan.alarms = (0..<Int64(Limits.alarms)).map { heat("h\($0)", above: 100 + $0, clear: 100 + $0) }
        }
        func load(_ temperature: Int64) {
            for number in 0..<100 {
                bench.take(0, temperature)
                for channel in 1...3 { bench.take(channel, Int64(number)) }
            }
        }
        bench.hold(2_000, seconds: 3)
        bench.broker.goAway(.unreachable)
        for _ in 0..<240 {
            load(2_000)
            bench.run(.seconds(1))
        }
        bench.broker.comeBack()
        while !bench.courier.isOnline {
            bench.take(0, 2_000)
            bench.run(.milliseconds(100))
        }
        // Thousands of late batches are waiting; each alarm goes off in turn, ten a second, in 400 readings a second.
        #expect(bench.backlog > 200)
        let begin = bench.clock.elapsed
        var raisedAt: [String: VirtualTime] = [:]
        for index in 0..<Limits.alarms {
            raisedAt["h\(index)"] = bench.clock.elapsed
            if index % 10 == 0 { load(10_001 + Int64(index) * 100) } else { bench.take(0, 10_001 + Int64(index) * 100) }
            bench.run(.milliseconds(100))
        }
        bench.run(.seconds(2))
        var slowest = Duration.zero
        var lateBehind = 0
        for message in try bench.received where message.topic == "events" || message.topic == "history" {
            if message.topic == "history", message.at > begin { lateBehind += 1 }
            for item in message.json["items"]?.elements ?? [] where item["state"]?.string == "raised" {
                let id = try #require(item["id"]?.string)
                let found = raisedAt.removeValue(forKey: id)
                let taken = try #require(found)
                slowest = max(slowest, message.at - taken)
            }
        }
        #expect(raisedAt.isEmpty, "never told: \(raisedAt.keys.sorted())")
        #expect(slowest < .seconds(1), "the slowest took \(slowest)")
        #expect(lateBehind > 20, "only \(lateBehind) messages of history beside them: nothing was draining")
    }

    @Test("A broker that acknowledges late does not hold up an alarm behind the backlog")
    func lateAcknowledgements() throws {
        var profile = SimulatedBroker.Profile()
        profile.acknowledge = .seconds(4)...(.seconds(5))
        let bench = try CourierBench(profile: profile) { $0.alarms = [heat(every: .seconds(30))] }
        bench.hold(2_000, seconds: 3)
        bench.broker.goAway(.unreachable)
        for _ in 0..<400 {
            for _ in 0..<250 { bench.take(0, 2_000) }
            bench.run(.seconds(1))
        }
        bench.broker.comeBack()
        while !bench.courier.isOnline { bench.run(.milliseconds(100)) }
        // By then the window is full of history.
        bench.run(.seconds(7))
        bench.take(0, 3_100)
        let taken = bench.clock.elapsed
        bench.run(.seconds(30))
        let message = try #require(
            bench.received.last { $0.json["items"]?.elements.contains { $0["state"]?.string == "raised" } ?? false })
        #expect(message.at - taken < .seconds(1), "it took \(message.at - taken)")
        let late = try bench.received.filter { $0.topic == "history" && $0.at > taken }
        #expect(late.count > 10, "\(late.count) messages of history beside it: nothing was draining")
    }

    @Test("With a loss window of zero an alarm is on flash first, and still with the city within a second")
    func onFlashFirst() throws {
        let bench = try CourierBench {
            $0.lossWindow = .zero
            $0.alarms = [heat()]
        }
        bench.hold(2_000, seconds: 4)
        bench.take(0, 3_100)
        let taken = bench.clock.elapsed
        bench.run(.seconds(5))
        let message = try #require(
            bench.received.last { $0.json["items"]?.elements.contains { $0["state"]?.string == "raised" } ?? false })
        #expect(message.at - taken < .seconds(1), "it took \(message.at - taken)")
    }

    @Test("After an outage the alarm of that moment is told before anything older")
    func firstAfterOutage() throws {
        let bench = try CourierBench { $0.alarms = [heat()] }
        bench.hold(2_000, seconds: 3)
        bench.broker.goAway(.unreachable)
        bench.hold(2_000, seconds: 60)
        bench.hold(3_100, seconds: 2)
        bench.broker.comeBack()
        let back = bench.clock.elapsed
        while !bench.courier.isOnline { bench.hold(3_100, seconds: 1) }
        bench.run(.seconds(10))
        let after = try bench.received.filter { $0.at > back && !$0.isRetained && !$0.isWill }
        #expect(after.first?.topic == "events")
        #expect(after.first?.json["items"]?.elements.contains { $0["state"]?.string == "raised" } == true)
    }

    @Test("A level that stays is told when its hold ends, to the moment, though no reading comes")
    func edge() throws {
        let bench = try CourierBench { $0.alarms = [heat(hold: .milliseconds(7_300), every: .seconds(30))] }
        bench.run(.seconds(3))
        bench.take(0, 3_500)
        let taken = bench.clock.elapsed
        bench.run(.seconds(20))
        let message = try #require(bench.received.last { $0.topic == "events" && $0.at > taken })
        #expect(message.at - taken >= .milliseconds(7_300) && message.at - taken < .milliseconds(7_400))
        #expect(try bench.alarms().last?["since"]?.number == "-7.3")
        #expect(try bench.states() == ["raised"])
    }

    @Test("An alarm of the security lane is told there, and nowhere else")
    func security() throws {
        let bench = try CourierBench { $0.alarms = [heat(lane: .security), heat("other", above: 90, clear: 90)] }
        bench.hold(2_000, seconds: 2)
        bench.hold(3_100, seconds: 2)
        #expect(try bench.alarms("security").map { $0["state"]?.string } == ["cleared", "raised"])
        #expect(try bench.alarms().map { $0["id"]?.string } == ["other"])
    }

    @Test(
        "After a restart or a power cut the first judgement is told, whatever it is, and says that it is the first"
    )
    func restart() throws {
        for isPowerCut in [false, true] {
            let change: (inout CourierPlan) -> Void = { $0.alarms = [heat()] }
            var bench: CourierBench! = try CourierBench(in: nil, change)
            bench.hold(2_000, seconds: 2)
            bench.hold(3_100, seconds: 2)
            _ = bench.stop()
            #expect(try bench.states() == ["cleared", "raised"], "a stop tells nothing of alarms")
            let surroundings = bench.surroundings
            bench = nil
            if isPowerCut {
                cutPower(
                    off: .seconds(60), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
            } else {
                endProcess(disk: surroundings.disk, broker: surroundings.broker)
            }
            bench = try CourierBench(in: surroundings, change)
            // Between the limits nothing can be told: what was told holds.
            bench.hold(2_900, seconds: 5)
            #expect(try bench.states() == ["cleared", "raised"])
            bench.hold(2_000, seconds: 5)
            #expect(try bench.states() == ["cleared", "raised", "cleared"])
            let initial = try bench.alarms().map { $0["initial"]?.number }
            #expect(initial == ["true", nil, "true"])
        }
    }

    @Test("A flapping alarm is told as such and stands as raised; the count comes once an hour, with the state")
    func flapping() throws {
        let bench = try CourierBench { $0.alarms = [heat(every: .seconds(3_600))] }
        bench.run(.seconds(2))
        for _ in 0..<20 {
            bench.take(0, 2_000)
            bench.run(.seconds(5))
            bench.take(0, 3_100)
            bench.run(.seconds(5))
        }
        bench.take(0, 2_000)
        bench.run(.seconds(5))
        #expect(try bench.states() == ["cleared", "raised", "cleared", "raised"])
        let began = try bench.events("flapping")
        #expect(began.map { $0["subject"]?.string } == ["alarm heat"])
        #expect(began.map { $0["state"]?.string } == ["began"])
        bench.run(.seconds(3_600))
        let reports = try bench.events("flapping").filter { $0["subject"]?.string == "alarm heat" }
        #expect(reports.map { $0["state"]?.string } == ["began", "still"])
        #expect(reports.last?["changes"]?.number == "36")
        #expect(try bench.states() == ["cleared", "raised", "cleared", "raised", "cleared"])
        // A raise does not wait for the hour.
        bench.take(0, 3_100)
        bench.run(.seconds(1))
        #expect(try bench.states().last == "raised")
        bench.run(.seconds(2 * 3_600))
        let all = try bench.events("flapping").compactMap { $0["state"]?.string }
        #expect(all == ["began", "still", "still", "ended"])
        #expect(try bench.states().count == 6)
        #expect(bench.journal.filter { $0.text.contains("heat") }.count <= 6)
    }

    @Test("A channel that is bad, or silent, makes its alarm unknown once, with the reason")
    func unknown() throws {
        let bench = try CourierBench { $0.alarms = [heat()] }
        bench.hold(3_100, seconds: 3)
        bench.hold(0, seconds: 10, .noAcknowledge)
        #expect(try bench.states() == ["raised", "unknown"])
        let alarm = try #require(bench.alarms().last)
        #expect(alarm["reason"]?.string == "no acknowledge" && alarm["value"] == nil)
        #expect(alarm["since"]?.number?.hasPrefix("-3") == true)
        bench.hold(3_100, seconds: 3)
        bench.run(.seconds(10))
        #expect(try bench.states() == ["raised", "unknown", "raised", "unknown"])
        #expect(try bench.alarms().last?["reason"]?.string == "no reading")
        // The Sampler has ended: nothing more is expected of it.
        bench.hold(3_100, seconds: 2)
        bench.courier.sealWhatIsLeft(taken: bench.taken)
        bench.run(.seconds(60))
        #expect(try bench.states().count == 5)
    }

    @Test("A sensor that never gives a value makes its alarm unknown too")
    func neverWorked() throws {
        let bench = try CourierBench { $0.alarms = [heat()] }
        bench.run(.seconds(20))
        #expect(try bench.states() == ["unknown"])
        #expect(try bench.alarms().first?["since"] == nil)
    }

    @Test("A gauge is judged by its name, as a channel is by its readings")
    func gauge() throws {
        let index = try #require(DecimalNumber("100"))
        let rule = try #require(
            AlarmRule(
                id: "aqi", source: .gauge, name: "aqi", unit: "/", scale: 0, side: .above, threshold: index,
                clear: index, every: .seconds(60), severity: .critical))
        let bench = try CourierBench { $0.alarms = [heat(), rule] }
        bench.hold(2_000, seconds: 2)
        bench.courier.judgeGauge("aqi", value: 80, scale: 0, at: bench.clock.now())
        bench.courier.judgeGauge("other", value: 999, scale: 3, at: bench.clock.now())
        bench.run(.seconds(1))
        bench.courier.judgeGauge("aqi", value: 151, scale: 0, at: bench.clock.now())
        bench.hold(2_000, seconds: 1)
        let told = try bench.alarms().filter { $0["gauge"]?.string == "aqi" }
        #expect(told.map { $0["state"]?.string } == ["cleared", "raised"])
        #expect(told.last?["value"]?.number == "151" && told.last?["severity"]?.string == "critical")
        bench.courier.judgeGauge("aqi", value: nil, scale: 0, at: bench.clock.now())
        bench.run(.seconds(200))
        #expect(try bench.alarms().last { $0["gauge"] != nil }?["state"]?.string == "unknown")
    }

    @Test("Several alarms of one channel are judged each by itself, those of other channels not at all")
    func several() throws {
        let bench = try CourierBench {
            $0.alarms = [heat("a", above: 10, clear: 10), heat("b", above: 20, clear: 20), heat("c")]
        }
        bench.hold(2_100, seconds: 1)
        bench.take(1, 9_999)
        bench.take(3, 9_999)
        bench.run(.seconds(1))
        let told = try bench.alarms().map { "\($0["id"]?.string ?? "") \($0["state"]?.string ?? "")" }
        #expect(told == ["a raised", "b raised", "c cleared"])
    }
}
