// What Sampler and Courier share beside the readings ring: notices, counters, and the signs of life that the watchdog
// wants.

public import Sensors
import Synchronization
public import World

/// A change that the Sampler tells the Courier, which tells the city.
public struct Notice: BitwiseCopyable, Sendable, Equatable {
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// `detail` is the quality's raw value.
        case sensorLost
        case sensorBack
        /// A counter goes on from a flash checkpoint: `value` is its total.
        case counterEpoch
        /// A counter goes on from what the technician has read off the meter: `value`.
        case counterSet
        /// A line with a role has changed, or has its first state: `value` 1 active, 0 not; `detail` is the role.
        case role
        /// A bus is stuck, or works again; its index stands in `sensor`.
        case busLost
        case busBack
        /// Values of a channel (`value` is its id) are not good from now on, by the quality in `detail`; or good again.
        case valuesDoubted
        case valuesBelieved
    }
    public var kind: Kind
    public var sensor: UInt16
    public var at: Boottime
    public var value: Int64
    public var detail: UInt8

    public init(kind: Kind, sensor: UInt16, at: Boottime, value: Int64 = 0, detail: UInt8 = 0) {
        self.kind = kind
        self.sensor = sensor
        self.at = at
        self.value = value
        self.detail = detail
    }
}

/// Checkpoints of the counting sensors, by sensor, in memory that survives `kill -9`. Written by the Sampler after
/// every edge, read by the Courier for the flash checkpoint and by the next process.
///
/// Per slot: FNV-1a 64 of the sensor's id (0: not a counter), then the driver's checkpoint. Little-endian words of 8
/// bytes.
public struct CounterPage: @unchecked Sendable {
    // Safe to share: single words, one writer.
    private let words: UnsafeMutablePointer<Atomic<Int64>>
    public static let file = "counters"
    public static let slots = Limits.sensors
    public static let bytes = slots * 16

    /// Takes over mapped memory; what is in it is kept until `assign`.
    public init(memory: UnsafeMutableRawBufferPointer) {
        invariant(memory.count == Self.bytes, "counters in \(memory.count) bytes")
        words = memory.baseAddress!.bindMemory(to: Atomic<Int64>.self, capacity: 2 * Self.slots)
    }

    /// What each sensor's counter stood at, by key.
    public var found: [(key: UInt64, checkpoint: Int64)] {
        (0..<Self.slots).compactMap { slot in
            let key = words[2 * slot].load(ordering: .relaxed)
            return key == 0 ? nil : (UInt64(bitPattern: key), words[2 * slot + 1].load(ordering: .relaxed))
        }
    }

    public func slot(ofKey key: UInt64) -> Int? {
        (0..<Self.slots).first { words[2 * $0].load(ordering: .relaxed) == Int64(bitPattern: key) }
    }

    /// Gives a slot to a sensor; key 0: none.
    public func assign(_ slot: Int, key: UInt64, checkpoint: Int64) {
        words[2 * slot + 1].store(checkpoint, ordering: .relaxed)
        words[2 * slot].store(Int64(bitPattern: key), ordering: .relaxed)
    }

    public func set(_ slot: Int, checkpoint: Int64) { words[2 * slot + 1].store(checkpoint, ordering: .relaxed) }
}

/// One thread's signs of life.
public final class Pulse: Sendable {
    private let beats = Atomic<UInt64>(0)
    public init() {}
    public func beat() { beats.wrappingAdd(1, ordering: .relaxed) }
    public var count: UInt64 { beats.load(ordering: .relaxed) }
}

/// What the Sampler has done, for whoever asks from another thread.
public final class SamplerCounts: Sendable {
    private let takenCount = Atomic<UInt64>(0)
    private let refusedCount = Atomic<UInt64>(0)
    private let finished = Atomic<Bool>(false)
    private let byChannel = Mutex<[UInt64]>([])
    public init() {}
    /// Readings completed, also those that the ring refused.
    public var taken: UInt64 { takenCount.load(ordering: .acquiring) }
    public var refused: UInt64 { refusedCount.load(ordering: .acquiring) }
    /// The Sampler has stopped; nothing more comes through the ring.
    public var isFinished: Bool { finished.load(ordering: .acquiring) }
    /// Why each sensor that is lost is lost.
    private let faults = Mutex<[Int: SensorFault]>([:])
    public func fault(ofSensor index: Int) -> SensorFault? { faults.withLock { $0[index] } }
    func setFault(_ fault: SensorFault, ofSensor index: Int) { faults.withLock { $0[index] = fault } }

    func add(refused isRefused: Bool) {
        takenCount.wrappingAdd(1, ordering: .relaxed)
        if isRefused { refusedCount.wrappingAdd(1, ordering: .relaxed) }
    }
    /// Readings completed of each channel, by its id; empty before the Sampler has stopped.
    public var takenByChannel: [UInt64] { byChannel.withLock { $0 } }
    func finish(_ taken: [UInt64]) {
        byChannel.withLock { $0 = taken }
        finished.store(true, ordering: .releasing)
    }
}
