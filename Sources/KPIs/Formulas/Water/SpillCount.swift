// Spills of a combined sewer, counted by the 12/24 hour method (Environment Agency, "Water companies: environmental
// permits for storm overflows"; from memory of it): the first 12 hours from the begin of a discharge are one spill,
// each following block of 24 hours with any discharge is one more, and a block of 24 hours without ends the sequence.

public struct SpillCount: Hashable, Sendable {
    public private(set) var spills: Int64 = 0
    /// The end of the last block that counted, seconds.
    private var blockEnd: Int64?

    private static let first: Int64 = 12 * 3_600
    private static let next: Int64 = 24 * 3_600

    public init() {}

    /// Adds a discharge from one second up to another, not included, on any one clock. In order of their begins;
    /// overlapping ones are as one. False, and nothing counted, for one without length or beyond 10^12 s on either side
    /// of the clock's zero.
    public mutating func add(from: Int64, to: Int64) -> Bool {
        let clock: ClosedRange<Int64> = -1_000_000_000_000...1_000_000_000_000
        guard to > from, clock.contains(from), clock.contains(to) else { return false }
        var end: Int64
        if let last = blockEnd, from - last < Self.next {
            end = last
        } else {
            spills += 1
            end = from + Self.first
        }
        if to > end {
            // It began before the next block ended, so every block up to its own end has some of it.
            let blocks = (to - end + Self.next - 1) / Self.next
            spills += blocks
            end += blocks * Self.next
        }
        blockEnd = end
        return true
    }
}
