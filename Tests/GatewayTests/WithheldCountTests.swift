// Counts of people through the real Courier: what is too small never leaves the node, and nothing is lost or counted
// twice, whenever the process is killed and whatever it leaves of the file that keeps what is carried.

import Gateway
import KPIs
import Outbox
import SimulatedWorld
import Testing
import World

private let minimum: Int64 = 10

/// `water.volume` stands for a count of people since the reading before.
private func counting(_ plan: inout CourierPlan) {
    var method = KPIBinding.Method()
    method.minimumCount = minimum
    plan.withheldChannels = ["water.volume"]
    plan.kpis = [
        KPIBinding(
            indicator: Indicator.named("x-people")!, channel: ChannelID(rawValue: 2), channelName: "water.volume",
            unit: "count", scale: 0, windowSeconds: 900, method: method)
    ]
}

extension CourierBench {
    /// Cells that have left, each as it was last given.
    fileprivate func cells() throws -> [Contribution] {
        try contributions().entries.map { $0.1.contribution }.filter { $0.indicator.slug == "x-people" }
    }

    fileprivate static func amount(_ contribution: Contribution) -> Int64 {
        guard case .sum(let sum) = contribution.state else { return 0 }
        return sum.amount
    }

    /// Every cell that was ever in a message, those that a later one replaced included.
    fileprivate func everSaid() throws -> [Int64] {
        try broker.received.filter { $0.topic.hasSuffix("/contributions") }
            .flatMap { try ContributionBatch.parse($0.payload).contributions }
            .filter { $0.indicator.slug == "x-people" }.map(Self.amount)
    }

    /// The files of what is carried, the newest last, by the generation that they begin with.
    fileprivate func files() -> [String] {
        var handle = disk.handle()
        var found: [(name: String, generation: Int64)] = []
        for name in ["withheld-0", "withheld-1"] {
            var bytes = [UInt8](repeating: 0, count: 8)
            let count = bytes.withUnsafeMutableBytes { (try? handle.runtimeRead(name, at: 0, into: $0)) ?? 0 }
            guard count == 8 else { continue }
            found.append((name, bytes.reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }))
        }
        return found.sorted { $0.generation < $1.generation }.map(\.name)
    }
}

@Suite("Counts that are withheld, through the Courier") struct WithheldCountTests {
    private struct Outcome {
        var cells: [String] = []
        var said: [Int64] = []
        var kills = 0
    }

    /// Three days: nobody or one to three people in most quarters, a crowd in some, with kills at irregular moments.
    /// `torn`: each kill comes while the file that is not the newest is being written over.
    private func days(seed: UInt64, killed: Bool, torn: Bool = false) throws -> Outcome {
        // What comes when is the same with and without kills.
        var people = Random(seed: seed, purpose: "people")
        var moments = Random(seed: seed, purpose: "kills")
        var bench: CourierBench! = try CourierBench(seed: seed, counting)
        var outcome = Outcome()
        for _ in 0..<3 * 96 {
            let isCrowd = people.chance(1, in: 20)
            for _ in 0..<3 {
                let count = isCrowd ? Int64(people.below(40)) : people.chance(1, in: 3) ? 1 : 0
                bench.take(2, count)
                bench.run(.seconds(300))
                guard killed, moments.chance(1, in: 10) else { continue }
                let surroundings = bench.surroundings
                let files = bench.files()
                bench = nil
                if torn, files.count == 2 { surroundings.disk.flipRuntimeBits(in: files[0], at: 40, mask: 0x10) }
                outcome.kills += 1
                endProcess(disk: surroundings.disk, broker: surroundings.broker)
                bench = try CourierBench(seed: seed, in: surroundings, counting)
            }
        }
        bench.run(.seconds(60))
        outcome.cells = try bench.cells().map {
            // Coverage is not compared: what a new Sampler counts first has no reading before it.
            "\($0.windowStart) \($0.windowSeconds) \(CourierBench.amount($0))"
        }.sorted()
        outcome.said = try bench.everSaid()
        return outcome
    }

    @Test(
        "No message has a cell below the minimum; kills, also within a write, change no count",
        arguments: UInt64(1)...3)
    func kills(seed: UInt64) throws {
        let quiet = try days(seed: seed, killed: false)
        #expect(quiet.cells.count > 3 && quiet.said.allSatisfy { $0 >= minimum }, "seed \(seed)")
        for torn in [false, true] {
            let killed = try days(seed: seed, killed: true, torn: torn)
            #expect(killed.kills > 20)
            #expect(killed.said.allSatisfy { $0 >= minimum }, "seed \(seed), torn \(torn)")
            #expect(killed.cells == quiet.cells, "seed \(seed), torn \(torn)")
        }
    }

    @Test("Where too few come in a day, weeks are given, and the platform understands them")
    func weeks() throws {
        let bench = try CourierBench(counting)
        for hour in 0..<23 * 24 {
            bench.take(2, hour % 8 == 0 ? 1 : 0)
            bench.run(.seconds(3_600))
        }
        #expect(try bench.contributions().refused.isEmpty)
        let cells = try bench.cells()
        #expect(cells.count >= 2 && cells.allSatisfy { $0.windowSeconds % 604_800 == 0 })
        #expect(cells.contains { CourierBench.amount($0) == 21 })
    }

    @Test("After a power cut a cell says that the hour at hand is lost")
    func powerCut() throws {
        var bench: CourierBench! = try CourierBench(counting)
        for _ in 0..<60 {
            bench.take(2, 1)
            bench.run(.seconds(60))
        }
        let surroundings = bench.surroundings
        bench = nil
        SimulatedWorld.cutPower(
            off: .seconds(120), clock: surroundings.clock, disk: surroundings.disk, broker: surroundings.broker)
        bench = try CourierBench(in: surroundings, counting)
        // Too few in each hour, enough in the day.
        for _ in 0..<26 * 12 {
            bench.take(2, bench.taken[2] % 6 == 0 ? 3 : 0)
            bench.run(.seconds(300))
        }
        let cells = try bench.cells()
        let refused = try bench.contributions().refused
        #expect(refused.isEmpty)
        let flags = cells.flatMap(\.coverage.flags).filter { $0.name == "lost" }
        #expect(
            flags.count == 1 && flags[0].seconds > 120 && flags[0].seconds < 2 * 3_600,
            "\(cells.map { "\($0.windowStart) \($0.windowSeconds) \($0.state) \($0.coverage.flags)" })")
        #expect(try bench.everSaid().allSatisfy { $0 >= minimum })
    }
}
