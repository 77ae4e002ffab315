// What was stored before the clock was trusted, through power cuts and restarts: settled by an anchor that is found
// later, or bounded by the boots around it; never dropped, never 1970.

import Gateway
import Outbox
import SimulatedWorld
import Testing
import World

/// One sensor's values through many boots and processes, and what the city makes of them.
private final class Life {
    let seed: UInt64
    let change: (inout CourierPlan) -> Void
    private(set) var bench: CourierBench!
    /// When each value was taken, in truth, and in which boot.
    private(set) var taken: [(utc: Int64, boot: String, quality: Quality)] = []
    private(set) var boots: [String] = []
    private(set) var begins: [String: Int64] = [:]
    private(set) var ends: [String: Int64] = [:]

    init(
        seed: UInt64, wallClock: SimulatedClock.WallClock = .synchronisesLater,
        _ change: @escaping (inout CourierPlan) -> Void = { _ in }
    ) throws {
        self.seed = seed
        self.change = {
            $0.trustsSystemClock = false
            $0.settleWait = .seconds(10)
            $0.lossWindow = .seconds(2)
            change(&$0)
        }
        bench = try CourierBench(seed: seed, wallClock: wallClock, self.change)
        noteBegin()
    }

    var clock: SimulatedClock { bench.clock }
    var isSettled: Bool { bench.courier.outbox.firstAnchor != nil }

    private func noteBegin() {
        boots.append(clock.bootID)
        begins[clock.bootID] = clock.trueUTC.nanoseconds
    }

    func sample(seconds: Int) {
        for _ in 0..<seconds {
            let quality: Quality = [.good, .good, .stuck, .timedOut][taken.count % 4]
            bench.take(0, quality.grade == .bad ? 0 : Int64(taken.count + 1), quality)
            taken.append((clock.trueUTC.nanoseconds, clock.bootID, quality))
            bench.run(.seconds(1))
        }
    }

    /// Samples on, at most two minutes and a half, until the clock has settled.
    func sampleUntilSettled() {
        for _ in 0..<150 where !isSettled { sample(seconds: 1) }
    }

    func cutPower(off: Duration = .seconds(40), losingCheckpoint: Bool = false) throws {
        var surroundings = bench.surroundings
        ends[clock.bootID] = surroundings.clock.trueUTC.nanoseconds
        bench = nil
        SimulatedWorld.cutPower(
            off: off, clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
        if losingCheckpoint {
            var flash = surroundings.disk.flash
            let wasThere = flash.remove(StateFile.checkpoint)
            #expect(wasThere)
            flash.syncDirectory()
            surroundings.disk = SimulatedDisk(clock: surroundings.clock, seed: seed, flash: flash)
        }
        bench = try CourierBench(seed: seed, in: surroundings, change)
        noteBegin()
    }

    func kill() throws {
        let surroundings = bench.surroundings
        bench = nil
        endProcess(disk: surroundings.disk, broker: surroundings.broker)
        bench = try CourierBench(seed: seed, in: surroundings, change)
    }

    /// Until everything has been delivered, at most ten minutes.
    func drain() {
        bench.broker.comeBack()
        for _ in 0..<60 where !bench.isDrained { bench.run(.seconds(10)) }
        #expect(bench.isDrained, "seed \(seed): \(bench.undrained)")
    }

    /// A record as the city got it; what was said of its batch with it.
    struct Arrival {
        var record: JSON
        var head: JSON
        var message: Received
        /// Microseconds: UTC, or relative to the arrival.
        var time: Int64
        var isSettled: Bool { head["clock"]?.string == "synced" }
    }

    func arrivals() throws -> [Arrival] {
        var found: [Arrival] = []
        for message in try bench.received where message.topic == "readings" || message.topic == "history" {
            var head = JSON.object([:])
            var base: Int64 = 0
            for record in message.json.elements {
                if record["seq"] != nil { head = record }
                if let text = record["bt"]?.number { base = microseconds(text) }
                let time = base + (record["t"]?.number).map { microseconds($0) }.orZero
                found.append(Arrival(record: record, head: head, message: message, time: time))
            }
        }
        return found
    }

    /// The records that carry values, by value: `taken` has them at the number before.
    func values() throws -> [Int: [Arrival]] {
        var found: [Int: [Arrival]] = [:]
        for arrival in try arrivals() {
            guard let text = arrival.record["v"]?.number else { continue }
            found[Int(microseconds(text) / 10_000) - 1, default: []].append(arrival)
        }
        return found
    }

    func truth(of moment: VirtualTime) -> Int64 {
        clock.trueUTC.nanoseconds - (clock.elapsed.nanoseconds - moment.nanoseconds)
    }

    /// Everything taken before the last few (within the loss window of a cut) has arrived, with the quality it had.
    func expectComplete(upTo end: Int) throws {
        let values = try values()
        let bad = try arrivals().filter { $0.record["vs"]?.string == Quality.timedOut.reason }
        #expect(bad.count >= taken[..<end].count { $0.quality == .timedOut }, "seed \(seed)")
        for (number, taken) in taken[..<end].enumerated() where taken.quality.grade != .bad {
            let name = taken.quality == .good ? "air.temperature" : "air.temperature/uncertain"
            let arrived = try #require(values[number], "seed \(seed): value \(number) of boot \(taken.boot)")
            #expect(arrived.allSatisfy { $0.record["n"]?.string == name }, "quality is the value's: seed \(seed)")
        }
    }

    /// Nothing that arrived contradicts the truth.
    func expectHonest(bound: Int64 = 200_000) throws {
        for (number, arrivals) in try values() {
            let (utc, boot, _) = taken[number]
            for arrival in arrivals {
                if arrival.isSettled {
                    #expect(abs(arrival.time - utc / 1_000) < bound, "seed \(seed): value \(number)")
                    continue
                }
                #expect(arrival.head["boot"]?.string == boot, "seed \(seed)")
                #expect(arrival.head["bt"] == nil || arrival.head["bt"]?.number == "0", "seed \(seed)")
                #expect(arrival.time <= 0, "seed \(seed)")
                let boottime = Int64(arrival.head["boot_ns"]?.string ?? "").orZero / 1_000 + arrival.time
                #expect(abs(boottime - (utc - begins[boot].orZero) / 1_000) <= 1, "seed \(seed): value \(number)")
                let isPresent = truth(of: arrival.message.at) <= ends[boot] ?? .max
                let claimed = truth(of: arrival.message.at) / 1_000 + arrival.time
                // A message is a moment under way, and its will not be late by more.
                #expect(claimed >= utc / 1_000 - 1, "seed \(seed): value \(number) claimed too early")
                if !isPresent {
                    let began = begins.values.filter { $0 <= truth(of: arrival.message.at) }.max().orZero
                    #expect(claimed <= began / 1_000 + 1_000_000, "seed \(seed): before the boot that tells of it")
                }
                if let text = arrival.head["not_before"]?.number {
                    #expect(microseconds(text) <= begins[boot].orZero / 1_000, "seed \(seed)")
                    #expect(microseconds(text) + boottime <= utc / 1_000 + 1, "seed \(seed)")
                }
                if let text = arrival.head["not_after"]?.number {
                    #expect(!isPresent && microseconds(text) >= ends[boot].orZero / 1_000, "seed \(seed)")
                }
            }
        }
    }
}

extension Optional where Wrapped == Int64 {
    fileprivate var orZero: Int64 { self ?? 0 }
}

/// Seconds, or a value of scale -2, as decimals: exact.
private func microseconds(_ text: String) -> Int64 {
    let parts = text.drop { $0 == "-" }.split(separator: ".")
    var fraction = parts.count > 1 ? String(parts[1]) : ""
    while fraction.count < 6 { fraction += "0" }
    let whole = (Int64(parts[0]) ?? 0) * 1_000_000 + (Int64(fraction) ?? 0)
    return text.hasPrefix("-") ? -whole : whole
}

@Suite("Boots") struct BootsTests {
    /// Worlds whose clocks settle, boot after boot, only after so many seconds (or within 140 s where nil), 40 s dark
    /// between.
    private static func seeds(_ wanted: [Int?], count: Int = 6) -> [UInt64] {
        var found: [UInt64] = []
        for seed in 1...100_000 as ClosedRange<UInt64> where found.count < count {
            let clock = SimulatedClock(seed: seed)
            let fits = wanted.allSatisfy { seconds in
                guard let seconds else { return true }
                clock.advance(by: .seconds(Int64(seconds)))
                guard !clock.wall().isSynchronised else { return false }
                clock.powerCut(off: .seconds(40))
                return true
            }
            if fits { found.append(seed) }
        }
        return found
    }

    @Test("What a boot stored unsettled goes out with its true time after a power cut, when that boot did settle",
        arguments: BootsTests.seeds([15]))
    func settledThenCut(seed: UInt64) throws {
        // The clock settles after 15 s at least.
        let life = try Life(seed: seed) { $0.settleWait = .seconds(600) }
        life.bench.broker.goAway(.silent)
        life.sampleUntilSettled()
        #expect(life.isSettled)
        // Not long enough for anything settled to reach the flash; the checkpoint does at once.
        life.bench.run(.milliseconds(900))
        let expected = life.taken.count - 3
        try life.cutPower()
        life.drain()
        try life.expectComplete(upTo: expected)
        #expect(try life.values().allSatisfy { $0.value.allSatisfy(\.isSettled) }, "seed \(seed)")
        try life.expectHonest()
    }

    @Test("Without a checkpoint the anchor of a settled batch on flash serves the unsettled ones of its boot",
        arguments: BootsTests.seeds([15]))
    func metOnFlash(seed: UInt64) throws {
        let life = try Life(seed: seed)
        life.bench.broker.goAway(.silent)
        life.sampleUntilSettled()
        life.sample(seconds: 10)
        try life.cutPower(losingCheckpoint: true)
        // The new boot's own clock has not settled yet: what is found settles the old one's all the same.
        life.bench.broker.comeBack()
        life.bench.run(.seconds(12))
        life.drain()
        let first = try life.values().filter { life.taken[$0.key].boot == life.boots[0] }.flatMap(\.value)
        #expect(first.count >= 12 && first.allSatisfy { $0.isSettled }, "seed \(seed): \(first.count)")
        try life.expectComplete(upTo: life.taken.count - 3)
        try life.expectHonest()
    }

    @Test("A boot that never settled goes out relative to now, with the bounds that the boots around it give",
        arguments: BootsTests.seeds([20]))
    func neverSettled(seed: UInt64) throws {
        let life = try Life(seed: seed)
        life.bench.broker.goAway(.silent)
        life.sample(seconds: 20)
        try life.cutPower()
        life.bench.broker.goAway(.silent)
        life.sampleUntilSettled()
        life.drain()
        try life.expectComplete(upTo: 18)
        try life.expectHonest()
        let first = try life.values().filter { life.taken[$0.key].boot == life.boots[0] }.flatMap(\.value)
        #expect(first.count >= 12, "seed \(seed): \(first.count)")
        for arrival in first {
            #expect(!arrival.isSettled && arrival.head["not_before"] == nil, "nothing is known before")
            let bound = try #require(arrival.head["not_after"]?.number, "seed \(seed)")
            let began = life.begins[life.boots[1]].orZero / 1_000
            #expect(abs(microseconds(bound) - began) < 500_000, "seed \(seed): when the next boot began")
        }
        // The other lanes say the same.
        let events = try life.bench.received("events").filter { $0["clock"]?.string == "unsettled" }
        #expect(events.contains { $0["not_after"]?.number == first[0].head["not_after"]?.number }, "seed \(seed)")
    }

    @Test("A chain of boots of which the first and the last settle bounds those between",
        arguments: BootsTests.seeds([nil]))
    func chain(seed: UInt64) throws {
        let life = try Life(seed: seed)
        life.sampleUntilSettled()
        life.bench.broker.goAway(.silent)
        life.sample(seconds: 10)
        // Boots too short to settle, unless one does.
        var unsettled: [String] = []
        for _ in 0..<3 {
            try life.cutPower()
            life.bench.broker.goAway(.silent)
            life.sample(seconds: 5)
            if !life.isSettled { unsettled.append(life.boots.last!) }
        }
        try life.cutPower()
        life.bench.broker.goAway(.silent)
        life.sampleUntilSettled()
        life.drain()
        try life.expectHonest()
        #expect(!unsettled.isEmpty, "seed \(seed)")
        for boot in unsettled {
            let arrived = try life.values().filter { life.taken[$0.key].boot == boot }.flatMap(\.value)
            #expect(!arrived.isEmpty, "seed \(seed)")
            for arrival in arrived {
                let first = microseconds(try #require(arrival.head["not_before"]?.number, "seed \(seed)"))
                let last = microseconds(try #require(arrival.head["not_after"]?.number, "seed \(seed)"))
                #expect(last - first < 1_000_000_000, "seed \(seed): minutes, not years")
            }
        }
    }

    @Test("Kills of the process change nothing: the same times, the same bytes for a batch that is sent again",
        arguments: BootsTests.seeds([15]))
    func kills(seed: UInt64) throws {
        let life = try Life(seed: seed) {
            $0.settleWait = .seconds(600)
            $0.historyBatchesPerSecond = 5
        }
        life.bench.broker.goAway(.silent)
        life.sample(seconds: 8)
        try life.kill()
        life.sampleUntilSettled()
        try life.kill()
        life.sample(seconds: 2)
        let expected = life.taken.count - 4
        try life.cutPower()
        life.bench.broker.comeBack()
        life.sampleUntilSettled()
        life.bench.run(.milliseconds(500))
        life.bench.broker.swallowAcknowledgements(10)
        // Whatever is left to be swallowed at the first kill is at the second.
        for _ in 0..<2 {
            life.bench.run(.seconds(3))
            try life.kill()
        }
        life.drain()
        var messages = 0
        var payloads: [String: Set<[UInt8]>] = [:]
        for message in life.bench.broker.received where message.topic.hasSuffix("/history") {
            let head = try JSON(message.payload).elements.first
            guard head?["stream"]?.string != life.bench.stream, let seq = head?["seq"]?.number else { continue }
            payloads[seq, default: []].insert(message.payload)
            messages += 1
        }
        #expect(messages > payloads.count, "seed \(seed): nothing was sent twice")
        #expect(payloads.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
        try life.expectComplete(upTo: expected)
        #expect(try life.values().allSatisfy { $0.value.allSatisfy(\.isSettled) }, "seed \(seed)")
        try life.expectHonest()
    }

    @Test("Whatever clocks, cuts and kills do: nothing is published as of before 2020, and no word is false",
        arguments: 1...24 as ClosedRange<UInt64>)
    func never1970(seed: UInt64) throws {
        var random = Random(seed: seed, purpose: "boots")
        let trusts = random.chance(1, in: 2)
        // A system clock that is trusted and wrong cannot be told from a right one: only 1970 can.
        let life = try Life(seed: seed, wallClock: trusts ? .rightButNeverSynchronised : .synchronisesLater) {
            $0.trustsSystemClock = trusts
            $0.kpis = [CourierBench.water()]
        }
        var isWrong = false
        for _ in 0..<12 {
            if random.chance(1, in: 2) { life.bench.broker.goAway(.silent) } else { life.bench.broker.comeBack() }
            // Also when the node starts: a clock without a battery.
            if random.chance(1, in: 2) {
                let wall = life.clock.wall().utc.nanoseconds
                let target: Int64 = random.chance(1, in: 2) ? 0 : Int64(random.below(50 * 365 * 86_400)) * 1_000_000_000
                life.clock.step(by: .nanoseconds(target - wall))
                isWrong = trusts
            }
            life.sample(seconds: Int(random.below(30)))
            switch random.below(4) {
            case 0, 1: try life.cutPower(off: .seconds(1 + Int64(random.below(100))))
            case 2: try life.kill()
            default: break
            }
        }
        life.drain()
        for message in try life.bench.received { try expectModern(message.json, "seed \(seed): \(message.topic)") }
        for arrival in try life.arrivals() where arrival.isSettled {
            #expect(arrival.time >= UTC.earliest.nanoseconds / 1_000, "seed \(seed)")
        }
        if !isWrong { try life.expectHonest() }
    }

    private func expectModern(_ json: JSON, _ comment: Comment) throws {
        switch json {
        case .array(let elements): for element in elements { try expectModern(element, comment) }
        case .object(let members):
            for (name, value) in members {
                switch name {
                case "bt", "not_before", "not_after":
                    let text = try #require(value.number, comment)
                    #expect(name == "bt" && text == "0" || microseconds(text) >= UTC.earliest.nanoseconds / 1_000, comment)
                case "utc_at_boot_ns":
                    #expect(Int64(value.string ?? "").orZero >= UTC.earliest.nanoseconds, comment)
                case "start":
                    if let text = value.number {
                        #expect(microseconds(text) >= UTC.earliest.nanoseconds / 1_000, comment)
                    }
                default: try expectModern(value, comment)
                }
            }
        default: break
        }
    }
}
