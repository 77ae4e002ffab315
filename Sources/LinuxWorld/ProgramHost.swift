// Local programs whose lines are measurements: started and started again, or heard on a datagram socket in the runtime
// folder. One thread for all of them; it hears, and decides nothing but when to try again.
//
// A program that ends, cannot be started, closes its output or gives no line for so long that it counts as silent, is
// started again after 1 s, then ever later up to a minute; one that ran for a minute begins anew. What it wrote last on
// standard error is told with its end. A line longer than the mailbox takes is cut off one byte beyond that, up to its
// end. One that writes faster than anything measures is read at the host's pace, and waits. All of them end with the
// host, and what they started with them: by SIGTERM, half a second later by SIGKILL.

import Glibc
import Synchronization
import World

/// What hears the lines: `(line without its end, when it came)`, and what became of the program.
public struct ProgramListener: Sendable {
    public enum Condition: Sendable {
        case open
        case notStarted(errno: Int32)
        /// `words`: what it said last on standard error.
        case ended(status: Int32, words: String)
        case noSocket(errno: Int32)
    }
    public var line: @Sendable ([UInt8], WallReading) -> Void
    public var condition: @Sendable (Condition) -> Void

    public init(
        line: @escaping @Sendable ([UInt8], WallReading) -> Void, condition: @escaping @Sendable (Condition) -> Void
    ) {
        self.line = line
        self.condition = condition
    }
}

public enum ProgramSource: Sendable {
    /// Program and arguments; started anew when it gives no line for so long.
    case run([String], silentAfter: Duration)
    /// Path of the socket.
    case socket(String)
}

public final class ProgramHost {
    private final class Control: Sendable {
        let bell: Waker
        let mustStop = Atomic<Bool>(false)
        init(_ bell: Waker) { self.bell = bell }
    }

    private let control: Control
    private var thread: Thread?

    public init(_ programs: [(source: ProgramSource, listener: ProgramListener)], lineBytesMax: Int) throws(SystemError)
    {
        control = Control(try Waker())
        let hosted = programs.map { HostedProgram($0.source, $0.listener, lineBytesMax: lineBytesMax) }
        thread = try Self.start(Work(programs: hosted, control: control))
    }

    private static func start(_ work: Work) throws(SystemError) -> Thread {
        try Thread.start(named: "Programs") { work.run() }
    }

    /// Ends every program, and waits for them: half a second, however many there are.
    public func stop() {
        control.mustStop.store(true, ordering: .releasing)
        control.bell.ring()
        if let running = thread.take() { running.join() }
    }

    /// Safe to move: made in one place and handed over whole.
    private struct Work: @unchecked Sendable {
        let programs: [HostedProgram]
        let control: Control

        func run() {
            let clock = LinuxClock()
            while !control.mustStop.load(ordering: .acquiring) {
                let now = clock.now()
                for program in programs { program.attend(now) }
                wait(until: programs.map(\.nextMoment).min() ?? .distantFuture, now)
                for program in programs { program.hear(clock) }
            }
            for program in programs { program.askToEnd() }
            let last = clock.now() + .milliseconds(500)
            for program in programs { program.end(within: max(last - clock.now(), .zero)) }
        }

        private func wait(until moment: Boottime, _ now: Boottime) {
            var watched = (programs.flatMap(\.descriptors) + [control.bell.descriptor])
                .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let milliseconds =
                moment == .distantFuture ? -1 : Int32(clamping: max(0, (moment - now).nanoseconds / 1_000_000 + 1))
            _ = poll(&watched, nfds_t(watched.count), milliseconds)
            control.bell.hear()
        }
    }
}
