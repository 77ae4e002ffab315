// Day sheets: what came of each UTC day, counted so that a restart changes nothing, and joined so that one question
// answers whether a day was complete.

import KPIs
import Testing
import World

/// 2026-11-21T00:00:00Z, the day of the fixtures' hour.
private let midnight: Int64 = 1_795_219_200
private let dayNumber = midnight / 86_400
private let stream: UInt64 = 0x7F3A_91C2_D04B_E815

private func channels(_ every: Int64 = 60) -> [DaySheetFold.Channel] {
    [
        DaySheetFold.Channel(name: "air.temperature", every: .seconds(every)),
        DaySheetFold.Channel(name: "door.state", every: nil),
    ]
}

private func freshFold(from second: Int64 = 0, every: Int64 = 60, isSwitched: Bool = false) -> DaySheetFold {
    DaySheetFold(
        stream: stream, config: "9c1e04d2", channels: channels(every), isSwitched: isSwitched,
        begin: UTC(seconds: midnight + second))
}

/// UTC second 0 of the day is boottime 1,000 s.
private let anchor = Anchor(offsetNanoseconds: (midnight - 1_000) * 1_000_000_000, boundNanoseconds: 0)

private func reading(
    _ channel: UInt16, at second: Int64, ordinal: UInt64, _ quality: Quality = .good
) -> Reading {
    Reading(
        channel: ChannelID(rawValue: channel), acquired: Boottime(nanoseconds: (second + 1_000) * 1_000_000_000),
        value: 0, quality: quality, ordinal: ordinal)
}

private func fold(_ readings: [Reading], _ seq: UInt64, into sheet: inout DaySheetFold, _ anchor: Anchor = anchor) {
    readings.withUnsafeBufferPointer { sheet.fold($0, seq: seq, anchor: anchor) }
}

private func sheets(
    _ selection: DaySheetFold.Selection, at second: Int64, isComplete: Bool = true, revision: UInt64 = 1,
    of fold: inout DaySheetFold
) -> [DaySheet] {
    var found: [DaySheet] = []
    fold.take(selection, now: UTC(seconds: midnight + second), isComplete: isComplete, revision: revision) {
        found.append($0)
    }
    return found
}

/// A whole day of a reading a minute, with batches of ten.
private func wholeDay(_ sheet: inout DaySheetFold, without lost: Set<Int> = [], seqFrom first: UInt64 = 1) {
    for batch in 0..<144 {
        let minutes = (batch * 10..<batch * 10 + 10).filter { !lost.contains($0) }
        fold(
            minutes.map { reading(0, at: Int64($0) * 60, ordinal: UInt64($0) + 1) }, first + UInt64(batch),
            into: &sheet)
    }
}

@Suite("Day sheets") struct DaySheetTests {
    @Test("A whole day of good readings is one number a channel, final after the day, with the numbers that carry it")
    func wholeDay() throws {
        var sheet = freshFold()
        KPIsTests.wholeDay(&sheet)
        #expect(sheets(.ended, at: 86_429, of: &sheet).isEmpty)
        let found = sheets(.ended, at: 86_430, revision: 86_430_250, of: &sheet)
        #expect(found.count == 1)
        var body: [UInt8] = []
        found[0].encodeBody(into: &body)
        let text = String(decoding: body, as: UTF8.self)
        #expect(text.hasPrefix(#""kind":"day_sheet","channels":{"air.temperature":1440,"door.state":{}},"clock_"#))
        #expect(text.contains(#""day":"2026-11-21","final":true,"from_s":0,"#))
        #expect(text.contains(#""lanes":{"readings":[1,144]},"off_s":0,"part":[1,1],"rev":86430250,"to_s":86400"#))
        #expect(try DaySheet.parse(Array("{\"t\":0,".utf8) + body + Array("}".utf8)) == found[0])
        // Said once.
        #expect(sheets(.ended, at: 90_000, of: &sheet).isEmpty)
    }

    @Test("What was not good is counted by reason; what the ring refused is lost; what is in missing numbers unseen")
    func reasons() {
        var sheet = freshFold()
        fold(
            [
                reading(0, at: 10, ordinal: 1), reading(0, at: 20, ordinal: 2, .stuck),
                reading(0, at: 30, ordinal: 3, .noAcknowledge), reading(0, at: 40, ordinal: 4, .noAcknowledge),
                reading(0, at: 50, ordinal: 5, .timedOut), reading(1, at: 50, ordinal: 1),
            ], 1, into: &sheet)
        // Two of the ring's, then three batches that are gone.
        fold([reading(0, at: 60, ordinal: 8)], 2, into: &sheet)
        fold([reading(0, at: 120, ordinal: 12)], 6, into: &sheet)
        let found = sheets(.all, at: 130, of: &sheet)
        #expect(found.count == 1 && !found[0].isFinal)
        let channel = found[0].channels[0]
        #expect(channel.good == 3 && channel.uncertain == 1 && channel.lost == 2 && channel.unseen == 3)
        #expect(channel.bad == [DaySheet.Reason("no_acknowledge", 2), DaySheet.Reason("timed_out", 1)])
        #expect(channel.taken == 12 && channel.expected == 2)
        #expect(found[0].channels[1].expected == nil && found[0].channels[1].good == 1)
        #expect(found[0].lanes == [DaySheet.Numbers("readings", 1, 6)])
    }

    @Test(
        "Kept after any batch and taken up again, it comes to the same as without a restart",
        arguments: UInt64(0)..<20)
    func restart(seed: UInt64) {
        var random = Random(seed: seed)
        var whole = freshFold(), parts = freshFold()
        var ordinal: UInt64 = 0
        var second: Int64 = 80_000
        for seq in UInt64(1)...200 {
            var readings: [Reading] = []
            for _ in 0..<random.below(5) {
                ordinal = random.chance(1, in: 30) ? 1 : ordinal + 1 + random.below(2)
                second += Int64(random.below(60))
                readings.append(
                    reading(0, at: second, ordinal: ordinal, random.chance(1, in: 9) ? .checksum : .good))
            }
            fold(readings, seq, into: &whole)
            if random.chance(1, in: 7) {
                let kept = parts.encoded
                guard let again = DaySheetFold(encoded: kept) else {
                    Issue.record("seed \(seed): what was kept cannot be taken up")
                    return
                }
                parts = again
                // Half of it is nothing.
                let half = DaySheetFold(encoded: Array(kept.prefix(kept.count / 2)))
                #expect(half == nil)
                // Batches that are folded again change nothing.
                fold(readings, seq - 1, into: &parts)
            }
            fold(readings, seq, into: &parts)
        }
        #expect(whole.encoded == parts.encoded, "seed \(seed)")
    }

    @Test("A day is final only when all its batches are counted; readings of it that come later revise it")
    func late() {
        var sheet = freshFold()
        KPIsTests.wholeDay(&sheet)
        #expect(sheets(.ended, at: 86_500, isComplete: false, of: &sheet).isEmpty)
        let first = sheets(.ended, at: 86_501, revision: 5, of: &sheet)
        #expect(first.map(\.isFinal) == [true])
        fold([reading(1, at: 86_399, ordinal: 1)], 145, into: &sheet)
        let second = sheets(.ended, at: 86_600, revision: 6, of: &sheet)
        #expect(second.map(\.isFinal) == [true] && second.first?.channels[1].good == 1)
    }

    @Test("Days on which nothing was read have sheets; a fourth day lets the first one go, given")
    func silentDays() {
        var sheet = freshFold(from: 43_200)
        var given: [DaySheet] = []
        for day in Int64(0)...5 {
            sheet.advance(to: UTC(seconds: midnight + day * 86_400 + 80_000))
            given += sheets(.ended, at: day * 86_400 + 80_000, revision: UInt64(day + 1), of: &sheet)
        }
        #expect(given.map(\.day) == Array(dayNumber...dayNumber + 4))
        #expect(given.map(\.fromSecond) == [43_200, 0, 0, 0, 0])
        #expect(given.map { $0.channels[0].expected } == [720, 1_440, 1_440, 1_440, 1_440])
        #expect(given.allSatisfy { $0.isFinal && $0.channels[0].taken == 0 })
    }

    @Test("A clock that is set back over a closed day counts what follows as stray, and is counted itself")
    func setBack() {
        var sheet = freshFold()
        for day in Int64(0)...4 {
            fold([reading(0, at: day * 86_400 + 50, ordinal: UInt64(day) + 1)], UInt64(day) + 1, into: &sheet)
        }
        var back = anchor
        back.offsetNanoseconds -= 4 * 86_400 * 1_000_000_000
        fold([reading(0, at: 4 * 86_400 + 60, ordinal: 6)], 6, into: &sheet, back)
        let given = sheets(.all, at: 4 * 86_400 + 100, of: &sheet)
        #expect(given.map(\.stray) == [0, 0, 1, 0, 0])
        #expect(given.map(\.clockSteps).reduce(0, +) == 1)
    }

    @Test("Tombstones take from the earliest day that they name, as much as it has")
    func tombstones() {
        var sheet = freshFold()
        fold([reading(0, at: 86_300, ordinal: 1), reading(0, at: 86_360, ordinal: 2)], 1, into: &sheet)
        fold([reading(0, at: 86_390, ordinal: 3), reading(0, at: 86_410, ordinal: 4)], 2, into: &sheet)
        sheet.noteTombstone(1...2, counts: [(name: "air.temperature", count: 4), (name: "other", count: 9)])
        let given = sheets(.all, at: 86_420, of: &sheet)
        #expect(given.map { $0.channels[0].tombstoned } == [3, 1])
    }

    @Test("Time without power is said of each day it touches; of a switched node it is expected")
    func dark() {
        for isSwitched in [false, true] {
            var sheet = freshFold(from: 3_600, isSwitched: isSwitched)
            sheet.noteDark(from: UTC(seconds: midnight - 600), until: UTC(seconds: midnight + 3_600))
            sheet.advance(to: UTC(seconds: midnight + 3_700))
            let given = sheets(.all, at: 3_700, of: &sheet)
            #expect(given.map { isSwitched ? $0.offSeconds : $0.darkSeconds } == [600, 3_600])
            #expect(given.map { isSwitched ? $0.darkSeconds : $0.offSeconds } == [0, 0])
        }
    }

    @Test("Many channels come in parts of 64 that stay where they are, each within its bound")
    func parts() throws {
        let many = (0..<200).map { DaySheetFold.Channel(name: "sensor-\($0).quantity", every: .seconds(1)) }
        var sheet = DaySheetFold(
            stream: stream, config: "9c1e04d2", channels: many, isSwitched: false, begin: UTC(seconds: midnight))
        fold((0..<200).map { reading(UInt16($0), at: 5, ordinal: 4, .wrongChip) }, 1, into: &sheet)
        let given = sheets(.all, at: 10, of: &sheet)
        #expect(given.map(\.part) == [1, 2, 3, 4] && given.allSatisfy { $0.parts == 4 })
        #expect(given.map(\.channels.count) == [64, 64, 64, 8])
        for part in given {
            var body: [UInt8] = []
            part.encodeBody(into: &body)
            #expect(body.count < 16 << 10)
            #expect(try DaySheet.parse(Array("{".utf8) + body + Array("}".utf8)) == part)
        }
    }

    @Test("Dates are civil dates, there and back", arguments: [0, 11_016, 20_778, 19_782, 2_932_896])
    func dates(day: Int64) {
        #expect(DaySheet.day(DaySheet.date(day)) == day)
        let known: [Int64: String] = [0: "1970-01-01", 11_016: "2000-02-29", 20_778: "2026-11-21"]
        if let date = known[day] { #expect(DaySheet.date(day) == date) }
        #expect(DaySheet.day("2026-02-29") == nil)
    }

    @Test(
        "Sheets of strangers are refused: another hash, a number that does not add up, a member that nobody knows",
        arguments: [
            ("\"to_s\":86400", "\"to_s\":86399"), ("\"to_s\":86400", "\"to_s\":86401"),
            ("\"to_s\":86400", "\"to_s\":86400,\"new\":1"), ("\"part\":[1,1]", "\"part\":[2,1]"),
            ("\"day\":\"2026-11-21\"", "\"day\":\"2026-11-31\""), ("\"door.state\":{}", "\"door.state\":{\"taken\":1}"),
            ("\"readings\":[1,144]", "\"readings\":[144,1]"), ("day_sheet", "contribution"),
        ])
    func strangers(old: String, new: String) {
        var sheet = freshFold()
        KPIsTests.wholeDay(&sheet)
        var body: [UInt8] = []
        sheets(.ended, at: 90_000, of: &sheet)[0].encodeBody(into: &body)
        let text = "{" + String(decoding: body, as: UTF8.self) + "}"
        let parts = text.ranges(of: old)
        #expect(parts.count == 1)
        let changed = text.replacingCharacters(old, with: new)
        #expect(throws: ContributionFault.self) { _ = try DaySheet.parse(Array(changed.utf8)) }
        #expect(throws: Never.self) { _ = try DaySheet.parse(Array(text.utf8)) }
    }
}

extension String {
    fileprivate func replacingCharacters(_ old: String, with new: String) -> String {
        ranges(of: old).first.map { replacingCharacters($0, with: new) } ?? self
    }
    private func replacingCharacters(_ range: Range<String.Index>, with new: String) -> String {
        String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
    }
}

@Suite("Was yesterday complete") struct DayVerdictTests {
    private func set(_ given: [DaySheet]) -> DaySheetSet {
        var set = DaySheetSet()
        for sheet in given { set.add(sheet, node: "lamppost-0042", stream: stream) }
        return set
    }

    @Test("Yes, when every second, every reading and every sheet is there; in any order and however often")
    func complete() {
        var sheet = freshFold()
        for revision in UInt64(1)...3 { _ = sheets(.all, at: Int64(revision), revision: revision, of: &sheet) }
        wholeDay(&sheet)
        let provisional = sheets(.all, at: 86_000, isComplete: false, revision: 4, of: &sheet)
        #expect(set(provisional).verdict(of: "lamppost-0042", day: dayNumber) == .open)
        let final = sheets(.ended, at: 86_430, revision: 5, of: &sheet)
        #expect(set(provisional + final).verdict(of: "lamppost-0042", day: dayNumber) == .complete)
        #expect(set(final + provisional + final).verdict(of: "lamppost-0042", day: dayNumber) == .complete)
        #expect(set(final).verdict(of: "lamppost-0042", day: dayNumber - 1) == .unknown)
    }

    @Test("No, with what is missing in words: readings not taken, lost, given up, no power")
    func incomplete() {
        var sheet = freshFold()
        wholeDay(&sheet, without: [700, 701, 702])
        sheet.noteTombstone(1...2, counts: [(name: "air.temperature", count: 2)])
        let final = sheets(.ended, at: 86_430, of: &sheet)
        #expect(
            set(final).verdict(of: "lamppost-0042", day: dayNumber)
                == .incomplete(["air.temperature: 3 lost", "air.temperature: 2 given up"]))
        var late = freshFold(from: 3_600)
        late.noteDark(from: UTC(seconds: midnight), until: UTC(seconds: midnight + 3_000))
        late.advance(to: UTC(seconds: midnight + 3_600))
        let given = sheets(.ended, at: 86_430, of: &late)
        #expect(
            set(given).verdict(of: "lamppost-0042", day: dayNumber)
                == .incomplete([
                    "3000 s without power", "600 s in which nothing was at work",
                    "air.temperature: 0 of 1380 taken",
                ]))
    }

    @Test("Two streams of a day add; the one that was cut off does not hold the answer back")
    func twoStreams() {
        var first = freshFold()
        for minute in 0..<600 {
            fold([reading(0, at: Int64(minute) * 60, ordinal: UInt64(minute) + 1)], UInt64(minute) + 1, into: &first)
        }
        let cut = sheets(.all, at: 36_000, isComplete: false, of: &first)
        var second = DaySheetFold(
            stream: 2, config: "9c1e04d2", channels: channels(), isSwitched: true,
            begin: UTC(seconds: midnight + 36_000))
        second.noteDark(from: UTC(seconds: midnight + 35_940), until: UTC(seconds: midnight + 36_000))
        for minute in 600..<1_440 {
            fold(
                [reading(0, at: Int64(minute) * 60, ordinal: UInt64(minute) - 599)], UInt64(minute) - 599,
                into: &second)
        }
        var all = set(cut)
        for sheet in sheets(.ended, at: 86_430, of: &second) { all.add(sheet, node: "lamppost-0042", stream: 2) }
        #expect(all.verdict(of: "lamppost-0042", day: dayNumber) == .complete)
        #expect(all.totals(of: "lamppost-0042", day: dayNumber)[0].good == 1_440)
    }
}
