// What happened in a simulation, as text: one line per happening, the same bytes for the same seed.
//
// Nothing that differs between two runs of one seed may enter a line: no addresses, no wall time of the machine, no
// order of a dictionary. The hash over all lines is what two runs are compared by; the last lines are what a failure
// shows.

import World

public final class Trace {
    /// How many lines are kept for a failure report.
    public static let kept = 50

    /// 64-bit FNV-1a over every line so far, each with its newline.
    public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    public private(set) var lines = 0

    private let clock: SimulatedClock
    private let print: ((String) -> Void)?
    private var ring: [String] = []

    /// `print` is given every line as it is written (without its newline).
    public init(clock: SimulatedClock, print: ((String) -> Void)? = nil) {
        self.clock = clock
        self.print = print
    }

    /// Appends `<virtual time> <source> <text>`.
    public func note(_ source: String, _ text: @autoclosure () -> String) {
        let padding = String(repeating: " ", count: max(0, 7 - source.utf8.count))
        let line = "\(clock.elapsed) \(source)\(padding) \(text())"
        invariant(!line.utf8.contains(0x0A), "a line of the trace contains a newline: \(line)")
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ 0x0A) &* 0x100_0000_01B3
        if ring.count < Self.kept { ring.append(line) } else { ring[lines % Self.kept] = line }
        lines += 1
        print?(line)
    }

    /// The last lines, oldest first.
    public var recent: [String] {
        guard lines > Self.kept else { return ring }
        let oldest = lines % Self.kept
        return Array(ring[oldest...]) + Array(ring[..<oldest])
    }
}
