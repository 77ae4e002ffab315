import Sensors
import Testing
import World

@testable import Gateway

/// One channel in °C with two decimals, and its values in turn, one a second.
private struct Course {
    var channel: ConditionedChannel
    var moment = Boottime(nanoseconds: 5_000_000_000_000)
    var step = Duration.seconds(1)

    init(
        calibration: Calibration = .none, plausible: ClosedRange<Double> = -40...85,
        _ rules: (inout Conditioning) -> Void = { _ in }
    ) {
        var conditioning = Conditioning()
        rules(&conditioning)
        channel = ConditionedChannel(
            InstalledChannel(
                id: ChannelID(rawValue: 0),
                channel: Channel(name: "air.temperature", unit: "Cel", scale: -2, plausible: plausible),
                calibration: calibration, conditioning: conditioning))
    }

    mutating func take(
        _ value: Double, partner: Double? = nil, isExpired: Bool = false, isWarmingUp: Bool = false
    ) -> ConditionedChannel.Settled {
        moment = moment + step
        return channel.settle(
            Sample(channel: 0, .physical(value)), at: moment, partner: partner, isExpired: isExpired,
            isWarmingUp: isWarmingUp)
    }
}

@Suite("Conditioned channel")
struct ConditionedChannelTests {
    @Test("Linear, polynomial and table calibrate; values beyond a table's ends are out of range")
    func calibrations() {
        var linear = Course(calibration: .linear(gain: 1.02, offset: -0.4))
        #expect(linear.take(21.4).value == 2_143)
        var curve = Course(calibration: .polynomial([0.5, 1, -0.001]))
        #expect(curve.take(-20).value == -1_990)
        var table = Course(
            calibration: .table([
                .init(measured: 0.2, actual: 0), .init(measured: 25.1, actual: 25), .init(measured: 49.1, actual: 50),
            ]))
        let middle = table.take(37.1)
        #expect(middle.value == 3_750 && middle.quality == .good)
        #expect(table.take(0.2).quality == .good && table.take(49.1).quality == .good)
        let beyond = table.take(53.1)
        #expect(beyond.value == 5_417 && beyond.quality == .outOfRange)
        #expect(table.take(-0.1).quality == .outOfRange)
    }

    @Test("A spike is doubted and a step of the world is believed in the end")
    func rate() {
        var course = Course { $0.changePerSecond = 0.5 }
        var qualities = [20.0, 20.1, 35, 20.2, 20.1].map { course.take($0).quality }
        #expect(qualities == [.good, .good, .rateOfChange, .good, .good])
        qualities = (0..<25).map { _ in course.take(30).quality }
        #expect(qualities.first == .rateOfChange && qualities.last == .good)
        #expect(qualities.firstIndex(of: .good) == 19)
    }

    @Test("A value that never moves is stuck, until it moves")
    func stuck() {
        var course = Course { $0.stuckAfter = .seconds(10) }
        let qualities = (0..<14).map { _ in course.take(21.4).quality }
        #expect(qualities.prefix(11).allSatisfy { $0 == .good } && qualities[12] == .stuck && qualities[13] == .stuck)
        #expect(course.take(21.41).quality == .good)
        // Two equal values a day apart are no stuck sensor.
        course.step = .seconds(86_400)
        #expect(course.take(21.41).quality == .good)
    }

    @Test("The median takes out a single spike and keeps a step")
    func median() {
        var course = Course { $0.medianOf = 3 }
        let values = [20.0, 20.1, 85, 20.2, 30, 30, 30].map { course.take($0).value }
        #expect(values == [2_000, 2_000, 2_010, 2_020, 3_000, 3_000, 3_000])
    }

    @Test("Within the deadband nothing is published until the heartbeat; a change of quality always is")
    func deadband() {
        var course = Course(plausible: -40...21.45) {
            $0.deadband = 0.2
            $0.heartbeat = .seconds(5)
        }
        let published = [21.3, 21.35, 21.4, 21.6, 21.6, 21.1, 21.1, 21.1, 21.1, 21.1, 21.1]
            .map { course.take($0).isPublished }
        #expect(published == [true, false, false, true, false, true, false, false, false, false, true])
    }

    @Test("A channel that leaves its partner slowly drifts; a passing difference is none")
    func drift() {
        var course = Course {
            $0.partner = .init(channel: ChannelID(rawValue: 1), within: 1)
        }
        course.step = .seconds(60)
        for minute in 0..<30 { #expect(course.take(20, partner: 20.2).quality == .good, "\(minute)") }
        #expect(course.take(26, partner: 20).quality == .good)
        var first: Int?
        for hour in 0..<72 {
            for _ in 0..<60 where first == nil {
                if course.take(20 + Double(hour) * 0.05, partner: 20).quality == .drifting { first = hour }
            }
        }
        #expect(first.map { (20...24).contains($0) } == true, "\(first ?? -1)")
    }

    @Test("What the driver says comes first, then the range, the checks, the certificate, the warming up")
    func order() {
        var course = Course { $0.changePerSecond = 0.5 }
        #expect(course.take(20, isExpired: true, isWarmingUp: true).quality == .calibrationExpired)
        #expect(course.take(20, isWarmingUp: true).quality == .warmUp)
        #expect(course.take(90, isExpired: true).quality == .outOfRange)
        #expect(course.take(40, isExpired: true).quality == .rateOfChange)
        course.moment = course.moment + .seconds(1)
        let sample = Sample(channel: 0, .physical(90), quality: .saturated)
        let settled = course.channel.settle(
            sample, at: course.moment, partner: nil, isExpired: true, isWarmingUp: true)
        #expect(settled.quality == .saturated && settled.value == 9_000)
    }

    @Test("A bad value is 0 and leaves the past alone")
    func bad() {
        var course = Course { $0.medianOf = 3 }
        _ = course.take(20)
        _ = course.take(20)
        let bad = course.channel.settle(
            Sample(channel: 0, .physical(.nan), quality: .notAvailable), at: course.moment, partner: nil,
            isExpired: false, isWarmingUp: false)
        #expect(bad.value == 0 && bad.quality == .notAvailable)
        #expect(course.take(85).value == 2_000)
        #expect(course.take(.nan).quality == .implausible)
    }
}
