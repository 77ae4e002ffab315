// A reading: one value of one channel at one moment. The one thing that the whole agent exists to carry.

/// The place of a channel in the node's channel table (`ChannelTable`): small, dense, valid for one configuration.
public struct ChannelID: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static func < (a: ChannelID, b: ChannelID) -> Bool { a.rawValue < b.rawValue }
}

/// How far a value can be believed. Speaks of the value only; what is known of its time is the batch's `clock`.
///
/// The raw values are stored in batches: never renumber, only add.
public enum Quality: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case good = 0

    // Uncertain: a value is given; think before using it.
    case outOfRange = 16  // outside the channel's plausible range
    case rateOfChange = 17
    case stuck = 18
    case warmUp = 19
    case calibrationExpired = 20
    case estimated = 21  // part of what it counts was not seen (lost edges, a power cut)
    case saturated = 22  // at the end of the converter's range: the true value lies beyond
    case drifting = 23  // away from the channel that measures the same

    // Bad: no value is given (the stored value is 0 and means nothing).
    case noAcknowledge = 32
    case timedOut = 33
    case checksum = 34
    case wrongChip = 35
    case busFault = 36
    case notAvailable = 37  // bus, line, attribute or file is not there
    case busy = 38  // held by a kernel driver or by another program
    case implausible = 39  // the chip answered with something that cannot be
    case deviceFault = 40  // the instrument reports a fault of its own
    case openCircuit = 41  // a broken wire: below the live zero of a current loop
    case busStuck = 42  // nobody gets through on the whole bus

    public enum Grade: Sendable { case good, uncertain, bad }

    public var grade: Grade { rawValue < 16 ? .good : rawValue < 32 ? .uncertain : .bad }

    /// The reason in words, as published and shown.
    public var reason: String {
        switch self {
        case .good: "good"
        case .outOfRange: "outside the plausible range"
        case .rateOfChange: "changed faster than plausible"
        case .stuck: "stuck"
        case .warmUp: "warming up"
        case .calibrationExpired: "calibration expired"
        case .estimated: "estimated"
        case .saturated: "saturated"
        case .drifting: "drifting"
        case .noAcknowledge: "no acknowledge"
        case .timedOut: "timed out"
        case .checksum: "checksum"
        case .wrongChip: "wrong chip"
        case .busFault: "bus fault"
        case .notAvailable: "not available"
        case .busy: "busy"
        case .implausible: "implausible answer"
        case .deviceFault: "device fault"
        case .openCircuit: "open circuit"
        case .busStuck: "bus stuck"
        }
    }
}

/// One value of one channel. 32 bytes, plain memory: it is copied into the ring and into the open batch as it stands.
public struct Reading: Equatable, Sendable, BitwiseCopyable {
    /// When the quantity was acquired: whole microseconds (see `Boottime.truncatedToMicroseconds`).
    public var acquired: Boottime
    /// In the channel's decimal scale: the physical value is `value × 10^scale`. Rounded once, half away from zero,
    /// after calibration. 0 when the quality is bad.
    public var value: Int64
    /// How many readings of this channel the Sampler has completed since it started, this one included. A gap between
    /// neighbours is readings that the ring had no room for.
    public var ordinal: UInt64
    public var channel: ChannelID
    public var quality: Quality

    public init(channel: ChannelID, acquired: Boottime, value: Int64, quality: Quality, ordinal: UInt64) {
        self.acquired = acquired
        self.value = value
        self.ordinal = ordinal
        self.channel = channel
        self.quality = quality
    }
}

/// What a channel measures, and how its integers are to be read.
public struct Channel: Hashable, Sendable {
    /// `sensor.quantity`, for example `air.temperature`. Characters of RFC 8428 section 4.5.1 names.
    public var name: String
    /// SenML symbol (RFC 8428 section 12.1, RFC 8798), for example `Cel`.
    public var unit: String
    /// Decimal exponent of the integers, for example -2: 2137 means 21.37.
    public var scale: Int8
    /// Values outside are published as `uncertain`, in the channel's unit.
    public var plausible: ClosedRange<Double>

    public init(name: String, unit: String, scale: Int8, plausible: ClosedRange<Double>) {
        self.name = name
        self.unit = unit
        self.scale = scale
        self.plausible = plausible
    }
}

/// All channels of one configuration, in order; a `ChannelID` is an index into it.
public struct ChannelTable: Hashable, Sendable {
    public var channels: [Channel]
    /// What `config` says in every batch: 8 hex digits over everything that gives the numbers their meaning.
    public var configHash: String

    public init(channels: [Channel], configHash: String) {
        self.channels = channels
        self.configHash = configHash
    }

    public subscript(id: ChannelID) -> Channel { channels[Int(id.rawValue)] }
    public var count: Int { channels.count }
}
