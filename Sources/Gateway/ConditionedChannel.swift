// One channel's values on their way from the driver to the ring: calibrated, filtered, checked against their own past,
// and rounded, once.
//
// The order is fixed: calibration, median, then the checks, of which the gravest counts: what the driver itself says,
// plausible range, rate of change, stuck, drift, certificate, warm-up. A check changes the quality, never the value.
// Bad measurements pass through and leave the past alone.

import Sensors
import World

struct ConditionedChannel {
    struct Settled {
        var value: Int64
        var quality: Quality
        /// False: within the deadband, and the heartbeat is not due.
        var isPublished: Bool
    }

    private let rules: Conditioning
    private let calibration: Calibration
    private let plausible: ClosedRange<Double>
    /// One step of the channel's scale; below one, also how many make a unit: multiplying by that rounds once.
    private let step: Double
    private let stepsPerUnit: Double
    private let isFraction: Bool
    private let isPlain: Bool
    /// The last values, a ring of `rules.medianOf`.
    private var recent: [Double] = []
    private var sorted: [Double] = []
    private var nextRecent = 0
    /// The last believed value, for the rate.
    private var steady: (value: Double, at: Boottime)?
    /// The value that has not changed, and since when.
    private var still: (value: Int64, since: Boottime, count: Int)?
    private var published: (value: Int64, quality: Quality, at: Boottime)?
    /// Mean difference to the partner.
    private var difference: (mean: Double, at: Boottime)?

    init(_ channel: InstalledChannel) {
        rules = channel.conditioning
        calibration = channel.calibration
        plausible = channel.plausible
        step = DecimalStep(Int(channel.scale)).value
        stepsPerUnit = DecimalStep(-Int(channel.scale)).value
        isFraction = channel.scale < 0
        isPlain = rules == Conditioning()
        if rules.medianOf > 1 {
            recent.reserveCapacity(rules.medianOf)
            sorted.reserveCapacity(rules.medianOf)
        }
    }

    /// `partner`: the partner channel's last good value. `isExpired`, `isWarmingUp`: as the Sampler knows.
    mutating func settle(
        _ sample: Sample, at moment: Boottime, partner: Double?, isExpired: Bool, isWarmingUp: Bool
    ) -> Settled {
        guard sample.quality.grade != .bad else { return published(0, sample.quality, at: moment) }
        var physical: Double
        var quality = sample.quality
        let value: Int64
        switch sample.measurement {
        case .exact(let steps):
            value = steps
            physical = Double(steps) * step
        case .physical(let raw):
            let calibrated = calibration.applied(to: raw)
            if !calibrated.isCovered { worsen(&quality, .outOfRange) }
            physical = rules.medianOf > 1 ? median(with: calibrated.value) : calibrated.value
            let steps = isFraction ? physical * stepsPerUnit : physical / step
            // Also false for NaN.
            guard abs(steps) < 9.2e18 else { return published(0, .implausible, at: moment) }
            value = Int64(steps.rounded(.toNearestOrAwayFromZero))
        }
        if !plausible.contains(physical) { worsen(&quality, .outOfRange) }
        if !isPlain { check(physical, value, at: moment, partner, &quality) }
        if isExpired { worsen(&quality, .calibrationExpired) }
        if isWarmingUp { worsen(&quality, .warmUp) }
        return published(value, quality, at: moment)
    }

    /// The sensor was lost: what comes back may be another one.
    mutating func forget() {
        recent.removeAll(keepingCapacity: true)
        nextRecent = 0
        (steady, still, difference) = (nil, nil, nil)
    }

    private func worsen(_ quality: inout Quality, _ reason: Quality) { if quality == .good { quality = reason } }

    private mutating func check(
        _ physical: Double, _ value: Int64, at moment: Boottime, _ partner: Double?, _ quality: inout Quality
    ) {
        if let limit = rules.changePerSecond {
            // Measured from the last value that was believed, so that a step of the world is believed in the end.
            if let last = steady, moment > last.at,
                abs(physical - last.value) > limit * Self.seconds(moment - last.at)
            {
                worsen(&quality, .rateOfChange)
            } else {
                steady = (physical, moment)
            }
        }
        if let limit = rules.stuckAfter {
            if let last = still, last.value == value {
                still?.count += 1
                // Three equal values at least: a slow schedule is not a stuck sensor.
                if last.count >= 2, moment - last.since > limit { worsen(&quality, .stuck) }
            } else {
                still = (value, moment, 1)
            }
        }
        if let pair = rules.partner, let partner {
            let now = physical - partner
            let share = difference.map {
                min(1, Self.seconds(moment - $0.at) / Self.seconds(Conditioning.driftTime))
            }
            let mean = difference.map { $0.mean + (now - $0.mean) * (share ?? 1) } ?? 0
            difference = (mean, moment)
            if abs(mean) > pair.within { worsen(&quality, .drifting) }
        }
    }

    private mutating func published(_ value: Int64, _ quality: Quality, at moment: Boottime) -> Settled {
        if let deadband = rules.deadband, let last = published, last.quality == quality,
            moment - last.at < rules.heartbeat,
            Double((value &- last.value).magnitude) * step < deadband
        {
            return Settled(value: value, quality: quality, isPublished: false)
        }
        published = (value, quality, moment)
        return Settled(value: value, quality: quality, isPublished: true)
    }

    private mutating func median(with value: Double) -> Double {
        guard value.isFinite else { return value }
        if recent.count < rules.medianOf {
            recent.append(value)
        } else {
            recent[nextRecent] = value
            nextRecent = (nextRecent + 1) % rules.medianOf
        }
        sorted.removeAll(keepingCapacity: true)
        for value in recent {
            var place = sorted.count
            while place > 0, sorted[place - 1] > value { place -= 1 }
            sorted.insert(value, at: place)
        }
        // While there are few, the lower of the two in the middle.
        return sorted[(sorted.count - 1) / 2]
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.nanoseconds) / 1e9 }
}
