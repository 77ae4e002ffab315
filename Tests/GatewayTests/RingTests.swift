// The ring between Sampler and Courier: order, refusal, and what survives in memory that outlives the process.

import Gateway
import Synchronization
import Testing

@Suite("Ring") struct RingTests {
    @Test("Elements come out in the order in which they went in, around the end of the memory too")
    func order() {
        let ring = Ring<Int>(capacity: 4)
        for round in 0..<100 {
            for element in 0..<3 { #expect(ring.put(round * 10 + element)) }
            for element in 0..<3 { #expect(ring.take() == round * 10 + element) }
        }
        #expect(ring.take() == nil)
    }

    @Test("A full ring refuses, keeps what it has, and takes again once there is room")
    func full() {
        let ring = Ring<Int>(capacity: 2)
        #expect(ring.put(1) && ring.put(2))
        #expect(!ring.put(3))
        #expect(ring.peek() == 1)
        #expect(ring.peek() == 1, "peek leaves the element where it is")
        ring.drop()
        #expect(ring.put(4))
        #expect(ring.take() == 2)
        #expect(ring.take() == 4)
        #expect(ring.peek() == nil)
    }

    @Test("A ring opened again on the same memory still holds what was put and not taken")
    func reopened() {
        let memory = RingMemory(bytes: Ring<Int>.bytes(capacity: 8))
        let first = Ring<Int>(memory: memory.bytes, capacity: 8)
        for element in 1...6 { #expect(first.put(element)) }
        #expect(first.take() == 1)
        #expect(first.take() == 2)

        let second = Ring<Int>(memory: memory.bytes, capacity: 8)
        #expect(second.waiting == 4)
        #expect(second.put(7))
        for element in 3...7 { #expect(second.take() == element) }
        #expect(second.take() == nil)
    }

    @Test(
        "Memory that is not this ring's is begun anew instead of trusted",
        arguments: [
            RingDamage.magic, .otherCapacity, .headBehindTail, .moreThanFits,
        ])
    func damaged(_ damage: RingDamage) {
        let memory = RingMemory(bytes: Ring<Int>.bytes(capacity: 8))
        let first = Ring<Int>(memory: memory.bytes, capacity: 8)
        for element in 1...4 { #expect(first.put(element)) }
        #expect(first.take() == 1)
        damage.strike(memory.bytes)
        let second = Ring<Int>(memory: memory.bytes, capacity: 8)
        #expect(second.take() == nil)
        #expect(second.put(9))
        #expect(second.take() == 9)
    }

    @Test("A million elements pass from one thread to another in order, none twice and none missing")
    func twoThreads() async {
        let ring = Ring<UInt64>(capacity: 1_024)
        let count: UInt64 = 1_000_000
        let producer = Task.detached {
            var next: UInt64 = 1
            while next <= count { if ring.put(next) { next += 1 } else { await Task.yield() } }
        }
        let firstWrong = await Task.detached { () -> UInt64? in
            var expected: UInt64 = 1
            while expected <= count {
                guard let element = ring.take() else {
                    await Task.yield()
                    continue
                }
                if element != expected { return expected }
                expected += 1
            }
            return nil
        }.value
        await producer.value
        #expect(firstWrong == nil)
        #expect(ring.take() == nil)
    }
}

/// Memory of a ring that outlives it.
final class RingMemory {
    let bytes: UnsafeMutableRawBufferPointer
    init(bytes count: Int) {
        bytes = .allocate(byteCount: count, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
    deinit { bytes.deallocate() }
}

/// What may be found in a file of the runtime directory, by the layout at the top of `Ring.swift`.
enum RingDamage: CaseIterable, Sendable {
    case magic, otherCapacity, headBehindTail, moreThanFits

    func strike(_ memory: UnsafeMutableRawBufferPointer) {
        switch self {
        case .magic: memory[0] ^= 1
        case .otherCapacity: memory.storeBytes(of: 16, toByteOffset: 8, as: UInt64.self)
        case .headBehindTail: memory.storeBytes(of: 0, toByteOffset: 64, as: UInt64.self)
        case .moreThanFits: memory.storeBytes(of: 10, toByteOffset: 64, as: UInt64.self)
        }
    }
}
