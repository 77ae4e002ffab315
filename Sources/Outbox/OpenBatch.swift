// The open batch: where readings are between the ring and the seal.
//
// One file of the runtime directory, mapped, so that a reading once appended survives `kill -9`. Little-endian words:
//
//   offset size
//      0    8   magic "CEOPEN01"
//      8    8   stream
//     16   16   boot id
//     32   32   next number of each lane (4 × 8)
//     64    8   readings in the open batch
//     72    8   config hash they belong to
//     80   32   numbers up to which each lane has been spilled to flash and synced (4 × 8)
//    112    8   number of the first readings batch under the present configuration
//    120    8   1 when the stream has settled: the anchor of its batches that were sealed before
//    128   16   that anchor: offset ns, bound ns
//    144   16   zero
//    160    …   readings, 32 bytes each, as in memory (the file never leaves the board's boot)
//
// The count is stored after the reading, so that a kill at any instruction leaves a whole prefix. The next number is
// stored after the sealed block is in the memory tier, and the open batch emptied after that: a kill between any two of
// them leaves an open batch that is already sealed, which recovery recognises and drops.

public import World

public struct OpenBatch {
    public static let fileName = "open"
    private static let magic: UInt64 = 0x3130_4E45_504F_4543  // "CEOPEN01"
    private static let headerBytes = 160

    private let memory: UnsafeMutableRawBufferPointer
    public let capacity: Int

    public static func fileBytes(capacity: Int) -> Int { headerBytes + capacity * MemoryLayout<Reading>.stride }

    /// Takes over mapped memory of exactly `fileBytes(capacity:)`.
    public init(memory: UnsafeMutableRawBufferPointer, capacity: Int) {
        invariant(memory.count == Self.fileBytes(capacity: capacity), "open batch mapped with \(memory.count) bytes")
        invariant(MemoryLayout<Reading>.stride == 32, "a reading is \(MemoryLayout<Reading>.stride) bytes")
        self.memory = memory
        self.capacity = capacity
    }

    /// Whether the memory holds what a process of this very boot left.
    public func belongs(to boot: BootID) -> Bool {
        word(0) == Self.magic && word(16) == boot.high && word(24) == boot.low && word(8) != 0
            && word(64) <= UInt64(capacity)
    }

    /// Starts anew: a new stream, all numbers from 1.
    public mutating func begin(stream: StreamID, boot: BootID) {
        setWord(0, 0)
        setWord(8, stream.rawValue)
        setWord(16, boot.high)
        setWord(24, boot.low)
        for lane in Lane.allCases {
            setNextSequence(1, lane)
            setSpilledThrough(0, lane)
        }
        setWord(64, 0)
        setWord(112, 1)
        setWord(120, 0)
        setWord(0, Self.magic)
    }

    public var stream: StreamID { StreamID(rawValue: word(8)) }

    public func nextSequence(_ lane: Lane) -> UInt64 { word(32 + 8 * Int(lane.rawValue)) }
    public mutating func setNextSequence(_ number: UInt64, _ lane: Lane) {
        setWord(32 + 8 * Int(lane.rawValue), number)
    }

    public func spilledThrough(_ lane: Lane) -> UInt64 { word(80 + 8 * Int(lane.rawValue)) }
    public mutating func setSpilledThrough(_ number: UInt64, _ lane: Lane) {
        setWord(80 + 8 * Int(lane.rawValue), number)
    }

    public var firstOfConfiguration: UInt64 { word(112) }
    public mutating func setFirstOfConfiguration(_ number: UInt64) { setWord(112, number) }

    /// What batches that were sealed unsettled are settled by: once found, the same for every fold and every offer.
    public var firstAnchor: Anchor? {
        guard word(120) == 1 else { return nil }
        return Anchor(
            offsetNanoseconds: Int64(bitPattern: word(128)), boundNanoseconds: Int64(bitPattern: word(136)))
    }

    public mutating func setFirstAnchor(_ anchor: Anchor) {
        setWord(128, UInt64(bitPattern: anchor.offsetNanoseconds))
        setWord(136, UInt64(bitPattern: anchor.boundNanoseconds))
        setWord(120, 1)
    }

    public var configHash: UInt32 { UInt32(truncatingIfNeeded: word(72)) }
    public mutating func setConfigHash(_ hash: UInt32) { setWord(72, UInt64(hash)) }

    public var count: Int { Int(word(64)) }
    public var isFull: Bool { count == capacity }

    public var readings: UnsafeBufferPointer<Reading> {
        UnsafeBufferPointer(start: UnsafePointer(slots), count: count)
    }

    public mutating func append(_ reading: Reading) {
        let count = count
        invariant(count < capacity, "append to a full batch")
        slots[count] = reading
        setWord(64, UInt64(count + 1))
    }

    public mutating func removeAll() { setWord(64, 0) }

    private var slots: UnsafeMutablePointer<Reading> {
        (memory.baseAddress! + Self.headerBytes).assumingMemoryBound(to: Reading.self)
    }

    private func word(_ offset: Int) -> UInt64 { memory.load(fromByteOffset: offset, as: UInt64.self) }
    private func setWord(_ offset: Int, _ value: UInt64) {
        memory.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
}
