// What moves a simulated line: pulses at seeded moments.
//
// Time is cut into slots. A slot has a pulse or not, at a moment inside it, by seed and slot number alone: so the
// signal can be asked at any time, from any time on, and is always the same. Pulses end before their slot does and
// never touch.

public import World

public struct LineSignal: Hashable, Sendable {
    /// A pulse: the level is `pulseIsHigh` from `start` to `end`, and the other outside.
    public struct Pulse: Hashable, Sendable {
        public var start: Boottime
        public var end: Boottime
    }

    public let pulseIsHigh: Bool
    private let seed: UInt64
    private let slot: Int64
    private let shortest: Int64
    private let longest: Int64
    private let chancePerThousand: UInt64

    /// A pulse in so many of a thousand slots, between `shortest` and `longest` long; `longest` at most half a slot.
    public init(
        seed: UInt64, slot: Duration, shortest: Duration, longest: Duration, chancePerThousand: UInt64,
        pulseIsHigh: Bool
    ) {
        invariant(
            shortest > .zero && longest >= shortest && longest.nanoseconds <= slot.nanoseconds / 2
                && chancePerThousand <= 1_000, "pulses that do not fit their slots")
        self.seed = seed
        self.slot = slot.nanoseconds
        self.shortest = shortest.nanoseconds
        self.longest = longest.nanoseconds
        self.chancePerThousand = chancePerThousand
        self.pulseIsHigh = pulseIsHigh
    }

    /// A water or energy meter's contact: in seven of ten slots a pulse, 40 to 60 ms long.
    public static func meter(seed: UInt64, slot: Duration, pulseIsHigh: Bool) -> LineSignal {
        LineSignal(
            seed: seed, slot: slot, shortest: .milliseconds(40), longest: .milliseconds(60), chancePerThousand: 700,
            pulseIsHigh: pulseIsHigh)
    }

    /// Mains that fail: in four of ten slots, for a twentieth to a quarter of it.
    public static func mains(seed: UInt64, slot: Duration, failureIsHigh: Bool) -> LineSignal {
        LineSignal(
            seed: seed, slot: slot, shortest: slot / 20, longest: slot / 4, chancePerThousand: 400,
            pulseIsHigh: failureIsHigh)
    }

    /// The first pulse that ends after the moment; nil: none in the next 10,000 slots.
    public func pulse(endingAfter moment: Boottime) -> Pulse? {
        var number = moment.nanoseconds / slot
        for _ in 0..<10_000 {
            if let pulse = pulse(inSlot: number), pulse.end > moment { return pulse }
            number += 1
        }
        return nil
    }

    /// How many pulses begin in `from ..< to`: the truth that a counter is held against.
    public func pulses(from: Boottime, to: Boottime) -> Int {
        var count = 0
        var number = from.nanoseconds / slot
        while number * slot < to.nanoseconds {
            if let pulse = pulse(inSlot: number), pulse.start >= from, pulse.start < to { count += 1 }
            number += 1
        }
        return count
    }

    private func pulse(inSlot number: Int64) -> Pulse? {
        var random = Random(seed: seed ^ UInt64(bitPattern: number) &* 0xD6E8_FEB8_6659_FD93)
        guard random.chance(chancePerThousand, in: 1_000) else { return nil }
        let length = shortest + Int64(random.below(UInt64(longest - shortest) + 1))
        // At least a microsecond of rest on both sides keeps neighbours apart.
        let room = slot - length - 2_000
        let start = number * slot + 1_000 + Int64(random.below(UInt64(room)))
        return Pulse(start: Boottime(nanoseconds: start), end: Boottime(nanoseconds: start + length))
    }
}
