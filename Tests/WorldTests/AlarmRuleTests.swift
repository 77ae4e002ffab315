// What a rule makes of its threshold.

import Testing
import World

@Suite struct AlarmRuleTests {
    private func rule(_ side: AlarmRule.Side, _ threshold: String, clear: String? = nil, scale: Int8 = 0) -> AlarmRule?
    {
        guard let limit = DecimalNumber(threshold), let clear = DecimalNumber(clear ?? threshold) else { return nil }
        return AlarmRule(
            id: "a", source: .gauge, name: "aqi", unit: "/", scale: scale, side: side, threshold: limit, clear: clear,
            every: .seconds(60))
    }

    @Test(
        "A threshold between two steps of the scale stands for itself: no value lies between it and its integer",
        arguments: [
            ("200.5", Int8(0), Int64(200), Int64(201)), ("200", 0, 200, 200), ("-0.4", 0, -1, 0), ("-3", 0, -3, -3),
            ("0", 3, 0, 0), ("0.001", 3, 0, 1), ("-0.001", 3, -1, 0), ("1999", 3, 1, 2), ("2000", 3, 2, 2),
            ("12.345", -2, 1_234, 1_235), ("-12.345", -2, -1_235, -1_234), ("12.3", -2, 1_230, 1_230),
        ])
    func limits(threshold: String, scale: Int8, above: Int64, below: Int64) throws {
        #expect(try #require(rule(.above, threshold, scale: scale)).limit == above)
        #expect(try #require(rule(.below, threshold, scale: scale)).limit == below)
    }

    @Test("Every value is judged by its integer as it would be by the exact decimal")
    func exact() throws {
        for tenths in Int64(-35)...35 {
            let threshold = try #require(DecimalNumber(mantissa: tenths, exponent: -1)).description
            let above = try #require(rule(.above, threshold))
            let below = try #require(rule(.below, threshold))
            for value in Int64(-5)...5 {
                #expect((value > above.limit) == (value * 10 > tenths), "\(value) above \(threshold)")
                #expect((value < below.limit) == (value * 10 < tenths), "\(value) below \(threshold)")
            }
        }
    }

    @Test("A clear on the alarm's side of the threshold, or a limit beyond 63 bits, makes no rule")
    func refused() {
        #expect(rule(.above, "10", clear: "11") == nil)
        #expect(rule(.below, "10", clear: "9") == nil)
        #expect(rule(.above, "1e19") == nil)
        #expect(rule(.above, "10000000000", scale: -12) == nil)
        #expect(rule(.above, "10", clear: "10") != nil)
    }

    @Test("Patience is the hold time and three periods, and never less than a second more than the hold")
    func patience() throws {
        func patience(_ hold: Duration, _ every: Duration) throws -> Duration {
            try #require(
                AlarmRule(
                    id: "a", source: .gauge, name: "g", unit: "/", scale: 0, side: .above, threshold: .zero,
                    clear: .zero, hold: hold, every: every)
            ).patience
        }
        #expect(try patience(.seconds(60), .seconds(10)) == .seconds(90))
        #expect(try patience(.zero, .milliseconds(10)) == .seconds(1))
    }
}
