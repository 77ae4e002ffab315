// Day sheets as the city receives them from a Courier: through days, restarts, power cuts and changes of configuration.

import Gateway
import KPIs
import SimulatedWorld
import Testing
import World

extension CourierBench {
    fileprivate func sheets() throws -> DaySheetSet {
        var set = DaySheetSet()
        for message in broker.received where message.topic == Self.root + "/contributions" {
            set.add(try DaySheet.sheets(in: message.payload))
        }
        return set
    }

    /// A temperature every minute for so long.
    fileprivate func minutes(_ count: Int) {
        for _ in 0..<count {
            take(0, 2_000)
            run(.seconds(60))
        }
    }

    fileprivate var today: Int64 { clock.trueUTC.nanoseconds / 86_400_000_000_000 }

    /// Up to the beginning of the next UTC day, at a whole minute behind it.
    fileprivate func runToMidnight() {
        let left = 86_400_000_000_000 - clock.trueUTC.nanoseconds % 86_400_000_000_000
        run(.nanoseconds(left + 1_000_000))
    }
}

private func periodic(_ plan: inout CourierPlan) {
    plan.channelPeriods = [.seconds(60), nil, nil, nil]
    plan.lossWindow = .seconds(30)
}

private let node = "lamppost-0042"

@Suite("Day sheets of a node") struct DaySheetCourierTests {
    @Test("Without any KPI: a whole day is final half a minute after its end, complete, with every lane's numbers")
    func wholeDay() throws {
        let bench = try CourierBench(periodic)
        bench.runToMidnight()
        let day = bench.today
        bench.minutes(1_440)
        bench.run(.seconds(29))
        #expect(try bench.sheets().verdict(of: node, day: day) == .open)
        bench.run(.seconds(3))
        let set = try bench.sheets()
        #expect(set.verdict(of: node, day: day) == .complete)
        let sheet = try #require(set.sheets(of: node, day: day).first?.sheet)
        #expect(sheet.isFinal && sheet.fromSecond == 0 && sheet.toSecond == 86_400)
        #expect(sheet.channels.first { $0.name == "air.temperature" }?.good == 1_440)
        #expect(sheet.lanes.map(\.lane) == ["contributions", "readings"])
        #expect(sheet.lanes[1].last - sheet.lanes[1].first == 1_439)
        #expect(set.conflicts.isEmpty)
    }

    @Test("A sheet goes out once an hour with a checkpoint, as far as the day has come, and at an orderly stop")
    func provisional() throws {
        let bench = try CourierBench(periodic)
        bench.minutes(85)
        let given = try bench.received("contributions").flatMap { $0["items"]?.elements ?? [] }
            .filter { $0["kind"]?.string == "day_sheet" }
        #expect(given.count == 2)
        #expect(given.allSatisfy { $0["final"]?.number == "false" })
        bench.take(1, 500)
        _ = bench.stop()
        let totals = try bench.sheets().totals(of: node, day: bench.today)
        #expect(totals.first { $0.name == "air.temperature" }?.taken == 85)
        #expect(totals.first { $0.name == "air.humidity" }?.taken == 1)
    }

    @Test(
        "A process that is killed and started again goes on counting where it was: nothing lost, nothing twice",
        arguments: UInt64(1)...12)
    func kills(seed: UInt64) throws {
        var random = Random(seed: seed)
        // Also without keeping what is acknowledged, and with KPIs whose cursor goes its own way.
        let keeps = random.chance(1, in: 2) ? 4 << 20 : 0
        let binds = random.chance(1, in: 2)
        let change: (inout CourierPlan) -> Void = { plan in
            periodic(&plan)
            if binds { plan.kpis = [CourierBench.water()] }
        }
        var bench: CourierBench! = try CourierBench(seed: seed, keepAcknowledgedBytes: keeps, change)
        var taken = [0, 0, 0]
        for _ in 0..<6 {
            for _ in 0..<5 + random.below(120) {
                let channel = Int(random.below(3))
                bench.take(channel, 1, random.chance(1, in: 10) ? .timedOut : .good)
                taken[channel] += 1
                bench.run(.seconds(1 + Int64(random.below(8))))
            }
            let surroundings = bench.surroundings
            bench = nil
            endProcess(disk: surroundings.disk, broker: surroundings.broker)
            bench = try CourierBench(seed: seed, keepAcknowledgedBytes: keeps, in: surroundings, change)
        }
        bench.run(.seconds(30))
        _ = bench.stop()
        let set = try bench.sheets()
        #expect(set.conflicts.isEmpty)
        var totals: [String: Int64] = [:]
        for day in set.days(of: node) {
            for channel in set.totals(of: node, day: day) {
                totals[channel.name, default: 0] += channel.counted
                #expect(channel.lost + channel.unseen == 0, "seed \(seed): \(channel)")
            }
        }
        for (channel, name) in ["air.temperature", "air.humidity", "water.volume"].enumerated() {
            #expect(totals[name] ?? 0 == Int64(taken[channel]), "seed \(seed): \(name)")
        }
    }

    @Test("After a power cut the new stream's sheet says for how long there was no power, since the last heartbeat")
    func powerCut() throws {
        var bench: CourierBench! = try CourierBench(periodic)
        bench.minutes(45)
        let first = bench.stream
        let surroundings = bench.surroundings
        bench = nil
        cutPower(off: .seconds(3_000), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
        bench = try CourierBench(in: surroundings, periodic)
        bench.minutes(30)
        let set = try bench.sheets()
        let day = bench.today
        let sheets = set.sheets(of: node, day: day)
        #expect(sheets.count == 2)
        let old = try #require(sheets.first { Hex.text($0.key.stream) == first })
        let new = try #require(sheets.first { Hex.text($0.key.stream) != first })
        #expect(!old.sheet.isFinal && old.sheet.darkSeconds == 0)
        // The last heartbeat was up to a checkpoint before the cut.
        #expect((3_000...3_000 + 600).contains(new.sheet.darkSeconds))
        // The old stream's sheet is of its first checkpoint: what it does not say is no time without power.
        #expect((0...2_400).contains(new.sheet.fromSecond - new.sheet.darkSeconds - old.sheet.toSecond))
        #expect(set.totals(of: node, day: day).first { $0.name == "air.temperature" }?.taken ?? 0 >= 10 + 10)
        guard case .incomplete(let reasons) = set.verdict(of: node, day: day) else {
            // The day of the new stream lasts.
            #expect(set.verdict(of: node, day: day) == .open)
            return
        }
        #expect(reasons.contains { $0.hasSuffix("s without power") })
    }

    @Test("Readings that the ring refused are lost on the sheet, those at the very end of a run too")
    func refused() throws {
        let bench = try CourierBench(periodic)
        bench.minutes(2)
        bench.refuse(0, 7)
        bench.minutes(1)
        bench.refuse(0, 5)
        _ = bench.stop()
        let channel = try #require(
            try bench.sheets().totals(of: node, day: bench.today).first { $0.name == "air.temperature" })
        #expect(channel.good == 3 && channel.lost == 12 && channel.taken == 15)
    }

    @Test("What an outage makes the node give up is on the sheet as tombstoned, or joined by its numbers")
    func givenUp() throws {
        let bench = try CourierBench(periodic)
        bench.minutes(3)
        bench.disk.isRuntimeFull = true
        bench.take(0, 1)
        bench.run(.seconds(60))
        bench.disk.isRuntimeFull = false
        bench.minutes(2)
        _ = bench.stop()
        let channel = try #require(
            try bench.sheets().totals(of: node, day: bench.today).first { $0.name == "air.temperature" })
        #expect(channel.taken == 6 && channel.good == 5 && channel.unseen == 1)
    }
}

@Suite("Gauges of a node") struct GaugeCourierTests {
    private static func air(_ plan: inout CourierPlan) {
        plan.kpis = [
            KPIBinding(
                indicator: Indicator.named("en-en-aq-1c")!, channel: ChannelID(rawValue: 0),
                channelName: "air.temperature", unit: "ug/m3", scale: -2, series: "no2", windowSeconds: 3_600)
        ]
    }

    @Test("Without a bound pollutant there is none; with one, none before it has had its hour")
    func none() throws {
        for isBound in [false, true] {
            let bench = try CourierBench { if isBound { Self.air(&$0) } }
            bench.take(1, 1)
            bench.run(.seconds(2 * 3_600))
            let items = try bench.received("contributions").flatMap { $0["items"]?.elements ?? [] }
            #expect(!items.contains { $0["kind"]?.string == "gauge" })
        }
    }
}
