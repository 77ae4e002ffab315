// A year of real NO2 through the real gateway: the city's figure is that of a computation from the rows alone, to the
// last integer, whatever befell the nodes.

import KPIs
import Testing
import World

@Suite("A year of air") struct YearOfAirTests {
    private static let pollution = Indicator.named("en-en-aq-1c")!

    /// Checks window by window what a node said of each of its streams; returns what should be known of each hour, and
    /// the seconds that nobody was told of.
    private static func compare(
        _ story: AirNodeStory, _ set: ContributionSet, _ year: RecordedYear
    ) throws -> (hours: [Int64: HourOfAir], lost: [UInt64: Int64]) {
        var known: [Int64: HourOfAir] = [:]
        var lost: [UInt64: Int64] = [:]
        let entries = set.entries.filter { $0.key.node == story.id }
        for (stream, readings) in story.readings(year, every: AirNode.every) {
            let all = readings.hours()
            var told: Int64 = 0
            for (key, entry) in entries where key.stream == stream {
                let contribution = entry.contribution
                #expect(entry.isConflicting == false, "\(key)")
                guard case .level(let level) = contribution.state else {
                    Issue.record("\(key): \(contribution.state)")
                    continue
                }
                // What was not final ends with the reading that it names.
                let last = contribution.isFinal ? .max : contribution.mark?.last.map { $0.atMicroseconds / 1_000_000 }
                let hour = last.flatMap { $0 == .max ? all : readings.hours(last: $0) }?[key.windowStart] ?? HourOfAir()
                #expect(level.integral == hour.integral && level.seconds == hour.seconds, "\(key)")
                #expect(contribution.coverage.validSeconds == hour.seconds, "\(key)")
                if hour.seconds > 0 {
                    #expect(key.windowStart + contribution.coverage.fromSecond == hour.from, "\(key)")
                    #expect(key.windowStart + contribution.coverage.toSecond == hour.to, "\(key)")
                }
                told += hour.seconds
                known[key.windowStart, default: HourOfAir()].integral += hour.integral
                known[key.windowStart]!.seconds += hour.seconds
            }
            lost[stream] = all.values.reduce(0) { $0 + $1.seconds } - told
        }
        return (known, lost)
    }

    @Test("The city's annual mean of NO2, of three nodes and all that befell them, is that of the rows, exactly")
    func annualMean() async throws {
        let year = try RecordedYear()
        #expect(year.values.count == 9_357)
        var nodes = [
            AirNode(id: "north", hours: 0..<2_920, seed: 1, inhabitants: 1_200),
            AirNode(id: "centre", hours: 2_920..<5_840, seed: 2, inhabitants: 3_400),
            AirNode(id: "south", hours: 5_840..<8_760, seed: 3, inhabitants: 800),
        ]
        for index in nodes.indices { nodes[index].befall() }
        // Two days, and three weeks with crashes, and power cuts of which one comes soon after a window has ended.
        let day: Int64 = 86_400
        nodes[0].befallings += [(50 * day, .brokerAway), (52 * day, .brokerBack)]
        nodes[1].befallings += [
            (40 * day, .brokerAway), (45 * day + 3_700, .crash), (48 * day + 300, .powerCut(7_200)),
            (50 * day + 2_000, .powerCut(60)), (53 * day, .restart), (61 * day, .brokerBack),
        ]
        let stories = try await Self.live(nodes, year)

        // In any order, and some of it twice.
        var messages = stories.flatMap(\.messages)
        var random = Random(seed: 4)
        for index in messages.indices.reversed() {
            messages.swapAt(index, Int(random.below(UInt64(index) + 1)))
        }
        messages += messages.prefix(500)
        var set = ContributionSet()
        for message in messages { set.add(try ContributionBatch.parse(message)) }
        #expect(set.refused.isEmpty && set.waiting == 0)

        var hourly: [String: [Int64: Int64]] = [:]
        var covered: Int128 = 0
        for story in stories {
            #expect(story.isDrained, "\(story.id): \(story.undrained)")
            let (hours, lost) = try Self.compare(story, set, year)
            for (stream, seconds) in lost {
                let life = story.lives.last { $0.stream == stream }!
                // A cut while the broker was there costs what was taken since the last checkpoint, and is not told.
                let most = life.endedInCut && !life.endedOffline ? AirNode.checkpoint + AirNode.every + 10 : 0
                #expect((0...most).contains(seconds), "\(story.id): \(seconds) s of \(life) were not told")
            }
            let counted = hours.filter { (RecordedYear.start..<RecordedYear.end).contains($0.key) }
            covered += counted.values.reduce(0) { $0 + Int128($1.seconds) }
            hourly[story.id] = counted.compactMapValues(\.mean)
        }

        var options = EvaluationOptions()
        options.from = RecordedYear.start
        options.until = RecordedYear.end
        // Each node has a third of the year.
        options.annualCapturePercent = 20
        let report = Evaluation(set, options: options).report(Self.pollution)
        #expect(report.conflicts.isEmpty && report.overlaps.isEmpty)
        let figure = try #require(report.figures.first { $0.point == "no2" })

        // By the rows: each node's mean of its valid hours in 10^-6 ng, weighted by who lives there.
        var sum: Int128 = 0, people: Int128 = 0, count: Int128 = 0
        for node in nodes {
            let means = try #require(hourly[node.id])
            let total = means.values.reduce(Int128(0)) { $0 + Int128($1) }
            let hours = Int128(means.count)
            sum += (total * 1_000 * 2 + hours) / (2 * hours) * Int128(node.inhabitants)
            people += Int128(node.inhabitants)
            count += hours
        }
        #expect(figure.numerator?.number == sum && figure.numerator?.exponent == -9)
        #expect(figure.denominator?.number == people)
        #expect(figure.coverage.validSeconds == covered)
        #expect(figure.coverage.expectedSeconds == 3 * 8_760 * 3_600)
        #expect(figure.notes.contains { $0.hasPrefix("\(count) valid hours of 3 nodes") })
        #expect(figure.nodes == 3)

        // A city that asks for 90 % of the hours of each node reports nothing, and not 0.
        options.annualCapturePercent = 90
        let strict = Evaluation(set, options: options).report(Self.pollution)
        #expect(!strict.isReported && strict.figures.first { $0.point == "no2" }?.value == nil)
    }

    @Test(
        "A power cut at any time of an outage costs nothing of what was on the flash",
        arguments: Array(0..<13 as Range<Int64>))
    func cutInOutage(_ step: Int64) throws {
        let year = try RecordedYear()
        var node = AirNode(id: "east", hours: 2_000..<2_030, seed: UInt64(step))
        let hour: Int64 = 3_600
        node.befallings = [
            (5 * hour + 700, .brokerAway), (14 * hour + 300 * step, .powerCut(900)), (20 * hour, .brokerBack),
        ]
        let story = try node.live(year)
        #expect(story.isDrained && story.lives.count == 2, "\(story.undrained)")
        var set = ContributionSet()
        for message in story.messages { set.add(try ContributionBatch.parse(message)) }
        let (_, lost) = try Self.compare(story, set, year)
        #expect(lost.values.allSatisfy { $0 == 0 }, "\(lost) s of \(story.lives)")
    }

    @Test("What an outbox that is too small gives up is told, and coverage says it")
    func smallOutbox() throws {
        let year = try RecordedYear()
        var node = AirNode(id: "west", hours: 1_000..<1_960, seed: 5)
        let day: Int64 = 86_400
        node.befallings = [
            (5 * day, .brokerAway), (9 * day, .crash), (14 * day, .restart), (33 * day, .brokerBack),
        ]
        node.change = {
            $0.flashBytes = 64 << 10
            $0.flashSegmentBytes = 8 << 10
            $0.memorySegmentBytes = 4 << 10
            $0.readChunkBytes = 4 << 10
            $0.keepAcknowledgedBytes = 64 << 10
        }
        let story = try node.live(year)
        #expect(story.isDrained, "\(story.undrained)")
        var set = ContributionSet()
        for message in story.messages { set.add(try ContributionBatch.parse(message)) }
        #expect(set.refused.isEmpty)
        let (hours, lost) = try Self.compare(story, set, year)
        let missing = lost.values.reduce(0, +)
        #expect(lost.values.allSatisfy { $0 >= 0 } && missing > 3_600, "\(missing) s are missing")

        var given = 0
        for message in story.events {
            for item in try JSON(message)["items"]?.elements ?? [] where item["kind"]?.string == "tombstone" {
                guard item["lane"]?.string == "contributions" else { continue }
                guard case .object(let counts)? = item["channels"] else { continue }
                given += counts.values.reduce(0) { $0 + (Int($1.number ?? "") ?? 0) }
            }
        }
        #expect(Int64(given) * 3_600 >= missing, "\(given) contributions were told as given up for \(missing) s")

        var options = EvaluationOptions()
        options.from = story.begin
        options.until = story.begin + 960 * 3_600
        let figure = try #require(Evaluation(set, options: options).report(Self.pollution).figures.first)
        let covered = hours.filter { $0.key < story.begin + 960 * 3_600 }.values.reduce(Int128(0)) {
            $0 + Int128($1.seconds)
        }
        #expect(figure.coverage.validSeconds == covered && figure.coverage.expectedSeconds == 960 * 3_600)
        // Less than 90 % of the hours: not reported.
        #expect(figure.value == nil)
    }

    private static func live(_ nodes: [AirNode], _ year: RecordedYear) async throws -> [AirNodeStory] {
        // Each with a thread of its own.
        try await withThrowingTaskGroup(of: AirNodeStory.self) { group in
            for index in nodes.indices {
                let id = nodes[index].id, hours = nodes[index].hours, seed = nodes[index].seed
                let inhabitants = nodes[index].inhabitants, befallings = nodes[index].befallings
                group.addTask {
                    try AirNode(
                        id: id, hours: hours, seed: seed, inhabitants: inhabitants, befallings: befallings
                    ).live(year)
                }
            }
            var stories: [AirNodeStory] = []
            for try await story in group { stories.append(story) }
            return stories.sorted { $0.id < $1.id }
        }
    }
}
