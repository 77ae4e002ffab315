// Lines that a local program gives, on their way to the driver: a bounded queue between the thread that hears programs
// and the Sampler. When it is full, the oldest lines are dropped and counted: the newest say how things are.

import Synchronization
public import World

public final class Mailbox: Sendable {
    /// As many lines as readings can be made of at once.
    public static let linesMax = 128
    /// A line with more bytes than this is one that was too long.
    public static let lineBytesMax = 256

    /// What became of the program, for whoever has to mend it.
    public enum Condition: Sendable, Equatable {
        /// Not yet heard of, running, or its socket waits.
        case open
        /// It could not be started.
        case notStarted(errno: Int32)
        /// It ended by itself, with a status or by a signal, and said so; it is started again after a while.
        case ended(status: Int32, words: String)
        /// The socket could not be made.
        case noSocket(errno: Int32)
    }

    public struct Line: Sendable, Equatable {
        public var text: [UInt8]
        public var arrived: WallReading
        public init(text: [UInt8], arrived: WallReading) {
            self.text = text
            self.arrived = arrived
        }
    }

    private struct State {
        var lines: [Line] = []
        var dropped: UInt64 = 0
        var condition = Condition.open
    }
    private let state = Mutex(State())

    public init() {}

    public func put(_ line: Line) {
        state.withLock { state in
            if state.lines.count == Self.linesMax {
                state.lines.removeFirst()
                state.dropped += 1
            }
            state.lines.append(line)
        }
    }

    public func setCondition(_ condition: Condition) { state.withLock { $0.condition = condition } }

    public var condition: Condition { state.withLock { $0.condition } }

    /// Everything that has come, oldest first, and how many were dropped before it.
    package func takeAll() -> (lines: [Line], dropped: UInt64, condition: Condition) {
        state.withLock { state in
            defer {
                state.lines.removeAll(keepingCapacity: true)
                state.dropped = 0
            }
            return (state.lines, state.dropped, state.condition)
        }
    }
}
