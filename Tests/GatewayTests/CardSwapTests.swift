// A card that comes out within a window and is drained a week later, and two boards of one node at work at once: what
// was measured is in the city's figures once, to the pulse and to the second.

import Gateway
import KPIs
import Sensors
import SimulatedWorld
import Testing
import Uplink
import World

/// A place with a water meter and an analyser of NO2.
private struct Corner {
    static let day: Int64 = 86_400
    static let everyWater: Int64 = 120
    static let millilitres: Int64 = 10_000
    let year: RecordedYear
    /// Each of 10 L: seconds of UTC, of which it comes at the third tenth; boards begin at half seconds.
    let pulses: [Int64]
    let table: ChannelTable
    let water: DriverSettings

    init() throws {
        year = try RecordedYear()
        var random = Random(seed: 9, purpose: "water")
        var pulses: [Int64] = []
        var second = RecordedYear.start + 100
        while second < RecordedYear.start + 12 * Self.day {
            pulses.append(second)
            second += 20 + Int64(random.below(150))
        }
        self.pulses = pulses
        var settings = DriverSettings(
            sensorID: "water", every: .seconds(Self.everyWater),
            line: LineRequest(chipLabel: NodeRun.chip, offset: 17, name: "GPIO17"),
            values: ["per_pulse": .quantity(mantissa: 1, exponent: -2, unit: "m3")])
        for parameter in Catalogue.entry(named: "pulse-counter")!.parameters
        where settings.values[parameter.name] == nil {
            settings.values[parameter.name] = parameter.fallback
        }
        water = settings
        let channels = try Catalogue.entry(named: "pulse-counter")!.channels(settings).map {
            Channel(name: "water." + $0.quantity, unit: $0.unit, scale: $0.scale, plausible: $0.plausible)
        }
        table = ChannelTable(channels: AirNode.table.channels + channels, configHash: "5d0a77e1")
    }

    var kpis: [KPIBinding] {
        [
            AirNode.binding(inhabitants: 700),
            KPIBinding(
                indicator: Indicator.named("en-en-ws-2c")!, channel: ChannelID(rawValue: 1),
                channelName: "water.volume", unit: "m3", scale: table.channels[1].scale, windowSeconds: 3_600),
        ]
    }

    /// A board whose virtual time begins so many seconds into the recording.
    func board(at begin: Int64, seed: UInt64, card: Flash = Flash(), carriesOnly: Bool = false) -> NodeRun {
        let clock = SimulatedClock(
            seed: seed, wallClock: carriesOnly ? .rightButNeverSynchronised : .synchronisesLater,
            beginsAt: UTC(nanoseconds: (RecordedYear.start + begin) * 1_000_000_000 + 500_000_000))
        let (year, table, water) = (year, table, water)
        var node = NodeRun.Node(id: "corner", table: table, kpis: kpis) { moment in
            let channels = table.channels.enumerated().dropFirst().map { place, channel in
                InstalledChannel(id: ChannelID(rawValue: UInt16(place)), channel: channel)
            }
            return [
                try AirNode.analyser(year, from: moment, through: 400),
                InstalledSensor(
                    id: "water", driver: try Catalogue.entry(named: "pulse-counter")!.make(water),
                    every: .seconds(Self.everyWater), channels: channels, device: nil),
            ]
        }
        node.carriesOnly = carriesOnly
        let run = NodeRun(node, seed: seed, clock: clock, card: card)
        // 0.3 s of UTC are 0.8 s after the half of the second before.
        for pulse in pulses where pulse > RecordedYear.start + begin {
            let rise = NodeRun.moment(pulse - RecordedYear.start - begin - 1) + .milliseconds(800)
            run.edges.append((rise, true))
            run.edges.append((rise + .milliseconds(50), false))
        }
        return run
    }

    /// What a stream knows of the water, by the hour's begin: pulses belong to the reading that tells them, and time is
    /// known from the second reading on.
    struct Hour: Equatable {
        var pulses: Int64 = 0
        var valid: Int64 = 0
        var from = Int64.max
        var to = Int64.min
    }

    func water(_ life: NodeRun.Life, begin: Int64) -> [Int64: Hour] {
        let zero = RecordedYear.start + begin
        let from = NodeRun.seconds(life.from), to = NodeRun.seconds(life.to), boot = NodeRun.seconds(life.bootedAt)
        var readings: [Int64] = []
        var moment = boot + ((from - boot) / Self.everyWater + 1) * Self.everyWater
        while moment < to {
            readings.append(moment + zero)
            moment += Self.everyWater
        }
        // At an orderly end the counter gives what it has.
        if !life.endedInCut { readings.append(to + zero) }
        var hours: [Int64: Hour] = [:]
        var before = from + zero
        for (index, reading) in readings.enumerated() {
            let hour = reading / 3_600 * 3_600
            // A pulse of a reading's own second comes before it.
            hours[hour, default: Hour()].pulses += Int64(pulses.count { $0 > before && $0 <= reading })
            if index > 0 {
                for (start, end) in [(before, min(reading, hour)), (max(before, hour), reading)] where start < end {
                    let place = start / 3_600 * 3_600
                    var known = hours[place] ?? Hour()
                    known.valid += end - start
                    known.from = min(known.from, start)
                    known.to = max(known.to, end)
                    hours[place] = known
                }
            }
            before = reading
        }
        return hours
    }

    static func told(_ set: ContributionSet, of stream: UInt64) -> [Int64: Hour] {
        var hours: [Int64: Hour] = [:]
        for (key, entry) in set.entries where key.stream == stream && key.slug == "en-en-ws-2c" {
            guard case .sum(let sum) = entry.contribution.state else { continue }
            let coverage = entry.contribution.coverage
            var hour = Hour(pulses: sum.amount / millilitres, valid: coverage.validSeconds)
            if hour.valid > 0 {
                hour.from = key.windowStart + coverage.fromSecond
                hour.to = key.windowStart + coverage.toSecond
            }
            #expect(sum.amount % millilitres == 0 && !entry.isConflicting)
            hours[key.windowStart] = hour
        }
        return hours
    }
}

@Suite("Cards and boards") struct CardSwapTests {
    private static let water = Indicator.named("en-en-ws-2c")!
    private static let pollution = Indicator.named("en-en-aq-1c")!

    private static func add(_ run: NodeRun, to set: inout ContributionSet) throws {
        for message in run.contributionMessages { set.add(try ContributionBatch.parse(message)) }
    }

    @Test("A card swapped within a window and drained a week later: the totals are exact")
    func swappedCard() throws {
        let corner = try Corner()
        let node = corner.board(at: 0, seed: 21)
        try node.run(until: 5)
        try node.start()
        // The broker goes after a quarter of a day, and the power in the middle of the second night.
        try node.run(until: 21_600 + 900)
        node.broker.goAway(.unreachable)
        try node.run(until: 30 * 3_600 + 1_250)
        node.cutPower(off: 900)
        let old = node.swapCard()
        try node.run(until: node.now + 20)
        try node.start()
        try node.run(until: 40 * 3_600)
        node.broker.comeBack()
        try node.run(until: 8 * Corner.day + 2_050)
        node.finishSampling()
        #expect(try node.drain(within: 3_600), "\(node.undrained)")
        #expect(node.refused.isEmpty && node.lives.count == 2 && node.lives[0].stream != node.lives[1].stream)

        var set = ContributionSet()
        try Self.add(node, to: &set)
        let early = set.total(Self.water)
        let carrier = corner.board(at: 8 * Corner.day, seed: 22, card: old, carriesOnly: true)
        try carrier.start()
        #expect(try carrier.drain(within: 3_600), "\(carrier.undrained)")
        try Self.add(carrier, to: &set)
        #expect(set.refused.isEmpty && set.waiting == 0)

        var pulses: Int64 = 0, valid: Int64 = 0
        for life in node.lives {
            let hours = corner.water(life, begin: 0)
            let told = Corner.told(set, of: life.stream)
            for (start, hour) in hours { #expect(told[start] == hour, "\(life) \(start)") }
            #expect(told.count == hours.count)
            pulses += hours.values.reduce(0) { $0 + $1.pulses }
            valid += hours.values.reduce(0) { $0 + $1.valid }
        }
        let total = set.total(Self.water)
        #expect(total.millilitres == Int128(pulses * Corner.millilitres) && early.millilitres < total.millilitres)
        #expect(total.validSeconds == Int128(valid))
        #expect(total.overlaps.isEmpty && total.conflicts.isEmpty)
        // What nobody counted came in the last two minutes before the cut, without power, or before the board looked.
        let end = RecordedYear.start + NodeRun.seconds(node.lives[1].to)
        let cut = RecordedYear.start + NodeRun.seconds(node.lives[0].to)
        let back = RecordedYear.start + NodeRun.seconds(node.lives[1].from)
        let uncounted = Int64(corner.pulses.count { $0 <= end }) - pulses
        let gap = Int64(corner.pulses.count { (cut - Corner.everyWater..<back + 1).contains($0) })
        #expect((0...gap + 1).contains(uncounted), "\(uncounted) pulses are missing, \(gap) were in the gap")
        let figure = try #require(Evaluation(set).report(Self.water).figures.first)
        #expect(figure.numerator?.number == Int128(pulses * Corner.millilitres) * 1_000_000_000)
        #expect(figure.coverage.validSeconds == Int128(valid))

        let story = AirNodeStory(
            id: "corner", begin: RecordedYear.start, lives: node.lives, messages: [], events: [], isDrained: true,
            undrained: "")
        var seconds: Int64 = 0
        for (stream, readings) in story.readings(corner.year, every: AirNode.every) {
            for (start, hour) in readings.hours() {
                let told = set.entries.first {
                    $0.key.stream == stream && $0.key.slug == "en-en-aq-1c" && $0.key.windowStart == start
                }
                guard case .level(let level)? = told?.entry.contribution.state else {
                    Issue.record("\(start) of \(stream) is missing: \(hour)")
                    continue
                }
                #expect(level.integral == hour.integral && level.seconds == hour.seconds, "\(start) of \(stream)")
                seconds += hour.seconds
            }
        }
        let air = try #require(Evaluation(set).report(Self.pollution).figures.first { $0.point == "no2" })
        #expect(air.coverage.validSeconds == Int128(seconds))
    }

    @Test("Both boards powered at once: the overlap is reported, and of each hour one board counts")
    func twoBoards() throws {
        let corner = try Corner()
        // The old board works half a day and goes to the drawer; then the new one has the place, and after a day the
        // old one gets power for seven hours, too, with its card and its pulses.
        let first = corner.board(at: 0, seed: 31)
        try first.run(until: 5)
        try first.start()
        try first.run(until: 43_200 + 1_130)
        first.broker.goAway(.unreachable)
        try first.run(until: 46_000)
        first.cutPower(off: 60)
        let card = first.swapCard()
        let beginNew: Int64 = 50_000, beginOld = beginNew + Corner.day + 777
        let new = corner.board(at: beginNew, seed: 32)
        try new.run(until: 5)
        try new.start()
        try new.run(until: 2 * Corner.day + 1_000)
        new.finishSampling()
        #expect(try new.drain(within: 3_600), "\(new.undrained)")
        let old = corner.board(at: beginOld, seed: 33, card: card)
        try old.run(until: 7)
        try old.start()
        try old.run(until: 7 * 3_600 + 100)
        old.finishSampling()
        #expect(try old.drain(within: 3_600), "\(old.undrained)")

        var set = ContributionSet()
        for run in [old, first, new] { try Self.add(run, to: &set) }
        #expect(set.refused.isEmpty && set.waiting == 0)
        var streams: [(stream: UInt64, hours: [Int64: Corner.Hour])] = []
        for (run, begin) in [(first, 0), (new, beginNew), (old, beginOld)] {
            for life in run.lives {
                let hours = corner.water(life, begin: begin)
                let told = Corner.told(set, of: life.stream)
                for (start, hour) in hours { #expect(told[start] == hour, "\(life) \(start)") }
                streams.append((life.stream, hours))
            }
        }
        #expect(streams.count == 3)
        // Of an hour that two know at the same time, the one that knows more of it counts; else the lower stream.
        var pulses: Int64 = 0, valid: Int64 = 0, twice: Int64 = 0, twicePulses: Int64 = 0, shared = 0
        for (start, mine) in streams[1].hours {
            var counted = mine
            if let other = streams[2].hours[start], mine.valid > 0, other.valid > 0,
                max(mine.from, other.from) < min(mine.to, other.to)
            {
                twice += min(mine.to, other.to) - max(mine.from, other.from)
                shared += 1
                let isOther = (other.valid, streams[1].stream) > (mine.valid, streams[2].stream)
                if isOther { counted = other }
                twicePulses += isOther ? mine.pulses : other.pulses
            }
            pulses += counted.pulses
            valid += counted.valid
        }
        #expect(shared >= 7 && twicePulses > 100)
        pulses += streams[0].hours.values.reduce(0) { $0 + $1.pulses }
        valid += streams[0].hours.values.reduce(0) { $0 + $1.valid }
        let total = set.total(Self.water)
        #expect(total.millilitres == Int128(pulses * Corner.millilitres))
        #expect(total.validSeconds == Int128(valid))
        #expect(total.overlaps.count == shared && total.overlapSeconds == Int128(twice))
        let pair = [streams[1].stream, streams[2].stream].sorted()
        #expect(total.overlaps.allSatisfy { $0.streams == pair && $0.counted != nil })
        // What was counted twice is in the figure once.
        let end = RecordedYear.start + beginNew + NodeRun.seconds(new.lives[0].to)
        #expect(pulses <= corner.pulses.count { $0 <= end })

        let report = Evaluation(set).report(Self.water)
        #expect(report.overlaps == total.overlaps)
        #expect(report.figures.first?.numerator?.number == Int128(pulses * Corner.millilitres) * 1_000_000_000)
        #expect(report.figures.first?.coverage.validSeconds == Int128(valid))
        let air = Evaluation(set).report(Self.pollution)
        #expect(air.overlaps.count >= 7)
    }
}
