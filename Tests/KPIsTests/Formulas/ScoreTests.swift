import KPIs
import Testing

@Suite("Score and wheel")
struct ScoreTests {
    @Test("V-SC-1: nine of sixteen points are 56.25 %, in the second range")
    func mixed() {
        let group = Score.Group([1, 3, 4, 1])
        #expect(group.points == 9 && group.indicators == 4 && group.percent == 56.25)
        #expect(group.range == .from33 && group.range?.name == "33-66")
    }

    @Test("V-SC-2: nine of twelve points are 75 %, in the third range; what is not reported is left out")
    func third() {
        #expect(Score.Group([3, 4, 2]).percent == 75 && Score.Group([3, 4, 2]).range?.name == "66-95")
        #expect(Score.Group([3, nil, 4, nil, 2]) == Score.Group([3, 4, 2]))
        #expect(Score.Group([nil]).percent == nil && Score.Group([]).range == nil)
        #expect(Score.Group([4, 4]).range == .from95)
    }

    @Test("V-SC-3: a border belongs to the range above it")
    func borders() {
        for (percent, points) in [(32.9, 1), (33, 2), (65.9, 2), (66, 3), (94.9, 3), (95, 4), (0, 1), (400, 4)] {
            #expect(Score.points(percent: percent) == points, "\(percent)")
        }
        #expect(Score.points(percent: .nan) == nil)
    }

    @Test("Progress towards a lower target is the share of the way from the baseline, at least 0")
    func progress() {
        #expect(Score.percent(value: 30, baseline: 40, target: 20) == 50)
        #expect(Score.percent(value: 20, baseline: 40, target: 20) == 100)
        #expect(Score.percent(value: 15, baseline: 40, target: 20) == 125)
        #expect(Score.percent(value: 41, baseline: 40, target: 20) == 0)
        #expect(Score.percent(value: 30, baseline: 20, target: 20) == nil)
        #expect(Score.percent(value: 45, target: 60) == 75)
        #expect(Score.percent(value: -1, target: 60) == 0 && Score.percent(value: 1, target: 0) == nil)
    }
}
