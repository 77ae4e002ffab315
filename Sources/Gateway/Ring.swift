// The one way from Sampler to Courier: a fixed ring with one producer and one consumer, no lock, no allocation.
//
// A full ring refuses: the producer goes on and the gap shows in the ordinals of the readings. The memory is handed in;
// when it is a mapped file of the runtime directory, what is in the ring survives `kill -9`.
//
//   offset size
//      0    8   magic "CERING01"
//      8    8   capacity
//     16    8   tag: what gives the elements their meaning; another one's elements are dropped and counted
//     64    8   head: elements ever put      (written by the producer)
//    128    8   tail: elements ever taken    (written by the consumer)
//    192    …   elements

import Synchronization
import World

public final class Ring<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Safe to share: head is written by one thread and tail by another, and an element is written before the head that
    // tells of it is released.
    private static var magic: UInt64 { 0x3130_474E_4952_4543 }
    private static var headerBytes: Int { 192 }

    private let head: UnsafeMutablePointer<Atomic<UInt64>>
    private let tail: UnsafeMutablePointer<Atomic<UInt64>>
    private let slots: UnsafeMutablePointer<Element>
    private let mask: UInt64
    /// Elements that were in the memory under another tag.
    public let discarded: UInt64
    private let owned: UnsafeMutableRawBufferPointer?

    public static func bytes(capacity: Int) -> Int { headerBytes + capacity * MemoryLayout<Element>.stride }

    /// A ring in memory of its own.
    public convenience init(capacity: Int) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytes(capacity: capacity), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        self.init(memory: memory, capacity: capacity, owned: memory, tag: 0)
    }

    /// A ring in memory that stays for ever; elements that an earlier process left in it are still there.
    public convenience init(memory: UnsafeMutableRawBufferPointer, capacity: Int, tag: UInt64 = 0) {
        self.init(memory: memory, capacity: capacity, owned: nil, tag: tag)
    }

    private init(
        memory: UnsafeMutableRawBufferPointer, capacity: Int, owned: UnsafeMutableRawBufferPointer?, tag: UInt64
    ) {
        invariant(capacity > 0 && capacity.nonzeroBitCount == 1, "a ring of \(capacity)")
        invariant(memory.count == Self.bytes(capacity: capacity), "a ring in \(memory.count) bytes")
        let base = memory.baseAddress!
        var first: UInt64 = 0, last: UInt64 = 0
        if base.load(as: UInt64.self) == Self.magic, base.load(fromByteOffset: 8, as: UInt64.self) == UInt64(capacity) {
            first = base.load(fromByteOffset: 128, as: UInt64.self)
            last = base.load(fromByteOffset: 64, as: UInt64.self)
            if last &- first > UInt64(capacity) { first = last }
        }
        let isOthers = base.load(fromByteOffset: 16, as: UInt64.self) != tag
        discarded = isOthers ? last &- first : 0
        if isOthers { first = last }
        base.storeBytes(of: tag, toByteOffset: 16, as: UInt64.self)
        base.storeBytes(of: Self.magic, as: UInt64.self)
        base.storeBytes(of: UInt64(capacity), toByteOffset: 8, as: UInt64.self)
        head = (base + 64).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        tail = (base + 128).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        head.initialize(to: Atomic(last))
        tail.initialize(to: Atomic(first))
        slots = (base + Self.headerBytes).bindMemory(to: Element.self, capacity: capacity)
        mask = UInt64(capacity - 1)
        self.owned = owned
    }

    deinit { owned?.deallocate() }

    /// Producer: false when the ring is full.
    public func put(_ element: Element) -> Bool {
        let position = head.pointee.load(ordering: .relaxed)
        guard position &- tail.pointee.load(ordering: .acquiring) <= mask else { return false }
        slots[Int(position & mask)] = element
        head.pointee.store(position &+ 1, ordering: .releasing)
        return true
    }

    /// Consumer: the oldest element, left where it is.
    public func peek() -> Element? {
        let position = tail.pointee.load(ordering: .relaxed)
        guard position != head.pointee.load(ordering: .acquiring) else { return nil }
        return slots[Int(position & mask)]
    }

    /// Consumer: done with what `peek` gave.
    public func drop() {
        let position = tail.pointee.load(ordering: .relaxed)
        tail.pointee.store(position &+ 1, ordering: .releasing)
    }

    /// Consumer: how many elements there are to take, at least.
    public var waiting: Int {
        Int(head.pointee.load(ordering: .acquiring) &- tail.pointee.load(ordering: .relaxed))
    }

    public func take() -> Element? {
        guard let element = peek() else { return nil }
        drop()
        return element
    }
}
