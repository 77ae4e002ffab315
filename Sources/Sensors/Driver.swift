// What a driver is. One file per chip or method; datasheet in hand; decoding pure.
//
// Two steps, so that no driver sleeps: `start` triggers and returns how long to wait, `collect` reads the result into
// memory that it is lent. Drivers are small values; the Sampler owns the seams and lends them. Line drivers are told of
// edges as they come and give their readings when asked or when a change is itself a reading.

public import World

/// What a driver measured, before calibration.
public enum Measurement: Sendable, Equatable {
    /// A physical value in the channel's unit. Calibrated, checked and rounded by the Sampler.
    case physical(Double)
    /// An exact count, already in the channel's decimal scale. Never calibrated.
    case exact(Int64)
}

/// One result of a measurement.
public struct Sample: Sendable, Equatable {
    /// Index in the driver's own channel list.
    public var channel: UInt8
    public var measurement: Measurement
    /// `good` unless the driver itself knows better.
    public var quality: Quality
    /// When it was acquired; nil: when the measurement was started.
    public var acquired: Boottime?

    public init(
        channel: UInt8, _ measurement: Measurement, quality: Quality = .good, acquired: Boottime? = nil
    ) {
        self.channel = channel
        self.measurement = measurement
        self.quality = quality
        self.acquired = acquired
    }
}

/// Memory for samples that the Sampler lends: allocated once, never grown.
public struct Samples: ~Copyable {
    private let storage: UnsafeMutableBufferPointer<Sample>
    public private(set) var count = 0

    public init(capacity: Int) {
        storage = .allocate(capacity: capacity)
        storage.initialize(repeating: Sample(channel: 0, .exact(0)))
    }

    deinit { storage.deallocate() }

    public mutating func append(_ sample: Sample) {
        invariant(count < storage.count, "a driver gave more than \(storage.count) samples at once")
        storage[count] = sample
        count += 1
    }

    public subscript(index: Int) -> Sample {
        invariant(index < count, "sample \(index) of \(count)")
        return storage[index]
    }

    public mutating func removeAll() { count = 0 }
}

/// What became of a program that should measure for us.
public enum ProgramFault: Error, Hashable, Sendable {
    case notStarted(errno: Int32)
    case noSocket(errno: Int32)
    /// An exit status, or 128 + the signal, and its last words on standard error.
    case ended(status: Int32, words: String)
    case silent
    case notUnderstood(lines: Int)
}

/// Why a measurement failed. Each case is another thing for the technician to do, and another quality.
public enum SensorFault: Error, Hashable, Sendable {
    case bus(BusFault)
    case line(LineFault)
    case attribute(AttributeFault)
    /// The answer's checksum is wrong: noise on the wires, too long a cable, too fast a bus.
    case checksum
    /// Another chip answers at the address.
    case wrongChip(found: UInt32, expected: UInt32)
    /// The answer cannot be (all ones, a flag that must be set is not).
    case implausible
    /// The chip still has not finished after the datasheet's longest time.
    case notReady
    /// There is nothing to read from: file ended or missing, no such kernel device.
    case noData
    /// The chip reports a fault of its own: a stopped fan, a dirty lens, a failed self-test. `code` as the chip gives
    /// it.
    case deviceFault(code: UInt32)
    case program(ProgramFault)

    public var quality: Quality {
        switch self {
        case .bus(.noAcknowledge): .noAcknowledge
        case .bus(.timedOut), .notReady: .timedOut
        case .bus(.stuck): .busStuck
        case .bus(.heldByKernel), .line(.taken): .busy
        case .bus(.absent), .line, .attribute, .noData: .notAvailable
        case .program(.silent): .timedOut
        case .program(.notUnderstood): .implausible
        case .program: .notAvailable
        case .bus: .busFault
        case .checksum: .checksum
        case .wrongChip: .wrongChip
        case .implausible: .implausible
        case .deviceFault: .deviceFault
        }
    }
}

/// A chip on an I2C bus. Before the first `start`, and after every fault, the Sampler has asked whether the address is
/// free (`Bus.claim`), so drivers need not.
public protocol BusDriver: Sendable {
    /// Triggers one measurement (and sets the chip up the first time, or after a fault). Returns how long it takes.
    mutating func start(on bus: inout some Bus & ~Copyable) throws(SensorFault) -> Duration
    /// Reads what has been measured. Nil: done; else how long to wait before the next step (another input of the same
    /// converter, another range), at most `Driver.stepsPerMeasurement` of them.
    mutating func collect(
        from bus: inout some Bus & ~Copyable, into samples: inout Samples
    ) throws(SensorFault) -> Duration?
    /// The last measurement failed, or its bus was given up: the chip may have lost its supply or been exchanged, so
    /// `start` sets it up anew.
    mutating func forget()
}

/// The lines of one sensor, held by the Sampler and lent to its driver.
public struct HeldLines: Sendable {
    public var line: LineHandle
    /// Of `secondRequest`.
    public var second: LineHandle?
    public init(line: LineHandle, second: LineHandle? = nil) {
        self.line = line
        self.second = second
    }
}

/// Something on one or two GPIO lines. Requested by the Sampler, which keeps the handles.
public protocol LineDriver: Sendable {
    var request: LineRequest { get }
    /// A line beside it: direction, reverse pulses, trigger. Requested after it, both or none.
    var secondRequest: LineRequest? { get }
    /// The line has been requested (at start, or again after a fault); `isActive` is its level now.
    mutating func begin(at now: Boottime, isActive: Bool, into samples: inout Samples)
    /// The same of the second line; before `begin`.
    mutating func beginSecond(at now: Boottime, isActive: Bool)
    /// An edge; samples appended here are readings at once (a change of state).
    mutating func edge(_ edge: Edge, into samples: inout Samples)
    mutating func secondEdge(_ edge: Edge, into samples: inout Samples)
    /// Moves a measurement on, for drivers that drive a line: called when one is due, and again after each wait that it
    /// returns. Nil: there is nothing to drive, or no more.
    mutating func advance(
        at now: Boottime, on lines: inout some Lines & ~Copyable, _ held: HeldLines
    ) throws(SensorFault) -> Duration?
    /// Every `every`, once `advance` has come to its end, and once more at an orderly stop. The first time only where
    /// `advance` has driven something: else a line that was requested just now has seen nothing yet.
    mutating func collect(at now: Boottime, isActive: Bool, into samples: inout Samples) throws(SensorFault)
    /// The orderly stop: leaves the lines as they shall be left.
    mutating func finish(on lines: inout some Lines & ~Copyable, _ held: HeldLines)
    /// What the counter stands at, in the channels' scale, for the event that tells a new counter epoch.
    var total: Int64? { get }
    /// Counter state to keep across restarts and power cuts; nil when the driver has none.
    var checkpoint: Int64? { get }
    /// Goes on from a checkpoint, before `begin`. `isExact` false: from flash after a power cut, so up to one
    /// checkpoint period is missing and the counter has a new epoch.
    mutating func resume(from checkpoint: Int64, isExact: Bool)
    /// The meter shows something else: a new epoch from this total on, which is no amount. False: the counter cannot
    /// show it.
    mutating func setTotal(_ total: Int64) -> Bool
}

extension LineDriver {
    public var secondRequest: LineRequest? { nil }
    public mutating func beginSecond(at now: Boottime, isActive: Bool) {}
    public mutating func secondEdge(_ edge: Edge, into samples: inout Samples) {}
    public mutating func advance(
        at now: Boottime, on lines: inout some Lines & ~Copyable, _ held: HeldLines
    ) throws(SensorFault) -> Duration? { nil }
    public mutating func finish(on lines: inout some Lines & ~Copyable, _ held: HeldLines) {}
    public var checkpoint: Int64? { nil }
    public var total: Int64? { nil }
    public mutating func resume(from checkpoint: Int64, isExact: Bool) {}
    public mutating func setTotal(_ total: Int64) -> Bool { false }
}

/// Something behind small kernel files (IIO, hwmon, ...).
public protocol AttributeDriver: Sendable {
    mutating func start(on attributes: inout some Attributes & ~Copyable) throws(SensorFault) -> Duration
    mutating func collect(
        from attributes: inout some Attributes & ~Copyable, into samples: inout Samples
    ) throws(SensorFault)
}

/// A source that needs no hardware: computed, or replayed from memory.
public protocol SourceDriver: Sendable {
    mutating func collect(at now: Boottime, into samples: inout Samples) throws(SensorFault)
}

/// A driver with the seam that it wants.
public enum Driver: Sendable {
    case bus(any BusDriver)
    case line(any LineDriver)
    case attribute(any AttributeDriver)
    case source(any SourceDriver)

    /// Steps of one measurement, `start` not counted. One that takes more never ends.
    public static let stepsPerMeasurement = 64
}
