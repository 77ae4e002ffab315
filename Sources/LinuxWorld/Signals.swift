// Signals as data. Blocked before the first other thread starts, because threads inherit the mask: then no signal ever
// interrupts anything, and they are read from a descriptor like all else.

import CLinux
import Glibc
import World

public struct Signals: ~Copyable {
    public enum Signal: Sendable, Hashable {
        /// SIGTERM, SIGINT: end in an orderly way.
        case stop
        /// SIGHUP: read the configuration again.
        case reload
    }

    private let source: Descriptor

    /// To be made once, in the first thread, before any other is started. Also ignores SIGPIPE, for the whole process:
    /// a write to a broker that has gone is an error value here, never a death. (libmosquitto's `mosquitto_new` does
    /// the same; this does not rely on it.)
    public init() throws(SystemError) {
        clinux_ignore_signal(SIGPIPE)
        var handled = sigset_t()
        sigemptyset(&handled)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&handled, number) }
        let blocked = pthread_sigmask(SIG_BLOCK, &handled, nil)
        guard blocked == 0 else { throw SystemError(operation: "block", place: "signals", errno: blocked) }
        source = try Descriptor(clinux_signal_descriptor(&handled), "create", "signalfd")
    }

    /// Readable while a signal waits.
    public var descriptor: Int32 { source.number }

    /// The next signal that has come; nil when there is none. Never waits.
    public mutating func next() -> Signal? {
        switch clinux_signal_next(source.number) {
        case SIGTERM, SIGINT: .stop
        case SIGHUP: .reload
        default: nil
        }
    }
}
