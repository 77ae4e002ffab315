// The state machine of one alarm, by itself: seconds in, states out.

import Gateway
import Testing
import World

private func at(_ seconds: Double) -> Boottime { Boottime(nanoseconds: Int64((seconds * 1e9).rounded())) }

/// Above 200, clear at 180, read every 10 s from second 0 on.
private func make(
    _ side: AlarmRule.Side = .above, _ threshold: Int64 = 200, clear: Int64 = 180, hold: Duration = .zero,
    clearAfter: Duration = .zero
) throws -> Alarm {
    let rule = AlarmRule(
        id: "a", source: .channel(ChannelID(rawValue: 0)), name: "air.no2", unit: "ug/m3", scale: 0, side: side,
        threshold: try #require(DecimalNumber(mantissa: threshold, exponent: 0)),
        clear: try #require(DecimalNumber(mantissa: clear, exponent: 0)), hold: hold, clearAfter: clearAfter,
        every: .seconds(10))
    return Alarm(try #require(rule), from: at(0))
}

/// What the alarm says to each value, one every 10 s; nil values are failed readings.
private func said(_ alarm: inout Alarm, _ values: [Int64?], from start: Double = 0) -> [AlarmRule.State?] {
    values.enumerated().map { index, value in
        alarm.judge(value ?? 0, value == nil ? .noAcknowledge : .good, at: at(start + Double(index) * 10))
    }
}

@Suite("Alarm") struct AlarmTests {
    @Test("Raised beyond the threshold, not at it; cleared at `clear`, not before; between the two nothing changes")
    func hysteresis() throws {
        var above = try make()
        #expect(
            said(&above, [100, 200, 201, 199, 181, 180, 200, 201])
                == [.cleared, nil, .raised, nil, nil, .cleared, nil, .raised])
        var below = try make(.below, 3, clear: 5)
        #expect(
            said(&below, [9, 3, 2, 4, 5, 2]) == [.cleared, nil, .raised, nil, .cleared, .raised])
        var plain = try make(clear: 200)
        #expect(said(&plain, [201, 200, 201]) == [.raised, .cleared, .raised])
    }

    @Test("A threshold's hold counts from the first reading beyond it, and begins again when it was left")
    func hold() throws {
        var alarm = try make(hold: .seconds(30))
        #expect(
            said(&alarm, [100, 250, 250, 190, 250, 250, 250, 250])
                == [.cleared, nil, nil, nil, nil, nil, nil, .raised])
        #expect(alarm.since == at(40), "since the level is beyond, not since it is told")
    }

    @Test("A clearing's time counts likewise, and a value between interrupts it")
    func clearAfter() throws {
        var alarm = try make(clearAfter: .seconds(20))
        #expect(
            said(&alarm, [250, 100, 190, 100, 100, 100]) == [.raised, nil, nil, nil, nil, .cleared])
        #expect(alarm.since == at(30))
    }

    @Test("A level that stays is judged exactly when its hold ends, without another reading")
    func deadline() throws {
        var alarm = try make(hold: .seconds(25))
        _ = alarm.judge(100, .good, at: at(1))
        _ = alarm.judge(300, .good, at: at(11))
        #expect(alarm.deadline == at(36))
        let before = alarm.step(at: at(35.999_999))
        #expect(before == nil)
        let then = alarm.step(at: at(36))
        #expect(then == .raised && alarm.since == at(11) && alarm.value == 300)
        #expect(alarm.deadline > at(36))
    }

    @Test("Bad readings neither raise nor clear, and nothing runs out behind them; the next good one decides")
    func bad() throws {
        var alarm = try make(hold: .seconds(25))
        #expect(said(&alarm, [100, 250, nil]) == [.cleared, nil, nil])
        #expect(alarm.deadline == at(10 + 25 + 30) + .nanoseconds(1), "patience only")
        let blind = alarm.step(at: at(40))
        #expect(blind == nil)
        let again = alarm.judge(250, .good, at: at(41))
        #expect(again == .raised, "beyond since second 10, as far as anybody saw")
        #expect(said(&alarm, [nil, nil], from: 50) == [nil, nil])
        #expect(alarm.state == .raised)
    }

    @Test("Of uncertain values the estimated and those of an expired calibration are judged, no others")
    func uncertain() throws {
        for quality in Quality.allCases {
            var alarm = try make()
            let isJudged = [Quality.good, .estimated, .calibrationExpired].contains(quality)
            let verdict = alarm.judge(999, quality, at: at(1))
            #expect(verdict == (isJudged ? .raised : nil), "\(quality)")
        }
    }

    @Test("Without a value for longer than its patience an alarm is unknown, once, and comes back to what it was")
    func unknown() throws {
        var alarm = try make()
        #expect(said(&alarm, [250, nil, nil]) == [.raised, nil, nil])
        let early = alarm.step(at: at(30))
        #expect(early == nil, "patience is three periods, and has not passed")
        let late = alarm.step(at: alarm.deadline)
        #expect(late == .unknown && alarm.since == at(0) && alarm.quality == .noAcknowledge)
        #expect(alarm.deadline == .distantFuture)
        #expect(said(&alarm, [nil, nil], from: 40) == [nil, nil])
        // Between the limits: raised as before, for nothing says that it is over.
        #expect(said(&alarm, [190, 100], from: 60) == [.raised, .cleared])
    }

    @Test("What the condition did in a silence longer than the patience is not counted as holding")
    func gap() throws {
        var alarm = try make(hold: .seconds(60))
        #expect(said(&alarm, [250]) == [nil])
        #expect(said(&alarm, [250], from: 500) == [nil])
        #expect(said(&alarm, [250], from: 560) == [.raised])
    }

    @Test("At the start a value between the limits tells nothing: whatever was told before holds on")
    func start() throws {
        var alarm = try make()
        #expect(said(&alarm, [190, 190, 185]) == [nil, nil, nil])
        #expect(alarm.state == nil)
        #expect(said(&alarm, [250], from: 30) == [.raised])
        // A sensor that never works is unknown.
        var dead = try make()
        let verdict = dead.step(at: dead.deadline)
        #expect(verdict == .unknown && dead.since == nil)
    }

    @Test("Whatever comes, what is told differs from what was told before, and raised is told only of values beyond")
    func random() throws {
        for seed in 1...2_000 as ClosedRange<UInt64> {
            var random = Random(seed: seed)
            var alarm = try make(
                hold: .seconds(Int64(random.below(40))), clearAfter: .seconds(Int64(random.below(40))))
            var told: AlarmRule.State?
            var now = at(0)
            for _ in 0..<60 {
                now = now + .milliseconds(Int64(random.below(20_000)))
                var verdict = alarm.step(at: now)
                if let state = verdict {
                    #expect(state != told, "seed \(seed)")
                    told = state
                }
                let value = Int64(random.below(120)) + 130
                let quality: Quality = random.chance(1, in: 4) ? .checksum : .good
                verdict = alarm.judge(value, quality, at: now)
                if let state = verdict {
                    #expect(state != told && state != .unknown, "seed \(seed)")
                    if state == .raised, told == .cleared { #expect(value > 200, "seed \(seed)") }
                    if state == .cleared, told == .raised { #expect(value <= 180, "seed \(seed)") }
                    told = state
                }
                #expect(alarm.state == told, "seed \(seed)")
                #expect(alarm.deadline > now || alarm.deadline == .distantFuture, "seed \(seed)")
            }
        }
    }
}
