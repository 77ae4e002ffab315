// The seam of GPIO lines: inputs whose edges the kernel stamps and numbers, and outputs.
//
// Who holds a line is its only owner. What becomes of an output when its owner gives it up or dies is the controller's
// matter: the kernel frees the line, and what that does is its pin controller's ("may revert to its default state",
// Documentation/userspace-api/gpio/gpio-v2-get-line-ioctl.rst). Most make it an input again, so that a resistor
// decides. Raspberry Pi's own kernels keep driving the last level, unless told `dtparam=strict_gpiod` in config.txt.

public enum Bias: UInt8, Sendable, Hashable { case asIs, disabled, pullUp, pullDown }
public enum EdgeSelection: UInt8, Sendable, Hashable { case none, toActive, toInactive, both }
/// What a line is from the moment it is requested. An output has its level before anybody could see another.
public enum LineDirection: Sendable, Hashable { case input, output(isActive: Bool) }

/// One GPIO line, as a board definition names it: the chip's label or its device's name (never its number, which moves
/// between kernels) and the offset on it.
public struct LineRequest: Hashable, Sendable {
    public var chipLabel: String
    public var offset: UInt32
    /// For messages and as consumer name in the kernel: `GPIO17`, `J8-11`.
    public var name: String
    public var bias: Bias
    public var isActiveLow: Bool
    public var edges: EdgeSelection
    public var debounce: Duration
    /// Outputs have neither edges nor debounce, whatever is asked for.
    public var direction: LineDirection

    public init(
        chipLabel: String, offset: UInt32, name: String, bias: Bias = .asIs, isActiveLow: Bool = false,
        edges: EdgeSelection = .both, debounce: Duration = .zero, direction: LineDirection = .input
    ) {
        self.chipLabel = chipLabel
        self.offset = offset
        self.name = name
        self.bias = bias
        self.isActiveLow = isActiveLow
        self.edges = edges
        self.debounce = debounce
        self.direction = direction
    }
}

public struct LineHandle: Hashable, Sendable {
    public var index: UInt16
    public init(index: UInt16) { self.index = index }
}

/// A change of level, stamped by the kernel.
public struct Edge: Hashable, Sendable {
    /// Handles are given again once they have been given up.
    public var line: LineHandle
    /// The logical level after the change (active-low already applied).
    public var isActive: Bool
    public var at: Boottime
    /// Counts the line's edges from 1 (the kernel's `line_seqno`): a gap is edges that were lost.
    public var sequence: UInt32

    public init(line: LineHandle, isActive: Bool, at: Boottime, sequence: UInt32) {
        self.line = line
        self.isActive = isActive
        self.at = at
        self.sequence = sequence
    }
}

public enum LineFault: Error, Hashable, Sendable {
    /// No chip carries the label: wrong `board`, or the controller's driver is not loaded.
    case noSuchChip
    case noSuchLine
    /// Another program or a kernel driver holds the line.
    case taken(by: String)
    case notPermitted
    case failed(errno: Int32)
}

public protocol Lines: ~Copyable {
    /// Input or output, as the request says.
    mutating func request(_ line: LineRequest) throws(LineFault) -> LineHandle
    /// The logical level now.
    mutating func isActive(_ line: LineHandle) throws(LineFault) -> Bool
    /// The oldest edge not yet taken, of any requested line; nil when there is none. Never waits.
    mutating func nextEdge() -> Edge?

    /// Drives the line to the logical level; an input becomes an output, and has no edges while it is one.
    mutating func drive(_ line: LineHandle, active isActive: Bool) throws(LineFault)
    /// Stops driving: the line is the input that was requested, with its edges; their numbers go on.
    mutating func release(_ line: LineHandle) throws(LineFault)
    /// An output is made active for about so long and inactive again. Waits for it, busily: at most 20 µs.
    mutating func pulse(_ line: LineHandle, for width: Duration) throws(LineFault)
    /// Gives the line back. Edges not yet taken are gone, and the handle may be another line's next.
    mutating func giveUp(_ line: LineHandle)
}
