// How complete a window is: completeness travels with the value, so that the platform can apply its rules to merged
// data.
//
// All in whole UTC seconds. The ends of every span are rounded down before they are subtracted, so spans that touch
// add up exactly, across readings, batches and windows.

import World

/// Seconds for which there is something to say, by reason. Bad and uncertain seconds, and the few reasons that are
/// not a reading's quality.
enum Flag: Int, CaseIterable {
    case outOfRange, rateOfChange, stuck, warmUp, calibrationExpired, estimated
    case noAcknowledge, timedOut, checksum, wrongChip, busFault, notAvailable, busy, implausible
    /// Readings were taken and did not survive the ring, the disk or the power.
    case lost
    /// No reading tells of this time: the agent was not running, or the source was not known before.
    case missing
    /// The node was without power.
    case dark
    /// The wall clock was stepped while this time passed.
    case clockStep
    /// Readings were taken before the clock had settled, delivered so, and not kept until it had.
    case unsettled
    /// More qualities of readings; raw values above stay what they are.
    case saturated, deviceFault, openCircuit, drifting, busStuck

    /// As published; sorted, the names are in canonical order.
    var name: String {
        switch self {
        case .outOfRange: "out_of_range"
        case .rateOfChange: "rate_of_change"
        case .stuck: "stuck"
        case .warmUp: "warm_up"
        case .calibrationExpired: "calibration_expired"
        case .estimated: "estimated"
        case .noAcknowledge: "no_acknowledge"
        case .timedOut: "timed_out"
        case .checksum: "checksum"
        case .wrongChip: "wrong_chip"
        case .busFault: "bus_fault"
        case .notAvailable: "not_available"
        case .busy: "busy"
        case .implausible: "implausible"
        case .saturated: "saturated"
        case .drifting: "drifting"
        case .deviceFault: "device_fault"
        case .openCircuit: "open_circuit"
        case .busStuck: "bus_stuck"
        case .lost: "lost"
        case .missing: "missing"
        case .dark: "dark"
        case .clockStep: "clock_step"
        case .unsettled: "unsettled"
        }
    }

    /// Nil for a good reading.
    init?(_ quality: Quality) {
        switch quality {
        case .good: return nil
        case .outOfRange: self = .outOfRange
        case .rateOfChange: self = .rateOfChange
        case .stuck: self = .stuck
        case .warmUp: self = .warmUp
        case .calibrationExpired: self = .calibrationExpired
        case .estimated: self = .estimated
        case .noAcknowledge: self = .noAcknowledge
        case .timedOut: self = .timedOut
        case .checksum: self = .checksum
        case .wrongChip: self = .wrongChip
        case .busFault: self = .busFault
        case .notAvailable: self = .notAvailable
        case .busy: self = .busy
        case .implausible: self = .implausible
        case .saturated: self = .saturated
        case .drifting: self = .drifting
        case .deviceFault: self = .deviceFault
        case .openCircuit: self = .openCircuit
        case .busStuck: self = .busStuck
        }
    }

    static func named(_ name: String) -> Flag? { allCases.first { $0.name == name } }
}

/// Seconds by flag, in plain memory: one vector, so that a window is copied and changed without allocation.
struct FlagSeconds: Equatable {
    private var seconds = SIMD32<Int32>()

    subscript(flag: Flag) -> Int64 {
        get { Int64(seconds[flag.rawValue]) }
        set { seconds[flag.rawValue] = Int32(clamping: newValue) }
    }

    /// Those that are not zero, in order of their names.
    var published: [FlaggedSeconds] {
        Flag.allCases.filter { self[$0] != 0 }
            .map { FlaggedSeconds(name: $0.name, seconds: self[$0]) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

public struct FlaggedSeconds: Equatable, Sendable {
    public var name: String
    public var seconds: Int64

    public init(name: String, seconds: Int64) {
        self.name = name
        self.seconds = seconds
    }
}

/// What a contribution says of its own completeness.
public struct Coverage: Equatable, Sendable {
    /// Seconds of the window that this stream should know of.
    public var expectedSeconds: Int64
    /// Seconds of which it has valid readings.
    public var validSeconds: Int64
    /// Where the valid seconds begin and end, counted from the window's start: two streams of one node that were both
    /// at work show here.
    public var fromSecond: Int64
    public var toSecond: Int64
    /// In order of the names' bytes, none zero.
    public var flags: [FlaggedSeconds]

    public init(
        expectedSeconds: Int64, validSeconds: Int64, fromSecond: Int64, toSecond: Int64, flags: [FlaggedSeconds] = []
    ) {
        self.expectedSeconds = expectedSeconds
        self.validSeconds = validSeconds
        self.fromSecond = fromSecond
        self.toSecond = toSecond
        self.flags = flags
    }
}
