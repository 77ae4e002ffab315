// The platform folds archived readings, and finds what the node found.

import KPIs
import SimulatedWorld
import SiteConfig
import Testing
import World

@testable import Agent

@Suite("Archived readings folded again")
struct RefoldTests {
    /// What a platform archives of a node that ran for half an hour.
    private struct Archive {
        var own: [String: Contribution] = [:]
        var readings = ReadingArchive()
        var rules: FoldingRules

        init(seed: UInt64) throws {
            let end = VirtualTime(nanoseconds: 1_900 * 1_000_000_000)
            let simulation = try Simulation(
                site: simulationSite(), seed: seed, plan: FaultPlan([], quietFrom: end), samplingEnds: end)
            let verdict = simulation.run(until: nil)
            try #require(verdict.problem == nil)
            var inventory: [UInt8]?
            var set = ContributionSet()
            for message in simulation.broker.received {
                // As an export has it: topic and payload on a line.
                let kind = message.topic.split(separator: "/" as Character).last.map(String.init)
                if kind == "inventory" { inventory = message.payload }
                if kind == "contributions" { set.add(try ContributionBatch.parse(message.payload)) }
                readings.take(MessageLine(place: message.topic, kind: kind, payload: message.payload))
            }
            for (key, entry) in set.entries where entry.contribution.isFinal {
                own[Self.name(key.stream, entry.contribution)] = entry.contribution
            }
            let unsettled = readings.settle()
            try #require(unsettled == 0)
            rules = try FoldingRules(try #require(inventory))
        }

        static func name(_ stream: UInt64, _ contribution: Contribution) -> String {
            "\(stream) \(contribution.indicator.slug) \(contribution.windowStart) \(contribution.windowSeconds)"
        }

        func folded(_ calibrations: [String: LaterCalibration] = [:]) throws -> [String: Contribution] {
            let refold = Refold(rules: rules, calendar: try rules.calendar(), calibrations: calibrations)
            var found: [String: Contribution] = [:]
            for (stream, batches) in readings.streams {
                let outcome = refold.fold(batches.values.sorted { $0.seq < $1.seq }, stream: stream.stream)
                for contribution in outcome.contributions where contribution.isFinal {
                    found[Self.name(stream.stream, contribution)] = contribution
                }
            }
            return found
        }
    }

    private static let archive = Result { try Archive(seed: 4) }

    private func text(_ contribution: Contribution?) -> String {
        var bytes: [UInt8] = []
        contribution?.encode(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func rules(_ members: String) throws -> FoldingRules {
        try FoldingRules(Array("{\"v\":1,\"node\":\"a\",\"config_hash\":\"9c1e04d2\"\(members)}".utf8))
    }

    @Test("The node's own noise and peak hours are those of the platform's calendar; hours that are none are refused")
    func hours() throws {
        let noise = try #require(NoisePeriods(dayBegin: 7, eveningBegin: 19, nightBegin: 22))
        let peaks = try #require(PeakPeriods(morning: 7..<9, evening: 17..<20))
        let own = try rules(
            ",\"timezone\":\"Etc/UTC\",\"tz\":\"2026a\",\"noise_h\":\(noise.toldHours),\"peak_h\":\(peaks.toldHours)")
        let calendar = try #require(try own.calendar())
        #expect(calendar.noise == noise && calendar.peaks == peaks)
        let usual = try rules(",\"timezone\":\"Etc/UTC\",\"tz\":\"2026a\"")
        #expect(usual.noise == .usual && usual.peaks == .usual)
        #expect(NoisePeriods.usual.toldHours.isEmpty && PeakPeriods.usual.toldHours.isEmpty)
        for wrong in [
            "\"noise_h\":[7,19]", "\"noise_h\":[7,7,23]", "\"noise_h\":[7,19,24]", "\"noise_h\":[7,19,22,23,24,25]",
            "\"peak_h\":[]", "\"peak_h\":[9,6,16,19]", "\"peak_h\":[6,9,16,25]", "\"peak_h\":[6,17,16,19]",
            "\"peak_h\":[-9223372036854775808,9,16,19]",
        ] {
            #expect(throws: ContributionFault.self, "\(wrong)") { try rules("," + wrong) }
        }
    }

    @Test("A complete archive gives the node's final contributions byte for byte", arguments: [3, 6] as [UInt64])
    func equal(_ seed: UInt64) throws {
        let archive = try Archive(seed: seed)
        let folded = try archive.folded()
        #expect(archive.readings.unreadable.isEmpty)
        #expect(archive.own.count >= 2)
        #expect(Set(folded.keys) == Set(archive.own.keys), "seed \(seed)")
        for (name, contribution) in archive.own {
            #expect(text(folded[name]) == text(contribution), "seed \(seed): \(name)")
        }
    }

    @Test("A missing batch is missing time, flagged lost; the windows around it stay equal")
    func missing() throws {
        var archive = try Self.archive.get()
        let whole = try archive.folded()
        let stream = try #require(archive.readings.streams.keys.first)
        archive.readings.drop(stream, 400..<500)
        let folded = try archive.folded()
        let lost = folded.values.filter { $0.coverage.flags.contains { $0.name == "lost" } }
        #expect(!lost.isEmpty)
        let unequal = whole.filter { text(folded[$0.key]) != text($0.value) }
        #expect(!unequal.isEmpty)
        for contribution in lost {
            let name = Archive.name(stream.stream, contribution)
            #expect(contribution.coverage.validSeconds < whole[name]!.coverage.validSeconds)
        }
    }

    @Test("A later calibration changes the amounts it concerns, and nothing else")
    func calibrated() throws {
        let archive = try Self.archive.get()
        let calibration = LaterCalibration(gain: 2, offset: 0)
        let folded = try archive.folded(["water.volume": calibration])
        var changed = 0
        for (name, contribution) in archive.own {
            let corrected = try #require(folded[name])
            if contribution.sensor == "water", case .sum(let was) = contribution.state,
                case .sum(let now) = corrected.state
            {
                #expect(now.amount == 2 * was.amount)
                changed += was.amount > 0 ? 1 : 0
                #expect(corrected.coverage == contribution.coverage)
            } else {
                #expect(text(corrected) == text(contribution))
            }
        }
        #expect(changed > 0)
    }

    @Test("Decimals become the channel's integers exactly, or are refused")
    func decimals() {
        func scaled(_ text: String, _ scale: Int8) -> Int64? { scaledInteger(Array(text.utf8)[...], scale: scale) }
        #expect(scaled("21.4", -2) == 2_140)
        #expect(scaled("-0.07", -2) == -7)
        #expect(scaled("1795257600.25", -6) == 1_795_257_600_250_000)
        #expect(scaled("12000", 3) == 12)
        #expect(scaled("12001", 3) == nil)
        #expect(scaled("0.001", -2) == nil)
        #expect(scaled("-9223372036854775808", 0) == .min)
        #expect(scaled("9223372036854775808", 0) == nil)
        #expect(scaled("1e3", 0) == nil)
        #expect(scaled("", 0) == nil)
    }

    @Test("A correction is rounded once, halves away from zero, in the channel's scale")
    func correction() {
        let calibration = LaterCalibration(gain: 0.5, offset: -1.5)
        #expect(calibration.applied(to: 2_001, scale: -2) == 851)
        #expect(calibration.applied(to: -2_001, scale: -2) == -1_151)
        #expect(LaterCalibration(gain: 1e6, offset: 0).applied(to: .max, scale: 0) == nil)
    }
}
