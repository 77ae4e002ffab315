// What a binding does with the values of its channel: which whole numbers they become, and what a value says of the
// time around it.
//
// Two kinds. Amounts and samples (amounts, compliance, travel, presence) belong to the moment of their reading, and
// cover the time back to the reading before. Levels (level, sound, exposure, occupancy) hold from their reading to the
// next, at most so long as the binding says. A mains line is a level whose every change is seen, and has a tracker of
// its own.

extension BindingFold {
    enum Source: Equatable, Sendable {
        /// Each value, scaled, is an amount in the contribution's unit.
        case amounts(Scaling)
        /// Each value is the level of a mains-sense line; 0: out.
        case mains(customers: Int64)
        case level(Level)
        /// Scaled: tenths of a decibel.
        case sound(Scaling)
        case exposure(Exposure)
        case compliance(Compliance)
        /// Each reading is a vehicle, its value the speed.
        case travel(Travel)
        /// 0: not occupied.
        case occupancy
        case presence
    }

    /// A value times a factor, divided by a divisor, rounded half away from zero.
    struct Scaling: Equatable, Sendable {
        var factor: Int64 = 1
        var divisor: Int64 = 1

        /// 10^exponent.
        init(exponent: Int) {
            factor = power(max(exponent, 0))
            divisor = power(max(-exponent, 0))
        }

        init(factor: Int64, divisor: Int64 = 1) {
            self.factor = factor
            self.divisor = divisor
        }

        /// Nil when it does not fit.
        func apply(_ value: Int64) -> Int64? {
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: factor)
            if isTooLarge { return nil }
            return divisor == 1 ? product : quotient(product, divisor)
        }
    }

    struct Level: Equatable, Sendable {
        var scaling: Scaling
        /// Scaled, as everything here.
        var first: Int64?
        var second: Int64?
        var countsBelow: Bool
        var event: KPIBinding.Method.Event
        /// What a full bin is; 0: the unit does not tell.
        var full: Int64

        /// At or above the threshold; where low values matter, below it.
        func isBeyond(_ threshold: Int64?, _ value: Int64) -> Bool {
            guard let threshold else { return false }
            return countsBelow ? value < threshold : value >= threshold
        }
    }

    struct Exposure: Equatable, Sendable {
        /// To millivolts per metre.
        var scaling: Scaling
        var limitMillivolts: Int64
        var averagingSeconds: Int64
    }

    struct Compliance: Equatable, Sendable {
        var scaling: Scaling
        /// Scaled; both ends included. Nil: no such end.
        var lower: Int64?
        var upper: Int64?
    }

    struct Travel: Equatable, Sendable {
        /// Milliseconds per kilometre are this divided by the value.
        var numerator: Int64
        /// To km/h.
        var speed: Scaling

        /// Slower than that nobody passes: 1 km/h.
        static let slowest: Int64 = 3_600_000
    }
}

extension BindingFold.Source {
    /// Larger numbers are no level of anything on earth; then an hour of one fits into 64 bits in at most eight parts.
    static let largest: Int64 = 1 << 53
    /// Its square is not above `largest`: 94.9 kV/m.
    static let largestMillivolts: Int64 = 94_906_265

    /// What the value becomes; nil: no such value can be.
    func prepared(_ value: Int64) -> Int64? {
        switch self {
        case .amounts(let scaling): return scaling.apply(value)
        case .mains: return value
        case .level(let level): return bounded(level.scaling.apply(value), Self.largest)
        case .sound(let scaling):
            guard let tenths = scaling.apply(value), tenths <= LevelEnergy.levels.upperBound else { return nil }
            // Below the threshold of hearing there is nothing to add.
            return max(tenths, 0)
        case .exposure(let exposure):
            guard value >= 0 else { return nil }
            return bounded(exposure.scaling.apply(value), Self.largestMillivolts)
        case .compliance(let compliance): return compliance.scaling.apply(value)
        case .travel(let travel):
            guard value > 0, let time = quotient(travel.numerator, value), time <= BindingFold.Travel.slowest else {
                return nil
            }
            return time
        case .occupancy: return value == 0 ? 0 : 1
        case .presence: return 0
        }
    }

    private func bounded(_ value: Int64?, _ largest: Int64) -> Int64? {
        guard let value, value.magnitude <= largest.magnitude else { return nil }
        return value
    }

    /// The value holds from its reading on.
    var isHeld: Bool {
        switch self {
        case .level, .sound, .exposure, .occupancy: true
        case .amounts, .mains, .compliance, .travel, .presence: false
        }
    }

    /// Something is counted when the value changes, so the last usable one is remembered over unusable ones.
    var countsChanges: Bool {
        switch self {
        case .occupancy: true
        case .level(let level): level.event != .none
        default: false
        }
    }

    var countsEmptyings: Bool {
        if case .level(let level) = self { level.event == .emptying } else { false }
    }

    /// The state of a window of which nothing is known, with room for what will come: adding to it does not allocate.
    var zero: ContributionState {
        switch self {
        case .amounts: return .sum(SumState())
        case .mains: return .outages(OutageState())
        case .level: return .level(LevelState())
        case .sound:
            var sound = SoundState()
            sound.histogram.reserve(upTo: Int(LevelEnergy.levels.upperBound))
            return .sound(sound)
        case .exposure: return .exposure(ExposureState())
        case .compliance: return .compliance(ComplianceState())
        case .travel:
            var travel = TravelState()
            travel.speeds.reserve(upTo: 400)
            return .travel(travel)
        case .occupancy: return .occupancy(OccupancyState())
        case .presence: return .presence(PresenceState())
        }
    }
}

/// 10^exponent; exponents up to 18 fit.
func power(_ exponent: Int) -> Int64 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

/// Rounded half away from zero; nil when it does not fit. The divisor is above zero.
func quotient(_ value: Int64, _ divisor: Int64) -> Int64? {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: divisor)
    guard rest.magnitude >= divisor.magnitude - rest.magnitude else { return whole }
    return sum(whole, value < 0 ? -1 : 1)
}
