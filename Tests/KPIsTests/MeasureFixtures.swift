// Bindings of every measure, on channels of their own.

import KPIs
import World

extension Fixture {
    static func binding(
        _ slug: String, _ channelName: String, unit: String, scale: Int8, channel: UInt16, window: Int64 = 3_600,
        labels: [Label: String] = [:], weight: Weight? = nil, _ change: (inout KPIBinding) -> Void = { _ in }
    ) -> KPIBinding {
        var binding = KPIBinding(
            indicator: indicator(slug), channel: ChannelID(rawValue: channel), channelName: channelName, unit: unit,
            scale: scale, labels: labels, weight: weight, windowSeconds: window)
        change(&binding)
        return binding
    }

    static func air(hold: Int64? = nil, window: Int64 = 3_600, scale: Int8 = 0) -> KPIBinding {
        binding("en-en-aq-1c", "pm.pm2_5", unit: "ug/m3", scale: scale, channel: 10, window: window) {
            $0.method.holdSeconds = hold
        }
    }

    static func drain(hold: Int64? = nil, window: Int64 = 3_600) -> KPIBinding {
        binding("x-drain-level", "drain.level", unit: "m", scale: -2, channel: 11, window: window) {
            $0.method.first = 100
            $0.method.second = 150
            $0.method.event = .crossing
            $0.method.holdSeconds = hold
        }
    }

    static func bin(unit: String = "%", scale: Int8 = 0, window: Int64 = 3_600) -> KPIBinding {
        binding("x-bin-fill", "bin.fill", unit: unit, scale: scale, channel: 12, window: window) {
            $0.method.first = 80
            $0.method.event = .emptying
        }
    }

    static func noise(window: Int64 = 3_600, hold: Int64? = nil) -> KPIBinding {
        binding(
            "en-en-eq-2a", "noise.level", unit: "dB", scale: -1, channel: 13, window: window,
            weight: Weight(.inhabitants, 1_200)) { $0.method.holdSeconds = hold }
    }

    static func field(window: Int64 = 3_600, averaging: Int64 = 360, limit: Int64 = 41_250) -> KPIBinding {
        binding(
            "en-en-eq-1c", "emf.field", unit: "V/m", scale: -3, channel: 14, window: window, labels: [.site: "roof"]
        ) {
            $0.method.limitMillivolts = limit
            $0.method.averagingSeconds = averaging
        }
    }

    static func acidity(window: Int64 = 3_600) -> KPIBinding {
        binding("en-en-ws-1c", "water.ph", unit: "pH", scale: -2, channel: 15, window: window) {
            $0.method.lower = 650
            $0.method.upper = 950
        }
    }

    static func road(
        unit: String = "km/h", scale: Int8 = 0, window: Int64 = 3_600, minimum: Int64? = nil
    ) -> KPIBinding {
        binding(
            "ec-i-t-5a", "road.speed", unit: unit, scale: scale, channel: 16, window: window,
            labels: [.segment: "a-1"], weight: Weight(.metres, 800)) { $0.method.minimumCount = minimum }
    }

    static func space(channel: UInt16 = 17, window: Int64 = 3_600) -> KPIBinding {
        binding("x-parking", "space\(channel).taken", unit: "/", scale: 0, channel: channel, window: window)
    }

    static func meter(window: Int64 = 3_600) -> KPIBinding {
        binding(
            "ec-ict-ws-1c", "meter.volume", unit: "m3", scale: -3, channel: 18, window: window, labels: [.meter: "m-1"])
    }

    /// All measures whose states join over windows of any length.
    static func every(window: Int64) -> [KPIBinding] {
        [
            air(hold: 300, window: window), drain(window: window), bin(window: window), noise(window: window),
            field(window: window, averaging: 300), acidity(window: window), road(window: window),
            space(window: window), meter(window: window),
        ]
    }
}

extension Contribution {
    var level: LevelState? { if case .level(let state) = state { state } else { nil } }
    var sound: SoundState? { if case .sound(let state) = state { state } else { nil } }
    var exposure: ExposureState? { if case .exposure(let state) = state { state } else { nil } }
    var compliance: ComplianceState? { if case .compliance(let state) = state { state } else { nil } }
    var travel: TravelState? { if case .travel(let state) = state { state } else { nil } }
    var occupancy: OccupancyState? { if case .occupancy(let state) = state { state } else { nil } }
    var presence: PresenceState? { if case .presence(let state) = state { state } else { nil } }
}

extension [Contribution] {
    /// The newest of each window joined, by indicator.
    var joined: [String: ContributionState] {
        newest.reduce(into: [:]) { whole, contribution in
            let slug = contribution.indicator.slug
            whole[slug] = whole[slug].map { $0.joined(with: contribution.state) } ?? contribution.state
        }
    }
    var validSeconds: [String: Int64] {
        newest.reduce(into: [:]) { $0[$1.indicator.slug, default: 0] += $1.coverage.validSeconds }
    }
}
