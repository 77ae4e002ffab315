// Where `cityedge meter set` tells a running agent what a meter shows: memory that both have mapped, so that neither
// waits for the other and nothing is written to flash for it.
//
// Per sensor two words: the total, in the channel's scale, and how far the matter is, with the scale above it. The
// command writes both and waits; the Sampler takes them when the sensor is next measured, after the amounts up to then
// have been told, and answers. A command that gives up withdraws what has not been taken. One command at a time: it
// holds the file's lock. The file lies on the tmpfs: what nobody took before the power failed was never promised.

import Synchronization
import World

public struct MeterPage: @unchecked Sendable {
    // Safe to share: single words, and each state has one side that may leave it (`asked`: whoever is first).
    private let words: UnsafeMutablePointer<Atomic<Int64>>
    public static let file = "meters"
    public static let bytes = Limits.sensors * 16

    public enum State: Int64, Sendable {
        case nothing, asked, taken, done
        /// The counter cannot show the total, or the agent's configuration has another scale.
        case refused
    }

    public init(memory: UnsafeMutableRawBufferPointer) {
        invariant(memory.count == Self.bytes, "meters in \(memory.count) bytes")
        words = memory.baseAddress!.bindMemory(to: Atomic<Int64>.self, capacity: Self.bytes / 8)
    }

    // MARK: The command's side

    public func ask(_ slot: Int, total: Int64, scale: Int8) {
        words[2 * slot].store(total, ordering: .relaxed)
        words[2 * slot + 1].store(Self.word(.asked, scale), ordering: .releasing)
    }

    public func state(_ slot: Int) -> State {
        State(rawValue: words[2 * slot + 1].load(ordering: .acquiring) & 0xFF) ?? .nothing
    }

    /// False when it has been taken meanwhile: an answer is coming.
    public func withdraw(_ slot: Int, scale: Int8) -> Bool {
        words[2 * slot + 1].compareExchange(
            expected: Self.word(.asked, scale), desired: 0, ordering: .acquiringAndReleasing
        ).exchanged
    }

    // MARK: The Sampler's side

    func take(_ slot: Int) -> (total: Int64, scale: Int8)? {
        let word = words[2 * slot + 1].load(ordering: .acquiring)
        guard word & 0xFF == State.asked.rawValue,
            words[2 * slot + 1].compareExchange(
                expected: word, desired: State.taken.rawValue, ordering: .acquiringAndReleasing
            ).exchanged
        else { return nil }
        return (words[2 * slot].load(ordering: .relaxed), Int8(truncatingIfNeeded: word >> 8))
    }

    func answer(_ slot: Int, isDone: Bool) {
        words[2 * slot + 1].store((isDone ? State.done : .refused).rawValue, ordering: .releasing)
    }

    private static func word(_ state: State, _ scale: Int8) -> Int64 {
        state.rawValue | Int64(UInt8(bitPattern: scale)) << 8
    }
}
