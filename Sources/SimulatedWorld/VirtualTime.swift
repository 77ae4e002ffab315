// The time of the simulation itself: it goes on through power cuts, while the node's Boottime begins again at every
// boot.
//
// Whoever drives the simulation thinks in virtual time (faults, the broker, checkers); the agent only ever sees
// Boottime. `SimulatedClock` converts between them.

public import World

/// Nanoseconds since the simulation began.
public struct VirtualTime: Comparable, Hashable, Sendable, CustomStringConvertible {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = VirtualTime(nanoseconds: 0)
    public static let distantFuture = VirtualTime(nanoseconds: .max)

    public static func < (a: VirtualTime, b: VirtualTime) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func - (a: VirtualTime, b: VirtualTime) -> Duration { .nanoseconds(a.nanoseconds &- b.nanoseconds) }
    public static func + (a: VirtualTime, b: Duration) -> VirtualTime {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? .distantFuture : VirtualTime(nanoseconds: sum)
    }

    /// Seconds with nine decimals, right-aligned to 6 + 1 + 9 places, so that the lines of a trace line up.
    public var description: String {
        let seconds = String(nanoseconds / 1_000_000_000)
        let fraction = String(nanoseconds % 1_000_000_000)
        return String(repeating: " ", count: max(0, 6 - seconds.utf8.count)) + seconds + "."
            + String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
    }
}

extension Duration {
    /// Seconds, as short as they can be written exactly: `90 s`, `0.25 s`, `-3 s`.
    var inSeconds: String {
        let total = nanoseconds
        let magnitude = total.magnitude
        var text = (total < 0 ? "-" : "") + String(magnitude / 1_000_000_000)
        var fraction = magnitude % 1_000_000_000
        if fraction > 0 {
            var digits = 9
            while fraction % 10 == 0 {
                fraction /= 10
                digits -= 1
            }
            let written = String(fraction)
            text += "." + String(repeating: "0", count: digits - written.utf8.count) + written
        }
        return text + " s"
    }
}

extension Random {
    /// A generator of its own for one purpose: what one part of the world draws never shifts what another part draws.
    public init(seed: UInt64, purpose: String) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var mixed = Random(seed: seed ^ hash)
        self.init(seed: mixed.next())
    }

    /// Uniform over the range, in whole nanoseconds.
    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let low = range.lowerBound.nanoseconds
        let width = UInt64(range.upperBound.nanoseconds - low)
        return .nanoseconds(low + Int64(below(width + 1)))
    }
}
